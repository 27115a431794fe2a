//! A conversation that begins as another one did: what a question that is asked anew goes on from.

use std::sync::Arc;

use axum::http::StatusCode;

use super::super::error::ApiError;
use crate::model::{ConversationKey, Message, SessionId};
use crate::ports::{Clock, ConversationStore, PageRequest};

/// The most messages that are copied.
pub(super) const MAX_MESSAGES: usize = 2_000;
/// The most messages, and bytes of them, that are appended at once: a transaction of DynamoDB takes
/// 4 MB.
const AT_ONCE: usize = 100;
const BYTES_AT_ONCE: usize = 1 << 20;

/// The beginning of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) session_id: SessionId,
    /// How many of its messages, from the first.
    pub(super) messages: usize,
}

/// Copies it to a new conversation of the same owner.
///
/// # Errors
/// 404 if there is no such conversation, 409 if it has fewer messages.
pub(super) async fn copy(
    store: &dyn ConversationStore,
    branch: &Branch,
    to: &ConversationKey,
    clock: &Arc<dyn Clock>,
) -> Result<(), ApiError> {
    if branch.messages == 0 {
        return Ok(());
    }
    let from = ConversationKey {
        owner: to.owner.clone(),
        session_id: branch.session_id.clone(),
    };
    let messages = first_messages(store, &from, branch.messages, clock).await?;
    let mut rest = &messages[..];
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest
            .iter()
            .take(AT_ONCE)
            .take_while(|message| {
                bytes += message.content.len();
                bytes <= BYTES_AT_ONCE
            })
            .count();
        let (group, others) = rest.split_at(fit.max(1));
        store.append(to, group, clock.now()).await?;
        rest = others;
    }
    Ok(())
}

async fn first_messages(
    store: &dyn ConversationStore,
    key: &ConversationKey,
    count: usize,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Message>, ApiError> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let request = PageRequest { limit: 500, after };
        let Some(page) = store.history(key, request, clock.now()).await? else {
            return Err(ApiError::new(
                StatusCode::NOT_FOUND,
                "no_such_session",
                "there is no conversation to go on from",
            ));
        };
        pages.push(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    // The newest page came first.
    let mut messages: Vec<Message> = pages.into_iter().rev().flatten().collect();
    if messages.len() < count {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "conversation_moved_on",
            "the conversation has fewer messages than that",
        ));
    }
    messages.truncate(count);
    Ok(messages)
}
