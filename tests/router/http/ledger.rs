//! The ledger: what turns leave in it, however they come and end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::admin::Admin;
use t3nets_router::admin::users::LastAdmin;
use t3nets_router::model::{
    Amounts, BudgetProgress, DailyUsage, Hold, LedgerAccount, LedgerCounts, LedgerLine, Reserved,
    Route, SettledTurn, TenantId, TenantSettings, UserId, UserRole,
};
use t3nets_router::ports::{Change, StoreError, UsageStore};

use super::{Setup, TestApp, audit, chat, request, tenant_id};

fn today() -> Date {
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
    now.date()
}

/// The ledger since yesterday, once all is counted.
async fn ledger(app: &TestApp) -> Vec<(LedgerAccount, LedgerCounts)> {
    app.drained().await;
    let (usage, tenant) = (&app.platform.usage, tenant_id("default"));
    let yesterday = today().yesterday().unwrap();
    let lines = usage.ledger(&tenant, yesterday, today(), None).await;
    let mut sums = BTreeMap::<_, LedgerCounts>::new();
    for LedgerLine {
        account, counts, ..
    } in lines.unwrap()
    {
        sums.entry(account).or_default().add(&counts);
    }
    sums.into_iter().collect()
}

/// What a line is of, in short.
fn short(account: &LedgerAccount) -> (&str, Option<&str>, Option<Route>, Option<&str>) {
    (
        account.user_id.as_str(),
        account.credential.as_deref(),
        account.route,
        account.model.as_deref(),
    )
}

#[tokio::test]
async fn each_route_counts_with_its_key_and_model_if_one_was_asked() {
    let model =
        ModelServer::scripted([Says::text("Pong, says the skill."), Says::text("So.")]).await;
    let (app, key) = chat::app_with(&model).await;
    for message in ["hello", "ping --raw", "ping", "think it over"] {
        assert_eq!(
            app.chat(&key, message).await.status,
            StatusCode::OK,
            "{message}"
        );
    }
    let lines = ledger(&app).await;
    let found: Vec<_> = lines.iter().map(|(account, _)| short(account)).collect();
    let (by, name) = (Some(&key[..8]), lines[3].0.model.as_deref());
    assert!(
        name.is_some_and(|name| name.starts_with("claude")),
        "{name:?}"
    );
    assert_eq!(
        found,
        [
            ("bob", by, Some(Route::Conversational), None),
            ("bob", by, Some(Route::Rule), None),
            ("bob", by, Some(Route::Rule), name),
            ("bob", by, Some(Route::Ai), name),
        ]
    );
    for (account, counts) in &lines {
        assert_eq!((counts.turns, counts.failed), (1, 0), "{account:?}");
        assert_eq!(counts.used.input_tokens > 0, account.model.is_some());
        let tenant = tenant_id("default");
        let user = app.platform.tenants.user(&tenant, &account.user_id).await;
        assert_eq!(account.user_since, user.unwrap().unwrap().created_at);
    }
}

#[tokio::test]
async fn sessions_and_callers_without_a_key_have_lines_of_their_own() {
    let (app, key) = TestApp::with_member(Setup {
        anonymous: true,
        ..Setup::default()
    })
    .await;
    let signed_in = app.post("/session", None, &json!({"key": key})).await;
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
    let token = signed_in.json()["csrf_token"].as_str().unwrap().to_owned();
    let by_session = request(Method::POST, "/api/chat", None)
        .header("content-type", "application/json")
        .header("cookie", cookie.split(';').next().unwrap())
        .header("x-csrf-token", token)
        .body(Body::from(r#"{"message": "hello"}"#))
        .unwrap();
    assert_eq!(app.send(by_session).await.status, StatusCode::OK);
    let hello = json!({"message": "hello"});
    let anonymous = app.post("/api/chat", None, &hello).await;
    assert_eq!(anonymous.status, StatusCode::OK);
    let lines = ledger(&app).await;
    let found: Vec<_> = lines.iter().map(|(account, _)| short(account)).collect();
    let route = Some(Route::Conversational);
    assert_eq!(
        found,
        [
            ("anonymous", None, route, None),
            ("bob", Some("session"), route, None),
        ]
    );
}

#[tokio::test]
async fn a_turn_that_fails_counts_with_what_it_used_and_how_far_it_came() {
    let refuses = |_: &_| Says::anthropic_error(401, "authentication_error", "no");
    let model = ModelServer::answering(refuses).await;
    let (app, key) = chat::app_with(&model).await;
    // No Jira is connected; the model refuses.
    for message in ["sprint status --raw", "think it over"] {
        assert!(
            !app.chat(&key, message).await.status.is_success(),
            "{message}"
        );
    }
    let lines = ledger(&app).await;
    let found: Vec<_> = lines
        .iter()
        .map(|(account, counts)| (account.route, account.model.is_some(), counts.failed))
        .collect();
    assert_eq!(
        found,
        [(Some(Route::Rule), false, 1), (Some(Route::Ai), true, 1)]
    );
    assert!(lines.iter().all(|(_, counts)| counts.turns == 1));
}

/// Counts what is asked of a store.
struct Counted {
    store: Arc<dyn UsageStore>,
    reads: AtomicU64,
    writes: AtomicU64,
}

#[async_trait]
impl UsageStore for Counted {
    async fn reserve(&self, hold: &Hold) -> Result<Reserved, StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.reserve(hold).await
    }

    async fn settle(
        &self,
        hold: &Hold,
        turn: &SettledTurn,
    ) -> Result<Vec<BudgetProgress>, StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.settle(hold, turn).await
    }

    async fn add_refusals(
        &self,
        tenant: &TenantId,
        day: Date,
        account: &LedgerAccount,
        count: u64,
    ) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.add_refusals(tenant, day, account, count).await
    }

    async fn ledger(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
        user: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.ledger(tenant, first, last, user).await
    }

    async fn usage(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.usage(tenant, first, last).await
    }
}

#[tokio::test]
async fn a_flood_of_refused_messages_is_counted_by_a_few_writes() {
    const FLOOD: u64 = 2_000;
    let home = tempfile::tempdir().unwrap();
    let other = t3nets_router::local::open(home.path()).unwrap();
    super::add_tenant(&other, "default", TenantSettings::default()).await;
    let counted = Arc::new(Counted {
        store: other.usage.clone(),
        reads: AtomicU64::new(0),
        writes: AtomicU64::new(0),
    });
    let app = TestApp::with(Setup {
        settings: TenantSettings {
            messages_per_day: Some(0),
            ..TenantSettings::default()
        },
        usage: Some(counted.clone()),
        ..Setup::default()
    })
    .await;
    let keys = [
        app.key("default", "bob", UserRole::Member).await,
        app.key("default", "ada", UserRole::Admin).await,
    ];
    for at in 0..FLOOD {
        let refused = app.chat(&keys[usize::from(at % 4 == 0)], "hello").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    }
    app.drained().await;
    let calls = [&counted.reads, &counted.writes].map(|calls| calls.load(Ordering::Relaxed));
    // Some for each 5 s that it takes; were there one for each message, thousands.
    assert!(calls[0] < FLOOD / 10 && calls[1] < FLOOD / 10, "{calls:?}");
    let yesterday = today().yesterday().unwrap();
    let lines = other
        .usage
        .ledger(&tenant_id("default"), yesterday, today(), None)
        .await
        .unwrap();
    let refused = |user: &str| -> u64 {
        let own = lines
            .iter()
            .filter(|line| line.account.user_id.as_str() == user);
        own.map(|line| line.counts.refusals).sum()
    };
    assert_eq!((refused("bob"), refused("ada")), (FLOOD * 3 / 4, FLOOD / 4));
    assert!(lines.iter().all(|line| line.counts.turns == 0));
}

#[tokio::test]
async fn a_limit_that_is_raised_lets_the_next_message_through() {
    let app = TestApp::with(Setup {
        settings: TenantSettings {
            messages_per_day: Some(1),
            ..TenantSettings::default()
        },
        ..Setup::default()
    })
    .await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let statuses = [StatusCode::OK, StatusCode::TOO_MANY_REQUESTS];
    for status in statuses {
        assert_eq!(app.chat(&admin, "hello").await.status, status);
    }
    let raised = json!({"settings": {"messages_per_day": 2}}).to_string();
    let raised = request(Method::PUT, "/api/settings", Some(&admin))
        .header("content-type", "application/json")
        .body(Body::from(raised))
        .unwrap();
    let raised: Value = app.send(raised).await.json();
    assert_eq!(raised["limits"]["messages_per_day"], 2, "{raised}");
    for status in statuses {
        assert_eq!(app.chat(&admin, "hello").await.status, status);
    }
}

/// The groups of an answer in short: id, state, turns.
fn groups(answer: &Value) -> Vec<(&str, &str, u64)> {
    let groups = answer["groups"].as_array().unwrap();
    groups
        .iter()
        .map(|group| {
            let id = group["id"].as_str().unwrap_or_default();
            let state = group["state"].as_str().unwrap();
            (id, state, group["turns"].as_u64().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn admins_see_who_used_what_and_the_sums_are_those_of_the_days() {
    let model = ModelServer::answering(|_| Says::text("Well.")).await;
    let (app, key) = chat::app_with(&model).await;
    let admin = app.key("default", "ada", UserRole::Admin).await;
    for (key, message) in [
        (&key, "think it over"),
        (&key, "think again"),
        (&key, "hello"),
        (&admin, "hello"),
    ] {
        assert_eq!(app.chat(key, message).await.status, StatusCode::OK);
    }
    // As a router of an earlier release counts.
    let (usage, tenant) = (&app.platform.usage, tenant_id("default"));
    let nobody = LedgerAccount::of(UserId::anonymous(), None, None);
    let amounts = Amounts::MESSAGE;
    let hold = Hold::new(
        tenant.clone(),
        nobody,
        amounts,
        Vec::new(),
        Timestamp::now(),
    );
    usage.reserve(&hold).await.unwrap();
    app.drained().await;

    let (bob, ada) = (&key[..8], &admin[..8]);
    let lost = ("", "not_attributed", 1);
    for (by, expected) in [
        (
            "user",
            vec![("bob", "current", 3), ("ada", "current", 1), lost],
        ),
        ("key", vec![(bob, "current", 3), (ada, "current", 1), lost]),
        (
            "model",
            vec![("claude-sonnet-5-5", "current", 2), ("", "none", 2), lost],
        ),
        (
            "route",
            vec![("ai", "current", 2), ("conversational", "current", 2), lost],
        ),
    ] {
        let path = format!("/api/admin/usage?days=2&by={by}");
        let answer = app.get(&path, Some(&admin)).await.json();
        assert_eq!(groups(&answer), expected, "{answer}");
        assert_eq!(answer["by"], by);
        for count in ["input_tokens", "output_tokens"] {
            let of = |list: &str| -> u64 {
                let all = answer[list].as_array().unwrap().iter();
                all.map(|one| one[count].as_u64().unwrap()).sum()
            };
            let total = answer["total"][count].as_u64().unwrap();
            assert!(total > 0);
            let sums = [of("groups"), of("rows"), of("days")];
            assert_eq!(sums, [total; 3], "{count} by {by}");
        }
        assert_eq!(answer["total"]["messages"], 5);
        assert_eq!(answer["total"]["turns"], 4);
    }
    let plain = app.get("/api/admin/usage", Some(&admin)).await.json();
    assert_eq!(plain.get("groups"), None);
    let wrong = app.get("/api/admin/usage?by=colour", Some(&admin)).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(
        wrong.json()["error"]["message"]
            .to_string()
            .contains("`colour`")
    );
}

#[tokio::test]
async fn people_see_what_they_used_themselves_and_nothing_of_who_had_their_id_before() {
    let app = TestApp::new().await;
    let (bob, ada) = (
        app.key("default", "bob", UserRole::Member).await,
        app.key("default", "ada", UserRole::Admin).await,
    );
    for key in [&bob, &bob, &ada] {
        assert_eq!(app.chat(key, "hello").await.status, StatusCode::OK);
    }
    app.drained().await;
    let own = app.get("/api/usage?days=2", Some(&bob)).await.json();
    assert_eq!(
        (&own["user_id"], &own["total"]["turns"]),
        (&json!("bob"), &json!(2))
    );
    assert_eq!(own["limits"]["messages_today"], 3, "the tenant's");

    let tenant = tenant_id("default");
    let store = &app.platform.tenants;
    let first = store.user(&tenant, &"bob".parse().unwrap()).await;
    let first = first.unwrap().unwrap();
    let second = t3nets_router::model::User {
        created_at: Some(jiff::Timestamp::now()),
        ..first.clone()
    };
    let operator = Admin::new(app.platform.clone(), "operator:test");
    operator
        .remove_user(&tenant, &first.id, LastAdmin::Keep)
        .await
        .unwrap();
    let change = Change::CreateUser(second);
    store
        .commit(&tenant, &[change], &audit(&tenant))
        .await
        .unwrap();
    let new = app.key("default", "bob", UserRole::Member).await;
    let own = app.get("/api/usage?days=2", Some(&new)).await.json();
    assert_eq!(
        (&own["days"], &own["total"]["turns"]),
        (&json!([]), &json!(0))
    );
    let by_user = app
        .get("/api/admin/usage?days=2&by=user", Some(&ada))
        .await
        .json();
    assert_eq!(
        groups(&by_user),
        [("bob", "former", 2), ("ada", "current", 1)]
    );
    let by_key = app
        .get("/api/admin/usage?days=2&by=key", Some(&ada))
        .await
        .json();
    assert!(
        groups(&by_key).contains(&(&bob[..8], "former", 2)),
        "{by_key}"
    );
}
