//! What a message says, as its words with their weights.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use rust_stemmers::{Algorithm, Stemmer};
use serde_json::Value;

use super::trigger::Trigger;
use super::vocabulary::{Bits, Phrase, Vocabulary};
use super::words::{forbids, is_unit, only_asks, spelled_out, weight};
use crate::skills::addressing::without_address;

/// A message that says more different things than this means no phrase.
const MAX_WORDS: usize = 24;

/// Longer words are compared as they stand; none of English is.
const MAX_STEMMED_BYTES: usize = 40;

/// The longest number that a thing has in a phrase, in digits: `sprint 24`.
const MAX_DIGITS: usize = 6;

/// The word that stands for a version in a message. Nobody writes it.
pub(super) const VERSION: &str = "ⓥ";

/// What stands for asking something.
pub(super) const QUESTION: &str = "?";

/// The word that stands for asking how something is done, or what is called so.
const GENERAL: &str = "ⓖ";

/// A version (`2.4`, `v3`, `1.0-rc1`), or a name in quotes that has a number.
static VERSIONS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let number = r"\bv?\d+(?:\.\d+)+(?:-[a-z0-9]+(?:\.[a-z0-9]+)*)?\b|\bv\d+\b";
    let quoted = r#"["“]([^"“”\n]{0,40}\d[^"“”\n]{0,20})["”]"#;
    Regex::new(&format!("(?i){quoted}|{number}")).ok()
});

/// Emoji by their names: `:wave:`.
static EMOJI: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r":[a-z][a-z0-9_+-]*:").ok());

/// Words by which a message begins that asks something. "Can you" asks to do something.
const ASKING: [&str; 24] = [
    "what", "which", "how", "when", "where", "who", "whose", "is", "are", "was", "were", "do",
    "does", "did", "has", "have", "will", "am", "isn't", "aren't", "any", "anything", "anyone",
    "list",
];

/// Words before the first that counts.
const BEFORE: [&str; 22] = [
    "hi",
    "hello",
    "hey",
    "hiya",
    "yo",
    "ok",
    "okay",
    "so",
    "and",
    "thanks",
    "thank",
    "you",
    "good",
    "morning",
    "afternoon",
    "evening",
    "please",
    "well",
    "but",
    "also",
    "now",
    "team",
];

/// The stem of an English word; other scripts are not stemmed.
pub(super) fn stem(word: &str) -> String {
    if word.is_ascii() && word.len() <= MAX_STEMMED_BYTES {
        Stemmer::create(Algorithm::English).stem(word).into_owned()
    } else {
        word.to_owned()
    }
}

/// A stem of a message, with what it weighs.
#[derive(Debug)]
struct Word {
    stem: String,
    /// Its number among the words of phrases, if it is one.
    id: Option<usize>,
    weight: u32,
    /// How it is written, for the last time.
    written: String,
}

/// The words of a message that matter, with their weights.
pub(super) struct Message {
    /// What phrases can ask for and the message has: stems, filler included, words as they are
    /// written, and whether it asks something.
    has: Bits,
    /// The stems that have a weight, each once.
    words: Vec<Word>,
    /// The sum of the weights.
    pub(super) total: u32,
    /// The numbers that the message gives to words, by their stems: `sprint 24`. Each is a stem of
    /// the message, too.
    numbers: Vec<(String, String)>,
    /// The versions that it names.
    versions: BTreeSet<String>,
}

impl Message {
    /// `None` if no word has a weight, there are too many for any phrase, or the message tells not
    /// to do something.
    pub(super) fn read(text: &str, known: &Vocabulary) -> Option<Self> {
        let mut message = Self {
            has: known.none(),
            words: Vec::new(),
            total: 0,
            numbers: Vec::new(),
            versions: BTreeSet::new(),
        };
        let said = message.without_versions(without_address(text));
        if said.trim_end().ends_with('?') {
            message.note(QUESTION, known);
        }
        let mut before: Option<String> = None;
        let mut is_first = true;
        let mut pieces = pieces(&said).peekable();
        let mut last: [String; 2] = Default::default();
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
            let piece = spelled_out(&piece).to_owned();
            let word = without_ending(piece.clone());
            let word = spelled_out(&word).to_owned();
            if is_first && !BEFORE.contains(&word.as_str()) {
                is_first = false;
                if ASKING.contains(&word.as_str()) {
                    message.note(QUESTION, known);
                }
            }
            if asks_in_general([&last[0], &last[1], &piece]) {
                message.add(GENERAL, GENERAL, 2, known)?;
            }
            last = [std::mem::take(&mut last[1]), piece];
            let (name, number) = split_number(&word);
            let Some(number) = number.filter(|_| !next.is_some_and(is_unit)) else {
                let stem = stem(&word);
                message.add(&stem, &word, weight(&word), known)?;
                before = Some(stem);
                continue;
            };
            let named = match name {
                // `24th sprint`, `sprint 24`
                "" if is_ordinal(&word) => next.map(stem),
                "" => before.take(),
                name => Some(stem(name)),
            };
            if !name.is_empty() {
                message.add(&stem(name), name, weight(name), known)?;
            }
            // `release 10`
            if named.as_deref().is_some_and(has_versions) {
                message.add(VERSION, VERSION, 2, known)?;
                message.versions.insert(number.to_owned());
                continue;
            }
            message.add(number, number, weight(number), known)?;
            message
                .numbers
                .extend(named.map(|named| (named, number.to_owned())));
            before = None;
        }
        message.count();
        (message.total > 0).then_some(message)
    }

    fn count(&mut self) {
        self.total = self.words.iter().map(|word| word.weight).sum();
    }

    /// The text with a word in the place of each version that it names.
    fn without_versions(&mut self, text: &str) -> String {
        let (Some(versions), Some(emoji)) = (VERSIONS.as_ref(), EMOJI.as_ref()) else {
            return text.to_owned();
        };
        let text = match text.contains(':') {
            true => emoji.replace_all(text, " "),
            false => text.into(),
        };
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return text.into_owned();
        }
        let named = versions.replace_all(&text, |found: &regex::Captures<'_>| {
            let name = found.get(1).map_or(&found[0], |quoted| quoted.as_str());
            self.versions.insert(name.trim().to_owned());
            format!(" {VERSION} ")
        });
        named.into_owned()
    }

    fn note(&mut self, key: &str, known: &Vocabulary) {
        if let Some(id) = known.id(key) {
            self.has.insert(id);
        }
    }

    /// Adds a word; `None` if that is too many.
    fn add(&mut self, stem: &str, written: &str, weight: u32, known: &Vocabulary) -> Option<()> {
        let id = known.id(stem);
        if let Some(id) = id {
            self.has.insert(id);
        }
        if let Some(id) = known.written(written) {
            self.has.insert(id);
        }
        if weight == 0 {
            return Some(());
        }
        match self.words.iter_mut().find(|word| word.stem == stem) {
            Some(word) => word.weight = word.weight.max(weight),
            None => self.words.push(Word {
                stem: stem.to_owned(),
                id,
                weight,
                written: written.to_owned(),
            }),
        }
        (self.words.len() <= MAX_WORDS).then_some(())
    }

    /// The share of the message that the phrase explains; `None` if the message lacks a word of it,
    /// or has one that makes it another question.
    pub(super) fn explained_by(&self, phrase: &Phrase) -> Option<f64> {
        let has_one =
            |terms: &Vec<(usize, usize)>| terms.iter().any(|(key, _)| self.has.contains(*key));
        if !phrase.needed.iter().all(has_one) || self.has.meets(&phrase.unless) {
            return None;
        }
        let trigger = &phrase.trigger;
        let number = self.number_for(trigger);
        if number.is_none()
            && trigger
                .numbered
                .as_ref()
                .is_some_and(|numbered| numbered.is_needed)
        {
            return None;
        }
        // A skill is asked for one version.
        if trigger.takes_version && self.versions.len() > 1 {
            return None;
        }
        let has_version = self.version_for(trigger).is_some();
        let terms = || phrase.needed.iter().flatten();
        let is_explained = |word: &Word| {
            let is_of_phrase =
                |id| terms().any(|(key, stem)| *stem == id && self.has.contains(*key));
            word.id.is_some_and(is_of_phrase)
                || number.is_some_and(|(_, number)| *number == word.stem)
                || (has_version && word.stem == VERSION)
        };
        let (mut explained, mut total) = (0, 0);
        for word in &self.words {
            if is_explained(word) {
                explained += word.weight;
            } else if word.id.is_some_and(|id| phrase.beside.contains(id)) {
                continue;
            }
            total += word.weight;
        }
        (total > 0).then(|| f64::from(explained) / f64::from(total))
    }

    /// How much of what the message and the phrase say together is the same; nothing if it is no
    /// more than asking.
    pub(super) fn closeness(&self, phrase: &Phrase) -> f64 {
        let is_of_phrase = |word: &&Word| {
            let has = |id| phrase.needed.iter().flatten().any(|(_, stem)| *stem == id);
            word.id.is_some_and(has)
        };
        let shared = || self.words.iter().filter(is_of_phrase);
        if shared().all(|word| only_asks(&word.stem)) {
            return 0.0;
        }
        let shared: u32 = shared().map(|word| word.weight).sum();
        let all = phrase.trigger.weight.max(shared) + self.total - shared;
        f64::from(shared) / f64::from(all.max(1))
    }

    /// The one number that the message gives the trigger's numbered word, with its field.
    fn number_for<'m>(&'m self, trigger: &Trigger) -> Option<(&'static str, &'m String)> {
        let numbered = trigger.numbered.as_ref()?;
        let mut numbers = self.numbers.iter().filter(|(of, _)| *of == numbered.stem);
        let (_, number) = numbers.next()?;
        let is_only = numbers.all(|(_, other)| other == number);
        is_only.then_some((numbered.field, number))
    }

    /// The one version that the message names, for a trigger that takes one.
    fn version_for(&self, trigger: &Trigger) -> Option<&String> {
        let only = self.versions.first().filter(|_| self.versions.len() == 1);
        only.filter(|_| trigger.takes_version)
    }

    /// The input of the trigger, with the number and the version that the message gives.
    pub(super) fn input(&self, trigger: &Trigger) -> Value {
        let mut input = trigger.input.clone();
        let version = self
            .version_for(trigger)
            .map(|version| ("version", version));
        if let Value::Object(fields) = &mut input {
            for (field, value) in self.number_for(trigger).into_iter().chain(version) {
                fields.insert(field.to_owned(), Value::String(value.clone()));
            }
        }
        input
    }

    /// The same with typos replaced by the words of phrases that were meant, by
    /// `is_meant`; `None` if there are none.
    pub(super) fn mended(
        mut self,
        known: &Vocabulary,
        is_meant: fn(&str, &str) -> bool,
    ) -> Result<Self, Self> {
        let mut mended = Vec::new();
        for word in self.words.iter_mut().filter(|word| word.id.is_none()) {
            let Some(meant) = known.nearest(&word.stem, is_meant) else {
                continue;
            };
            mended.push((
                std::mem::replace(&mut word.stem, meant.to_owned()),
                word.written.ends_with('s'),
            ));
            word.id = known.id(meant);
        }
        if mended.is_empty() {
            return Err(self);
        }
        for word in self.words.iter().filter(|word| word.id.is_some()) {
            self.has.extend(word.id);
        }
        for (slip, is_plural) in mended {
            let word = self
                .words
                .iter()
                .find(|word| word.written.starts_with(slip.as_str()));
            let Some(meant) = word.map(|word| word.stem.clone()) else {
                continue;
            };
            self.has.extend(known.written_as(&meant, is_plural));
            for (of, _) in &mut self.numbers {
                if *of == slip {
                    of.clone_from(&meant);
                }
            }
        }
        Ok(self)
    }
}

/// Whether a word was probably meant to be another: short ones have two letters exchanged, longer
/// ones one slip or two.
pub(super) fn is_slip(typed: &str, meant: &str) -> bool {
    let length = meant.len();
    if length < 4 || typed.len() > MAX_STEMMED_BYTES || typed.len().abs_diff(length) > 2 {
        return false;
    }
    let typos = strsim::osa_distance(typed, meant);
    match length {
        4 => typos == 1 && typed.len() == 4 && strsim::levenshtein(typed, meant) == 2,
        5..=7 => typos <= 1,
        _ => typos <= 2,
    }
}

/// Whether a word was surely meant to be another, so that a skill may run: it begins alike and is
/// no other word, as one with another letter often is ("spring", "print").
pub(super) fn is_sure_slip(typed: &str, meant: &str) -> bool {
    meant.len() >= 5
        && typed.bytes().next() == meant.bytes().next()
        && is_slip(typed, meant)
        && (typed.len() != meant.len() || strsim::levenshtein(typed, meant) == 2)
}

/// The words of a text in lower case, without punctuation and without what follows an apostrophe
/// ("what's", "sprint’s").
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    pieces(text).map(without_ending)
}

/// What a text is about: its words that say something, by their stems, each once and in order of
/// the alphabet. One trigger could mean all texts of one gist.
pub(crate) fn gist(text: &str) -> Vec<String> {
    let words = weighed_words(without_address(text)).into_iter();
    let words = words.filter(|(word, weight)| *weight == 2 && !only_asks(word));
    let stems: BTreeSet<String> = words.map(|(word, _)| stem(&word)).collect();
    stems.into_iter().collect()
}

/// The words of a text that are no filler, as messages are read, with their weights.
pub(crate) fn weighed_words(text: &str) -> Vec<(String, u32)> {
    let words = pieces(text).map(|piece| {
        let word = without_ending(spelled_out(&piece).to_owned());
        spelled_out(&word).to_owned()
    });
    let weighed = words.map(|word| {
        let weight = weight(&word);
        (word, weight)
    });
    weighed.filter(|(_, weight)| *weight > 0).collect()
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

/// Whether these words ask how something is done ("how to", "how do I") or what is called so ("what
/// is a"). "How do we stand" asks about the team, "how can I see" to be shown.
fn asks_in_general(words: [&str; 3]) -> bool {
    let [before, verb, last] = words;
    let is_way = before == "how"
        && matches!(verb, "do" | "does" | "can" | "could" | "should" | "would")
        && matches!(last, "i" | "you" | "one" | "people");
    let is_any = matches!(last, "a" | "an")
        && match before {
            "what" => matches!(verb, "is" | "are" | "was" | "does"),
            "long" | "big" | "many" | "much" | "often" => matches!(verb, "is" | "are" | "should"),
            _ => matches!(verb, "what" | "what's"),
        };
    is_way || is_any || (verb, last) == ("how", "to")
}

/// Whether what is called so has versions as others have numbers.
fn has_versions(stem: &str) -> bool {
    matches!(stem, "releas" | "version" | "note" | "changelog")
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
