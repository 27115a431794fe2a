//! A guardrail of Bedrock's: what it is asked to assess, and what its word does to an answer.

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer, Stop};

use super::TestApp;
use super::fallback::app_of_bedrock;
use super::streaming::events;
use super::tiers::{app_set, put};

const NOTE: &str = "(A guardrail blocked or changed this answer.)";

/// A router whose tenant's answers come from Bedrock with a guardrail, and an administrator's key.
async fn app_guarded(model: &ModelServer) -> (TestApp, String) {
    let (app, admin) = app_of_bedrock(model, false).await;
    let settings = json!({"guardrail_identifier": "gr1a2b3c4d5e", "guardrail_version": "3"});
    let set = put(&app, &admin, settings).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    (app, admin)
}

fn blocked() -> Says {
    Says::text("I cannot talk about that.")
        .stopped(Stop::Word("guardrail_intervened"))
        .usage(0, 0)
}

#[tokio::test]
async fn what_a_guardrail_says_is_an_answer_that_says_so_and_costs_what_is_told() {
    let half = Says::text("Half of it, then I stop.")
        .in_chunks(2)
        .stopped(Stop::Word("guardrail_intervened"))
        .usage(100, 7);
    let model = ModelServer::scripted([blocked(), half]).await;
    let (app, admin) = app_guarded(&model).await;
    let answer = app.chat(&admin, "tell me a secret").await.json();
    assert_eq!(
        answer["text"],
        format!("I cannot talk about that.\n\n{NOTE}")
    );
    assert_eq!(answer["guardrail_intervened"], true);
    // It reached no model, so nothing is estimated.
    assert_eq!(
        answer["usage"],
        json!({"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0})
    );
    let body = json!({"message": "tell me more"});
    let told = events(&app, &admin, &body).await;
    for call in model.requests() {
        let metadata = &call.body["requestMetadata"];
        assert_eq!(metadata["tenant"], "default");
        assert_eq!(metadata["environment"], "dev");
        assert!(metadata["request_id"].is_string(), "{metadata}");
    }
    let deltas: String = told
        .iter()
        .filter(|(name, _)| name == "delta")
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect();
    let (name, done) = told.last().unwrap();
    assert_eq!(name, "done");
    assert_eq!(deltas, format!("Half of it, then I stop.\n\n{NOTE}"));
    assert_eq!(
        (&done["text"], &done["guardrail_intervened"]),
        (&json!(deltas), &json!(true))
    );
    assert_eq!(done["usage"]["input_tokens"], 100);
}

#[tokio::test]
async fn a_guardrail_assesses_the_question_and_not_what_it_blocked_before() {
    let ping = Says::tool("t1", "ping", json!({}));
    let model = ModelServer::scripted([blocked(), ping, Says::text("Well.")]).await;
    let (app, admin) = app_guarded(&model).await;
    let ask = async |message: &str| {
        let body = json!({"message": message, "session_id": "s"});
        app.post("/api/chat", Some(&admin), &body).await.json()
    };
    ask("tell me a secret").await;
    let answer = ask("is it there?").await;
    assert_eq!(answer["text"], "Well.", "{answer}");
    assert!(answer.get("guardrail_intervened").is_none(), "{answer}");
    let calls = model.requests();
    assert_eq!(
        calls[0].body["guardrailConfig"],
        json!({
            "guardrailIdentifier": "gr1a2b3c4d5e",
            "guardrailVersion": "3",
            "streamProcessingMode": "sync",
            "trace": "disabled",
        })
    );
    for call in &calls[1..] {
        let messages = &call.body["messages"];
        assert_eq!(
            messages[0]["content"],
            json!([{"text": "tell me a secret"}])
        );
        assert_eq!(
            messages[2]["content"],
            json!([{"guardContent": {"text": {"text": "is it there?"}}}])
        );
    }
}

#[tokio::test]
async fn a_guardrail_is_never_left_out_where_another_provider_answers() {
    let model = ModelServer::scripted([]).await;
    let (app, admin) = app_set(&model, json!({"guardrail_identifier": "gr1a2b3c4d5e"})).await;
    // The router's own provider is another.
    let refused = app.chat(&admin, "think it over").await;
    assert_eq!(
        (refused.status, &*refused.error_code()),
        (StatusCode::CONFLICT, "model_misconfigured"),
        "{refused:?}"
    );
    assert_eq!(model.requests().len(), 0);
    for provider in ["anthropic", "openai", "offline"] {
        let refused = put(&app, &admin, json!({"ai_provider": provider})).await;
        assert_eq!(refused.error_code(), "invalid_value", "{refused:?}");
    }
    let both = json!({"ai_provider": "anthropic", "guardrail_identifier": Value::Null});
    assert_eq!(put(&app, &admin, both).await.status, StatusCode::OK);
    let refused = put(&app, &admin, json!({"guardrail_identifier": "gr1"})).await;
    assert_eq!(refused.json()["error"]["field"], "guardrail_identifier");
}
