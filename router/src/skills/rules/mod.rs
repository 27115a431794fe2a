//! Decides from a message alone whether it means a skill. Pure.
//!
//! A trigger is a phrase of stems. A message means the phrase if it holds all of its words, in any
//! order and inflection, and if they are enough of what the message says: "explain variable scope
//! in Python" shares a word with nothing, and "write a blog post about sprint status reports" says
//! mostly something else. The name by which the assistant is addressed says nothing
//! ([`super::addressing`]), and a message that tells it not to do something means no phrase.
//!
//! How much a word says is its weight: filler ("please", "our", "is") says nothing, a question word
//! or an indefinite article says little, anything else says something. The articles matter because
//! "what is a blocker" asks for a definition where "any blocker" asks about the team. [`CONFIDENT`]
//! is where the line runs; a message below it is left to the model, which can still call the skill.
//! Where there is no model, [`Rules::closest`] finds the question that was probably meant.
//!
//! The work is linear in the message: it ends as soon as the message has said too much for any
//! phrase.

mod message;
mod trigger;
mod vocabulary;
mod words;

use std::sync::Arc;

use serde_json::Value;

use self::message::{Message, is_slip, is_sure_slip};
pub(crate) use self::message::{gist, weighed_words};
pub use self::trigger::Trigger;
use self::vocabulary::{Phrase, Vocabulary, compiled};
use super::Skill;

/// The least confidence with which a skill runs: a question word may be left unexplained beside two
/// words that are explained (0.8), but not an article too (0.67).
pub const CONFIDENT: f64 = 0.78;

/// How much of what a question and a message say together is the same, at least, where the question
/// was probably meant.
const CLOSE: f64 = 0.5;

/// The longest message whose parts are looked at one by one, in bytes.
const MAX_BYTES_IN_PARTS: usize = 600;

/// A skill that a message means.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleMatch {
    /// The name of the skill that matched.
    pub skill: &'static str,
    /// The input for the skill.
    pub input: Value,
    /// How much of the message the trigger explains, from [`CONFIDENT`] to 1.
    pub confidence: f64,
    /// The trigger, by its phrase.
    pub trigger: String,
    /// Whether it is the tenant's own.
    pub is_own: bool,
}

/// The rules of some skills.
#[derive(Debug)]
pub struct Rules {
    vocabulary: Vocabulary,
    phrases: Vec<Phrase>,
}

impl Rules {
    /// The rules by which these skills are recognised.
    pub fn of<'s>(skills: impl IntoIterator<Item = &'s Arc<dyn Skill>>) -> Self {
        Self::of_triggers(skills.into_iter().flat_map(|skill| {
            let triggers = skill.triggers().iter();
            triggers.map(|trigger| (skill.name(), trigger))
        }))
    }

    /// Those of these triggers, each with the name of its skill; of equally good ones the first.
    pub(crate) fn of_triggers<'t>(
        triggers: impl Iterator<Item = (&'static str, &'t Trigger)>,
    ) -> Self {
        let (vocabulary, phrases) = compiled(triggers);
        Self {
            vocabulary,
            phrases,
        }
    }

    /// The skill that the message means, if it means one of those that are allowed. A message that
    /// asks for several things means none: a model can call several skills.
    pub fn best_match(&self, message: &str, allows: impl Fn(&str) -> bool) -> Option<RuleMatch> {
        let allows: &dyn Fn(&str) -> bool = &allows;
        let whole = self.read(message)?;
        let found = self.best_of(&whole, allows).or_else(|| {
            let mended = whole.mended(&self.vocabulary, is_sure_slip).ok()?;
            self.best_of(&mended, allows)
        });
        let found = found.or_else(|| self.best_of(&self.read(last_sentence(message)?)?, allows))?;
        let asks_more = parts(message)
            .filter_map(|part| self.best_of(&self.read(part)?, allows))
            .any(|other| !other.is_same(&found));
        (!asks_more).then_some(found)
    }

    /// The question that a message comes closest to, if it comes close to one: slips of the fingers
    /// count for what they stand for, and the rest of the message may say something else. For
    /// people whom no model can answer.
    pub fn closest(&self, message: &str, allows: impl Fn(&str) -> bool) -> Option<&str> {
        let message = self.read(message)?.mended(&self.vocabulary, is_slip);
        let message = message.unwrap_or_else(|unchanged| unchanged);
        let mut best: Option<(f64, &Trigger)> = None;
        for phrase in self.phrases.iter().filter(|phrase| allows(phrase.skill)) {
            let close = message.closeness(phrase);
            if close >= CLOSE && best.is_none_or(|(best, _)| close > best) {
                best = Some((close, &phrase.trigger));
            }
        }
        best.map(|(_, trigger)| trigger.question())
    }

    /// A phrase by which a skill is meant, a built-in one if there is one.
    pub(crate) fn phrase_of(&self, skill: &str) -> Option<&str> {
        let of_skill = self.phrases.iter().filter(|phrase| phrase.skill == skill);
        let first = of_skill.min_by_key(|phrase| phrase.trigger.is_own)?;
        Some(first.trigger.name())
    }

    fn read(&self, text: &str) -> Option<Message> {
        Message::read(text, &self.vocabulary)
    }

    /// Of equally good triggers the longer wins, then the first.
    fn best_of(&self, message: &Message, allows: &dyn Fn(&str) -> bool) -> Option<RuleMatch> {
        let mut best: Option<((f64, bool, usize), &Phrase)> = None;
        for phrase in &self.phrases {
            let Some(confidence) = message.explained_by(phrase) else {
                continue;
            };
            let trigger = &phrase.trigger;
            let rank = (confidence, !trigger.yields, trigger.needed.len());
            let is_better = best.as_ref().is_none_or(|(best, _)| rank > *best);
            if confidence >= CONFIDENT && is_better && allows(phrase.skill) {
                best = Some((rank, phrase));
            }
        }
        best.map(|((confidence, ..), phrase)| RuleMatch {
            skill: phrase.skill,
            input: message.input(&phrase.trigger),
            confidence,
            trigger: phrase.trigger.name().to_owned(),
            is_own: phrase.trigger.is_own,
        })
    }
}

impl RuleMatch {
    /// Whether the other asks the same skill for the same.
    fn is_same(&self, other: &Self) -> bool {
        let action = |found: &Self| found.input.get("action").cloned();
        self.skill == other.skill && action(self) == action(other)
    }
}

/// What a short message asks for one by one.
fn parts(message: &str) -> impl Iterator<Item = &str> {
    let message = match message.len() <= MAX_BYTES_IN_PARTS {
        true => message,
        false => "",
    };
    let is_end = |c: char| matches!(c, ',' | ';' | '?' | '!' | '\n' | '&' | '+' | ':');
    let parts = message.split(is_end).flat_map(|part| part.split(". "));
    parts.flat_map(|part| part.split(" and "))
}

/// The last sentence of a message, where what comes before only tells.
fn last_sentence(message: &str) -> Option<&str> {
    let text = message.trim_end_matches(|c: char| !c.is_alphanumeric());
    let end = text.rfind(". ").or_else(|| text.rfind("! "))?;
    let (before, last) = message.split_at_checked(end + 2)?;
    let is_plain = |c: char| {
        !matches!(
            c,
            '?' | '`' | '"' | '“' | '{' | '}' | '=' | '<' | '>' | '\n'
        )
    };
    (message.len() <= MAX_BYTES_IN_PARTS && before.chars().all(is_plain)).then_some(last)
}

#[cfg(test)]
mod tests;
