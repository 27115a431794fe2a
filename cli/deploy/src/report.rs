//! What a deploy reports while it goes on, from the build to the rollback. Whoever shows it decides
//! how; with `--json` the events are an interface, each one line.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::rollout::{Cause, Failure, Progress};
use crate::task_definition::Change;

/// Is told what goes on, in order. Called often: it should return at once.
pub trait Reporter: Send + Sync {
    /// Something happened.
    fn report(&self, event: Event<'_>);
}

/// For those who want to know nothing.
impl Reporter for () {
    fn report(&self, _: Event<'_>) {}
}

impl dyn Reporter + '_ {
    /// Reports something worth knowing.
    pub fn note(&self, message: &str) {
        self.report(Event::Note {
            message,
            field: None,
        });
    }

    /// Reports what a deploy changes in the task definition.
    pub fn change(&self, change: &Change) {
        self.report(Event::Note {
            message: &change.to_string(),
            field: Some(&change.field),
        });
    }

    /// Reports that a step begins; what it returns reports its end.
    pub fn begin(&self, step: Step, detail: &str) -> RunningStep<'_> {
        self.report(Event::Started { step, detail });
        RunningStep {
            reporter: self,
            step,
            began: Instant::now(),
        }
    }
}

/// A step that was reported to have begun.
#[must_use]
pub struct RunningStep<'r> {
    reporter: &'r dyn Reporter,
    step: Step,
    began: Instant,
}

impl RunningStep<'_> {
    /// Reports that it ended well. One that fails ends with the error.
    pub fn done(self, detail: &str) {
        self.reporter.report(Event::Done {
            step: self.step,
            detail,
            took: self.began.elapsed(),
        });
    }
}

/// A step of a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The image is built.
    Build,
    /// An image that was pushed before is looked up, or whether one can run where the service does.
    Check,
    /// The image is sent to the registry.
    Push,
    /// The new revision is registered.
    Register,
    /// The service is told to run it.
    Update,
    /// Its tasks come up, or do not.
    Watch,
    /// It is asked from outside.
    Verify,
    /// The service goes back to an earlier release.
    Rollback,
}

impl Step {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Push => "push",
            Self::Register => "register",
            Self::Update => "update",
            Self::Watch => "watch",
            Self::Verify => "verify",
            Self::Rollback => "roll back",
        }
    }
}

/// What happened. Texts of others (a build's output, a log) may hold control characters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// A step of the deploy began.
    Started {
        /// The step.
        step: Step,
        /// What it works on.
        detail: &'a str,
    },
    /// A step of the deploy ended well.
    Done {
        /// The step.
        step: Step,
        /// What came of it.
        detail: &'a str,
        /// How long it took.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
    },
    /// A step of the Dockerfile began.
    StepStarted {
        /// Its line in the Dockerfile.
        name: &'a str,
    },
    /// A step of the Dockerfile ended well.
    StepDone {
        /// Its line in the Dockerfile.
        name: &'a str,
        /// Whether its result was in the builder's cache.
        cached: bool,
        /// How long it took.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
    },
    /// A step of the Dockerfile wrote a line.
    StepOutput {
        /// The line without its break.
        line: &'a str,
    },
    /// The registry already has a layer.
    LayerPresent {
        /// Its digest in the registry.
        digest: &'a str,
        /// In bytes, compressed.
        size: u64,
    },
    /// A part of a layer was sent.
    LayerSent {
        /// Its digest in the registry.
        digest: &'a str,
        /// In bytes, compressed.
        size: u64,
        /// How many bytes of it are sent; fewer than before if it has to be sent again.
        sent: u64,
    },
    /// A request to the registry failed in passing and is made again.
    Retrying {
        /// The failure.
        reason: &'a str,
    },
    /// How far the rollout is. Reported only when it changed.
    Progress {
        /// The counts.
        #[serde(flatten)]
        progress: &'a Progress,
        /// Since the watch began.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// ECS wrote an event of the service.
    Service {
        /// ECS's sentence.
        message: &'a str,
    },
    /// A task of the watched deployment ended.
    TaskStopped {
        /// The task's id.
        task: &'a str,
        /// ECS's word for why; empty where there is none.
        stop_code: &'a str,
        /// ECS's sentence.
        reason: &'a str,
        /// What its containers ended with: `router 7`.
        exit_codes: &'a [String],
        /// Whether it speaks against the release.
        counts: bool,
    },
    /// Something holds the rollout up that ECS told in an event of the service.
    Obstacle {
        /// What it is.
        #[serde(flatten)]
        cause: &'a Cause,
        /// What to do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        remedy: Option<&'a str>,
    },
    /// A line that a failing task wrote last.
    LogLine {
        /// The task's id.
        task: &'a str,
        /// The container that wrote it.
        container: &'a str,
        /// Whether the task has others.
        #[serde(skip)]
        has_others: bool,
        /// The line.
        line: &'a str,
    },
    /// AWS did not answer a question; the watch goes on.
    Trouble {
        /// The failure.
        message: &'a str,
    },
    /// The release fails.
    Failed {
        /// The cause, with what is known of it.
        #[serde(flatten)]
        failure: &'a Failure,
        /// What to do about it, where that is the same for everybody.
        #[serde(skip_serializing_if = "Option::is_none")]
        remedy: Option<&'a str>,
    },
    /// The person interrupts, and may be asked what they want.
    Interrupted,
    /// Something worth knowing.
    Note {
        /// One sentence.
        message: &'a str,
        /// The field of the task definition that changes, if it tells that.
        #[serde(skip)]
        field: Option<&'a str>,
    },
}

/// With one decimal place, which is as much as a person reads.
fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::states::{RolloutState, StopCode};

    #[track_caller]
    fn assert_line(event: Event<'_>, line: &str) {
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }

    #[test]
    fn an_events_json_is_an_interface_field_by_field_and_in_this_order() {
        assert_line(
            Event::Started {
                step: Step::Rollback,
                detail: "r:7",
            },
            r#"{"event":"started","step":"rollback","detail":"r:7"}"#,
        );
        assert_line(
            Event::StepDone {
                name: "RUN make",
                cached: false,
                took: Duration::from_millis(1260),
            },
            r#"{"event":"step_done","name":"RUN make","cached":false,"seconds":1.3}"#,
        );
        assert_line(
            Event::LayerSent {
                digest: "sha256:0",
                size: 2,
                sent: 1,
            },
            r#"{"event":"layer_sent","digest":"sha256:0","size":2,"sent":1}"#,
        );
        assert_line(
            Event::TaskStopped {
                task: "a",
                stop_code: "",
                reason: "",
                exit_codes: &["router 7".to_owned()],
                counts: true,
            },
            r#"{"event":"task_stopped","task":"a","stop_code":"","reason":"","exit_codes":["router 7"],"counts":true}"#,
        );
        assert_line(
            Event::LogLine {
                task: "a",
                container: "router",
                has_others: false,
                line: "l",
            },
            r#"{"event":"log_line","task":"a","container":"router","line":"l"}"#,
        );
        assert_line(
            Event::Obstacle {
                cause: &Cause::Throttled,
                remedy: Some("wait"),
            },
            r#"{"event":"obstacle","kind":"throttled","remedy":"wait"}"#,
        );
        assert_line(Event::Interrupted, r#"{"event":"interrupted"}"#);
        assert_line(
            Event::Note {
                message: "m",
                field: Some("f"),
            },
            r#"{"event":"note","message":"m"}"#,
        );
    }

    #[test]
    fn progress_and_failures_are_told_with_what_is_known_alone() {
        let mut progress = Progress::default();
        let elapsed = Duration::from_secs(2);
        assert_line(
            Event::Progress {
                progress: &progress,
                elapsed,
            },
            r#"{"event":"progress","state":"","desired":0,"running":0,"pending":0,"others":0,"failed":0,"seconds":2.0}"#,
        );
        progress.state = Some(RolloutState::InProgress);
        progress.healthy = Some(1);
        progress.note = Some("n".to_owned());
        assert_line(
            Event::Progress {
                progress: &progress,
                elapsed,
            },
            r#"{"event":"progress","state":"IN_PROGRESS","desired":0,"running":0,"pending":0,"others":0,"healthy":1,"failed":0,"note":"n","seconds":2.0}"#,
        );
        let mut failure = Failure::without_task(Cause::NotVerified, "");
        assert_line(
            Event::Failed {
                failure: &failure,
                remedy: None,
            },
            r#"{"event":"failed","kind":"not_verified","stops":0}"#,
        );
        failure.cause = Cause::Exited {
            container: "router".to_owned(),
            exit_code: Some(7),
        };
        failure.stop_code = Some(StopCode::EssentialContainerExited);
        failure.task = Some("a".to_owned());
        assert_line(
            Event::Failed {
                failure: &failure,
                remedy: None,
            },
            r#"{"event":"failed","kind":"exited","container":"router","exit_code":7,"stops":0,"task":"a","stop_code":"EssentialContainerExited"}"#,
        );
    }
}
