//! Who deploys at the moment, and which releases were verified: items of the tenants table, under `DEPLOY#{service}`.
//!
//! The lock is a lease of 60 s that its holder renews. Whoever dies loses it by doing nothing. What stays in the item after
//! that says which deployment was being watched, so that `--resume` can go on.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use t3nets_router::aws::store_error;
use t3nets_router::ports::StoreError;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How long a lease lasts.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(20);
/// How soon it is tried again when that failed.
const RETRIED_EVERY: Duration = Duration::from_secs(3);
/// The lock's sort key.
const LOCK: &str = "LOCK";

type Item = HashMap<String, AttributeValue>;

/// Lock and history of one service.
#[derive(Debug, Clone)]
pub struct History {
    client: Client,
    table: String,
    service: String,
}

/// A release that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Good {
    /// The ARN of its revision.
    pub task_definition: String,
    /// What the router calls itself.
    pub release: String,
    /// The image's digest.
    pub digest: String,
    /// The image as its task definition names it; unknown of releases that an older program remembered.
    pub image: Option<String>,
    /// The commit, if it is known.
    pub git_sha: Option<String>,
    /// The router's version, if it is known.
    pub version: Option<String>,
    /// Who deployed it.
    pub who: String,
    /// When it was verified.
    pub at: Timestamp,
}

/// What is being watched, as the lock remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The deployment's id.
    pub deployment: String,
    /// The ARN of the revision.
    pub task_definition: String,
    /// When ECS made it.
    pub created_at: Option<Timestamp>,
}

/// What holds the lock, if it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub who: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
}

/// What becomes of trying to get the lock.
#[derive(Debug)]
pub enum Locked {
    /// It is ours, with what its last holder watched.
    Ours(Lock, Option<Watched>),
    /// It is somebody else's.
    Held(Holder),
}

/// The lock, held. Dropping it stops renewing it; [`Lock::release`] gives it back at once.
#[derive(Debug)]
pub struct Lock {
    history: History,
    token: String,
    lost: watch::Receiver<bool>,
    _renewal: AbortOnDropHandle<()>,
}

impl History {
    /// Of a service, in a table.
    pub fn new(config: &aws_config::SdkConfig, table: &str, service: &str) -> Self {
        Self {
            client: Client::new(config),
            table: table.to_owned(),
            service: service.to_owned(),
        }
    }

    /// Tries to get the lock. `token` is this process's own.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn lock(&self, who: &str, token: &str) -> Result<Locked, StoreError> {
        let now = Timestamp::now();
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(LOCK)))
            .update_expression(
                "SET holder = :token, who = :who, since = :since, lease_until = :until",
            )
            .condition_expression(
                "attribute_not_exists(pk) OR lease_until < :now OR holder = :token",
            )
            .expression_attribute_values(":token", text(token))
            .expression_attribute_values(":who", text(who))
            .expression_attribute_values(":since", text(&now.to_string()))
            .expression_attribute_values(":until", millis(now + LEASE))
            .expression_attribute_values(":now", millis(now))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let watched = answer.attributes.as_ref().and_then(watched);
                Ok(Locked::Ours(self.held(token), watched))
            }
            Err(SdkError::ServiceError(error))
                if error.err().is_conditional_check_failed_exception() =>
            {
                let item = match error.into_err() {
                    aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                        failed,
                    ) => failed.item,
                    _ => None,
                };
                Ok(Locked::Held(holder(&item.unwrap_or_default())))
            }
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Renews the lease for as long as the value lives.
    fn held(&self, token: &str) -> Lock {
        let (tell, lost) = watch::channel(false);
        let (history, own) = (self.clone(), token.to_owned());
        let renewal = async move {
            let mut until = Timestamp::now() + LEASE;
            let mut pause = RENEWED_EVERY;
            loop {
                tokio::time::sleep(pause).await;
                let next = Timestamp::now() + LEASE;
                pause = match history.renew(&own, next).await {
                    Ok(true) => {
                        until = next;
                        RENEWED_EVERY
                    }
                    Err(_) if Timestamp::now() < until => RETRIED_EVERY,
                    Ok(false) | Err(_) => {
                        let _ = tell.send(true);
                        return;
                    }
                };
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the handle aborts it when the lock is dropped"
        )]
        let renewal = AbortOnDropHandle::new(tokio::spawn(renewal));
        Lock {
            history: self.clone(),
            token: token.to_owned(),
            lost,
            _renewal: renewal,
        }
    }

    /// Moves the lease's end. Whether it is still ours.
    async fn renew(&self, token: &str, until: Timestamp) -> Result<bool, StoreError> {
        self.change(
            token,
            "SET lease_until = :until",
            [(":until", millis(until))],
        )
        .await
    }

    async fn change<const N: usize>(
        &self,
        token: &str,
        update: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<bool, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(LOCK)))
            .update_expression(update)
            .condition_expression("holder = :token")
            .expression_attribute_values(":token", text(token));
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if error.err().is_conditional_check_failed_exception() =>
            {
                Ok(false)
            }
            Err(error) => Err(store_error(&error)),
        }
    }

    /// Remembers a verified release.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn add(&self, good: &Good) -> Result<(), StoreError> {
        let mut item = self.key(&format!("GOOD#{:.3}", good.at));
        let fields = [
            ("task_definition", Some(good.task_definition.as_str())),
            ("release", Some(good.release.as_str())),
            ("digest", Some(good.digest.as_str())),
            ("image", good.image.as_deref()),
            ("git_sha", good.git_sha.as_deref()),
            ("version", good.version.as_deref()),
            ("who", Some(good.who.as_str())),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                item.insert(name.to_owned(), text(value));
            }
        }
        item.insert("at".to_owned(), text(&good.at.to_string()));
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(|error| store_error(&error))?;
        Ok(())
    }

    /// The releases that were verified, the newest first.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn good(&self, at_most: i32) -> Result<Vec<Good>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :good)")
            .expression_attribute_values(":pk", text(&self.pk()))
            .expression_attribute_values(":good", text("GOOD#"))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(at_most)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.extend(good(&item.map_err(|error| store_error(&error))?));
            if found.len() >= usize::try_from(at_most).unwrap_or_default() {
                break;
            }
        }
        Ok(found)
    }

    fn pk(&self) -> String {
        format!("DEPLOY#{}", self.service)
    }

    fn key(&self, sk: &str) -> Item {
        [("pk", text(&self.pk())), ("sk", text(sk))]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl Lock {
    /// Resolves when the lease is somebody else's. Never, while it is ours.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Remembers what is watched, for `--resume`.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn watching(&self, watched: &Watched) -> Result<(), StoreError> {
        let made = watched.created_at.map(|at| at.to_string());
        self.history
            .change(
                &self.token,
                "SET deployment = :deployment, task_definition = :revision, deployment_created_at = :made",
                [
                    (":deployment", text(&watched.deployment)),
                    (":revision", text(&watched.task_definition)),
                    (":made", text(&made.unwrap_or_default())),
                ],
            )
            .await
            .map(|_| ())
    }

    /// Gives it back. With `done` there is nothing left to resume.
    ///
    /// # Errors
    /// As AWS says.
    pub async fn release(self, done: bool) -> Result<(), StoreError> {
        let update = match done {
            true => {
                "SET lease_until = :until REMOVE deployment, task_definition, deployment_created_at"
            }
            false => "SET lease_until = :until",
        };
        self.history
            .change(
                &self.token,
                update,
                [(":until", millis(Timestamp::UNIX_EPOCH))],
            )
            .await
            .map(|_| ())
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn millis(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}

fn string(item: &Item, name: &str) -> Option<String> {
    let value = item.get(name)?.as_s().ok()?;
    Some(value.clone()).filter(|value| !value.is_empty())
}

fn watched(item: &Item) -> Option<Watched> {
    Some(Watched {
        deployment: string(item, "deployment")?,
        task_definition: string(item, "task_definition")?,
        created_at: string(item, "deployment_created_at").and_then(|at| at.parse().ok()),
    })
}

fn holder(item: &Item) -> Holder {
    let until = item.get("lease_until").and_then(|value| value.as_n().ok());
    let until = until.and_then(|millis| millis.parse().ok());
    Holder {
        who: string(item, "who").unwrap_or_else(|| "somebody".to_owned()),
        since: string(item, "since").and_then(|at| at.parse().ok()),
        until: until
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or_else(|| Timestamp::now() + LEASE),
    }
}

fn good(item: &Item) -> Option<Good> {
    Some(Good {
        task_definition: string(item, "task_definition")?,
        release: string(item, "release").unwrap_or_default(),
        digest: string(item, "digest").unwrap_or_default(),
        image: string(item, "image"),
        git_sha: string(item, "git_sha"),
        version: string(item, "version"),
        who: string(item, "who").unwrap_or_else(|| "somebody".to_owned()),
        at: string(item, "at")?.parse().ok()?,
    })
}
