//! Answers in the format of OpenAI's chat completions.

use serde_json::{Value, json};

use super::{Answer, Block, Frames, Stop, pieces};

pub(super) fn frames(answer: &Answer, wants_usage: bool) -> Frames {
    let mut content = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    for text in texts(answer) {
        for piece in pieces(text, answer.chunks) {
            content.push(chunk(json!({"content": piece}), None));
        }
    }
    // All calls begin before any goes on, so that whoever ignores the index mixes them up.
    for (index, (id, name, _)) in calls(answer).enumerate() {
        content.push(call_delta(json!({
            "index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""},
        })));
    }
    for part in 0..3 {
        for (index, (_, _, input)) in calls(answer).enumerate() {
            if let Some(piece) = pieces(input, 3).get(part) {
                content.push(call_delta(
                    json!({"index": index, "function": {"arguments": piece}}),
                ));
            }
        }
    }
    let mut end = vec![chunk(json!({}), Some(finish_reason(answer)))];
    if wants_usage {
        end.push(event(&json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "scripted",
            "choices": [], "usage": usage(answer),
        })));
    }
    end.push(b"data: [DONE]\n\n".to_vec());
    Frames {
        content_type: "text/event-stream",
        content,
        end,
        error: |_, message| {
            event(&json!({"error": {"message": message, "type": "server_error", "code": 500}}))
        },
    }
}

pub(super) fn whole(answer: &Answer) -> Value {
    let text: String = texts(answer).collect();
    let mut message = json!({"role": "assistant", "content": text});
    let calls: Vec<Value> = calls(answer)
        .map(|(id, name, input)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": input}})
        })
        .collect();
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(answer)}],
        "usage": usage(answer),
    })
}

fn texts(answer: &Answer) -> impl Iterator<Item = &str> {
    answer.blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.as_str()),
        Block::Tool { .. } | Block::Thinking(_) => None,
    })
}

fn calls(answer: &Answer) -> impl Iterator<Item = (&str, &str, &str)> {
    answer.blocks.iter().filter_map(|block| match block {
        Block::Tool { id, name, input } => Some((id.as_str(), name.as_str(), input.as_str())),
        Block::Text(_) | Block::Thinking(_) => None,
    })
}

fn usage(answer: &Answer) -> Value {
    let sent = answer.usage.input + answer.usage.cache_read + answer.usage.cache_write;
    json!({
        "prompt_tokens": sent,
        "completion_tokens": answer.usage.output,
        "total_tokens": sent + answer.usage.output,
        "prompt_tokens_details": {"cached_tokens": answer.usage.cache_read},
    })
}

fn finish_reason(answer: &Answer) -> &'static str {
    match answer.stop() {
        Stop::End => "stop",
        Stop::Tools => "tool_calls",
        Stop::Length => "length",
        Stop::Filtered => "content_filter",
        Stop::Word(word) => word,
    }
}

fn call_delta(call: Value) -> Vec<u8> {
    chunk(json!({"tool_calls": [call]}), None)
}

fn chunk(delta: Value, finish_reason: Option<&str>) -> Vec<u8> {
    event(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }))
}

fn event(data: &Value) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}
