//! The ledger: each turn once, on the line of who asked and of what answered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use t3nets_router::model::{
    LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, Route, SettledTurn, UsageDelta, UserId,
};
use t3nets_router::ports::{Change, StoreError};
use ulid::Ulid;

use crate::fixture::{
    Fixture, World, at_once, audit, id, reserve_message, settle, some_time, tenant,
    unique_tenant_id,
};

pub(crate) const USED: UsageDelta = UsageDelta {
    input_tokens: 1200,
    output_tokens: 300,
    cost: NanoUsd(4_500_000),
    unpriced_tokens: 10,
    estimated_tokens: 7,
};

fn today() -> Date {
    id("2026-01-15")
}

fn account(user: &str, credential: Option<&str>) -> LedgerAccount {
    LedgerAccount::of(id(user), Some(some_time()), credential)
}

/// An answered turn by a model.
pub(crate) fn turn(used: UsageDelta) -> SettledTurn {
    let mut account = account("ada", Some("t3n_abcdefgh"));
    account.route = Some(Route::Ai);
    account.set_model(Some("Claude Sonnet 4.5"));
    SettledTurn {
        account,
        is_answered: true,
        used,
    }
}

async fn settled(world: &World, day: Date, turn: &SettledTurn) {
    let (usage, reservation) = (&world.platform.usage, Ulid::generate());
    let granted = reserve_message(usage, &world.tenant, day, reservation, 10_000);
    assert_eq!(granted.await, Ok(true));
    let settled = settle(usage, &world.tenant, day, reservation, turn);
    settled.await.unwrap();
}

async fn lines(world: &World, user: Option<&str>) -> BTreeMap<LedgerAccount, LedgerCounts> {
    let user: Option<UserId> = user.map(id);
    let usage = &world.platform.usage;
    let read = usage.ledger(&world.tenant, today(), today(), user.as_ref());
    let read = read.await.unwrap();
    let count = read.len();
    let lines: BTreeMap<_, _> = read
        .into_iter()
        .map(|line| (line.account, line.counts))
        .collect();
    assert_eq!(lines.len(), count, "an account has two lines");
    lines
}

/// Accounts that one way of writing keys or another would mix up.
fn accounts() -> Vec<LedgerAccount> {
    let mut accounts = Vec::new();
    let since = [None, Some(some_time()), Some(Timestamp::UNIX_EPOCH)];
    for user in ["ada", "ada@example.com", "ad", "a.d_a+b-", "anonymous"] {
        for user_since in since {
            accounts.push(LedgerAccount {
                user_since,
                ..account(user, None)
            });
        }
    }
    for credential in [
        "session",
        "t3n_abcdefgh",
        "t3n_#",
        "t3n_%23",
        "#",
        "##",
        "t3n_ \u{e4}",
    ] {
        accounts.push(account("ada", Some(credential)));
    }
    for model in [
        "rule",
        "",
        "a#b",
        "a%23b",
        "arn:aws:bedrock:eu-west-1::x/y",
        "Nova #1",
    ] {
        for route in [None, Some(Route::Rule), Some(Route::Ai)] {
            let mut account = account("ada", Some("t3n_abcdefgh"));
            account.route = route;
            account.set_model(Some(model).filter(|model| !model.is_empty()));
            accounts.push(account);
        }
    }
    let distinct: BTreeSet<_> = accounts.iter().cloned().collect();
    distinct.into_iter().collect()
}

pub(crate) async fn each_turn_is_on_its_own_line_however_ids_look(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let mut expected = BTreeMap::new();
    for (at, account) in accounts().into_iter().enumerate() {
        let turn = SettledTurn {
            account: account.clone(),
            is_answered: at % 2 == 0,
            used: UsageDelta {
                input_tokens: at as u64,
                ..USED
            },
        };
        settled(&world, today(), &turn).await;
        expected.insert(account, turn.counts());
    }
    assert_eq!(lines(&world, None).await, expected);
    for user in ["ada", "ad", "anonymous", "nobody"] {
        let mut own = expected.clone();
        own.retain(|account, _| account.user_id.as_str() == user);
        assert_eq!(lines(&world, Some(user)).await, own, "{user}");
    }
}

pub(crate) async fn turns_at_once_add_up_exactly(fixture: &dyn Fixture) {
    const TURNS: u64 = 40;
    let world = World::new(fixture).await;
    at_once((0..TURNS).map(|at| {
        let (usage, tenant) = (world.platform.usage.clone(), world.tenant.clone());
        async move {
            let reservation = Ulid::generate();
            let granted = reserve_message(&usage, &tenant, today(), reservation, TURNS);
            assert_eq!(granted.await, Ok(true));
            let turn = SettledTurn {
                is_answered: at % 4 != 0,
                ..turn(USED)
            };
            // Settled twice each, as where an answer is lost.
            for _ in 0..2 {
                let settled = settle(&usage, &tenant, today(), reservation, &turn);
                settled.await.unwrap();
            }
        }
    }))
    .await;
    let expected = LedgerCounts {
        turns: TURNS,
        failed: TURNS / 4,
        refusals: 0,
        used: UsageDelta {
            input_tokens: TURNS * USED.input_tokens,
            output_tokens: TURNS * USED.output_tokens,
            cost: NanoUsd(TURNS * USED.cost.0),
            unpriced_tokens: TURNS * USED.unpriced_tokens,
            estimated_tokens: TURNS * USED.estimated_tokens,
        },
    };
    let found = lines(&world, None).await;
    assert_eq!(found, BTreeMap::from([(turn(USED).account, expected)]));
    let usage = &world.platform.usage;
    let day = usage.usage(&world.tenant, today(), today()).await.unwrap();
    assert_eq!(day[0].messages, TURNS);
    assert_eq!(day[0].input_tokens, expected.used.input_tokens);
}

pub(crate) async fn a_turn_that_used_nothing_counts(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let mut hello = turn(UsageDelta::default());
    hello.account.route = Some(Route::Conversational);
    hello.account.set_model(None);
    settled(&world, today(), &hello).await;
    let found = lines(&world, None).await;
    assert_eq!(
        found,
        BTreeMap::from([(hello.account.clone(), hello.counts())])
    );
    let usage = &world.platform.usage;
    let day = usage.usage(&world.tenant, today(), today()).await.unwrap();
    assert_eq!((day[0].messages, day[0].input_tokens), (1, 0));
}

pub(crate) async fn what_was_never_reserved_is_on_no_line(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let usage = &world.platform.usage;
    let refused = settle(usage, &world.tenant, today(), Ulid::generate(), &turn(USED)).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))));
    assert_eq!(lines(&world, None).await, BTreeMap::new());
}

pub(crate) async fn the_ledger_is_read_by_day(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let days: [Date; 4] = ["2026-01-31", "2025-12-31", "2026-02-01", "2026-01-01"].map(id);
    for day in days {
        settled(&world, day, &turn(USED)).await;
    }
    let usage = &world.platform.usage;
    let (first, last) = (id("2026-01-01"), id("2026-01-31"));
    let found = usage.ledger(&world.tenant, first, last, None).await;
    let line = |day| LedgerLine {
        day,
        account: turn(USED).account,
        counts: turn(USED).counts(),
    };
    assert_eq!(found, Ok(vec![line(days[3]), line(days[0])]));

    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    assert_eq!(
        usage.ledger(&other, first, last, None).await,
        Ok(Vec::new())
    );
}

pub(crate) async fn refusals_are_added_to_their_line(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let usage = &world.platform.usage;
    let account = account("ada", Some("t3n_abcdefgh"));
    for count in [3, 1000] {
        let added = usage.add_refusals(&world.tenant, today(), &account, count);
        added.await.unwrap();
    }
    let counts = LedgerCounts {
        refusals: 1003,
        ..LedgerCounts::default()
    };
    assert_eq!(
        lines(&world, Some("ada")).await,
        BTreeMap::from([(account, counts)])
    );
    let day = usage.usage(&world.tenant, today(), today()).await;
    assert_eq!(day, Ok(Vec::new()), "nothing was accepted");
}

pub(crate) async fn the_ledger_goes_with_its_tenant_and_nothing_comes_after(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let (usage, tenants) = (&world.platform.usage, &world.platform.tenants);
    settled(&world, today(), &turn(USED)).await;
    let under_way = Ulid::generate();
    let granted = reserve_message(usage, &world.tenant, today(), under_way, 9);
    assert_eq!(granted.await, Ok(true));
    let until = world.platform.clock.now() + SignedDuration::from_secs(1);
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    let late = settle(usage, &world.tenant, today(), under_way, &turn(USED)).await;
    assert!(matches!(late, Err(StoreError::NotFound(_))), "{late:?}");
    let account = account("ada", None);
    let late = usage.add_refusals(&world.tenant, today(), &account, 3);
    assert_eq!(late.await, Ok(()));
    assert_eq!(lines(&world, None).await, BTreeMap::new());

    fixture.advance_clock(SignedDuration::from_secs(2));
    world
        .commit(&[Change::CreateTenant(tenant(&world.tenant))])
        .await
        .unwrap();
    assert_eq!(lines(&world, None).await, BTreeMap::new());
}
