//! How the errors of a deploy are shown: their kind, which decides the exit code, and what to do
//! about each.

use jiff::Timestamp;
use t3nets_deploy::ecs::UpdateError;
use t3nets_deploy::error::{
    NotRolledBack, NotStarted, NothingEarlier, RolloutError, RolloutFailure,
};
use t3nets_deploy::lock::LockError;
use t3nets_deploy::rollout::{Failure, Undeployable};
use t3nets_deploy::scaling::ScaleError;
use t3nets_deploy::task_definition::PlanError;
use t3nets_router::aws::{AwsError, AwsErrorKind};

use crate::error::{CliError, ErrorKind};
use crate::hint::Hint;
use crate::terminal::text::shown_time;

impl From<RolloutError> for CliError {
    fn from(error: RolloutError) -> Self {
        match error {
            RolloutError::NotStarted(error) => error.into(),
            RolloutError::Failed(error) => error.into(),
        }
    }
}

/// Why a command that reads cannot tell: that nothing was changed goes without saying.
pub(crate) fn unread(error: NotStarted) -> CliError {
    match error {
        NotStarted::Aws(error) => CliError::aws("cannot read the state of the service", error),
        other => other.into(),
    }
}

impl From<NotStarted> for CliError {
    fn from(error: NotStarted) -> Self {
        let message = error.to_string();
        match error {
            NotStarted::Aws(error) => Self::aws(message, error),
            // As AWS says it of a cluster: what to check is the same.
            NotStarted::NoService { .. } => Self::aws(
                message.clone(),
                AwsError {
                    service: "ecs",
                    operation: "DescribeServices",
                    kind: AwsErrorKind::NotFound,
                    code: None,
                    message,
                    request_id: None,
                },
            )
            .code("no_service"),
            NotStarted::Undeployable {
                cluster,
                service,
                why,
            } => Self::not_ready(message)
                .code("undeployable")
                .hints(remedies(&why, &cluster, &service)),
            NotStarted::OtherFamily { .. } => Self::usage(message)
                .code("other_family")
                .hint("`--to` takes the number of one of its revisions")
                .hint(history()),
            NotStarted::Plan(error) => unplannable(message, &error),
            NotStarted::AlreadyRuns(_) => Self::usage(message)
                .code("already_runs")
                .hint_command("restart", "starts new tasks of it"),
            NotStarted::NoEarlier(_) => Self::failed(message)
                .code("nothing_earlier")
                .hint(history()),
            NotStarted::ImageGone { image, git_sha, .. } => image_gone(message, &image, git_sha),
            NotStarted::NothingEarlier(
                NothingEarlier::NoneVerified | NothingEarlier::ImagesGone(_),
            ) => Self::failed(message)
                .code("nothing_earlier")
                .hint("`--to REV` goes to any revision")
                .hint(history()),
            NotStarted::NoTaskDefinition(_)
            | NotStarted::Contended { .. }
            | NotStarted::NoDeployment => Self::failed(message),
        }
    }
}

/// What to do about a service that cannot be deployed to.
pub(crate) fn remedies(why: &Undeployable, cluster: &str, service: &str) -> Vec<Hint> {
    let anew = |purpose: &str| Hint::command("infra apply", purpose);
    let update = format!("aws ecs update-service --cluster {cluster} --service {service}");
    match why {
        Undeployable::Draining => vec![
            "wait until it is deleted: its last tasks are being stopped".into(),
            anew("creates it again after that"),
        ],
        Undeployable::Inactive => vec![anew("creates it again")],
        Undeployable::CodeDeploy => vec![
            "deploy with `aws deploy create-deployment`, as the service's deployment group does".into(),
            format!(
                "or have ECS deploy to it: `{update} --deployment-controller type=ECS`, https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-codedeploy-to-ecs-bluegreen.html"
            )
            .into(),
        ],
        Undeployable::External => vec![
            "deploy with the tool that makes its task sets (`aws ecs describe-services` lists them)"
                .into(),
            "or delete the service, and have Terraform create one whose controller is ECS".into(),
        ],
        Undeployable::OtherController(_) => {
            vec!["deploy with what that is, or use a service whose controller is ECS".into()]
        }
        Undeployable::NoRoom(_) => vec![
            format!(
                "give ECS room: `{update} --deployment-configuration minimumHealthyPercent=100,maximumPercent=200`"
            )
            .into(),
        ],
    }
}

fn history() -> Hint {
    Hint::command("history", "shows the verified releases")
}

fn unplannable(message: String, error: &PlanError) -> CliError {
    let shown = CliError::failed(message);
    match error {
        PlanError::WrongArchitecture { wanted, .. } => shown.hint(format!(
            "build it for {}, or set `cpu_architecture` and apply",
            wanted.docker_platform()
        )),
        PlanError::TooManyTags { .. } | PlanError::InvalidTag { .. } => {
            shown.hint("remove or rename it in the Terraform that sets it, and apply")
        }
        PlanError::NoContainer { .. } => {
            shown.hint("`container` in t3nets.toml names the router's container")
        }
        PlanError::NotPinned(_) | PlanError::UnknownArchitecture { .. } => shown,
    }
}

fn image_gone(message: String, image: &str, git_sha: Option<String>) -> CliError {
    let shown = CliError::failed(message)
        .code("image_gone")
        .detail(format!(
            "ECR has no `{image}`: its lifecycle rule, or a person, deleted it"
        ))
        .hint_command(
            "history",
            "shows the releases whose images are still in the registry",
        );
    let from = match git_sha {
        Some(commit) => format!("from commit {commit}"),
        None => "from its commit".to_owned(),
    };
    shown.hint(Hint::command(
        "deploy",
        format!("builds it again, if it is run {from}"),
    ))
}

impl From<LockError> for CliError {
    fn from(error: LockError) -> Self {
        let message = error.to_string();
        match error {
            LockError::Held { lease, .. } => {
                let since = lease.since;
                let since =
                    since.map_or_else(String::new, |at| format!(" since {}", shown_time(at)));
                Self::failed(format!("{message}{since}"))
                    .code("deploy_locked")
                    .hint(format!(
                        "if that deploy is dead, its lock ends by itself within {} s",
                        lease
                            .until
                            .duration_since(Timestamp::now())
                            .as_secs()
                            .max(0)
                            + 1
                    ))
            }
            LockError::Aws(error) => Self::aws(message, error),
            LockError::Randomness(error) => Self::failed(message).caused_by(error),
        }
    }
}

impl From<ScaleError> for CliError {
    fn from(error: ScaleError) -> Self {
        let message = error.to_string();
        match error {
            ScaleError::NotStarted(error) => error.into(),
            ScaleError::Autoscaled { .. } => Self::usage(message)
                .code("autoscaled")
                .hint("`desired_count` and `autoscaling_max_count` are its bounds"),
            ScaleError::Failed {
                failure,
                is_placeholder,
                ..
            } => {
                let shown = failed(ErrorKind::NotRolledBack, message, &failure).code("tasks_fail");
                match is_placeholder {
                    true => shown
                        .detail("nothing was deployed yet")
                        .hint(first_deploy()),
                    false => shown,
                }
            }
            ScaleError::Superseded { .. } => Self::failed(message)
                .code("superseded")
                .hint_command("status", "shows what runs"),
            ScaleError::Unwatched { source, .. } => Self::aws(message, source),
            ScaleError::TimedOut { failure, .. } => {
                let shown = match failure {
                    Some(failure) => failed(ErrorKind::TimedOut, message, &failure),
                    None => Self::new(ErrorKind::TimedOut, message),
                };
                shown.hint_command("status", "shows what keeps them")
            }
        }
    }
}

impl From<RolloutFailure> for CliError {
    fn from(error: RolloutFailure) -> Self {
        let message = error.to_string();
        match error {
            RolloutFailure::Update(UpdateError::Refused { source, .. }) => {
                Self::aws(format!("{message}; it runs on as before"), source)
            }
            RolloutFailure::Update(UpdateError::Unanswered { source, .. }) => {
                Self::aws(message, source)
                    .hint_command("status", "shows what it runs")
                    .hint_command("deploy --resume", "watches that")
            }
            RolloutFailure::Unwatched(source) => Self::aws(message, source)
                .hint("the rollout goes on by itself")
                .hint(watch_again()),
            RolloutFailure::RolledBack { failure, .. } => {
                failed(ErrorKind::RolledBack, message, &failure)
            }
            RolloutFailure::RolledBackByEcs(rollback) => {
                failed(ErrorKind::RolledBack, message, &rollback.failure)
            }
            RolloutFailure::NotRolledBack { failure, reason } => {
                not_rolled_back(message, &failure, &reason)
            }
            RolloutFailure::Superseded { .. } => Self::failed(message)
                .code("superseded")
                .hint_command("status", "shows what runs"),
            RolloutFailure::TimedOut { failure, .. } => {
                let shown = match failure {
                    Some(failure) => failed(ErrorKind::TimedOut, message, &failure),
                    None => Self::new(ErrorKind::TimedOut, message),
                };
                shown
                    .hint("the rollout goes on by itself")
                    .hint(watch_again())
            }
            RolloutFailure::LeftRunning => {
                Self::new(ErrorKind::Interrupted, message).hint(watch_again())
            }
            RolloutFailure::LockLost => Self::failed(message).code("lock_lost").hint(watch_again()),
        }
    }
}

fn watch_again() -> Hint {
    Hint::command("deploy --resume", "watches it again")
}

fn first_deploy() -> Hint {
    Hint::command("deploy", "deploys the first release")
}

/// Where what the tasks wrote is to be read.
fn logs(failure: &Failure) -> Hint {
    if let Some(log) = &failure.log
        && let Some(destination) = &log.destination
    {
        return format!("the log of `{}` goes {destination}", log.container).into();
    }
    match &failure.task {
        Some(task) => {
            let short = task.get(..8).unwrap_or(task);
            Hint::command(format!("logs --task {short}"), "shows all that it wrote")
        }
        None => Hint::command("logs", "shows the tasks' logs"),
    }
}

fn not_rolled_back(message: String, failure: &Failure, reason: &NotRolledBack) -> CliError {
    let why_not = match reason {
        NotRolledBack::SwitchedOff => "`--no-rollback` was given".to_owned(),
        reason => reason.to_string(),
    };
    let shown = failed(ErrorKind::NotRolledBack, message, failure).detail(why_not);
    shown.hint(match reason {
        NotRolledBack::NothingDeployed => first_deploy(),
        _ => Hint::command(
            "rollback",
            "goes back to the last verified release, if there is one",
        ),
    })
}

/// Cause, reason and stop code; what to do about it, and where to read more.
fn failed(kind: ErrorKind, message: String, failure: &Failure) -> CliError {
    let times = match failure.stops {
        0 | 1 => String::new(),
        times => format!(" ({times} times)"),
    };
    let mut shown = CliError::new(kind, message).detail(format!("{}{times}", failure.cause));
    if !failure.reason.is_empty() {
        let code = failure.stop_code.as_ref();
        let code = code.map_or_else(String::new, |code| format!(" ({code})"));
        shown = shown.detail(format!("{}{code}", failure.reason));
    }
    let remedy = failure.cause.remedy().map(Hint::from);
    shown.hints(remedy).hint(logs(failure))
}

#[cfg(test)]
mod tests {
    use t3nets_deploy::ecs::states::StopCode;
    use t3nets_deploy::rollout::{Cause, EcsRollback, FailureLog, Progress};

    use super::*;

    fn failure() -> Failure {
        Failure {
            cause: Cause::Exited {
                container: "router".to_owned(),
                exit_code: Some(7),
            },
            stops: 2,
            task: Some("0123".to_owned()),
            stop_code: Some(StopCode::EssentialContainerExited),
            reason: "Essential container in task exited".to_owned(),
            ..Failure::without_task(Cause::Stopped, "")
        }
    }

    #[test]
    fn a_command_that_reads_does_not_say_that_nothing_was_changed() {
        let unreachable = || AwsError {
            service: "ecs",
            operation: "DescribeServices",
            kind: AwsErrorKind::Unreachable,
            code: None,
            message: "AWS cannot be reached".to_owned(),
            request_id: None,
        };
        let read = unread(NotStarted::Aws(unreachable()));
        assert_eq!(read.message, "cannot read the state of the service");
        let changing = CliError::from(NotStarted::Aws(unreachable()));
        assert!(changing.message.contains("nothing was changed"));
        for error in [read, changing] {
            assert_eq!(error.causes(), ["AWS cannot be reached"]);
        }
    }

    fn code(failure: RolloutFailure) -> u8 {
        CliError::from(failure).kind.exit_code()
    }

    #[test]
    fn each_end_has_the_code_that_is_promised() {
        let to = "t3nets-dev-router:4".to_owned();
        let rolled_back = RolloutFailure::RolledBack {
            failure: failure(),
            to,
        };
        assert_eq!(code(rolled_back), 5);
        let by_ecs = EcsRollback {
            to: None,
            failure: failure(),
        };
        assert_eq!(code(RolloutFailure::RolledBackByEcs(by_ecs)), 5);
        let not_rolled_back = RolloutFailure::NotRolledBack {
            failure: failure(),
            reason: NothingEarlier::NoneVerified.into(),
        };
        assert_eq!(code(not_rolled_back), 6);
        let timed_out = RolloutFailure::TimedOut {
            progress: Progress::default(),
            failure: None,
        };
        assert_eq!(code(timed_out), 7);
        assert_eq!(code(RolloutFailure::LeftRunning), 130);
        assert_eq!(code(RolloutFailure::LockLost), 1);
        let superseded = RolloutFailure::Superseded {
            revision: "task-definition/t3nets-dev-router:9".into(),
            by: None,
        };
        assert_eq!(code(superseded), 1);
    }

    #[test]
    fn a_failure_is_told_with_cause_reason_and_stop_code() {
        let error = CliError::from(RolloutFailure::NotRolledBack {
            failure: failure(),
            reason: NothingEarlier::NoneVerified.into(),
        });
        assert_eq!(
            error.causes(),
            [
                "container `router` ended with exit code 7 (2 times)",
                "Essential container in task exited (EssentialContainerExited)",
                "no earlier release was verified, so there is nothing to go back to",
            ]
        );
    }

    #[test]
    fn only_whoever_switched_rolling_back_off_is_told_of_the_flag() {
        let why = |reason| {
            let failure = failure();
            let error = CliError::from(RolloutFailure::NotRolledBack { failure, reason });
            error.causes().last().cloned().unwrap()
        };
        assert!(why(NotRolledBack::SwitchedOff).contains("--no-rollback"));
        assert!(!why(NotRolledBack::SameRevision).contains("--no-rollback"));
        assert!(!why(NotRolledBack::WasRollback).contains("--no-rollback"));
        assert!(!why(NotRolledBack::NothingDeployed).contains("--no-rollback"));
    }

    #[test]
    fn what_was_left_running_can_be_resumed() {
        let error = CliError::from(RolloutFailure::LeftRunning);
        let hints: Vec<String> = error.hints.iter().map(ToString::to_string).collect();
        assert_eq!(hints, ["`t3nets deploy --resume` watches it again"]);
    }

    #[test]
    fn where_to_read_more_is_the_tasks_own_log_or_where_that_goes() {
        let mut failure = failure();
        failure.task = Some("4bf2e600a1b2c3d4".to_owned());
        let read = |failure: &Failure| logs(failure).to_string();
        assert_eq!(
            read(&failure),
            "`t3nets logs --task 4bf2e600` shows all that it wrote"
        );
        failure.log = Some(Box::new(FailureLog {
            container: "collector".to_owned(),
            destination: Some("through the log driver `splunk`".to_owned()),
        }));
        assert_eq!(
            read(&failure),
            "the log of `collector` goes through the log driver `splunk`"
        );
    }

    #[test]
    fn a_cause_that_has_one_is_told_with_its_remedy() {
        let stuck = Failure::without_task(Cause::DeploymentConfiguration, "");
        let error = CliError::from(RolloutFailure::NotRolledBack {
            failure: stuck,
            reason: NotRolledBack::SameRevision,
        });
        assert!(error.hints[0].to_string().contains("maximumPercent"));
    }

    #[test]
    fn a_service_that_cannot_be_deployed_to_is_not_ready_and_has_a_remedy() {
        for why in [
            Undeployable::Draining,
            Undeployable::Inactive,
            Undeployable::CodeDeploy,
            Undeployable::External,
            Undeployable::OtherController("LATER".to_owned()),
        ] {
            let error = CliError::from(NotStarted::Undeployable {
                cluster: "c".to_owned(),
                service: "s".to_owned(),
                why,
            });
            assert_eq!(error.kind, ErrorKind::NotReady);
            assert!(!error.hints.is_empty(), "{error:?}");
        }
    }
}
