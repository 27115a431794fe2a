//! Answers of DynamoDB that are lost after it did what was asked, and many who want the same at
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::Value;
use support::TestServer;
use support::aws::AwsServer;
use t3nets_router::model::{NanoUsd, UsageDelta};
use t3nets_router::ports::{Change, all_pages};
use ulid::Ulid;

use crate::aws::AwsFixture;
use crate::fixture::{World, at_once, audit, id, reserve_message, settle, user};

/// A proxy that loses answers.
#[derive(Clone)]
struct Lossy {
    upstream: String,
    http: reqwest::Client,
    /// How many transactions' answers are still to be lost.
    losses: Arc<AtomicUsize>,
}

/// Passes a request on. The answer to a transaction is replaced by an internal error while there
/// are losses to come, which the SDK repeats; without its token, as by a server that does not know
/// the repetition again.
async fn pass_on(State(lossy): State<Lossy>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap().to_owned();
    let is_transaction = target.ends_with("TransactWriteItems");
    let mut body = body.to_vec();
    if is_transaction {
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        request
            .as_object_mut()
            .unwrap()
            .remove("ClientRequestToken");
        body = request.to_string().into_bytes();
    }
    let mut request = lossy.http.post(&lossy.upstream).body(body);
    for name in [
        "x-amz-target",
        "content-type",
        "authorization",
        "x-amz-date",
    ] {
        request = request.header(name, headers[name].as_bytes());
    }
    let answer = request.send().await.unwrap();
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let content = answer.bytes().await.unwrap();
    let is_lost = is_transaction
        && lossy
            .losses
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
    if is_lost {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    (
        status,
        [("content-type", "application/x-amz-json-1.0")],
        content,
    )
        .into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_though_its_answer_was_lost_is_done_once() {
    let Some(server) = AwsServer::shared_ministack() else {
        return;
    };
    let losses = Arc::new(AtomicUsize::new(0));
    let proxy = TestServer::start(Router::new().fallback(pass_on).with_state(Lossy {
        upstream: server.url().to_owned(),
        http: reqwest::Client::new(),
        losses: losses.clone(),
    }))
    .await;
    let Some(aws) = AwsFixture::on_ministack_through(&proxy).await else {
        return;
    };
    let lose_one = || losses.store(1, Ordering::SeqCst);
    let world = World::new(&aws).await;

    lose_one();
    let ada = world.add_user("ada").await;
    lose_one();
    let before = world.stored().await;
    let mut after = before.clone();
    after.name = "New".to_owned();
    let update = Change::UpdateTenant {
        before: before.clone(),
        after,
    };
    world.commit(&[update]).await.unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.version, before.version + 1);
    lose_one();
    world.commit(&[Change::RemoveUser(ada)]).await.unwrap();
    let tenants = &world.platform.tenants;
    let trail = all_pages(|page| tenants.audit_trail(&world.tenant, page)).await;
    assert_eq!(trail.unwrap().len(), 4, "one of each commit");

    let (usage, reservation, today) = (&world.platform.usage, Ulid::generate(), id("2026-01-15"));
    lose_one();
    let reserved = reserve_message(usage, &world.tenant, today, reservation, 1);
    assert_eq!(reserved.await, Ok(true));
    let delta = UsageDelta {
        input_tokens: 5,
        output_tokens: 7,
        cost: NanoUsd(9),
        unpriced_tokens: 0,
        estimated_tokens: 7,
    };
    lose_one();
    let turn = crate::ledger::turn(delta);
    let settled = settle(usage, &world.tenant, today, reservation, &turn);
    settled.await.unwrap();
    let used = usage.usage(&world.tenant, today, today).await.unwrap();
    assert_eq!((used[0].messages, used[0].input_tokens), (1, 5));
    let ledger = usage.ledger(&world.tenant, today, today, None).await;
    assert_eq!(ledger.unwrap()[0].counts.turns, 1);

    lose_one();
    let until = world.platform.clock.now() + SignedDuration::from_hours(1);
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    assert_eq!(losses.load(Ordering::SeqCst), 0, "every answer was lost");
    assert_eq!(tenants.tenant(&world.tenant).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_commits_of_one_tenant_at_once_are_all_made() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let commits = (0..100).map(|n| {
        let (platform, tenant) = (world.platform.clone(), world.tenant.clone());
        async move {
            let world = World { platform, tenant };
            let new = user(&world.tenant, &format!("user-{n}"));
            world.commit(&[Change::CreateUser(new)]).await
        }
    });
    assert_eq!(at_once(commits).await, vec![Ok(()); 100]);
    let tenants = &world.platform.tenants;
    let users = all_pages(|page| tenants.users(&world.tenant, page)).await;
    assert_eq!(users.unwrap().len(), 100);
}
