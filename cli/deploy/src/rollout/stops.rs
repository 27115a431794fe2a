//! Why a task ended, and whether that speaks against the release.
//!
//! The texts are ECS's: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>. They are
//! matched loosely, by the words that carry the meaning: AWS rewords them.

use std::fmt;

use super::{Cause, Task};

/// What a task's end means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It runs, or not enough is known yet.
    NotYet,
    /// It ended for a reason that is not the release's.
    Innocent,
    /// It ended because of the release.
    Counts {
        /// Why.
        cause: Cause,
        /// Whether another try could go better.
        curable: bool,
    },
}

/// What a task's end means. `router` is the container that matters most.
pub(super) fn stop(task: &Task, router: &str) -> Stop {
    if task.last_status != "STOPPED" && task.desired_status != "STOPPED" {
        return Stop::NotYet;
    }
    let reason = task.stopped_reason.to_lowercase();
    if is_about_the_host(&task.stop_code, &reason) {
        return Stop::Innocent;
    }
    match task.stop_code.as_str() {
        "SpotInterruption" | "TerminationNotice" | "UserInitiated" => Stop::Innocent,
        "ServiceSchedulerInitiated" => match failing_health_check(&reason) {
            Some(cause) => counts(cause),
            // Scaling in, draining an earlier deployment, moving to another zone.
            None => Stop::Innocent,
        },
        "TaskFailedToStart" => {
            if is_unknown(task) {
                return Stop::NotYet;
            }
            not_started(task)
        }
        "EssentialContainerExited" => exited(task, router),
        // ECS says why as soon as it begins to stop a task, so the word comes later only when reads lag.
        _ if task.last_status != "STOPPED" => Stop::NotYet,
        _ if let Some(cause) = failing_health_check(&reason) => counts(cause),
        _ if says_not_started(&all_reasons(task)) => not_started(task),
        _ if task.containers.iter().any(|one| one.exit_code.is_some()) => exited(task, router),
        _ => Stop::Innocent,
    }
}

fn counts(cause: Cause) -> Stop {
    Stop::Counts {
        cause,
        curable: true,
    }
}

fn is_unknown(task: &Task) -> bool {
    task.last_status != "STOPPED" && all_reasons(task).trim().is_empty()
}

/// Everything that is said of why, in small letters.
fn all_reasons(task: &Task) -> String {
    let mut text = task.stopped_reason.to_lowercase();
    for container in &task.containers {
        text.push('\n');
        text.push_str(&container.reason.to_lowercase());
    }
    text
}

/// Spot, a host that goes away, capacity that is not there: as likely for any other release.
fn is_about_the_host(stop_code: &str, reason: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["capacity is unavailable", "capacityunavailable"]) || reason.starts_with("host ec2") {
        return true;
    }
    // These quote names of images and secrets, in which any word may be.
    !matches!(stop_code, "TaskFailedToStart" | "EssentialContainerExited")
        && has(&[
            "spot",
            "underlying infrastructure",
            "underlying host",
            "maintenance",
            "retirement",
            "agent",
        ])
}

fn failing_health_check(reason: &str) -> Option<Cause> {
    if !reason.contains("health check") {
        return None;
    }
    if reason.contains("container health") {
        Some(Cause::ContainerHealth)
    } else {
        Some(Cause::TargetHealth)
    }
}

fn says_not_started(reasons: &str) -> bool {
    ["cannot", "resourceinitializationerror", "unable to assume"]
        .iter()
        .any(|word| reasons.contains(word))
}

fn not_started(task: &Task) -> Stop {
    let (cause, curable) = why_not_started(&all_reasons(task));
    Stop::Counts { cause, curable }
}

/// The cause, and whether another try could go better: what is missing stays missing, what is out of reach may come back.
pub(super) fn why_not_started(reasons: &str) -> (Cause, bool) {
    let has = |words: &[&str]| words.iter().any(|word| reasons.contains(word));
    let denied = has(&[
        "accessdenied",
        "access denied",
        "not authorized",
        "403 forbidden",
        "unauthorized",
        "no basic auth",
    ]);
    let missing = has(&[
        "not found",
        "notfound",
        "not_found",
        "does not exist",
        "can't find",
        "manifest unknown",
        "no such",
        "invalid ssm parameters",
        "did not contain json key",
        "marked for deletion",
        "marked deleted",
        "unsupported protocol scheme",
        "invalid reference",
    ]);
    let unreachable = has(&[
        "timeout",
        "timed out",
        "deadline exceeded",
        "connection re",
        "i/o",
        "dial tcp",
        "no such host",
        "throttl",
        "toomanyrequests",
        "rate exceeded",
    ]);
    if is_wrong_architecture(reasons) {
        (Cause::WrongArchitecture, false)
    } else if has(&["unable to assume"]) {
        (Cause::Role, false)
    } else if has(&[
        "cannotpull",
        "pull image",
        "pull access denied",
        "getauthorizationtoken",
        "ecr:",
    ]) {
        // Docker says both in one breath: "pull access denied, repository does not exist or may require authorization".
        let cause = match denied && !missing {
            true => Cause::Role,
            false => Cause::ImageNotPulled,
        };
        (cause, unreachable || !(denied || missing))
    } else if has(&[
        "secret",
        "ssm param",
        "from ssm",
        "systems manager",
        "registry auth",
    ]) {
        let cause = match denied {
            true => Cause::Role,
            false => Cause::Secret,
        };
        (cause, unreachable || !(denied || missing))
    } else if has(&[
        "logger",
        "log group",
        "log stream",
        "log-group",
        "cloudwatch",
    ]) {
        (Cause::Log, unreachable || !(denied || missing))
    } else if denied {
        (Cause::Role, false)
    } else if has(&[
        "executable file not found",
        "no such file or directory",
        "permission denied: unknown",
    ]) {
        (Cause::NotStarted, false)
    } else {
        (Cause::NotStarted, true)
    }
}

fn is_wrong_architecture(text: &str) -> bool {
    text.contains("exec format error")
        || text.contains("no matching manifest for")
        || text.contains("does not match the specified platform")
        || (text.contains("descriptor matching platform"))
}

fn exited(task: &Task, router: &str) -> Stop {
    let reasons = all_reasons(task);
    let lines = task.last_lines.iter().map(|line| line.to_lowercase());
    if is_wrong_architecture(&reasons) || lines.into_iter().any(|line| is_wrong_architecture(&line))
    {
        return Stop::Counts {
            cause: Cause::WrongArchitecture,
            curable: false,
        };
    }
    if reasons.contains("outofmemory") {
        return counts(Cause::OutOfMemory);
    }
    // A container that could not be made has no exit code, and says so.
    if says_not_started(&reasons) {
        return not_started(task);
    }
    let ended = |task: &'_ Task| {
        task.containers
            .iter()
            .any(|container| container.exit_code.is_some())
    };
    if !ended(task) && task.last_status != "STOPPED" {
        return Stop::NotYet;
    }
    // When one ends, ECS ends the others: what SIGTERM and SIGKILL leave behind is not the cause.
    let own = |code: &i32| !matches!(code, 143 | 137);
    let by = |wanted: &dyn Fn(&super::Container) -> bool| {
        task.containers.iter().find(|container| wanted(container))
    };
    let guilty =
        by(&|c| c.name == router && c.exit_code.is_some_and(|code| code != 0 && own(&code)))
            .or_else(|| by(&|c| c.exit_code.is_some_and(|code| code != 0 && own(&code))))
            .or_else(|| by(&|c| c.name == router && c.exit_code.is_some()))
            .or_else(|| by(&|c| c.exit_code.is_some()));
    counts(Cause::Exited {
        container: guilty
            .map_or(router, |container| &container.name)
            .to_owned(),
        exit_code: guilty.and_then(|container| container.exit_code),
    })
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited {
                container,
                exit_code: Some(code),
            } => write!(f, "container `{container}` ended with exit code {code}"),
            Self::Exited {
                container,
                exit_code: None,
            } => write!(f, "container `{container}` ended"),
            Self::OutOfMemory => f.write_str("a container ran out of memory"),
            Self::ImageNotPulled => f.write_str("the image cannot be pulled"),
            Self::WrongArchitecture => f.write_str("the image is built for another architecture"),
            Self::Role => f.write_str("a role is missing, or lacks a permission"),
            Self::Secret => f.write_str("a secret or parameter cannot be read"),
            Self::Log => f.write_str("the log cannot be written to"),
            Self::NotStarted => f.write_str("a task cannot start"),
            Self::ContainerHealth => f.write_str("the container's health check fails"),
            Self::TargetHealth => f.write_str("the load balancer's health check fails"),
            Self::NotLaunched => f.write_str("ECS cannot launch tasks"),
            Self::Stopped => f.write_str("the deployment was ended"),
            Self::Unwanted => f.write_str("a rollback was asked for"),
            Self::ServiceGone => f.write_str("the service is gone"),
            Self::NotVerified => f.write_str("it runs, but does not answer as the new release"),
        }
    }
}
