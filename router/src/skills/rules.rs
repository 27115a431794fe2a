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
//! Where there is no model, [`closest`] finds the question that was probably meant.
//!
//! The work is linear in the message: it ends as soon as the message has said too much for any
//! phrase.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rust_stemmers::{Algorithm, Stemmer};
use serde_json::Value;

use super::Skill;
use super::addressing::without_address;

/// The least confidence with which a skill runs: a question word may be left unexplained beside two
/// words that are explained (0.8), but not an article too (0.67).
pub const CONFIDENT: f64 = 0.78;

/// A message that says more different things than this means no phrase.
const MAX_WORDS: usize = 24;

/// Longer words are compared as they stand; none of English is.
const MAX_STEMMED_BYTES: usize = 40;

/// The longest number that a thing has in a phrase, in digits: `sprint 24`.
const MAX_DIGITS: usize = 6;

/// How much of what a question and a message say together is the same, at least, where the question
/// was probably meant.
const CLOSE: f64 = 0.5;

/// A phrase that means a skill, and what the skill is then asked.
#[derive(Debug, Clone)]
pub struct Trigger {
    phrase: String,
    stems: Vec<String>,
    /// What the words of the phrase weigh together.
    weight: u32,
    input: Value,
    numbered: Option<Numbered>,
    question: String,
}

/// A word of a phrase that may have a number.
#[derive(Debug, Clone)]
struct Numbered {
    stem: String,
    /// The field of the input that gets the number.
    field: &'static str,
    /// Whether the phrase means nothing without a number.
    is_needed: bool,
}

impl Trigger {
    /// A message with all the words of `phrase` (`sprint status`) asks the skill for `input`. Name
    /// filler words only where the message must hold them: the "my" of `my tickets`.
    pub fn new(phrase: &str, input: Value) -> Self {
        let stemmer = Stemmer::create(Algorithm::English);
        let mut weights = HashMap::new();
        for word in words(phrase) {
            weights.insert(stem(&stemmer, &word), weight(&word));
        }
        Self {
            phrase: phrase.to_owned(),
            stems: words(phrase).map(|word| stem(&stemmer, &word)).collect(),
            weight: weights.values().sum(),
            input,
            numbered: None,
            question: phrase.to_owned(),
        }
    }

    /// The number that a message gives this word of the phrase, if it does (`sprint 24`), goes into
    /// the input's field of that name. A phrase without the word stays as it is.
    #[must_use]
    pub fn with_number_of(mut self, word: &'static str) -> Self {
        let stem = stem(&Stemmer::create(Algorithm::English), word);
        if self.stems.contains(&stem) {
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

    /// A question that people can ask for the same: `how is the sprint going?`.
    pub fn question(&self) -> &str {
        &self.question
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
                    input: message.input(trigger),
                    confidence,
                };
                best = Some((length, found));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// The question that a message comes closest to, if it comes close to one: slips of the fingers
/// count for what they stand for, and the rest of the message may say something else. For people
/// whom no model can answer.
pub fn closest<'a>(
    message: &str,
    skills: impl Iterator<Item = &'a Arc<dyn Skill>>,
) -> Option<&'a str> {
    let skills: Vec<&Arc<dyn Skill>> = skills.collect();
    let triggers = || skills.iter().flat_map(|skill| skill.triggers());
    let known: BTreeSet<&str> = triggers()
        .flat_map(|trigger| &trigger.stems)
        .map(String::as_str)
        .collect();
    let message = Message::read(message)?.without_slips(&known);
    let closeness = |trigger: &Trigger| {
        let topic = trigger.stems.iter().filter(|stem| !asks(stem));
        if message.weight_of(topic) == 0 {
            return 0.0;
        }
        let shared = message.weight_of(&trigger.stems);
        let all = trigger.weight + message.total - shared;
        f64::from(shared) / f64::from(all.max(1))
    };
    let mut best: Option<(f64, &Trigger)> = None;
    for trigger in triggers() {
        let close = closeness(trigger);
        if close >= CLOSE && best.is_none_or(|(best, _)| close > best) {
            best = Some((close, trigger));
        }
    }
    best.map(|(_, trigger)| trigger.question())
}

/// The words of a message that matter, with their weights.
struct Message {
    /// The stems of all its words, filler included.
    stems: HashSet<String>,
    /// The weight of each stem that has one.
    weights: HashMap<String, u32>,
    /// The sum of the weights.
    total: u32,
    /// The numbers that the message gives to words, by their stems: `sprint 24`. Each is a stem of
    /// the message, too.
    numbers: HashMap<String, HashSet<String>>,
}

impl Message {
    /// `None` if no word has a weight, there are too many for any phrase, or the message tells not
    /// to do something.
    fn read(text: &str) -> Option<Self> {
        let stemmer = Stemmer::create(Algorithm::English);
        let mut message = Self {
            stems: HashSet::new(),
            weights: HashMap::new(),
            total: 0,
            numbers: HashMap::new(),
        };
        let mut pieces = pieces(without_address(text)).peekable();
        let mut before: Option<String> = None;
        while let Some(piece) = pieces.next() {
            let next = pieces.peek().map(String::as_str);
            let is_of_number = matches!(piece.as_str(), "no" | "nr" | "number")
                && before.is_some()
                && next.is_some_and(is_number);
            if is_of_number {
                continue;
            }
            if forbids(&piece, next) {
                return None;
            }
            let word = without_ending(piece);
            let (name, number) = split_number(&word);
            if let Some(number) = number
                && !next.is_some_and(is_unit)
            {
                let named = match name {
                    // `24th sprint`, `sprint 24`
                    "" if is_ordinal(&word) => next.map(|next| stem(&stemmer, next)),
                    "" => before.take(),
                    name => Some(stem(&stemmer, name)),
                };
                if !name.is_empty() {
                    message.add(stem(&stemmer, name), weight(name))?;
                }
                message.add(number.to_owned(), weight(number))?;
                if let Some(named) = named {
                    let numbers = message.numbers.entry(named).or_default();
                    numbers.insert(number.to_owned());
                }
                before = None;
                continue;
            }
            let stem = stem(&stemmer, &word);
            message.add(stem.clone(), weight(&word))?;
            before = Some(stem);
        }
        message.total = message.weights.values().sum();
        (message.total > 0).then_some(message)
    }

    /// Adds a word; `None` if that is too many.
    fn add(&mut self, stem: String, weight: u32) -> Option<()> {
        if weight > 0 {
            let heaviest = self.weights.entry(stem.clone()).or_default();
            *heaviest = weight.max(*heaviest);
        }
        self.stems.insert(stem);
        (self.weights.len() <= MAX_WORDS).then_some(())
    }

    /// The share of the message that the trigger explains; `None` if the message lacks a word of
    /// it.
    fn explained_by(&self, trigger: &Trigger) -> Option<f64> {
        if !trigger.stems.iter().all(|stem| self.stems.contains(stem)) {
            return None;
        }
        let number = self.number_for(trigger);
        let needs_number = |numbered: &Numbered| numbered.is_needed;
        if number.is_none() && trigger.numbered.as_ref().is_some_and(needs_number) {
            return None;
        }
        let explained = self.weight_of(trigger.stems.iter().chain(number.map(|(_, stem)| stem)));
        Some(f64::from(explained) / f64::from(self.total))
    }

    /// What these words weigh in the message, each once.
    fn weight_of<'s>(&self, stems: impl IntoIterator<Item = &'s String>) -> u32 {
        let stems: HashSet<&String> = stems.into_iter().collect();
        stems
            .iter()
            .filter_map(|stem| self.weights.get(*stem))
            .sum()
    }

    /// The one number that the message gives the trigger's numbered word, with its field.
    fn number_for<'m>(&'m self, trigger: &Trigger) -> Option<(&'static str, &'m String)> {
        let numbered = trigger.numbered.as_ref()?;
        let numbers = self.numbers.get(&numbered.stem)?;
        let number = numbers.iter().next().filter(|_| numbers.len() == 1)?;
        Some((numbered.field, number))
    }

    /// The input of the trigger, with the number that the message gives.
    fn input(&self, trigger: &Trigger) -> Value {
        let mut input = trigger.input.clone();
        if let Some((field, number)) = self.number_for(trigger)
            && let Value::Object(fields) = &mut input
        {
            fields.insert(field.to_owned(), Value::String(number.clone()));
        }
        input
    }

    /// The same with words that are nearly known replaced by the known ones.
    fn without_slips(self, known: &BTreeSet<&str>) -> Self {
        let mended = |stem: String| match known.contains(stem.as_str()) {
            true => stem,
            false => {
                let alike = known.iter().filter(|known| is_slip(&stem, known));
                let nearest = alike.min_by_key(|known| strsim::osa_distance(&stem, known));
                nearest.map_or(stem.clone(), |known| (*known).to_owned())
            }
        };
        let weights: HashMap<String, u32> = self
            .weights
            .into_iter()
            .map(|(stem, weight)| (mended(stem), weight))
            .collect();
        Self {
            total: weights.values().sum(),
            weights,
            ..self
        }
    }
}

/// Whether a word was probably meant to be another: short ones have two letters exchanged, longer
/// ones one slip or two.
fn is_slip(typed: &str, meant: &str) -> bool {
    let length = meant.len();
    if length < 4 || typed.len() > MAX_STEMMED_BYTES || typed.len().abs_diff(length) > 2 {
        return false;
    }
    let slips = strsim::osa_distance(typed, meant);
    match length {
        4 => slips == 1 && typed.len() == 4 && strsim::levenshtein(typed, meant) == 2,
        5..=7 => slips <= 1,
        _ => slips <= 2,
    }
}

/// The words of a text in lower case, without punctuation and without what follows an apostrophe
/// ("what's", "sprint’s").
fn words(text: &str) -> impl Iterator<Item = String> {
    pieces(text).map(without_ending)
}

/// The words of a text in lower case, without punctuation but apostrophes, which are all the same.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let is_apostrophe = |c: char| matches!(c, '\'' | '’' | 'ʼ' | '＇' | '`');
    text.split(move |c: char| !c.is_alphanumeric() && !is_apostrophe(c))
        .map(move |piece| piece.trim_matches(is_apostrophe))
        .filter(|piece| !piece.is_empty())
        .map(move |piece| piece.replace(is_apostrophe, "'").to_lowercase())
}

/// A word without its apostrophe and what follows.
fn without_ending(mut piece: String) -> String {
    if let Some(end) = piece.find('\'') {
        piece.truncate(end);
    }
    piece
}

/// The stem of an English word; other scripts are not stemmed.
fn stem(stemmer: &Stemmer, word: &str) -> String {
    if word.is_ascii() && word.len() <= MAX_STEMMED_BYTES {
        stemmer.stem(word).into_owned()
    } else {
        word.to_owned()
    }
}

/// The name and the number of `sprint24`, `24` and `24th`, the number without leading zeros.
fn split_number(word: &str) -> (&str, Option<&str>) {
    let cardinal = match is_ordinal(word) {
        true => word.get(..word.len().saturating_sub(2)).unwrap_or_default(),
        false => word,
    };
    let name = cardinal.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = cardinal.get(name.len()..).unwrap_or_default();
    let number = digits.trim_start_matches('0');
    let is_number = (1..=MAX_DIGITS).contains(&digits.len())
        && name.chars().all(char::is_alphabetic)
        && !(name.is_empty() && number.is_empty());
    match is_number {
        true => (name, Some(if number.is_empty() { "0" } else { number })),
        false => (word, None),
    }
}

fn is_ordinal(word: &str) -> bool {
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending));
    digits.is_some_and(is_number)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Words behind a number that make it an amount of something.
#[rustfmt::skip]
fn is_unit(word: &str) -> bool {
    matches!(
        word,
        "m" | "km" | "cm" | "metre" | "metres" | "meter" | "meters" | "mile" | "miles" | "yard" | "yards" | "feet"
            | "s" | "sec" | "second" | "seconds" | "min" | "minute" | "minutes" | "h" | "hour" | "hours"
            | "day" | "days" | "week" | "weeks" | "month" | "months" | "year" | "years"
            | "time" | "times" | "x" | "percent" | "point" | "points"
    )
}

/// Whether a word only asks, whatever it is about.
fn asks(word: &str) -> bool {
    weight(word) == 1 || matches!(word, "who" | "whose" | "why")
}

/// Whether a word tells not to do something. "don't we have blockers?" only asks.
#[rustfmt::skip]
fn forbids(piece: &str, next: Option<&str>) -> bool {
    match piece {
        "don't" | "dont" | "don" => !matches!(next, Some("we" | "i" | "they")),
        "not" | "no" | "never" | "nevermind" | "nor" | "neither" | "without" | "mustn't" | "needn't" | "shouldn't"
        | "stop" | "cancel" | "skip" | "forget" | "avoid" | "refrain" | "ignore" | "disable" | "mute"
        | "unsubscribe" => true,
        _ => false,
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
        | "okay" | "well" | "t3nets" | "good" | "morning" | "afternoon" | "evening" | "everyone" | "team" | "bot" | "assistant"
        | "now" | "right" | "today" | "current" | "currently" | "latest" | "far" | "yet" | "moment" | "quick" | "quickly"
        | "again" | "open" | "jira"
        | "show" | "tell" | "give" | "get" | "list" | "see" | "check" | "display" | "fetch" | "pull" | "look" | "let"
        | "want" | "need" | "like" | "know" | "wondering" | "share" | "send"
    )
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
