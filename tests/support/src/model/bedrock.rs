//! Answers in the format of Bedrock's Converse, whose streams are frames of
//! `application/vnd.amazon.eventstream`.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::{Value, json};

use super::{Answer, Block, Frames, Stop, pieces};

pub(super) fn frames(answer: &Answer) -> Frames {
    let mut content = vec![event("messageStart", &json!({"role": "assistant"}))];
    for (index, block) in answer.blocks.iter().enumerate() {
        // Words and thoughts begin without an event of their own.
        let deltas: Vec<Value> = match block {
            Block::Text(text) => pieces(text, answer.chunks)
                .iter()
                .map(|piece| json!({ "text": piece }))
                .collect(),
            Block::Tool { id, name, input } => {
                content.push(event(
                    "contentBlockStart",
                    &json!({
                        "contentBlockIndex": index,
                        "start": {"toolUse": {"toolUseId": id, "name": name}},
                    }),
                ));
                std::iter::once(String::new())
                    .chain(pieces(input, 3))
                    .map(|piece| json!({"toolUse": {"input": piece}}))
                    .collect()
            }
            Block::Thinking(thought) => pieces(thought, 2)
                .iter()
                .map(|piece| json!({"reasoningContent": {"text": piece}}))
                .chain([json!({"reasoningContent": {"signature": "signed"}})])
                .collect(),
        };
        content.extend(deltas.into_iter().map(|delta| {
            let delta = json!({"contentBlockIndex": index, "delta": delta});
            event("contentBlockDelta", &delta)
        }));
        content.push(event(
            "contentBlockStop",
            &json!({"contentBlockIndex": index}),
        ));
    }
    let mut metadata = json!({"usage": usage(answer), "metrics": {"latencyMs": 275}});
    if let Some(trace) = trace(answer) {
        metadata["trace"] = trace;
    }
    Frames {
        content_type: "application/vnd.amazon.eventstream",
        content,
        end: vec![
            event("messageStop", &json!({"stopReason": stop_reason(answer)})),
            event("metadata", &metadata),
        ],
        error: |kind, message| {
            let kind = if kind.is_empty() {
                "serviceUnavailableException"
            } else {
                kind
            };
            frame(
                &[(":message-type", "exception"), (":exception-type", kind)],
                json!({ "message": message }).to_string(),
            )
        },
    }
}

pub(super) fn whole(answer: &Answer) -> Value {
    let content: Vec<Value> = answer
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) => json!({ "text": text }),
            Block::Tool { id, name, input } => {
                let input: Value = serde_json::from_str(input).unwrap_or_else(|_| json!(input));
                json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
            }
            Block::Thinking(thought) => json!({
                "reasoningContent": {"reasoningText": {"text": thought, "signature": "signed"}},
            }),
        })
        .collect();
    let mut whole = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(answer),
        "usage": usage(answer),
        "metrics": {"latencyMs": 275},
    });
    if let Some(trace) = trace(answer) {
        whole["trace"] = trace;
    }
    whole
}

fn trace(answer: &Answer) -> Option<Value> {
    let id = answer.answered_by.as_ref()?;
    Some(json!({"promptRouter": {"invokedModelId": id}}))
}

/// What was read from and written to the cache is counted apart from the other input.
fn usage(answer: &Answer) -> Value {
    let counted = answer.usage;
    json!({
        "inputTokens": counted.input,
        "outputTokens": counted.output,
        "totalTokens": counted.input + counted.output + counted.cache_read + counted.cache_write,
        "cacheReadInputTokens": counted.cache_read,
        "cacheWriteInputTokens": counted.cache_write,
    })
}

fn stop_reason(answer: &Answer) -> &'static str {
    match answer.stop() {
        Stop::End => "end_turn",
        Stop::Tools => "tool_use",
        Stop::Length => "max_tokens",
        Stop::Filtered => "content_filtered",
        Stop::Word(word) => word,
    }
}

/// An event, with padding as Bedrock gives it, which nobody is to read.
fn event(kind: &str, payload: &Value) -> Vec<u8> {
    let mut payload = payload.clone();
    payload["p"] = json!("abcdefghijklmnopqrstuvwxyz");
    bedrock_event(kind, payload.to_string())
}

/// A frame with an event of this kind and this payload, as it is.
pub fn bedrock_event(kind: &str, payload: impl Into<Vec<u8>>) -> Vec<u8> {
    frame(
        &[(":event-type", kind), (":message-type", "event")],
        payload,
    )
}

fn frame(headers: &[(&'static str, &str)], payload: impl Into<Vec<u8>>) -> Vec<u8> {
    let text = |text: &str| HeaderValue::String(text.to_owned().into());
    let mut message = Message::new(payload.into())
        .add_header(Header::new(":content-type", text("application/json")));
    for (name, value) in headers {
        message = message.add_header(Header::new(*name, text(value)));
    }
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("a frame that fits");
    bytes
}
