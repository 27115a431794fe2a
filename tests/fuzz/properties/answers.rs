//! Models' answers as streams of events.

use std::io;

use futures::stream;
use serde_json::{Value, json};
use t3nets_router::ai::recorded;
use t3nets_router::model::{ContentBlock, ModelMessage, ModelReply, ModelRequest, Role};
use t3nets_router::ports::{ModelError, ModelEvent};

use super::choices::Choices;

/// Whose form an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// OpenAI's and compatible endpoints'.
    ChatCompletions,
    /// Anthropic's.
    Messages,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Ended,
    /// The connection breaks.
    Cut,
}

/// Checks what the bytes choose: bytes as they are must be read without harm; a whole answer is
/// given whatever stands around it; half of one never is.
///
/// # Panics
/// If that does not hold.
pub fn check(api: Api, bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    match choices.below(4) {
        0 => anything(api, &mut choices),
        _ => made(api, &mut choices),
    }
}

/// What is read, and what was passed on meanwhile.
fn read(api: Api, pieces: &[&[u8]], end: End) -> (Result<ModelReply, ModelError>, String) {
    let mut all: Vec<io::Result<Vec<u8>>> = pieces.iter().map(|piece| Ok(piece.to_vec())).collect();
    if end == End::Cut {
        all.push(Err(io::Error::other("cut")));
    }
    let body = reqwest::Body::wrap_stream(stream::iter(all));
    let response = axum::http::Response::new(body).into();
    let content = vec![ContentBlock::Text("How is it?".to_owned())];
    let request = ModelRequest {
        model: "m".to_owned(),
        system: String::new(),
        messages: vec![ModelMessage {
            role: Role::User,
            content,
        }],
        tools: Vec::new(),
        max_tokens: 9,
        options: Default::default(),
        origin: None,
    };
    let mut heard = String::new();
    let mut listen = |event: ModelEvent<'_>| {
        if let ModelEvent::Text(words) = event {
            heard.push_str(words);
        }
    };
    let reply = super::wait_for(async {
        match api {
            Api::ChatCompletions => {
                recorded::chat_completions(response, &request, &mut listen).await
            }
            Api::Messages => recorded::messages(response, &request, &mut listen).await,
        }
    });
    (reply, heard)
}

fn anything(api: Api, choices: &mut Choices<'_>) {
    let end = choices.of(&[End::Ended, End::Cut]);
    let mut cuts = Choices::new(choices.bytes(8));
    let bytes = choices.rest();
    let whole = read(api, &[bytes], end);
    assert_eq!(
        read(api, &cuts.cut(bytes), end),
        whole,
        "pieces make a difference"
    );
}

/// A whole answer, as events before and after its reason to stop.
struct Made {
    before: Vec<Value>,
    stop: Value,
    behind: Vec<Value>,
    text: String,
    calls: Vec<(String, Value)>,
}

fn made(api: Api, choices: &mut Choices<'_>) {
    let made = match api {
        Api::ChatCompletions => chat_completions(choices),
        Api::Messages => messages(choices),
    };
    let form = Form::chosen(choices);
    let mut sent = form.begin.to_vec();
    for event in &made.before {
        noise(api, choices, &form, &mut sent);
        form.write(event, &mut sent);
    }
    noise(api, choices, &form, &mut sent);
    let begin_of_stop = sent.len();
    form.write(&made.stop, &mut sent);
    // The last event needs no empty line behind it, and no end of its line.
    let end_of_stop = sent.len() - 2 * form.line_end.len();
    for event in &made.behind {
        noise(api, choices, &form, &mut sent);
        form.write(event, &mut sent);
    }
    if choices.flag() {
        sent.extend(choices.bytes(40));
    }

    let end = choices.of(&[End::Ended, End::Cut]);
    let pieces = choices.cut(&sent);
    let (reply, heard) = read(api, &pieces, end);
    let shown = || String::from_utf8_lossy(&sent).into_owned();
    let reply = reply.unwrap_or_else(|error| panic!("{error:?} from {}", shown()));
    assert_eq!(reply.text(), made.text, "{}", shown());
    assert_eq!(heard, made.text, "{}", shown());
    let calls: Vec<(String, Value)> = reply.content.iter().filter_map(call).collect();
    assert_eq!(calls, made.calls, "{}", shown());

    let place = usize::from(choices.byte()) << 8 | usize::from(choices.byte());
    let cut = match choices.flag() {
        // Most cuts that matter are near the end.
        true => begin_of_stop + place % (end_of_stop - begin_of_stop),
        false => place % end_of_stop,
    };
    let half = &sent[..cut];
    let (reply, _) = read(api, &choices.cut(half), end);
    assert!(
        reply.is_err(),
        "{reply:?} from {}",
        String::from_utf8_lossy(half)
    );
}

fn call(block: &ContentBlock) -> Option<(String, Value)> {
    match block {
        ContentBlock::ToolUse { name, input, .. } => Some((name.clone(), input.clone())),
        _ => None,
    }
}

/// How events are written down.
struct Form {
    begin: &'static [u8],
    line_end: &'static str,
    field: &'static str,
    is_named: bool,
}

impl Form {
    fn chosen(choices: &mut Choices<'_>) -> Self {
        Self {
            begin: choices.of(&[&b""[..], b"\xef\xbb\xbf", b"\n\n", b": hello\n\n"]),
            line_end: choices.of(&["\n", "\r\n", "\r"]),
            field: choices.of(&["data: ", "data:"]),
            is_named: choices.flag(),
        }
    }

    fn write(&self, event: &Value, sent: &mut Vec<u8>) {
        let end = self.line_end;
        if let Some(name) = event["type"].as_str().filter(|_| self.is_named) {
            sent.extend(format!("event: {name}{end}").bytes());
        }
        sent.extend(format!("{}{event}{end}{end}", self.field).bytes());
    }
}

/// What says nothing of an answer, and may stand anywhere between events.
fn noise(api: Api, choices: &mut Choices<'_>, form: &Form, sent: &mut Vec<u8>) {
    let end = form.line_end;
    for _ in 0..choices.below(3) {
        let line = match choices.below(9) {
            0 => format!(": {end}"),
            1 => end.to_owned(),
            2 => format!("id: 7{end}retry: 5{end}{end}"),
            3 => format!("whatever: {{{end}"),
            4 => format!("event: ping{end}{end}"),
            5 => {
                sent.extend(b": \xff\xfe");
                end.to_owned()
            }
            _ => {
                form.write(&empty_event(api, choices), sent);
                continue;
            }
        };
        sent.extend(line.bytes());
    }
}

/// An event without words, calls, errors and reason to stop.
fn empty_event(api: Api, choices: &mut Choices<'_>) -> Value {
    let value = choices.value(2);
    match (api, choices.below(9)) {
        (_, 0) => json!(null),
        (_, 1) => json!({}),
        (_, 2) => json!({"id": value, "created": value, "x": value}),
        (Api::ChatCompletions, 3) => json!({"choices": null, "usage": value}),
        (Api::ChatCompletions, 4) => {
            json!({"choices": [], "usage": {"prompt_tokens": value, "total_tokens": value}})
        }
        (Api::ChatCompletions, 5) => {
            json!({"choices": [{"index": value, "delta": null, "finish_reason": null, "logprobs": value}]})
        }
        (Api::ChatCompletions, 6) => {
            json!({"choices": [{"delta": {"content": null, "role": value}, "finish_reason": ""}]})
        }
        (Api::ChatCompletions, 7) => json!({"choices": [{"usage": value}], "x_groq": value}),
        (Api::ChatCompletions, _) => {
            json!({"choices": [{"delta": {"reasoning": value, "tool_calls": null}}], "error": null})
        }
        (Api::Messages, 3) => json!({"type": "ping", "x": value}),
        (Api::Messages, 4) => {
            json!({"type": "message_delta", "delta": {"stop_reason": null}, "usage": {"output_tokens": value}})
        }
        (Api::Messages, 5) => json!({"type": "message_start", "message": {"usage": value}}),
        (Api::Messages, 6) => json!({"type": "content_block_stop", "index": value}),
        (Api::Messages, 7) => json!({"type": "from_the_future", "delta": value}),
        (Api::Messages, _) => json!({"type": [value]}),
    }
}

/// Pieces of a text that does not begin as thoughts do.
fn pieces_of_text(choices: &mut Choices<'_>) -> Vec<String> {
    let count = choices.below(4);
    let mut pieces: Vec<String> = (0..count).map(|_| choices.text(20)).collect();
    if let Some(first) = pieces.first_mut() {
        first.insert(0, 'A');
    }
    pieces
}

/// Calls by name and input.
fn some_calls(choices: &mut Choices<'_>) -> Vec<(String, Value)> {
    (0..choices.below(3))
        .map(|_| {
            let input = json!({"action": choices.value(1), "b": choices.text(6)});
            (choices.of(&["ping", "sprint_status"]).to_owned(), input)
        })
        .collect()
}

fn chat_completions(choices: &mut Choices<'_>) -> Made {
    let pieces = pieces_of_text(choices);
    let calls = some_calls(choices);
    let field = choices.of(&["delta", "message"]);
    let mut before: Vec<Value> = pieces
        .iter()
        .map(|piece| json!({"choices": [{"index": 0, field: {"content": piece}}]}))
        .collect();
    for (at, (name, input)) in calls.iter().enumerate() {
        let id = choices.of(&[json!(format!("c{at}")), json!(at), json!(""), json!(null)]);
        let arguments = input.to_string();
        let cut = arguments.floor_char_boundary(choices.below(30));
        let (first, rest) = arguments.split_at(cut.min(arguments.len()));
        for function in [
            json!({"name": name, "arguments": first}),
            json!({"arguments": rest}),
        ] {
            let is_first = function.get("name").is_some();
            let mut part = json!({"index": at, "function": function});
            if is_first {
                part["id"] = id.clone();
            }
            before.push(json!({"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]}));
        }
    }
    let reason = choices.of(&["stop", "tool_calls", "length", "brand_new"]);
    let last = choices.of(&["", "The end."]);
    Made {
        before,
        stop: json!({"choices": [{"index": 0, "delta": {"content": last}, "finish_reason": reason}]}),
        behind: vec![json!({"choices": [], "usage": {"prompt_tokens": choices.value(1)}})],
        text: pieces.concat() + last,
        calls,
    }
}

fn messages(choices: &mut Choices<'_>) -> Made {
    let pieces = pieces_of_text(choices);
    let calls = some_calls(choices);
    let mut before =
        vec![json!({"type": "message_start", "message": {"usage": {"input_tokens": 9}}})];
    if choices.flag() {
        let block = choices.of(&[json!({"type": "text", "text": ""}), json!({}), json!(null)]);
        before.push(json!({"type": "content_block_start", "index": 0, "content_block": block}));
    }
    before.extend(pieces.iter().map(|piece| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
    }));
    for (at, (name, input)) in calls.iter().enumerate() {
        let at = at + 1;
        let id = choices.of(&[json!(format!("c{at}")), json!(at), json!(""), json!(null)]);
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        before.push(json!({"type": "content_block_start", "index": at, "content_block": block}));
        let arguments = input.to_string();
        let cut = arguments.floor_char_boundary(choices.below(30));
        let (first, rest) = arguments.split_at(cut.min(arguments.len()));
        for part in [first, rest] {
            let delta = json!({"type": "input_json_delta", "partial_json": part});
            before.push(json!({"type": "content_block_delta", "index": at, "delta": delta}));
        }
    }
    let reason = choices.of(&["end_turn", "tool_use", "max_tokens", "brand_new"]);
    Made {
        before,
        stop: json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": choices.value(1)}}),
        behind: vec![json!({"type": "message_stop"})],
        text: pieces.concat(),
        calls,
    }
}
