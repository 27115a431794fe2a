//! The built-in triggers as people name them: by the words of their phrase, with their skill where
//! two have the same. What a tenant switches off is stored by these names.

use std::sync::LazyLock;

use super::rules::{Rules, Trigger};
use super::{NAMES, TenantTriggers, ping, release_notes, sprint_status};
use crate::model::Tenant;
use crate::nearest::{did_you_mean, nearest};

/// The most that a tenant switches off: whoever wants none of a skill's has `enabled_skills`.
pub(crate) const MOST_OFF: usize = 100;
/// The longest name of one, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 200;

/// Triggers of one skill whose phrases read the same; they are switched off as one.
#[derive(Debug)]
pub(crate) struct BuiltInTrigger {
    pub(crate) skill: &'static str,
    pub(crate) action: Option<String>,
    pub(crate) phrase: String,
    /// Their words, each with its alternatives: `sprint status/progress/report`.
    pub(crate) words: Vec<String>,
}

/// Of the skills that T3nets ships, in their order.
static ALL: LazyLock<Vec<BuiltInTrigger>> = LazyLock::new(|| {
    let mut all: Vec<BuiltInTrigger> = Vec::new();
    for (skill, trigger) in &*TRIGGERS {
        let (phrase, words) = (trigger.phrase(), trigger.words());
        let same = all
            .iter_mut()
            .find(|one| one.skill == *skill && one.phrase == phrase);
        match same {
            Some(same) if same.words.iter().any(|known| known == words) => {}
            Some(same) => same.words.push(words.to_owned()),
            None => all.push(BuiltInTrigger {
                skill,
                action: trigger.action().map(str::to_owned),
                phrase: phrase.to_owned(),
                words: vec![words.to_owned()],
            }),
        }
    }
    all
});

static TRIGGERS: LazyLock<Vec<(&'static str, Trigger)>> = LazyLock::new(|| {
    let of_skills = [
        ping::triggers(),
        sprint_status::triggers::triggers(),
        release_notes::triggers::triggers(),
    ];
    let named = NAMES.into_iter().zip(of_skills);
    named
        .flat_map(|(skill, triggers)| triggers.into_iter().map(move |one| (skill, one)))
        .collect()
});

/// By which messages a tenant means the skills that T3nets ships.
pub(crate) fn rules_of(tenant: &Tenant) -> Rules {
    TenantTriggers::of(tenant).rules(each(), |_| true)
}

fn each() -> impl Iterator<Item = (&'static str, &'static Trigger)> {
    TRIGGERS.iter().map(|(skill, trigger)| (*skill, trigger))
}

impl BuiltInTrigger {
    pub(crate) fn all() -> &'static [Self] {
        &ALL
    }

    /// By which it is stored where it is switched off: `sprint_status: sprint board`.
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.skill, self.phrase)
    }

    /// The one that a text names: its phrase, with its skill before a colon or without.
    ///
    /// # Errors
    /// Why it names none, in words.
    pub(crate) fn find(text: &str) -> Result<&'static Self, String> {
        let Name { skill, phrase } = Name::read(text);
        if let Some(skill) = skill.filter(|skill| !NAMES.contains(skill)) {
            let meant = did_you_mean(skill, NAMES);
            return Err(format!("names an unknown skill{meant}"));
        }
        let is_of_skill = |of: &str| skill.is_none_or(|skill| skill == of);
        let of_skill: Vec<&'static Self> =
            ALL.iter().filter(|one| is_of_skill(one.skill)).collect();
        let named = of_skill.iter().copied();
        let named: Vec<&'static Self> = named.filter(|one| one.phrase == phrase).collect();
        match named.as_slice() {
            [one] => Ok(one),
            [] => {
                // People name one by a message that it takes, too.
                let taken = Rules::of_triggers(each()).best_match(&phrase, is_of_skill);
                let meant = taken.map(|found| found.trigger).or_else(|| {
                    let phrases = of_skill.iter().map(|one| one.phrase.as_str());
                    nearest(&phrase, phrases).map(str::to_owned)
                });
                let meant =
                    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
                Err(format!("is not a built-in trigger{meant}"))
            }
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|one| format!("`{}`", one.name()))
                    .collect();
                Err(format!("is in several skills: {}", names.join(", ")))
            }
        }
    }
}

/// A trigger as a text names it: its phrase, with its skill before a colon or without.
pub(crate) struct Name<'t> {
    skill: Option<&'t str>,
    phrase: String,
}

impl<'t> Name<'t> {
    pub(crate) fn read(text: &'t str) -> Self {
        let (skill, phrase) = match text.split_once(':') {
            // Its action says nothing more: it is shown with it.
            Some((of, phrase)) => (of.split('/').next().map(str::trim), phrase),
            None => (None, text),
        };
        let words: Vec<String> = phrase.split_whitespace().map(str::to_lowercase).collect();
        Self {
            skill,
            phrase: words.join(" "),
        }
    }

    pub(crate) fn is_of(&self, skill: &str, phrase: &str) -> bool {
        self.phrase == phrase && self.skill.is_none_or(|named| named == skill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Reach;
    use crate::skills::SkillSet;

    #[test]
    fn they_are_those_of_the_skills_there_are() {
        let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
        let all = skills.iter().flat_map(|skill| {
            let triggers = skill.triggers().iter();
            triggers.map(|trigger| (skill.name(), trigger.phrase()))
        });
        let listed = TRIGGERS.iter().map(|(skill, one)| (*skill, one.phrase()));
        assert!(all.eq(listed));
        for one in ALL.iter() {
            let found = BuiltInTrigger::find(&one.name()).unwrap();
            assert!(std::ptr::eq(found, one), "{}", one.name());
            assert!(one.name().chars().count() <= MAX_NAME_CHARS);
            assert!(!one.name().contains(','), "{}", one.name());
        }
    }

    #[test]
    fn one_is_named_by_its_phrase_and_others_by_what_was_meant() {
        for text in [
            "sprint board",
            "Sprint  Board",
            "sprint_status: sprint board",
            "sprint_status/status: sprint board",
        ] {
            let found = BuiltInTrigger::find(text).unwrap();
            assert_eq!(found.name(), "sprint_status: sprint board");
        }
        for (text, reason) in [
            ("sprint boad", "did you mean `sprint board`?"),
            (
                "our sprint goal",
                "is not a built-in trigger; did you mean `sprint status`?",
            ),
            (
                "sprintstatus: sprint board",
                "did you mean `sprint_status`?",
            ),
            ("ping: sprint board", "is not a built-in trigger"),
            ("holidays in March", "is not a built-in trigger"),
            ("", "is not a built-in trigger"),
        ] {
            let told = BuiltInTrigger::find(text).unwrap_err();
            assert!(told.contains(reason), "{text}: {told}");
        }
    }
}
