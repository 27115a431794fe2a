use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::model::{LedgerAccount, Route, UserId};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn counted(on: &str, messages: u64, input_tokens: u64) -> DailyUsage {
    DailyUsage {
        messages,
        input_tokens,
        cost: NanoUsd(input_tokens * 1_000_000),
        ..DailyUsage::none(day(on))
    }
}

fn line(on: &str, account: LedgerAccount, turns: u64, input_tokens: u64) -> LedgerLine {
    LedgerLine {
        day: day(on),
        account,
        counts: LedgerCounts {
            turns,
            used: UsageDelta {
                input_tokens,
                cost: NanoUsd(input_tokens * 1_000_000),
                ..UsageDelta::default()
            },
            ..LedgerCounts::default()
        },
    }
}

fn account(user: &str, since: i64, key: Option<&str>) -> LedgerAccount {
    let since = Timestamp::from_second(since).unwrap();
    LedgerAccount::of(user.parse().unwrap(), Some(since), key)
}

fn names() -> Names {
    let since = Some(Timestamp::from_second(5).unwrap());
    Names {
        users: HashMap::from([
            ("ada".parse().unwrap(), (since, "Ada Lovelace".to_owned())),
            ("bob".parse().unwrap(), (since, String::new())),
        ]),
        keys: HashMap::from([
            ("t3n_named".to_owned(), "CI".to_owned()),
            ("t3n_plain".to_owned(), String::new()),
        ]),
    }
}

/// The groups in short: what they are, turns and tokens.
fn groups(view: &UsageView) -> Vec<(Option<&str>, &str, GroupState, u64, u64)> {
    let groups = view.groups.iter().flatten();
    groups
        .map(|view| {
            let (group, counts) = (&view.group, &view.counts);
            let id = group.id.as_deref();
            let (turns, tokens) = (counts.turns, counts.input_tokens);
            (id, &*group.label, group.state, turns, tokens)
        })
        .collect()
}

#[test]
fn what_no_line_has_is_shown_as_not_attributed_and_the_sums_are_the_days() {
    let on = ["2026-01-14", "2026-01-15"];
    let counted = [counted(on[0], 10, 100), counted(on[1], 3, 30)];
    let lines = [
        line(on[0], account("ada", 5, None), 4, 60),
        line(on[0], account("bob", 5, None), 2, 10),
        line(on[1], account("bob", 5, None), 3, 30),
    ];
    let view = UsageView::new(&counted, &lines, Some((UsageBy::User, &names())));
    assert_eq!(
        groups(&view),
        [
            (Some("ada"), "Ada Lovelace", GroupState::Current, 4, 60),
            (Some("bob"), "bob", GroupState::Current, 5, 40),
            (None, "not attributed", GroupState::NotAttributed, 4, 30),
        ]
    );
    let sum: u64 = groups(&view).iter().map(|group| group.3).sum();
    assert_eq!(
        (sum, view.total.messages, view.total.counts.turns),
        (13, 13, 9)
    );
    assert_eq!(view.total.counts.input_tokens, 130);
    let rows = view.rows.unwrap();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.day, &*row.group.label, row.counts.turns))
        .collect();
    assert_eq!(
        rows,
        [
            (day(on[0]), "Ada Lovelace", 4),
            (day(on[0]), "bob", 2),
            (day(on[0]), "not attributed", 4),
            (day(on[1]), "bob", 3),
        ]
    );
}

#[test]
fn a_user_who_was_removed_is_not_taken_for_the_new_one_of_the_same_id() {
    let lines = [
        line("2026-01-15", account("ada", 1, None), 1, 7),
        line("2026-01-15", account("ada", 5, None), 1, 3),
        line("2026-01-15", account("eve", 5, None), 1, 1),
    ];
    let view = UsageView::new(&[], &lines, Some((UsageBy::User, &names())));
    assert_eq!(
        groups(&view),
        [
            (Some("ada"), "ada", GroupState::Former, 1, 7),
            (Some("ada"), "Ada Lovelace", GroupState::Current, 1, 3),
            (Some("eve"), "eve", GroupState::Former, 1, 1),
        ]
    );
}

#[test]
fn every_group_has_a_label() {
    let anonymous = LedgerAccount::of(UserId::anonymous(), None, None);
    let mut by_model = account("ada", 5, Some("session"));
    by_model.route = Some(Route::Ai);
    by_model.set_model(Some("Nova Pro"));
    let accounts = [
        anonymous,
        by_model,
        account("ada", 5, Some("t3n_named")),
        account("ada", 5, Some("t3n_plain")),
        account("ada", 5, Some("t3n_gone")),
    ];
    let label = |by, at: usize| {
        let group = names().group(by, &accounts[at]);
        (group.label, group.state)
    };
    for (by, at, expected, state) in [
        (
            UsageBy::User,
            0,
            "callers without a key",
            GroupState::Current,
        ),
        (UsageBy::Key, 0, "no key", GroupState::None),
        (UsageBy::Model, 0, "no model", GroupState::None),
        (UsageBy::Route, 0, "no route", GroupState::None),
        (UsageBy::Key, 1, "web sessions", GroupState::Current),
        (UsageBy::Model, 1, "Nova Pro", GroupState::Current),
        (UsageBy::Route, 1, "model", GroupState::Current),
        (UsageBy::Key, 2, "CI", GroupState::Current),
        (UsageBy::Key, 3, "t3n_plain", GroupState::Current),
        (UsageBy::Key, 4, "t3n_gone", GroupState::Former),
    ] {
        assert_eq!(label(by, at), (expected.to_owned(), state), "{by} {at}");
    }
}

#[test]
fn a_cost_of_which_a_part_is_unknown_is_null() {
    let mut lines = [line("2026-01-15", account("ada", 5, None), 1, 7)];
    lines[0].counts.used.unpriced_tokens = 7;
    lines[0].counts.refusals = 2;
    let view = serde_json::to_value(OwnUsageView::new(&lines)).unwrap();
    assert_eq!(
        view["days"],
        json!([{
            "day": "2026-01-15", "turns": 1, "failed": 0, "refusals": 2, "input_tokens": 7,
            "output_tokens": 0, "cost_usd": null, "priced_cost_usd": 0.007,
            "unpriced_tokens": 7, "estimated_tokens": 0,
        }])
    );
    let whole = UsageView::new(&[], &lines, None);
    let whole = serde_json::to_value(whole).unwrap();
    assert_eq!(whole["days"][0]["refusals"], 2, "a day of refusals alone");
    assert_eq!(whole.get("groups"), None);
    assert_eq!(view["total"]["cost_usd"], Value::Null);
}
