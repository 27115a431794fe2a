//! What endpoints really send. An answer that is whole is given, whatever stands around it; half an
//! answer is never given as a whole one.

use serde_json::{Value, json};
use support::model::Answer;
use t3nets_router::ai::ProviderKind::{self, Anthropic, OpenAi};
use t3nets_router::model::{ModelReply, StopReason, TokenUsage};
use t3nets_router::ports::ModelError;

use super::{answered_by, error_of, text, tool_use};

const STREAM: &str = "text/event-stream";
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

/// A chunk of chat completions with these words.
fn words(words: &str) -> String {
    json!({"choices": [{"index": 0, "delta": {"content": words}}]}).to_string()
}

fn calls(calls: Value) -> String {
    json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}).to_string()
}

fn sse(events: &[&str]) -> String {
    events
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

async fn reply_to(provider: ProviderKind, answer: Answer) -> ModelReply {
    let (reply, heard) = answered_by(provider, answer.clone()).await;
    let reply = reply.unwrap_or_else(|error| panic!("{provider}: {error:?} from {answer:?}"));
    assert_eq!(heard.concat(), reply.text());
    reply
}

async fn openai(body: impl Into<Vec<u8>>) -> ModelReply {
    reply_to(OpenAi, Answer::raw(STREAM, body)).await
}

/// The events of a whole answer of Anthropic's around these.
fn anthropic(events: &[Value]) -> String {
    let start = json!({"type": "message_start", "message": {"usage": {"input_tokens": 9}}});
    let end = json!({"type": "message_stop"});
    let all = [&start].into_iter().chain(events).chain([&end]);
    all.map(|event| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap_or("")
        )
    })
    .collect()
}

fn usage(input: u64, output: u64) -> TokenUsage {
    TokenUsage {
        input,
        output,
        ..TokenUsage::default()
    }
}

#[tokio::test]
async fn what_is_not_needed_of_a_chunk_cannot_fail_the_answer() {
    let hello = words("Hello");
    for other in [
        r#"{"choices": null}"#,
        "null",
        r#"{"choices": "none", "id": 3}"#,
        r#"{"choices": [{"delta": null, "finish_reason": null}]}"#,
        r#"{"choices": [{"delta": {"content": null, "role": 7}}]}"#,
        r#"{"choices": [], "usage": "much"}"#,
        r#"{"id": "a", "id": "b", "choices": []}"#,
        r#"{"error": null, "choices": []}"#,
        "[]",
        "3",
    ] {
        let reply = openai(sse(&[other, &hello, other, STOP, other, "[DONE]"])).await;
        assert_eq!(reply.text(), "Hello", "{other}");
    }
}

#[tokio::test]
async fn an_answer_is_whole_however_its_stream_ends() {
    let hello = words("Hello");
    // No empty line behind the last event, and no end at all.
    for end in [
        STOP.to_owned(),
        format!("{STOP}\n"),
        format!("{STOP}\n\ndata: [DO"),
    ] {
        let body = format!("{}data: {end}", sse(&[&hello]));
        assert_eq!(openai(body).await.text(), "Hello", "{end}");
    }
    for (provider, body) in [
        (OpenAi, sse(&[&hello, STOP])),
        (
            Anthropic,
            anthropic(&[
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
            ])
            .replace("message_stop", "ping"),
        ),
    ] {
        let reply = reply_to(provider, Answer::raw_then_held(STREAM, body)).await;
        assert_eq!(reply.text(), "Hello", "{provider}");
    }
    // What comes behind the reason to stop takes nothing back.
    for behind in ["{", r#"{"error": {"message": "late"}}"#, "\u{0}"] {
        assert_eq!(
            openai(sse(&[&hello, STOP, behind])).await.text(),
            "Hello",
            "{behind}"
        );
    }
}

#[tokio::test]
async fn letters_that_cannot_be_read_are_replaced() {
    let mut body = sse(&[&words("Gr?n")]).into_bytes();
    let at = body.iter().position(|byte| *byte == b'?').unwrap();
    body[at] = 0xff;
    body.extend(sse(&[&words("!"), STOP]).into_bytes());
    assert_eq!(openai(body).await.text(), "Gr\u{fffd}n!");
    let half = r#"{"choices":[{"delta":{"content":"a\ud83db"}}]}"#;
    assert_eq!(openai(sse(&[half, STOP])).await.text(), "a\u{fffd}b");
    let marked = format!("\u{feff}{}", sse(&[&words("Hello"), STOP]));
    assert_eq!(openai(marked).await.text(), "Hello");
}

#[tokio::test]
async fn a_whole_message_is_an_answer_in_a_stream_or_in_its_place() {
    let whole = json!({
        "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    })
    .to_string();
    for (content_type, body) in [
        (STREAM, sse(&[&whole])),
        ("application/json", whole.clone()),
        (STREAM, format!("\n{whole}\n")),
    ] {
        let reply = reply_to(OpenAi, Answer::raw(content_type, body)).await;
        assert_eq!(
            (reply.text(), reply.usage),
            ("Hello".to_owned(), usage(7, 2))
        );
    }
    let whole = json!({
        "type": "message", "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 2},
    });
    let reply = reply_to(
        Anthropic,
        Answer::raw("application/json", whole.to_string()),
    )
    .await;
    assert_eq!(
        (reply.text(), reply.usage),
        ("Hello".to_owned(), usage(7, 2))
    );
}

#[tokio::test]
async fn a_stream_is_read_whatever_it_calls_itself() {
    let body = sse(&[&words("Hello"), STOP]);
    for content_type in [
        "Text/Event-Stream",
        "",
        "text/plain",
        "application/octet-stream",
    ] {
        let reply = reply_to(OpenAi, Answer::raw(content_type, body.clone())).await;
        assert_eq!(reply.text(), "Hello", "{content_type}");
    }
}

#[tokio::test]
async fn counts_are_taken_from_wherever_they_stand() {
    let hello = words("Hello");
    for (told, expected) in [
        (
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": null}}),
            usage(100, 0),
        ),
        (
            json!({"usage": {"prompt_tokens": "100", "completion_tokens": 7.9}}),
            usage(100, 7),
        ),
        (
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": -5}}),
            usage(100, 0),
        ),
        (
            json!({"choices": [{"usage": {"prompt_tokens": 100, "completion_tokens": 7}}]}),
            usage(100, 7),
        ),
        (
            json!({"x_groq": {"usage": {"prompt_tokens": 100, "completion_tokens": 7}}}),
            usage(100, 7),
        ),
        // What was thought is in the sum alone.
        (
            json!({"usage": {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 150}}),
            usage(100, 50),
        ),
    ] {
        let told = told.to_string();
        let zero = r#"{"usage": {"prompt_tokens": 0, "completion_tokens": 0}}"#;
        for events in [
            &[&*hello, &told, STOP, "[DONE]"][..],
            &[&hello, STOP, &told, zero, "[DONE]"],
            &[&hello, STOP, "[DONE]", &told],
        ] {
            assert_eq!(openai(sse(events)).await.usage, expected, "{events:?}");
        }
    }
    let body = anthropic(&[
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
            "input_tokens": 0, "output_tokens": 4, "cache_read_input_tokens": 0,
        }}),
    ]);
    let reply = reply_to(Anthropic, Answer::raw(STREAM, body)).await;
    assert_eq!(reply.usage, usage(9, 4));
}

#[tokio::test]
async fn calls_are_told_apart_however_they_are_numbered() {
    let call = |index: Value, id: Value, name: &str, arguments: &str| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
    let status = r#"{"action":"status"}"#;
    // Two whole calls that cannot be told apart by index and id, in one chunk and in two.
    let two = [
        call(json!(0), json!(""), "ping", "{}"),
        call(json!(0), json!(""), "ping", status),
    ];
    for events in [
        vec![calls(json!(two))],
        vec![calls(json!([two[0]])), calls(json!([two[1]]))],
    ] {
        let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
        events.push(STOP);
        let reply = openai(sse(&events)).await;
        assert_eq!(reply.stop, StopReason::ToolUse);
        let expected = [
            tool_use("call_1_0", "ping", json!({})),
            tool_use("call_1_1", "ping", json!({"action": "status"})),
        ];
        assert_eq!(reply.content, expected);
    }
    // One id for two calls, a number for an id, an index that is a text or negative.
    let same = calls(json!([
        call(json!(0), json!("a"), "ping", "{}"),
        call(json!(1), json!("a"), "ping", status),
    ]));
    let reply = openai(sse(&[&same, STOP])).await;
    assert_eq!(reply.content[0], tool_use("a", "ping", json!({})));
    assert_eq!(
        reply.content[1],
        tool_use("call_1_1", "ping", json!({"action": "status"}))
    );
    for index in [json!("0"), json!(-1), json!(null)] {
        let begin = calls(json!([call(
            index.clone(),
            json!(7),
            "ping",
            "{\"action\":"
        )]));
        let rest = calls(json!([{"index": index, "function": {"arguments": "\"status\"}"}}]));
        let reply = openai(sse(&[&begin, &rest, STOP])).await;
        let expected = [tool_use("7", "ping", json!({"action": "status"}))];
        assert_eq!(reply.content, expected, "{index}");
    }
}

#[tokio::test]
async fn an_anthropic_answer_needs_no_more_than_its_words_and_its_end() {
    let stop =
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": null});
    let piece = |piece: &str| json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}});
    let tool = json!({"type": "content_block_start", "index": 1, "content_block": {
        "type": "tool_use", "id": "t", "name": "ping", "input": null,
    }});
    let input = |part: Value| json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": part}});
    let body = anthropic(&[
        piece("Hel"),
        json!({"type": "ping"}),
        json!({"type": "from_the_future", "index": "x"}),
        piece("lo"),
        tool,
        input(json!(null)),
        input(json!("{\"action\":\"status\"}")),
        stop,
    ]);
    let reply = reply_to(Anthropic, Answer::raw(STREAM, body)).await;
    let expected = [
        text("Hello"),
        tool_use("t", "ping", json!({"action": "status"})),
    ];
    assert_eq!(reply.content, expected);
    // It said that its turn ended.
    assert_eq!(reply.stop, StopReason::ToolUse);
    // A block that does not say what it is, and one that nobody knows.
    let begin = |index: u8, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let word = |index: u8, word: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": word}});
    for block in [json!(null), json!({}), json!({"type": null, "text": ""})] {
        let events = [
            begin(0, block),
            begin(1, json!({"type": "from_the_future"})),
            word(0, "Hello"),
            word(1, "nothing"),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
        ];
        let reply = reply_to(Anthropic, Answer::raw(STREAM, anthropic(&events))).await;
        assert_eq!(reply.text(), "Hello");
    }
    let refused = Answer::failure(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":null}}"#,
    );
    assert_eq!(
        error_of(Anthropic, refused).await,
        ModelError::Rejected("no message".to_owned())
    );
}

#[tokio::test]
async fn half_an_answer_is_never_given_as_a_whole_one() {
    let unfinished = r#"{"choices":[{"delta":{"content":"Hello wor"},"finish_reason":""}]}"#;
    let error = error_of(OpenAi, Answer::raw(STREAM, sse(&[unfinished]))).await;
    assert_eq!(
        error,
        ModelError::Unavailable("the answer broke off".to_owned())
    );
    assert_eq!(
        openai(sse(&[unfinished, "[DONE]"])).await.text(),
        "Hello wor"
    );

    for (event, expected) in [
        (
            r#"{"choices":[{"delta":{},"finish_reason":"error","error":{"message":"it is ill"}}]}"#,
            ModelError::Unavailable("it is ill".to_owned()),
        ),
        (
            r#"{"choices":[{"finish_reason":"error"}]}"#,
            ModelError::Unavailable("the endpoint reports an error and says no more".to_owned()),
        ),
        (
            r#"{"error":{"message":"slow down","code":429}}"#,
            ModelError::Throttled { retry_after: None },
        ),
        (
            r#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#,
            ModelError::Throttled { retry_after: None },
        ),
        (
            r#"{"error":{"message":"Requested token count exceeds the model's maximum context length of 8 tokens"}}"#,
            ModelError::TooLong,
        ),
        (
            r#"[{"error":{"message":"quota","code":"insufficient_quota"}}]"#,
            ModelError::Denied("quota".to_owned()),
        ),
        (
            r#"{"error":"it is ill"}"#,
            ModelError::Unavailable("it is ill".to_owned()),
        ),
    ] {
        let error = error_of(OpenAi, Answer::raw(STREAM, sse(&[event, STOP]))).await;
        assert_eq!(error, expected, "{event}");
    }
    for kind in ["rate_limit_error", "overloaded_error"] {
        let event = json!({"type": "error", "error": {"type": kind, "message": "busy"}});
        let error = error_of(Anthropic, Answer::raw(STREAM, anthropic(&[event]))).await;
        let throttled = matches!(error, ModelError::Throttled { .. });
        assert_eq!(throttled, kind == "rate_limit_error", "{error:?}");
    }
}

#[tokio::test]
async fn thoughts_in_the_content_are_no_part_of_the_answer() {
    for pieces in [
        &["<think>The sprint…</think>\n\nAll is well."][..],
        &[
            "<th",
            "ink>The sp",
            "rint…</thi",
            "nk>",
            "\n\nAll is",
            " well.",
        ],
    ] {
        let chunks: Vec<String> = pieces.iter().map(|piece| words(piece)).collect();
        let mut events: Vec<&str> = chunks.iter().map(String::as_str).collect();
        events.push(STOP);
        assert_eq!(openai(sse(&events)).await.text(), "All is well.");
    }
    let reply = openai(sse(&[&words("Use <think> so."), STOP])).await;
    assert_eq!(reply.text(), "Use <think> so.");
    // Compatible endpoints speak Anthropic's form, too.
    let piece = |piece: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}});
    let stop = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    for (pieces, answer) in [
        (
            ["<thi", "nk>so</think>\n\n", "All is well."],
            "All is well.",
        ),
        (["", "<thi", "nk"], "<think"),
    ] {
        let [a, b, c] = pieces.map(piece);
        let body = anthropic(&[a, b, c, stop.clone()]);
        let reply = reply_to(Anthropic, Answer::raw(STREAM, body)).await;
        assert_eq!(reply.text(), answer);
    }
}

#[tokio::test]
async fn too_long_is_understood_in_every_endpoints_words() {
    for message in [
        "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested 9000 tokens",
        "litellm.ContextWindowExceededError: AnthropicError - prompt is too long",
        "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
        "the request exceeds the available context size, try increasing it",
        "Please reduce the length of the messages or completion.",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "input length and `max_tokens` exceed context limit: 9 + 9 > 10",
    ] {
        let error = error_of(OpenAi, Answer::openai_error(400, "", message)).await;
        assert_eq!(error, ModelError::TooLong, "{message}");
    }
}
