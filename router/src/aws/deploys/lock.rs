//! The lock of a service's deployments: a lease that its holder renews.
//!
//! Whoever dies loses the lock by doing nothing. What stays in the item after that says which
//! deployment was being watched, so that watching it can be resumed.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::{Deploys, SOMEBODY, text};
use crate::aws::dynamodb::attributes::{Item, number, number_value, text_value};
use crate::aws::dynamodb::{Condition, Refusal, Update, Write};
use crate::aws::error::AwsError;

/// How long a lease lasts.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often it is renewed.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(20);
/// How soon a renewal that failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

/// The lock's sort key.
const LOCK: &str = "LOCK";

/// Attributes of the lock. The end of the lease is in milliseconds since 1970; other times are RFC
/// 3339.
const HOLDER: &str = "holder";
const WHO: &str = "who";
const SINCE: &str = "since";
const LEASE_UNTIL: &str = "lease_until";
const DEPLOYMENT: &str = "deployment";
const TASK_DEFINITION: &str = "task_definition";
const DEPLOYMENT_CREATED_AT: &str = "deployment_created_at";

/// The deployment that the lock's holder watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedDeployment {
    /// The id that ECS gave it.
    pub deployment: String,
    /// The ARN of the task definition's revision.
    pub task_definition: String,
    /// When ECS created it.
    pub created_at: Option<Timestamp>,
}

/// A lease that someone has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who has it, for people.
    pub who: String,
    /// When it was taken.
    pub since: Option<Timestamp>,
    /// When it ends, unless it is renewed.
    pub until: Timestamp,
}

/// The outcome of trying to take the lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// It was taken. With what its last holder watched and did not see end.
    Taken(DeployLock, Option<WatchedDeployment>),
    /// Someone else has it.
    Held(Lease),
}

/// The lock, while this process has it. Dropping it stops the renewal, so that the lease runs out;
/// [`DeployLock::release`] ends it at once.
#[derive(Debug)]
pub struct DeployLock {
    deploys: Deploys,
    token: String,
    lost: watch::Receiver<bool>,
    _renewal: AbortOnDropHandle<()>,
}

impl Deploys {
    /// Tries to take the lock. `token` must be this process's own; `who` is told to others who try.
    ///
    /// # Errors
    /// Whatever DynamoDB answers but that someone else has the lock.
    pub async fn lock(&self, who: &str, token: &str) -> Result<LockAttempt, AwsError> {
        let now = Timestamp::now();
        let take = Update::default()
            .set(HOLDER, text_value(token))
            .set(WHO, text_value(who))
            .set(SINCE, text_value(now.to_string()))
            .set(LEASE_UNTIL, millis(now + LEASE));
        let is_free = Condition::absent()
            .or(Condition::less(LEASE_UNTIL, millis(now)))
            // This process's own, by an attempt whose answer was lost.
            .or(held_by(token));
        let write = Write::update(self.key(LOCK), take)
            .when(is_free)
            .returning_item();
        match self.table.write(write).await {
            Ok(item) => {
                let watched = item.as_ref().and_then(watched);
                Ok(LockAttempt::Taken(self.keep(token), watched))
            }
            Err(Refusal::Condition(found)) => {
                Ok(LockAttempt::Held(lease(&found.unwrap_or_default())))
            }
            Err(
                Refusal::Conflict(error)
                | Refusal::Throttled(error)
                | Refusal::TooLarge(error)
                | Refusal::Unknown(error)
                | Refusal::Final(error),
            ) => Err(error),
        }
    }

    /// The lock that was taken, whose lease is renewed for as long as it lives.
    fn keep(&self, token: &str) -> DeployLock {
        let (tell, lost) = watch::channel(false);
        let (deploys, own) = (self.clone(), token.to_owned());
        let renewal = async move {
            let mut until = Timestamp::now() + LEASE;
            let mut pause = RENEWAL_INTERVAL;
            loop {
                tokio::time::sleep(pause).await;
                let next = Timestamp::now() + LEASE;
                let renewal = Update::default().set(LEASE_UNTIL, millis(next));
                pause = match deploys.change_lock(&own, renewal).await {
                    Ok(true) => {
                        until = next;
                        RENEWAL_INTERVAL
                    }
                    // Nobody else can take it before the lease ends.
                    Err(_) if Timestamp::now() < until => RETRY_INTERVAL,
                    Ok(false) | Err(_) => {
                        // Nobody listens any more if the lock was dropped.
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
        DeployLock {
            deploys: self.clone(),
            token: token.to_owned(),
            lost,
            _renewal: renewal,
        }
    }

    /// Changes the lock; `false` if this token has it no more.
    async fn change_lock(&self, token: &str, update: Update) -> Result<bool, AwsError> {
        let write = Write::update(self.key(LOCK), update).when(held_by(token));
        self.table.write_if(write).await
    }
}

impl DeployLock {
    /// Resolves once the lease has ended without a renewal, or someone else has it; never before.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Notes what is watched, so that watching it can be resumed by another process.
    ///
    /// # Errors
    /// Whatever DynamoDB answers but that someone else has the lock.
    pub async fn note_watched(&self, watched: &WatchedDeployment) -> Result<(), AwsError> {
        let created_at = watched.created_at.map(|at| at.to_string());
        let note = Update::default()
            .set(DEPLOYMENT, text_value(&watched.deployment))
            .set(TASK_DEFINITION, text_value(&watched.task_definition))
            .set(
                DEPLOYMENT_CREATED_AT,
                text_value(created_at.unwrap_or_default()),
            );
        self.deploys.change_lock(&self.token, note).await.map(drop)
    }

    /// Gives the lock back. With `is_done` there is nothing left to resume: what was watched is
    /// forgotten.
    ///
    /// # Errors
    /// Whatever DynamoDB answers but that someone else has the lock.
    pub async fn release(self, is_done: bool) -> Result<(), AwsError> {
        let mut release = Update::default().set(LEASE_UNTIL, millis(Timestamp::UNIX_EPOCH));
        if is_done {
            for attribute in [DEPLOYMENT, TASK_DEFINITION, DEPLOYMENT_CREATED_AT] {
                release = release.remove(attribute);
            }
        }
        self.deploys
            .change_lock(&self.token, release)
            .await
            .map(drop)
    }
}

fn held_by(token: &str) -> Condition {
    Condition::equals(HOLDER, text_value(token))
}

fn millis(at: Timestamp) -> AttributeValue {
    number_value(at.as_millisecond())
}

fn watched(item: &Item) -> Option<WatchedDeployment> {
    Some(WatchedDeployment {
        deployment: text(item, DEPLOYMENT)?,
        task_definition: text(item, TASK_DEFINITION)?,
        created_at: text(item, DEPLOYMENT_CREATED_AT).and_then(|at| at.parse().ok()),
    })
}

fn lease(item: &Item) -> Lease {
    let until: Option<i64> = number(item, LEASE_UNTIL).ok().flatten();
    Lease {
        who: text(item, WHO).unwrap_or_else(|| SOMEBODY.to_owned()),
        since: text(item, SINCE).and_then(|at| at.parse().ok()),
        until: until
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or_else(|| Timestamp::now() + LEASE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_and_what_was_watched_are_read_as_older_versions_wrote_them() {
        let item = Item::from([
            (WHO.to_owned(), text_value("ada")),
            (SINCE.to_owned(), text_value("2026-03-01T12:00:00Z")),
            (LEASE_UNTIL.to_owned(), number_value(1_772_366_460_000_i64)),
            (DEPLOYMENT.to_owned(), text_value("ecs-svc/1")),
            (TASK_DEFINITION.to_owned(), text_value("arn:x:3")),
            (DEPLOYMENT_CREATED_AT.to_owned(), text_value("")),
        ]);
        let held = lease(&item);
        assert_eq!(held.who, "ada");
        assert_eq!(held.until - LEASE, held.since.unwrap());
        assert_eq!(
            watched(&item),
            Some(WatchedDeployment {
                deployment: "ecs-svc/1".to_owned(),
                task_definition: "arn:x:3".to_owned(),
                created_at: None,
            })
        );
        assert_eq!(watched(&Item::new()), None);
        assert_eq!(lease(&Item::new()).who, SOMEBODY);
    }
}
