//! The ledger: what turns used, by who asked, by which key, and by what answered them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::{UsageDelta, UserId};

/// The most of a model's name that the ledger keeps, in bytes: names are what somebody set.
const MAX_MODEL: usize = 200;
/// The most of a credential's name, in bytes: other programs' keys have prefixes of their own.
const MAX_CREDENTIAL: usize = 64;

/// What decided how a turn was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// A greeting, thanks, help or goodbye, by a canned answer.
    Conversational,
    /// A skill whose rule matched.
    Rule,
    /// The model, with the tools it chose.
    Ai,
}

impl Route {
    /// The value in stored turns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversational => "conversational",
            Self::Rule => "rule",
            Self::Ai => "ai",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A route that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a route (conversational, rule, ai)")]
pub struct UnknownRoute(String);

impl FromStr for Route {
    type Err = UnknownRoute;

    fn from_str(text: &str) -> Result<Self, UnknownRoute> {
        let all = [Self::Conversational, Self::Rule, Self::Ai];
        let found = all.into_iter().find(|route| route.as_str() == text);
        found.ok_or_else(|| UnknownRoute(text.to_owned()))
    }
}

/// What a line of the ledger is of, beside tenant and day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerAccount {
    /// Who asked; [`UserId::ANONYMOUS`] for callers without a credential.
    pub user_id: UserId,
    /// When that user was made, which tells them from another of the same id; `None` in records of
    /// older programs.
    pub user_since: Option<Timestamp>,
    /// The credential's name ([`ApiKey::name_in_ledger`](super::ApiKey::name_in_ledger)); `None`
    /// without one.
    pub credential: Option<String>,
    /// How the turn was answered; `None` for refusals, and for what failed before it was known.
    pub route: Option<Route>,
    /// The model that was asked, by its name in answers; `None` if none was.
    pub model: Option<String>,
}

impl LedgerAccount {
    /// Of who asks, before it is known what answers.
    pub fn of(user_id: UserId, user_since: Option<Timestamp>, credential: Option<&str>) -> Self {
        Self {
            user_id,
            user_since,
            credential: credential.map(|name| beginning(name, MAX_CREDENTIAL)),
            route: None,
            model: None,
        }
    }

    /// Notes the model that is asked.
    pub fn set_model(&mut self, name: Option<&str>) {
        self.model = name.map(|name| beginning(name, MAX_MODEL));
    }
}

fn beginning(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// A turn that is over, whether it was answered or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledTurn {
    /// The line it belongs to.
    pub account: LedgerAccount,
    /// Whether there was an answer: no error, no deadline that passed, no caller who went away.
    pub is_answered: bool,
    /// What it used.
    pub used: UsageDelta,
}

impl SettledTurn {
    /// What it adds to its line.
    pub fn counts(&self) -> LedgerCounts {
        LedgerCounts {
            turns: 1,
            failed: u64::from(!self.is_answered),
            refusals: 0,
            used: self.used,
        }
    }
}

/// What is counted on a line of the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerCounts {
    /// Turns that are over.
    pub turns: u64,
    /// Those among them that had no answer.
    pub failed: u64,
    /// Messages that were refused, because the day's limit was reached.
    pub refusals: u64,
    /// What the turns used.
    pub used: UsageDelta,
}

impl LedgerCounts {
    /// Adds another line's.
    pub fn add(&mut self, other: &Self) {
        self.turns = self.turns.saturating_add(other.turns);
        self.failed = self.failed.saturating_add(other.failed);
        self.refusals = self.refusals.saturating_add(other.refusals);
        self.used.add(&other.used);
    }
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// The day, in UTC.
    pub day: Date,
    /// What it is of.
    pub account: LedgerAccount,
    /// What was counted.
    pub counts: LedgerCounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_up_to_a_bound_and_no_letter_is_cut_apart() {
        let long = "\u{20ac}".repeat(300);
        let mut account = LedgerAccount::of(UserId::anonymous(), None, Some(&long));
        account.set_model(Some(&long));
        assert_eq!(
            account.credential.unwrap().chars().count(),
            MAX_CREDENTIAL / 3
        );
        assert_eq!(account.model.unwrap().chars().count(), MAX_MODEL / 3);
    }
}
