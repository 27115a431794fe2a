//! Which conversation a turn belongs to.

use jiff::Timestamp;
use ulid::Ulid;

use super::engine::Engine;
use super::{TurnError, TurnRequest};
use crate::model::{ConversationKey, SessionId};
use crate::ports::{StoreError, Window};
use crate::token::random_token;

/// The characters of a ULID that say its time.
const TIME_CHARS: usize = 10;

impl Engine {
    /// The conversation a turn belongs to. Anonymous callers can only continue one that the server
    /// began: they share one user, so anyone could read a conversation whose session id can be
    /// guessed.
    pub(super) async fn conversation_key(
        &self,
        request: &TurnRequest,
        now: Timestamp,
    ) -> Result<ConversationKey, TurnError> {
        let owner = request.caller.owner(request.channel);
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
        // By the time that it began, so that the newest stand together in a store's list.
        let began = now.as_millisecond().try_into().unwrap_or_default();
        let began = Ulid::from_parts(began, 0).to_string().to_ascii_lowercase();
        let prefix = format!("s_{}", &began[..TIME_CHARS]);
        let session_id = SessionId::try_from(random_token(&prefix)?).map_err(|error| {
            StoreError::unavailable(format!("a new session id is not valid: {error}"))
        })?;
        Ok(ConversationKey { owner, session_id })
    }
}
