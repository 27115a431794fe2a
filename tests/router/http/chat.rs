//! Turns: the three routes, tools, `--raw`, deadlines, and what is kept of them.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::jira::Script;
use support::model::{Answer as Says, ModelServer};
use t3nets_router::config::Deadlines;
use t3nets_router::model::{TenantSettings, UserRole};

use super::{Setup, TestApp};

/// A router whose tenants get the model.
pub(crate) async fn app_with(model: &ModelServer) -> (TestApp, String) {
    TestApp::with_member(Setup {
        ai: variables(model),
        ..Setup::default()
    })
    .await
}

/// A router whose tenants get the model of an OpenAI-compatible endpoint.
pub(super) async fn app_on(model: &ModelServer) -> (TestApp, String) {
    TestApp::with_member(Setup {
        ai: vec![
            ("OPENAI_BASE_URL", model.openai_url()),
            ("T3NETS_MODEL", "some-model".to_owned()),
        ],
        ..Setup::default()
    })
    .await
}

/// What makes the model every tenant's default.
pub(crate) fn variables(model: &ModelServer) -> Vec<(&'static str, String)> {
    vec![
        ("ANTHROPIC_API_KEY", "sk-test".to_owned()),
        ("ANTHROPIC_BASE_URL", model.url()),
    ]
}

/// The kinds of content blocks that a model was sent, message by message.
fn block_kinds(body: &Value) -> Vec<Vec<String>> {
    let kind = |block: &Value| block["type"].as_str().unwrap_or("text").to_owned();
    let messages = body["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| match &message["content"] {
            Value::Array(blocks) => blocks.iter().map(kind).collect(),
            _ => vec!["text".to_owned()],
        })
        .collect()
}

#[tokio::test]
async fn small_talk_needs_no_model_and_costs_nothing() {
    let model = ModelServer::scripted([]).await;
    let (app, key) = app_with(&model).await;
    let answer = app.chat(&key, "Good morning!").await.json();
    assert_eq!(answer["route"], "conversational");
    assert_eq!(answer["model"], Value::Null);
    assert_eq!(
        answer["usage"],
        json!({"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0})
    );
    assert_eq!(answer["raw"], false);
    assert_eq!(model.requests().len(), 0);
}

#[tokio::test]
async fn an_answer_has_its_older_names_too() {
    let model = ModelServer::scripted([Says::text("Forty-two.").usage(100, 20)]).await;
    let (app, key) = app_with(&model).await;
    let answer = app
        .post(
            "/api/chat",
            Some(&key),
            &json!({"text": "why?", "conversation_id": "c1"}),
        )
        .await;
    let body = answer.json();
    assert_eq!(body["text"], "Forty-two.");
    assert_eq!(body["response"], body["text"]);
    assert_eq!(
        (&body["session_id"], &body["conversation_id"]),
        (&json!("c1"), &json!("c1"))
    );
    assert_eq!(body["tokens"], 120);
    assert_eq!(body["usage"]["input_tokens"], 100);
    assert!(body["usage"]["cost_usd"].as_f64().unwrap() > 0.0);
    assert_eq!(
        body["request_id"],
        answer.headers["x-request-id"].to_str().unwrap()
    );
    assert!(body["timing_ms"].is_u64());
}

#[tokio::test]
async fn a_rule_runs_the_skill_and_the_model_words_its_result() {
    let jira = Script::sample().start().await;
    let model = ModelServer::scripted([Says::text("All is well.")]).await;
    let (app, key) = app_with(&model).await;
    app.connect_jira("default", jira.credentials()).await;
    let answer = app.chat(&key, "sprint status?").await.json();
    assert_eq!(
        (&answer["text"], &answer["route"]),
        (&json!("All is well."), &json!("rule"))
    );
    assert_eq!(answer["skill"], "sprint_status");

    let calls = model.requests();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        block_kinds(&calls[0].body),
        [vec!["text"], vec!["tool_use"], vec!["tool_result"]]
    );
    let issue = "Sprint 24";
    let outside_results = json!([
        calls[0].body["system"],
        calls[0].body["messages"][0],
        calls[0].body["messages"][1]
    ]);
    assert!(calls[0].body["messages"][2].to_string().contains(issue));
    assert!(
        !outside_results.to_string().contains(issue),
        "tool data travels in tool results alone"
    );
}

#[tokio::test]
async fn without_a_model_a_template_words_the_result_and_says_so() {
    let jira = Script::sample().start().await;
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    app.connect_jira("default", jira.credentials()).await;
    let answer = app.chat(&key, "how is the sprint going?").await.json();
    assert_eq!(answer["route"], "rule");
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("Sprint 24"), "{text}");
    assert!(text.contains("no AI model"), "{text}");
}

#[tokio::test]
async fn raw_returns_the_skills_json_without_a_model_and_stores_nothing() {
    let jira = Script::sample().start().await;
    let model = ModelServer::scripted([]).await;
    let (app, key) = app_with(&model).await;
    app.connect_jira("default", jira.credentials()).await;
    let body = json!({"message": "sprint --raw status?", "session_id": "s"});
    let answer = app.post("/api/chat", Some(&key), &body).await.json();
    assert_eq!(answer["raw"], true);
    let result: Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
    assert_eq!(result["sprint"]["name"], "Sprint 24");
    assert_eq!(model.requests().len(), 0);
    assert_eq!(app.history(&key, "s").await.len(), 0);
}

#[tokio::test]
async fn raw_returns_the_json_of_a_tool_that_the_model_chose() {
    let model = ModelServer::scripted([Says::tool("t1", "ping", json!({}))]).await;
    let (app, key) = app_with(&model).await;
    let answer = app
        .chat(
            &key,
            "could you perhaps verify that everything responds --raw",
        )
        .await
        .json();
    assert_eq!(
        (&answer["route"], &answer["raw"], &answer["skill"]),
        (&json!("ai"), &json!(true), &json!("ping"))
    );
    let result: Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
    assert_eq!(result["pong"], true);
}

#[tokio::test]
async fn a_model_calls_several_tools_and_is_told_of_those_that_fail() {
    let jira = Script::sample().start().await;
    let model = ModelServer::scripted([
        Says::text("Let me look.")
            .and_tool("t1", "sprint_status", json!({"action": "blockers"}))
            .and_tool("t2", "sprint_status", json!({"action": "dance"}))
            .and_tool("t3", "no_such_tool", json!({}))
            .usage(10, 5),
        Says::text("Two things block us.").usage(30, 7),
    ])
    .await;
    let (app, key) = app_with(&model).await;
    app.connect_jira("default", jira.credentials()).await;
    let answer = app
        .chat(&key, "give me the big picture of our work")
        .await
        .json();
    assert_eq!(answer["route"], "ai");
    assert_eq!(answer["text"], "Let me look.\n\nTwo things block us.");
    assert_eq!(answer["usage"]["input_tokens"], 40);
    assert_eq!(answer["usage"]["output_tokens"], 12);

    let second = &model.requests()[1].body;
    let results = second["messages"].as_array().unwrap().last().unwrap()["content"]
        .as_array()
        .unwrap();
    let outcome = |result: &Value| {
        (
            result["tool_use_id"].clone(),
            result["is_error"].as_bool().unwrap_or_default(),
        )
    };
    let outcomes: Vec<_> = results.iter().map(outcome).collect();
    assert_eq!(
        outcomes,
        [
            (json!("t1"), false),
            (json!("t2"), true),
            (json!("t3"), true)
        ]
    );
}

#[tokio::test]
async fn a_model_that_never_stops_calling_tools_is_stopped() {
    let model = ModelServer::answering(|call| {
        if call.body["system"]
            .to_string()
            .contains("Call no more tools")
        {
            Says::text("Enough.")
        } else {
            Says::tool("t", "ping", json!({}))
        }
    })
    .await;
    let (app, key) = app_with(&model).await;
    let answer = app
        .chat(&key, "keep yourself busy for a while")
        .await
        .json();
    assert_eq!(answer["text"], "Enough.");
    assert!(model.requests().len() <= 6, "{}", model.requests().len());
}

#[tokio::test]
async fn only_connected_and_enabled_skills_are_offered() {
    let tools = async |settings: TenantSettings, connect: bool| {
        let jira = Script::sample().start().await;
        let model = ModelServer::scripted([Says::text("ok")]).await;
        let app = TestApp::with(Setup {
            settings,
            ai: variables(&model),
            ..Setup::default()
        })
        .await;
        let key = app.key("default", "bob", UserRole::Member).await;
        if connect {
            app.connect_jira("default", jira.credentials()).await;
        }
        assert_eq!(
            app.chat(&key, "tell me about yourself in French")
                .await
                .status,
            StatusCode::OK
        );
        let body = model.requests()[0].body.clone();
        let tools = body["tools"].as_array().cloned().unwrap_or_default();
        tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let only = |skill: &str| TenantSettings {
        enabled_skills: Some(vec![skill.to_owned()]),
        ..TenantSettings::default()
    };
    assert_eq!(tools(TenantSettings::default(), false).await, ["ping"]);
    assert_eq!(
        tools(TenantSettings::default(), true).await,
        ["ping", "sprint_status", "release_notes"]
    );
    // A list that names some skills means no others, also those that are newer than the list.
    assert_eq!(tools(only("sprint_status"), true).await, ["sprint_status"]);
    assert_eq!(tools(only("ping"), true).await, ["ping"]);
}

#[tokio::test]
async fn a_skill_that_is_switched_off_says_who_switches_it_on() {
    let model =
        ModelServer::scripted([Says::text("I am a model."), Says::text("Here you are.")]).await;
    let app = TestApp::with(Setup {
        // As a list that is older than `release_notes`.
        settings: TenantSettings {
            enabled_skills: Some(vec!["sprint_status".to_owned()]),
            ..TenantSettings::default()
        },
        ai: variables(&model),
        ..Setup::default()
    })
    .await;
    let bob = app.key("default", "bob", UserRole::Member).await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let text = async |key: &str, message: &str| app.chat(key, message).await.json()["text"].clone();
    assert_eq!(
        text(&bob, "what's in the next release?").await,
        "The skill `release_notes` answers this, but it is switched off for your team. An administrator of your team can \
         switch it on in the dashboard, under Settings, or an operator with \
         `t3nets tenant set -t default enabled_skills=sprint_status,release_notes`."
    );
    let said = text(&ada, "list releases").await.to_string();
    assert!(
        said.contains("You can switch it on in the dashboard"),
        "{said}"
    );
    assert_eq!(model.requests().len(), 0);
    // What no rule takes is the model's, and so is what asks for data.
    assert_eq!(
        text(&bob, "write a poem about releases").await,
        "I am a model."
    );
    assert_eq!(text(&bob, "list releases --raw").await, "Here you are.");
    // The skill that is left answers what it always did.
    let said = text(&bob, "release status").await.to_string();
    assert!(said.contains("`jira`, which is not connected"), "{said}");
}

#[tokio::test]
async fn a_skill_whose_integration_is_missing_or_fails_says_what_to_do() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    // A person is answered, without a model; a program that wants the data gets an error.
    let answer = app.chat(&key, "sprint status?").await;
    assert_eq!(answer.status, StatusCode::OK);
    let said = answer.json();
    assert_eq!(
        (&said["route"], &said["model"]),
        (&json!("rule"), &Value::Null)
    );
    assert_eq!(said["skill"], Value::Null);
    assert_eq!(
        said["text"],
        "The answer to this is read from `jira`, which is not connected for your team yet. An administrator of your team \
         can connect it in the dashboard, under Integrations, or an operator with `t3nets secret set jira -t default`."
    );
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let answer = app.chat(&admin, "what's in the next release?").await;
    let text = answer.json()["text"].to_string();
    assert!(
        text.contains("You can connect it in the dashboard"),
        "{text}"
    );
    let answer = app.chat(&key, "sprint status? --raw").await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::CONFLICT, "integration_not_connected")
    );
    assert!(
        answer.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("t3nets secret set jira")
    );

    let jira = Script::sample().start().await;
    let mut wrong = jira.credentials();
    wrong.insert("api_token".to_owned(), json!("expired-token"));
    app.connect_jira("default", wrong).await;
    let answer = app.chat(&key, "sprint status?").await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::BAD_GATEWAY, "integration_denied")
    );
    assert!(!answer.json().to_string().contains("expired-token"));
}

#[tokio::test]
async fn the_model_is_given_the_conversation_within_its_window() {
    let settings = TenantSettings {
        max_conversation_history: Some(2),
        ..TenantSettings::default()
    };
    let model =
        ModelServer::answering(|call| Says::text(format!("You said: {}", call.last_text()))).await;
    let app = TestApp::with(Setup {
        settings,
        ai: variables(&model),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "bob", UserRole::Member).await;
    for n in 1..=5 {
        let body = json!({"message": format!("remember number {n}"), "session_id": "s"});
        app.post("/api/chat", Some(&key), &body).await;
    }
    let last = model.requests().pop().unwrap();
    let given = last.body["messages"].to_string();
    assert_eq!(
        last.body["messages"].as_array().unwrap().len(),
        5,
        "two turns and the new message"
    );
    assert!(
        !given.contains("number 2") && given.contains("number 3") && given.contains("number 5"),
        "{given}"
    );
    assert_eq!(app.history(&key, "s").await.len(), 10, "all of it is kept");
}

#[tokio::test]
async fn a_turn_past_its_deadline_is_answered_and_nothing_of_it_is_kept() {
    let model = ModelServer::scripted([Says::text("too late").held()]).await;
    let deadlines = Deadlines {
        answer: Duration::from_millis(100),
        ..Deadlines::default()
    };
    let app = TestApp::with(Setup {
        ai: variables(&model),
        deadlines: Some(deadlines),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let body = json!({"message": "think it over", "session_id": "s"});
    let answer = app.post("/api/chat", Some(&key), &body).await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded")
    );
    model.until_cancelled(1).await;
    assert_eq!(app.history(&key, "s").await.len(), 0);
}

#[tokio::test]
async fn a_model_that_fails_is_an_error_that_fits_and_nothing_is_kept() {
    for (says, status, code) in [
        (
            Says::anthropic_error(401, "authentication_error", "bad key"),
            StatusCode::BAD_GATEWAY,
            "model_denied",
        ),
        (
            Says::anthropic_error(404, "not_found_error", "model"),
            StatusCode::BAD_GATEWAY,
            "model_unknown",
        ),
        (
            Says::anthropic_error(429, "rate_limit_error", "slow down").header("retry-after", "60"),
            StatusCode::SERVICE_UNAVAILABLE,
            "model_throttled",
        ),
        (
            Says::raw("text/html", "<html>"),
            StatusCode::BAD_GATEWAY,
            "model_protocol",
        ),
    ] {
        let model = ModelServer::scripted([says]).await;
        let (app, key) = app_with(&model).await;
        let body = json!({"message": "think it over", "session_id": "s"});
        let answer = app.post("/api/chat", Some(&key), &body).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (status, code)
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer.headers["retry-after"], "60");
        }
        assert_eq!(app.history(&key, "s").await.len(), 0);
    }
}

#[tokio::test]
async fn what_turns_use_is_added_to_the_day() {
    let model = ModelServer::answering(|_| Says::text("ok").usage(100, 10)).await;
    let (app, key) = app_with(&model).await;
    for _ in 0..3 {
        app.chat(&key, "think it over").await;
    }
    app.drained().await;
    let today = app
        .platform
        .clock
        .now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let usage = app
        .platform
        .usage
        .usage(&super::tenant_id("default"), today, today)
        .await
        .unwrap();
    assert_eq!(
        (
            usage[0].messages,
            usage[0].input_tokens,
            usage[0].output_tokens
        ),
        (3, 300, 30)
    );
    assert!(usage[0].cost.as_usd() > 0.0);
}
