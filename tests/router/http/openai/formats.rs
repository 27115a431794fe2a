//! Answers of a form: `response_format`.

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::mcp::{McpServer, writing};
use support::model::{Answer as Says, ModelServer, Stop};
use t3nets_router::model::{TenantSettings, UserRole};

use super::super::chat::variables;
use super::super::mcp::connect;
use super::streaming::chunks;
use super::{Setup, TestApp, app_on, body, choice, complete, refusal, used, user, weather};
use crate::providers::ask::{CITY, schema};

/// What asks for a city.
fn city(more: Value) -> Value {
    let of = json!({"name": "place", "schema": schema(), "strict": true});
    let mut all = json!({"response_format": {"type": "json_schema", "json_schema": of}});
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// A router whose model is this one of Anthropic's.
async fn app_of(model: &ModelServer, named: &str, settings: TenantSettings) -> (TestApp, String) {
    let settings = TenantSettings {
        ai_model: Some(named.to_owned()),
        ..settings
    };
    TestApp::with_member(Setup {
        ai: variables(model),
        settings,
        ..Setup::default()
    })
    .await
}

async fn app_with(model: &ModelServer, named: &str) -> (TestApp, String) {
    app_of(model, named, TenantSettings::default()).await
}

#[tokio::test]
async fn an_endpoint_gets_the_form_as_it_is_and_small_talk_and_rules_give_no_words() {
    let model = ModelServer::answering(|_| Says::text(CITY).in_chunks(3)).await;
    let (app, key) = app_on(&model).await;
    for message in ["hello", "sprint status?", "ping"] {
        let asked = body(json!([user(message)]), city(json!({})));
        let answer = choice(&app, &key, &asked).await;
        assert_eq!(answer["message"]["content"], CITY, "{message}");
        assert_eq!(answer["finish_reason"], "stop");
        let sent = model.requests().pop().unwrap().body;
        assert_eq!(sent["response_format"], asked["response_format"]);
    }
    let asked = body(json!([user("where?")]), city(json!({"stream": true})));
    let (chunks, done) = chunks(&app, &key, &asked).await;
    let words: Vec<&str> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert!(done);
    assert_eq!((words.len(), &*words.concat()), (4, CITY));
}

#[tokio::test]
async fn skills_run_before_an_answer_by_a_tool_which_is_text_to_the_client() {
    let model = ModelServer::scripted([
        Says::text("Let me look.").and_tool("s1", "ping", json!({})),
        Says::tool("a1", "give_answer", json!({"city": "Bern"})),
        Says::tool("a2", "give_answer", json!({"city": "Bern"})),
    ])
    .await;
    let (app, key) = app_with(&model, "claude-haiku-4-5").await;
    let mut more = city(json!({}));
    more["response_format"]["json_schema"]["strict"] = json!(false);
    let answer = choice(&app, &key, &body(json!([user("where?")]), more.clone())).await;
    let expected = json!({"role": "assistant", "content": CITY, "refusal": null});
    assert_eq!(
        (&answer["message"], &answer["finish_reason"]),
        (&expected, &json!("stop"))
    );
    let calls = model.requests();
    for call in &calls {
        assert_eq!(call.body["tool_choice"], json!({"type": "any"}));
        let offered = call.body["tools"].as_array().unwrap();
        assert_eq!(offered.last().unwrap()["input_schema"], schema());
    }
    let returned = &calls[1].body["messages"][2]["content"];
    assert_eq!(returned.as_array().unwrap().len(), 1, "{returned}");

    more["stream"] = json!(true);
    let (chunks, done) = chunks(&app, &key, &body(json!([user("where?")]), more)).await;
    let deltas: Vec<&Value> = chunks
        .iter()
        .map(|one| &one["choices"][0]["delta"])
        .collect();
    assert!(done && deltas.iter().all(|delta| delta.get("tool_calls").is_none()));
    assert_eq!(deltas[1]["content"], CITY);
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
}

#[tokio::test]
async fn the_clients_tools_are_called_first_and_alone_where_they_have_to_be() {
    let model = ModelServer::answering(|_| Says::tool("t1", "get_weather", json!({}))).await;
    let (app, key) = app_with(&model, "claude-haiku-4-5").await;
    for (choice_asked, forced) in [
        (json!("auto"), Value::Null),
        (json!("required"), json!("any")),
    ] {
        let more = city(json!({"tools": weather(), "tool_choice": choice_asked}));
        let answer = choice(&app, &key, &body(json!([user("warm?")]), more)).await;
        assert_eq!(answer["finish_reason"], "tool_calls");
        let sent = model.requests().pop().unwrap().body;
        assert_eq!(sent["tool_choice"]["type"], forced);
        // A call has its own form.
        assert_eq!(sent["output_config"].is_object(), forced.is_null());
    }
}

#[tokio::test]
async fn words_are_never_an_answer_where_a_form_is_asked_for() {
    let model = ModelServer::answering(|call| match &*call.last_text() {
        "cut" => Says::text("{\"city\": ").stopped(Stop::Length),
        "refuse" => Says::text("I will not.").stopped(Stop::Filtered),
        _ => Says::text("It is Bern."),
    })
    .await;
    for named in ["claude-haiku-4-5", "claude-haiku-5-5"] {
        let (app, key) = app_with(&model, named).await;
        let asked = |message: &str| body(json!([user(message)]), city(json!({})));
        let answer = complete(&app, &key, &asked("where?")).await;
        assert_eq!(refusal(&answer), (502, "model_protocol".to_owned(), None));
        // What a client is told the reason of, it gets as it is.
        for (message, finish) in [("cut", "length"), ("refuse", "content_filter")] {
            let answer = choice(&app, &key, &asked(message)).await;
            assert_eq!(answer["finish_reason"], finish, "{answer}");
        }
    }
    let (app, key) = TestApp::with_member(Setup::default()).await;
    let answer = complete(&app, &key, &body(json!([user("hello")]), city(json!({})))).await;
    assert_eq!(
        refusal(&answer).1,
        "model_misconfigured",
        "no model, no form"
    );
}

#[tokio::test]
async fn what_has_to_be_asked_for_in_words_is_not_run() {
    let server = McpServer::with([writing("drop")]).await;
    let model = ModelServer::scripted([
        Says::tool("t1", "docs__drop", json!({"q": "x"})),
        Says::text(CITY),
    ])
    .await;
    let (app, key) = app_with(&model, "claude-haiku-4-5").await;
    connect(&app, &server, json!({"tools": "drop"})).await;
    let answer = choice(&app, &key, &body(json!([user("drop it")]), city(json!({})))).await;
    assert_eq!(answer["message"]["content"], CITY);
    assert_eq!(server.calls(), []);
    let told = model.requests()[1].body["messages"].to_string();
    assert!(told.contains("the user has to be asked first"), "{told}");
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_named_and_one_that_the_provider_refuses_is_too() {
    let model = ModelServer::answering(|_| {
        let why =
            "output_config.format.schema: For 'number' type, property 'minimum' is not supported";
        Says::anthropic_error(400, "invalid_request_error", why)
    })
    .await;
    let (app, key) = app_with(&model, "claude-haiku-4-5").await;
    let with = |path: &str, value: Value| {
        let mut more = city(json!({}));
        *more.pointer_mut(path).unwrap() = value;
        body(json!([user("where?")]), more)
    };
    let deep = (0..80).fold(json!({}), |inner, _| json!({"properties": inner}));
    let long = json!({"type": "object", "description": "x".repeat(70_000)});
    let at = "/response_format/json_schema/";
    for (path, value, param) in [
        ("/response_format", json!("json"), "response_format"),
        ("/response_format", json!({}), "response_format.type"),
        (
            "/response_format/type",
            json!("grammar"),
            "response_format.type",
        ),
        (
            "/response_format/json_schema",
            json!([]),
            "response_format.json_schema",
        ),
        (
            &format!("{at}name"),
            json!("a b"),
            "response_format.json_schema.name",
        ),
        (
            &format!("{at}strict"),
            json!("yes"),
            "response_format.json_schema.strict",
        ),
        (
            &format!("{at}schema"),
            Value::Null,
            "response_format.json_schema.schema",
        ),
        (
            &format!("{at}schema"),
            json!({"type": "array"}),
            "response_format.json_schema.schema",
        ),
        (
            &format!("{at}schema"),
            deep,
            "response_format.json_schema.schema",
        ),
        (
            &format!("{at}schema"),
            long,
            "response_format.json_schema.schema",
        ),
    ] {
        let answer = complete(&app, &key, &with(path, value)).await;
        let (status, _, about) = refusal(&answer);
        assert_eq!((status, about.as_deref()), (400, Some(param)), "{answer:?}");
    }
    assert_eq!(model.requests().len(), 0);
    let refused = complete(&app, &key, &body(json!([user("where?")]), city(json!({})))).await;
    let field = Some("response_format".to_owned());
    assert_eq!(
        refusal(&refused),
        (400, "response_format_refused".to_owned(), field)
    );
    assert!(
        refused.json()["error"]["message"]
            .to_string()
            .contains("'minimum'")
    );
    assert_eq!(used(&app).await.input_tokens, 0);
}

#[tokio::test]
async fn a_schema_is_held_of_the_budget() {
    let model = ModelServer::answering(|_| Says::text(CITY)).await;
    let settings: TenantSettings =
        serde_json::from_value(json!({"max_tokens_per_message": 100})).unwrap();
    let (app, _) = app_of(&model, "claude-haiku-4-5", settings).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let budget = json!({"tokens_per_day": 8_000});
    let set = super::super::tiers::put(&app, &admin, budget).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    let mut more = city(json!({}));
    let asked = body(json!([user("where?")]), more.clone());
    assert_eq!(complete(&app, &admin, &asked).await.status, StatusCode::OK);
    more["response_format"]["json_schema"]["schema"]["description"] = json!("x".repeat(30_000));
    let long = body(json!([user("where?")]), more);
    let refused = complete(&app, &admin, &long).await;
    assert_eq!(refusal(&refused).1, "budget_reached");
    assert_eq!(model.requests().len(), 1);
}
