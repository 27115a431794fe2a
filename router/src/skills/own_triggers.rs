//! The phrases that a tenant adds to its skills' triggers: `sprint_status/blockers: what holds us
//! up`. Plain words, since who writes them knows nothing of the other marks of a
//! [`Trigger`].

use serde_json::{Value, json};

use super::rules::{Trigger, gist, weighed_words};
use super::{ACTIONS, NAMES};
use crate::nearest::did_you_mean;

/// The most phrases of a tenant: a message is compared with each.
pub(crate) const MOST_PHRASES: usize = 50;
/// The longest phrase, in characters.
pub(crate) const MAX_PHRASE_CHARS: usize = 100;

/// A phrase that a tenant has for a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnTrigger {
    pub(crate) skill: &'static str,
    pub(crate) action: Option<&'static str>,
    pub(crate) phrase: String,
}

impl OwnTrigger {
    /// # Errors
    /// Why it cannot be one, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (of, phrase) = text
            .split_once(':')
            .ok_or_else(|| "has no `:` behind the skill".to_owned())?;
        let (name, action) = match of.trim().split_once('/') {
            Some((name, action)) => (name.trim(), Some(action.trim())),
            None => (of.trim(), None),
        };
        let known = NAMES.into_iter().find(|known| *known == name);
        let skill = known.ok_or_else(|| {
            let meant = did_you_mean(name, NAMES);
            format!("names an unknown skill{meant}")
        })?;
        let actions = actions_of(skill);
        let action = match action {
            None => actions.first().copied(),
            Some(action) => {
                let known = actions.iter().copied().find(|known| *known == action);
                Some(known.ok_or_else(|| {
                    let meant = did_you_mean(action, actions.iter().copied());
                    format!("names no action of `{skill}`{meant}")
                })?)
            }
        };
        let phrase = phrase.trim();
        if phrase.chars().count() > MAX_PHRASE_CHARS {
            return Err(format!("is longer than {MAX_PHRASE_CHARS} characters"));
        }
        let is_plain = |c: char| c.is_alphanumeric() || " '’-?!.".contains(c);
        if !phrase.chars().all(is_plain) {
            return Err("has other marks than letters, numbers and spaces".to_owned());
        }
        if gist(phrase).is_empty() {
            return Err("says nothing that tells it from other questions".to_owned());
        }
        Ok(Self {
            skill,
            action,
            phrase: phrase.to_owned(),
        })
    }

    /// A message with all the words of the phrase that weigh something, in any order and
    /// inflection.
    pub(crate) fn trigger(&self) -> Trigger {
        let input = match self.action {
            Some(action) => json!({"action": action}),
            None => Value::Object(Default::default()),
        };
        let words = weighed_words(&self.phrase).into_iter();
        let words: Vec<String> = words.map(|(word, _)| word).collect();
        Trigger::new(&words.join(" "), input)
            .asked_as(&self.phrase)
            .own()
    }
}

fn actions_of(skill: &str) -> &'static [&'static str] {
    let found = ACTIONS.iter().find(|(name, _)| *name == skill);
    found.map_or(&[], |(_, actions)| actions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_plain_words_for_a_skill_and_one_of_its_actions() {
        for text in [
            "sprint_status: standup report",
            "sprint_status/blockers: what holds us up?",
            " release_notes / summarize : what's in the train ",
            "ping: bist du wach",
        ] {
            assert!(OwnTrigger::parse(text).is_ok(), "{text}");
        }
        let long = format!("ping: {}", "long ".repeat(30));
        for (text, reason) in [
            ("standup report", "has no `:`"),
            ("sprintstatus: standup", "did you mean `sprint_status`?"),
            ("sprint_status/blocker: x", "did you mean `blockers`?"),
            ("ping/now: are you awake", "names no action of `ping`"),
            ("ping: ", "says nothing"),
            ("ping: who is this", "says nothing"),
            ("ping: =releases|status", "has other marks"),
            (&long, "is longer than 100 characters"),
        ] {
            let told = OwnTrigger::parse(text).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }
}
