//! The steps of a turn, in order.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::asking::Asking;
use super::completion::CompletionRequest;
use super::counts::{AnsweredTurns, RouteCounts};
use super::failures::{ModelFailure, ModelFailures};
use super::ledger::Reservation;
use super::outcome::{Outcome, pretty};
use super::refusals::Refusals;
use super::reserving::Estimate;
use super::slots::Slots;
use super::tool_loop::ToolLoop;
use super::tools::{self, ReadySkill};
use super::{
    Caller, OnEvent, Route, TurnAnswer, TurnError, TurnEvent, TurnRequest, admit, fixed, prompt,
};
use crate::ai::{Choice, Models, SelectError, SelectedModel, Tier};
use crate::model::{ConversationKey, Message, ModelRequest, Tenant};
use crate::ports::{ModelError, Platform, StoreError, Window};
use crate::skills::{Skill, SkillSet};
use crate::telemetry::of_turn;

/// The most of a conversation that a model is given, in bytes.
pub(super) const WINDOW_BYTES: usize = 64 * 1024;
/// The most turns of a conversation that a model is given, whatever the tenant's settings say.
const MAX_HISTORY_TURNS: usize = 1_000;

/// Answers turns on one platform, with the skills and models it was given.
pub struct Engine {
    pub(super) platform: Platform,
    skills: SkillSet,
    pub(super) models: Models,
    /// Settlements that are written after their turn has been answered.
    pub(super) background: TaskTracker,
    pub(super) refusals: Refusals,
    failures: ModelFailures,
    slots: Slots,
    pub(super) answered: AnsweredTurns,
}

/// A turn that is being answered.
struct Turn<'turn> {
    request: &'turn TurnRequest,
    source: Source<'turn>,
    reservation: &'turn Reservation,
    /// When the turn began.
    now: Timestamp,
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
    fn client(self) -> Option<&'turn CompletionRequest> {
        match self {
            Self::Stored(_) => None,
            Self::Client(client) => Some(client),
        }
    }
}

/// A skill whose rule matches the message, with the input that the rule gives it.
type Matched<'engine> = (&'engine Arc<dyn Skill>, Value);

/// What is read before a turn is answered by a skill or a model.
struct Needed {
    skills: Result<Vec<ReadySkill>, TurnError>,
    history: Result<Vec<Message>, StoreError>,
    chosen: Result<Choice, SelectError>,
}

impl Engine {
    /// An engine on a platform.
    pub fn new(platform: Platform, skills: SkillSet, models: Models) -> Self {
        let background = TaskTracker::new();
        let (usage, tenants) = (platform.usage.clone(), platform.tenants.clone());
        Self {
            refusals: Refusals::new(usage, tenants, background.clone()),
            platform,
            skills,
            models,
            background,
            failures: ModelFailures::default(),
            slots: Slots::default(),
            answered: AnsweredTurns::default(),
        }
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
        self.background.close();
        self.background.wait().await;
        // What could not be written before.
        self.refusals.write().await;
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
        of_turn(async {
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
        let is_plain = source.client().is_none_or(|client| client.is_plain);
        let fixed = is_plain.then(|| fixed::answer(request, &self.skills));
        if let Some((route, text)) = fixed.flatten() {
            let reservation = self.reserve(caller, Estimate::MESSAGE, now).await?;
            reservation.routed(route, None);
            on_event(TurnEvent::Delta(&text));
            let outcome = Outcome::without_model(text, route, Vec::new(), false);
            return Ok((reservation, outcome));
        }
        let matched = is_plain.then(|| self.matching_skill(request)).flatten();
        let is_raw = request.raw && matched.is_some();
        // Until there is an answer.
        let _slot = match is_raw {
            true => None,
            false => Some(self.slots.take(&caller.tenant)?),
        };
        let tier = tier_of(matched.as_ref());
        let estimate = self.estimate(request, tier).await?;
        // On AWS each of them waits for another service: so it is one wait.
        let (reservation, needed) = futures::join!(
            self.reserve(caller, estimate, now),
            self.needed(request, source, matched.as_ref(), now),
        );
        let reservation = reservation?;
        let turn = Turn {
            request,
            source,
            reservation: &reservation,
            now,
        };
        let answered = self
            .answer_with_skills(&turn, matched, needed, on_event)
            .await;
        let outcome = answered.or_else(|error| fixed::instead_of(error, request, on_event))?;
        Ok((reservation, outcome))
    }

    /// What is read before a turn is answered by a skill or a model. Each part may have failed, and
    /// is looked at where it is needed.
    async fn needed(
        &self,
        request: &TurnRequest,
        source: Source<'_>,
        matched: Option<&Matched<'_>>,
        now: Timestamp,
    ) -> Needed {
        let TurnRequest { caller, raw, .. } = request;
        let skills = async {
            match matched {
                Some((skill, _)) => {
                    let ready = tools::prepare(&self.platform, caller, skill).await?;
                    Ok(vec![ready])
                }
                // Whatever is called is the client's.
                None if source.client().is_some_and(CompletionRequest::must_call) => Ok(Vec::new()),
                None => tools::prepare_all(&self.platform, caller, &self.skills).await,
            }
        };
        let history = async {
            match source {
                // A skill's JSON is not worded.
                Source::Stored(_) if *raw && matched.is_some() => Ok(Vec::new()),
                Source::Stored(key) => self.history(caller, key, now).await,
                Source::Client(_) => Ok(Vec::new()),
            }
        };
        let secrets = &*self.platform.secrets;
        let tier = tier_of(matched);
        let chosen = async {
            let models = self.models.all_of(&caller.tenant, secrets).await?;
            Ok(models.for_tier(tier))
        };
        let (skills, history, chosen) = futures::join!(skills, history, chosen);
        Needed {
            skills,
            history,
            chosen,
        }
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
        let (mut request, history) = model_request(turn, &selected, &skills, &history);
        let mut outcome = Outcome::with_model(route, Vec::new(), &selected);
        if let Some((name, input, result)) = called {
            // The result travels as if the model had asked for it, so that data is never among the
            // user's words.
            request
                .messages
                .extend(tools::as_called_by_the_model(&name, input, result));
            outcome.skills.push(name);
        }
        // What a model without a price would cost nobody knows.
        let is_usable =
            |other: &SelectedModel| other.info.is_some() || !turn.reservation.is_in_dollars();
        let fallback = Vec::from_iter(fallback.filter(is_usable));
        let on_failure =
            |model: &SelectedModel, error: &ModelError| self.note_failure(caller, model, error);
        let mut tool_loop = ToolLoop {
            asking: Asking::new(&selected, &fallback, turn.reservation, &on_failure),
            skills: &skills,
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
                    skills
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
                Err(error.into())
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
        let settings = &request.caller.tenant.settings;
        let rules = self.skills.rules();
        let matched = rules.best_match(&request.message, |name| settings.allows_skill(name))?;
        Some((self.skills.get(matched.skill)?, matched.input))
    }

    /// The end of the conversation, as much of it as the model is given.
    async fn history(
        &self,
        caller: &Caller,
        key: &ConversationKey,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        match history_turns(caller) {
            0 => Ok(Vec::new()),
            turns => {
                let window = Window {
                    messages: turns * 2,
                    bytes: WINDOW_BYTES,
                };
                let conversations = &self.platform.conversations;
                conversations.recent(key, window, now).await
            }
        }
    }
}

/// What a model is for in a turn.
fn tier_of(matched: Option<&Matched<'_>>) -> Tier {
    match matched {
        Some(_) => Tier::Wording,
        None => Tier::Ai,
    }
}

/// The most turns of a conversation that the model is given.
fn history_turns(caller: &Caller) -> usize {
    let turns = caller.tenant.settings.history_turns();
    let turns = usize::try_from(turns).unwrap_or(usize::MAX);
    turns.min(MAX_HISTORY_TURNS)
}

/// What the model is asked first: the instructions, what is remembered of the user, the end of the
/// conversation, and the new message; and how many of its messages are of earlier turns.
fn model_request(
    turn: &Turn<'_>,
    selected: &SelectedModel,
    skills: &[ReadySkill],
    history: &[Message],
) -> (ModelRequest, usize) {
    let caller = &turn.request.caller;
    let request = ModelRequest {
        model: selected.id.clone(),
        system: prompt::system_prompt(caller, turn.now),
        messages: prompt::conversation(history, &turn.request.message),
        tools: tools::specs(skills),
        max_tokens: selected.max_tokens(caller.tenant.settings.max_tokens()),
        options: Default::default(),
    };
    match turn.source.client() {
        Some(client) => client.asked(request, history_turns(caller)),
        None => {
            // The last message is this turn's.
            let earlier = request.messages.len().saturating_sub(1);
            (request, earlier)
        }
    }
}
