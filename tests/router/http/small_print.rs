//! What clients really send: an answer's fields back as they came, ids as Slack and Teams make
//! them, bodies that are not quite right; and that the document says all that is refused.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use t3nets_router::model::UserRole;

use super::{Answer, TestApp, request};

async fn app() -> (TestApp, String) {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    (app, key)
}

async fn chat(app: &TestApp, key: &str, body: &Value) -> Answer {
    app.post("/api/chat", Some(key), body).await
}

/// A query with this session's id, encoded.
fn query(name: &str, session: &str) -> String {
    let encoded: String = session.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("{name}={encoded}")
}

#[tokio::test]
async fn what_an_answer_has_may_be_sent_back_whole() {
    let (app, key) = app().await;
    let first = chat(&app, &key, &json!({"message": "hello"})).await.json();
    let session = first["session_id"].as_str().unwrap();
    let both = json!({
        "message": "hello", "text": "hello",
        "session_id": session, "conversation_id": first["conversation_id"],
    });
    let second = chat(&app, &key, &both).await;
    assert_eq!(second.status, StatusCode::OK, "{:?}", second.body);
    assert_eq!(second.json()["session_id"], session);
    assert_eq!(app.history(&key, session).await.len(), 4);

    let path = format!("/api/history?session_id={session}&conversation_id={session}");
    assert_eq!(app.get(&path, Some(&key)).await.status, StatusCode::OK);

    for names in [
        ["session_id", "conversation_id"],
        ["conversation_id", "session_id"],
    ] {
        // Empty is none, whatever the other says.
        for empty in [json!(""), json!(null)] {
            let one = json!({"message": "hello", names[0]: empty, names[1]: session});
            assert_eq!(chat(&app, &key, &one).await.json()["session_id"], session);
            let none = json!({"message": "hello", names[0]: empty, names[1]: empty});
            let answer = chat(&app, &key, &none).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_ne!(answer.json()["session_id"], session);
            assert_ne!(answer.json()["session_id"], "");
        }
        let other = json!({"message": "hello", names[0]: session, names[1]: "other"});
        let answer = chat(&app, &key, &other).await;
        assert_eq!(
            (answer.status, &*answer.error_code()),
            (StatusCode::BAD_REQUEST, "invalid_request")
        );
    }

    let clear = json!({"session_id": session, "conversation_id": session});
    let cleared = app.post("/api/clear", Some(&key), &clear).await.json();
    assert_eq!(cleared, json!({"session_id": session, "cleared": true}));
}

#[tokio::test]
async fn sessions_may_be_named_as_slack_and_teams_name_their_threads() {
    let (app, key) = app().await;
    let sessions = [
        "C024BE7LH:1712345678.123456",
        "19:abc_def@thread.v2;messageid=1712345678901",
        "28:bot-app-id",
        "../../etc/passwd",
        "a",
        "a#page#0",
        "a%23page%230",
        "%",
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        &"~".repeat(128),
    ];
    for session in sessions {
        let body = json!({"message": "hello", "session_id": session});
        let answer = chat(&app, &key, &body).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{session}: {:?}",
            answer.body
        );
        assert_eq!(answer.json()["session_id"], session);
    }
    for session in sessions {
        let path = format!("/api/history?{}", query("session_id", session));
        let history = app.get(&path, Some(&key)).await;
        assert_eq!(history.status, StatusCode::OK, "{session}");
        assert_eq!(
            history.json()["messages"].as_array().unwrap().len(),
            2,
            "{session}"
        );
    }
    let listed = app.pages("/api/sessions", "sessions", 1, &key).await;
    let mut listed: Vec<&str> = listed
        .iter()
        .filter_map(|one| one["session_id"].as_str())
        .collect();
    let mut expected = sessions.to_vec();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let cleared = app
        .post("/api/clear", Some(&key), &json!({"session_id": "a"}))
        .await;
    assert_eq!(cleared.json()["cleared"], true);
    assert_eq!(app.history(&key, "a").await.len(), 0);
    assert_eq!(app.history(&key, "a%2523page%25230").await.len(), 2);
}

/// Each request with what the error has to say.
#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_in_a_persons_words() {
    let (app, key) = app().await;
    let nested = format!("{{\"a\": {}", "[".repeat(10_000));
    for (path, body, expected) in [
        (
            "/api/chat",
            "",
            "the body is empty; it must be a JSON object",
        ),
        (
            "/api/chat",
            "{",
            "the body is not valid JSON: it ends too early",
        ),
        (
            "/api/chat",
            r#"{"message": hi}"#,
            "the body is not valid JSON: expected value at line 1 column 13",
        ),
        (
            "/api/chat",
            &nested,
            "the body is not valid JSON: recursion limit exceeded at line 1 column 133",
        ),
        (
            "/api/chat",
            r#"["hi", "s"]"#,
            "the body must be a JSON object, not an array",
        ),
        (
            "/api/chat",
            r#"[]"#,
            "the body must be a JSON object, not an array",
        ),
        (
            "/api/chat",
            r#""hi""#,
            "the body must be a JSON object, not text",
        ),
        (
            "/api/chat",
            "null",
            "the body must be a JSON object, not null",
        ),
        (
            "/api/chat",
            "1.5",
            "the body must be a JSON object, not a number",
        ),
        (
            "/api/chat",
            "true",
            "the body must be a JSON object, not true or false",
        ),
        ("/api/chat", "{}", "`message` is missing"),
        (
            "/api/chat",
            r#"{"message": 7}"#,
            "`message` must be text, not a number",
        ),
        (
            "/api/chat",
            r#"{"text": {"a": 1}}"#,
            "`text` must be text, not an object",
        ),
        ("/api/chat", r#"{"message": " \n"}"#, "`message` is empty"),
        (
            "/api/chat",
            r#"{"message": "a", "message": "b"}"#,
            "`message` is given more than once, with different values",
        ),
        (
            "/api/chat",
            r#"{"message": "a", "text": "b"}"#,
            "`message` and `text` are names of the same and differ: send one of them",
        ),
        (
            "/api/chat",
            r#"{"message": "a", "session_id": "a b"}"#,
            "`session_id` cannot be used: session id must be 1 to 128 printable ASCII characters without a space",
        ),
        (
            "/api/chat",
            r#"{"message": "a", "conversation_id": []}"#,
            "`conversation_id` must be text, not an array",
        ),
        (
            "/api/clear",
            r#"["s"]"#,
            "the body must be a JSON object, not an array",
        ),
        (
            "/api/clear",
            r#"{"session_id": ""}"#,
            "`session_id` is missing: it says which conversation to remove",
        ),
    ] {
        let request =
            request(Method::POST, path, Some(&key)).header("content-type", "application/json");
        let answer = app
            .send(request.body(Body::from(body.to_owned())).unwrap())
            .await;
        assert_eq!(answer.error_code(), "invalid_request", "{body:.80}");
        assert_eq!(answer.json()["error"]["message"], expected, "{body:.80}");
    }
    for (path, expected) in [
        (
            "/api/history",
            "`session_id` is missing: it says which conversation",
        ),
        (
            "/api/history?session_id=",
            "`session_id` is missing: it says which conversation",
        ),
        (
            "/api/history?session_id=a&conversation_id=b",
            "`session_id` and `conversation_id` are names of the same and differ: send one of them",
        ),
        (
            "/api/history?session_id=a&limit=ten",
            "`limit` must be a whole number from 1 to 200",
        ),
        (
            "/api/sessions?limit=201",
            "`limit` must be a whole number from 1 to 200",
        ),
        (
            "/api/sessions?after=",
            "`after` is empty; leave it out for the first page",
        ),
        (
            "/api/sessions?after=x",
            "`after` is not a cursor of this list",
        ),
    ] {
        let answer = app.get(path, Some(&key)).await;
        assert_eq!(answer.error_code(), "invalid_request", "{path}");
        assert_eq!(answer.json()["error"]["message"], expected, "{path}");
    }
}

/// A parameter of a path, or a property of a body.
fn schema<'a>(document: &'a Value, place: &str, name: &str) -> &'a Value {
    let found = match place.strip_prefix("GET ") {
        Some(path) => document["paths"][path]["get"]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .find(|parameter| parameter["name"] == name)
            .map(|parameter| &parameter["schema"]),
        None => document["components"]["schemas"][place]["properties"].get(name),
    };
    found.unwrap_or_else(|| panic!("{place} has no {name}"))
}

/// Whether a value is right by its schema, as far as the document's schemas go.
fn allows(schema: &Value, value: &str) -> bool {
    let length = value.chars().count() as u64;
    let number: Option<i64> = value.parse().ok();
    let types = schema["type"].to_string();
    if types.contains("integer") {
        return number.is_some_and(|number| {
            schema["minimum"]
                .as_i64()
                .is_none_or(|least| number >= least)
                && schema["maximum"].as_i64().is_none_or(|most| number <= most)
        });
    }
    schema["minLength"]
        .as_u64()
        .is_none_or(|least| length >= least)
        && schema["maxLength"]
            .as_u64()
            .is_none_or(|most| length <= most)
        && schema["pattern"].as_str().is_none_or(|pattern| {
            regex::Regex::new(
                &pattern
                    .replace("\\uFEFF", "\\x{FEFF}")
                    .replace("\\u0085", "\\x{85}"),
            )
            .unwrap()
            .is_match(value)
        })
}

#[tokio::test]
async fn the_document_says_what_is_refused() {
    let (app, key) = app().await;
    chat(&app, &key, &json!({"message": "hello", "session_id": "s"})).await;
    let document = app.get("/openapi.json", None).await.json();
    let long = "x".repeat(129);
    for session in ["", "s", "19:a;b=c", "a b", "\u{e9}", "a\n", &long] {
        let body = json!({"message": "hello", "session_id": session});
        let accepted = chat(&app, &key, &body).await.status == StatusCode::OK;
        let allowed = allows(schema(&document, "ChatBody", "session_id"), session);
        assert_eq!(allowed, accepted, "{session:?}");
        let cleared = app
            .post("/api/clear", Some(&key), &json!({"session_id": session}))
            .await;
        let allowed = allows(schema(&document, "ClearBody", "session_id"), session);
        assert_eq!(
            allowed,
            cleared.status == StatusCode::OK,
            "clear {session:?}"
        );
        let history = app
            .get(
                &format!("/api/history?{}", query("session_id", session)),
                Some(&key),
            )
            .await;
        let allowed = allows(schema(&document, "GET /api/history", "session_id"), session);
        assert_eq!(
            allowed,
            history.status != StatusCode::BAD_REQUEST,
            "history {session:?}"
        );
    }
    let too_long = "x".repeat(32_769);
    for message in [
        "",
        " ",
        "\n\t\u{3000}\u{85}",
        "\u{feff} ",
        "hi",
        " hi ",
        &too_long,
    ] {
        let answer = chat(&app, &key, &json!({"message": message})).await;
        let allowed = allows(schema(&document, "ChatBody", "message"), message);
        assert_eq!(allowed, answer.status == StatusCode::OK, "{message:.20?}");
    }
    for (path, query) in [("/api/sessions", ""), ("/api/history", "session_id=s&")] {
        for limit in ["0", "1", "200", "201", "-1", "ten", ""] {
            let answer = app
                .get(&format!("{path}?{query}limit={limit}"), Some(&key))
                .await;
            let allowed = allows(schema(&document, &format!("GET {path}"), "limit"), limit);
            assert_eq!(
                allowed,
                answer.status != StatusCode::BAD_REQUEST,
                "{path} {limit}"
            );
        }
        for after in ["", "a b", "=", "\u{e9}"] {
            let answer = app
                .get(
                    &format!("{path}?{query}{}", self::query("after", after)),
                    Some(&key),
                )
                .await;
            let allowed = allows(schema(&document, &format!("GET {path}"), "after"), after);
            assert!(
                !allowed && answer.status == StatusCode::BAD_REQUEST,
                "{path} {after:?}"
            );
        }
    }
}
