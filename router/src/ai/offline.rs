//! Answers without a model: templates describe what skills returned, and a note says so.

use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::model::{
    ContentBlock, ModelMessage, ModelReply, ModelRequest, Role, StopReason, Tenant, TokenUsage,
};
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent};
use crate::skills::rules::Rules;
use crate::skills::{Skill, SkillSet};

/// The last line of every answer without a model.
pub const NO_MODEL_NOTE: &str = "(Worded by a template, because no AI model is configured.)";

/// How to get an answer to everything else.
const OTHER_ANSWERS: &str = "For everything else, an operator sets `ANTHROPIC_API_KEY`, or `OPENAI_BASE_URL` for any \
     OpenAI-compatible endpoint, and starts the router again.";

/// Describes tools' results with [`Skill::describe`], and answers
/// everything else with the closest question that can be, or a list of them. Never fails, uses no
/// tokens.
pub(super) struct Offline {
    skills: SkillSet,
    rules: Arc<Rules>,
}

impl Offline {
    pub(super) fn new(skills: SkillSet) -> Self {
        let rules = Arc::clone(skills.rules());
        Self { skills, rules }
    }

    /// The same for a tenant, which may have triggers of its own and none of some built-in ones.
    pub(super) fn of_tenant(&self, tenant: &Tenant) -> Self {
        Self {
            rules: self.skills.rules_of(tenant),
            skills: self.skills.clone(),
        }
    }

    /// What the results of tools say, or what can be asked.
    pub(super) fn answer(&self, request: &ModelRequest) -> String {
        let results = match request.messages.last() {
            Some(ModelMessage {
                role: Role::User,
                content,
            }) => content.as_slice(),
            _ => &[],
        };
        let worded: Vec<String> = results
            .iter()
            .filter_map(|block| match block {
                ContentBlock::ToolResult {
                    id,
                    content,
                    is_error,
                } => Some(self.word(tool_name(request, id), content, *is_error)),
                _ => None,
            })
            .collect();
        if worded.is_empty() {
            let closest = self.closest(request);
            return closest.unwrap_or_else(|| self.abilities(request));
        }
        worded.join("\n\n")
    }

    fn word(&self, tool: Option<&str>, result: &Value, is_error: bool) -> String {
        if is_error {
            let tool = tool.unwrap_or("a tool");
            return format!("`{tool}` gave no result: {}", error_text(result));
        }
        match tool.and_then(|name| self.skills.get(name)) {
            Some(skill) => skill.describe(result),
            None => format!("{result:#}"),
        }
    }

    /// The question that can be answered and that the last message comes closest to, if it comes
    /// close to one.
    fn closest(&self, request: &ModelRequest) -> Option<String> {
        let message = request.messages.last()?;
        let said = message.content.iter().rev().find_map(|block| match block {
            ContentBlock::Text(text) if message.role == Role::User => Some(text),
            _ => None,
        })?;
        let is_offered = |name: &str| self.offered(request).any(|skill| skill.name() == name);
        let question = self.rules.closest(said, is_offered)?;
        Some(format!(
            "I cannot answer that without an AI model. The closest question that I can answer is:\n\
             - \"{question}\"\n\n{OTHER_ANSWERS}"
        ))
    }

    /// What can be asked for.
    fn abilities(&self, request: &ModelRequest) -> String {
        let mut text = "Without an AI model I can answer these:\n".to_owned();
        for skill in self.offered(request) {
            let phrase = self.rules.phrase_of(skill.name());
            // Else no rule means it any more.
            let phrase = phrase.or_else(|| skill.triggers().is_empty().then(|| skill.name()));
            if let Some(phrase) = phrase {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "- \"{phrase}\": {}", skill.summary());
            }
        }
        // Without an empty line it would go on in the list's last item.
        text.push('\n');
        text.push_str(OTHER_ANSWERS);
        text
    }

    /// The skills that the request offers, or all if it offers none.
    fn offered(&self, request: &ModelRequest) -> impl Iterator<Item = &Arc<dyn Skill>> {
        self.skills.iter().filter(|skill| {
            request.tools.is_empty() || request.tools.iter().any(|tool| tool.name == skill.name())
        })
    }
}

#[async_trait]
impl ChatModel for Offline {
    async fn reply(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let text = format!("{}\n\n{NO_MODEL_NOTE}", self.answer(request));
        listen(ModelEvent::Text(&text));
        Ok(ModelReply {
            content: vec![ContentBlock::Text(text)],
            stop: StopReason::EndTurn,
            usage: TokenUsage::default(),
            answered_by: None,
            without_tools: false,
        })
    }
}

/// The tool that was called by this id, the newest call first.
fn tool_name<'request>(request: &'request ModelRequest, call: &str) -> Option<&'request str> {
    let blocks = request
        .messages
        .iter()
        .rev()
        .flat_map(|message| &message.content);
    blocks.into_iter().find_map(|block| match block {
        ContentBlock::ToolUse { id, name, .. } if id == call => Some(name.as_str()),
        _ => None,
    })
}

/// An error's text: the value itself, or its usual fields.
fn error_text(result: &Value) -> String {
    let field = |name: &str| result.get(name).and_then(Value::as_str);
    let message = result
        .as_str()
        .or_else(|| field("message"))
        .or_else(|| field("error"));
    match (message, field("hint")) {
        (Some(message), Some(hint)) => format!("{message} ({hint})"),
        (Some(message), None) => message.to_owned(),
        (None, _) => result.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::ToolSpec;

    /// What to set, in a paragraph of its own.
    const PARAGRAPH: &str = "\n\nFor everything else, ";

    fn request(messages: Vec<ModelMessage>) -> ModelRequest {
        ModelRequest {
            model: "offline".to_owned(),
            system: String::new(),
            messages,
            tools: Vec::new(),
            max_tokens: 100,
            options: Default::default(),
            origin: None,
        }
    }

    fn message(role: Role, content: Vec<ContentBlock>) -> ModelMessage {
        ModelMessage { role, content }
    }

    fn call(id: &str, name: &str) -> ContentBlock {
        ContentBlock::ToolUse {
            id: id.to_owned(),
            name: name.to_owned(),
            input: json!({}),
        }
    }

    fn result(id: &str, content: Value, is_error: bool) -> ContentBlock {
        ContentBlock::ToolResult {
            id: id.to_owned(),
            content,
            is_error,
        }
    }

    async fn answer(request: ModelRequest) -> String {
        let mut heard = String::new();
        let reply = Offline::new(SkillSet::built_in(crate::outbound::Reach::Anywhere).unwrap())
            .reply(&request, &mut |event: ModelEvent<'_>| {
                if let ModelEvent::Text(words) = event {
                    heard.push_str(words);
                }
            })
            .await
            .unwrap();
        assert_eq!(reply.text(), heard);
        assert_eq!(reply.usage, TokenUsage::default());
        assert_eq!(heard.lines().last(), Some(NO_MODEL_NOTE));
        heard
    }

    #[tokio::test]
    async fn tools_results_are_worded_by_their_skills() {
        let text = answer(request(vec![
            message(Role::User, vec![ContentBlock::Text("ping".to_owned())]),
            message(
                Role::Assistant,
                vec![call("1", "ping"), call("2", "gone"), call("3", "ping")],
            ),
            message(
                Role::User,
                vec![
                    result("1", json!({"pong": true}), false),
                    result("2", json!({"left": 3}), false),
                    result(
                        "3",
                        json!({"message": "jira is away", "hint": "wait"}),
                        true,
                    ),
                ],
            ),
        ]))
        .await;
        assert!(text.contains("Pong."), "{text}");
        assert!(text.contains("\"left\": 3"), "{text}");
        assert!(
            text.contains("`ping` gave no result: jira is away (wait)"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn anything_else_is_answered_with_what_can_be_asked() {
        let mut question = request(vec![message(
            Role::User,
            vec![ContentBlock::Text("Who are you?".to_owned())],
        )]);
        let text = answer(question.clone()).await;
        assert!(text.contains("check that the assistant responds"), "{text}");
        assert!(text.contains(PARAGRAPH), "no list goes on in it: {text}");
        assert!(
            text.contains("ANTHROPIC_API_KEY") && text.contains("OPENAI_BASE_URL"),
            "{text}"
        );

        question.tools = vec![ToolSpec {
            name: "other".to_owned(),
            description: String::new(),
            input_schema: json!({}),
        }];
        assert!(
            !answer(question)
                .await
                .contains("check that the assistant responds")
        );
        // Results that were answered already are not worded again.
        let old = request(vec![
            message(Role::Assistant, vec![call("1", "ping")]),
            message(Role::User, vec![result("1", json!({}), false)]),
            message(
                Role::Assistant,
                vec![ContentBlock::Text("Pong.".to_owned())],
            ),
            message(Role::User, vec![ContentBlock::Text("Thanks".to_owned())]),
        ]);
        assert!(!answer(old).await.contains("Pong."));
    }

    #[tokio::test]
    async fn what_comes_close_to_a_question_is_answered_with_that_question() {
        let mut asked = request(vec![message(
            Role::User,
            vec![
                ContentBlock::Text("ping".to_owned()),
                ContentBlock::Text("@t3nets how are we on the sprnt status?".to_owned()),
            ],
        )]);
        let text = answer(asked.clone()).await;
        assert!(text.contains("- \"how is the sprint going?\""), "{text}");
        assert!(text.contains(PARAGRAPH), "{text}");
        assert!(!text.contains("check that the assistant"), "{text}");

        // Of a skill that the tenant did not connect nothing is suggested.
        asked.tools = vec![ToolSpec {
            name: "ping".to_owned(),
            description: String::new(),
            input_schema: json!({}),
        }];
        let text = answer(asked).await;
        assert!(text.contains("check that the assistant responds"), "{text}");

        let told = ContentBlock::Text("please do not run a sprint report now".to_owned());
        let text = answer(request(vec![message(Role::User, vec![told])])).await;
        assert!(!text.contains("how is the sprint"), "{text}");
    }

    #[tokio::test]
    async fn results_without_a_call_and_empty_requests_are_answered() {
        assert!(
            answer(request(Vec::new()))
                .await
                .contains("Without an AI model")
        );
        let orphan = request(vec![message(
            Role::User,
            vec![result("9", json!(null), true)],
        )]);
        assert!(
            answer(orphan)
                .await
                .contains("`a tool` gave no result: null")
        );
    }
}
