//! Streamed completions.

use axum::http::StatusCode;
use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use tower::ServiceExt;

use super::super::chat::app_with;
use super::{TestApp, app_on, asked, body, refusal, used, user, weather};

/// Every event's data but the last `[DONE]`, and whether that came.
pub(super) async fn chunks(app: &TestApp, key: &str, body: &Value) -> (Vec<Value>, bool) {
    let response = app.routes.clone().oneshot(asked(key, body)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream().eventsource();
    let mut chunks = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event.unwrap();
        assert_eq!(event.event, "message", "clients look at the data alone");
        if event.data == "[DONE]" {
            assert!(stream.next().await.is_none());
            return (chunks, true);
        }
        chunks.push(serde_json::from_str(&event.data).unwrap());
    }
    (chunks, false)
}

fn words(chunks: &[Value]) -> String {
    let words = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    words.collect()
}

#[tokio::test]
async fn words_come_in_pieces_of_one_form_and_end_with_done() {
    let model = ModelServer::answering(|_| {
        Says::text("It answers, grüezi 👋.")
            .in_chunks(5)
            .usage(10, 5)
    })
    .await;
    let (app, key) = app_with(&model).await;
    let plain = body(json!([user("think it over")]), json!({"stream": true}));
    let (chunks_got, done) = chunks(&app, &key, &plain).await;
    assert!(done);
    assert_eq!(words(&chunks_got), "It answers, grüezi 👋.");
    assert!(chunks_got.len() > 5);
    assert_eq!(
        chunks_got[0]["choices"][0]["delta"],
        json!({"role": "assistant", "content": ""})
    );
    for chunk in &chunks_got {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["id"], chunks_got[0]["id"]);
        assert_eq!(chunk["model"], "t3nets");
        assert_eq!(chunk["choices"].as_array().unwrap().len(), 1);
        assert!(chunk.get("usage").is_none());
    }
    let ends: Vec<&Value> = chunks_got
        .iter()
        .map(|chunk| &chunk["choices"][0]["finish_reason"])
        .filter(|reason| !reason.is_null())
        .collect();
    assert_eq!(ends, ["stop"]);

    let with_usage = body(
        json!([user("think it over")]),
        json!({"stream": true, "stream_options": {"include_usage": true}}),
    );
    let (chunks_got, _) = chunks(&app, &key, &with_usage).await;
    let (last, others) = chunks_got.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["total_tokens"], 15);
    assert!(
        others
            .iter()
            .all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some())
    );
    assert_eq!(used(&app).await.messages, 2);
}

#[tokio::test]
async fn calls_come_as_pieces_with_an_index_and_words_before_them() {
    let model = ModelServer::scripted([
        Says::tool("s1", "ping", json!({})),
        Says::text("Let me look.")
            .and_tool("t1", "get_weather", json!({"city": "Zürich"}))
            .and_tool("t2", "get_weather", json!({"city": "Bern"})),
    ])
    .await;
    let (app, key) = app_on(&model).await;
    let asked = body(
        json!([user("is it warm?")]),
        json!({"stream": true, "tools": weather()}),
    );
    let (chunks, done) = chunks(&app, &key, &asked).await;
    assert!(done);
    assert_eq!(words(&chunks), "Let me look.");
    let calls: Vec<&Value> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"].get("tool_calls"))
        .collect();
    assert_eq!(calls.len(), 2);
    for (index, (call, city)) in calls.iter().zip(["Zürich", "Bern"]).enumerate() {
        assert_eq!(
            **call,
            json!([{
                "index": index, "id": format!("t{}", index + 1), "type": "function",
                "function": {"name": "get_weather", "arguments": json!({"city": city}).to_string()},
            }])
        );
    }
    let end = chunks.last().unwrap();
    assert_eq!(end["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(end["choices"][0]["delta"], json!({}));
}

#[tokio::test]
async fn an_error_on_the_way_is_the_last_event_and_before_it_has_a_status() {
    let model = ModelServer::scripted([
        Says::text("Half of").then_error("overloaded"),
        Says::openai_error(401, "invalid_api_key", "the provider's key is wrong"),
    ])
    .await;
    let (app, key) = app_on(&model).await;
    let streamed = body(json!([user("think it over")]), json!({"stream": true}));
    let (chunks, done) = chunks(&app, &key, &streamed).await;
    assert!(!done, "an answer that broke off must not look whole");
    assert_eq!(words(&chunks), "Half of");
    let error = &chunks.last().unwrap()["error"];
    assert_eq!(error["type"], "server_error");
    assert!(
        error["code"].as_str().unwrap().starts_with("model_"),
        "{error}"
    );
    assert!(error["message"].is_string());
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["choices"][0]["finish_reason"].is_null()),
        "{chunks:?}"
    );
    // The provider's refusal is not the client's key's.
    let refused = app.send(asked(&key, &streamed)).await;
    assert_eq!(refusal(&refused), (502, "model_denied".to_owned(), None));
    assert_eq!(refused.headers["x-should-retry"], "false");
    let used = used(&app).await;
    assert!(used.messages == 2 && used.output_tokens > 0, "{used:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_work_and_pays_for_what_came() {
    for streamed in [true, false] {
        let model = ModelServer::scripted([Says::text("Half of it").in_chunks(2).held()]).await;
        let (app, key) = app_with(&model).await;
        let asked = asked(
            &key,
            &body(json!([user("think it over")]), json!({"stream": streamed})),
        );
        let routes = app.routes.clone();
        let request = async move {
            let response = routes.oneshot(asked).await.unwrap();
            let mut stream = response.into_body().into_data_stream();
            stream.next().await.unwrap().unwrap();
        };
        match streamed {
            true => request.await,
            false => tokio::select! {
                () = request => panic!("the answer is held"),
                () = model.until_called(1) => {}
            },
        }
        model.until_cancelled(1).await;
        let used = used(&app).await;
        assert_eq!(used.messages, 1);
        assert!(!streamed || used.output_tokens > 0, "{used:?}");
    }
}
