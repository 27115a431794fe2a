//! Turns whose caller goes while they are answered.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use support::TestServer;
use t3nets_router::admin::Admin;
use t3nets_router::admin::users::{LastAdmin, NewUser};
use t3nets_router::model::UserRole;
use t3nets_router::ports::{Change, Platform};

use super::streaming::events;
use super::{Setup, TestApp, add_tenant, audit, make_key, tenant_id};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    UserRemoved,
    AnotherOfTheSameId,
    TenantSuspended,
    TenantRemoved,
    AnotherTenantOfTheSameId,
}

impl Event {
    async fn happen(self, platform: &Platform) {
        let (admin, tenant) = (
            Admin::new(platform.clone(), "operator:test"),
            tenant_id("default"),
        );
        if matches!(self, Self::UserRemoved | Self::AnotherOfTheSameId) {
            let bob = "bob".parse().unwrap();
            let user = platform.tenants.user(&tenant, &bob).await.unwrap().unwrap();
            let removed = admin.remove_user(&tenant, &bob, LastAdmin::Keep);
            removed.await.unwrap();
            if self == Self::AnotherOfTheSameId {
                let again = Change::CreateUser(user).made_at(jiff::Timestamp::now());
                let (store, entry) = (&platform.tenants, audit(&tenant));
                store.commit(&tenant, &[again], &entry).await.unwrap();
            }
        } else if self == Self::TenantSuspended {
            admin.suspend_tenant(&tenant).await.unwrap();
        } else {
            admin.remove_tenant(&tenant).await.unwrap();
            if self == Self::AnotherTenantOfTheSameId {
                add_tenant(platform, "default", Default::default()).await;
            }
        }
    }
}

/// A model in whose call something happens.
async fn model(platform: Arc<std::sync::OnceLock<(Platform, Event)>>) -> TestServer {
    let answer = move |Json(request): Json<Value>| {
        let happening = platform.get().cloned();
        async move {
            if let Some((platform, event)) = happening {
                event.happen(&platform).await;
            }
            let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
            if request["stream"] != true {
                let message = json!({"role": "assistant", "content": "for the first alone"});
                let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
                return Json(json!({"id": "1", "choices": [choice], "usage": usage}))
                    .into_response();
            }
            let delta = json!({"content": "for the first alone"});
            let choice = json!({"index": 0, "delta": delta, "finish_reason": "stop"});
            let chunk = json!({"id": "1", "choices": [choice], "usage": usage});
            let kind = [(header::CONTENT_TYPE, "text/event-stream")];
            (kind, format!("data: {chunk}\n\ndata: [DONE]\n\n")).into_response()
        }
    };
    TestServer::start(Router::new().route("/v1/chat/completions", post(answer))).await
}

#[tokio::test]
async fn a_turn_under_way_whose_caller_goes_is_refused_and_leaves_nothing() {
    for (event, expected) in [
        (Event::UserRemoved, StatusCode::UNAUTHORIZED),
        (Event::AnotherOfTheSameId, StatusCode::UNAUTHORIZED),
        (Event::TenantSuspended, StatusCode::FORBIDDEN),
        (Event::TenantRemoved, StatusCode::UNAUTHORIZED),
        (Event::AnotherTenantOfTheSameId, StatusCode::UNAUTHORIZED),
    ] {
        for streamed in [false, true] {
            let happening = Arc::new(std::sync::OnceLock::new());
            let model = model(happening.clone()).await;
            let app = TestApp::with(Setup {
                ai: vec![
                    ("OPENAI_BASE_URL", format!("{}/v1", model.url())),
                    ("T3NETS_MODEL", "some-model".to_owned()),
                ],
                ..Setup::default()
            })
            .await;
            let key = app.key("default", "bob", UserRole::Member).await;
            let question = json!({"message": "what is new?", "session_id": "s"});
            let first = app.post("/api/chat", Some(&key), &question).await;
            assert_eq!(first.status, StatusCode::OK, "{:?}", first.body);

            let _ = happening.set((app.platform.clone(), event));
            if streamed {
                let events = events(&app, &key, &question).await;
                let (name, last) = events.last().unwrap();
                assert_eq!(name, "error", "{event:?}: {last}");
            } else {
                let late = app.post("/api/chat", Some(&key), &question).await;
                assert_eq!(late.status, expected, "{event:?}: {:?}", late.body);
                let code = late.error_code();
                assert!(
                    ["unauthorized", "tenant_suspended"].contains(&&*code),
                    "{code}"
                );
            }

            if event == Event::TenantSuspended {
                let admin = Admin::new(app.platform.clone(), "operator:test");
                admin.resume_tenant(&tenant_id("default")).await.unwrap();
                assert_eq!(app.history(&key, "s").await.len(), 2, "the turn before");
                continue;
            }
            if matches!(event, Event::TenantRemoved) {
                add_tenant(&app.platform, "default", Default::default()).await;
            }
            if event == Event::UserRemoved {
                let next = NewUser {
                    email: "bob@example.com".to_owned(),
                    id: Some("bob".parse().unwrap()),
                    display_name: None,
                    role: UserRole::Member,
                };
                let admin = Admin::new(app.platform.clone(), "operator:test");
                admin.add_user(&tenant_id("default"), next).await.unwrap();
            }
            // Whoever has the id next reads nothing.
            let theirs = make_key(&app.platform, "default", "bob", UserRole::Member, None).await;
            assert_eq!(
                app.history(&theirs, "s").await,
                [Value::Null; 0],
                "{event:?}"
            );
            let sessions = app.get("/api/sessions", Some(&theirs)).await.json();
            assert_eq!(sessions["sessions"], json!([]), "{event:?}");
        }
    }
}

#[tokio::test]
async fn a_turn_just_after_its_caller_went_leaves_nothing() {
    let app = TestApp::new().await;
    let key = app.key("default", "bob", UserRole::Member).await;
    assert_eq!(app.chat(&key, "hi").await.status, StatusCode::OK);
    Event::AnotherOfTheSameId.happen(&app.platform).await;
    // The key is gone, and still known for five seconds.
    let late = app.chat(&key, "hello, it is the first again").await;
    assert_eq!(
        (late.status, &*late.error_code()),
        (StatusCode::UNAUTHORIZED, "unauthorized")
    );
    let theirs = app.key("default", "bob", UserRole::Member).await;
    let sessions = app.get("/api/sessions", Some(&theirs)).await.json();
    assert_eq!(sessions["sessions"], json!([]));
}
