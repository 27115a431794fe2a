//! What messages mean, by hand-picked examples; `tests/router/rules.rs` counts on many.

mod general;
mod releases;
mod sprints;

use crate::skills::{Reach, SkillSet};

/// `SKILL/ACTION` of the message, with `#SPRINT` or `#VERSION` if it names one, or `-`.
fn meant(message: &str, skills: &SkillSet) -> String {
    match skills.rules().best_match(message, |_| true) {
        None => "-".to_owned(),
        Some(found) => {
            let action = found.input["action"].as_str();
            let named = found.input["sprint"].as_str();
            let named = named.or(found.input["version"].as_str());
            let action = action.map(|action| format!("/{action}"));
            let named = named.map(|named| format!("#{named}"));
            [found.skill]
                .into_iter()
                .chain(action.as_deref())
                .chain(named.as_deref())
                .collect()
        }
    }
}

fn assert_all_mean(expected: &str, messages: &[&str]) {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let wrong: Vec<String> = messages
        .iter()
        .map(|message| (message, meant(message, &skills)))
        .filter(|(_, meant)| meant != expected)
        .map(|(message, meant)| format!("{message:?} means {meant}"))
        .collect();
    assert!(wrong.is_empty(), "not {expected}: {wrong:#?}");
}
