//! A scripted model endpoint: speaks Anthropic's Messages API (`/v1/messages`), OpenAI's chat
//! completions (`/v1/chat/completions`) and Bedrock's Converse (`/model/{id}/converse`,
//! `/model/{id}/converse-stream`), streamed or not, as the request asks.
//!
//! A script gives one [`Answer`] to each call in turn ([`ModelServer::scripted`]); a function
//! computes it from the call ([`ModelServer::answering`]). Every call is recorded, and those whose
//! client went away before the end are counted. The formats are in `anthropic`, `openai` and
//! `bedrock`, the handling of a call in `serve`.

mod anthropic;
mod bedrock;
mod openai;
mod serve;

pub use bedrock::bedrock_event;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use crate::TestServer;

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// A model endpoint on a free loopback port.
pub struct ModelServer {
    server: TestServer,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    calls: watch::Sender<Vec<ModelCall>>,
    cancelled: watch::Sender<usize>,
    held: Semaphore,
}

enum Script {
    Answers(Mutex<VecDeque<Answer>>),
    Function(Box<dyn Fn(&ModelCall) -> Answer + Send + Sync>),
}

/// A call as it arrived.
#[derive(Debug, Clone)]
pub struct ModelCall {
    /// The path, which tells the format.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

impl ModelCall {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        Some(value)
    }

    /// What the person said last.
    pub fn last_text(&self) -> String {
        let messages = self.body["messages"].as_array();
        let users = messages.into_iter().flatten().rev();
        let mut texts = users
            .filter(|message| message["role"] == "user")
            .filter_map(|message| match &message["content"] {
                Value::String(text) => Some(text.clone()),
                content => content
                    .as_array()?
                    .iter()
                    .rev()
                    .find_map(|block| Some(block["text"].as_str()?.to_owned())),
            });
        texts.next().unwrap_or_default()
    }
}

impl ModelServer {
    /// Gives these answers, one a call. A call past the end is refused (400).
    pub async fn scripted(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start(Script::Answers(Mutex::new(answers.into_iter().collect()))).await
    }

    /// Computes each answer from its call.
    pub async fn answering(answer: impl Fn(&ModelCall) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(Script::Function(Box::new(answer))).await
    }

    async fn start(script: Script) -> Self {
        let shared = Arc::new(Shared {
            script,
            calls: watch::Sender::new(Vec::new()),
            cancelled: watch::Sender::new(0),
            held: Semaphore::new(0),
        });
        let routes = Router::new()
            .route("/v1/messages", post(serve::handle))
            .route("/v1/chat/completions", post(serve::handle))
            .route("/model/{model}/converse", post(serve::handle))
            .route("/model/{model}/converse-stream", post(serve::handle))
            .with_state(shared.clone());
        Self {
            server: TestServer::start(routes).await,
            shared,
        }
    }

    /// The address for `ANTHROPIC_BASE_URL` and `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`:
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The address for `OPENAI_BASE_URL`: the same with `/v1`.
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// The calls so far.
    pub fn requests(&self) -> Vec<ModelCall> {
        self.shared.calls.borrow().clone()
    }

    /// Waits until this many calls arrived.
    pub async fn until_called(&self, count: usize) {
        let mut calls = self.shared.calls.subscribe();
        let enough = calls.wait_for(|calls| calls.len() >= count);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap_or_else(|_| panic!("fewer than {count} calls came"))
            .expect("the server runs");
    }

    /// How many clients went away before their answer's end.
    pub fn cancelled(&self) -> usize {
        *self.shared.cancelled.borrow()
    }

    /// Waits until this many clients went away before their answer's end.
    pub async fn until_cancelled(&self, count: usize) {
        let mut cancelled = self.shared.cancelled.subscribe();
        let enough = cancelled.wait_for(|cancelled| *cancelled >= count);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap_or_else(|_| panic!("fewer than {count} calls were cancelled"))
            .expect("the server runs");
    }

    /// Lets the answers that are [`Answer::held`] go on, now and from now on.
    pub fn release(&self) {
        self.shared.held.close();
    }
}

/// What the model answers.
#[derive(Debug, Clone)]
pub struct Answer {
    blocks: Vec<Block>,
    stop: Option<Stop>,
    usage: Usage,
    chunks: usize,
    delay: Duration,
    headers: Vec<(String, String)>,
    answered_by: Option<String>,
    ending: Ending,
    instead: Option<Instead>,
}

#[derive(Debug, Clone)]
enum Block {
    Text(String),
    Tool {
        id: String,
        name: String,
        input: String,
    },
    /// In Anthropic's and Bedrock's formats: what the model thought.
    Thinking(String),
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    End,
    /// It waits for tools.
    Tools,
    /// The answer is as long as it may be.
    Length,
    /// A filter, or the model itself, refused.
    Filtered,
    /// A reason of the format's own, in its own word.
    Word(&'static str),
}

#[derive(Debug, Clone, Copy)]
struct Usage {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

/// What happens after a streamed answer's content.
#[derive(Debug, Clone)]
enum Ending {
    Complete,
    /// An error event of this kind (the format's usual one if empty) with this text, and no more.
    Error {
        kind: String,
        message: String,
    },
    /// The connection breaks.
    Cut,
    /// The stream ends as if all were said.
    Truncated,
    /// Nothing until released; then the rest.
    Held,
}

/// What is sent instead of an answer.
#[derive(Debug, Clone)]
enum Instead {
    Failure(u16, String),
    Raw(String, Vec<u8>),
    /// The same, and then nothing on an open connection.
    RawThenHeld(String, Vec<u8>),
}

impl Answer {
    fn new(blocks: Vec<Block>) -> Self {
        Self {
            blocks,
            stop: None,
            usage: Usage {
                input: 10,
                output: 5,
                cache_read: 0,
                cache_write: 0,
            },
            chunks: 1,
            delay: Duration::ZERO,
            headers: Vec::new(),
            answered_by: None,
            ending: Ending::Complete,
            instead: None,
        }
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Block::Text(text.into())])
    }

    /// A tool call and nothing else.
    pub fn tool(id: &str, name: &str, input: Value) -> Self {
        Self::new(Vec::new()).and_tool(id, name, input)
    }

    /// An error status with a body as it is. An error in the format's own form comes from
    /// [`Answer::anthropic_error`], [`Answer::openai_error`] and [`Answer::bedrock_error`].
    pub fn failure(status: u16, body: impl Into<String>) -> Self {
        let mut answer = Self::new(Vec::new());
        answer.instead = Some(Instead::Failure(status, body.into()));
        answer
    }

    /// An error as Anthropic gives it.
    pub fn anthropic_error(status: u16, kind: &str, message: &str) -> Self {
        let error = json!({"type": "error", "error": {"type": kind, "message": message}});
        Self::failure(status, error.to_string())
    }

    /// An error as OpenAI gives it.
    pub fn openai_error(status: u16, code: &str, message: &str) -> Self {
        let error = json!({"error": {"message": message, "type": "error", "code": code}});
        Self::failure(status, error.to_string())
    }

    /// An error as Bedrock gives it: its name in a header, before an address that means nothing.
    pub fn bedrock_error(status: u16, name: &str, message: &str) -> Self {
        let named = format!("{name}:http://internal.amazon.com/coral/com.amazon.bedrock/");
        Self::failure(status, json!({ "message": message }).to_string())
            .header("content-type", "application/json")
            .header("x-amzn-errortype", &named)
    }

    /// A success with this body as it is: what no well-behaved endpoint sends.
    pub fn raw(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self::new(Vec::new());
        answer.instead = Some(Instead::Raw(content_type.to_owned(), body.into()));
        answer
    }

    /// The same, with the connection kept open behind it.
    pub fn raw_then_held(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut answer = Self::new(Vec::new());
        answer.instead = Some(Instead::RawThenHeld(content_type.to_owned(), body.into()));
        answer
    }

    /// And a tool call.
    pub fn and_tool(self, id: &str, name: &str, input: Value) -> Self {
        self.and_tool_text(id, name, &input.to_string())
    }

    /// And a tool call whose arguments are this text, JSON or not.
    pub fn and_tool_text(mut self, id: &str, name: &str, input: &str) -> Self {
        self.blocks.push(Block::Tool {
            id: id.to_owned(),
            name: name.to_owned(),
            input: input.to_owned(),
        });
        self
    }

    /// After thinking this; in Anthropic's and Bedrock's formats.
    pub fn after_thinking(mut self, thought: &str) -> Self {
        self.blocks.insert(0, Block::Thinking(thought.to_owned()));
        self
    }

    /// Stopped for this reason, instead of the one that follows from the content.
    pub fn stopped(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Used this many tokens.
    pub fn usage(mut self, input: u64, output: u64) -> Self {
        self.usage.input = input;
        self.usage.output = output;
        self
    }

    /// Read and wrote this many tokens of the cache, apart from those sent at full price.
    pub fn cached(mut self, read: u64, write: u64) -> Self {
        self.usage.cache_read = read;
        self.usage.cache_write = write;
        self
    }

    /// From a model that a prompt router chose; in Bedrock's format alone.
    pub fn answered_by(mut self, id: &str) -> Self {
        self.answered_by = Some(id.to_owned());
        self
    }

    /// Its words in this many pieces.
    pub fn in_chunks(mut self, count: usize) -> Self {
        self.chunks = count;
        self
    }

    /// After this long: a model's own time, for benchmarks.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// After its content an error event instead of the end: the format's usual one.
    pub fn then_error(self, message: &str) -> Self {
        self.then_error_of("", message)
    }

    /// After its content an error event of this kind, in the format's own word; in OpenAI's format
    /// there is but one.
    pub fn then_error_of(mut self, kind: &str, message: &str) -> Self {
        self.ending = Ending::Error {
            kind: kind.to_owned(),
            message: message.to_owned(),
        };
        self
    }

    /// After its content the connection breaks.
    pub fn then_cut(mut self) -> Self {
        self.ending = Ending::Cut;
        self
    }

    /// After its content the stream ends, without what says that the answer does.
    pub fn truncated(mut self) -> Self {
        self.ending = Ending::Truncated;
        self
    }

    /// After its content nothing, until [`ModelServer::release`].
    pub fn held(mut self) -> Self {
        self.ending = Ending::Held;
        self
    }

    fn stop(&self) -> Stop {
        let has_tools = self
            .blocks
            .iter()
            .any(|block| matches!(block, Block::Tool { .. }));
        self.stop
            .unwrap_or(if has_tools { Stop::Tools } else { Stop::End })
    }
}

/// An answer in a format: the events of its content, those of its end, and that of an error.
struct Frames {
    content_type: &'static str,
    content: Vec<Vec<u8>>,
    end: Vec<Vec<u8>>,
    /// By kind and message.
    error: fn(&str, &str) -> Vec<u8>,
}

/// A text in so many pieces of about the same length.
fn pieces(text: &str, count: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len().div_ceil(count.max(1)).max(1);
    characters
        .chunks(length)
        .map(|piece| piece.iter().collect())
        .collect()
}
