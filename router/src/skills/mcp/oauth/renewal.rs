//! Renewing a token, once for all processes of the service: a refresh token may be taken only once,
//! and one that comes twice has many authorization servers take back all that it led to
//! (<https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2>).
//!
//! Whoever renews leaves a note, by which the others see it, reads what is stored once more, and
//! stores what came of it whatever becomes of the request that needed it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::{Instant, sleep};

use super::grant::Standing;
use super::{Grant, Problem, SignIns};
use crate::model::{NoteName, SecretDocument, SecretName, UserId};
use crate::ports::{Platform, StoreError};
use crate::skills::{SkillError, SkillErrorKind};

/// How long a renewal may take before another process does it instead: longer than it can.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How long a renewal by another process is waited for.
const WAIT: Duration = Duration::from_secs(6);
/// How often is looked whether it is done.
const LOOK: Duration = Duration::from_millis(100);
/// How often storing a token is tried: the one before it works no more.
const STORE_TRIES: usize = 4;

/// A token that may have to be renewed.
#[derive(Clone)]
pub(crate) struct Held {
    /// The secret that it is stored in.
    pub(crate) name: SecretName,
    /// The secret's content, as it was read.
    pub(crate) document: SecretDocument,
    /// The server's settings.
    pub(crate) settings: SecretDocument,
    /// Whether the server refused it.
    pub(crate) was_refused: bool,
}

impl SignIns {
    /// The document with a token that works as far as is known: as it is, or renewed.
    ///
    /// # Errors
    /// [`SkillErrorKind::Denied`] where the user has to sign in again.
    pub(crate) async fn current(
        self: &Arc<Self>,
        platform: &Platform,
        held: Held,
    ) -> Result<SecretDocument, SkillError> {
        let integration = held.name.integration.clone();
        let standing = match Grant::of(&held.document) {
            None => return Ok(held.document),
            Some(grant) => grant.standing(platform.clock.now(), held.was_refused),
        };
        match standing {
            Standing::Works => Ok(held.document),
            Standing::Ended(_) => Err(Problem::Ended.of(&integration)),
            Standing::IsDue | Standing::Expired => {
                let (before, platform) = (held.document.clone(), platform.clone());
                let way = Arc::clone(self);
                let renewing = async move { way.renewed(&platform, held, standing).await };
                // Whoever asked may be gone before what came of it is stored.
                match self.tasks.spawn(renewing).await {
                    Ok(Ok(document)) => Ok(document),
                    Ok(Err(error))
                        if standing == Standing::IsDue && error.kind != SkillErrorKind::Denied =>
                    {
                        tracing::warn!(%integration, %error, "a token was not renewed in time");
                        Ok(before)
                    }
                    Ok(Err(error)) => Err(error),
                    Err(_) => Err(Problem::TooSlow.of(&integration)),
                }
            }
        }
    }

    async fn renewed(
        &self,
        platform: &Platform,
        held: Held,
        standing: Standing,
    ) -> Result<SecretDocument, SkillError> {
        let integration = &held.name.integration;
        let of_store = |error: StoreError| unavailable(&held, &error);
        let lease = lease_of(&held.name);
        let until = Instant::now() + WAIT;
        loop {
            let now = platform.clock.now();
            let ends = now.saturating_add(LEASE).unwrap_or(now);
            let nothing = SecretDocument::default();
            let left = platform.notes.leave(&lease, &nothing, ends, now);
            if left.await.map_err(of_store)? {
                let renewed = self.renew(platform, &held).await;
                if let Err(error) = platform.notes.take(&lease, now).await {
                    tracing::warn!(%integration, %error, "a note of a renewal stays for its time");
                }
                return renewed;
            }
            if standing == Standing::IsDue {
                return Ok(held.document);
            }
            sleep(LOOK).await;
            let stored = platform.secrets.get_now(&held.name);
            let stored = stored.await.map_err(of_store)?;
            if let Some(other) = other_than(&held, stored) {
                return usable(platform, &held, other);
            }
            if Instant::now() >= until {
                return Err(Problem::TooSlow.of(integration));
            }
        }
    }

    /// Renews it, if nobody did since it was read.
    async fn renew(&self, platform: &Platform, held: &Held) -> Result<SecretDocument, SkillError> {
        let integration = &held.name.integration;
        let read = async || {
            let stored = platform.secrets.get_now(&held.name).await;
            stored.map_err(|error| unavailable(held, &error))
        };
        let stored = read().await?;
        let Some(document) = stored.clone() else {
            return Err(Problem::Ended.of(integration));
        };
        if let Some(other) = other_than(held, stored) {
            return usable(platform, held, other);
        }
        let grant = Grant::of(&document);
        let token = grant.as_ref().and_then(|grant| grant.refresh_token.clone());
        let (Some(grant), Some(token)) = (grant, token) else {
            return Err(Problem::Ended.of(integration));
        };
        let secret = held.settings.text("client_secret");
        let now = platform.clock.now();
        let answer = self.refresh(&grant, secret.as_deref(), &token, now).await;
        let (changed, outcome) = match answer {
            Ok(tokens) => {
                let grant = grant.with(&tokens);
                let changed = grant.stored_in(&document, &tokens.access);
                (changed.clone(), Ok(changed))
            }
            // Another refusal may be of the client, whose secret an administrator can correct.
            Err(Problem::Refused(code)) if code == "invalid_grant" => {
                tracing::info!(%integration, "a sign-in has ended: its renewal was refused");
                // A process that was held up for longer than its note may have been faster.
                if let Some(other) = other_than(held, read().await?) {
                    return usable(platform, held, other);
                }
                let ended = grant.ended_in(&document, now);
                (ended, Err(Problem::Ended.of(integration)))
            }
            Err(problem) => return Err(problem.of(integration)),
        };
        store(platform, held, &changed).await?;
        outcome
    }
}

/// Stores what came of a renewal, unless the secret was removed meanwhile.
async fn store(
    platform: &Platform,
    held: &Held,
    changed: &SecretDocument,
) -> Result<(), SkillError> {
    let secrets = &platform.secrets;
    let mut tries = 1;
    loop {
        let put = async {
            match secrets.get_now(&held.name).await? {
                None => Ok(None),
                // Of the tenant's settings, what an administrator changed meanwhile stays.
                Some(stored) => {
                    let mut fields = stored.fields().clone();
                    for name in ["token", super::grant::FIELD] {
                        match changed.fields().get(name) {
                            Some(value) => fields.insert(name.to_owned(), value.clone()),
                            None => fields.remove(name),
                        };
                    }
                    let document = SecretDocument::new(fields);
                    secrets.put(&held.name, &document).await.map(Some)
                }
            }
        };
        match put.await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => return Err(Problem::Ended.of(&held.name.integration)),
            Err(error) if tries == STORE_TRIES => {
                tracing::error!(secret = %held.name, %error, "a renewed token is not stored");
                return Err(unavailable(held, &error));
            }
            Err(error) => {
                tracing::warn!(secret = %held.name, %error, "storing a renewed token is tried again");
                tries += 1;
                sleep(LOOK).await;
            }
        }
    }
}

/// What is stored, if it is not what was read.
fn other_than(held: &Held, stored: Option<SecretDocument>) -> Option<SecretDocument> {
    let sign_in = |document: &SecretDocument| {
        let names = ["token", super::grant::FIELD];
        names.map(|name| document.fields().get(name).cloned())
    };
    stored.filter(|stored| sign_in(stored) != sign_in(&held.document))
}

/// What somebody else stored, if it can be used.
fn usable(
    platform: &Platform,
    held: &Held,
    document: SecretDocument,
) -> Result<SecretDocument, SkillError> {
    match super::grant::ended(&document, platform.clock.now()) {
        Some(_) => Err(Problem::Ended.of(&held.name.integration)),
        None => Ok(document),
    }
}

fn lease_of(name: &SecretName) -> NoteName {
    NoteName {
        tenant_id: name.tenant_id.clone(),
        user_id: name.user_id.clone().unwrap_or_else(UserId::anonymous),
        name: format!("renew/{}", name.integration),
    }
}

fn unavailable(held: &Held, error: &StoreError) -> SkillError {
    tracing::warn!(secret = %held.name, %error, "a token cannot be renewed");
    SkillError {
        kind: SkillErrorKind::Unavailable,
        message: format!(
            "the token of `{}` cannot be renewed at present",
            held.name.integration
        ),
        hint: None,
    }
}
