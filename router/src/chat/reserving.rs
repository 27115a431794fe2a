//! Before a turn is answered: what it may use is held of its budgets, or it is refused.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ulid::Ulid;

use super::engine::{Engine, WINDOW_BYTES};
use super::ledger::{Reservation, most_of_call};
use super::{Caller, TurnError, TurnRequest, prompt};
use crate::model::{Amounts, Budget, Hold, Reserved, Unit};

/// What the tools of a turn add to a request at most, in bytes: their names, descriptions and
/// schemas. What is longer is held once it is known.
const TOOLS_BYTES: usize = 4 * 1024;

/// What is held before a turn, where it is not known yet how long its conversation is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// With the longest conversation there can be.
    most: Amounts,
    /// Without any: asked for where there is not enough left for the most. What the conversation
    /// adds is held once it was read.
    least: Amounts,
}

impl Wish {
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
    pub(super) async fn wish(&self, request: &TurnRequest) -> Result<Wish, TurnError> {
        let caller = &request.caller;
        let budgets = caller.tenant.budgets_of(&caller.account());
        if !budgets.iter().any(is_spending) {
            return Ok(Wish::MESSAGE);
        }
        let secrets = &*self.platform.secrets;
        let Ok(selected) = self.models.select(&caller.tenant, secrets).await else {
            // The turn says so, if it comes to asking one.
            return Ok(Wish::MESSAGE);
        };
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
        let wish = |bytes| Amounts::MESSAGE.plus(&most_of_call(&selected, bytes, max_tokens));
        Ok(Wish {
            most: wish(least + history),
            least: wish(least),
        })
    }

    /// Holds what a turn may use, or refuses it.
    pub(super) async fn reserve(
        &self,
        caller: &Caller,
        wish: Wish,
        now: Timestamp,
    ) -> Result<Reservation, TurnError> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let (tenant, account) = (&caller.tenant, caller.account());
        let budgets = tenant.budgets_of(&account);
        if let Some(standing) = self.refusals.used_up(tenant, &account, &budgets, day, now) {
            self.refusals.count(tenant, day, account);
            return Err(TurnError::over(standing, day));
        }
        let mut hold = Hold {
            tenant: tenant.id.clone(),
            account,
            day,
            id: Ulid::generate(),
            amounts: wish.most,
            budgets,
            expires_at: now.saturating_add(Hold::LIFE).unwrap_or(Timestamp::MAX),
            is_more: false,
        };
        let usage = &self.platform.usage;
        let mut reserved = usage.reserve(&hold).await?;
        if let Reserved::Refused(standing) = &reserved
            && is_spending(&standing.budget)
            && wish.least != wish.most
        {
            hold.amounts = wish.least;
            reserved = usage.reserve(&hold).await?;
        }
        match reserved {
            Reserved::Held(standings) => Ok(Reservation::new(
                usage.clone(),
                self.background.clone(),
                hold,
                standings,
            )),
            Reserved::Refused(standing) => {
                self.refusals
                    .learn(tenant, &hold.account, standing, day, now);
                self.refusals.count(tenant, day, hold.account);
                Err(TurnError::over(standing, day))
            }
        }
    }
}

/// Whether a budget is one of tokens or dollars.
pub(super) fn is_spending(budget: &Budget) -> bool {
    budget.key.unit != Unit::Messages
}
