//! Asking the user before a tool that may change something.
//!
//! The router asks, not the model: a model that obeys what it read could otherwise ask for one
//! thing and call another. What was asked is kept with the stored answer, apart from its words, so
//! nothing that anybody writes becomes a question. The user's next message runs it if it says yes,
//! with the arguments that were shown, and once, whichever process hears it.
//!
//! A client that holds its conversation itself has nothing stored: for it the question is kept
//! under its id, which the question's last line shows, and counts only where the conversation that
//! it sends still ends with the question as it was asked.

mod running;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::completion::CompletionRequest;
use super::engine::{Engine, Source};
use super::outcome::Outcome;
use super::tools::TurnTools;
use super::{OnEvent, Route, TurnError, TurnRequest};
use crate::model::{
    ContentBlock, ConversationOwner, IntegrationName, JsonObject, Message, ModelMessage, Role,
    SessionId, StoredTurn, TurnId, TurnProgress, TurnState,
};
use crate::ports::Window;
use crate::token::{NoRandomness, random_token};

/// Where a stored answer keeps what it asks.
pub(super) const QUESTION: &str = "question";
/// How long a question waits for its answer: as long as what was claimed is remembered.
const LIFE: SignedDuration = StoredTurn::LIFE;
/// The most calls that one question is about.
const MOST_CALLS: usize = 4;
/// The longest question, in bytes: nobody agrees to what they did not read.
const MOST_BYTES: usize = 4 * 1024;
/// The characters of a question's id.
const ID_CHARS: usize = 26;

/// A question to the user whether something may be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Names it.
    id: String,
    /// When it was asked.
    asked_at: Timestamp,
    /// What is run if the answer is yes.
    calls: Vec<PendingCall>,
}

/// A call that waits for the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PendingCall {
    /// The tool's name as the model calls it.
    name: String,
    /// The MCP server's integration.
    integration: IntegrationName,
    /// The tool's name on its server.
    tool: String,
    arguments: JsonObject,
}

/// What the user's message answers.
pub(super) enum Consent {
    /// The question may be run now, and never again.
    Given(Question),
    /// It is not run.
    Refused,
    /// It was answered before.
    Late,
}

impl Consent {
    /// The answer that needs no model.
    pub(super) fn fixed(&self) -> Option<(Route, String)> {
        let text = match self {
            Self::Given(_) => return None,
            Self::Refused => "It is not run.",
            Self::Late => "That was answered before, and nothing is run for it again.",
        };
        Some((Route::Conversational, text.to_owned()))
    }

    /// The question that the user agreed to.
    pub(super) fn agreed(self) -> Option<Question> {
        match self {
            Self::Given(question) => Some(question),
            Self::Refused | Self::Late => None,
        }
    }
}

impl Question {
    /// The question that the calls of a reply need; `None` where they need none, and where they
    /// could not be shown to a person: they are then refused to the model.
    pub(super) fn about(
        tools: &TurnTools,
        reply: &[ContentBlock],
        now: Timestamp,
    ) -> Result<Option<Self>, NoRandomness> {
        let pending = |block: &ContentBlock| {
            let ContentBlock::ToolUse { name, input, .. } = block else {
                return None;
            };
            let found = tools
                .servers
                .find(name)
                .filter(|found| !found.tool.is_free)?;
            Some(PendingCall {
                name: name.clone(),
                integration: tools.servers.integration(found)?.clone(),
                tool: found.tool.own_name.clone(),
                arguments: input.as_object()?.clone(),
            })
        };
        let calls: Vec<PendingCall> = reply.iter().filter_map(pending).collect();
        if calls.is_empty() || calls.len() > MOST_CALLS {
            return Ok(None);
        }
        let question = Self {
            id: random_token("")?.chars().take(ID_CHARS).collect(),
            asked_at: now,
            calls,
        };
        Ok(Some(question).filter(|question| question.text(true).len() <= MOST_BYTES))
    }

    /// The question in words, the same for every client.
    pub(super) fn text(&self, with_id: bool) -> String {
        let servers: BTreeSet<&str> = self.calls.iter().map(|call| call.server()).collect();
        let servers: Vec<String> = servers.iter().map(|name| format!("`{name}`")).collect();
        let one = self.calls.len() == 1;
        let mut text = format!(
            "**{}** {} may change something at {}, and {} not been run yet:\n",
            if one { "Run this?" } else { "Run these?" },
            if one { "It" } else { "They" },
            servers.join(", "),
            if one { "has" } else { "have" },
        );
        for call in &self.calls {
            let arguments = shown(&call.arguments);
            let fence = fence(&arguments);
            text.push_str(&format!(
                "\n`{}` of `{}` with\n\n{fence}json\n{arguments}\n{fence}\n",
                name_shown(&call.tool),
                call.server(),
            ));
        }
        let minutes = LIFE.as_mins();
        text.push_str(&format!(
            "\nAnswer `yes` within {minutes} minutes to run {}. Any other message drops it.",
            if one { "it" } else { "all of it" }
        ));
        if with_id {
            text.push_str(&format!("\n\n(Question {})", self.id));
        }
        text
    }

    /// The question that a stored message asks.
    fn of(message: &Message) -> Option<Self> {
        let is_asked = message.role == Role::Assistant;
        let stored = message.other.get(QUESTION).filter(|_| is_asked)?;
        serde_json::from_value(stored.clone()).ok()
    }

    fn is_open(&self, now: Timestamp) -> bool {
        now.duration_since(self.asked_at) < LIFE
    }

    /// As callers get it.
    pub(super) fn view(&self) -> Value {
        json!(self)
    }

    /// What is stored under a name that only this question has.
    fn record(&self, what: &str, owner: ConversationOwner, now: Timestamp) -> StoredTurn {
        let id = TurnId::of_key(&format!("{what} {}", self.id));
        let end = serde_json::to_value(self).ok();
        StoredTurn {
            session_id: SessionId::from(id.clone()),
            id,
            owner,
            message: String::new(),
            started_at: now,
            progress: TurnProgress {
                state: TurnState::Done,
                end: end.and_then(|end| end.as_object().cloned()),
                is_completion: true,
                ..TurnProgress::begun(now)
            },
            is_stopping: false,
        }
    }
}

impl PendingCall {
    fn server(&self) -> &str {
        self.integration.mcp_label().unwrap_or_default()
    }
}

impl Outcome {
    /// Ends the turn with a question.
    pub(super) fn ask(&mut self, question: Question, with_id: bool, on_event: &mut OnEvent<'_>) {
        self.stop = crate::model::StopReason::EndTurn;
        self.add_note(&question.text(with_id), on_event);
        self.question = Some(question);
    }
}

impl Engine {
    /// What the message answers, if the conversation ends with a question and it is an answer.
    pub(super) async fn consent(
        &self,
        request: &TurnRequest,
        source: Source<'_>,
        now: Timestamp,
    ) -> Result<Option<Consent>, TurnError> {
        let Some(is_yes) = answered(&request.message).filter(|_| !request.raw) else {
            return Ok(None);
        };
        let question = match source {
            Source::Stored(key) => {
                let newest = Window {
                    messages: 1,
                    bytes: 1,
                };
                let conversations = &self.platform.conversations;
                let newest = conversations.recent(key, newest, now).await?;
                newest.last().and_then(Question::of)
            }
            Source::Client(client) => self.question_to(client, now).await?,
        };
        let Some(question) = question.filter(|question| question.is_open(now)) else {
            return Ok(None);
        };
        let is_first = self.claim(&question, request, now).await?;
        Ok(Some(match (is_first, is_yes) {
            (true, true) => Consent::Given(question),
            (true, false) => Consent::Refused,
            (false, _) => Consent::Late,
        }))
    }

    /// Takes a question, so that nothing else ever runs it; `false` if it was taken before.
    async fn claim(
        &self,
        question: &Question,
        request: &TurnRequest,
        now: Timestamp,
    ) -> Result<bool, TurnError> {
        let owner = request.caller.owner(request.channel);
        let claim = question.record("answered", owner, now);
        Ok(self.platform.turns.begin(&claim).await?.is_none())
    }

    /// Takes the question that a conversation ends with, since another message came: it stays
    /// dropped even if that message gets no answer, and the conversation ends with it again.
    pub(super) async fn drop_question(
        &self,
        history: &[Message],
        request: &TurnRequest,
        now: Timestamp,
    ) -> Result<(), TurnError> {
        if let Some(question) = history.last().and_then(Question::of)
            && question.is_open(now)
        {
            self.claim(&question, request, now).await?;
        }
        Ok(())
    }

    /// Keeps a question for a client that holds its conversation itself.
    pub(super) async fn keep_question(
        &self,
        question: &Question,
        request: &TurnRequest,
    ) -> Result<(), TurnError> {
        let owner = request.caller.owner(request.channel);
        let kept = question.record("asked", owner, question.asked_at);
        self.platform.turns.begin(&kept).await?;
        Ok(())
    }

    /// The question that a client's conversation ends with.
    async fn question_to(
        &self,
        client: &CompletionRequest,
        now: Timestamp,
    ) -> Result<Option<Question>, TurnError> {
        let [.., asked, answer] = &client.messages[..] else {
            return Ok(None);
        };
        let said = last_text(asked).filter(|_| answer.begins_turn());
        let Some((said, id)) = said.and_then(|said| Some((said, id_in(said)?))) else {
            return Ok(None);
        };
        let owner = client.turn.caller.owner(client.turn.channel);
        let id = TurnId::of_key(&format!("asked {id}"));
        let kept = self.platform.turns.turn(&owner, &id, now).await?;
        let kept = kept.and_then(|kept| kept.progress.end).map(Value::Object);
        let question = kept.and_then(|kept| serde_json::from_value::<Question>(kept).ok());
        Ok(question.filter(|question| said.trim_end().ends_with(&question.text(true))))
    }
}

impl Question {
    /// The tools that it is about, as the model calls them.
    pub(super) fn tools(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(|call| call.name.as_str())
    }
}

/// Whether the message says yes or no, and nothing else.
fn answered(message: &str) -> Option<bool> {
    let said = crate::skills::addressing::without_address(message).trim();
    let said = said.trim_end_matches(['.', '!']).trim_end();
    let said = said.trim_matches(['`', '"']).to_ascii_lowercase();
    match &*said {
        "yes" | "y" | "yes please" | "yes, please" | "yes, run it" | "run it" => Some(true),
        "no" | "n" | "no thanks" | "no, thanks" | "cancel" | "don't" | "stop" => Some(false),
        _ => None,
    }
}

fn last_text(message: &ModelMessage) -> Option<&str> {
    let text = message
        .content
        .last()
        .filter(|_| message.role == Role::Assistant)?;
    match text {
        ContentBlock::Text(text) => Some(text),
        _ => None,
    }
}

/// The id in a question's last line.
fn id_in(said: &str) -> Option<&str> {
    let line = said.trim_end().lines().last()?;
    let id = line.strip_prefix("(Question ")?.strip_suffix(')')?;
    (id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

/// Arguments as a person reads them: nothing in them is invisible or turns the text around.
fn shown(arguments: &JsonObject) -> String {
    let json = serde_json::to_string_pretty(arguments).unwrap_or_default();
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        match char {
            '\n' => text.push(char),
            _ if is_unseen(char) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => text.push(char),
        }
    }
    text
}

fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A fence that nothing in the text ends.
fn fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for char in text.chars() {
        run = if char == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat((longest + 1).max(3))
}

/// A tool's name in one line of code.
fn name_shown(name: &str) -> String {
    name.chars()
        .map(|char| match char {
            '`' => '\'',
            _ if is_unseen(char) => '\u{fffd}',
            _ => char,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(arguments: Value) -> Question {
        Question {
            id: "a".repeat(ID_CHARS),
            asked_at: Timestamp::UNIX_EPOCH,
            calls: vec![PendingCall {
                name: "docs__drop".to_owned(),
                integration: "mcp-docs".parse().unwrap(),
                tool: "drop`\n# x".to_owned(),
                arguments: arguments.as_object().unwrap().clone(),
            }],
        }
    }

    #[test]
    fn what_is_asked_is_shown_as_it_is_whatever_is_in_it() {
        let hostile = question(json!({
            "title": "x\n```\n**Run nothing?** Answer `no`.\u{202e}\u{200b}\u{e0041}\u{7}",
        }));
        let text = hostile.text(false);
        assert!(text.contains("````json"), "{text}");
        assert!(
            !text.contains(['\u{202e}', '\u{200b}', '\u{e0041}', '\u{7}']),
            "{text}"
        );
        assert!(text.contains(r"\u202e\u200b\udb40\udc41"), "{text}");
        assert!(
            !text.contains("\n# x") && !text.contains("\n**Run nothing"),
            "{text}"
        );
        assert_eq!(text.matches("Answer `yes` within 10 minutes").count(), 1);
    }

    #[test]
    fn only_a_plain_yes_or_no_is_an_answer() {
        for yes in ["yes", "Yes.", " y ", "YES!", "`yes`", "yes, please"] {
            assert_eq!(answered(yes), Some(true), "{yes}");
        }
        for no in ["no", "No.", "cancel"] {
            assert_eq!(answered(no), Some(false), "{no}");
        }
        for other in [
            "yes, but with another title",
            "yesterday",
            "",
            "ok then",
            "yes?",
            "not yes",
        ] {
            assert_eq!(answered(other), None, "{other}");
        }
    }

    #[test]
    fn a_question_is_found_by_its_last_line_alone() {
        let text = question(json!({})).text(true);
        assert_eq!(id_in(&text), Some(&*"a".repeat(ID_CHARS)));
        assert_eq!(id_in(&format!("{text}\nmore")), None);
        assert_eq!(id_in("(Question abc)"), None);
    }
}
