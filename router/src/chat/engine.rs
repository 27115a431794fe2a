//! The steps of a turn, in order.

use jiff::Timestamp;
use tokio_util::task::TaskTracker;

use super::alerts::BudgetAlerts;
use super::asking::Asking;
use super::completion::CompletionRequest;
use super::consent::{Consent, Question};
use super::counts::{AnsweredTurns, RouteCounts};
use super::failures::{ModelFailure, ModelFailures};
use super::ledger::Reservation;
use super::needed::{Matched, Needed, model_request, tier_of};
use super::outcome::{Outcome, pretty};
use super::refusals::Refusals;
use super::reserving::Estimate;
use super::slots::Slots;
use super::tool_loop::ToolLoop;
use super::tools::{self, TurnTools};
use super::{Caller, OnEvent, Route, TurnAnswer, TurnError, TurnEvent, TurnRequest, admit, fixed};
use crate::ai::{Choice, Models, SelectedModel};
use crate::model::{ConversationKey, StopReason, Tenant};
use crate::ports::{ModelError, Platform};
use crate::skills::SkillSet;
use crate::telemetry::of_turn;

/// The most of a conversation that a model is given, in bytes.
pub(super) const WINDOW_BYTES: usize = 64 * 1024;

/// Answers turns on one platform, with the skills and models it was given.
pub struct Engine {
    pub(super) platform: Platform,
    pub(super) skills: SkillSet,
    pub(super) models: Models,
    /// Settlements that are written after their turn has been answered.
    pub(super) background: TaskTracker,
    pub(super) refusals: Refusals,
    pub(super) alerts: Option<BudgetAlerts>,
    failures: ModelFailures,
    slots: Slots,
    pub(super) answered: AnsweredTurns,
}

/// A turn that is being answered.
pub(super) struct Turn<'turn> {
    pub(super) request: &'turn TurnRequest,
    pub(super) source: Source<'turn>,
    pub(super) reservation: &'turn Reservation,
    /// What the user agreed to with this message.
    pub(super) agreed: Option<&'turn Question>,
    /// When the turn began.
    pub(super) now: Timestamp,
}

/// Who holds the conversation of a turn.
#[derive(Clone, Copy)]
pub(super) enum Source<'turn> {
    /// The store.
    Stored(&'turn ConversationKey),
    /// Whoever asks.
    Client(&'turn CompletionRequest),
}

impl<'turn> Source<'turn> {
    pub(super) fn client(self) -> Option<&'turn CompletionRequest> {
        match self {
            Self::Stored(_) => None,
            Self::Client(client) => Some(client),
        }
    }
}

impl Engine {
    /// An engine on a platform.
    pub fn new(platform: Platform, skills: SkillSet, models: Models) -> Self {
        let background = TaskTracker::new();
        let (usage, tenants) = (platform.usage.clone(), platform.tenants.clone());
        Self {
            refusals: Refusals::new(usage, tenants, background.clone()),
            alerts: None,
            platform,
            skills,
            models,
            background,
            failures: ModelFailures::default(),
            slots: Slots::default(),
            answered: AnsweredTurns::default(),
        }
    }

    /// The same, which tells the operator's webhook of budgets.
    #[must_use]
    pub fn with_alerts(self, alerts: Option<BudgetAlerts>) -> Self {
        Self { alerts, ..self }
    }

    /// All skills, whether a tenant enabled them or not.
    pub fn skills(&self) -> &SkillSet {
        &self.skills
    }

    /// The models it chooses from.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Questions that a caller may begin with: those of the skills that the tenant enabled and
    /// connected, about the caller only where it is known who that is.
    ///
    /// # Errors
    /// If the secrets' store does not answer.
    pub async fn examples(&self, caller: &Caller) -> Result<Vec<&'static str>, TurnError> {
        let ready = tools::prepare_all(&self.platform, caller, &self.skills).await?;
        let examples = ready.iter().flat_map(|ready| {
            let own = match caller.user {
                Some(_) => ready.skill.own_examples(),
                None => &[],
            };
            ready.skill.examples().iter().chain(own)
        });
        Ok(examples.copied().collect())
    }

    /// A tenant's turns since the router started, by route.
    pub fn route_counts(&self, tenant: &Tenant) -> RouteCounts {
        self.answered.of(tenant)
    }

    /// The latest calls of models that failed a tenant, newest first.
    pub fn model_failures(&self, tenant: &Tenant) -> Vec<ModelFailure> {
        self.failures.of(tenant)
    }

    /// Waits until the usage of all turns is recorded. Call it once no more turns come.
    pub async fn drained(&self) {
        self.refusals.close();
        if let Some(alerts) = &self.alerts {
            alerts.close();
        }
        self.background.close();
        self.background.wait().await;
        // What could not be written before.
        self.refusals.write().await;
        if let Some(servers) = self.skills.servers() {
            servers.drained().await;
        }
    }

    /// Answers a turn, and stores it unless raw JSON was asked for.
    ///
    /// # Errors
    /// Nothing of a failed turn is stored but its usage.
    pub async fn answer(
        &self,
        request: &TurnRequest,
        on_event: &mut OnEvent<'_>,
    ) -> Result<TurnAnswer, TurnError> {
        admit(request)?;
        let key = self.conversation(request).await?;
        self.answer_in(key, request, on_event).await
    }

    /// The conversation that a turn belongs to, which may be a new one.
    ///
    /// # Errors
    /// If the store does not answer, or there is no randomness for a new session's id.
    pub async fn conversation(&self, request: &TurnRequest) -> Result<ConversationKey, TurnError> {
        self.conversation_key(request, self.platform.clock.now())
            .await
    }

    /// Answers a turn in its [conversation](Self::conversation), as [`answer`](Self::answer) does.
    ///
    /// # Errors
    /// Those of [`answer`](Self::answer).
    pub async fn answer_in(
        &self,
        key: ConversationKey,
        request: &TurnRequest,
        on_event: &mut OnEvent<'_>,
    ) -> Result<TurnAnswer, TurnError> {
        of_turn(&request.caller.tenant.id, async {
            admit(request)?;
            let caller = &request.caller;
            let now = self.platform.clock.now();
            let source = Source::Stored(&key);
            let (reservation, outcome) = self
                .reserve_and_answer(request, source, now, on_event)
                .await?;

            if !request.raw {
                on_event(TurnEvent::Storing);
                self.store(&key, request, &outcome, now).await?;
            }
            reservation.answered(&outcome);
            self.answered.count(&caller.tenant, outcome.route);
            Ok(TurnAnswer {
                text: outcome.text,
                session_id: key.session_id,
                route: outcome.route,
                skills: outcome.skills,
                model: outcome.model,
                usage: outcome.usage,
                cost: outcome.cost,
                raw: outcome.raw,
                guardrail_intervened: outcome.stop == StopReason::Guardrail,
                question: outcome.question,
                warnings: reservation.warnings.clone(),
            })
        })
        .await
    }

    /// Holds what a turn may use, and answers it by its route.
    pub(super) async fn reserve_and_answer(
        &self,
        request: &TurnRequest,
        source: Source<'_>,
        now: Timestamp,
        on_event: &mut OnEvent<'_>,
    ) -> Result<(Reservation, Outcome), TurnError> {
        let caller = &request.caller;
        // Boxed, as what else takes much room on the stack and is not part of every turn.
        let consent = match source
            .client()
            .is_some_and(CompletionRequest::asks_for_form)
        {
            // What is asked and answered in words has no other form.
            true => None,
            false => Box::pin(self.consent(request, source, now)).await?,
        };
        let is_plain = source.client().is_none_or(|client| client.is_plain);
        let fixed = match &consent {
            Some(consent) => consent.fixed(),
            None if is_plain => fixed::answer(request, &self.skills),
            None => None,
        };
        if let Some((route, text)) = fixed {
            let reservation = self.reserve(caller, Estimate::MESSAGE, None, now).await?;
            reservation.routed(route, None);
            on_event(TurnEvent::Delta(&text));
            let outcome = Outcome::without_model(text, route, Vec::new(), false);
            return Ok((reservation, outcome));
        }
        let agreed = consent.and_then(Consent::agreed);
        let is_matched = is_plain && agreed.is_none();
        let matched = is_matched.then(|| self.matching_skill(request)).flatten();
        let is_raw = request.raw && matched.is_some();
        let most_calls = caller.tenant.max_concurrent_calls().filter(|_| !is_raw);
        // Until there is an answer.
        let _slot = match most_calls {
            Some(most) => Some(self.slots.take(&caller.tenant, most)?),
            None => None,
        };
        let tier = tier_of(matched.as_ref());
        let estimate = self.estimate(request, tier).await?;
        // On AWS each of them waits for another service: so it is one wait.
        let (reservation, needed) = futures::join!(
            self.reserve(caller, estimate, most_calls, now),
            self.needed(request, source, matched.as_ref(), now),
        );
        let reservation = reservation?;
        let turn = Turn {
            request,
            source,
            reservation: &reservation,
            agreed: agreed.as_ref(),
            now,
        };
        let answering = self.answer_with_skills(&turn, matched, needed, on_event);
        let answered = Box::pin(answering).await;
        let outcome = answered.or_else(|error| fixed::instead_of(error, request, on_event))?;
        Ok((reservation, outcome))
    }

    async fn answer_with_skills(
        &self,
        turn: &Turn<'_>,
        matched: Option<Matched<'_>>,
        needed: Needed,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Outcome, TurnError> {
        let TurnRequest { caller, raw, .. } = turn.request;
        let route = match &matched {
            Some(_) => Route::Rule,
            None => Route::Ai,
        };
        turn.reservation.routed(route, None);
        let skills = needed.skills?;
        let mut called = None;
        if let (Some((skill, input)), [ready]) = (matched, &*skills) {
            on_event(TurnEvent::Tool { name: skill.name() });
            let result = ready.run(&input).await?;
            let name = skill.name().to_owned();
            if *raw {
                let text = pretty(&result);
                return Ok(Outcome::without_model(text, route, vec![name], true));
            }
            called = Some((name, input, result));
        }
        let Choice {
            first: selected,
            fallback,
        } = needed.chosen?;
        turn.reservation.routed(route, Some(&selected.name));
        let history = needed.history?;
        if turn.agreed.is_none() {
            self.drop_question(&history, turn.request, turn.now).await?;
        }
        let tools = TurnTools {
            skills,
            servers: needed.servers,
        };
        let (mut request, history) = model_request(turn, &selected, &tools, &history);
        let mut outcome = Outcome::with_model(route, Vec::new(), &selected);
        if let Some((name, input, result)) = called {
            // The result travels as if the model had asked for it, so that data is never among the
            // user's words.
            request
                .messages
                .extend(tools::as_called_by_the_model(&name, input, result));
            outcome.skills.push(name);
        }
        if let Some(question) = turn.agreed {
            let ran = Box::pin(self.run_agreed(caller, question, &tools, on_event)).await;
            request.messages.extend(ran);
            outcome.skills.extend(question.tools().map(str::to_owned));
        }
        // What a model without a price would cost nobody knows.
        let is_usable =
            |other: &SelectedModel| other.info.is_some() || !turn.reservation.is_in_dollars();
        let fallback = Vec::from_iter(fallback.filter(is_usable));
        let on_failure =
            |model: &SelectedModel, error: &ModelError| self.note_failure(caller, model, error);
        let mut tool_loop = ToolLoop {
            asking: Asking::new(&selected, &fallback, turn.reservation, &on_failure),
            tools: &tools,
            now: turn.now,
            raw: *raw,
            history,
            client: turn.source.client().map(CompletionRequest::own_tools),
        };
        let by_template = (!outcome.skills.is_empty()).then(|| request.clone());
        let answered = tool_loop.run(request, outcome, on_event).await;
        let model = tool_loop.asking.model();
        match (answered, by_template) {
            (Err(TurnError::Model(ModelError::NoTools)), Some(request)) => {
                let mut outcome = Outcome::without_model(
                    self.models.by_template(&request),
                    route,
                    tools
                        .skills
                        .iter()
                        .map(|ready| ready.skill.name().to_owned())
                        .collect(),
                    false,
                );
                on_event(TurnEvent::Delta(&outcome.text));
                let note = format!(
                    "(Worded by a template, because the model {} takes no results of skills.)",
                    model.name
                );
                outcome.add_note(&note, on_event);
                Ok(outcome)
            }
            (Err(TurnError::Model(error)), _) => {
                self.note_failure(caller, model, &error);
                let Some(question) = turn.agreed else {
                    return Err(error.into());
                };
                // What was done is done: an error would read as if it were not.
                let ran = question.tools().map(str::to_owned).collect();
                let mut outcome = Outcome::without_model(String::new(), route, ran, false);
                let note =
                    format!("It was run, but the model that words the result failed: {error}.");
                outcome.add_note(&note, on_event);
                Ok(outcome)
            }
            (answered, _) => answered,
        }
    }

    fn note_failure(&self, caller: &Caller, model: &SelectedModel, error: &ModelError) {
        let failure = ModelFailure {
            at: self.platform.clock.now(),
            model: model.name.clone(),
            error: error.clone(),
        };
        self.failures.note(&caller.tenant, failure);
    }

    /// The skill whose rule matches the message, with the input that the rule gives it.
    fn matching_skill(&self, request: &TurnRequest) -> Option<Matched<'_>> {
        let tenant = &request.caller.tenant;
        let allows = |name: &str| tenant.settings.allows_skill(name);
        let rules = self.skills.rules_of(tenant);
        let matched = rules.best_match(&request.message, allows)?;
        Some((self.skills.get(matched.skill)?, matched.input))
    }
}
