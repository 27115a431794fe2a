//! What a server asks for beside what was granted: it is remembered until somebody signs in again,
//! and asked for then.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::challenge::scopes_of;
use crate::model::{JsonObject, NoteName, SecretDocument, SecretName, UserId};
use crate::ports::{NoteStore, StoreError};

/// How long it is remembered.
const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The field of a note.
const SCOPES: &str = "scopes";

/// Remembers that the server of this secret's token asks for more.
///
/// # Errors
/// If the store fails.
pub(crate) async fn remember(
    notes: &dyn NoteStore,
    secret: &SecretName,
    scopes: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = taken(notes, secret, now).await?;
    let scopes = merged(before.as_ref(), Some(&scopes.to_owned()));
    leave(notes, secret, scopes, now).await
}

/// What the server asked for since it was last signed in to, if anything.
///
/// # Errors
/// If the store fails.
pub(crate) async fn wanted(
    notes: &dyn NoteStore,
    secret: &SecretName,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let scopes = taken(notes, secret, now).await?;
    // Who is sent to sign in may not come back.
    leave(notes, secret, scopes.clone(), now).await?;
    Ok(scopes)
}

/// Forgets it: it was asked for.
///
/// # Errors
/// If the store fails.
pub(crate) async fn forget(
    notes: &dyn NoteStore,
    secret: &SecretName,
    now: Timestamp,
) -> Result<(), StoreError> {
    taken(notes, secret, now).await.map(drop)
}

/// The scopes of both lists, each once; only the first list where together they are too long.
pub(crate) fn merged(first: Option<&String>, second: Option<&String>) -> Option<String> {
    let (Some(one), Some(other)) = (first, second) else {
        return first.or(second).cloned();
    };
    scopes_of(&format!("{one} {other}")).or_else(|| first.cloned())
}

async fn taken(
    notes: &dyn NoteStore,
    secret: &SecretName,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let note = notes.take(&name_of(secret), now).await?;
    Ok(note.and_then(|note| note.text(SCOPES)))
}

async fn leave(
    notes: &dyn NoteStore,
    secret: &SecretName,
    scopes: Option<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(scopes) = scopes else {
        return Ok(());
    };
    let fields = JsonObject::from_iter([(SCOPES.to_owned(), json!(scopes))]);
    let ends = now.saturating_add(LIFE).unwrap_or(now);
    let note = SecretDocument::new(fields);
    // Where another was faster, what the server asks for is asked for again.
    notes.leave(&name_of(secret), &note, ends, now).await?;
    Ok(())
}

fn name_of(secret: &SecretName) -> NoteName {
    NoteName {
        tenant_id: secret.tenant_id.clone(),
        user_id: secret.user_id.clone().unwrap_or_else(UserId::anonymous),
        name: format!("scopes/{}", secret.integration),
    }
}
