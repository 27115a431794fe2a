use super::super::bill::Line;
use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn ours(usd: f64, tokens: u64, unpriced_tokens: u64) -> Ours {
    Ours {
        usd,
        input_tokens: tokens,
        output_tokens: 0,
        unpriced_tokens,
    }
}

/// Of each day and model: dollars and thousands of tokens.
fn bill(lines: &[(&str, &str, f64, f64)]) -> Bill {
    let mut bill = Bill::default();
    for (on, usage_type, usd, thousands) in lines {
        bill.add(Line {
            day: day(on),
            product: "Amazon Bedrock",
            usage_type,
            usd: *usd,
            amount: *thousands,
            unit: "1K tokens",
            profile: None,
        });
    }
    bill
}

fn ledger(lines: &[(&str, &str, Ours)]) -> Ledger {
    let lines = lines.iter();
    lines
        .map(|(on, model, ours)| ((day(on), (*model).to_owned()), *ours))
        .collect()
}

const LITE: &str = "USE1-NovaLite-input-tokens";
const PRO: &str = "USE1-NovaPro-input-tokens";

#[test]
fn days_that_the_bill_lags_behind_are_shown_and_in_no_total() {
    let ledger = ledger(&[
        ("2026-11-24", "nova-lite", ours(1.0, 1_000, 0)),
        ("2026-11-26", "nova-lite", ours(9.0, 9_000, 0)),
    ]);
    let bill = bill(&[("2026-11-24", LITE, 1.0, 1.0)]);
    let settled = |on| on <= day("2026-11-25");
    let compared = compare(&ledger, &bill, By::Day, Scope::Account, settled);
    let [whole, late] = &compared.rows[..] else {
        panic!("{compared:#?}");
    };
    assert_eq!((whole.difference_usd, whole.reason), (0.0, None));
    assert_eq!(late.only_in, Some(Side::Ledger));
    assert_eq!(late.reason, Some(Reason::NotSettled));
    assert_eq!(
        (compared.total.ledger.usd, compared.total.bill.usd),
        (1.0, 1.0)
    );
    let models = compare(&ledger, &bill, By::Model, Scope::Account, settled).rows;
    assert_eq!((models.len(), models[0].ledger.usd), (1, 1.0));
}

#[test]
fn what_differs_has_its_likely_reason() {
    let on = "2026-11-20";
    for (counted, billed, reason) in [
        (ours(1.0, 1_000, 0), (1.004, 1.0), None),
        (ours(1.0, 1_000, 0), (1.1, 1.0), Some(Reason::OtherPrice)),
        (
            ours(1.0, 1_000, 0),
            (2.0, 2.0),
            Some(Reason::MoreBilled(Scope::Account)),
        ),
        (ours(2.0, 2_000, 0), (1.0, 1.0), Some(Reason::MoreCounted)),
        (ours(0.0, 1_000, 1_000), (1.0, 1.0), Some(Reason::Unpriced)),
        (
            ours(1.0, 1_000, 0),
            (0.0, 0.0),
            Some(Reason::OnlyCounted(Scope::Account)),
        ),
        (
            ours(0.0, 0, 0),
            (1.0, 1.0),
            Some(Reason::OnlyBilled(Scope::Account)),
        ),
    ] {
        let ledger = ledger(&[(on, "nova-lite", counted)]);
        let bill = bill(&[(on, LITE, billed.0, billed.1)]);
        let compared = compare(&ledger, &bill, By::Day, Scope::Account, |_| true);
        assert_eq!(compared.rows[0].reason, reason, "{compared:#?}");
    }
}

#[test]
fn a_model_that_only_one_side_has_is_a_row_of_its_own() {
    let on = "2026-11-20";
    let ledger = ledger(&[(on, "nova-lite", ours(1.0, 1_000, 0))]);
    let bill = bill(&[
        (on, PRO, 3.0, 1.0),
        (on, "USE1-Guardrail-ContentPolicyUnitsConsumed", 0.5, 2.0),
    ]);
    let compared = compare(&ledger, &bill, By::Model, Scope::Account, |_| true);
    let rows: Vec<_> = compared
        .rows
        .iter()
        .map(|row| (row.model.as_deref().unwrap(), row.only_in.unwrap()))
        .collect();
    assert_eq!(
        rows,
        [("nova-lite", Side::Ledger), ("nova-pro", Side::Bill)]
    );
    assert_eq!(compared.total.difference_usd, 2.0);
    assert_eq!(compared.other["Guardrail-ContentPolicyUnitsConsumed"], 0.5);
}

#[test]
fn a_profile_is_priced_as_the_model_that_the_bill_has_behind_it() {
    let (on, profile) = ("2026-11-20", "application-inference-profile/a1");
    let counted = || ledger(&[(on, profile, ours(0.0, 1_000_000, 1_000_000))]);
    let mut known = bill(&[]);
    known.add(Line {
        day: day(on),
        product: "Amazon Bedrock",
        usage_type: LITE,
        usd: 0.06,
        amount: 1_000.0,
        unit: "1K tokens",
        profile: Some(profile),
    });
    let priced = price_profiles(counted(), &known, Scope::Tenant);
    let lite = &priced[&(day(on), "nova-lite".to_owned())];
    assert_eq!((lite.usd, lite.unpriced_tokens), (0.06, 0));

    // By its one model, where the share is the tenant's: of the account's others nothing is known.
    let by_tag = bill(&[(on, LITE, 0.06, 1_000.0)]);
    let priced = price_profiles(counted(), &by_tag, Scope::Tenant);
    assert!(priced.contains_key(&(day(on), "nova-lite".to_owned())));
    let kept = price_profiles(counted(), &by_tag, Scope::Account);
    assert_eq!(kept, counted());
}

#[test]
fn how_far_the_two_are_apart_is_told_in_percent_of_the_bill() {
    let on = "2026-11-20";
    let apart = |counted: f64, billed: f64| {
        let ledger = ledger(&[(on, "nova-lite", ours(counted, 0, 0))]);
        let bill = bill(&[(on, LITE, billed, 0.0)]);
        let compared = compare(&ledger, &bill, By::Day, Scope::Account, |_| true);
        compared.total.apart()
    };
    assert_eq!(
        [apart(3.0, 4.0), apart(5.0, 4.0), apart(0.0, 0.0)],
        [25.0, 25.0, 0.0]
    );
    assert_eq!(apart(1.0, 0.0), f64::INFINITY);
}
