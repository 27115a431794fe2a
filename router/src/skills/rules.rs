//! Decides from a message alone whether it means a skill. Pure.
//!
//! A trigger is a phrase of stems. A message means the phrase if it holds all of its words, in any
//! order and inflection, and if they are enough of what the message says: "explain variable scope
//! in Python" shares a word with nothing, and "write a blog post about sprint status reports" says
//! mostly something else.
//!
//! How much a word says is its weight: filler ("please", "our", "is") says nothing, a question word
//! or an indefinite article says little, anything else says something. The articles matter because
//! "what is a blocker" asks for a definition where "any blocker" asks about the team. [`CONFIDENT`]
//! is where the line runs; a message below it is left to the model, which can still call the skill.
//!
//! The work is linear in the message: it ends as soon as the message has said too much for any
//! phrase.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rust_stemmers::{Algorithm, Stemmer};
use serde_json::Value;

use super::Skill;

/// The least confidence with which a skill runs: a question word may be left unexplained beside two
/// words that are explained (0.8), but not an article too (0.67).
pub const CONFIDENT: f64 = 0.78;

/// A message that says more different things than this means no phrase.
const MAX_WORDS: usize = 24;

/// Longer words are compared as they stand; none of English is.
const MAX_STEMMED_BYTES: usize = 40;

/// A phrase that means a skill, and what the skill is then asked.
#[derive(Debug, Clone)]
pub struct Trigger {
    phrase: String,
    stems: Vec<String>,
    input: Value,
}

impl Trigger {
    /// A message with all the words of `phrase` (`sprint status`) asks the skill for `input`. Name
    /// filler words only where the message must hold them: the "my" of `my tickets`.
    pub fn new(phrase: &str, input: Value) -> Self {
        let stemmer = Stemmer::create(Algorithm::English);
        Self {
            phrase: phrase.to_owned(),
            stems: words(phrase).map(|word| stem(&stemmer, &word)).collect(),
            input,
        }
    }

    /// The phrase, as an example for people: `sprint status`.
    pub fn phrase(&self) -> &str {
        &self.phrase
    }
}

/// A skill that a message means.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleMatch {
    /// The name of the skill that matched.
    pub skill: &'static str,
    /// The input for the skill.
    pub input: Value,
    /// How much of the message the trigger explains, from [`CONFIDENT`] to 1.
    pub confidence: f64,
}

/// The skill that the message means, if it means one. Of equally good triggers the longer wins,
/// then the first.
pub fn best_match<'a>(
    message: &str,
    skills: impl Iterator<Item = &'a Arc<dyn Skill>>,
) -> Option<RuleMatch> {
    let message = Message::read(message)?;
    let mut best: Option<(usize, RuleMatch)> = None;
    for skill in skills {
        for trigger in skill.triggers() {
            let Some(confidence) = message.explained_by(trigger) else {
                continue;
            };
            let length = trigger.stems.len();
            let is_better = best.as_ref().is_none_or(|(longest, best)| {
                confidence > best.confidence || (confidence == best.confidence && length > *longest)
            });
            if confidence >= CONFIDENT && is_better {
                let found = RuleMatch {
                    skill: skill.name(),
                    input: trigger.input.clone(),
                    confidence,
                };
                best = Some((length, found));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// The words of a message that matter, with their weights.
struct Message {
    /// The stems of all its words, filler included.
    stems: HashSet<String>,
    /// The weight of each stem that has one.
    weights: HashMap<String, u32>,
    /// The sum of the weights.
    total: u32,
}

impl Message {
    /// `None` if no word has a weight, or there are too many for any phrase.
    fn read(text: &str) -> Option<Self> {
        let stemmer = Stemmer::create(Algorithm::English);
        let mut stems = HashSet::new();
        let mut weights: HashMap<String, u32> = HashMap::new();
        for word in words(text) {
            let stem = stem(&stemmer, &word);
            let weight = weight(&word);
            if weight > 0 {
                let heaviest = weights.entry(stem.clone()).or_default();
                *heaviest = weight.max(*heaviest);
                if weights.len() > MAX_WORDS {
                    return None;
                }
            }
            stems.insert(stem);
        }
        let total = weights.values().sum();
        (total > 0).then_some(Self {
            stems,
            weights,
            total,
        })
    }

    /// The share of the message that the trigger explains; `None` if the message lacks a word of
    /// it.
    fn explained_by(&self, trigger: &Trigger) -> Option<f64> {
        if !trigger.stems.iter().all(|stem| self.stems.contains(stem)) {
            return None;
        }
        let explained: u32 = trigger
            .stems
            .iter()
            .filter_map(|stem| self.weights.get(stem))
            .sum();
        Some(f64::from(explained) / f64::from(self.total))
    }
}

/// The words of a text in lower case, without punctuation and without what follows an apostrophe
/// ("what's", "sprint’s").
fn words(text: &str) -> impl Iterator<Item = String> {
    let is_apostrophe = |c: char| matches!(c, '\'' | '’' | 'ʼ' | '＇' | '`');
    text.split(move |c: char| !c.is_alphanumeric() && !is_apostrophe(c))
        .filter_map(move |piece| piece.split(is_apostrophe).find(|part| !part.is_empty()))
        .map(str::to_lowercase)
}

/// The stem of an English word; other scripts are not stemmed.
fn stem(stemmer: &Stemmer, word: &str) -> String {
    if word.is_ascii() && word.len() <= MAX_STEMMED_BYTES {
        stemmer.stem(word).into_owned()
    } else {
        word.to_owned()
    }
}

/// How much a word matters, from 0 to 2.
fn weight(word: &str) -> u32 {
    if is_filler(word) {
        0
    } else if matches!(
        word,
        "what" | "which" | "how" | "when" | "where" | "a" | "an"
    ) {
        1
    } else {
        2
    }
}

/// Words that do not tell what is wanted: grammar, politeness, "now" (a skill always reports the
/// present), and the words with which people ask to be shown something.
#[rustfmt::skip]
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "the" | "this" | "that" | "these" | "those" | "there" | "here" | "it" | "its" | "any" | "anything" | "anyone"
        | "some" | "all" | "so" | "just" | "also" | "only" | "still" | "and" | "or" | "but" | "if" | "then"
        | "i" | "me" | "my" | "mine" | "we" | "us" | "our" | "ours" | "you" | "your" | "they" | "s" | "t" | "m" | "re"
        | "is" | "isn" | "are" | "aren" | "am" | "was" | "be" | "been" | "being" | "do" | "don" | "does" | "doesn" | "did"
        | "have" | "has" | "had" | "got" | "can" | "could" | "would" | "will" | "ll" | "ve" | "may"
        | "of" | "in" | "on" | "at" | "to" | "for" | "with" | "by" | "from" | "about" | "up" | "out"
        | "please" | "pls" | "plz" | "kindly" | "thanks" | "thank" | "thx" | "cheers" | "hey" | "hi" | "hello" | "ok"
        | "okay" | "well" | "good" | "morning" | "afternoon" | "evening" | "everyone" | "team" | "bot" | "assistant"
        | "now" | "right" | "today" | "current" | "currently" | "latest" | "far" | "yet" | "moment" | "quick" | "quickly"
        | "again" | "open" | "jira"
        | "show" | "tell" | "give" | "get" | "list" | "see" | "check" | "display" | "fetch" | "pull" | "look" | "let"
        | "want" | "need" | "like" | "know" | "wondering" | "share" | "send"
    )
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
