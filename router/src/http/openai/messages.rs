//! A client's messages as a model's: speakers alternate, instructions apart, what tools returned in
//! results alone.

use std::collections::HashSet;

use axum::http::StatusCode;
use serde_json::Value;

use super::tools::{self, is_tool_name};
use super::{invalid, unsupported};
use crate::ai::tool_input;
use crate::http::chat::MAX_MESSAGE_BYTES;
use crate::http::error::ApiError;
use crate::http::fields::kind_of;
use crate::model::{ContentBlock, JsonObject, ModelMessage, Role};

/// The most bytes of a client's instructions: as many as of a conversation.
const MAX_INSTRUCTION_BYTES: usize = 64 * 1024;

/// What the person is taken to say where the last message is the assistant's: that is how clients
/// ask it to go on.
const GO_ON: &str = "Go on.";

/// A conversation that its client holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Conversation {
    /// Speakers alternate; the last is the person's side.
    pub(super) messages: Vec<ModelMessage>,
    /// The client's own instructions.
    pub(super) instructions: String,
    /// What the person said last.
    pub(super) said: String,
    /// Whether that is the last message.
    pub(super) ends_with_person: bool,
}

/// A conversation while it is read.
#[derive(Default)]
struct Reader {
    messages: Vec<ModelMessage>,
    instructions: Vec<String>,
    /// The calls whose results are still to come: the client's id, and the one that the model gets.
    open: Vec<(String, String)>,
    /// The ids that were used.
    ids: HashSet<String>,
}

/// Reads the messages.
///
/// # Errors
/// With the first that is not what it has to be, or that is not served.
pub(super) fn read(messages: &[Value]) -> Result<Conversation, ApiError> {
    let mut reader = Reader::default();
    let mut said = None;
    for (at, message) in messages.iter().enumerate() {
        let part = format!("messages[{at}]");
        let Value::Object(message) = message else {
            let kind = kind_of(message);
            return Err(invalid(
                &part,
                format!("`{part}` must be an object, not {kind}"),
            ));
        };
        let role = message.get("role").and_then(Value::as_str);
        match role {
            Some("system" | "developer") => reader.instructions.push(content(message, &part)?),
            Some("user") => {
                let text = content(message, &part)?;
                if at + 1 == messages.len() {
                    require_words(&text, &part)?;
                }
                reader.user(text.clone(), &part)?;
                said = Some(text);
            }
            Some("assistant") => reader.assistant(message, &part, at)?,
            Some("tool") => reader.tool(message, &part)?,
            Some("function") => {
                return Err(unsupported(
                    format!("{part}.role"),
                    "the role `function` is not served: send the result in a `tool` message",
                ));
            }
            _ => {
                return Err(invalid(
                    format!("{part}.role"),
                    format!(
                        "`{part}.role` must be `system`, `developer`, `user`, `assistant` or `tool`"
                    ),
                ));
            }
        }
    }
    reader.require_results("messages")?;
    let last = messages.last().and_then(|last| last.get("role"));
    finish(reader, said, last.is_some_and(|role| role == "user"))
}

fn finish(
    mut reader: Reader,
    mut said: Option<String>,
    ends_with_person: bool,
) -> Result<Conversation, ApiError> {
    if reader.messages.is_empty()
        && let Some(text) = reader.instructions.pop()
    {
        // Clients that ask for one thing say it so. It is theirs, and gains nothing by its place.
        require_words(&text, "messages[0]")?;
        reader.push(Role::User, ContentBlock::Text(text.clone()));
        said = Some(text);
    }
    if reader
        .messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant)
    {
        reader.push(Role::User, ContentBlock::Text(GO_ON.to_owned()));
    }
    if !reader.messages.iter().any(ModelMessage::begins_turn) {
        return Err(invalid(
            "messages",
            "`messages` must have one of the role `user`",
        ));
    }
    let instructions = reader.instructions.join("\n\n");
    if instructions.len() > MAX_INSTRUCTION_BYTES {
        let limit = MAX_INSTRUCTION_BYTES / 1024;
        return Err(too_long(
            "messages",
            format!("the instructions (`system`, `developer`) are longer than {limit} KiB"),
        ));
    }
    Ok(Conversation {
        messages: reader.messages,
        instructions,
        said: said.unwrap_or_default(),
        ends_with_person,
    })
}

impl Reader {
    /// Adds to what the same speaker said before. Words stay apart: an endpoint may get all of them
    /// as one text.
    fn push(&mut self, role: Role, block: ContentBlock) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => match (last.content.last_mut(), block) {
                (Some(ContentBlock::Text(before)), ContentBlock::Text(text)) => {
                    before.push_str("\n\n");
                    before.push_str(&text);
                }
                (_, block) => last.content.push(block),
            },
            _ => self.messages.push(ModelMessage {
                role,
                content: vec![block],
            }),
        }
    }

    fn say(&mut self, role: Role, text: String) {
        if !text.trim().is_empty() {
            self.push(role, ContentBlock::Text(text));
        }
    }

    fn user(&mut self, text: String, part: &str) -> Result<(), ApiError> {
        self.require_results(part)?;
        if text.len() > MAX_MESSAGE_BYTES {
            let limit = MAX_MESSAGE_BYTES / 1024;
            return Err(too_long(
                format!("{part}.content"),
                format!("`{part}.content` is longer than {limit} KiB"),
            ));
        }
        self.say(Role::User, text);
        Ok(())
    }

    fn assistant(&mut self, message: &JsonObject, part: &str, at: usize) -> Result<(), ApiError> {
        self.require_results(part)?;
        if is_given(message, "function_call") {
            return Err(unsupported(
                format!("{part}.function_call"),
                "`function_call` is not served: send `tool_calls`",
            ));
        }
        self.say(Role::Assistant, content(message, part)?);
        let calls = match message.get("tool_calls") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(calls)) => calls,
            Some(other) => {
                let part = format!("{part}.tool_calls");
                let message = format!("`{part}` must be an array, not {}", kind_of(other));
                return Err(invalid(part, message));
            }
        };
        for (index, call) in calls.iter().enumerate() {
            let part = format!("{part}.tool_calls[{index}]");
            self.call(call, &part, &format!("call_{at}_{index}"))?;
        }
        Ok(())
    }

    fn call(&mut self, call: &Value, part: &str, other_id: &str) -> Result<(), ApiError> {
        tools::require_function(call, part)?;
        let function = call.get("function").unwrap_or(&Value::Null);
        let text = |value: &Value, name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        let id = text(call, "id").filter(|id| !id.is_empty());
        let id =
            id.ok_or_else(|| invalid(format!("{part}.id"), format!("`{part}.id` is missing")))?;
        if self.open.iter().any(|(open, _)| *open == id) {
            let message = format!("`{part}.id` is another call's");
            return Err(invalid(format!("{part}.id"), message));
        }
        let name = text(function, "name").filter(|name| is_tool_name(name));
        let name = name.ok_or_else(|| tools::invalid_name(&format!("{part}.function.name")))?;
        let arguments = text(function, "arguments").unwrap_or_default();
        // Providers take ids of these characters alone, each once.
        let own = match is_tool_name(&id) && !self.ids.contains(&id) {
            true => id.clone(),
            false => other_id.to_owned(),
        };
        self.ids.insert(own.clone());
        self.open.push((id, own.clone()));
        let input = tool_input(&arguments);
        self.push(
            Role::Assistant,
            ContentBlock::ToolUse {
                id: own,
                name,
                input,
            },
        );
        Ok(())
    }

    fn tool(&mut self, message: &JsonObject, part: &str) -> Result<(), ApiError> {
        let id = message.get("tool_call_id").and_then(Value::as_str);
        let found = id.and_then(|id| self.open.iter().position(|(open, _)| open == id));
        let Some(found) = found else {
            return Err(invalid(
                format!("{part}.tool_call_id"),
                format!(
                    "`{part}.tool_call_id` is of no call of the assistant's message before it, or of one that has its result"
                ),
            ));
        };
        let (_, id) = self.open.remove(found);
        let content = Value::String(content(message, part)?);
        self.push(
            Role::User,
            ContentBlock::ToolResult {
                id,
                content,
                is_error: false,
            },
        );
        Ok(())
    }

    /// Refuses to go on while a call has no result, as models do.
    fn require_results(&self, part: &str) -> Result<(), ApiError> {
        match self.open.first() {
            None => Ok(()),
            Some((id, _)) => {
                let id: String = id.chars().take(64).collect();
                Err(invalid(
                    part,
                    format!(
                        "the call `{id}` has no result: a `tool` message must follow for each call"
                    ),
                ))
            }
        }
    }
}

/// The words of a message: a text, or parts that are.
fn content(message: &JsonObject, part: &str) -> Result<String, ApiError> {
    let part = format!("{part}.content");
    match message.get("content") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let texts: Result<Vec<&str>, ApiError> = parts
                .iter()
                .enumerate()
                .map(|(at, piece)| text_of(piece, &format!("{part}[{at}]")))
                .collect();
            Ok(texts?.join("\n"))
        }
        Some(other) => {
            let kind = kind_of(other);
            let message = format!("`{part}` must be text or an array of parts, not {kind}");
            Err(invalid(part, message))
        }
    }
}

fn text_of<'a>(piece: &'a Value, part: &str) -> Result<&'a str, ApiError> {
    let kind = piece.get("type").and_then(Value::as_str);
    let text = match kind {
        Some("text") => piece.get("text"),
        Some("refusal") => piece.get("refusal"),
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            return Err(unsupported(
                part,
                format!("`{part}` is a part of the type `{other}`; only `text` is served"),
            ));
        }
        None => return Err(invalid(part, format!("`{part}.type` is missing"))),
    };
    text.and_then(Value::as_str)
        .ok_or_else(|| invalid(part, format!("`{part}` must hold text")))
}

fn require_words(text: &str, part: &str) -> Result<(), ApiError> {
    match text.trim().is_empty() {
        true => Err(invalid(
            format!("{part}.content"),
            format!("`{part}.content` is empty"),
        )),
        false => Ok(()),
    }
}

/// Whether a field says something.
pub(super) fn is_given(object: &JsonObject, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

fn too_long(part: impl Into<String>, message: String) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "message_too_long", message).about_field(part)
}
