//! Why a task ended, and whether that speaks against the release.
//!
//! ECS gives a code and a sentence, and the code alone does not decide: the sentences are at
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>.
//! They are matched loosely, by the words that carry the meaning, since AWS rewords them.

use std::fmt;

use serde::Serialize;

use super::{Container, Task};
use crate::ecs::states::StopCode;

/// What a process ends with that obeys SIGTERM.
const BY_SIGTERM: i32 = 128 + 15;
/// What a process ends with that SIGKILL ends.
const BY_SIGKILL: i32 = 128 + 9;

/// Why a release fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// An essential container ended.
    Exited {
        /// The container's name.
        container: String,
        /// What its process ended with, if that is known.
        exit_code: Option<i32>,
    },
    /// A container took more memory than it has.
    OutOfMemory,
    /// The image cannot be pulled.
    ImageNotPulled,
    /// The image is built for another architecture.
    WrongArchitecture,
    /// A role cannot be assumed, or lacks a permission.
    Role,
    /// A secret or parameter cannot be read.
    Secret,
    /// The log cannot be written to.
    Log,
    /// It does not start for another reason.
    NotStarted,
    /// A container's own health check fails.
    ContainerHealth,
    /// The load balancer's health check fails.
    TargetHealth,
    /// ECS cannot launch tasks at all.
    NotLaunched,
    /// ECS, an alarm or a person ended the deployment.
    Stopped,
    /// The person at the terminal asked for a rollback.
    Unwanted,
    /// The service was deleted.
    ServiceGone,
    /// It runs, but does not answer as the new release.
    NotVerified,
}

/// What a task's end says about the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StopReason {
    /// Nothing yet: it runs, or reads do not show enough.
    Unknown,
    /// Nothing: it ended for a reason that any other release would have met.
    Unrelated,
    /// It cannot run.
    Failure {
        /// The cause.
        cause: Cause,
        /// Whether another task could do better.
        is_curable: bool,
    },
}

/// What a task's end says about the release. `router` is the container that matters most.
pub(super) fn stop_reason(task: &Task, router: &str) -> StopReason {
    if !task.is_stopped() && !task.is_to_stop() {
        return StopReason::Unknown;
    }
    let reason = task.stopped_reason.to_lowercase();
    if is_about_the_host(task.stop_code.as_ref(), &reason) {
        return StopReason::Unrelated;
    }
    match &task.stop_code {
        Some(
            StopCode::SpotInterruption | StopCode::TerminationNotice | StopCode::UserInitiated,
        ) => StopReason::Unrelated,
        // ECS gives this code to a failing health check as well as to scaling in, draining an
        // earlier deployment, and moving to another zone: the sentence alone tells them apart.
        Some(StopCode::ServiceSchedulerInitiated) => match failing_health_check(&reason) {
            Some(cause) => curable(cause),
            None => StopReason::Unrelated,
        },
        Some(StopCode::TaskFailedToStart) if is_without_reason(task) => StopReason::Unknown,
        Some(StopCode::TaskFailedToStart) => not_started(task),
        Some(StopCode::EssentialContainerExited) => exited(task, router),
        // ECS says why as soon as it begins to stop a task, so the word comes later only when reads
        // lag.
        Some(StopCode::Other(_)) | None if !task.is_stopped() => StopReason::Unknown,
        Some(StopCode::Other(_)) | None => without_known_code(task, &reason, router),
    }
}

/// Of a task without a code, or with one that this program does not know.
fn without_known_code(task: &Task, reason: &str, router: &str) -> StopReason {
    if let Some(cause) = failing_health_check(reason) {
        curable(cause)
    } else if says_not_started(&all_reasons(task)) {
        not_started(task)
    } else if task.containers.iter().any(|one| one.exit_code.is_some()) {
        exited(task, router)
    } else {
        StopReason::Unrelated
    }
}

fn curable(cause: Cause) -> StopReason {
    StopReason::Failure {
        cause,
        is_curable: true,
    }
}

/// Whether it is still being stopped and its reason is yet to come.
fn is_without_reason(task: &Task) -> bool {
    !task.is_stopped() && all_reasons(task).trim().is_empty()
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
fn is_about_the_host(stop_code: Option<&StopCode>, reason: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["capacity is unavailable", "capacityunavailable"]) || reason.starts_with("host ec2") {
        return true;
    }
    // These quote names of images and secrets, in which any word may be.
    let quotes = matches!(
        stop_code,
        Some(StopCode::TaskFailedToStart | StopCode::EssentialContainerExited)
    );
    !quotes
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

fn not_started(task: &Task) -> StopReason {
    let (cause, is_curable) = why_not_started(&all_reasons(task));
    StopReason::Failure { cause, is_curable }
}

/// The cause, and whether another try could go better: what is missing stays missing, what is out
/// of reach may come back.
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
        // Docker says both in one breath: "pull access denied, repository does not exist or may
        // require authorization".
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

fn exited(task: &Task, router: &str) -> StopReason {
    let reasons = all_reasons(task);
    // The kernel's refusal is in no answer of ECS: the container's log has it.
    let mut lines = task.last_lines.iter().map(|line| line.to_lowercase());
    if is_wrong_architecture(&reasons) || lines.any(|line| is_wrong_architecture(&line)) {
        return StopReason::Failure {
            cause: Cause::WrongArchitecture,
            is_curable: false,
        };
    }
    if reasons.contains("outofmemory") {
        return curable(Cause::OutOfMemory);
    }
    // A container that could not be made has no exit code, and says so.
    if says_not_started(&reasons) {
        return not_started(task);
    }
    let has_exit_code = task.containers.iter().any(|one| one.exit_code.is_some());
    if !has_exit_code && !task.is_stopped() {
        return StopReason::Unknown;
    }
    let guilty = guilty_container(task, router);
    curable(Cause::Exited {
        container: guilty.map_or(router, |one| &one.name).to_owned(),
        exit_code: guilty.and_then(|one| one.exit_code),
    })
}

/// The container that ended by itself. When an essential one ends, ECS ends the others: what
/// SIGTERM and SIGKILL leave behind is not the cause.
fn guilty_container<'a>(task: &'a Task, router: &str) -> Option<&'a Container> {
    let is_router = |one: &Container| one.name == router;
    let has_ended = |one: &Container| one.exit_code.is_some();
    let has_failed = |one: &Container| {
        one.exit_code
            .is_some_and(|code| !matches!(code, 0 | BY_SIGTERM | BY_SIGKILL))
    };
    let find = |wanted: &dyn Fn(&Container) -> bool| task.containers.iter().find(|one| wanted(one));
    find(&|one| is_router(one) && has_failed(one))
        .or_else(|| find(&has_failed))
        .or_else(|| find(&|one| is_router(one) && has_ended(one)))
        .or_else(|| find(&has_ended))
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
