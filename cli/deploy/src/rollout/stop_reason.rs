//! Why a task ended, and whether that speaks against the release.
//!
//! ECS gives a code and a sentence, and the code alone does not decide: the sentences are at
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>.
//! They are matched loosely, by the words that carry the meaning, since AWS rewords them.

use super::{Cause, Container, Failure, FailureLog, Task};
use crate::ecs::states::StopCode;
use crate::task_definition::TaskDefinition;

/// What a process ends with that obeys SIGTERM.
const BY_SIGTERM: i32 = 128 + 15;
/// What a process ends with that SIGKILL ends.
const BY_SIGKILL: i32 = 128 + 9;

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

/// The containers of a task, as far as they matter to why it ends.
#[derive(Debug, Clone)]
pub struct TaskContainers {
    /// The one that matters most.
    router: String,
    /// Those that may end without the task ending.
    optional: Vec<String>,
}

impl From<&str> for TaskContainers {
    fn from(router: &str) -> Self {
        Self {
            router: router.to_owned(),
            optional: Vec::new(),
        }
    }
}

impl TaskContainers {
    /// Those of a revision, of which `router` matters most.
    pub fn of(definition: &TaskDefinition, router: &str) -> Self {
        Self {
            router: router.to_owned(),
            optional: definition.optional_containers(),
        }
    }

    /// Those that the task cannot do without.
    fn essential<'t>(&self, task: &'t Task) -> impl Iterator<Item = &'t Container> {
        let containers = task.containers.iter();
        containers.filter(|one| !self.optional.contains(&one.name))
    }

    /// Why a task ended, if that speaks against its release.
    pub fn failure(&self, task: &Task) -> Option<Failure> {
        match stop_reason(task, self) {
            StopReason::Failure { cause, .. } => Some(self.failure_of(task, cause, 1)),
            StopReason::Unknown | StopReason::Unrelated => None,
        }
    }

    /// What is known of a failure that a task shows, and that ended so many.
    pub(super) fn failure_of(&self, task: &Task, cause: Cause, stops: usize) -> Failure {
        // What a container could not do says more than that the task could not.
        let detail = task
            .containers
            .iter()
            .map(|container| container.reason.as_str())
            .find(|reason| !reason.is_empty() && !task.stopped_reason.contains(*reason));
        let reason = match detail {
            Some(detail) if task.stopped_reason.is_empty() => detail.to_owned(),
            Some(detail) => format!("{}: {detail}", task.stopped_reason),
            None => task.stopped_reason.clone(),
        };
        Failure {
            cause,
            stops,
            task: Some(task.id.clone()),
            stop_code: task.stop_code.clone(),
            reason,
            log: Some(Box::new(FailureLog {
                container: self.telling(task).to_owned(),
                destination: None,
            })),
        }
    }

    /// The container whose log says why a task ended.
    pub(super) fn telling<'t>(&'t self, task: &'t Task) -> &'t str {
        let is_killed = |one: &&Container| one.reason.to_lowercase().contains(OUT_OF_MEMORY);
        let killed = self.essential(task).find(is_killed);
        let by_itself = match &task.stop_code {
            Some(StopCode::EssentialContainerExited) | None => guilty_container(task, self),
            // The others end all containers, whatever these did.
            Some(_) => None,
        };
        let telling = killed.or(by_itself);
        telling.map_or(&self.router, |one| &one.name)
    }
}

/// What ECS says of a container that took more memory than it has, in small letters.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/out-of-memory.html>
const OUT_OF_MEMORY: &str = "outofmemory";

/// What a task's end says about the release.
pub(super) fn stop_reason(task: &Task, containers: &TaskContainers) -> StopReason {
    if !task.is_stopped() && !task.is_to_stop() {
        return StopReason::Unknown;
    }
    let reason = in_small_letters(&task.stopped_reason);
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
        Some(StopCode::EssentialContainerExited) => exited(task, containers),
        // ECS says why as soon as it begins to stop a task, so the word comes later only when reads
        // lag.
        Some(StopCode::Other(_)) | None if !task.is_stopped() => StopReason::Unknown,
        Some(StopCode::Other(_)) | None => without_known_code(task, &reason, containers),
    }
}

/// Of a task without a code, or with one that this program does not know.
fn without_known_code(task: &Task, reason: &str, containers: &TaskContainers) -> StopReason {
    if let Some(cause) = failing_health_check(reason) {
        curable(cause)
    } else if says_not_started(&all_reasons(task)) {
        not_started(task)
    } else if task.containers.iter().any(|one| one.exit_code.is_some()) {
        exited(task, containers)
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

/// As ECS's sentences are compared: it writes `can't` with either apostrophe.
pub(crate) fn in_small_letters(text: &str) -> String {
    text.to_lowercase().replace('\u{2019}', "'")
}

/// Everything that is said of why, in small letters.
fn all_reasons(task: &Task) -> String {
    let mut text = in_small_letters(&task.stopped_reason);
    for container in &task.containers {
        text.push('\n');
        text.push_str(&in_small_letters(&container.reason));
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
    [
        "cannot",
        "resourceinitializationerror",
        "unable to assume",
        "containerruntimeerror",
        "containerruntimetimeouterror",
        "dockertimeouterror",
        "the task can't",
    ]
    .iter()
    .any(|word| reasons.contains(word))
}

fn not_started(task: &Task) -> StopReason {
    let (cause, is_curable) = why_not_started(&all_reasons(task));
    StopReason::Failure { cause, is_curable }
}

/// The cause, and whether another try could go better: what is missing stays missing, what is out
/// of reach may come back.
pub(crate) fn why_not_started(reasons: &str) -> (Cause, bool) {
    let has = |words: &[&str]| words.iter().any(|word| reasons.contains(word));
    let denied = has(&[
        "accessdenied",
        "access denied",
        "not authorized",
        "403 forbidden",
        "unauthorized",
        "no basic auth",
        "role has the permissions",
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
        "connection issue",
        "network connection",
        "network configuration",
        "request canceled",
        "context canceled",
    ]);
    if is_wrong_architecture(reasons) {
        (Cause::WrongArchitecture, false)
    } else if has(&["unable to assume"]) {
        (Cause::Role, false)
    } else if has(&[
        "cannotpull",
        "pull image",
        "pull access denied",
        "pull the image",
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
        "environment variable files",
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
        "not compatible with the selected compute strategy",
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

fn exited(task: &Task, containers: &TaskContainers) -> StopReason {
    let reasons = all_reasons(task);
    // The kernel's refusal is in no answer of ECS: the container's log has it.
    let mut lines = task.last_lines.iter().map(|line| line.to_lowercase());
    if is_wrong_architecture(&reasons) || lines.any(|line| is_wrong_architecture(&line)) {
        return StopReason::Failure {
            cause: Cause::WrongArchitecture,
            is_curable: false,
        };
    }
    let said = std::iter::once(&task.stopped_reason)
        .chain(containers.essential(task).map(|one| &one.reason));
    if said
        .into_iter()
        .any(|text| text.to_lowercase().contains(OUT_OF_MEMORY))
    {
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
    let guilty = guilty_container(task, containers);
    curable(Cause::Exited {
        container: guilty
            .map_or(&containers.router, |one| &one.name)
            .to_owned(),
        exit_code: guilty.and_then(|one| one.exit_code),
    })
}

/// The container that ended by itself. When an essential one ends, ECS ends the others: what
/// SIGTERM and SIGKILL leave behind is not the cause. One that is not essential ends nothing.
fn guilty_container<'a>(task: &'a Task, containers: &TaskContainers) -> Option<&'a Container> {
    let is_router = |one: &Container| one.name == containers.router;
    let has_ended = |one: &Container| one.exit_code.is_some();
    let has_failed = |one: &Container| {
        one.exit_code
            .is_some_and(|code| !matches!(code, 0 | BY_SIGTERM | BY_SIGKILL))
    };
    let find =
        |wanted: &dyn Fn(&Container) -> bool| containers.essential(task).find(|one| wanted(one));
    find(&|one| is_router(one) && has_failed(one))
        .or_else(|| find(&has_failed))
        .or_else(|| find(&|one| is_router(one) && has_ended(one)))
        .or_else(|| find(&has_ended))
}
