//! Budgets: how much a tenant, each of its users and each of its keys may use in a day and in a
//! month, and what a turn under way holds of them.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{JsonObject, LedgerAccount, NanoUsd, Tenant, TokenKind, UsageDelta};

/// Whom a budget is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Payer {
    /// The tenant, with all of its users.
    Tenant,
    /// Each user by themselves; anonymous callers are one.
    User,
    /// Each API key by itself.
    Key,
}

/// What a budget counts.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Messages that were accepted.
    Messages,
    /// Tokens of models, in and out.
    Tokens,
    /// What they cost; in budgets in billionths of a US dollar.
    Usd,
}

/// How long a budget lasts, in UTC.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the next.
    Month,
}

impl Unit {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Messages, Self::Tokens, Self::Usd];
}

impl Period {
    /// The first day of the period that a day is in.
    pub fn first(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Month => day.first_of_month(),
        }
    }

    /// When the period that a day is in is over.
    pub fn end(self, day: Date) -> Timestamp {
        let next = match self {
            Self::Day => day.saturating_add(1.day()),
            Self::Month => day.last_of_month().saturating_add(1.day()),
        };
        let midnight = next.to_zoned(TimeZone::UTC);
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }
}

/// What can be set: whom it is for, what it counts, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetKey {
    /// Whom it is for.
    pub payer: Payer,
    /// What it counts.
    pub unit: Unit,
    /// For how long.
    pub period: Period,
}

/// A budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// What it is of.
    pub key: BudgetKey,
    /// The most that may be used: messages, tokens, billionths of a US dollar.
    pub most: u64,
    /// Whether it is one user's or one key's alone.
    pub is_own: bool,
}

/// In a tenant's extensions: its budgets, by name.
const EXTENSION: &str = "budgets";

macro_rules! budgets {
    ($(($payer:ident, $unit:ident, $period:ident, $name:literal, $meaning:literal)),* $(,)?) => {
        impl BudgetKey {
            /// Every budget that can be set in a tenant's extensions: all but the tenant's messages
            /// a day, which are a setting that older programs know.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self {
                payer: Payer::$payer,
                unit: Unit::$unit,
                period: Period::$period,
            }),*];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match (self.payer, self.unit, self.period) {
                    $((Payer::$payer, Unit::$unit, Period::$period) => $name,)*
                    (Payer::Tenant, Unit::Messages, Period::Day) => "messages_per_day",
                }
            }

            /// What it is for, with what holds where it is not set.
            pub fn meaning(self) -> &'static str {
                match (self.payer, self.unit, self.period) {
                    $((Payer::$payer, Unit::$unit, Period::$period) => $meaning,)*
                    (Payer::Tenant, Unit::Messages, Period::Day) => {
                        "questions a day (UTC) [default: 1000]"
                    }
                }
            }
        }
    };
}

budgets! {
    (Tenant, Messages, Month, "messages_per_month", "questions a month (UTC) [default: no limit]"),
    (Tenant, Tokens, Day, "tokens_per_day", "tokens a day (UTC) [default: no limit]"),
    (Tenant, Tokens, Month, "tokens_per_month", "tokens a month (UTC) [default: no limit]"),
    (Tenant, Usd, Day, "usd_per_day", "dollars a day (UTC) [default: no limit]"),
    (Tenant, Usd, Month, "usd_per_month", "dollars a month (UTC) [default: no limit]"),
    (User, Messages, Day, "user_messages_per_day", "questions a day for each user (UTC) [default: no limit]"),
    (User, Messages, Month, "user_messages_per_month", "questions a month for each user (UTC) [default: no limit]"),
    (User, Tokens, Day, "user_tokens_per_day", "tokens a day for each user (UTC) [default: no limit]"),
    (User, Tokens, Month, "user_tokens_per_month", "tokens a month for each user (UTC) [default: no limit]"),
    (User, Usd, Day, "user_usd_per_day", "dollars a day for each user (UTC) [default: no limit]"),
    (User, Usd, Month, "user_usd_per_month", "dollars a month for each user (UTC) [default: no limit]"),
    (Key, Messages, Day, "key_messages_per_day", "questions a day for each API key (UTC) [default: no limit]"),
    (Key, Messages, Month, "key_messages_per_month", "questions a month for each API key (UTC) [default: no limit]"),
    (Key, Tokens, Day, "key_tokens_per_day", "tokens a day for each API key (UTC) [default: no limit]"),
    (Key, Tokens, Month, "key_tokens_per_month", "tokens a month for each API key (UTC) [default: no limit]"),
    (Key, Usd, Day, "key_usd_per_day", "dollars a day for each API key (UTC) [default: no limit]"),
    (Key, Usd, Month, "key_usd_per_month", "dollars a month for each API key (UTC) [default: no limit]"),
}

impl BudgetKey {
    /// The tenant's messages a day, which every tenant has.
    pub const MESSAGES_PER_DAY: Self = Self {
        payer: Payer::Tenant,
        unit: Unit::Messages,
        period: Period::Day,
    };

    /// What it accepts, in words.
    pub fn rule(self) -> &'static str {
        match self.unit {
            Unit::Messages => "must be a whole number from 0 to 1000000000",
            Unit::Tokens => "must be a whole number from 0 to 1000000000000",
            Unit::Usd => "must be a number from 0 to 1000000, such as 25 or 2.5",
        }
    }

    /// What a value in JSON comes to in the budget's unit; `None` if it is none. Dollars are a
    /// number with a fraction, the others whole.
    pub fn read(self, value: &Value) -> Option<u64> {
        match self.unit {
            Unit::Messages => value.as_u64().filter(|count| *count <= MOST_MESSAGES),
            Unit::Tokens => value.as_u64().filter(|count| *count <= MOST_TOKENS),
            Unit::Usd => {
                let usd = value
                    .as_f64()
                    .filter(|usd| (0.0..=MOST_USD).contains(usd))?;
                // A JSON number has 15 digits: exact to a billionth up to a million dollars.
                Some((usd * 1e9).round() as u64)
            }
        }
    }
}

/// The largest budgets.
const MOST_MESSAGES: u64 = 1_000_000_000;
const MOST_TOKENS: u64 = 1_000_000_000_000;
const MOST_USD: f64 = 1_000_000.0;

impl fmt::Display for BudgetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Tenant {
    /// The budgets that are set in the extensions, by name.
    pub fn stored_budgets(&self) -> JsonObject {
        let stored = self.extensions.get(EXTENSION).and_then(Value::as_object);
        stored.cloned().unwrap_or_default()
    }

    /// Puts these into the extensions.
    pub(crate) fn store_budgets(&mut self, budgets: JsonObject) {
        match budgets.is_empty() {
            true => self.extensions.remove(EXTENSION),
            false => self.extensions.insert(EXTENSION.to_owned(), budgets.into()),
        };
    }

    /// Every budget there is, whoever it is for. What is stored and cannot be read holds nobody
    /// back.
    pub fn budgets(&self) -> Vec<Budget> {
        let stored = self.extensions.get(EXTENSION).and_then(Value::as_object);
        let set = BudgetKey::ALL.into_iter().filter_map(|key| {
            let most = key.read(stored?.get(key.as_str())?)?;
            Some(Budget {
                key,
                most,
                is_own: false,
            })
        });
        let messages = Budget {
            key: BudgetKey::MESSAGES_PER_DAY,
            most: self.settings.daily_messages(),
            is_own: false,
        };
        std::iter::once(messages).chain(set).collect()
    }
}

impl LedgerAccount {
    /// Whether it came by an API key: sessions come and go, and a browser's is no key.
    pub fn has_key(&self) -> bool {
        let session = TokenKind::Session.as_str();
        self.credential
            .as_deref()
            .is_some_and(|name| name != session)
    }

    /// Who a payer is: a user's id, a key's prefix; `None` for the tenant, and where there is no
    /// key.
    pub fn payer_name(&self, payer: Payer) -> Option<String> {
        match payer {
            Payer::Tenant => None,
            Payer::User => Some(self.user_id.to_string()),
            Payer::Key => self.credential.clone().filter(|_| self.has_key()),
        }
    }

    /// Whether another line counts for the same payer.
    pub fn shares(&self, payer: Payer, other: &Self) -> bool {
        match payer {
            Payer::Tenant => true,
            Payer::User => (&self.user_id, self.user_since) == (&other.user_id, other.user_since),
            Payer::Key => self.credential == other.credential,
        }
    }
}

/// How much of what budgets count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Messages.
    pub messages: u64,
    /// Tokens.
    pub tokens: u64,
    /// Dollars.
    pub cost: NanoUsd,
}

impl Amounts {
    /// One message that asks no model.
    pub const MESSAGE: Self = Self {
        messages: 1,
        tokens: 0,
        cost: NanoUsd(0),
    };

    /// What a turn used: one message, and what models made of it.
    pub fn of_turn(used: &UsageDelta) -> Self {
        Self {
            messages: 1,
            tokens: used.input_tokens.saturating_add(used.output_tokens),
            cost: used.cost,
        }
    }

    /// How much of one unit.
    pub fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Messages => self.messages,
            Unit::Tokens => self.tokens,
            Unit::Usd => self.cost.0,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            messages: self.messages.saturating_add(other.messages),
            tokens: self.tokens.saturating_add(other.tokens),
            cost: NanoUsd(self.cost.0.saturating_add(other.cost.0)),
        }
    }
}

/// How much of a budget is used, what is held by turns under way included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which budget.
    pub budget: Budget,
    /// How much of it is used.
    pub used: u64,
}

impl Standing {
    /// Whether so much of it is used that people should know.
    pub fn is_warning(&self) -> bool {
        const PERCENT: u128 = 80;
        u128::from(self.used) * 100 >= u128::from(self.budget.most) * PERCENT
    }
}

/// How far the settlement of a turn brought a budget. What turns under way hold is not in it, so
/// that each of its marks is crossed once, by one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetProgress {
    /// Which budget.
    pub budget: Budget,
    /// How much of it was used before.
    pub before: u64,
    /// How much of it is used with the turn.
    pub after: u64,
}

impl BudgetProgress {
    /// Of what is used after a turn that used this much.
    pub fn of(budget: Budget, after: u64, turn: &Amounts) -> Self {
        Self {
            budget,
            before: after.saturating_sub(turn.of(budget.key.unit)),
            after,
        }
    }

    /// The marks that were crossed, in percent.
    pub fn crossed(&self) -> impl Iterator<Item = u8> {
        let Self {
            budget,
            before,
            after,
        } = *self;
        [80, 100].into_iter().filter(move |percent| {
            let mark = (u128::from(budget.most) * u128::from(*percent)).div_ceil(100);
            u128::from(before) < mark && mark <= u128::from(after)
        })
    }
}

/// A number of a unit, for people.
pub fn worded(unit: Unit, count: u64) -> String {
    let plural = |word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    match unit {
        Unit::Messages => plural("message"),
        Unit::Tokens => plural("token"),
        Unit::Usd => dollars(NanoUsd(count)),
    }
}

/// `$2.50`, and as many more digits as say something of less.
pub fn dollars(amount: NanoUsd) -> String {
    let usd = amount.as_usd();
    match usd >= 0.1 || amount.0 == 0 {
        true => format!("${usd:.2}"),
        false => format!("${usd:.4}"),
    }
}

#[cfg(test)]
mod tests;
