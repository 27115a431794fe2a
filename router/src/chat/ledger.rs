//! What a turn uses, and whose line of the ledger it goes to, counted even when the turn is
//! cancelled in the middle. What a provider does not say is estimated, and marked so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use tokio_util::task::TaskTracker;

use super::TurnError;
use super::alerts::BudgetAlerts;
use super::outcome::Outcome;
use super::reserving::is_spending;
use crate::ai::SelectedModel;
use crate::ai::table::ModelInfo;
use crate::model::{
    Amounts, ContentBlock, Hold, LedgerAccount, ModelReply, ModelRequest, NanoUsd, Reserved,
    ResponseFormat, Route, SettledTurn, Standing, StopReason, TokenUsage, Unit, UsageDelta,
};
use crate::ports::{ModelEvent, UsageStore};
use crate::telemetry;

/// How many bytes of text a token stands for, where nobody counted: models' tokens are three to
/// five bytes of English or JSON.
const BYTES_PER_TOKEN: usize = 4;

/// How many bytes of text a token stands for at least, where it is not yet known: more tokens are
/// held than a text will come to.
const LEAST_BYTES_PER_TOKEN: usize = 3;

/// What a call may come to, at most: the longest answer, and every byte that is sent.
pub(super) fn most_of_call(selected: &SelectedModel, sent: usize, max_tokens: u32) -> Amounts {
    if selected.is_offline() {
        return Amounts::default();
    }
    let input = sent.div_ceil(LEAST_BYTES_PER_TOKEN) as u64;
    let output = u64::from(max_tokens);
    let by = &selected.id;
    let cost = |usage| {
        selected
            .info
            .map_or(NanoUsd(0), |info| info.cost(usage, by))
    };
    let sent = |input, cache_write| TokenUsage {
        input,
        output,
        cache_write,
        ..TokenUsage::default()
    };
    Amounts {
        messages: 0,
        tokens: input.saturating_add(output),
        // What is written to the provider's cache costs more than what is only read.
        cost: cost(sent(input, 0)).max(cost(sent(0, input))),
    }
}

/// What a turn holds of its budgets. It is settled when this is dropped: the turn is added to the
/// ledger, and what it used to the day.
pub(super) struct Reservation {
    store: Arc<dyn UsageStore>,
    tracker: TaskTracker,
    alerts: Option<BudgetAlerts>,
    /// The budgets of which much is used, on its day.
    pub(super) warnings: Vec<(Standing, Date)>,
    used: Mutex<Used>,
}

struct Used {
    hold: Hold,
    /// As far as the turn came.
    account: LedgerAccount,
    is_answered: bool,
    settled: UsageDelta,
    /// The call that is under way.
    call: Option<Call>,
}

/// A call of a model while it is under way.
struct Call {
    /// For its price, with the id by which it was called.
    info: Option<&'static ModelInfo>,
    id: String,
    sent_bytes: usize,
    heard_bytes: usize,
    /// Whether the provider took the request. What it refuses costs nothing.
    is_accepted: bool,
    /// What it said so far.
    told: TokenUsage,
}

impl Call {
    /// What the call used, with how many of the tokens are estimated. Nothing was told of a call
    /// that did not come to its end but what it began with, so that its words count.
    fn used(&self) -> (TokenUsage, u64) {
        let estimate = |bytes: usize| bytes.div_ceil(BYTES_PER_TOKEN) as u64;
        let mut usage = self.told;
        let mut estimated = 0;
        if usage.input + usage.cache_read + usage.cache_write == 0 {
            usage.input = estimate(self.sent_bytes);
            estimated += usage.input;
        }
        let heard = estimate(self.heard_bytes);
        if heard > usage.output {
            estimated += heard - usage.output;
            usage.output = heard;
        }
        (usage, estimated)
    }
}

impl Used {
    /// Ends the call that is under way, if one is, by what is known of it.
    fn end_call(&mut self) {
        if let Some(call) = self.call.take()
            && call.is_accepted
        {
            let (usage, estimated) = call.used();
            let cost = call.info.map(|info| info.cost(usage, &call.id));
            self.add(usage, cost, estimated);
        }
    }

    fn add(&mut self, usage: TokenUsage, cost: Option<NanoUsd>, estimated: u64) {
        let input = usage.input + usage.cache_read + usage.cache_write;
        self.settled.input_tokens += input;
        self.settled.output_tokens += usage.output;
        match cost {
            Some(cost) => self.settled.cost += cost,
            None => self.settled.unpriced_tokens += input + usage.output,
        }
        self.settled.estimated_tokens += estimated;
    }
}

impl Reservation {
    /// What [`UsageStore::reserve`] holds. Until it is [`answered`](Self::answered) the turn counts
    /// as failed.
    pub(super) fn new(
        store: Arc<dyn UsageStore>,
        (tracker, alerts): (TaskTracker, Option<BudgetAlerts>),
        hold: Hold,
        standings: Vec<Standing>,
    ) -> Self {
        let day = hold.day;
        let used = Used {
            account: hold.account.clone(),
            hold,
            is_answered: false,
            settled: UsageDelta::default(),
            call: None,
        };
        Self {
            store,
            tracker,
            alerts,
            warnings: standings
                .into_iter()
                .filter(Standing::is_warning)
                .map(|standing| (standing, day))
                .collect(),
            used: Mutex::new(used),
        }
    }

    /// Holds as much more as a call may come to, where what is held is not enough for it.
    ///
    /// # Errors
    /// If a budget has not that much left.
    pub(super) async fn cover(
        &self,
        selected: &SelectedModel,
        request: &ModelRequest,
    ) -> Result<(), TurnError> {
        let hold = {
            let mut used = self.used();
            // One that failed is over.
            used.end_call();
            if !used.hold.budgets.iter().any(is_spending) {
                return Ok(());
            }
            let call = most_of_call(selected, sent_bytes(request), request.max_tokens);
            let settled = &used.settled;
            let (tokens, cost) = (settled.input_tokens + settled.output_tokens, settled.cost);
            let held = used.hold.amounts;
            let wanted = call.plus(&Amounts {
                messages: held.messages,
                tokens,
                cost,
            });
            if wanted.tokens <= held.tokens && wanted.cost <= held.cost {
                return Ok(());
            }
            Hold {
                amounts: Amounts {
                    tokens: wanted.tokens.max(held.tokens),
                    cost: wanted.cost.max(held.cost),
                    ..held
                },
                is_extension: true,
                ..used.hold.clone()
            }
        };
        match self.store.reserve(&hold).await? {
            Reserved::Held(_) => {
                self.used().hold = hold;
                Ok(())
            }
            Reserved::Refused(standing) => Err(TurnError::over(standing, hold.day)),
            // What it held had expired.
            Reserved::TooManyCalls(most) => Err(TurnError::TooManyCalls { most }),
        }
    }

    /// Whether the turn is held to a budget in dollars.
    pub(super) fn is_in_dollars(&self) -> bool {
        let used = self.used();
        let mut budgets = used.hold.budgets.iter();
        budgets.any(|budget| budget.key.unit == Unit::Usd)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how the turn is answered, and by which model if by one.
    pub(super) fn routed(&self, route: Route, model: Option<&str>) {
        telemetry::turn_routed(route);
        let account = &mut self.used().account;
        account.route = Some(route);
        account.set_model(model);
    }

    /// Notes that there is an answer.
    pub(super) fn answered(&self, outcome: &Outcome) {
        self.routed(outcome.route, outcome.model.as_deref());
        self.used().is_answered = true;
    }

    /// Hears what a call brings, so that it counts if nothing more comes. Each attempt of a call is
    /// one of its own.
    pub(super) fn hear(
        &self,
        event: ModelEvent<'_>,
        info: Option<&'static ModelInfo>,
        request: &ModelRequest,
    ) {
        let used = &mut *self.used();
        match (event, &mut used.call) {
            (ModelEvent::Accepted, _) => {
                used.end_call();
                used.call = Some(Call {
                    info,
                    id: request.model.clone(),
                    sent_bytes: sent_bytes(request),
                    heard_bytes: 0,
                    is_accepted: true,
                    told: TokenUsage::default(),
                });
            }
            (ModelEvent::Text(words), Some(call)) => call.heard_bytes += words.len(),
            (ModelEvent::Usage(usage), Some(call)) => call.told = usage,
            (ModelEvent::Text(_) | ModelEvent::Usage(_), None) => {}
        }
    }

    /// Notes what a whole call used, and returns it. `cost` gives its price; none where that is
    /// unknown: then its tokens are counted apart.
    pub(super) fn note(
        &self,
        reply: &mut ModelReply,
        cost: impl FnOnce(&ModelReply) -> Option<NanoUsd>,
    ) -> Option<NanoUsd> {
        let mut used = self.used();
        let mut estimated = 0;
        // A question that a guardrail blocks reaches no model: all that was used is told.
        if let Some(mut call) = used.call.take()
            && reply.stop != StopReason::Guardrail
        {
            // What was told counts as it is; what was not told is estimated.
            call.told = reply.usage;
            call.heard_bytes = match reply.usage.output {
                0 => heard_bytes(reply),
                _ => 0,
            };
            (reply.usage, estimated) = call.used();
        }
        let cost = cost(reply);
        used.add(reply.usage, cost, estimated);
        cost
    }
}

/// The size of what a model is sent, in bytes.
fn sent_bytes(request: &ModelRequest) -> usize {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.input_schema.to_string().len());
    let format = request.options.format.as_ref();
    request.system.len()
        + blocks.map(block_bytes).sum::<usize>()
        + tools.sum::<usize>()
        + format.map_or(0, ResponseFormat::bytes)
}

fn heard_bytes(reply: &ModelReply) -> usize {
    reply.content.iter().map(block_bytes).sum()
}

fn block_bytes(block: &ContentBlock) -> usize {
    match block {
        ContentBlock::Text(text) => text.len(),
        ContentBlock::ToolUse { name, input, .. } => name.len() + input.to_string().len(),
        ContentBlock::ToolResult { content, .. } => content.to_string().len(),
        ContentBlock::Reasoning(thought) => thought.to_string().len(),
    }
}

impl Drop for Reservation {
    /// Settles in the background, so that neither an answer nor a caller who went away waits for
    /// it; a router that shuts down waits for the tracker.
    fn drop(&mut self) {
        let (hold, turn) = {
            let mut used = self.used();
            used.end_call();
            let turn = SettledTurn {
                account: used.account.clone(),
                is_answered: used.is_answered,
                used: used.settled,
            };
            (used.hold.clone(), turn)
        };
        telemetry::turn_settled(&hold.tenant, &turn);
        let (store, alerts) = (self.store.clone(), self.alerts.clone());
        self.tracker.spawn(telemetry::in_request(async move {
            match (store.settle(&hold, &turn).await, alerts) {
                (Ok(progress), Some(alerts)) => alerts.tell(&hold, &progress).await,
                (Ok(_), None) => {}
                (Err(error), _) => tracing::error!(tenant = %hold.tenant, %error, reservation = %hold.id, "the usage of a turn could not be recorded"),
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(told: TokenUsage, heard_bytes: usize) -> Call {
        Call {
            info: None,
            id: String::new(),
            sent_bytes: 400,
            heard_bytes,
            is_accepted: true,
            told,
        }
    }

    #[test]
    fn what_a_provider_does_not_say_is_estimated_and_what_it_says_is_taken() {
        let told = |input, output| TokenUsage {
            input,
            output,
            ..TokenUsage::default()
        };
        for (call, used, estimated) in [
            (call(told(0, 0), 0), told(100, 0), 100),
            (call(told(0, 0), 40), told(100, 10), 110),
            (call(told(90, 0), 41), told(90, 11), 11),
            // It began with a count, and more was heard since.
            (call(told(90, 1), 40), told(90, 10), 9),
            (call(told(90, 20), 40), told(90, 20), 0),
        ] {
            assert_eq!(call.used(), (used, estimated));
        }
    }
}
