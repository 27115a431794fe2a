//! Answers in the format of Anthropic's Messages API.

use serde_json::{Value, json};

use super::{Answer, Block, Frames, Stop, pieces};

pub(super) fn frames(answer: &Answer) -> Frames {
    let mut content = vec![
        event(json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {
                "input_tokens": answer.usage.input,
                "output_tokens": 1,
                "cache_read_input_tokens": answer.usage.cache_read,
                "cache_creation_input_tokens": answer.usage.cache_write,
            },
        }})),
        event(json!({"type": "ping"})),
    ];
    for (index, block) in answer.blocks.iter().enumerate() {
        let (start, deltas) = match block {
            Block::Text(text) => (
                json!({"type": "text", "text": ""}),
                pieces(text, answer.chunks)
                    .iter()
                    .map(|piece| json!({"type": "text_delta", "text": piece}))
                    .collect(),
            ),
            Block::Tool { id, name, input } => (
                json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                std::iter::once(String::new())
                    .chain(pieces(input, 3))
                    .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
                    .collect::<Vec<_>>(),
            ),
            Block::Thinking(thought) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                vec![
                    json!({"type": "thinking_delta", "thinking": thought}),
                    json!({"type": "signature_delta", "signature": "signed"}),
                ],
            ),
        };
        content.push(event(
            json!({"type": "content_block_start", "index": index, "content_block": start}),
        ));
        content.extend(deltas.into_iter().map(|delta| {
            event(json!({"type": "content_block_delta", "index": index, "delta": delta}))
        }));
        content.push(event(json!({"type": "content_block_stop", "index": index})));
    }
    Frames {
        content_type: "text/event-stream",
        content,
        end: vec![
            event(json!({
                "type": "message_delta",
                "delta": {"stop_reason": stop_reason(answer), "stop_sequence": null},
                "usage": {"output_tokens": answer.usage.output},
            })),
            event(json!({"type": "message_stop"})),
        ],
        error: |kind, message| {
            let kind = if kind.is_empty() {
                "overloaded_error"
            } else {
                kind
            };
            event(json!({"type": "error", "error": {"type": kind, "message": message}}))
        },
    }
}

pub(super) fn whole(answer: &Answer) -> Value {
    let content: Vec<Value> = answer
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::Tool { id, name, input } => {
                let input: Value = serde_json::from_str(input).unwrap_or_else(|_| json!({}));
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
            Block::Thinking(thought) => {
                json!({"type": "thinking", "thinking": thought, "signature": "signed"})
            }
        })
        .collect();
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": content,
        "stop_reason": stop_reason(answer), "stop_sequence": null,
        "usage": {
            "input_tokens": answer.usage.input,
            "output_tokens": answer.usage.output,
            "cache_read_input_tokens": answer.usage.cache_read,
            "cache_creation_input_tokens": answer.usage.cache_write,
        },
    })
}

fn stop_reason(answer: &Answer) -> &'static str {
    match answer.stop() {
        Stop::End => "end_turn",
        Stop::Tools => "tool_use",
        Stop::Length => "max_tokens",
        Stop::Filtered => "refusal",
        Stop::Word(word) => word,
    }
}

fn event(data: Value) -> Vec<u8> {
    let kind = data["type"].as_str().unwrap_or_default();
    format!("event: {kind}\ndata: {data}\n\n").into_bytes()
}
