//! Usage: limits hold exactly, and what is repeated counts once.

use jiff::civil::Date;
use t3nets_router::model::{DailyUsage, NanoUsd};
use t3nets_router::ports::StoreError;
use ulid::Ulid;

use crate::fixture::{Fixture, World, at_once, id, reserve_message, settle, unique_tenant_id};
use crate::ledger::{USED, turn};

fn today() -> Date {
    id("2026-01-15")
}

async fn messages_today(world: &World) -> u64 {
    let used = world
        .platform
        .usage
        .usage(&world.tenant, today(), today())
        .await
        .unwrap();
    used.iter().map(|day| day.messages).sum()
}

pub(crate) async fn a_limit_holds_exactly_when_many_reserve_at_once(fixture: &dyn Fixture) {
    const LIMIT: u64 = 37;
    let world = World::new(fixture).await;
    let granted = at_once((0..100).map(|_| {
        let (usage, tenant) = (world.platform.usage.clone(), world.tenant.clone());
        async move {
            reserve_message(&usage, &tenant, today(), Ulid::generate(), LIMIT)
                .await
                .unwrap()
        }
    }))
    .await;
    let granted = granted.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted as u64, LIMIT);
    assert_eq!(messages_today(&world).await, LIMIT);
}

pub(crate) async fn a_repeated_reservation_counts_once(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let reservation = Ulid::generate();
    // The limit is reached by the first; its repetitions are still answered as it was.
    let answers = at_once((0..10).map(|_| {
        let (usage, tenant) = (world.platform.usage.clone(), world.tenant.clone());
        async move {
            reserve_message(&usage, &tenant, today(), reservation, 1)
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(answers, [true; 10]);
    assert_eq!(messages_today(&world).await, 1);
}

pub(crate) async fn a_refused_reservation_counts_nothing_and_may_be_tried_again(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let reservation = Ulid::generate();
    let reserve = |limit| {
        reserve_message(
            &world.platform.usage,
            &world.tenant,
            today(),
            reservation,
            limit,
        )
    };
    assert_eq!(reserve(0).await, Ok(false));
    assert_eq!(messages_today(&world).await, 0);
    assert_eq!(reserve(1).await, Ok(true));
    assert_eq!(messages_today(&world).await, 1);
}

pub(crate) async fn a_repeated_settlement_adds_once(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let usage = &world.platform.usage;
    for _ in 0..2 {
        let reservation = Ulid::generate();
        reserve_message(usage, &world.tenant, today(), reservation, 10)
            .await
            .unwrap();
        let settled = at_once((0..5).map(|_| {
            let (usage, tenant) = (usage.clone(), world.tenant.clone());
            async move { settle(&usage, &tenant, today(), reservation, &turn(USED)).await }
        }))
        .await;
        assert_eq!(settled, [const { Ok(()) }; 5]);
    }
    let used = usage.usage(&world.tenant, today(), today()).await;
    assert_eq!(
        used,
        Ok(vec![DailyUsage {
            day: today(),
            messages: 2,
            input_tokens: 2400,
            output_tokens: 600,
            cost: NanoUsd(9_000_000),
            unpriced_tokens: 20,
            estimated_tokens: 14,
        }])
    );
}

pub(crate) async fn settling_what_was_never_reserved_is_refused(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let usage = &world.platform.usage;
    let outcome = settle(usage, &world.tenant, today(), Ulid::generate(), &turn(USED)).await;
    assert!(
        matches!(outcome, Err(StoreError::NotFound(_))),
        "{outcome:?}"
    );
    let used = usage.usage(&world.tenant, today(), today()).await;
    assert_eq!(used, Ok(Vec::new()));
}

pub(crate) async fn days_are_counted_apart_and_listed_in_order(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let usage = &world.platform.usage;
    let days: [Date; 4] = ["2026-01-31", "2025-12-31", "2026-02-01", "2026-01-01"].map(id);
    for day in days {
        let granted = reserve_message(usage, &world.tenant, day, Ulid::generate(), 1);
        assert_eq!(granted.await, Ok(true), "{day} has a limit of its own");
    }
    let listed = usage
        .usage(&world.tenant, id("2026-01-01"), id("2026-01-31"))
        .await
        .unwrap();
    let listed: Vec<Date> = listed.into_iter().map(|used| used.day).collect();
    assert_eq!(listed, [days[3], days[0]], "both ends, and no empty days");
}

pub(crate) async fn tenants_are_counted_apart(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let usage = &world.platform.usage;
    let same_reservation = Ulid::generate();
    for tenant in [&world.tenant, &other] {
        let granted = reserve_message(usage, tenant, today(), same_reservation, 1);
        assert_eq!(granted.await, Ok(true));
    }
    settle(usage, &other, today(), same_reservation, &turn(USED))
        .await
        .unwrap();
    let mine = usage.usage(&world.tenant, today(), today()).await.unwrap();
    assert_eq!((mine[0].messages, mine[0].input_tokens), (1, 0));
}
