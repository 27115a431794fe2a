//! Answers of a form that a client asks for: JSON of a schema, or any JSON object. The provider
//! sees to it where it can. Where it cannot, the model is given a tool that takes the answer, and
//! what it calls the tool with is the answer's text; of an object without a schema it is told in
//! words, because an empty schema is too often called with an empty object.
//!
//! An answer comes back only if it is an object: words that are none are kept back until the end,
//! and are then an error.

use serde_json::Value;

use super::ProviderKind;
use super::reading::{is_whole_json, tool_input};
use super::select::SelectedModel;
use super::table::Ability;
use crate::model::{
    ContentBlock, ModelReply, ModelRequest, ResponseFormat, StopReason, ToolChoice, ToolSpec,
};
use crate::ports::{Listener, ModelError, ModelEvent};

/// The tool that takes the answer, unless the request has one of this name.
const ANSWER_TOOL: &str = "give_answer";

/// How a model is brought to the form.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    /// The provider sees to it.
    Native,
    /// By the tool of this name.
    Tool(String),
    /// By words.
    Told,
    /// Not at all: what comes is the call of a tool, which has a form of its own.
    Called,
}

impl Way {
    fn of(model: &SelectedModel, request: &ModelRequest, format: &ResponseFormat) -> Self {
        let by = model.provider;
        let is_held = model.info.is_some_and(|info| info.structured.contains(&by));
        match format {
            // Whether the endpoint has it is for the endpoint to say.
            _ if by == ProviderKind::OpenAi => Self::Native,
            _ if request.options.tool_choice != ToolChoice::Auto => Self::Called,
            // Providers take a part of JSON Schema only: who is not strict may go beyond it.
            ResponseFormat::Schema(of) if is_held && of.strict == Some(true) => Self::Native,
            ResponseFormat::Schema(_) => Self::Tool(free_name(&request.tools)),
            ResponseFormat::Object => Self::Told,
        }
    }
}

fn free_name(tools: &[ToolSpec]) -> String {
    let mut name = ANSWER_TOOL.to_owned();
    while tools.iter().any(|tool| tool.name == name) {
        name.push('_');
    }
    name
}

/// Asks a model once for an answer of the form.
///
/// # Errors
/// Those of [`ChatModel::reply`](crate::ports::ChatModel::reply), and if the answer has another
/// form.
pub(super) async fn reply(
    model: &SelectedModel,
    request: &ModelRequest,
    format: &ResponseFormat,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    if model.is_offline() {
        return Err(ModelError::NoFormat);
    }
    let way = Way::of(model, request, format);
    let abilities = model.info.map(|info| &*info.abilities);
    let can_force = abilities.is_some_and(|known| known.contains(&Ability::ForcedTools));
    let asked = asked(&way, request, format, can_force);
    if way == Way::Called {
        return model.chat.reply(&model.unforced(&asked), listen).await;
    }
    let mut words = Words::new(way == Way::Native);
    let hear = &mut |event: ModelEvent<'_>| words.hear(event, listen);
    let reply = model.chat.reply(&asked, hear).await;
    let reply = reply.map_err(|error| about_format(error, request))?;
    finished(&way, words, reply, listen)
}

/// What the model is asked.
fn asked(
    way: &Way,
    request: &ModelRequest,
    format: &ResponseFormat,
    can_force: bool,
) -> ModelRequest {
    let mut asked = request.clone();
    if *way == Way::Native {
        return asked;
    }
    asked.options.format = None;
    match (way, format) {
        (Way::Tool(name), ResponseFormat::Schema(of)) => {
            let is_alone = asked.tools.is_empty() || request.options.must_answer;
            let description = of.description.as_deref().filter(|text| !text.trim().is_empty());
            asked.tools.push(ToolSpec {
                name: name.clone(),
                description: format!(
                    "Gives the answer, `{}`. {}",
                    of.name,
                    description.unwrap_or("Call it once, with all of it.")
                ),
                input_schema: object_schema(&of.schema),
            });
            asked.options.tool_choice = match (can_force, is_alone) {
                (false, _) => ToolChoice::Auto,
                (true, true) => ToolChoice::Named(name.clone()),
                (true, false) => ToolChoice::Required,
            };
            asked.system.push_str(&format!(
                "\n\nGive the answer by calling the tool `{name}` once, and write nothing beside it."
            ));
        }
        (Way::Told, _) => asked.system.push_str(
            "\n\nAnswer with one JSON object and nothing else: no words before or behind it, and no fence around it.",
        ),
        _ => {}
    }
    asked
}

/// The schema of an object, which Anthropic wants said.
fn object_schema(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(schema) = &mut schema {
        schema.entry("type").or_insert_with(|| "object".into());
    }
    schema
}

/// The words of an answer. They pass at once where they begin as an object and the provider sees to
/// it that they are one.
struct Words {
    held: String,
    may_pass: bool,
    is_passing: bool,
}

impl Words {
    fn new(may_pass: bool) -> Self {
        Self {
            held: String::new(),
            may_pass,
            is_passing: false,
        }
    }

    fn hear(&mut self, event: ModelEvent<'_>, listen: &mut Listener<'_>) {
        let ModelEvent::Text(words) = event else {
            return listen(event);
        };
        // As long as the answer, whose length is limited.
        self.held.push_str(words);
        let begun = self.held.trim_start();
        if self.is_passing {
            listen(ModelEvent::Text(words));
        } else if self.may_pass && begun.starts_with('{') {
            self.is_passing = true;
            listen(ModelEvent::Text(begun));
        }
    }
}

/// The reply with the answer as its text, which is told unless it was.
fn finished(
    way: &Way,
    words: Words,
    mut reply: ModelReply,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    let own = match way {
        Way::Tool(name) => take_answer(&mut reply.content, name),
        _ => None,
    };
    let is_call = |block: &ContentBlock| matches!(block, ContentBlock::ToolUse { .. });
    let has_calls = reply.content.iter().any(is_call);
    if words.is_passing {
        if has_calls && is_whole_json(&words.held) {
            // It is answered.
            reply.content.retain(|block| !is_call(block));
            reply.stop = StopReason::EndTurn;
        }
        return Ok(reply);
    }
    if has_calls && reply.stop == StopReason::ToolUse {
        return Ok(reply);
    }
    let is_whole = matches!(reply.stop, StopReason::EndTurn | StopReason::ToolUse);
    let text = match own {
        Some(Value::String(text)) if !is_whole => text,
        Some(input @ Value::Object(_)) => input.to_string(),
        None if !is_whole => words.held,
        None => object_in(&words.held).ok_or_else(formless)?,
        Some(_) => return Err(formless()),
    };
    if reply.stop == StopReason::ToolUse {
        reply.stop = StopReason::EndTurn;
    }
    let is_thought = |block: &ContentBlock| matches!(block, ContentBlock::Reasoning(_));
    reply.content.retain(is_thought);
    if !text.is_empty() {
        listen(ModelEvent::Text(&text));
        reply.content.push(ContentBlock::Text(text));
    }
    Ok(reply)
}

/// Takes the calls of the tool out of an answer: the input of the first.
fn take_answer(content: &mut Vec<ContentBlock>, tool: &str) -> Option<Value> {
    let mut answer = None;
    content.retain(|block| match block {
        ContentBlock::ToolUse { name, input, .. } if name == tool => {
            answer.get_or_insert_with(|| input.clone());
            false
        }
        _ => true,
    });
    answer
}

/// The object that an answer's words are, without a fence.
fn object_in(words: &str) -> Option<String> {
    let words = words.trim();
    match tool_input(words) {
        _ if words.is_empty() => None,
        Value::Object(_) if words.starts_with('{') && is_whole_json(words) => {
            Some(words.to_owned())
        }
        object @ Value::Object(_) => Some(object.to_string()),
        _ => None,
    }
}

fn formless() -> ModelError {
    ModelError::Protocol("the answer is not the JSON that was asked for".to_owned())
}

/// A refusal that is about the form, told apart by its words: providers have no code for it.
fn about_format(error: ModelError, request: &ModelRequest) -> ModelError {
    const NAMES: [&str; 7] = [
        "response_format",
        "output_config",
        "outputconfig",
        "textformat",
        "json_schema",
        "structured output",
        "grammar",
    ];
    let ModelError::Rejected(why) = error else {
        return error;
    };
    let said = why.to_lowercase();
    // A client's tools have schemas, too.
    let is_schema = said.contains("schema") && !request.options.needs_tools;
    match is_schema || NAMES.iter().any(|name| said.contains(name)) {
        true => ModelError::Format(why),
        false => ModelError::Rejected(why),
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
