//! The cases of `tolerance`, as they can stand in Bedrock's event stream: what is not needed cannot
//! fail an answer, and half of one is never given as a whole one.

use serde_json::{Value, json};
use support::model::{Answer, bedrock_event};
use t3nets_router::ai::ProviderKind::Bedrock;
use t3nets_router::model::{ModelReply, StopReason, TokenUsage};
use t3nets_router::ports::ModelError;

use super::{answered_by, error_of, text, tool_use};

const STREAM: &str = "application/vnd.amazon.eventstream";

fn event(kind: &str, payload: Value) -> Vec<u8> {
    bedrock_event(kind, payload.to_string())
}

fn words(words: &str) -> Vec<u8> {
    let delta = json!({"contentBlockIndex": 0, "delta": {"text": words}});
    event("contentBlockDelta", delta)
}

fn stop() -> Vec<u8> {
    event("messageStop", json!({"stopReason": "end_turn"}))
}

async fn read(events: &[Vec<u8>]) -> ModelReply {
    let answer = Answer::raw(STREAM, events.concat());
    let (reply, heard) = answered_by(Bedrock, answer).await;
    let reply = reply.unwrap_or_else(|error| {
        panic!(
            "{error:?} from {}",
            String::from_utf8_lossy(&events.concat())
        )
    });
    assert_eq!(heard.concat(), reply.text());
    reply
}

#[tokio::test]
async fn what_is_not_needed_of_bedrocks_events_cannot_fail_the_answer() {
    for (kind, payload) in [
        ("contentBlockDelta", "null"),
        ("contentBlockDelta", "{}"),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex": 0, "delta": null}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex": 0, "delta": {"text": null}}"#,
        ),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex": 0, "delta": {"picture": 1}}"#,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex": "zero"}"#),
        ("messageStart", r#"{"role": 7}"#),
        ("messageStart", ""),
        ("metadata", r#"{"usage": "much", "metrics": []}"#),
        ("metadata", r#"{"usage": null, "trace": 3}"#),
        ("fromTheFuture", "no JSON"),
        ("messageStop", r#"{"stopReason": null}"#),
        ("messageStop", r#"{"stopReason": ""}"#),
        ("metadata", r#"{"a": 1, "a": 2}"#),
    ] {
        let other = bedrock_event(kind, payload);
        let reply = read(&[other.clone(), words("Hello"), other.clone(), stop(), other]).await;
        assert_eq!(reply.text(), "Hello", "{kind} {payload}");
    }
}

#[tokio::test]
async fn a_bedrock_answer_is_whole_however_its_stream_ends() {
    let whole = [words("Hello"), stop()].concat();
    let held = Answer::raw_then_held(STREAM, whole.clone());
    let half_a_frame = &event("metadata", json!({}))[..20];
    let exception = bedrock_event("internalServerException", "{}");
    for behind in [
        &b""[..],
        half_a_frame,
        b"no frame at all, by far",
        &exception,
    ] {
        let reply = answered_by(Bedrock, Answer::raw(STREAM, [&whole, behind].concat()))
            .await
            .0;
        assert_eq!(reply.unwrap().text(), "Hello", "{behind:?}");
    }
    assert_eq!(answered_by(Bedrock, held).await.0.unwrap().text(), "Hello");
    for content_type in ["", "text/plain", "application/octet-stream"] {
        let (reply, _) = answered_by(Bedrock, Answer::raw(content_type, whole.clone())).await;
        assert_eq!(reply.unwrap().text(), "Hello", "{content_type}");
    }
}

#[tokio::test]
async fn letters_of_bedrocks_that_cannot_be_read_are_replaced() {
    let delta = |words: &[u8]| {
        let payload = [
            br#"{"contentBlockIndex":0,"delta":{"text":""#,
            words,
            br#""}}"#,
        ]
        .concat();
        bedrock_event("contentBlockDelta", payload)
    };
    for (sent, read_as) in [
        (&b"Gr\xffn"[..], "Gr\u{fffd}n"),
        (br"a\ud83db", "a\u{fffd}b"),
        (b"a\nb", "a\nb"),
    ] {
        let reply = read(&[delta(sent), words("!"), stop()]).await;
        assert_eq!(reply.text(), format!("{read_as}!"));
    }
}

#[tokio::test]
async fn a_whole_message_of_bedrocks_is_an_answer_in_place_of_a_stream() {
    let whole = json!({
        "output": {"message": {"role": "assistant", "content": [
            {"text": "Hello"}, {"toolUse": {"toolUseId": "t", "name": "ping", "input": {"n": 1}}},
        ]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 7, "outputTokens": 2},
    });
    let answer = Answer::raw("application/json", whole.to_string());
    let (reply, heard) = answered_by(Bedrock, answer).await;
    let reply = reply.unwrap();
    assert_eq!(heard, ["Hello"]);
    assert_eq!(
        reply.content,
        [text("Hello"), tool_use("t", "ping", json!({"n": 1}))]
    );
    assert_eq!(reply.stop, StopReason::ToolUse);
    assert_eq!((reply.usage.input, reply.usage.output), (7, 2));
}

#[tokio::test]
async fn bedrocks_counts_are_read_in_every_form() {
    let usage = |input, output, cache_read| TokenUsage {
        input,
        output,
        cache_read,
        cache_write: 0,
    };
    let zero = event(
        "metadata",
        json!({"usage": {"inputTokens": 0, "outputTokens": 0}}),
    );
    for (told, expected) in [
        (
            json!({"inputTokens": 100, "outputTokens": null}),
            usage(100, 0, 0),
        ),
        (
            json!({"inputTokens": "100", "outputTokens": 7.9}),
            usage(100, 7, 0),
        ),
        (
            json!({"inputTokens": 100, "outputTokens": -5, "cacheReadInputTokens": 30}),
            usage(100, 0, 30),
        ),
        (
            json!({"inputTokens": 1e300, "outputTokens": 5_000_000_000_u64}),
            usage(0, 5_000_000_000, 0),
        ),
        // What was thought is in the sum alone.
        (
            json!({"inputTokens": 100, "outputTokens": 7, "cacheReadInputTokens": 30, "totalTokens": 200}),
            usage(100, 70, 30),
        ),
    ] {
        let told = event("metadata", json!({"usage": told}));
        for events in [
            &[words("Hello"), told.clone(), stop()][..],
            &[words("Hello"), stop(), told, zero.clone()],
        ] {
            assert_eq!(read(events).await.usage, expected);
        }
    }
}

#[tokio::test]
async fn bedrocks_calls_are_told_apart_however_they_are_numbered() {
    let begin = |at: Value, id: Value| {
        let tool = json!({"toolUse": {"toolUseId": id, "name": "ping"}});
        event(
            "contentBlockStart",
            json!({"contentBlockIndex": at, "start": tool}),
        )
    };
    let input = |at: Value, input: Value| {
        let delta = json!({"toolUse": {"input": input}});
        event(
            "contentBlockDelta",
            json!({"contentBlockIndex": at, "delta": delta}),
        )
    };
    for (at, id, known_as) in [
        (json!("1"), json!(7), "7"),
        (json!(-1), json!("t"), "t"),
        (json!(null), json!(""), "call_1_1"),
        (json!(1.5), json!(null), "call_1_1"),
    ] {
        let reply = read(&[
            words("Look."),
            begin(at.clone(), id),
            input(at.clone(), json!(null)),
            input(at.clone(), json!("```json\n{\"action\":")),
            input(at.clone(), json!("\"status\"}\n```")),
            stop(),
        ])
        .await;
        let called = tool_use(known_as, "ping", json!({"action": "status"}));
        assert_eq!(reply.content, [text("Look."), called], "{at}");
        // It said that its turn ended.
        assert_eq!(reply.stop, StopReason::ToolUse);
    }
    let twice = read(&[
        begin(json!(0), json!("a")),
        input(json!(0), json!("{}")),
        begin(json!(0), json!("a")),
        input(json!(0), json!({"whole": true})),
        stop(),
    ])
    .await;
    assert_eq!(
        twice.content,
        [
            tool_use("a", "ping", json!({})),
            tool_use("call_1_1", "ping", json!({"whole": true})),
        ]
    );
}

#[tokio::test]
async fn half_an_answer_of_bedrocks_is_never_given_as_a_whole_one() {
    let broken_off = ModelError::Unavailable("the answer broke off".to_owned());
    let whole = [words("Hello wor"), stop()].concat();
    let ends = [0, 10, whole.len() - stop().len(), whole.len() - 3];
    for end in ends {
        let error = error_of(Bedrock, Answer::raw(STREAM, &whole[..end])).await;
        assert_eq!(error, broken_off, "{end}");
    }
    // What cannot be read may have been words.
    for damaged in [
        bedrock_event("contentBlockDelta", "{"),
        bedrock_event("contentBlockDelta", "<html>"),
        [&words("Hello")[..20], &stop()].concat(),
    ] {
        let error = error_of(Bedrock, Answer::raw(STREAM, [damaged, stop()].concat())).await;
        assert!(
            matches!(error, ModelError::Protocol(_) | ModelError::Unavailable(_)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn thoughts_in_bedrocks_words_are_no_part_of_the_answer() {
    let pieces = [
        "<th",
        "ink>The sp",
        "rint…</thi",
        "nk>",
        "\n\nAll is",
        " well.",
    ];
    let mut events: Vec<Vec<u8>> = pieces.iter().map(|piece| words(piece)).collect();
    events.push(stop());
    assert_eq!(read(&events).await.text(), "All is well.");
    assert_eq!(read(&[words("<thin"), stop()]).await.text(), "<thin");
}
