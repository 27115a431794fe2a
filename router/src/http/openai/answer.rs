//! Answers in the form of OpenAI's chat completions, whole and in pieces.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;
use utoipa::ToSchema;

use crate::chat::Completion;
use crate::model::{ContentBlock, StopReason};

/// What every piece of an answer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    id: String,
    created: i64,
    model: String,
}

impl Head {
    /// Of an answer by the model that was asked for.
    pub(super) fn new(model: &str, now: Timestamp) -> Self {
        let id = Ulid::generate().to_string().to_ascii_lowercase();
        Self {
            id: format!("chatcmpl-{id}"),
            created: now.as_second(),
            model: model.to_owned(),
        }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) finish: Finish,
    pub(super) usage: Usage,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Finish {
    /// It is whole, or came to one of `stop`.
    Stop,
    /// It is as long as it may be.
    Length,
    /// The client's tools are to be called.
    ToolCalls,
    /// The model's content filter or a guardrail stopped it.
    ContentFilter,
}

impl Answer {
    pub(super) fn of(completion: Completion) -> Self {
        let calls: Vec<ToolCall> = completion.calls.into_iter().filter_map(call).collect();
        let finish = match completion.stop {
            _ if !calls.is_empty() => Finish::ToolCalls,
            StopReason::MaxTokens => Finish::Length,
            StopReason::Filtered | StopReason::Guardrail => Finish::ContentFilter,
            StopReason::EndTurn | StopReason::ToolUse => Finish::Stop,
        };
        let (prompt, completed) = (completion.usage.all_input(), completion.usage.output);
        Self {
            text: completion.text,
            calls,
            finish,
            usage: Usage {
                prompt_tokens: prompt,
                completion_tokens: completed,
                total_tokens: prompt + completed,
                prompt_tokens_details: PromptTokens {
                    cached_tokens: completion.usage.cache_read,
                },
            },
        }
    }
}

fn call(block: ContentBlock) -> Option<ToolCall> {
    let ContentBlock::ToolUse { id, name, input } = block else {
        return None;
    };
    let arguments = match input {
        // What the model wrote is no JSON: the client sees it as it is.
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(ToolCall {
        id,
        kind: Kind::Function,
        function: Function { name, arguments },
    })
}

/// A call that the client is to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct ToolCall {
    /// Send it back as `tool_call_id` with the result.
    id: String,
    #[serde(rename = "type")]
    kind: Kind,
    function: Function,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Function,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct Function {
    name: String,
    /// JSON, as the model wrote it: check it.
    arguments: String,
}

/// The tokens of all calls of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct PromptTokens {
    /// Those that were read from the provider's cache.
    cached_tokens: u64,
}

/// A whole answer.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChatCompletion {
    id: String,
    object: &'static str,
    /// Seconds since 1970.
    created: i64,
    /// The model that was asked for.
    model: String,
    /// One.
    choices: [Choice; 1],
    usage: Usage,
}

#[derive(Debug, Serialize, ToSchema)]
struct Choice {
    index: u8,
    message: Message,
    finish_reason: Finish,
    /// Never there.
    #[schema(value_type = Option<Object>)]
    logprobs: (),
}

#[derive(Debug, Serialize, ToSchema)]
struct Message {
    role: &'static str,
    /// The words; null where there are calls and no words.
    content: Option<String>,
    /// Never there: a refusal is among the words.
    #[schema(value_type = Option<String>)]
    refusal: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<ToolCall>>,
}

impl ChatCompletion {
    pub(super) fn new(head: Head, answer: Answer) -> Self {
        let is_silent = answer.text.is_empty() && !answer.calls.is_empty();
        Self {
            id: head.id,
            object: "chat.completion",
            created: head.created,
            model: head.model,
            choices: [Choice {
                index: 0,
                message: Message {
                    role: ASSISTANT,
                    content: (!is_silent).then_some(answer.text),
                    refusal: (),
                    tool_calls: (!answer.calls.is_empty()).then_some(answer.calls),
                },
                finish_reason: answer.finish,
                logprobs: (),
            }],
            usage: answer.usage,
        }
    }
}

const ASSISTANT: &str = "assistant";

/// A piece of an answer.
#[derive(Debug, Serialize)]
pub(super) struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<ChunkChoice<'a>>,
    /// Where it is asked for: null in every chunk but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Debug, Serialize)]
struct ChunkChoice<'a> {
    index: u8,
    delta: Delta<'a>,
    finish_reason: Option<Finish>,
    logprobs: (),
}

/// What a piece adds.
#[derive(Debug, Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Debug, Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(flatten)]
    call: &'a ToolCall,
}

/// Makes the pieces of one answer.
pub(super) struct Pieces {
    head: Head,
    include_usage: bool,
}

impl Pieces {
    pub(super) fn new(head: Head, include_usage: bool) -> Self {
        Self {
            head,
            include_usage,
        }
    }

    /// The first one.
    pub(super) fn first(&self) -> Chunk<'_> {
        self.chunk(Delta {
            role: Some(ASSISTANT),
            content: Some(""),
            ..Delta::default()
        })
    }

    /// More words.
    pub(super) fn words<'a>(&'a self, words: &'a str) -> Chunk<'a> {
        self.chunk(Delta {
            content: Some(words),
            ..Delta::default()
        })
    }

    /// Those behind the words.
    pub(super) fn last<'a>(&'a self, answer: &'a Answer) -> Vec<Chunk<'a>> {
        let mut chunks: Vec<Chunk<'a>> = answer
            .calls
            .iter()
            .enumerate()
            .map(|(index, call)| {
                self.chunk(Delta {
                    tool_calls: Some([CallDelta { index, call }]),
                    ..Delta::default()
                })
            })
            .collect();
        let mut end = self.chunk(Delta::default());
        for choice in &mut end.choices {
            choice.finish_reason = Some(answer.finish);
        }
        chunks.push(end);
        if self.include_usage {
            chunks.push(Chunk {
                choices: Vec::new(),
                usage: Some(Some(answer.usage)),
                ..self.chunk(Delta::default())
            });
        }
        chunks
    }

    fn chunk<'a>(&'a self, delta: Delta<'a>) -> Chunk<'a> {
        Chunk {
            id: &self.head.id,
            object: "chat.completion.chunk",
            created: self.head.created,
            model: &self.head.model,
            choices: vec![ChunkChoice {
                index: 0,
                delta,
                finish_reason: None,
                logprobs: (),
            }],
            usage: self.include_usage.then_some(None),
        }
    }
}
