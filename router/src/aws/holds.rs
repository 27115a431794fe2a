//! The items that budgets are held in: a tenant's day, and where a user or a key has a budget,
//! their day. Each has what is used, and one attribute for each turn under way with what it holds.
//!
//! What is used counts what is held, so that one comparison tells whether there is room: DynamoDB's
//! conditions add nothing up
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>).
//! A month's budget is held to by the day's item too: what is left of it is what the days before
//! leave, which change no more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use ulid::Ulid;

use super::dynamodb::attributes::{Item, corrupt, counter, number_value, text_if_set, text_value};
use super::dynamodb::{Condition, Table, Update, Write};
use super::tenants::keys;
use super::{ledger, schema};
use crate::model::{
    Amounts, Budget, BudgetProgress, Hold, LedgerLine, NanoUsd, Payer, Period, Reserved,
    SettledTurn, Standing, TenantId, Unit,
};
use crate::ports::StoreError;

const MESSAGES: &str = "messages";
/// What is used of tokens and dollars, or held.
const TOKENS: &str = "taken_tokens";
const NANO_USD: &str = "taken_nano_usd";
/// How the attribute of a hold begins; its id follows.
const HOLD: &str = "hold#";
/// How many of the holds are calls that count for a limit.
const CALLS: &str = "calls";
/// The last word of such a hold.
const CALL: &str = " call";

/// How long the day's item of a user or a key is kept, in seconds: nothing reads it once the day is
/// over and its turns are settled.
const LIFE: i64 = 3 * 24 * 60 * 60;
/// Holds that are given back in one request.
const BACK_AT_ONCE: usize = 25;

/// How long what a month's earlier days had is known. Turns that began before midnight are settled
/// soon after it.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(10);
const KNOWN_WHILE_SETTLING: SignedDuration = SignedDuration::from_secs(30);
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Payers whose earlier days are known at once.
const MOST_KNOWN: usize = 10_000;

fn attribute(unit: Unit) -> &'static str {
    match unit {
        Unit::Messages => MESSAGES,
        Unit::Tokens => TOKENS,
        Unit::Usd => NANO_USD,
    }
}

/// The day's item of one payer, and what it is held to.
pub(super) struct Counters {
    pub(super) payer: Payer,
    pub(super) key: Item,
    budgets: Vec<Budget>,
    /// What the month's earlier days had.
    earlier: Amounts,
}

/// What a turn holds in an item.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// As it is stored.
    text: String,
    pub(super) amounts: Amounts,
    is_call: bool,
}

impl Held {
    /// What a turn holds once this was reserved.
    pub(super) fn by(hold: &Hold) -> Self {
        let (until, amounts) = (hold.expires_at.as_second(), hold.amounts);
        let is_call = hold.most_calls.is_some();
        let call = if is_call { CALL } else { "" };
        Self {
            text: format!("{until} {} {}{call}", amounts.tokens, amounts.cost.0),
            amounts,
            is_call,
        }
    }

    /// What is stored, and when it expires.
    fn read(text: &str) -> Option<(i64, Self)> {
        let mut parts = text.split(' ');
        let until = parts.next()?.parse().ok()?;
        let amounts = Amounts {
            messages: 1,
            tokens: parts.next()?.parse().ok()?,
            cost: NanoUsd(parts.next()?.parse().ok()?),
        };
        let held = Self {
            text: text.to_owned(),
            amounts,
            is_call: text.ends_with(CALL),
        };
        Some((until, held))
    }
}

/// What turns hold in an item, each with its attribute and when it expires.
fn all(item: &Item) -> impl Iterator<Item = (&String, i64, Held)> {
    item.iter().filter_map(|(name, stored)| {
        let text = stored.as_s().ok().filter(|_| name.starts_with(HOLD))?;
        let (until, held) = Held::read(text)?;
        Some((name, until, held))
    })
}

/// What a turn holds in an item; `None` if it holds nothing.
pub(super) fn held(item: &Item, id: Ulid) -> Result<Option<Held>, StoreError> {
    let name = format!("{HOLD}{id}");
    let Some(text) = text_if_set(item, &name)? else {
        return Ok(None);
    };
    let (_, held) = Held::read(text).ok_or_else(|| corrupt(&name, &"it is no hold"))?;
    Ok(Some(held))
}

impl Counters {
    pub(super) fn new(payer: Payer, hold: &Hold, earlier: Amounts) -> Self {
        Self {
            payer,
            key: match payer {
                Payer::Tenant => keys::usage(&hold.tenant, hold.day),
                _ => keys::usage_of(&hold.tenant, hold.day, payer, &hold.account),
            },
            budgets: hold.budgets_for(payer).copied().collect(),
            earlier,
        }
    }

    /// What a budget leaves for this day.
    fn left(&self, budget: &Budget) -> u64 {
        match budget.key.period {
            Period::Day => budget.most,
            Period::Month => budget.most.saturating_sub(self.earlier.of(budget.key.unit)),
        }
    }

    /// Holds a turn's amounts, or what is more of them than it holds already, if every budget has
    /// that much left.
    pub(super) fn reserve(&self, hold: &Hold, before: Option<&Held>) -> Write {
        let name = format!("{HOLD}{}", hold.id);
        let mut condition = match before {
            Some(before) => Condition::equals(&name, text_value(&before.text)),
            None => Condition::missing(&name),
        };
        if self.payer != Payer::Tenant {
            condition = condition.and(Condition::present());
        }
        let mut update = Update::default().set(&name, text_value(Held::by(hold).text));
        for unit in Unit::ALL {
            let more = more(unit, hold, before);
            if more == 0 {
                continue;
            }
            update = update.add(attribute(unit), number_value(more));
            let budgets = self.budgets.iter().filter(|one| one.key.unit == unit);
            if let Some(left) = budgets.map(|budget| self.left(budget)).min() {
                condition = condition.and(room(attribute(unit), left, more));
            }
        }
        if let (Some(most), None) = (self.most_calls(hold), before) {
            update = update.add(CALLS, number_value(1));
            condition = condition.and(room(CALLS, most, 1));
        }
        Write::update(self.key.clone(), update)
            .when(condition)
            .returning_item()
    }

    /// How many calls there may be at once, where this item counts them.
    fn most_calls(&self, hold: &Hold) -> Option<u64> {
        hold.most_calls.filter(|_| self.payer == Payer::Tenant)
    }

    /// Why a turn's amounts are not held, if there is a reason: a budget that has not enough left,
    /// or as many calls as there may be.
    pub(super) fn refuses(
        &self,
        item: &Item,
        hold: &Hold,
        before: Option<&Held>,
    ) -> Result<Option<Reserved>, StoreError> {
        for standing in self.standings(item)? {
            let unit = standing.budget.key.unit;
            let more = more(unit, hold, before);
            if more > 0 && standing.used.saturating_add(more) > standing.budget.most {
                return Ok(Some(Reserved::Refused(standing)));
            }
        }
        match (self.most_calls(hold), before) {
            (Some(most), None) if counter(item, CALLS)? >= most => {
                Ok(Some(Reserved::TooManyCalls(most)))
            }
            _ => Ok(None),
        }
    }

    /// Counts the calls under way anew; `None` if their count is right. A router of the release
    /// before gives back what expired without counting it.
    pub(super) fn recount(&self, item: &Item) -> Result<Option<Write>, StoreError> {
        let counted = counter(item, CALLS)?;
        let there = all(item).filter(|(_, _, held)| held.is_call).count() as u64;
        let update = Update::default().set(CALLS, number_value(there));
        let condition = Condition::equals(CALLS, number_value(counted));
        let write = Write::update(self.key.clone(), update).when(condition);
        Ok((counted > there).then_some(write))
    }

    /// How much of each budget is used.
    pub(super) fn standings(&self, item: &Item) -> Result<Vec<Standing>, StoreError> {
        let standing = |budget: &Budget| {
            let unit = budget.key.unit;
            let today = counter(item, attribute(unit))?;
            let before = match budget.key.period {
                Period::Day => 0,
                Period::Month => self.earlier.of(unit),
            };
            Ok(Standing {
                budget: *budget,
                used: today.saturating_add(before),
            })
        };
        self.budgets.iter().map(standing).collect()
    }

    /// Ends a hold: with what the turn used instead, or as if it had never been. Without one, which
    /// was given back, the turn is counted anew.
    pub(super) fn settle(
        &self,
        hold: &Hold,
        held: Option<&Held>,
        turn: Option<&SettledTurn>,
    ) -> Write {
        let name = format!("{HOLD}{}", hold.id);
        let (mut update, condition) = match held {
            Some(held) => (
                Update::default().remove(&name),
                Condition::equals(&name, text_value(&held.text)),
            ),
            None => (
                Update::default(),
                Condition::missing(&name).and(Condition::present()),
            ),
        };
        let used = turn.map_or_else(Amounts::default, |turn| Amounts::of_turn(&turn.used));
        if self.payer == Payer::Tenant && held.is_some_and(|held| held.is_call) {
            update = update.add(CALLS, number_value(-1));
        }
        let held = held.map_or_else(Amounts::default, |held| held.amounts);
        for unit in Unit::ALL {
            let difference = i128::from(used.of(unit)) - i128::from(held.of(unit));
            if difference != 0 {
                update = update.add(attribute(unit), number_value(difference));
            }
        }
        if let (Payer::Tenant, Some(turn)) = (self.payer, turn) {
            let used = &turn.used;
            for (name, count) in [
                ("input_tokens", used.input_tokens),
                ("output_tokens", used.output_tokens),
                ("cost_nano_usd", used.cost.0),
                ("unpriced_tokens", used.unpriced_tokens),
                ("estimated_tokens", used.estimated_tokens),
            ] {
                if count > 0 {
                    update = update.add(name, number_value(count));
                }
            }
        }
        Write::update(self.key.clone(), update)
            .when(condition)
            .returning_item()
    }

    /// How far a turn brought each budget, given the item with its settlement.
    pub(super) fn progress(
        &self,
        item: &Item,
        turn: &SettledTurn,
    ) -> Result<Vec<BudgetProgress>, StoreError> {
        let under_way = all(item).fold(Amounts::default(), |sum, (.., held)| {
            sum.plus(&held.amounts)
        });
        let used = Amounts::of_turn(&turn.used);
        let progress = self.standings(item)?.into_iter().map(|standing| {
            let held = under_way.of(standing.budget.key.unit);
            BudgetProgress::of(standing.budget, standing.used.saturating_sub(held), &used)
        });
        Ok(progress.collect())
    }

    /// Gives back what expired holds of an item have; `None` if there are none.
    pub(super) fn give_back(&self, item: &Item, now: Timestamp) -> Option<Write> {
        let expired = all(item).filter(|(_, until, _)| *until <= now.as_second());
        let (mut update, mut condition) = (Update::default(), Condition::default());
        let (mut sum, mut calls) = (Amounts::default(), 0_i64);
        for (name, _, held) in expired.take(BACK_AT_ONCE) {
            update = update.remove(name);
            condition = condition.and(Condition::equals(name, text_value(&held.text)));
            sum = sum.plus(&held.amounts);
            calls += i64::from(held.is_call && self.payer == Payer::Tenant);
        }
        if calls > 0 {
            update = update.add(CALLS, number_value(-calls));
        }
        for unit in Unit::ALL {
            if sum.of(unit) > 0 {
                let less = -i128::from(sum.of(unit));
                update = update.add(attribute(unit), number_value(less));
            }
        }
        (sum.messages > 0).then(|| Write::update(self.key.clone(), update).when(condition))
    }

    /// The item as it begins, with what the ledger has of the payer's day.
    pub(super) fn begun(&self, hold: &Hold, lines: &[LedgerLine], now: Timestamp) -> Item {
        let used = sum_of(self.payer, hold, lines);
        let mut item = self.key.clone();
        for unit in Unit::ALL {
            item.insert(attribute(unit).to_owned(), number_value(used.of(unit)));
        }
        let until = now.as_second().saturating_add(LIFE);
        item.insert(schema::EXPIRY.to_owned(), number_value(until));
        item
    }
}

/// How much more a turn wants than it holds.
fn more(unit: Unit, hold: &Hold, before: Option<&Held>) -> u64 {
    let before = before.map_or(0, |before| before.amounts.of(unit));
    hold.amounts.of(unit).saturating_sub(before)
}

/// That an attribute, 0 where it is missing, may grow by so much.
fn room(attribute: &str, left: u64, more: u64) -> Condition {
    match left.checked_sub(more) {
        Some(most) => {
            let below = number_value(u128::from(most) + 1);
            Condition::missing(attribute).or(Condition::less(attribute, below))
        }
        // It never holds: nothing is less.
        None => Condition::less(attribute, number_value(0)),
    }
}

/// What a payer has in the ledger.
fn sum_of(payer: Payer, hold: &Hold, lines: &[LedgerLine]) -> Amounts {
    let own = lines
        .iter()
        .filter(|line| hold.account.shares(payer, &line.account));
    own.fold(Amounts::default(), |sum, line| {
        sum.plus(&Amounts {
            messages: line.counts.turns,
            ..Amounts::of_turn(&line.counts.used)
        })
    })
}

/// What the days of a month had before today, as far as it is known.
#[derive(Default)]
pub(super) struct Earlier(Mutex<HashMap<(TenantId, Payer, String), Known>>);

struct Known {
    day: Date,
    amounts: Amounts,
    read_at: Timestamp,
}

impl Known {
    fn is_valid(&self, day: Date, now: Timestamp) -> bool {
        let midnight = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let is_settled =
            midnight.is_ok_and(|midnight| self.read_at.duration_since(midnight) > SETTLED_AFTER);
        let known_for = match is_settled {
            true => KNOWN_FOR,
            false => KNOWN_WHILE_SETTLING,
        };
        self.day == day && now.duration_since(self.read_at) <= known_for
    }
}

impl Earlier {
    /// What the days before this one of its month had, for one payer; nothing where no budget asks
    /// for it.
    pub(super) async fn of(
        &self,
        table: &Table,
        payer: Payer,
        hold: &Hold,
        now: Timestamp,
    ) -> Result<Amounts, StoreError> {
        let asks = |budget: &Budget| budget.key.period == Period::Month;
        let first = Period::Month.first(hold.day);
        if first == hold.day || !hold.budgets_for(payer).any(asks) {
            return Ok(Amounts::default());
        }
        let (_, name) = match payer {
            Payer::Tenant => Default::default(),
            _ => super::dynamodb::attributes::identity(&keys::usage_of(
                &hold.tenant,
                first,
                payer,
                &hold.account,
            )),
        };
        let of = (hold.tenant.clone(), payer, name);
        if let Some(known) = self.known().get(&of)
            && known.is_valid(hold.day, now)
        {
            return Ok(known.amounts);
        }
        let days = first.series(1.day()).take_while(|day| *day < hold.day);
        let amounts = match payer {
            Payer::Tenant => of_tenant(table, hold, days).await?,
            _ => {
                let user = (payer == Payer::User).then_some(&hold.account.user_id);
                let lines = ledger::read(table, &hold.tenant, days.collect(), user).await?;
                sum_of(payer, hold, &lines)
            }
        };
        let mut all = self.known();
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        let known = Known {
            day: hold.day,
            amounts,
            read_at: now,
        };
        all.insert(of, known);
        Ok(amounts)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, Payer, String), Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn of_tenant(
    table: &Table,
    hold: &Hold,
    days: impl Iterator<Item = Date>,
) -> Result<Amounts, StoreError> {
    let wanted: Vec<Item> = days.map(|day| keys::usage(&hold.tenant, day)).collect();
    let found = table.get_all(wanted.iter().cloned()).await?;
    let mut sum = Amounts::default();
    for item in wanted.iter().filter_map(|key| found.get(key)) {
        let count = |name| counter(item, name);
        // A router of an earlier release adds to what was used alone.
        let tokens = count("input_tokens")?.saturating_add(count("output_tokens")?);
        sum = sum.plus(&Amounts {
            messages: count(MESSAGES)?,
            tokens: count(TOKENS)?.max(tokens),
            cost: NanoUsd(count(NANO_USD)?.max(count("cost_nano_usd")?)),
        });
    }
    Ok(sum)
}
