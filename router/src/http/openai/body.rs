//! What a client asks for: the parameters of a chat completion.

use serde_json::Value;
use utoipa::ToSchema;

use super::messages::{self, Conversation};
use super::{How, invalid, unsupported};
use super::{format, tools};
use crate::chat::{CompletionRequest, TurnRequest};
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, FromFields, kind_of};
use crate::model::{JsonObject, ModelOptions};
use crate::skills::SkillSet;

/// The most texts that end an answer, and the bytes of one.
const MOST_STOPS: usize = 4;
const MAX_STOP_BYTES: usize = 256;

/// A conversation that the client holds, in the form of OpenAI's chat completions. What is not
/// listed here is left alone, unless it would mean something: then it is refused by its name.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(in crate::http) struct ChatCompletionRequest {
    /// One of `GET /v1/models`.
    #[schema(example = "t3nets")]
    model: String,
    /// The conversation.
    #[schema(min_items = 1)]
    messages: Vec<ChatMessage>,
    /// Whether the answer is to come as server-sent events.
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// The longest answer, in tokens. The tenant's own limit holds all the same.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u64>,
    /// The older name of `max_completion_tokens`.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// The answer ends before the first of these texts: one, or up to four.
    #[schema(value_type = Option<Object>)]
    stop: Option<Value>,
    /// From 0 to 2. A model that takes none is asked without it.
    temperature: Option<f64>,
    /// From 0 to 1. A model that takes none is asked without it.
    top_p: Option<f64>,
    /// The client's own tools.
    #[schema(value_type = Option<Vec<Object>>, max_items = 128)]
    tools: Option<Value>,
    /// `auto`, `none`, `required`, or `{"type": "function", "function": {"name"}}`.
    #[schema(value_type = Option<Object>)]
    tool_choice: Option<Value>,
    /// Whether an answer may hold more than one call.
    parallel_tool_calls: Option<bool>,
    response_format: Option<ResponseFormat>,
}

/// The form of the answer.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    #[schema(rename = "type")]
    kind: String,
    json_schema: Option<ResponseSchema>,
}

/// What the answer is an object of.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct ResponseSchema {
    /// 1 to 64 letters, digits, `_` and `-`.
    name: String,
    /// What it is, for the model.
    description: Option<String>,
    /// The JSON schema of an object, of at most 64 KiB.
    #[schema(value_type = Object)]
    schema: Value,
    /// Whether the model's provider has to hold the answer to the schema, where it can.
    strict: Option<bool>,
}

/// A message.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct ChatMessage {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    role: String,
    /// A text, or an array of `{"type": "text", "text"}`.
    #[schema(value_type = Option<Object>)]
    content: Option<Value>,
    /// Of the assistant: what it called.
    #[schema(value_type = Option<Vec<Object>>)]
    tool_calls: Option<Value>,
    /// Of a tool: which call this is the result of.
    tool_call_id: Option<String>,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
struct StreamOptions {
    /// Whether a last chunk says what was used.
    include_usage: Option<bool>,
}

/// What a client asks for, as far as it can be read without knowing who it is.
#[derive(Debug)]
pub(in crate::http) struct CompletionBody {
    pub(super) model: String,
    pub(super) how: How,
    /// Of the whole body: the same request has the same.
    pub(super) hash: String,
    conversation: Conversation,
    tools: Vec<Value>,
    tool_choice: Option<Value>,
    one_call: bool,
    max_tokens: Option<u32>,
    options: ModelOptions,
}

/// The body's fields, each error with the name of its field.
struct Parameters<'a>(&'a Fields);

impl FromFields for CompletionBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let given = Parameters(fields);
        given.refuse_what_is_not_served()?;
        let model = fields.required_text("model");
        let model = model.map_err(|error| error.about_field("model"))?;
        let messages = given.array("messages")?;
        let messages = messages.filter(|messages| !messages.is_empty());
        let messages =
            messages.ok_or_else(|| invalid("messages", "`messages` is missing or empty"))?;
        let include_usage = match given.object("stream_options")? {
            Some(options) => options.get("include_usage").and_then(Value::as_bool),
            None => None,
        };
        let limits = [
            given.tokens("max_completion_tokens")?,
            given.tokens("max_tokens")?,
        ];
        Ok(Self {
            model,
            how: How {
                streamed: given.flag("stream")?.unwrap_or(false),
                include_usage: include_usage.unwrap_or(false),
            },
            hash: fields.hash(),
            conversation: messages::read(messages)?,
            tools: given.array("tools")?.unwrap_or_default().to_vec(),
            tool_choice: given.value("tool_choice")?.cloned(),
            one_call: given.flag("parallel_tool_calls")? == Some(false),
            max_tokens: limits.into_iter().flatten().min(),
            options: ModelOptions {
                stop: given.stop()?,
                temperature: given.number("temperature", 2.0)?,
                top_p: given.number("top_p", 1.0)?,
                format: match given.object("response_format")? {
                    Some(asked) => format::read(asked)?,
                    None => None,
                },
                ..ModelOptions::default()
            },
        })
    }
}

impl CompletionBody {
    /// The request in a caller's name.
    ///
    /// # Errors
    /// If the client's tools cannot be used beside the skills.
    pub(super) fn request(
        self,
        admitted: Admitted,
        request_id: String,
        skills: &SkillSet,
    ) -> Result<CompletionRequest, ApiError> {
        let tools = tools::read(&self.tools, self.tool_choice.as_ref(), skills)?;
        let Conversation {
            messages,
            instructions,
            said,
            ends_with_person,
        } = self.conversation;
        let is_plain = ends_with_person
            && !tools.are_given
            && instructions.trim().is_empty()
            && self.options.format.is_none();
        Ok(CompletionRequest {
            turn: TurnRequest {
                channel: admitted.channel(),
                caller: admitted.caller,
                session_id: None,
                message: said,
                raw: false,
                request_id,
            },
            messages,
            instructions,
            options: ModelOptions {
                tool_choice: tools.choice,
                needs_tools: !tools.offered.is_empty(),
                ..self.options
            },
            tools: tools.offered,
            one_call: self.one_call,
            max_tokens: self.max_tokens,
            is_plain,
        })
    }
}

impl<'a> Parameters<'a> {
    /// What changes an answer's meaning and cannot be had. Each is refused where it asks for more
    /// than everybody gets.
    fn refuse_what_is_not_served(&self) -> Result<(), ApiError> {
        let has_content = |value: &Value| match value {
            Value::Object(members) => !members.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Bool(is_on) => *is_on,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::Null | Value::String(_) => true,
        };
        for (name, instead) in [
            ("functions", "send `tools`"),
            ("function_call", "send `tool_choice`"),
            ("audio", "answers are text"),
            ("web_search_options", "the tenant's skills are its tools"),
            ("logprobs", "no provider's are passed on"),
            ("top_logprobs", "no provider's are passed on"),
            ("logit_bias", "no provider is given one"),
        ] {
            if self.value(name)?.is_some_and(has_content) {
                return Err(unsupported(
                    name,
                    format!("`{name}` is not served: {instead}"),
                ));
            }
        }
        if self
            .value("n")?
            .is_some_and(|count| count.as_f64() != Some(1.0))
        {
            return Err(unsupported("n", "`n` must be 1: there is one answer"));
        }
        let is_text = |kind: &Value| *kind == "text";
        if let Some(modalities) = self.array("modalities")?
            && !modalities.iter().all(is_text)
        {
            return Err(unsupported("modalities", "`modalities` must be `text`"));
        }
        Ok(())
    }

    fn value(&self, name: &'static str) -> Result<Option<&'a Value>, ApiError> {
        let value = self.0.json(name);
        value.map_err(|error| error.about_field(name))
    }

    fn array(&self, name: &'static str) -> Result<Option<&'a [Value]>, ApiError> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(must_be(name, "an array", other)),
        }
    }

    fn object(&self, name: &'static str) -> Result<Option<&'a JsonObject>, ApiError> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(other) => Err(must_be(name, "an object", other)),
        }
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, ApiError> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::Bool(is_on)) => Ok(Some(*is_on)),
            Some(other) => Err(must_be(name, "true or false", other)),
        }
    }

    /// A number from 0 to `most`.
    fn number(&self, name: &'static str, most: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let number = value.as_f64();
        match number.filter(|number| (0.0..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(invalid(
                name,
                format!("`{name}` must be a number from 0 to {most}"),
            )),
        }
    }

    fn tokens(&self, name: &'static str) -> Result<Option<u32>, ApiError> {
        let count = self.0.whole_number(name, 1..=u64::MAX);
        let count = count.map_err(|error| error.about_field(name))?;
        Ok(count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    fn stop(&self) -> Result<Vec<String>, ApiError> {
        let invalid_stop = || {
            invalid(
                "stop",
                format!(
                    "`stop` must be a text, or up to {MOST_STOPS}, each of 1 to {MAX_STOP_BYTES} bytes"
                ),
            )
        };
        let texts: Vec<&Value> = match self.value("stop")? {
            None => return Ok(Vec::new()),
            Some(Value::Array(texts)) if texts.len() <= MOST_STOPS => texts.iter().collect(),
            Some(Value::Array(_)) => return Err(invalid_stop()),
            Some(text) => vec![text],
        };
        let text = |text: &Value| match text {
            Value::String(text) if (1..=MAX_STOP_BYTES).contains(&text.len()) => Ok(text.clone()),
            _ => Err(invalid_stop()),
        };
        texts.into_iter().map(text).collect()
    }
}

fn must_be(name: &str, what: &str, other: &Value) -> ApiError {
    invalid(
        name,
        format!("`{name}` must be {what}, not {}", kind_of(other)),
    )
}
