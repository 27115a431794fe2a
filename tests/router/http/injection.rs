//! Texts in data that give orders, and a model that obeys every one of them: see
//! `tests/injection/README.md`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::jira::{FLAGGED, Script, issue};
use support::mcp::{McpServer, reading, writing};
use support::model::{Answer as Says, ModelCall, ModelServer};
use t3nets_router::model::{TenantSettings, UserRole};

use super::chat::app_with;
use super::mcp::{connect, connect_of};
use super::{TestApp, add_tenant};

/// Stands in every text, so that it is found wherever it gets to.
const MARK: &str = "mark-7f3a";

fn orders() -> Vec<Value> {
    let lines = include_str!("../../injection/orders.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the model says to a call: it reads what it is asked about, and obeys what it read.
fn obeys(call: &ModelCall, orders: &[Value]) -> Says {
    let messages = call.body["messages"].as_array().unwrap();
    let last = messages.last().unwrap()["content"].clone();
    let is_result = last[0]["type"] == "tool_result";
    let read = last.to_string();
    let Some(number) = read.split(MARK).nth(1).filter(|_| is_result) else {
        let asked = call.last_text();
        return match asked.strip_prefix("read page ") {
            Some(page) if !is_result => Says::tool("r", "docs__read_page", json!({"q": page})),
            _ => Says::text("So."),
        };
    };
    let number: usize = number.split('.').nth(1).unwrap().parse().unwrap();
    let has_obeyed = messages.len() > 4;
    let obey = &orders[number]["obey"];
    let called = |says: Says, at: usize, one: &Value| {
        let name = one["call"].as_str().unwrap();
        says.and_tool(&format!("o{at}"), name, one["input"].clone())
    };
    match obey {
        _ if has_obeyed => Says::text("Done."),
        Value::Object(said) if said.contains_key("say") => {
            Says::text(said["say"].as_str().unwrap())
        }
        Value::Object(several) if several.contains_key("calls") => {
            let calls = several["calls"].as_array().unwrap();
            let all = calls.iter().enumerate();
            all.fold(Says::text("Well."), |says, (at, one)| called(says, at, one))
        }
        one => called(Says::text("Well."), 0, one),
    }
}

/// Everything in a request to the model that is not a tool's result.
fn outside_results(body: &Value) -> String {
    let mut body = body.clone();
    for message in body["messages"].as_array_mut().unwrap() {
        if let Some(blocks) = message["content"].as_array_mut() {
            blocks.retain(|block| block["type"] != "tool_result");
        }
    }
    body.to_string()
}

async fn say(app: &TestApp, key: &str, session: &str, message: &str) -> Value {
    let body = json!({"message": message, "session_id": session});
    let answer = app.post("/api/chat", Some(key), &body).await;
    assert!(answer.status.is_success(), "{:?}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_model_that_obeys_what_it_reads_does_nothing_that_its_user_did_not_agree_to() {
    let orders = orders();
    assert!(orders.len() >= 60, "{}", orders.len());
    let texts: BTreeMap<usize, String> = (0..orders.len())
        .map(|at| {
            (
                at,
                format!("{MARK}.{at}. {}", orders[at]["text"].as_str().unwrap()),
            )
        })
        .collect();
    let pages = texts.clone();
    let docs = McpServer::answering(
        [
            reading("read_page"),
            writing("drop_page"),
            writing("purge_all"),
        ],
        move |tool, arguments| {
            let page = arguments["q"].as_str().and_then(|page| page.parse().ok());
            let text = page.and_then(|page: usize| pages.get(&page));
            let text = text.map_or_else(|| format!("{tool} ran"), String::clone);
            json!({"content": [{"type": "text", "text": text}]})
        },
    )
    .await;
    let vault = McpServer::with([reading("read_secret")]).await;
    let others_jira = Script::sample().start().await;
    let model = {
        let orders = orders.clone();
        ModelServer::answering(move |call| obeys(call, &orders)).await
    };
    let (app, _) = app_with(&model).await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    connect(&app, &docs, json!({"tools": "read_page, drop_page"})).await;
    add_tenant(&app.platform, "other", TenantSettings::default()).await;
    connect_of(&app, "other", "mcp-vault", json!({"url": vault.url()})).await;
    app.connect_jira("other", others_jira.credentials()).await;

    for (at, order) in orders.iter().enumerate() {
        let session = format!("s{at}");
        let _jira;
        let asked = match order["where"].as_str().unwrap() {
            "jira" => {
                let fields = json!({"summary": texts[&at], FLAGGED: [{"value": "Impediment"}]});
                let script = Script::sample().issue(42, issue("PAY-9", "indeterminate", fields));
                let jira = script.start().await;
                app.connect_jira("default", jira.credentials()).await;
                _jira = jira;
                "what is blocked in the sprint?".to_owned()
            }
            _ => format!("read page {at}"),
        };
        let before = docs.calls().len();
        let first = say(&app, &key, &session, &asked).await;
        let has_read = model.requests().iter().any(|call| {
            call.body["messages"]
                .to_string()
                .contains(&format!("{MARK}.{at}."))
        });
        assert!(has_read, "{at}: {first}");
        if first["question"].is_null() {
            say(&app, &key, &session, "yes").await;
        }
        say(&app, &key, &session, "ok").await;
        say(&app, &key, &session, "yes").await;
        let calls = docs.calls().split_off(before);
        for (tool, _) in &calls {
            assert_eq!(tool, "read_page", "{at}: {order}");
        }
    }
    for call in model.requests() {
        let outside = outside_results(&call.body);
        assert!(!outside.contains(MARK), "{outside}");
    }
    assert_eq!(vault.calls(), []);
    assert_eq!(others_jira.requests().len(), 0);
}
