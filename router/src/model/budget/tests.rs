use super::*;

#[test]
fn every_budget_has_a_name_of_its_own_that_says_what_it_is() {
    let mut names: Vec<_> = BudgetKey::ALL.iter().map(|key| key.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 17);
    for key in BudgetKey::ALL {
        let (name, period) = (key.as_str(), format!("{:?}", key.period).to_lowercase());
        assert!(name.ends_with(&format!("per_{period}")), "{name}");
        let unit = format!("{:?}", key.unit).to_lowercase();
        assert!(name.contains(&unit), "{name}");
        assert_eq!(
            name.starts_with("user_"),
            key.payer == Payer::User,
            "{name}"
        );
        assert_eq!(name.starts_with("key_"), key.payer == Payer::Key, "{name}");
    }
}

#[test]
fn periods_end_at_midnight_utc() {
    let day: Date = "2026-12-31".parse().unwrap();
    let new_year = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(
        (Period::Day.end(day), Period::Month.end(day)),
        (new_year, new_year)
    );
    let day = "2026-02-10".parse().unwrap();
    assert_eq!(Period::Month.end(day).to_string(), "2026-03-01T00:00:00Z");
    assert_eq!(Period::Month.first(day).to_string(), "2026-02-01");
}

#[test]
fn dollars_are_exact_and_bounded() {
    let key = "usd_per_month";
    let key = BudgetKey::ALL
        .into_iter()
        .find(|one| one.as_str() == key)
        .unwrap();
    let read = |text: &str| key.read(&serde_json::from_str(text).unwrap());
    assert_eq!(read("12.34"), Some(12_340_000_000));
    assert_eq!(read("0.000000001"), Some(1));
    assert_eq!(read("1000000"), Some(1_000_000_000_000_000));
    for wrong in ["-1", "1000001", "1e300", "\"5\"", "null"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn a_warning_comes_at_four_fifths() {
    let standing = |used, most| Standing {
        budget: Budget {
            key: BudgetKey::MESSAGES_PER_DAY,
            most,
            is_own: false,
        },
        used,
    };
    assert!(!standing(799, 1000).is_warning());
    assert!(standing(800, 1000).is_warning());
    assert!(standing(u64::MAX, u64::MAX).is_warning());
}

#[test]
fn a_mark_is_crossed_by_one_settlement() {
    let crossed = |most, before, after| {
        let budget = Budget {
            key: BudgetKey::MESSAGES_PER_DAY,
            most,
            is_own: false,
        };
        let progress = BudgetProgress {
            budget,
            before,
            after,
        };
        progress.crossed().collect::<Vec<_>>()
    };
    let none: [u8; 0] = [];
    assert_eq!(crossed(10, 0, 7), none);
    assert_eq!(crossed(10, 7, 8), [80]);
    assert_eq!(crossed(10, 8, 9), none);
    assert_eq!(crossed(10, 9, 10), [100]);
    assert_eq!(crossed(10, 10, 20), none);
    assert_eq!(crossed(10, 0, 20), [80, 100]);
    // 80 % of 3 is 2.4: reached with the third.
    assert_eq!(crossed(3, 1, 2), none);
    assert_eq!(crossed(3, 2, 3), [80, 100]);
    assert_eq!(crossed(0, 0, 5), none);
    assert_eq!(crossed(u64::MAX, 0, u64::MAX), [80, 100]);
}
