//! Two routers on one store: budgets hold whatever both are asked at once, however turns end.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde_json::json;
use support::model::{Answer as Says, ModelServer};
use t3nets_router::model::{
    Amounts, Budget, BudgetKey, DailyUsage, Hold, LedgerAccount, Payer, Period, Reserved,
    TenantSettings, Unit, UserId, UserRole,
};
use t3nets_router::ports::{Change, Clock, Platform};

use crate::http::chat::variables;
use crate::http::{add_tenant, audit, make_key, tenant_id};
use crate::process::start_with;

/// A clock that is ahead by so much.
struct Ahead(SignedDuration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::now() + self.0
    }
}

/// A tenant on a home, with a budget of messages a day and one in its extensions, and a key.
async fn tenant(home: &Path, messages: u64, extra: serde_json::Value) -> String {
    let platform = t3nets_router::local::open(home).unwrap();
    let settings = TenantSettings {
        messages_per_day: Some(messages),
        max_tokens_per_message: Some(100),
        ..TenantSettings::default()
    };
    add_tenant(&platform, "default", settings).await;
    extend(&platform, "budgets", extra).await;
    make_key(&platform, "default", "bob", UserRole::Member, None).await
}

/// Puts something into the tenant's extensions.
async fn extend(platform: &Platform, name: &str, value: serde_json::Value) {
    let id = tenant_id("default");
    let before = platform.tenants.tenant(&id).await.unwrap().unwrap();
    let mut after = before.clone();
    after.extensions.insert(name.to_owned(), value);
    let change = Change::UpdateTenant { before, after };
    let changed = platform.tenants.commit(&id, &[change], &audit(&id)).await;
    changed.unwrap();
}

async fn used(platform: &Platform) -> DailyUsage {
    let now = platform.clock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let (tenant, day) = (tenant_id("default"), now.date());
    let days = platform.usage.usage(&tenant, day, day);
    let days = days.await.unwrap();
    days.into_iter().next().unwrap()
}

/// Asks so many questions at once, of one router and the other in turn: how many were answered. Of
/// the streamed ones every other client goes away once the first words are there.
async fn ask(
    routers: [&str; 2],
    key: &str,
    count: usize,
    message: &str,
    is_streamed: bool,
) -> usize {
    let client = Client::new();
    let mut asked = tokio::task::JoinSet::new();
    for at in 0..count {
        let request = client
            .post(format!("{}/api/chat", routers[at % 2]))
            .bearer_auth(key)
            .header(
                "accept",
                if is_streamed {
                    "text/event-stream"
                } else {
                    "application/json"
                },
            )
            .json(&json!({ "message": message }));
        asked.spawn(async move {
            let Ok(mut response) = request.send().await else {
                return false;
            };
            let is_answered = response.status() == StatusCode::OK;
            assert!(is_answered || response.status() == StatusCode::TOO_MANY_REQUESTS);
            match is_streamed && at % 4 < 2 {
                true => drop(response.chunk().await),
                false => drop(response.bytes().await),
            }
            is_answered
        });
    }
    let answers = asked.join_all().await;
    answers
        .into_iter()
        .filter(|is_answered| *is_answered)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_messages_at_once_as_many_are_answered_as_the_budget_has() {
    let home = tempfile::tempdir().unwrap();
    let key = tenant(home.path(), 500, json!({})).await;
    let routers = [(); 2].map(|()| start_with(home.path(), &[]));
    let urls = [&*routers[0].url, &*routers[1].url];
    assert_eq!(ask(urls, &key, 1000, "hello", false).await, 500);
    assert_eq!(ask(urls, &key, 10, "hello", false).await, 0);
    let platform = t3nets_router::local::open(home.path()).unwrap();
    assert_eq!(used(&platform).await.messages, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_questions_are_with_a_model_at_once_than_may_be_with_both_routers() {
    let model = ModelServer::answering(|_| Says::text("Well.").held()).await;
    let home = tempfile::tempdir().unwrap();
    let key = tenant(home.path(), 1000, json!({})).await;
    let platform = t3nets_router::local::open(home.path()).unwrap();
    extend(&platform, "settings", json!({"max_concurrent_calls": 4})).await;
    let ai = variables(&model);
    let routers = [(); 2].map(|()| start_with(home.path(), &ai));
    let urls = [&*routers[0].url, &*routers[1].url];
    // Three with one, and one with the other.
    let client = Client::new();
    let mut waiting = tokio::task::JoinSet::new();
    for url in [urls[0], urls[0], urls[0], urls[1]] {
        let asked = client
            .post(format!("{url}/api/chat"))
            .bearer_auth(&key)
            .json(&json!({"message": "think it over"}));
        waiting.spawn(asked.send());
    }
    model.until_called(4).await;
    assert_eq!(ask(urls, &key, 4, "think it over", false).await, 0);
    // What needs no model waits for none.
    assert_eq!(ask(urls, &key, 4, "hello", false).await, 4);
    model.release();
    for answer in waiting.join_all().await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    // Who was just answered can ask at once.
    assert_eq!(ask(urls, &key, 4, "think it over", false).await, 4);
    assert_eq!(model.requests().len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_dollars_hold_over_two_routers_with_answers_cut_off_and_a_router_killed() {
    // 900 tokens a turn at most; what an answer that is cut off used is less.
    let model = ModelServer::answering(|call| {
        let answer = Says::text("Half of what there is to say")
            .in_chunks(4)
            .usage(800, 100);
        match call.last_text().as_str() {
            "stay with me" => answer.held(),
            _ => answer,
        }
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let limits = json!({"tokens_per_day": 90_000, "user_usd_per_month": 0.5});
    let key = tenant(home.path(), 100_000, limits).await;
    let ai = variables(&model);
    let mut routers = [(); 2].map(|()| start_with(home.path(), &ai));
    let urls = routers.each_ref().map(|router| router.url.clone());
    let urls = [&*urls[0], &*urls[1]];

    for is_streamed in [false, true] {
        ask(urls, &key, 60, "think it over", is_streamed).await;
    }
    // One is killed with turns under way.
    let client = Client::new();
    let calls = model.requests().len();
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let asked = client
            .post(format!("{}/api/chat", urls[1]))
            .bearer_auth(&key)
            .json(&json!({"message": "stay with me"}));
        under_way.spawn(asked.send());
    }
    model.until_called(calls + 3).await;
    routers[1].kill();
    drop(under_way);
    // The other is asked one by one, until there is nothing left.
    let mut answered = 0;
    while ask([urls[0]; 2], &key, 1, "think it over", false).await == 1 {
        answered += 1;
    }
    assert!(answered > 0);

    let now = t3nets_router::local::open(home.path()).unwrap();
    let day = used(&now).await;
    let tokens = day.input_tokens + day.output_tokens;
    assert!(tokens <= 90_000, "{day:?}");
    assert!(day.cost.0 <= 500_000_000, "{day:?}");
    // What the killed one held is back once it has expired, to the last token.
    let later = Arc::new(Ahead(Hold::LIFE + SignedDuration::from_secs(5)));
    let later = t3nets_router::local::open_with_clock(home.path(), later).unwrap();
    let messages = day.messages;
    let key = BudgetKey {
        payer: Payer::Tenant,
        unit: Unit::Tokens,
        period: Period::Day,
    };
    let budgets = vec![Budget {
        key,
        most: 90_000,
        is_own: false,
    }];
    let nobody = LedgerAccount::of(UserId::anonymous(), None, None);
    let hold = |tokens| {
        let amounts = Amounts {
            tokens,
            ..Amounts::MESSAGE
        };
        let (tenant, now) = (tenant_id("default"), later.clock.now());
        Hold {
            day: day.day,
            ..Hold::new(tenant, nobody.clone(), amounts, budgets.clone(), now)
        }
    };
    let reserve = async |tokens| later.usage.reserve(&hold(tokens)).await.unwrap();
    let left = 90_000 - tokens;
    assert!(matches!(reserve(left + 1).await, Reserved::Refused(_)));
    assert!(matches!(reserve(left).await, Reserved::Held(_)));
    assert_eq!(used(&later).await.messages, messages - 3 + 1);
}
