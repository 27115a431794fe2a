//! Budgets of messages, tokens and dollars, by day and by month, of tenants, users and keys: they
//! hold exactly whatever comes at once, and what is held and never used comes back.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use t3nets_router::model::{
    Amounts, ApiKey, Budget, BudgetKey, BudgetProgress, Hold, LedgerAccount, NanoUsd, OwnBudgets,
    Payer, Period, Reserved, SettledTurn, Standing, TenantId, Unit, UsageDelta, User,
};
use t3nets_router::ports::{Change, StoreError};

use crate::fixture::{Fixture, World, at_once, id, key, object, some_time, user};

fn day() -> Date {
    id("2026-01-15")
}

fn budget(payer: Payer, unit: Unit, period: Period, most: u64) -> Budget {
    let key = BudgetKey {
        payer,
        unit,
        period,
    };
    Budget {
        key,
        most,
        is_own: false,
    }
}

fn account(user: &str, credential: Option<&str>) -> LedgerAccount {
    LedgerAccount::of(id(user), Some(some_time()), credential)
}

/// A turn of Ada's, by her key, that may use so many tokens and so many billionths of a dollar.
fn hold(world: &World, budgets: &[Budget], tokens: u64, nano_usd: u64) -> Hold {
    let ada = account("ada", Some("t3n_ada"));
    let amounts = Amounts {
        messages: 1,
        tokens,
        cost: NanoUsd(nano_usd),
    };
    let (tenant, now) = (world.tenant.clone(), world.platform.clock.now());
    Hold {
        day: day(),
        ..Hold::new(tenant, ada, amounts, budgets.to_vec(), now)
    }
}

fn turn(hold: &Hold, tokens: u64, nano_usd: u64) -> SettledTurn {
    SettledTurn {
        account: hold.account.clone(),
        is_answered: true,
        used: UsageDelta {
            input_tokens: tokens / 2,
            output_tokens: tokens - tokens / 2,
            cost: NanoUsd(nano_usd),
            ..UsageDelta::default()
        },
    }
}

async fn reserve(world: &World, hold: &Hold) -> Reserved {
    world.platform.usage.reserve(hold).await.unwrap()
}

async fn is_held(world: &World, hold: &Hold) -> bool {
    matches!(reserve(world, hold).await, Reserved::Held(_))
}

/// Reserves and settles a turn.
async fn used(world: &World, hold: &Hold, tokens: u64, nano_usd: u64) {
    assert!(is_held(world, hold).await);
    let settled = turn(hold, tokens, nano_usd);
    world.platform.usage.settle(hold, &settled).await.unwrap();
}

async fn counted(world: &World, tenant: &TenantId) -> (u64, u64, u64) {
    let days = world.platform.usage.usage(tenant, day(), day()).await;
    days.unwrap().first().map_or((0, 0, 0), |day| {
        (
            day.messages,
            day.input_tokens + day.output_tokens,
            day.cost.0,
        )
    })
}

pub(crate) async fn what_is_held_counts_and_what_was_not_used_of_it_returns(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    for (unit, amounts) in [(Unit::Tokens, (400, 0)), (Unit::Usd, (0, 400))] {
        let budgets = [budget(Payer::Tenant, unit, Period::Day, 1000)];
        let hold = || hold(&world, &budgets, amounts.0, amounts.1);
        let (first, second) = (hold(), hold());
        assert!(is_held(&world, &first).await && is_held(&world, &second).await);
        let refused = Reserved::Refused(Standing {
            budget: budgets[0],
            used: 800,
        });
        assert_eq!(reserve(&world, &hold()).await, refused);
        // Of the first a tenth was used.
        let settled = turn(&first, amounts.0 / 10, amounts.1 / 10);
        world.platform.usage.settle(&first, &settled).await.unwrap();
        let third = hold();
        let held = Reserved::Held(vec![Standing {
            budget: budgets[0],
            used: 840,
        }]);
        assert_eq!(reserve(&world, &third).await, held);
        assert!(!is_held(&world, &hold()).await);
        // More was used than was held.
        let settled = turn(&second, amounts.0 * 2, amounts.1 * 2);
        world
            .platform
            .usage
            .settle(&second, &settled)
            .await
            .unwrap();
        let settled = turn(&third, 0, 0);
        world.platform.usage.settle(&third, &settled).await.unwrap();
        let refused = Reserved::Refused(Standing {
            budget: budgets[0],
            used: 840,
        });
        assert_eq!(reserve(&world, &hold()).await, refused);
    }
    assert_eq!(counted(&world, &world.tenant).await, (6, 840, 840));
}

pub(crate) async fn every_budget_holds_exactly_when_many_reserve_at_once(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let budgets = [
        budget(Payer::Tenant, Unit::Messages, Period::Day, 90),
        budget(Payer::Tenant, Unit::Tokens, Period::Month, 1000),
        budget(Payer::User, Unit::Usd, Period::Day, 70),
        budget(Payer::Key, Unit::Messages, Period::Month, 24),
    ];
    // 10 tokens and 10 billionths each: the user's dollars are the first to end, after 7.
    let holds: Vec<Hold> = (0..24).map(|_| hold(&world, &budgets, 10, 10)).collect();
    let outcomes = at_once(holds.iter().cloned().map(|hold| {
        let usage = world.platform.usage.clone();
        async move {
            let outcome = usage.reserve(&hold).await.unwrap();
            (hold, outcome)
        }
    }))
    .await;
    let is_held = |reserved: &Reserved| matches!(reserved, Reserved::Held(_));
    let held: Vec<&Hold> = outcomes
        .iter()
        .filter_map(|(hold, outcome)| is_held(outcome).then_some(hold))
        .collect();
    assert_eq!(held.len(), 7);
    for (_, outcome) in &outcomes {
        let Reserved::Refused(standing) = outcome else {
            continue;
        };
        assert_eq!(standing.budget, budgets[2], "{standing:?}");
    }
    // Nothing of those that were refused is left.
    assert_eq!(counted(&world, &world.tenant).await.0, 7);
    at_once(held.into_iter().cloned().map(|hold| {
        let usage = world.platform.usage.clone();
        async move { usage.settle(&hold, &turn(&hold, 10, 10)).await.unwrap() }
    }))
    .await;
    assert_eq!(counted(&world, &world.tenant).await, (7, 70, 70));
}

pub(crate) async fn a_month_is_held_to_over_its_days_and_the_next_begins_anew(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let of = |payer| budget(payer, Unit::Tokens, Period::Month, 100);
    for payer in [Payer::Tenant, Payer::User, Payer::Key] {
        let budgets = [of(payer)];
        let on = |day: &str, tokens| Hold {
            day: id(day),
            account: account(
                &format!("{payer:?}").to_lowercase(),
                Some(&format!("{payer:?}")),
            ),
            ..hold(&world, &budgets, tokens, 0)
        };
        // A month of its own for each of them.
        let month = match payer {
            Payer::Tenant => "2026-01",
            Payer::User => "2026-03",
            Payer::Key => "2026-05",
        };
        let day = |day: &str| format!("{month}-{day}");
        used(&world, &on(&day("01"), 40), 40, 0).await;
        used(&world, &on(&day("09"), 40), 30, 0).await;
        assert!(!is_held(&world, &on(&day("20"), 31)).await, "{payer:?}");
        let rest = on(&day("20"), 30);
        let held = Reserved::Held(vec![Standing {
            budget: budgets[0],
            used: 100,
        }]);
        assert_eq!(reserve(&world, &rest).await, held, "{payer:?}");
        let next = month
            .replace("01", "02")
            .replace("03", "04")
            .replace("05", "06");
        assert!(
            is_held(&world, &on(&format!("{next}-01"), 100)).await,
            "{payer:?}"
        );
    }
}

pub(crate) async fn users_and_keys_have_budgets_of_their_own(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let budgets = [
        budget(Payer::User, Unit::Messages, Period::Day, 2),
        budget(Payer::Key, Unit::Messages, Period::Day, 2),
    ];
    let by = |user: &str, key: &str| Hold {
        account: account(user, Some(key)),
        ..hold(&world, &budgets, 0, 0)
    };
    used(&world, &by("ada", "t3n_1"), 0, 0).await;
    used(&world, &by("ada", "t3n_1"), 0, 0).await;
    assert!(
        !is_held(&world, &by("ada", "t3n_2")).await,
        "Ada has none left"
    );
    assert!(
        !is_held(&world, &by("bob", "t3n_1")).await,
        "nor has the key"
    );
    assert!(is_held(&world, &by("bob", "t3n_2")).await);
    // Another of the same id, who came after her.
    let mut another = by("ada", "t3n_3");
    another.account.user_since = Some(Timestamp::UNIX_EPOCH);
    assert!(is_held(&world, &another).await);
    assert_eq!(counted(&world, &world.tenant).await.0, 4);
}

pub(crate) async fn what_is_one_users_or_one_keys_alone_is_stored_with_them(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let own = |stored| OwnBudgets::from(object(stored));
    let ada = User {
        budgets: own(json!({"usd_per_day": 2.5, "tokens_per_month": "unlimited", "odd": [1]})),
        ..user(&world.tenant, "ada")
    };
    let key = ApiKey {
        budgets: own(json!({"messages_per_day": 3})),
        ..key(&world.tenant, &ada.id)
    };
    let bob = world.add_user("bob").await;
    assert!(bob.budgets.is_empty());
    let (user_made, key_made) = (
        Change::CreateUser(ada.clone()),
        Change::CreateKey(key.clone()),
    );
    world.commit(&[user_made, key_made]).await.unwrap();
    let tenants = &world.platform.tenants;
    let bearer = async || tenants.bearer(&key.hash).await.unwrap().unwrap();
    let found = bearer().await;
    assert_eq!((&found.member.user, &found.key), (&ada, &key));

    let (mut ada_after, mut key_after) = (ada.clone(), key.clone());
    ada_after.budgets = OwnBudgets::default();
    key_after.budgets = own(json!({"messages_per_day": 4, "usd_per_month": 1}));
    let changes = [
        Change::UpdateUser {
            before: ada.clone(),
            after: ada_after.clone(),
        },
        Change::UpdateKey {
            before: key.clone(),
            after: key_after.clone(),
        },
    ];
    world.commit(&changes).await.unwrap();
    let found = bearer().await;
    assert_eq!((&found.member.user, &found.key), (&ada_after, &key_after));
    // What was read before is no more.
    for late in changes {
        let late = world.commit(&[late]).await;
        assert!(matches!(late, Err(StoreError::Changed(_))), "{late:?}");
    }
}

pub(crate) async fn a_budget_that_is_set_later_counts_what_was_used_before(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    used(&world, &hold(&world, &[], 0, 0), 70, 0).await;
    for payer in [Payer::Tenant, Payer::User, Payer::Key] {
        let budgets = [budget(payer, Unit::Tokens, Period::Day, 100)];
        let refused = Reserved::Refused(Standing {
            budget: budgets[0],
            used: 70,
        });
        assert_eq!(
            reserve(&world, &hold(&world, &budgets, 31, 0)).await,
            refused
        );
    }
}

pub(crate) async fn a_turn_can_hold_more_later_and_repeating_it_holds_no_more(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let budgets = [
        budget(Payer::Tenant, Unit::Tokens, Period::Day, 100),
        budget(Payer::User, Unit::Tokens, Period::Day, 80),
    ];
    let first = hold(&world, &budgets, 30, 0);
    let more = |tokens| Hold {
        amounts: Amounts {
            tokens,
            ..first.amounts
        },
        is_extension: true,
        ..first.clone()
    };
    assert!(is_held(&world, &first).await);
    for _ in 0..2 {
        assert!(is_held(&world, &more(60)).await);
    }
    assert!(!is_held(&world, &more(81)).await);
    assert!(
        is_held(&world, &more(80)).await,
        "what it had is still held"
    );
    assert!(!is_held(&world, &hold(&world, &budgets, 1, 0)).await);
    let last = more(80);
    world
        .platform
        .usage
        .settle(&last, &turn(&last, 10, 0))
        .await
        .unwrap();
    assert!(is_held(&world, &hold(&world, &budgets, 70, 0)).await);
    assert_eq!(counted(&world, &world.tenant).await, (2, 10, 0));
}

pub(crate) async fn what_nobody_settles_returns_once_it_has_expired(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let budgets = [
        budget(Payer::Tenant, Unit::Messages, Period::Day, 3),
        budget(Payer::User, Unit::Tokens, Period::Day, 30),
    ];
    let lost: Vec<Hold> = (0..3).map(|_| hold(&world, &budgets, 10, 0)).collect();
    for hold in &lost {
        assert!(is_held(&world, hold).await);
    }
    assert!(!is_held(&world, &hold(&world, &budgets, 10, 0)).await);
    if !fixture.advance_clock(Hold::LIFE + SignedDuration::from_secs(1)) {
        return;
    }
    let late = hold(&world, &budgets, 10, 0);
    assert!(is_held(&world, &late).await);
    assert_eq!(counted(&world, &world.tenant).await.0, 1);
    // One of them was slow, and not lost: what it used counts all the same.
    let settled = turn(&lost[0], 25, 0);
    world
        .platform
        .usage
        .settle(&lost[0], &settled)
        .await
        .unwrap();
    assert_eq!(counted(&world, &world.tenant).await, (2, 25, 0));
    assert!(!is_held(&world, &hold(&world, &budgets, 1, 0)).await);
}

pub(crate) async fn of_calls_at_once_as_many_are_under_way_as_may_be(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let budgets = [budget(Payer::User, Unit::Tokens, Period::Day, 1000)];
    let call = || Hold {
        most_calls: Some(3),
        ..hold(&world, &budgets, 10, 0)
    };
    let outcomes = at_once((0..12).map(|_| {
        let (usage, call) = (world.platform.usage.clone(), call());
        async move {
            let outcome = usage.reserve(&call).await.unwrap();
            (call, outcome)
        }
    }))
    .await;
    let (held, refused): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|(_, outcome)| matches!(outcome, Reserved::Held(_)));
    assert_eq!(held.len(), 3);
    for (_, outcome) in refused {
        assert_eq!(outcome, Reserved::TooManyCalls(3));
    }
    // Nothing of those that were refused is left.
    assert_eq!(counted(&world, &world.tenant).await.0, 3);
    // What asks no model is no call, and neither is more of one.
    assert!(is_held(&world, &hold(&world, &budgets, 0, 0)).await);
    let (first, _) = &held[0];
    let more = Hold {
        amounts: Amounts {
            tokens: 20,
            ..first.amounts
        },
        is_extension: true,
        ..first.clone()
    };
    assert!(is_held(&world, &more).await);
    assert!(!is_held(&world, &call()).await);
    // One that is over makes room for one, however often it is settled.
    for _ in 0..2 {
        let settled = turn(&more, 5, 0);
        world.platform.usage.settle(&more, &settled).await.unwrap();
    }
    assert!(is_held(&world, &call()).await);
    assert!(!is_held(&world, &call()).await);
    let more_at_once = Hold {
        most_calls: Some(4),
        ..call()
    };
    assert!(is_held(&world, &more_at_once).await);
    // What nobody settles makes room once it has expired.
    if fixture.advance_clock(Hold::LIFE + SignedDuration::from_secs(1)) {
        for _ in 0..3 {
            assert!(is_held(&world, &call()).await);
        }
        assert!(!is_held(&world, &call()).await);
    }
}

pub(crate) async fn a_watched_settlement_says_how_far_it_brought_each_budget(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let budgets = [
        budget(Payer::Tenant, Unit::Messages, Period::Day, 9),
        budget(Payer::Tenant, Unit::Tokens, Period::Month, 900),
        budget(Payer::User, Unit::Usd, Period::Day, 900),
        budget(Payer::Key, Unit::Messages, Period::Day, 9),
    ];
    let watched = || Hold {
        is_watched: true,
        ..hold(&world, &budgets, 100, 100)
    };
    let usage = &world.platform.usage;
    let (first, second, under_way) = (watched(), watched(), watched());
    for hold in [&first, &second, &under_way] {
        assert!(is_held(&world, hold).await);
    }
    // What others hold is in none of them.
    let to = |each: [(u64, u64); 4]| {
        let each = budgets.into_iter().zip(each);
        let each = each.map(|(budget, (before, after))| BudgetProgress {
            budget,
            before,
            after,
        });
        each.collect::<Vec<_>>()
    };
    let settled = async |hold: &Hold, used| {
        let mut told = usage
            .settle(hold, &turn(hold, used, used * 2))
            .await
            .unwrap();
        told.sort_by_key(|one| one.budget.key);
        told
    };
    assert_eq!(
        settled(&first, 30).await,
        to([(0, 1), (0, 30), (0, 60), (0, 1)])
    );
    assert_eq!(
        settled(&second, 10).await,
        to([(1, 2), (30, 40), (60, 80), (1, 2)])
    );
    // Once.
    assert!(settled(&second, 10).await.is_empty());
    let unwatched = Hold {
        is_watched: false,
        ..under_way
    };
    assert!(settled(&unwatched, 5).await.is_empty());
}

pub(crate) async fn a_budget_of_nothing_refuses_the_first(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    for payer in [Payer::Tenant, Payer::User, Payer::Key] {
        for unit in Unit::ALL {
            let budgets = [budget(payer, unit, Period::Month, 0)];
            let refused = Reserved::Refused(Standing {
                budget: budgets[0],
                used: 0,
            });
            assert_eq!(
                reserve(&world, &hold(&world, &budgets, 1, 1)).await,
                refused
            );
        }
    }
    assert_eq!(counted(&world, &world.tenant).await, (0, 0, 0));
}
