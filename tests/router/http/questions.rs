//! What went to the model, by the conversations there are.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use t3nets_router::admin::Admin;
use t3nets_router::admin::questions::{Looked, QuestionsView};
use t3nets_router::model::UserRole;

use super::clock::ManualClock;
use super::{Setup, TestApp, tenant_id};

async fn questions(app: &TestApp, looked: Looked) -> QuestionsView {
    let admin = Admin::new(app.platform.clone(), "operator:ada");
    let tenant = admin.tenant(&tenant_id("default")).await.unwrap();
    admin.questions(&tenant, looked, 10).await.unwrap()
}

#[tokio::test]
async fn questions_of_the_same_words_are_counted_with_the_people_who_asked() {
    let clock = ManualClock::at("2026-03-01T12:00:00Z");
    let app = TestApp::with(Setup {
        clock: Some(clock.clone()),
        ..Setup::default()
    })
    .await;
    let bob = app.key("default", "bob", UserRole::Member).await;
    let ada = app.key("default", "ada", UserRole::Admin).await;
    let ask = async |key: &str, message: &str, session: &str| {
        let body = json!({"message": message, "session_id": session});
        let answer = app.post("/api/chat", Some(key), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        *clock.0.lock().unwrap() += SignedDuration::from_mins(1);
    };
    ask(&bob, "What was the coffee budget?", "old").await;
    *clock.0.lock().unwrap() += SignedDuration::from_hours(9 * 24);
    ask(&bob, "Who waters the office plants?", "new").await;
    ask(
        &ada,
        "please tell me who waters the plants of our office",
        "new",
    )
    .await;
    ask(&bob, "Where is the lunch menu?", "other").await;
    // Answered without the model.
    ask(&bob, "ping", "other").await;
    ask(&bob, "hello", "other").await;
    app.drained().await;

    let week = Looked {
        days: 7,
        turns: 100,
    };
    let found = questions(&app, week).await;
    assert_eq!((found.turns, found.by_model), (5, 3));
    assert!(found.is_whole);
    let [plants, lunch] = &*found.questions else {
        panic!("{found:?}");
    };
    assert_eq!((plants.count, plants.people), (2, 2));
    assert_eq!(plants.words, ["offic", "plant", "water"]);
    assert!(plants.example.starts_with("please tell me who waters"));
    assert_eq!(lunch.example, "Where is the lunch menu?");

    let month = Looked { days: 30, ..week };
    assert_eq!(questions(&app, month).await.by_model, 4);
    let few = questions(&app, Looked { turns: 2, ..week }).await;
    assert_eq!(few.turns, 2);
    assert!(!few.is_whole);

    let trail = app.get("/api/admin/audit", Some(&ada)).await.json();
    let mut entries = trail["entries"].as_array().unwrap().iter();
    assert!(entries.any(|entry| entry["action"] == "tenant.questions"));
}
