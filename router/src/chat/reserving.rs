//! Before a turn is answered: what it may use is held of its budgets, or it is refused.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::engine::{Engine, WINDOW_BYTES};
use super::ledger::{Reservation, most_of_call};
use super::{Caller, TurnError, TurnRequest, prompt};
use crate::ai::Tier;
use crate::model::{Amounts, Budget, Hold, Reserved, Unit};

/// What the tools of a turn add to a request at most, in bytes: their names, descriptions and
/// schemas. What is longer is held once it is known.
const TOOLS_BYTES: usize = 4 * 1024;

/// A turn is settled shortly after its answer, so whoever got the answer may ask again while their
/// last call still counts: a reservation that finds too many calls is retried.
const RETRIES: usize = 3;
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// What is held before a turn, where it is not known yet how long its conversation is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    /// With the longest conversation there can be.
    most: Amounts,
    /// Without any: asked for where there is not enough left for the most. What the conversation
    /// adds is held once it was read.
    least: Amounts,
}

impl Estimate {
    /// A message that asks no model.
    pub(super) const MESSAGE: Self = Self {
        most: Amounts::MESSAGE,
        least: Amounts::MESSAGE,
    };
}

impl Engine {
    /// What a turn may use, as far as its budgets ask for it.
    ///
    /// # Errors
    /// If it has a budget in dollars and a model without a price.
    pub(super) async fn estimate(
        &self,
        request: &TurnRequest,
        tier: Tier,
    ) -> Result<Estimate, TurnError> {
        let caller = &request.caller;
        let budgets = caller.budgets();
        if !budgets.iter().any(is_spending) {
            return Ok(Estimate::MESSAGE);
        }
        let secrets = &*self.platform.secrets;
        let Ok(models) = self.models.all_of(&caller.tenant, secrets).await else {
            // The turn says so, if it comes to asking one.
            return Ok(Estimate::MESSAGE);
        };
        let selected = models.for_tier(tier).first;
        let in_dollars = |budget: &Budget| budget.key.unit == Unit::Usd;
        if budgets.iter().any(in_dollars) && selected.info.is_none() && !selected.is_offline() {
            let model = selected.name;
            return Err(TurnError::Unpriced { model });
        }
        let settings = &caller.tenant.settings;
        let max_tokens = selected.max_tokens(settings.max_tokens());
        let system = prompt::system_prompt(caller, caller.as_of);
        let least = system.len() + request.message.len() + TOOLS_BYTES;
        let history = match (&request.session_id, settings.history_turns()) {
            (Some(_), 1..) => WINDOW_BYTES,
            _ => 0,
        };
        let with = |bytes| Amounts::MESSAGE.plus(&most_of_call(&selected, bytes, max_tokens));
        Ok(Estimate {
            most: with(least + history),
            least: with(least),
        })
    }

    /// Holds what a turn may use, or refuses it. `most_calls` is the tenant's limit, of a turn that
    /// calls a model.
    pub(super) async fn reserve(
        &self,
        caller: &Caller,
        estimate: Estimate,
        most_calls: Option<u64>,
        now: Timestamp,
    ) -> Result<Reservation, TurnError> {
        let (tenant, account) = (&caller.tenant, caller.account());
        let budgets = caller.budgets();
        let mut hold = Hold::new(tenant.id.clone(), account, estimate.most, budgets, now);
        hold.is_watched = self.alerts.is_some();
        hold.most_calls = most_calls;
        let day = hold.day;
        let known = self
            .refusals
            .used_up(tenant, &hold.account, &hold.budgets, day, now);
        if let Some(standing) = known {
            self.refusals.count(tenant, day, hold.account);
            return Err(TurnError::over(standing, day));
        }
        let usage = &self.platform.usage;
        let mut reserved = usage.reserve(&hold).await?;
        for _ in 0..RETRIES {
            if !matches!(reserved, Reserved::TooManyCalls(_)) {
                break;
            }
            sleep(RETRY_AFTER).await;
            reserved = usage.reserve(&hold).await?;
        }
        if let Reserved::Refused(standing) = &reserved
            && is_spending(&standing.budget)
            && estimate.least != estimate.most
        {
            hold.amounts = estimate.least;
            reserved = usage.reserve(&hold).await?;
        }
        match reserved {
            Reserved::Held(standings) => Ok(Reservation::new(
                usage.clone(),
                (self.background.clone(), self.alerts.clone()),
                hold,
                standings,
            )),
            Reserved::Refused(standing) => {
                self.refusals
                    .learn(tenant, &hold.account, standing, day, now);
                self.refusals.count(tenant, day, hold.account);
                Err(TurnError::over(standing, day))
            }
            Reserved::TooManyCalls(most) => Err(TurnError::TooManyCalls { most }),
        }
    }
}

/// Whether a budget is one of tokens or dollars.
pub(super) fn is_spending(budget: &Budget) -> bool {
    budget.key.unit != Unit::Messages
}
