//! What tenants use, counted in DynamoDB so that limits hold whatever happens at once.
//!
//! A day has one item: its counters, and what turns under way [hold](super::holds) of them.
//! Reserving and settling are one conditional update of it each, and settling one more of a line of
//! the [ledger]; where a user or a key has a budget, their day's item is updated beside it. No
//! transactions: those that come at once at one item would cancel each other
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>).

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use jiff::civil::Date;

use super::attempts::Attempts;
use super::dynamodb::attributes::{Item, counter};
use super::dynamodb::{Condition, Refusal, Table, Write};
use super::holds::{self, Counters, Earlier, Held};
use super::ledger;
use super::tenants::keys;
use crate::model::{
    BudgetProgress, DailyUsage, Hold, LedgerAccount, LedgerCounts, LedgerLine, NanoUsd, Payer,
    Record, Reserved, SettledTurn, Standing, TenantId, UserId,
};
use crate::ports::{Clock, StoreError, UsageStore};

/// The usage store in DynamoDB.
pub struct DynamoUsage {
    table: Table,
    /// The same, with each request sent once: an update that adds must not be repeated by one that
    /// does not know whether it happened.
    once: Table,
    clock: Arc<dyn Clock>,
    earlier: Earlier,
}

impl DynamoUsage {
    /// The clock tells when what turns hold has expired.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let table = table.into();
        let config = client.config().to_builder();
        let once = config.retry_config(RetryConfig::disabled()).build();
        Self {
            once: Table::new(Client::from_conf(once), table.clone()),
            table: Table::new(client, table),
            clock,
            earlier: Earlier::default(),
        }
    }

    /// Holds what a turn may use of one payer's budgets.
    async fn reserve_of(&self, payer: Payer, hold: &Hold) -> Result<Reserved, StoreError> {
        let now = self.clock.now();
        let earlier = self.earlier.of(&self.table, payer, hold, now).await?;
        let counters = Counters::new(payer, hold, earlier);
        let mut attempts = Attempts::new();
        // What this turn holds already.
        let mut held = None;
        loop {
            let refusal = match self.once.write(counters.reserve(hold, held.as_ref())).await {
                Ok(item) => {
                    let item = item.unwrap_or_default();
                    self.give_back(&counters, &item).await;
                    return Ok(Reserved::Held(counters.standings(&item)?));
                }
                Err(refusal) => refusal,
            };
            let found = match &refusal {
                Refusal::Condition(Some(found)) => Some(found.clone()),
                // It may have happened: only the item as it is now can say.
                Refusal::Condition(None) | Refusal::Unknown(_) => {
                    self.table.get(counters.key.clone()).await?
                }
                Refusal::Conflict(_) | Refusal::Throttled(_) => None,
                Refusal::TooLarge(_) | Refusal::Final(_) => {
                    return Err(refusal.into_store_error(Record::Reservation(hold.id)));
                }
            };
            if let Some(found) = &found {
                held = holds::held(found, hold.id)?;
                if held
                    .as_ref()
                    .is_some_and(|held| held.amounts == hold.amounts)
                {
                    return Ok(Reserved::Held(counters.standings(found)?));
                }
                // What expired may be just what is missing, and so may calls that are over.
                if !self.give_back(&counters, found).await
                    && let Some(refused) = counters.refuses(found, hold, held.as_ref())?
                    && !(matches!(refused, Reserved::TooManyCalls(_))
                        && self.recount(&counters, found).await?)
                {
                    return Ok(refused);
                }
            } else if matches!(refusal, Refusal::Condition(_)) {
                if let Some(refused) = counters.refuses(&Item::new(), hold, None)? {
                    return Ok(refused);
                }
                self.begin(&counters, hold).await?;
            }
            if !attempts.again().await {
                return Err(match refusal {
                    Refusal::Condition(_) => StoreError::unavailable("a reservation kept changing"),
                    other => other.into_store_error(Record::Reservation(hold.id)),
                });
            }
        }
    }

    /// Makes the day's item of a user or a key, which begins with what the ledger has of them: the
    /// budget may be younger than the day.
    async fn begin(&self, counters: &Counters, hold: &Hold) -> Result<(), StoreError> {
        let user = (counters.payer == Payer::User).then_some(&hold.account.user_id);
        let lines = ledger::read(&self.table, &hold.tenant, vec![hold.day], user).await?;
        let item = counters.begun(hold, &lines, self.clock.now());
        let begun = Write::put(item).when(Condition::absent());
        self.table.write_if(begun).await?;
        Ok(())
    }

    /// Gives back what expired holds had; `false` if there were none. What cannot be given back
    /// now is by the next turn.
    async fn give_back(&self, counters: &Counters, item: &Item) -> bool {
        let Some(write) = counters.give_back(item, self.clock.now()) else {
            return false;
        };
        match self.once.write(write).await {
            // Another gave it back.
            Ok(_) | Err(Refusal::Condition(_)) => true,
            Err(refusal) => {
                tracing::warn!(?refusal, "what a turn held could not be given back");
                false
            }
        }
    }

    /// Corrects the count of the calls under way; `false` if it is right.
    async fn recount(&self, counters: &Counters, item: &Item) -> Result<bool, StoreError> {
        match counters.recount(item)? {
            None => Ok(false),
            Some(write) => {
                // Where it changed meanwhile, it is looked at again.
                self.table.write_if(write).await?;
                Ok(true)
            }
        }
    }

    /// Ends what a turn held of one payer's budgets; `None` if it was settled before, else how far
    /// it brought them, as far as that is asked for and known.
    async fn settle_of(
        &self,
        payer: Payer,
        hold: &Hold,
        turn: Option<&SettledTurn>,
    ) -> Result<Option<Vec<BudgetProgress>>, StoreError> {
        let counters = Counters::new(payer, hold, Default::default());
        let mut attempts = Attempts::new();
        let (mut held, mut is_unknown) = (Some(Held::by(hold)), false);
        loop {
            let refusal = match self
                .once
                .write(counters.settle(hold, held.as_ref(), turn))
                .await
            {
                Ok(item) => {
                    let item = item.unwrap_or_default();
                    return Ok(Some(match turn.filter(|_| hold.is_watched) {
                        Some(turn) => self.progress(payer, hold, &item, turn).await,
                        None => Vec::new(),
                    }));
                }
                Err(refusal) => refusal,
            };
            match &refusal {
                Refusal::Condition(found) => {
                    let found = match found {
                        Some(found) => Some(found.clone()),
                        None => self.table.get(counters.key.clone()).await?,
                    };
                    let Some(found) = found else {
                        return Err(StoreError::NotFound(Record::Reservation(hold.id)));
                    };
                    match holds::held(&found, hold.id)? {
                        // An extension of it whose answer was lost.
                        Some(other) => held = Some(other),
                        // By the attempt before, of which nothing is known.
                        None if is_unknown => return Ok(Some(Vec::new())),
                        None if self.clock.now() < hold.expires_at => return Ok(None),
                        // It went back to the budgets, and was used all the same.
                        None => held = None,
                    }
                }
                Refusal::Unknown(_) => is_unknown = true,
                Refusal::Conflict(_) | Refusal::Throttled(_) => {}
                Refusal::TooLarge(_) | Refusal::Final(_) => {
                    return Err(refusal.into_store_error(Record::Reservation(hold.id)));
                }
            }
            if !attempts.again().await {
                return Err(refusal.into_store_error(Record::Reservation(hold.id)));
            }
        }
    }

    /// How far a turn brought one payer's budgets. It is settled whether that can be told or not.
    async fn progress(
        &self,
        payer: Payer,
        hold: &Hold,
        item: &Item,
        turn: &SettledTurn,
    ) -> Vec<BudgetProgress> {
        let earlier = self.earlier.of(&self.table, payer, hold, self.clock.now());
        let progress = earlier
            .await
            .and_then(|earlier| Counters::new(payer, hold, earlier).progress(item, turn));
        progress.unwrap_or_else(|error| {
            tracing::warn!(tenant = %hold.tenant, %error, "it cannot be told how far budgets are used");
            Vec::new()
        })
    }

    /// Adds a turn to its line of the ledger.
    async fn add_line(&self, hold: &Hold, turn: &SettledTurn) -> Result<(), StoreError> {
        let mut attempts = Attempts::new();
        loop {
            let write = ledger::add(&hold.tenant, hold.day, &turn.account, turn.counts());
            let refusal = match self.once.write(ledger::once(write, hold.id)).await {
                Ok(_) | Err(Refusal::Condition(_)) => return Ok(()),
                Err(refusal) => refusal,
            };
            let is_final = matches!(refusal, Refusal::TooLarge(_) | Refusal::Final(_));
            if is_final || !attempts.again().await {
                return Err(refusal.into_store_error(Record::Reservation(hold.id)));
            }
        }
    }
}

#[async_trait]
impl UsageStore for DynamoUsage {
    async fn reserve(&self, hold: &Hold) -> Result<Reserved, StoreError> {
        let payers = hold.payers();
        let each = payers.iter().map(|payer| self.reserve_of(*payer, hold));
        let outcomes = futures::future::join_all(each).await;
        let is_held = |outcome: &Result<Reserved, _>| matches!(outcome, Ok(Reserved::Held(_)));
        if !hold.is_extension && !outcomes.iter().all(is_held) {
            // All of them or none. Where it was to be more, what is held is settled with the turn.
            let held = payers.iter().zip(&outcomes).filter(|(_, it)| is_held(it));
            let back = held.map(|(payer, _)| self.settle_of(*payer, hold, None));
            futures::future::try_join_all(back).await?;
        }
        let mut standings: Vec<Standing> = Vec::new();
        for outcome in outcomes {
            match outcome? {
                Reserved::Held(some) => standings.extend(some),
                refused => return Ok(refused),
            }
        }
        Ok(Reserved::Held(standings))
    }

    async fn settle(
        &self,
        hold: &Hold,
        turn: &SettledTurn,
    ) -> Result<Vec<BudgetProgress>, StoreError> {
        let others = hold
            .payers()
            .into_iter()
            .filter(|one| *one != Payer::Tenant);
        let others = others.map(|payer| self.settle_of(payer, hold, Some(turn)));
        let tenant = async {
            let progress = self.settle_of(Payer::Tenant, hold, Some(turn)).await?;
            if progress.is_some() {
                self.add_line(hold, turn).await?;
            }
            Ok::<_, StoreError>(progress)
        };
        let (tenant, others) = futures::join!(tenant, futures::future::join_all(others));
        let mut progress = tenant?.unwrap_or_default();
        for other in others {
            progress.extend(other?.unwrap_or_default());
        }
        Ok(progress)
    }

    /// In a transaction for its token, with which the SDK's own retries add once, and so that
    /// nothing is added to a tenant that was removed.
    async fn add_refusals(
        &self,
        tenant: &TenantId,
        day: Date,
        account: &LedgerAccount,
        count: u64,
    ) -> Result<(), StoreError> {
        let counts = LedgerCounts {
            refusals: count,
            ..LedgerCounts::default()
        };
        let writes = vec![
            Write::check(keys::tenant(tenant), Condition::present()),
            ledger::add(tenant, day, account, counts),
        ];
        match self.table.transact(writes).await {
            Ok(()) | Err(Refusal::Condition(_)) => Ok(()),
            Err(refusal) => Err(refusal.into_store_error(tenant.into())),
        }
    }

    async fn ledger(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
        user: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        // What is left of a tenant that is being removed is not read.
        if self.table.get(keys::tenant(tenant)).await?.is_none() {
            return Ok(Vec::new());
        }
        ledger::read(&self.table, tenant, days(first, last), user).await
    }

    async fn usage(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let days = days(first, last);
        let meta = keys::tenant(tenant);
        let wanted = days.iter().map(|day| keys::usage(tenant, *day));
        let found = self.table.get_all(wanted.chain([meta.clone()])).await?;
        // What is left of a tenant that is being removed is not read.
        if found.get(&meta).is_none() {
            return Ok(Vec::new());
        }
        days.into_iter()
            .filter_map(|day| Some((day, found.get(&keys::usage(tenant, day))?)))
            .map(|(day, item)| read_usage(day, item))
            .collect()
    }
}

fn days(first: Date, last: Date) -> Vec<Date> {
    let days = first.series(jiff::ToSpan::day(1));
    days.take_while(|day| *day <= last).collect()
}

fn read_usage(day: Date, item: &Item) -> Result<DailyUsage, StoreError> {
    Ok(DailyUsage {
        day,
        messages: counter(item, "messages")?,
        input_tokens: counter(item, "input_tokens")?,
        output_tokens: counter(item, "output_tokens")?,
        cost: NanoUsd(counter(item, "cost_nano_usd")?),
        unpriced_tokens: counter(item, "unpriced_tokens")?,
        estimated_tokens: counter(item, "estimated_tokens")?,
    }
    .with_unpriced_found())
}
