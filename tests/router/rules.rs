//! How well the rules and the patterns of small talk tell what a message wants, on the messages of
//! `tests/rules`. To see which are wrong:
//!
//! ```sh
//! cargo test -p t3nets-router --test router rules:: -- --nocapture
//! ```

#![expect(
    clippy::print_stdout,
    reason = "the figures are what the command is for"
)]

use std::collections::BTreeMap;

use t3nets_router::chat::conversational;
use t3nets_router::outbound::Reach;
use t3nets_router::skills::SkillSet;

/// Read while the rules were written.
const LABELLED: &str = include_str!("../rules/labelled.tsv");
/// Never read while the rules were written: only counted.
const HELD_OUT: &str = include_str!("../rules/held-out.tsv");

/// What goes to the model.
const AI: &str = "ai";

#[derive(Default)]
struct Count {
    right: u32,
    /// Taken for this, but something else.
    wrong: u32,
    /// This, but taken for something else.
    missed: u32,
}

impl Count {
    fn precision(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.wrong).max(1))
    }

    fn recall(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.missed).max(1))
    }
}

/// The route, with skill and action where a rule takes the message: `sprint_status/mine`.
fn answered_by(skills: &SkillSet, message: &str) -> String {
    if conversational::classify(message).is_some() {
        return "conversational".to_owned();
    }
    match skills.rules().best_match(message, |_| true) {
        Some(found) => match found.input["action"].as_str() {
            Some(action) => format!("{}/{action}", found.skill),
            None => format!("{0}/{0}", found.skill),
        },
        None => AI.to_owned(),
    }
}

/// What came of the messages, by what they want, and of all that the model is not needed for.
fn count(name: &str, messages: &str) -> (BTreeMap<String, Count>, Count) {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut all = Count::default();
    for line in messages.lines() {
        let fields: Vec<&str> = line.splitn(4, '\t').collect();
        let [route, skill, action, message] = fields[..] else {
            panic!("{name}: not four fields: {line}");
        };
        let wanted = match route {
            "rule" => format!("{skill}/{action}"),
            route => route.to_owned(),
        };
        let message = message.replace("\\n", "\n");
        // The router takes it off before.
        let message = message.trim_end_matches("--raw").trim_end();
        let answered = answered_by(&skills, message);
        if wanted == answered {
            counts.entry(wanted.clone()).or_default().right += 1;
            all.right += u32::from(wanted != AI);
            continue;
        }
        println!("{name}: {message:?} wants {wanted}, got {answered}");
        all.wrong += u32::from(answered != AI);
        all.missed += u32::from(wanted != AI);
        counts.entry(answered).or_default().wrong += 1;
        counts.entry(wanted).or_default().missed += 1;
    }
    for (wanted, count) in counts.iter().chain([(&"all but ai".to_owned(), &all)]) {
        println!(
            "{name}: {wanted:28} precision {:.3}, recall {:.3} ({} right, {} wrong, {} missed)",
            count.precision(),
            count.recall(),
            count.right,
            count.wrong,
            count.missed
        );
    }
    (counts, all)
}

#[test]
fn the_labelled_messages_are_answered_by_what_they_want() {
    let (counts, all) = count("labelled", LABELLED);
    assert!(all.precision() >= 0.98, "precision {:.3}", all.precision());
    assert!(all.recall() >= 0.92, "recall {:.3}", all.recall());
    for (wanted, count) in counts.iter().filter(|(wanted, _)| *wanted != AI) {
        let (precision, recall) = (count.precision(), count.recall());
        assert!(
            precision >= 0.98 && recall >= 0.92,
            "{wanted}: {precision:.3}, {recall:.3}"
        );
    }
}

/// The bounds only tell when something broke: what is tuned to them is held out no more.
#[test]
fn messages_that_the_rules_were_not_written_for_are_mostly_answered_too() {
    let (_, all) = count("held out", HELD_OUT);
    assert!(all.precision() >= 0.95, "precision {:.3}", all.precision());
    assert!(all.recall() >= 0.75, "recall {:.3}", all.recall());
}
