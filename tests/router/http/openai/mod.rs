//! `/v1`, as OpenAI's clients use it.

mod conversation;
mod errors;
mod formats;
mod repeated;
mod streaming;
mod tools;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};

use super::chat::{app_on, app_with};
use super::{Answer, Setup, TestApp, request, tenant_id};

/// A request for a completion.
fn asked(key: &str, body: &Value) -> Request<Body> {
    request(Method::POST, "/v1/chat/completions", Some(key))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// A body with these messages and what else is given.
fn body(messages: Value, more: Value) -> Value {
    let mut body = json!({"model": "t3nets", "messages": messages});
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// A tool of a client's.
fn weather() -> Value {
    json!([{"type": "function", "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }}])
}

async fn complete(app: &TestApp, key: &str, body: &Value) -> Answer {
    app.send(asked(key, body)).await
}

/// The one choice of an answer.
async fn choice(app: &TestApp, key: &str, body: &Value) -> Value {
    let answer = complete(app, key, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["choices"][0].clone()
}

/// The error of a refusal: its status, code and the part that it is about.
fn refusal(answer: &Answer) -> (u16, String, Option<String>) {
    let body = answer.json();
    let code = answer.error_code();
    assert!(body.get("request_id").is_none(), "{body}");
    let param = body["error"]["param"].as_str().map(str::to_owned);
    (answer.status.as_u16(), code, param)
}

/// What turns used.
#[derive(Debug, Default, PartialEq)]
struct Used {
    messages: u64,
    input_tokens: u64,
    output_tokens: u64,
}

/// What today's turns used, once all is counted.
async fn used(app: &TestApp) -> Used {
    app.drained().await;
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    let (today, tenant) = (now.date(), tenant_id("default"));
    let usage = &app.platform.usage;
    let days = usage.usage(&tenant, today.yesterday().unwrap(), today);
    days.await
        .unwrap()
        .pop()
        .map_or_else(Used::default, |day| Used {
            messages: day.messages,
            input_tokens: day.input_tokens,
            output_tokens: day.output_tokens,
        })
}

#[tokio::test]
async fn an_answer_has_the_form_that_clients_read() {
    let model = ModelServer::scripted([Says::text("Forty-two.").usage(100, 20)]).await;
    let (app, key) = app_with(&model).await;
    let asked = body(json!([user("think it over")]), json!({}));
    let answer = complete(&app, &key, &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.headers.contains_key("x-request-id"));
    let answer = answer.json();
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(answer["created"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(
        (&answer["object"], &answer["model"]),
        (&json!("chat.completion"), &json!("t3nets"))
    );
    assert_eq!(
        answer["choices"],
        json!([{
            "index": 0,
            "message": {"role": "assistant", "content": "Forty-two.", "refusal": null},
            "finish_reason": "stop",
            "logprobs": null,
        }])
    );
    assert_eq!(answer["usage"]["prompt_tokens"], 100);
    assert_eq!(answer["usage"]["completion_tokens"], 20);
    assert_eq!(answer["usage"]["total_tokens"], 120);
    let used = used(&app).await;
    assert_eq!((used.messages, used.input_tokens), (1, 100));
    let sessions = app.get("/api/sessions", Some(&key)).await.json();
    assert_eq!(sessions["sessions"], json!([]), "nothing is stored");
}

#[tokio::test]
async fn the_models_are_the_assistant_and_the_tenants_own() {
    let model = ModelServer::scripted([Says::text("One."), Says::text("Two.")]).await;
    let (app, key) = app_on(&model).await;
    let list = app.get("/v1/models", Some(&key)).await.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert_eq!(ids, ["t3nets", "some-model"]);
    for id in ids {
        let shown = app.get(&format!("/v1/models/{id}"), Some(&key)).await;
        assert_eq!(shown.json()["id"], id);
        assert_eq!(shown.json()["object"], "model");
        let asked = json!({"model": id, "messages": [user("think it over")]});
        let answer = complete(&app, &key, &asked).await.json();
        assert_eq!(answer["model"], id);
    }
    // Whatever a client asks for, the model is the administrator's choice.
    for call in model.requests() {
        assert_eq!(call.body["model"], "some-model");
    }
    for id in ["gpt-4o", "T3NETS", "some-model ", "org%2Fmodel"] {
        let path = format!("/v1/models/{}", id.replace(' ', "%20"));
        let unknown = app.get(&path, Some(&key)).await;
        assert_eq!(
            refusal(&unknown),
            (404, "model_not_found".to_owned(), Some("model".to_owned()))
        );
        let asked = json!({"model": id, "messages": [user("think it over")]});
        let refused = complete(&app, &key, &asked).await;
        assert_eq!(refusal(&refused).1, "model_not_found");
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains("`t3nets` and `some-model`"), "{message}");
    }
    assert_eq!(model.requests().len(), 2);
}
