//! The way of a turn.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use super::ledger::Reservation;
use super::outcome::Outcome;
use super::tools::{self, ReadySkill};
use super::{
    Caller, OnEvent, Route, TurnAnswer, TurnError, TurnEvent, TurnRequest, conversational, prompt,
};
use crate::ai::{Models, SelectedModel, with_retries};
use crate::model::{
    ContentBlock, ConversationKey, ConversationOwner, JsonObject, Message, ModelMessage,
    ModelRequest, Role, SessionId, StopReason, TenantId, TenantStatus,
};
use crate::ports::{Platform, StoreError, Window};
use crate::skills::{SkillSet, rules};
use crate::token::random_token;

/// How often a model may call tools in one turn before it must answer.
const MOST_TOOL_ROUNDS: usize = 5;
/// The most of a conversation that a model is given, in bytes.
const WINDOW_BYTES: usize = 64 * 1024;
/// The most tools a model may call at once; more than that is no answer to a person's question.
const MOST_CALLS_A_ROUND: usize = 8;

/// Answers turns.
pub struct Engine {
    platform: Platform,
    skills: SkillSet,
    models: Models,
    /// Settlements that go on after their turn.
    background: TaskTracker,
    routed: Mutex<HashMap<TenantId, RouteCounts>>,
}

/// How many turns went each way since the router started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct RouteCounts {
    /// Canned answers.
    pub conversational: u64,
    /// Skills by rule.
    pub rule: u64,
    /// Models.
    pub ai: u64,
}

impl Engine {
    /// An engine on a platform.
    pub fn new(platform: Platform, skills: SkillSet, models: Models) -> Self {
        Self {
            platform,
            skills,
            models,
            background: TaskTracker::new(),
            routed: Mutex::default(),
        }
    }

    /// The skills it knows.
    pub fn skills(&self) -> &SkillSet {
        &self.skills
    }

    /// The models it chooses from.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// How a tenant's turns were answered since the router started.
    pub fn route_counts(&self, tenant: &TenantId) -> RouteCounts {
        self.routed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .copied()
            .unwrap_or_default()
    }

    /// Waits until everything that goes on after turns is done. Call it once no more turns come.
    pub async fn drained(&self) {
        self.background.close();
        self.background.wait().await;
    }

    /// Answers a turn.
    ///
    /// # Errors
    /// Whatever went wrong, nothing of the turn is stored but what it used.
    pub async fn answer(
        &self,
        request: &TurnRequest,
        on_event: &mut OnEvent<'_>,
    ) -> Result<TurnAnswer, TurnError> {
        let caller = &request.caller;
        if caller.tenant.status == TenantStatus::Suspended {
            return Err(TurnError::Suspended(caller.tenant.id.clone()));
        }
        if !caller.tenant.settings.allows_channel(request.channel) {
            return Err(TurnError::ChannelOff(request.channel));
        }
        let now = self.platform.clock.now();
        let key = self.conversation_key(request, now).await?;
        let reservation = self.reserve(caller, now).await?;

        let outcome = match conversational::classify(&request.message) {
            Some(kind) => {
                let text = conversational::answer(kind, &self.skills);
                on_event(TurnEvent::Delta(&text));
                Outcome::without_model(text, Route::Conversational, Vec::new(), false)
            }
            None => {
                self.answer_with_skills(request, &key, &reservation, now, on_event)
                    .await?
            }
        };

        if !request.raw {
            self.store(&key, request, &outcome, now).await?;
        }
        self.count(&caller.tenant.id, outcome.route);
        Ok(TurnAnswer {
            text: outcome.text,
            session_id: key.session_id,
            route: outcome.route,
            skills: outcome.skills,
            model: outcome.model,
            usage: outcome.usage,
            cost: outcome.cost,
            raw: outcome.raw,
        })
    }

    /// The conversation a turn belongs to. Anonymous callers can only go on with one that the server began: they all are one
    /// user, so a session id that somebody could guess would be everybody's.
    async fn conversation_key(
        &self,
        request: &TurnRequest,
        now: Timestamp,
    ) -> Result<ConversationKey, TurnError> {
        let owner = ConversationOwner {
            tenant_id: request.caller.tenant.id.clone(),
            channel: request.channel,
            user_id: request.caller.user_id(),
        };
        if let Some(session_id) = request.session_id.clone() {
            let key = ConversationKey {
                owner: owner.clone(),
                session_id,
            };
            let window = Window {
                messages: 1,
                bytes: 1,
            };
            let known = request.caller.user.is_some()
                || !self
                    .platform
                    .conversations
                    .recent(&key, window, now)
                    .await?
                    .is_empty();
            if known {
                return Ok(key);
            }
        }
        let session_id = SessionId::try_from(random_token("s_")?).map_err(|error| {
            StoreError::Unavailable(format!("a new session id is unfit: {error}"))
        })?;
        Ok(ConversationKey { owner, session_id })
    }

    /// Counts the message, or refuses it.
    async fn reserve(&self, caller: &Caller, now: Timestamp) -> Result<Reservation, TurnError> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let limit = caller.tenant.settings.daily_messages();
        let id = Ulid::generate();
        if !self
            .platform
            .usage
            .reserve_message(&caller.tenant.id, day, id, limit)
            .await?
        {
            let tomorrow = day
                .tomorrow()
                .and_then(|date| date.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp());
            return Err(TurnError::OverBudget {
                limit,
                resets_at: tomorrow.unwrap_or(now),
            });
        }
        Ok(Reservation::new(
            self.platform.usage.clone(),
            self.background.clone(),
            caller.tenant.id.clone(),
            day,
            id,
        ))
    }

    async fn answer_with_skills(
        &self,
        turn: &TurnRequest,
        key: &ConversationKey,
        reservation: &Reservation,
        now: Timestamp,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Outcome, TurnError> {
        let TurnRequest {
            caller,
            message,
            raw,
            ..
        } = turn;
        let enabled = self
            .skills
            .iter()
            .filter(|skill| caller.tenant.settings.allows_skill(skill.name()));
        let matched = rules::best_match(message, enabled)
            .and_then(|matched| Some((self.skills.get(matched.skill)?, matched.input)));

        let (route, skills, called) = match matched {
            Some((skill, input)) => {
                let ready = tools::prepare(&self.platform, caller, skill).await?;
                on_event(TurnEvent::Tool { name: skill.name() });
                let result = ready.run(&input).await?;
                if *raw {
                    return Ok(Outcome::without_model(
                        pretty(&result),
                        Route::Rule,
                        vec![skill.name().to_owned()],
                        true,
                    ));
                }
                (
                    Route::Rule,
                    vec![ready],
                    Some((skill.name(), input, result)),
                )
            }
            None => (
                Route::Ai,
                tools::prepare_all(&self.platform, caller, &self.skills).await?,
                None,
            ),
        };

        let selected = self
            .models
            .select(&caller.tenant, &*self.platform.secrets)
            .await?;
        let mut turns =
            usize::try_from(caller.tenant.settings.history_turns()).unwrap_or(usize::MAX);
        turns = turns.min(1_000);
        let history = match turns {
            0 => Vec::new(),
            turns => {
                let window = Window {
                    messages: turns * 2,
                    bytes: WINDOW_BYTES,
                };
                self.platform.conversations.recent(key, window, now).await?
            }
        };
        let memory = match &caller.user {
            Some(user) => {
                self.platform
                    .tenants
                    .memory(&caller.tenant.id, &user.id)
                    .await?
            }
            None => None,
        };
        let mut request = ModelRequest {
            model: selected.id.clone(),
            system: prompt::system_prompt(caller, memory.as_ref(), now),
            messages: prompt::conversation(&history, message),
            tools: tools::specs(&skills),
            max_tokens: selected.max_tokens(caller.tenant.settings.max_tokens()),
        };
        let mut ran = Vec::new();
        if let Some((name, input, result)) = called {
            // The result travels as if the model had asked for it, so that data is never among the user's words.
            let id = "call_by_rule".to_owned();
            request.messages.push(ModelMessage {
                role: Role::Assistant,
                content: vec![ContentBlock::ToolUse {
                    id: id.clone(),
                    name: name.to_owned(),
                    input,
                }],
            });
            request.messages.push(ModelMessage {
                role: Role::User,
                content: vec![tools::result_block(&id, result)],
            });
            ran.push(name.to_owned());
        }
        self.converse(
            &selected,
            request,
            &skills,
            Outcome::with_model(route, ran, &selected),
            *raw,
            reservation,
            on_event,
        )
        .await
    }

    /// Lets the model answer, running the tools that it calls in between.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one turn, used here alone"
    )]
    async fn converse(
        &self,
        selected: &SelectedModel,
        mut request: ModelRequest,
        skills: &[ReadySkill],
        mut outcome: Outcome,
        raw: bool,
        reservation: &Reservation,
        on_event: &mut OnEvent<'_>,
    ) -> Result<Outcome, TurnError> {
        for round in 0.. {
            if round == MOST_TOOL_ROUNDS {
                // Providers want the tools named as long as calls are in the conversation, so the model is told instead.
                request
                    .system
                    .push_str("\n\nAnswer now with what you have. Call no more tools.");
            }
            let mut begun = false;
            let text_so_far = &mut outcome.text;
            let reply = with_retries(&*selected.chat, &request, &mut |words: &str| {
                if words.is_empty() {
                    return;
                }
                if !begun && !text_so_far.is_empty() {
                    text_so_far.push_str("\n\n");
                    on_event(TurnEvent::Delta("\n\n"));
                }
                begun = true;
                text_so_far.push_str(words);
                on_event(TurnEvent::Delta(words));
            })
            .await?;
            let cost = selected.cost(&reply);
            reservation.note(reply.usage, cost);
            outcome.add(reply.usage, cost);

            let calls = reply
                .content
                .iter()
                .filter(|block| matches!(block, ContentBlock::ToolUse { .. }))
                .count();
            if reply.stop != StopReason::ToolUse || calls == 0 || round >= MOST_TOOL_ROUNDS {
                outcome.finish(reply.stop, on_event);
                return Ok(outcome);
            }
            if calls > MOST_CALLS_A_ROUND {
                return Err(crate::ports::ModelError::Protocol(format!(
                    "{calls} tools called at once"
                ))
                .into());
            }
            let results = tools::run_calls(skills, &reply.content, on_event).await;
            for name in results.ran {
                if !outcome.skills.contains(&name) {
                    outcome.skills.push(name);
                }
            }
            if raw && !results.results.is_empty() {
                outcome.text = match <[Value; 1]>::try_from(results.results) {
                    Ok([one]) => pretty(&one),
                    Err(several) => pretty(&Value::Array(several)),
                };
                outcome.raw = true;
                return Ok(outcome);
            }
            request.messages.push(ModelMessage {
                role: Role::Assistant,
                content: reply.content,
            });
            request.messages.push(ModelMessage {
                role: Role::User,
                content: results.blocks,
            });
        }
        Ok(outcome)
    }

    /// Stores the turn: both messages or none.
    async fn store(
        &self,
        key: &ConversationKey,
        request: &TurnRequest,
        outcome: &Outcome,
        asked_at: Timestamp,
    ) -> Result<(), StoreError> {
        let answered_at = self.platform.clock.now();
        let mut notes = JsonObject::new();
        notes.insert("request_id".to_owned(), json!(request.request_id));
        notes.insert("route".to_owned(), json!(outcome.route));
        if !outcome.skills.is_empty() {
            notes.insert("skills".to_owned(), json!(outcome.skills));
        }
        if let Some(model) = &outcome.model {
            notes.insert("model".to_owned(), json!(model));
        }
        let turn = [
            Message {
                role: Role::User,
                content: request.message.clone(),
                at: Some(asked_at),
                other: JsonObject::new(),
            },
            Message {
                role: Role::Assistant,
                content: outcome.text.clone(),
                at: Some(answered_at),
                other: notes,
            },
        ];
        self.platform
            .conversations
            .append(key, &turn, answered_at)
            .await
    }

    fn count(&self, tenant: &TenantId, route: Route) {
        let mut routed = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = routed.entry(tenant.clone()).or_default();
        match route {
            Route::Conversational => counts.conversational += 1,
            Route::Rule => counts.rule += 1,
            Route::Ai => counts.ai += 1,
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
