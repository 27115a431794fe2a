//! What a deploy ends with: a result, or an error with a code of its own.

use serde::Serialize;

use crate::error::{CliError, ErrorKind, exit_code};
use crate::printer::{Printer, plain};
use t3nets_deploy::outcome::Outcome;
use t3nets_deploy::rollout::{Cause, Failure};

use super::work::resume_command;

/// How it ended, and where.
#[derive(Debug)]
pub(super) struct DeployOutput {
    outcome: Outcome,
    environment: String,
}

/// The result as one event more.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Ended<'a> {
    Released {
        revision: &'a str,
        release: &'a str,
        running: i32,
        verified: &'a str,
    },
    NothingRuns {
        revision: &'a str,
    },
}

impl DeployOutput {
    pub(super) fn new(outcome: Outcome, environment: &str) -> Self {
        Self {
            outcome,
            environment: environment.to_owned(),
        }
    }

    /// Shows a result, or returns the error.
    pub(super) fn show(self, printer: &Printer) -> Result<u8, CliError> {
        let (ended, text) = match &self.outcome {
            Outcome::Released {
                revision,
                release,
                running,
                verified,
            } => (
                Ended::Released {
                    revision,
                    release,
                    running: *running,
                    verified,
                },
                format!("{revision} runs in {}: {verified}", tasks(*running)),
            ),
            Outcome::NothingRuns { revision } => (
                Ended::NothingRuns { revision },
                format!(
                    "{revision} is set, but the service is to have no tasks; `t3nets scale 1 -e {}` starts one",
                    self.environment
                ),
            ),
            _ => return Err(self.error()),
        };
        if printer.is_json() {
            printer.json_line(&ended)?;
        } else {
            printer.write(&format!("{}\n", plain(&text)))?;
        }
        Ok(exit_code::DONE)
    }

    fn error(self) -> CliError {
        let environment = self.environment;
        let logs = format!("`t3nets logs -e {environment}` shows what the tasks wrote");
        match self.outcome {
            Outcome::RolledBack {
                failure,
                to,
                by_ecs,
            } => {
                let to = to.unwrap_or_else(|| "the earlier revision".to_owned());
                let by = if by_ecs { " by ECS" } else { "" };
                let failed_and = match failure.cause {
                    Cause::Unwanted => "",
                    _ => "failed and ",
                };
                failed(
                    ErrorKind::RolledBack,
                    &format!("the rollout {failed_and}was rolled back{by}: {to} runs"),
                    &failure,
                )
                .hint(logs)
            }
            Outcome::NotRolledBack { failure, why } => {
                let mut error = failed(
                    ErrorKind::NotRolledBack,
                    "the rollout failed and was not rolled back",
                    &failure,
                );
                if !why.is_empty() {
                    error.causes.push(why);
                }
                error.hint(logs).hint(format!(
                    "`t3nets rollback -e {environment}` goes back to the last verified release, if there is one"
                ))
            }
            Outcome::Superseded { revision, by } => {
                let by = by.map_or_else(String::new, |by| format!(" by `{by}`"));
                CliError::failed(format!("another deployment took its place: {revision}{by}"))
                    .hint(format!("`t3nets status -e {environment}` shows what runs"))
            }
            Outcome::TimedOut { progress, failure } => {
                let message = format!(
                    "it did not come up in time: {} of {} tasks run",
                    progress.running, progress.desired
                );
                let error = match failure {
                    Some(failure) => failed(ErrorKind::TimedOut, &message, &failure),
                    None => CliError::new(ErrorKind::TimedOut, message),
                };
                error.hint(format!(
                    "it goes on by itself; `{}` watches it again",
                    resume_command(&environment)
                ))
            }
            Outcome::LockLost => CliError::failed(
                "the lock was lost: somebody else may be deploying, so this watch ends",
            )
            .hint(format!(
                "`{}` watches it again",
                resume_command(&environment)
            )),
            Outcome::Left | Outcome::Released { .. } | Outcome::NothingRuns { .. } => {
                CliError::new(
                    ErrorKind::Interrupted,
                    "interrupted: the rollout goes on by itself",
                )
                .hint(format!(
                    "`{}` watches it again",
                    resume_command(&environment)
                ))
            }
        }
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn tasks(count: i32) -> String {
    match count {
        1 => "1 task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

fn failed(kind: ErrorKind, message: &str, failure: &Failure) -> CliError {
    let mut error = CliError::new(kind, message);
    let times = match failure.stops {
        0 | 1 => String::new(),
        times => format!(" ({times} times)"),
    };
    error.causes.push(format!("{}{times}", failure.cause));
    if !failure.reason.is_empty() {
        let code = match failure.stop_code.is_empty() {
            true => String::new(),
            false => format!(" ({})", failure.stop_code),
        };
        error.causes.push(format!("{}{code}", failure.reason));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint;
    use t3nets_deploy::rollout::Progress;

    fn failure() -> Failure {
        Failure {
            cause: Cause::Exited {
                container: "router".to_owned(),
                exit_code: Some(7),
            },
            stops: 2,
            task: Some("0123".to_owned()),
            stop_code: "EssentialContainerExited".to_owned(),
            reason: "Essential container in task exited".to_owned(),
        }
    }

    fn code(outcome: Outcome) -> u8 {
        DeployOutput::new(outcome, "dev").error().kind.exit_code()
    }

    #[test]
    fn each_end_has_the_code_that_is_promised() {
        let to = Some("t3nets-dev-router:4".to_owned());
        for by_ecs in [false, true] {
            let rolled_back = Outcome::RolledBack {
                failure: failure(),
                to: to.clone(),
                by_ecs,
            };
            assert_eq!(code(rolled_back), 5);
        }
        let why = "no earlier release was verified".to_owned();
        let failure = failure();
        assert_eq!(code(Outcome::NotRolledBack { failure, why }), 6);
        let progress = Progress::default();
        assert_eq!(
            code(Outcome::TimedOut {
                progress,
                failure: None
            }),
            7
        );
        assert_eq!(code(Outcome::Left), 130);
        assert_eq!(code(Outcome::LockLost), 1);
        let revision = "t3nets-dev-router:9".to_owned();
        assert_eq!(code(Outcome::Superseded { revision, by: None }), 1);
    }

    #[test]
    fn a_failure_is_told_with_cause_reason_and_stop_code() {
        let why = "no earlier release was verified".to_owned();
        let failure = failure();
        let error = DeployOutput::new(Outcome::NotRolledBack { failure, why }, "dev").error();
        assert_eq!(
            error.causes,
            [
                "container `router` ended with exit code 7 (2 times)",
                "Essential container in task exited (EssentialContainerExited)",
                "no earlier release was verified",
            ]
        );
    }

    #[test]
    fn what_was_left_running_can_be_resumed() {
        let error = DeployOutput::new(Outcome::Left, "dev").error();
        assert_eq!(
            error.hints,
            [Hint::from(
                "`t3nets deploy --resume -e dev` watches it again"
            )]
        );
    }
}
