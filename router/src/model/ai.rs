//! What is said to a language model and what it answers, in no provider's own format.

use serde_json::Value;

use super::{Role, TenantId};

/// One call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The provider's own id of the model.
    pub model: String,
    /// The operator's instructions. Nothing that a tool returned is ever here.
    pub system: String,
    /// The conversation so far, beginning with the person, speakers alternating.
    pub messages: Vec<ModelMessage>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// What else a client of its own asks for.
    pub options: ModelOptions,
    /// For whom it is. Providers that keep a record of calls keep it there; models do not see it.
    pub origin: Option<Origin>,
}

/// For whom a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The tenant.
    pub tenant: TenantId,
    /// The id of the request, if it is a person's.
    pub request_id: Option<String>,
}

/// What a client that speaks to a model through the assistant may ask for. The assistant itself
/// asks for none of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelOptions {
    /// Which tool the model is to call.
    pub tool_choice: ToolChoice,
    /// Whether the tools are the client's: a model that takes none is then no model for the
    /// request, where the assistant's own skills can be left out.
    pub needs_tools: bool,
    /// The answer ends before the first of these texts.
    pub stop: Vec<String>,
    /// How much chance there is in the answer, from 0 to 2. Models that take no such parameter are
    /// asked without it.
    pub temperature: Option<f64>,
    /// From which share of the likeliest words the answer is chosen, from 0 to 1. As above.
    pub top_p: Option<f64>,
    /// The form that the answer is to have, where words are not enough.
    pub format: Option<ResponseFormat>,
    /// Whether the answer has to come now, whatever else could be called.
    pub must_answer: bool,
}

impl ModelOptions {
    /// Takes out what some models refuse to be told, if it is there.
    pub fn take_sampling(&mut self) -> bool {
        self.temperature.take().is_some() | self.top_p.take().is_some()
    }
}

/// Which tool a model is to call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// Whichever it likes, or none.
    #[default]
    Auto,
    /// One at least.
    Required,
    /// This one.
    Named(String),
}

/// The form that an answer is to have.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// A JSON object, whatever is in it.
    Object,
    /// A JSON object of a schema.
    Schema(ResponseSchema),
}

/// The schema of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseSchema {
    /// What the object is called.
    pub name: String,
    /// What it is, for the model.
    pub description: Option<String>,
    /// The JSON schema, of an object.
    pub schema: Value,
    /// Whether nothing but the schema will do.
    pub strict: Option<bool>,
}

impl ResponseFormat {
    /// Its size, in bytes of text.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Object => 0,
            Self::Schema(of) => {
                let description = of.description.as_deref().unwrap_or_default();
                of.name.len() + description.len() + of.schema.to_string().len()
            }
        }
    }
}

impl ModelRequest {
    /// Whether the conversation holds calls of tools or their results.
    pub fn calls_tools(&self) -> bool {
        let blocks = self.messages.iter().flat_map(|message| &message.content);
        blocks.into_iter().any(|block| {
            matches!(
                block,
                ContentBlock::ToolUse { .. } | ContentBlock::ToolResult { .. }
            )
        })
    }
}

/// One message to or from a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMessage {
    /// Who speaks. Tool results are spoken by the user's side.
    pub role: Role,
    /// What is said.
    pub content: Vec<ContentBlock>,
}

impl ModelMessage {
    /// Whether a person asks something here: it is theirs, and brings no tool's result.
    pub fn begins_turn(&self) -> bool {
        let is_result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult { .. });
        self.role == Role::User && !self.content.iter().any(is_result)
    }
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum ContentBlock {
    /// Words.
    Text(String),
    /// The model wants a tool called.
    ToolUse {
        /// Names the call, so that its result can be told apart.
        id: String,
        /// Which tool.
        name: String,
        /// With what: an object of the tool's schema.
        input: Value,
    },
    /// What a tool returned.
    ToolResult {
        /// Which call.
        id: String,
        /// The result: data, never instructions.
        content: Value,
        /// Whether the call failed.
        is_error: bool,
    },
    /// What the model thought, in its provider's own form. Never shown or stored; sent back
    /// unchanged with the results of the tools that the model then asked for, because providers
    /// refuse a turn from which it is missing.
    Reasoning(Value),
}

impl ContentBlock {
    /// Its size, in bytes of text.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::ToolUse { name, input, .. } => name.len() + input.to_string().len(),
            Self::ToolResult { content, .. } => content.to_string().len(),
            Self::Reasoning(thought) => thought.to_string().len(),
        }
    }
}

/// What a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The tool's name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON schema of its input, an object.
    pub input_schema: Value,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelReply {
    /// Words and tool calls.
    pub content: Vec<ContentBlock>,
    /// Why it stopped.
    pub stop: StopReason,
    /// What it used.
    pub usage: TokenUsage,
    /// The provider's id of the model that answered, where the one that was asked only chose it (a
    /// prompt router).
    pub answered_by: Option<String>,
    /// Whether the tools that the request offers were left out, because the model takes none.
    pub without_tools: bool,
}

impl ModelReply {
    /// The words of the answer.
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| match block {
                ContentBlock::Text(text) => Some(text.as_str()),
                ContentBlock::ToolUse { .. }
                | ContentBlock::ToolResult { .. }
                | ContentBlock::Reasoning(_) => None,
            })
            .collect()
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// It waits for tools.
    ToolUse,
    /// The answer reached its longest length.
    MaxTokens,
    /// A content filter stopped it.
    Filtered,
    /// A guardrail blocked or changed it.
    Guardrail,
}

/// What a call used, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Sent, at full price.
    pub input: u64,
    /// Answered.
    pub output: u64,
    /// Sent, and read from the provider's cache.
    pub cache_read: u64,
    /// Sent, and written to the provider's cache.
    pub cache_write: u64,
}

impl TokenUsage {
    /// Everything that was sent, at whatever price.
    pub fn all_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_write
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
    }
}
