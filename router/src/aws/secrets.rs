//! Tenants' credentials in Secrets Manager.
//!
//! Everything is decided by the secret of the exact name, which is consistent. ListSecrets is not:
//! it may leave out the changes of the last five minutes
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>).
//!
//! A removed secret stays for its recovery window and cannot be read or written meanwhile, so a put
//! restores it first
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html>).

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use super::attempts::Attempts;
use super::error::AwsError;
use super::names::SecretsPrefix;
use crate::model::{JsonObject, Record, SecretDescription, SecretDocument, SecretName, TenantId};
use crate::ports::{PutOutcome, SecretStore, StoreError};

/// How long a removed secret can be restored: 7 to 30 days are possible, 30 are what AWS takes by
/// default.
const RECOVERY_DAYS: i64 = 30;
/// The most bytes of a secret's value
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).
const MAX_BYTES: usize = 65_536;
/// How far AWS's clock may be ahead of this machine's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

const NOT_FOUND: &str = "ResourceNotFoundException";
const EXISTS: &str = "ResourceExistsException";
/// What is marked for deletion is refused so, and what is not where it should be; other things too.
const INVALID_REQUEST: &str = "InvalidRequestException";

/// The secrets' store in Secrets Manager.
pub struct SecretsManager {
    client: Client,
    prefix: SecretsPrefix,
}

impl SecretsManager {
    /// The secrets whose names begin with `prefix`.
    pub fn new(client: Client, prefix: SecretsPrefix) -> Self {
        Self { client, prefix }
    }

    /// The secret as AWS describes it, removed or not.
    async fn described(&self, id: &str) -> Result<Option<DescribeSecretOutput>, StoreError> {
        match self.client.describe_secret().secret_id(id).send().await {
            Ok(described) => Ok(Some(described)),
            Err(error) if is(&error, &[NOT_FOUND]) => Ok(None),
            Err(error) => Err(failed("DescribeSecret", &error)),
        }
    }

    /// Whether the secret exists and was not removed.
    async fn is_present(&self, id: &str) -> Result<bool, StoreError> {
        let described = self.described(id).await?;
        Ok(described.is_some_and(|described| described.deleted_date().is_none()))
    }

    /// The present value; `None` if there is none or the secret was removed.
    async fn value(&self, id: &str) -> Result<Option<Value>, StoreError> {
        match self.client.get_secret_value().secret_id(id).send().await {
            Ok(found) => Ok(Some(Value {
                document: found.secret_string().and_then(document_of),
                version: found.version_id,
            })),
            Err(error) if is(&error, &[NOT_FOUND]) => Ok(None),
            Err(error) if is(&error, &[INVALID_REQUEST]) => match self.is_present(id).await? {
                true => Err(failed("GetSecretValue", &error)),
                false => Ok(None),
            },
            Err(error) => Err(failed("GetSecretValue", &error)),
        }
    }

    /// Does what is to be done about the secret as it is now.
    async fn attempt(&self, put: &mut Putting<'_>) -> Result<Attempt, StoreError> {
        let Some(described) = self.described(&put.id).await? else {
            put.wrote = PutOutcome::Created;
            let created = self
                .client
                .create_secret()
                .name(&put.id)
                .secret_string(&put.json)
                .client_request_token(&put.token)
                .set_tags(Some(self.tags(put.name)))
                .send()
                .await;
            return put.ended("CreateSecret", created.map(drop));
        };
        if described.deleted_date().is_some() {
            put.was_removed = true;
            let restored = self.client.restore_secret().secret_id(&put.id).send().await;
            if let Attempt::Again(error) = put.ended("RestoreSecret", restored.map(drop))? {
                return Ok(Attempt::Again(error));
            }
        }
        self.complete_tags(put, &described).await?;
        let stored = self.value(&put.id).await?;
        if let Some(stored) = &stored
            && stored.document.as_ref() == Some(put.document.fields())
        {
            // What this very put wrote, whose answer was lost, is not an older value.
            let is_own = stored.version.as_ref() == Some(&put.token);
            return Ok(Attempt::Done(match (put.was_removed, is_own) {
                (true, _) => PutOutcome::Restored,
                (false, true) => put.wrote,
                (false, false) => PutOutcome::Unchanged,
            }));
        }
        put.wrote = PutOutcome::Updated;
        let updated = self
            .client
            .update_secret()
            .secret_id(&put.id)
            .secret_string(&put.json)
            .client_request_token(&put.token)
            .send()
            .await;
        put.ended("UpdateSecret", updated.map(drop))
    }

    fn tags(&self, name: &SecretName) -> Vec<Tag> {
        let all = [
            ("Project", self.prefix.project.as_str()),
            ("TenantId", name.tenant_id.as_str()),
            ("Integration", name.integration.as_str()),
        ];
        let user = name.user_id.as_ref().map(|user| ("UserId", user.as_str()));
        all.into_iter()
            .chain(user)
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect()
    }

    /// Gives a secret that someone else made the tags that T3nets' own have.
    async fn complete_tags(
        &self,
        put: &Putting<'_>,
        described: &DescribeSecretOutput,
    ) -> Result<(), StoreError> {
        let mut missing = self.tags(put.name);
        missing.retain(|tag| !described.tags().contains(tag));
        if missing.is_empty() {
            return Ok(());
        }
        self.client
            .tag_resource()
            .secret_id(&put.id)
            .set_tags(Some(missing))
            .send()
            .await
            .map(drop)
            .map_err(|error| failed("TagResource", &error))
    }
}

#[async_trait]
impl SecretStore for SecretsManager {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        let Some(value) = self.value(&self.prefix.secret(name)).await? else {
            return Ok(None);
        };
        let fields = value.document.ok_or_else(|| StoreError::Corrupt {
            what: Record::from(name).to_string(),
            detail: "its value is not a JSON object".to_owned(),
        })?;
        Ok(Some(SecretDocument::new(fields)))
    }

    async fn put(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError> {
        let too_large = || StoreError::TooLarge(Record::from(name).to_string());
        let json = serde_json::to_string(document.fields()).map_err(|_| too_large())?;
        if json.len() > MAX_BYTES {
            return Err(too_large());
        }
        let mut put = Putting {
            name,
            id: self.prefix.secret(name),
            document,
            json,
            // AWS wants 32 to 64 characters.
            token: format!("t3nets-{}", Ulid::generate()),
            was_removed: false,
            wrote: PutOutcome::Unchanged,
        };
        let mut attempts = Attempts::new();
        loop {
            match self.attempt(&mut put).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again(error) if !attempts.again().await => return Err(error),
                Attempt::Again(_) => {}
            }
        }
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        let described = self.described(&self.prefix.secret(name)).await?;
        Ok(described.map(|described| {
            description(
                name.clone(),
                described.created_date(),
                described.last_changed_date(),
                described.deleted_date(),
            )
        }))
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        let prefix = format!("{}/{tenant}/", self.prefix);
        let mut pages = self
            .client
            .list_secrets()
            .include_planned_deletion(true)
            .filters(
                Filter::builder()
                    .key(FilterNameStringType::Name)
                    .values(&prefix)
                    .build(),
            )
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("ListSecrets", &error))?;
            // What does not follow our form is another program's.
            found.extend(page.secret_list().iter().filter_map(|entry| {
                let rest = entry.name()?.strip_prefix(&prefix)?;
                let own = rest
                    .strip_prefix("users/")
                    .and_then(|own| own.split_once('/'));
                let (user_id, integration) = match own {
                    Some((user, integration)) => (Some(user.parse().ok()?), integration),
                    None => (None, rest),
                };
                let integration = integration.parse().ok()?;
                let name = SecretName {
                    tenant_id: tenant.clone(),
                    integration,
                    user_id,
                };
                Some(description(
                    name,
                    entry.created_date(),
                    entry.last_changed_date(),
                    entry.deleted_date(),
                ))
            }));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        // A list that changes while it is read can name one twice.
        found.dedup_by(|a, b| a.name == b.name);
        Ok(found)
    }

    async fn remove(&self, name: &SecretName) -> Result<Timestamp, StoreError> {
        let id = self.prefix.secret(name);
        if !self.is_present(&id).await? {
            return Err(not_found(name));
        }
        let removed = self
            .client
            .delete_secret()
            .secret_id(&id)
            .recovery_window_in_days(RECOVERY_DAYS)
            .send()
            .await;
        match removed {
            Ok(removed) => Ok(removed
                .deletion_date()
                .map_or_else(|| deletion_date(Timestamp::now()), timestamp)),
            Err(error) if is(&error, &[NOT_FOUND]) => Err(not_found(name)),
            // Removed just now: by us, if an answer was lost.
            Err(error) if is(&error, &[INVALID_REQUEST]) => self
                .described(&id)
                .await?
                .and_then(|described| described.deleted_date().map(timestamp))
                .map(deletion_date)
                .ok_or_else(|| failed("DeleteSecret", &error)),
            Err(error) => Err(failed("DeleteSecret", &error)),
        }
    }

    async fn restore(&self, name: &SecretName) -> Result<(), StoreError> {
        let id = self.prefix.secret(name);
        let described = self.described(&id).await?;
        if described.is_none_or(|described| described.deleted_date().is_none()) {
            return Err(not_found(name));
        }
        match self.client.restore_secret().secret_id(&id).send().await {
            Ok(_) => Ok(()),
            Err(error) if is(&error, &[NOT_FOUND]) => Err(not_found(name)),
            // Restored just now: by us, if an answer was lost.
            Err(error) if is(&error, &[INVALID_REQUEST]) && self.is_present(&id).await? => Ok(()),
            Err(error) => Err(failed("RestoreSecret", &error)),
        }
    }

    async fn delete(&self, name: &SecretName) -> Result<(), StoreError> {
        // Also of one that waits for its deletion; of one that does not exist it is no error
        // (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>).
        let deleted = self
            .client
            .delete_secret()
            .secret_id(self.prefix.secret(name))
            .force_delete_without_recovery(true)
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) if is(&error, &[NOT_FOUND]) => Ok(()),
            Err(error) => Err(failed("DeleteSecret", &error)),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // No tenant can have this id; that there is no such secret is an answer.
        let absent = format!("{}/-/ping", self.prefix);
        self.described(&absent).await.map(drop)
    }
}

/// A value that is stored.
struct Value {
    /// Its fields; `None` if it is not a JSON object.
    document: Option<JsonObject>,
    version: Option<String>,
}

fn document_of(text: &str) -> Option<JsonObject> {
    serde_json::from_str(text).ok()
}

/// A put under way.
struct Putting<'a> {
    name: &'a SecretName,
    id: String,
    document: &'a SecretDocument,
    json: String,
    /// The ClientRequestToken: becomes the id of the version that is written, and lets AWS
    /// recognise a repeated call
    /// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html>).
    token: String,
    was_removed: bool,
    /// What the last write did, if it did.
    wrote: PutOutcome,
}

enum Attempt {
    Done(PutOutcome),
    /// Something else happened to the secret meanwhile, or an answer was lost; this is the error if
    /// it goes on.
    Again(StoreError),
}

impl Putting<'_> {
    fn ended<E>(
        &self,
        operation: &'static str,
        call: Result<(), SdkError<E>>,
    ) -> Result<Attempt, StoreError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match call {
            Ok(()) if self.was_removed => Ok(Attempt::Done(PutOutcome::Restored)),
            Ok(()) => Ok(Attempt::Done(self.wrote)),
            Err(error) if is(&error, &[EXISTS, NOT_FOUND, INVALID_REQUEST]) => {
                Ok(Attempt::Again(failed(operation, &error)))
            }
            Err(error) => Err(failed(operation, &error)),
        }
    }
}

fn is<E>(error: &SdkError<E>, codes: &[&str]) -> bool
where
    E: ProvideErrorMetadata,
{
    error.code().is_some_and(|code| codes.contains(&code))
}

fn failed<E>(operation: &'static str, error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    AwsError::from_sdk("secretsmanager", operation, error).into()
}

fn not_found(name: &SecretName) -> StoreError {
    StoreError::NotFound(name.into())
}

fn description(
    name: SecretName,
    created: Option<&DateTime>,
    changed: Option<&DateTime>,
    deleted: Option<&DateTime>,
) -> SecretDescription {
    let created_at = created.map(timestamp).unwrap_or_default();
    SecretDescription {
        name,
        created_at,
        updated_at: changed.map_or(created_at, timestamp),
        deleted_for_good_at: deleted.map(timestamp).map(deletion_date),
    }
}

/// When a secret with this `DeletedDate` is deleted for good. DescribeSecret documents it as the
/// date for which the deletion is scheduled, ListSecrets as the date on which it was asked for; the
/// first is days ahead, the second is past.
fn deletion_date(deleted: Timestamp) -> Timestamp {
    deletion_date_seen(deleted, Timestamp::now())
}

fn deletion_date_seen(deleted: Timestamp, now: Timestamp) -> Timestamp {
    let scheduled_from = now.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
    if deleted > scheduled_from {
        return deleted;
    }
    let window = SignedDuration::from_hours(RECOVERY_DAYS * 24);
    deleted.saturating_add(window).unwrap_or(Timestamp::MAX)
}

fn timestamp(at: &DateTime) -> Timestamp {
    let nanos = i32::try_from(at.subsec_nanos()).unwrap_or_default();
    Timestamp::new(at.secs(), nanos).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_removed_secret_is_told_from_either_meaning_of_its_date() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let window = SignedDuration::from_hours(30 * 24);
        let scheduled = now + SignedDuration::from_hours(7 * 24);
        assert_eq!(deletion_date_seen(scheduled, now), scheduled);
        let asked = now - SignedDuration::from_hours(24);
        assert_eq!(deletion_date_seen(asked, now), asked + window);
        let asked_by_a_fast_clock = now + SignedDuration::from_secs(60);
        assert_eq!(
            deletion_date_seen(asked_by_a_fast_clock, now),
            asked_by_a_fast_clock + window
        );
    }
}
