//! What a skill is meant by: a phrase, and what it then is asked.

use serde_json::Value;

use super::message::{VERSION, stem, words};
use super::words::weight;

/// A phrase that means a skill, and what the skill is then asked.
#[derive(Debug, Clone)]
pub struct Trigger {
    phrase: String,
    /// The phrase with the alternatives of its words.
    words: String,
    /// The words that a message must have, of each one of its alternatives.
    pub(super) needed: Vec<Vec<Term>>,
    /// What the words of the phrase weigh together.
    pub(super) weight: u32,
    /// The stems that say nothing more beside this phrase.
    pub(super) beside: Vec<String>,
    /// The words, as they are written, that a message must not have.
    pub(super) unless: Vec<String>,
    pub(in crate::skills) input: Value,
    pub(super) numbered: Option<Numbered>,
    /// Whether the version that a message names goes into the input.
    pub(super) takes_version: bool,
    /// Whether another skill's phrase that fits as well comes first.
    pub(super) yields: bool,
    question: String,
    /// Whether it is a tenant's.
    pub(super) is_own: bool,
}

/// A word of a phrase.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// What a message has if it has the word: a stem, a word as it is written, or `?`.
    pub(super) key: String,
    pub(super) stem: String,
}

/// A word of a phrase that may have a number.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) stem: String,
    /// The field of the input that gets the number.
    pub(super) field: &'static str,
    /// Whether the phrase means nothing without a number.
    pub(super) is_needed: bool,
}

impl Trigger {
    /// A message with all the words of `phrase` (`sprint status`) asks the skill for `input`.
    ///
    /// `status|progress` is either word, `=releases` the word in this form alone, `?` stands for a
    /// question, `{version}` for the version that goes into the input. Name filler words only where
    /// the message must hold them: the "my" of `my ticket`.
    pub fn new(phrase: &str, input: Value) -> Self {
        let needed: Vec<Vec<Term>> = phrase
            .split_whitespace()
            .map(|word| word.split('|').map(term).collect())
            .collect();
        let first = |terms: &Vec<Term>| match terms.first() {
            Some(term) if term.key != "?" => weight(&term.stem),
            _ => 0,
        };
        Self {
            phrase: readable(phrase),
            words: alternatives(phrase),
            weight: needed.iter().map(first).sum(),
            takes_version: phrase.contains("{version}"),
            needed,
            beside: Vec::new(),
            unless: Vec::new(),
            input,
            numbered: None,
            yields: false,
            question: readable(phrase),
            is_own: false,
        }
    }

    /// A tenant's own.
    #[must_use]
    pub(in crate::skills) fn own(mut self) -> Self {
        self.is_own = true;
        self
    }

    /// The number that a message gives this word of the phrase, if it does (`sprint 24`), goes into
    /// the input's field of that name. A phrase without the word stays as it is.
    #[must_use]
    pub fn with_number_of(mut self, word: &'static str) -> Self {
        let stem = stem(word);
        if self.needed.iter().flatten().any(|term| term.stem == stem) {
            self.numbered = Some(Numbered {
                stem,
                field: word,
                is_needed: false,
            });
        }
        self
    }

    /// The phrase means nothing without the number of
    /// [`with_number_of`](Self::with_number_of).
    #[must_use]
    pub fn only_with_number(mut self) -> Self {
        if let Some(numbered) = &mut self.numbered {
            numbered.is_needed = true;
        }
        self
    }

    /// The version that a message names, if it names one, goes into the input's `version`.
    #[must_use]
    pub fn with_version(mut self) -> Self {
        self.takes_version = true;
        self
    }

    /// Words that say nothing more beside the phrase.
    #[must_use]
    pub fn beside(mut self, words: &str) -> Self {
        self.beside.extend(words.split_whitespace().map(stem));
        self
    }

    /// Words that make it another question.
    #[must_use]
    pub fn unless(mut self, words: &str) -> Self {
        let written = words.split_whitespace().map(|word| format!("={word}"));
        self.unless.extend(written);
        self
    }

    /// Another skill's phrase that fits as well comes first.
    #[must_use]
    pub fn yielding(mut self) -> Self {
        self.yields = true;
        self
    }

    /// A question that means the same and is good to read, where the phrase itself is not.
    #[must_use]
    pub fn asked_as(mut self, question: &str) -> Self {
        self.question = question.to_owned();
        self
    }

    /// The phrase, as an example for people: `sprint status`.
    pub fn phrase(&self) -> &str {
        &self.phrase
    }

    /// The words of the phrase, each with its alternatives: `sprint status/progress`.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// What the skill is asked for, if there is a choice.
    pub(crate) fn action(&self) -> Option<&str> {
        self.input.get("action")?.as_str()
    }

    /// By which it is named: a tenant's own as it was written.
    pub(super) fn name(&self) -> &str {
        match self.is_own {
            true => &self.question,
            false => &self.phrase,
        }
    }

    /// A question that people can ask for the same: `how is the sprint going?`.
    pub fn question(&self) -> &str {
        &self.question
    }
}

fn term(word: &str) -> Term {
    match word {
        "?" => Term {
            key: "?".to_owned(),
            stem: "?".to_owned(),
        },
        "{version}" => Term {
            key: VERSION.to_owned(),
            stem: VERSION.to_owned(),
        },
        word => {
            let is_exact = word.starts_with('=');
            let word: String = words(word).collect();
            let stem = stem(&word);
            let key = if is_exact {
                format!("={word}")
            } else {
                stem.clone()
            };
            Term { key, stem }
        }
    }
}

/// A phrase with all alternatives of its words: `sprint status/progress`.
fn alternatives(phrase: &str) -> String {
    let words: Vec<&str> = phrase.split_whitespace().collect();
    words.join(" ").replace('=', "").replace('|', "/")
}

/// A phrase with the first of its alternatives.
fn readable(phrase: &str) -> String {
    let first = |word: &str| {
        let word = word.split('|').next().unwrap_or_default();
        word.trim_start_matches('=').to_owned()
    };
    let words: Vec<String> = phrase.split_whitespace().map(first).collect();
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "?")
        .collect();
    words.join(" ")
}
