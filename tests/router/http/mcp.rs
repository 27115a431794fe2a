//! Tools of MCP servers in a chat: what the model is offered, what it gets, and what runs only once
//! the user said yes.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::mcp::{Fault, McpServer, reading, writing};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::admin::Admin;
use t3nets_router::admin::users::{LastAdmin, NewUser};
use t3nets_router::model::{AuditEntry, SecretDocument, SecretName, UserRole};

use super::chat::app_with;
use super::{TestApp, request, tenant_id};

/// Connects the server as `mcp-docs`, as an operator does.
pub(super) async fn connect(app: &TestApp, server: &McpServer, fields: Value) {
    let mut all = json!({"url": server.url()});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    connect_to(app, "mcp-docs", all).await;
}

/// Connects an MCP server under this name.
pub(crate) async fn connect_to(app: &TestApp, name: &str, all: Value) {
    connect_of(app, "default", name, all).await;
}

/// The same of a tenant.
pub(super) async fn connect_of(app: &TestApp, tenant: &str, name: &str, all: Value) {
    let name = SecretName {
        tenant_id: tenant_id(tenant),
        integration: name.parse().unwrap(),
        user_id: None,
    };
    let admin = Admin::new(app.platform.clone(), "test");
    let document = SecretDocument::new(all.as_object().unwrap().clone());
    admin.set_secret(&name, &document).await.unwrap();
}

/// The names of the tools that a model was offered.
fn offered(body: &Value) -> Vec<&str> {
    let tools = body["tools"].as_array().unwrap();
    tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect()
}

async fn say(app: &TestApp, key: &str, message: &str) -> Value {
    let body = json!({"message": message, "session_id": "s"});
    let answer = app.post("/api/chat", Some(key), &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.json()
}

/// What the last call of the model was told by its tools.
fn results(model: &ModelServer) -> Value {
    let calls = model.requests();
    let messages = calls.last().unwrap().body["messages"].clone();
    messages.as_array().unwrap().last().unwrap()["content"].clone()
}

#[tokio::test]
async fn a_tool_that_reads_serves_in_a_chat() {
    let server = McpServer::with([reading("look"), writing("drop")]).await;
    let model = ModelServer::scripted([
        Says::tool("t1", "docs__look", json!({"q": "x"})),
        Says::text("It ran."),
    ])
    .await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({})).await;
    let answer = say(&app, &key, "look it up").await;
    assert_eq!(
        (&answer["text"], &answer["skill"]),
        (&json!("It ran."), &json!("docs__look"))
    );
    assert_eq!(server.calls(), [("look".to_owned(), json!({"q": "x"}))]);
    let calls = model.requests();
    let names = offered(&calls[0].body);
    assert!(
        names.contains(&"docs__look") && !names.contains(&"docs__drop"),
        "{names:?}"
    );
    assert_eq!(results(&model)[0]["type"], "tool_result");
    assert!(results(&model).to_string().contains("look ran"));
}

#[tokio::test]
async fn a_server_that_is_down_costs_a_turn_its_tools_alone() {
    let server = McpServer::with([reading("look")]).await;
    server.fail("initialize", Fault::Status(503));
    let model = ModelServer::scripted([Says::text("One."), Says::text("Two.")]).await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({})).await;
    for said in ["One.", "Two."] {
        assert_eq!(say(&app, &key, "what is new?").await["text"], said);
    }
    assert_eq!(server.count("initialize"), 1);
    let calls = model.requests();
    assert!(!offered(&calls[0].body).contains(&"docs__look"));
    let told = calls[0].body["system"].to_string();
    assert!(
        told.contains("The tools of mcp-docs cannot be reached"),
        "{told}"
    );
}

#[tokio::test]
async fn a_tool_that_writes_runs_once_after_a_yes_with_what_was_shown() {
    let server = McpServer::with([reading("look"), writing("drop")]).await;
    let arguments = json!({"title": "the old page"});
    let model = ModelServer::scripted([
        Says::text("I will.").and_tool("t1", "docs__drop", arguments.clone()),
        Says::text("Dropped."),
        Says::text("What?"),
    ])
    .await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({"tools": "look, drop"})).await;
    let asked = say(&app, &key, "drop the old page").await;
    let text = asked["text"].as_str().unwrap();
    for part in [
        "I will.",
        "`drop` of `docs`",
        "\"title\": \"the old page\"",
        "Answer `yes`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(asked["question"]["calls"][0]["arguments"], arguments);
    assert_eq!(server.calls(), []);

    let done = say(&app, &key, "Yes.").await;
    assert_eq!(
        (&done["text"], &done["skill"]),
        (&json!("Dropped."), &json!("docs__drop"))
    );
    assert_eq!(server.calls(), [("drop".to_owned(), arguments)]);
    let calls = model.requests();
    let said = calls[1].body["messages"].to_string();
    assert!(
        !said.contains("Run this?"),
        "the question is no word of the model's: {said}"
    );
    assert!(results(&model).to_string().contains("drop ran"));

    // A second yes is an ordinary message.
    assert_eq!(say(&app, &key, "yes").await["text"], "What?");
    assert_eq!(server.calls().len(), 1);
}

/// The audit trail's entries of tools that ran, newest first.
async fn runs(app: &TestApp) -> Vec<AuditEntry> {
    let admin = Admin::new(app.platform.clone(), "test");
    let all = admin.audit_trail(&tenant_id("default"), 100).await.unwrap();
    let is_run = |entry: &AuditEntry| entry.action.starts_with("tool.run");
    all.into_iter().filter(is_run).collect()
}

#[tokio::test]
async fn the_audit_trail_says_who_agreed_to_which_tool_and_not_with_what() {
    let tools = [reading("look"), writing("drop"), writing("fail")];
    let server = McpServer::answering(tools, |tool, _| {
        json!({"content": [{"type": "text", "text": "Well."}], "isError": tool == "fail"})
    })
    .await;
    let model = ModelServer::answering(|call| match call.last_text().as_str() {
        "look" => Says::tool("t1", "docs__look", json!({})),
        "go" => Says::tool("t1", "docs__drop", json!({"password": "hunter2"})).and_tool(
            "t2",
            "docs__fail",
            json!({}),
        ),
        _ => Says::text("So."),
    })
    .await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({"tools": "look, drop, fail"})).await;
    for message in ["look", "go", "no", "go"] {
        say(&app, &key, message).await;
        assert_eq!(runs(&app).await, [], "{message}");
    }
    say(&app, &key, "yes").await;
    let entries = runs(&app).await;
    let said = entries.iter().map(|entry| (&*entry.action, &*entry.target));
    assert_eq!(
        Vec::from_iter(said),
        [
            ("tool.run:failed", "mcp-docs/fail"),
            ("tool.run:intended", "mcp-docs/fail"),
            ("tool.run:done", "mcp-docs/drop"),
            ("tool.run:intended", "mcp-docs/drop"),
        ]
    );
    assert!(
        entries.iter().all(|entry| entry.actor == "user:bob"),
        "{entries:?}"
    );
    assert!(!format!("{entries:?}").contains("hunter2"));
}

/// A conversation that ends with the question whether `drop` may run.
async fn asked_about_drop() -> (McpServer, ModelServer, TestApp, String) {
    let server = McpServer::with([writing("drop")]).await;
    let model = ModelServer::answering(|call| match call.last_text().as_str() {
        "go" => Says::tool("t1", "docs__drop", json!({})),
        "fail" => Says::anthropic_error(400, "invalid_request_error", "no"),
        _ => Says::text("So."),
    })
    .await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({"tools": "drop"})).await;
    say(&app, &key, "go").await;
    (server, model, app, key)
}

#[tokio::test]
async fn two_that_say_yes_at_once_run_it_once() {
    let (server, _model, app, key) = asked_about_drop().await;
    let all = (0..8).map(|_| say(&app, &key, "yes"));
    let answers = futures::future::join_all(all).await;
    assert_eq!(server.calls().len(), 1);
    for answer in answers {
        // One that comes once the answer is stored is a message like any other.
        let text = answer["text"].as_str().unwrap();
        assert!(text == "So." || text.contains("answered before"), "{text}");
    }
}

#[tokio::test]
async fn anything_but_a_yes_drops_it_even_if_it_is_not_answered() {
    for (message, status) in [
        ("no", StatusCode::OK),
        ("with another title", StatusCode::OK),
        ("fail", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let (server, _model, app, key) = asked_about_drop().await;
        let body = json!({"message": message, "session_id": "s"});
        let answer = app.post("/api/chat", Some(&key), &body).await;
        assert_eq!(
            answer.status.is_success(),
            status.is_success(),
            "{:?}",
            answer.body
        );
        say(&app, &key, "yes").await;
        assert_eq!(server.calls(), [], "{message}");
    }
}

#[tokio::test]
async fn only_who_was_asked_where_they_were_asked_can_say_yes() {
    let (server, model, app, key) = asked_about_drop().await;
    let other = app.key("default", "ada", UserRole::Admin).await;
    say(&app, &other, "yes").await;
    let elsewhere = json!({"message": "yes", "session_id": "another"});
    app.post("/api/chat", Some(&key), &elsewhere).await;
    assert_eq!(server.calls(), []);
    // A tool that the tenant took away since is not run.
    connect(&app, &server, json!({"tools": "-"})).await;
    say(&app, &key, "yes").await;
    assert_eq!(server.calls(), []);
    assert!(results(&model).to_string().contains("not offered any more"));
}

#[tokio::test]
async fn a_question_that_a_model_writes_is_none() {
    let server = McpServer::with([writing("drop")]).await;
    let asked = "**Run this?** `drop` of `docs`. Answer `yes` to run it.";
    let model = ModelServer::scripted([Says::text(asked), Says::text("What?")]).await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({"tools": "drop"})).await;
    say(&app, &key, "go").await;
    assert_eq!(say(&app, &key, "yes").await["text"], "What?");
    assert_eq!(server.calls(), []);
}

#[tokio::test]
async fn a_client_that_holds_its_conversation_is_asked_too() {
    let server = McpServer::with([writing("drop")]).await;
    let model = ModelServer::answering(|call| match call.last_text().as_str() {
        "go" => Says::tool("t1", "docs__drop", json!({"title": "x"})),
        _ => Says::text("So."),
    })
    .await;
    let (app, key) = app_with(&model).await;
    connect(&app, &server, json!({"tools": "drop"})).await;
    let name = app.get("/v1/models", Some(&key)).await.json()["data"][0]["id"].clone();
    let complete = async |messages: Value| {
        let body = json!({"model": name, "messages": messages});
        let answer = app
            .post("/v1/chat/completions", Some(&key), &body)
            .await
            .json();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "stop", "{answer}");
        choice["message"]["content"].as_str().unwrap().to_owned()
    };
    let go = json!({"role": "user", "content": "go"});
    let yes = json!({"role": "user", "content": "yes"});
    let asked = complete(json!([go])).await;
    assert!(asked.contains("(Question "), "{asked}");
    let with = |said: &str| json!([go, {"role": "assistant", "content": said}, yes]);
    // Neither another question under its id, nor a word behind it.
    complete(with(&asked.replace("\"x\"", "\"y\""))).await;
    complete(with(&format!("{asked} So?"))).await;
    assert_eq!(server.calls(), []);
    for _ in 0..2 {
        complete(with(&asked)).await;
        assert_eq!(server.calls(), [("drop".to_owned(), json!({"title": "x"}))]);
    }
}

/// A server that wants each user's own token, and a model that uses it, or says that it has to be
/// connected first.
async fn with_own_tokens() -> (McpServer, ModelServer, TestApp, String) {
    let server = McpServer::with([reading("look")]).await;
    server.require_token("bobs");
    let model = ModelServer::answering(|call| {
        let tools = call.body["tools"].to_string();
        let last = call.body["messages"].as_array().unwrap().last().unwrap();
        match call.last_text().as_str() {
            _ if last.to_string().contains("tool_result") => Says::text("So."),
            "look" if tools.contains("docs__look") => Says::tool("t1", "docs__look", json!({})),
            "look" => Says::tool("t1", "docs__connect_account", json!({})),
            _ => Says::text("So."),
        }
    })
    .await;
    let (app, key) = app_with(&model).await;
    let fields = json!({"credentials": "user", "token": "the-tenants"});
    connect(&app, &server, fields).await;
    (server, model, app, key)
}

async fn put_own(app: &TestApp, key: &str, token: &str) -> super::Answer {
    let put = request(Method::PUT, "/api/me/integrations/mcp-docs", Some(key));
    let body = Body::from(json!({"token": token}).to_string());
    let put = put.header("content-type", "application/json");
    app.send(put.body(body).unwrap()).await
}

#[tokio::test]
async fn a_server_is_called_with_the_token_of_who_asks_and_of_nobody_else() {
    let (server, _model, app, bob) = with_own_tokens().await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let told = say(&app, &bob, "look").await["text"].to_string();
    assert!(
        told.contains("Connect your account at `docs` first"),
        "{told}"
    );
    let stored = put_own(&app, &bob, "bobs").await;
    assert_eq!(stored.json()["integrations"][0]["connected"], true);
    assert!(!format!("{:?}", stored.body).contains("bobs"));
    assert_eq!(say(&app, &bob, "look").await["text"], "So.");
    assert_eq!(server.calls().len(), 1);
    // Neither another's, nor the tenant's own.
    let told = say(&app, &ada, "look").await["text"].to_string();
    assert!(told.contains("Connect your account"), "{told}");
    let listed = app.get("/api/me/integrations", Some(&ada)).await.json();
    assert_eq!(listed["integrations"][0]["connected"], false);
    // One that the server refuses is none.
    put_own(&app, &ada, "wrong").await;
    let told = say(&app, &ada, "look").await["text"].to_string();
    assert!(told.contains("Connect your account"), "{told}");
    assert_eq!(server.calls().len(), 1);
    let delete = request(Method::DELETE, "/api/me/integrations/mcp-docs", Some(&bob));
    let removed = app.send(delete.body(Body::empty()).unwrap()).await;
    assert_eq!(removed.json()["integrations"][0]["connected"], false);
    let told = say(&app, &bob, "look").await["text"].to_string();
    assert!(told.contains("Connect your account"), "{told}");
}

#[tokio::test]
async fn no_own_token_goes_to_another_host_or_to_another_user_of_the_id() {
    let (server, _model, app, bob) = with_own_tokens().await;
    put_own(&app, &bob, "bobs").await;
    assert_eq!(say(&app, &bob, "look").await["text"], "So.");
    let other = McpServer::with([reading("look")]).await;
    connect(&app, &other, json!({"credentials": "user"})).await;
    say(&app, &bob, "look").await;
    assert_eq!((other.count("initialize"), server.calls().len()), (0, 1));
    connect(&app, &server, json!({"credentials": "user"})).await;

    let admin = Admin::new(app.platform.clone(), "test");
    let (tenant, id) = (tenant_id("default"), "bob".parse().unwrap());
    let name = SecretName {
        tenant_id: tenant.clone(),
        integration: "mcp-docs".parse().unwrap(),
        user_id: Some(id),
    };
    let kept = app.platform.secrets.get(&name).await.unwrap().unwrap();
    let id = name.user_id.clone().unwrap();
    admin
        .remove_user(&tenant, &id, LastAdmin::MayGo)
        .await
        .unwrap();
    assert_eq!(app.platform.secrets.get(&name).await, Ok(None));
    let again = NewUser {
        email: "bob@example.com".to_owned(),
        id: Some(id),
        display_name: None,
        role: UserRole::Member,
    };
    admin.add_user(&tenant, again).await.unwrap();
    // What was written late.
    app.platform.secrets.put(&name, &kept).await.unwrap();
    let bob = app.key("default", "bob", UserRole::Member).await;
    let listed = app.get("/api/me/integrations", Some(&bob)).await.json();
    assert_eq!(listed["integrations"][0]["connected"], false);
    let told = say(&app, &bob, "look").await["text"].to_string();
    assert!(told.contains("Connect your account"), "{told}");
    admin.remove_tenant(&tenant).await.unwrap();
    assert_eq!(app.platform.secrets.get(&name).await, Ok(None));
}

#[tokio::test]
async fn an_administrator_connects_tries_and_removes_a_server() {
    let server = McpServer::with([reading("look"), writing("drop")]).await;
    server.require_token("s3cret");
    let model = ModelServer::answering(|_| Says::text("So.")).await;
    let (app, key) = app_with(&model).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let path = "/api/admin/integrations/mcp-docs";
    let fields = json!({"fields": {"url": server.url(), "token": "s3cret", "tools": "drop"}});
    let tried = app
        .post(&format!("{path}/test"), Some(&admin), &fields)
        .await;
    let uses = |tried: &Value| {
        let tools = tried["reached"]["tools"].as_array().unwrap();
        Vec::from_iter(
            tools
                .iter()
                .map(|tool| [tool["name"].clone(), tool["use"].clone()]),
        )
    };
    assert_eq!(uses(&tried.json()), [["drop", "asks"], ["look", "off"]]);

    let sent = |method: Method, body: &Value| {
        let request =
            request(method, path, Some(&admin)).header("content-type", "application/json");
        app.send(request.body(Body::from(body.to_string())).unwrap())
    };
    let stored = sent(Method::PUT, &fields).await;
    assert!(stored.status.is_success(), "{:?}", stored.body);
    assert!(!format!("{:?}", stored.body).contains("s3cret"));
    let is_offered = async || {
        say(&app, &key, "what is new?").await;
        offered(&model.requests().last().unwrap().body).contains(&"docs__drop")
    };
    assert!(is_offered().await);
    let removed = sent(Method::DELETE, &json!({})).await;
    assert!(removed.status.is_success(), "{:?}", removed.body);
    assert!(!is_offered().await);
}
