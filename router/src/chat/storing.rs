//! Storing a turn in its conversation.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::engine::Engine;
use super::outcome::Outcome;
use super::{Caller, TurnError, TurnRequest, consent, prompt};
use crate::model::{ConversationKey, JsonObject, Message, Role, TenantStatus, User};
use crate::ports::StoreError;

/// How old what is known of the caller may be when a turn is stored.
const OWNER_AGE: SignedDuration = SignedDuration::from_secs(5);

impl Engine {
    /// Refuses a turn whose caller was removed, or whose tenant was suspended, while it was
    /// answered, as far as that is not older than [`OWNER_AGE`]. That nothing at all comes after a
    /// removal is the store's own check.
    async fn require_caller(&self, caller: &Caller, now: Timestamp) -> Result<(), TurnError> {
        if now.duration_since(caller.as_of) <= OWNER_AGE {
            return Ok(());
        }
        let (store, tenant) = (&self.platform.tenants, &caller.tenant);
        let user = async {
            match &caller.user {
                Some(user) => store.user(&tenant.id, &user.id).await,
                None => Ok(None),
            }
        };
        let (tenant_now, user_now) = futures::try_join!(store.tenant(&tenant.id), user)?;
        let tenant_now = tenant_now.filter(|now| now.created_at == tenant.created_at);
        let is_same = |user: &User| user_now.is_some_and(|now| now.created_at == user.created_at);
        match tenant_now {
            Some(now) if now.status == TenantStatus::Suspended => Err(TurnError::Suspended(now.id)),
            Some(_) if caller.user.as_ref().is_none_or(is_same) => Ok(()),
            _ => Err(TurnError::CallerGone),
        }
    }

    /// Stores a turn that its user stopped: the question, and what was answered until then.
    ///
    /// # Errors
    /// If its caller is not there any more, or the store fails.
    pub async fn store_stopped(
        &self,
        key: &ConversationKey,
        request: &TurnRequest,
        text: String,
        asked_at: Timestamp,
    ) -> Result<(), TurnError> {
        let answered_at = self.platform.clock.now();
        self.require_caller(&request.caller, answered_at).await?;
        let mut notes = JsonObject::new();
        notes.insert("request_id".to_owned(), json!(request.request_id));
        notes.insert("stopped".to_owned(), json!(true));
        self.append(key, request, text, notes, asked_at, answered_at)
            .await
    }

    /// Stores the turn: both messages or none.
    pub(super) async fn store(
        &self,
        key: &ConversationKey,
        request: &TurnRequest,
        outcome: &Outcome,
        asked_at: Timestamp,
    ) -> Result<(), TurnError> {
        let answered_at = self.platform.clock.now();
        self.require_caller(&request.caller, answered_at).await?;
        let mut notes = JsonObject::new();
        notes.insert("request_id".to_owned(), json!(request.request_id));
        notes.insert("route".to_owned(), json!(outcome.route));
        if !outcome.skills.is_empty() {
            notes.insert("skills".to_owned(), json!(outcome.skills));
        }
        if let Some(note) = &outcome.note {
            notes.insert(prompt::NOTE.to_owned(), json!(note));
        }
        if let Some(question) = &outcome.question {
            notes.insert(consent::QUESTION.to_owned(), question.view());
        }
        if let Some(model) = &outcome.model {
            notes.insert("model".to_owned(), json!(model));
            notes.insert(
                "usage".to_owned(),
                json!({
                    "input_tokens": outcome.usage.all_input(),
                    "output_tokens": outcome.usage.output,
                    "cost_usd": outcome.cost,
                }),
            );
        }
        let text = outcome.text.clone();
        self.append(key, request, text, notes, asked_at, answered_at)
            .await
    }

    async fn append(
        &self,
        key: &ConversationKey,
        request: &TurnRequest,
        text: String,
        mut notes: JsonObject,
        asked_at: Timestamp,
        answered_at: Timestamp,
    ) -> Result<(), TurnError> {
        let took = answered_at.duration_since(asked_at).as_millis();
        notes.insert("timing_ms".to_owned(), json!(took.max(0)));
        let turn = [
            Message {
                role: Role::User,
                content: request.message.clone(),
                at: Some(asked_at),
                other: JsonObject::new(),
            },
            Message {
                role: Role::Assistant,
                content: text,
                at: Some(answered_at),
                other: notes,
            },
        ];
        let conversations = &self.platform.conversations;
        match conversations.append(key, &turn, answered_at).await {
            Err(StoreError::NotFound(_)) => Err(TurnError::CallerGone),
            Err(StoreError::Suspended(tenant)) => Err(TurnError::Suspended(tenant)),
            stored => Ok(stored?),
        }
    }
}
