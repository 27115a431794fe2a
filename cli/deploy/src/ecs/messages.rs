//! What a service's events and its deployments' reasons say, where nothing but a sentence does: ECS
//! gives no code with them. They are matched loosely, by the words that carry the meaning, since
//! AWS rewords them.
//!
//! [`KNOWN`] has every message that AWS documents; [`Cause`] has what each of them means and what
//! to do about it.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-unhealthy-event-messages.html>
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing-event-messages-list.html>

use crate::rollout::{Cause, in_small_letters, why_not_started};

/// What an event of a service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// How it goes on.
    News,
    /// What keeps tasks from starting or from being replaced.
    Trouble {
        /// What that is.
        cause: Cause,
        /// Whether it may pass.
        cure: Cure,
    },
    /// AWS documents no such message.
    Unknown,
}

/// Whether trouble may pass while ECS goes on trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// It may, and a deployment can wait for that.
    Waiting,
    /// It may once: a second event says that the first was no accident.
    Once,
    /// No retry cures it.
    Never,
}

/// What is known of a message.
enum Known {
    News,
    Trouble(Cause, Cure),
    /// A task could not even begin; the sentence that it quotes says why.
    NotLaunched,
}

use Known::{News, NotLaunched, Trouble};

/// The words of each known message, all of which are in it, in small letters; the first that fits
/// counts.
static KNOWN: [(&[&str], Known); 37] = [
    // What keeps a deployment from going on whatever its tasks are.
    (
        &["because of the service deployment configuration"],
        Trouble(Cause::DeploymentConfiguration, Cure::Never),
    ),
    (
        &["iam permissions policies have been misconfigured"],
        Trouble(Cause::Role, Cure::Never),
    ),
    (
        &["iam trust relationship has been misconfigured"],
        Trouble(Cause::Role, Cure::Never),
    ),
    (
        &["target group is not found"],
        Trouble(Cause::TargetGroupGone, Cure::Never),
    ),
    (
        &["requested cpu configuration is above your limit"],
        Trouble(Cause::AboveLimit, Cure::Never),
    ),
    (
        &["requested memory configuration is above your limit"],
        Trouble(Cause::AboveLimit, Cure::Never),
    ),
    // A task that could not begin.
    (&["unable to assume"], Trouble(Cause::Role, Cure::Never)),
    (&["failed to launch a task with (error"], NotLaunched),
    (&["failed to register targets in"], NotLaunched),
    // What may be there a little later.
    (
        &["reached the limit on the number of"],
        Trouble(Cause::Quota, Cure::Waiting),
    ),
    (
        &["provisioning capacity limit was exceeded"],
        Trouble(Cause::Throttled, Cure::Waiting),
    ),
    (
        &["operations are being throttled"],
        Trouble(Cause::Throttled, Cure::Waiting),
    ),
    (
        &["capacity is unavailable"],
        Trouble(Cause::NoCapacity, Cure::Waiting),
    ),
    (
        &["unable to place a task", "internal error"],
        Trouble(Cause::NotPlaced, Cure::Waiting),
    ),
    (
        &["encountered error \"agent\""],
        Trouble(Cause::NoAgent, Cure::Waiting),
    ),
    (
        &["timed out waiting for amazon ecs agent"],
        Trouble(Cause::NoAgent, Cure::Waiting),
    ),
    (
        &["no container instance met all of its requirements"],
        Trouble(Cause::NoInstance, Cure::Waiting),
    ),
    (
        &["no container instances were found in your capacity provider"],
        Trouble(Cause::NoInstance, Cure::Waiting),
    ),
    (
        &["could not launch", "for deployment"],
        Trouble(Cause::NoCapacity, Cure::Waiting),
    ),
    (
        &["unable to place a task"],
        Trouble(Cause::NotPlaced, Cure::Waiting),
    ),
    (
        &["protected tasks are more than the desired"],
        Trouble(Cause::ProtectedTasks, Cure::Waiting),
    ),
    (
        &["unable to reach steady state"],
        Trouble(Cause::NotPlaced, Cure::Waiting),
    ),
    // The tasks themselves show these, each with its reason: the events are no second failure.
    (
        &["is unhealthy in (target-group"],
        Trouble(Cause::TargetHealth, Cure::Waiting),
    ),
    (
        &["is unhealthy in (elb"],
        Trouble(Cause::TargetHealth, Cure::Waiting),
    ),
    (
        &["is not healthy in target-group"],
        Trouble(Cause::TargetHealth, Cure::Waiting),
    ),
    (
        &["unable to consistently start tasks"],
        Trouble(Cause::NotStarted, Cure::Waiting),
    ),
    // The deployment's own state says the same.
    (&["deployment failed:"], News),
    (&["rolling back to"], News),
    (&["has reached a steady state"], News),
    (&["has started"], News),
    (&["has stopped"], News),
    (&["registered"], News),
    (&["has begun draining connections"], News),
    (&["deployment", "completed"], News),
    (&["deployment", "in progress"], News),
    (&["az balanced"], News),
    (&["az rebalanc"], News),
];

/// What an event of a service says.
pub fn meaning(message: &str) -> Meaning {
    let message = in_small_letters(message);
    let known = KNOWN
        .iter()
        .find(|(words, _)| words.iter().all(|word| message.contains(word)));
    match known.map(|(_, known)| known) {
        None => Meaning::Unknown,
        Some(News) => Meaning::News,
        Some(Trouble(cause, cure)) => Meaning::Trouble {
            cause: cause.clone(),
            cure: *cure,
        },
        Some(NotLaunched) => {
            let (cause, is_curable) = why_not_started(&message);
            Meaning::Trouble {
                cause: match cause {
                    Cause::NotStarted => Cause::NotLaunched,
                    known => known,
                },
                cure: match is_curable {
                    true => Cure::Once,
                    false => Cure::Never,
                },
            }
        }
    }
}

/// Whether a deployment is being rolled back, was, or is what another one is rolled back to.
pub fn tells_of_rollback(text: &str) -> bool {
    let text = text.to_lowercase();
    ["rolling back", "rolled back", "rollback"]
        .iter()
        .any(|words| text.contains(words))
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
