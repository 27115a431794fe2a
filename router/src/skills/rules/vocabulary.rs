//! The words of all phrases by number, so that a message is compared with hundreds of phrases in
//! microseconds.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::message::VERSION;
use super::trigger::Trigger;

/// The words of phrases: stems, `=` and words that count as they are written, and `?`.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    ids: HashMap<String, usize>,
    /// Of words that count as they are written, without the `=`.
    written: HashMap<String, usize>,
    stems: Vec<String>,
}

impl Vocabulary {
    /// The number of a word that is added if it is not there.
    fn add(&mut self, word: &str) -> usize {
        let next = self.ids.len();
        let id = *self.ids.entry(word.to_owned()).or_insert(next);
        if id == next {
            match word.strip_prefix('=') {
                Some(written) => {
                    self.written.insert(written.to_owned(), id);
                }
                None => self.stems.push(word.to_owned()),
            }
        }
        id
    }

    pub(super) fn id(&self, stem: &str) -> Option<usize> {
        self.ids.get(stem).copied()
    }

    pub(super) fn written(&self, word: &str) -> Option<usize> {
        self.written.get(word).copied()
    }

    /// The words of a stem that count as they are written, of one number.
    pub(super) fn written_as<'v>(
        &'v self,
        stem: &'v str,
        is_plural: bool,
    ) -> impl Iterator<Item = usize> + 'v {
        let words = self.written.iter();
        let fitting = words
            .filter(move |(word, _)| word.starts_with(stem) && word.ends_with('s') == is_plural);
        fitting.map(|(_, id)| *id)
    }

    /// The stem that is nearest of those that are meant; the longest of several.
    pub(super) fn nearest(&self, typed: &str, is_meant: fn(&str, &str) -> bool) -> Option<&str> {
        let meant = self.stems.iter().filter(|stem| is_meant(typed, stem));
        let nearest = meant.min_by_key(|stem| {
            (
                strsim::osa_distance(typed, stem),
                Reverse(stem.len()),
                *stem,
            )
        });
        nearest.map(String::as_str)
    }

    pub(super) fn none(&self) -> Bits {
        Bits(vec![0; self.ids.len() / 64 + 1])
    }
}

/// Numbers of words.
#[derive(Debug, Clone)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn insert(&mut self, id: usize) {
        if let Some(bits) = self.0.get_mut(id / 64) {
            *bits |= 1 << (id % 64);
        }
    }

    pub(super) fn contains(&self, id: usize) -> bool {
        self.0
            .get(id / 64)
            .is_some_and(|bits| bits & (1 << (id % 64)) != 0)
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .any(|(one, other)| one & other != 0)
    }
}

impl Extend<usize> for Bits {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, ids: I) {
        for id in ids {
            self.insert(id);
        }
    }
}

/// A trigger with its words as numbers.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) skill: &'static str,
    pub(super) trigger: Trigger,
    /// The alternatives of each word: what the message must have, and the stem it is of.
    pub(super) needed: Vec<Vec<(usize, usize)>>,
    pub(super) beside: Bits,
    pub(super) unless: Bits,
}

/// All words and phrases of these triggers.
pub(super) fn compiled<'t>(
    triggers: impl Iterator<Item = (&'static str, &'t Trigger)>,
) -> (Vocabulary, Vec<Phrase>) {
    let mut all = Vocabulary::default();
    all.add(VERSION);
    let triggers: Vec<(&'static str, &Trigger)> = triggers.collect();
    for (_, trigger) in &triggers {
        for term in trigger.needed.iter().flatten() {
            all.add(&term.key);
            all.add(&term.stem);
        }
        for word in trigger.beside.iter().chain(&trigger.unless) {
            all.add(word);
        }
    }
    let phrases = triggers.into_iter().map(|(skill, trigger)| {
        let bits = |words: &[String]| {
            let mut bits = all.none();
            bits.extend(words.iter().filter_map(|word| all.id(word)));
            bits
        };
        let needed = trigger.needed.iter().map(|terms| {
            let ids = terms
                .iter()
                .filter_map(|term| Some((all.id(&term.key)?, all.id(&term.stem)?)));
            ids.collect()
        });
        Phrase {
            skill,
            needed: needed.collect(),
            beside: bits(&trigger.beside),
            unless: bits(&trigger.unless),
            trigger: trigger.clone(),
        }
    });
    let phrases = phrases.collect();
    (all, phrases)
}
