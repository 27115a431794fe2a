//! What a service runs, in words: what its tasks show, and not what it was told.

use t3nets_deploy::rollout::{NothingRuns, Runs, Service};
use t3nets_deploy::session::ServiceSession;
use t3nets_deploy::task_definition::TaskDefinition;

/// What a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// The revisions that tasks run, the newest deployment's first.
    pub(crate) revisions: Vec<String>,
    /// Why there is none.
    pub(crate) why_none: Option<String>,
}

impl Running {
    /// As a look shows it; `told` is the revision that it is told to run. If nothing runs, asks why
    /// the last task ended.
    pub(crate) async fn of(
        session: &ServiceSession<'_>,
        service: &Service,
        told: Option<&TaskDefinition>,
    ) -> Self {
        let (name, why) = match service.runs() {
            Runs::Revisions(revisions) => {
                let names = revisions.iter().map(|one| one.name().to_owned());
                return Self {
                    revisions: names.collect(),
                    why_none: None,
                };
            }
            Runs::Nothing { told, why } => (told.name().to_owned(), why),
        };
        let is_placeholder = told.is_some_and(|told| {
            let template = session.target.template_arn.as_deref();
            told.is_placeholder(&session.target.container, template)
        });
        let last = match told {
            Some(told) if why != NothingRuns::NoneDesired => session.last_stop(told).await,
            Some(_) | None => None,
        };
        let last = last.map(|failure| match failure.reason.as_str() {
            "" => failure.cause.to_string(),
            reason => format!("{}: {reason}", failure.cause),
        });
        Self {
            revisions: Vec::new(),
            why_none: Some(in_words(&name, &why, is_placeholder, last.as_deref())),
        }
    }

    /// In one sentence.
    pub(crate) fn text(&self) -> String {
        match (&self.revisions[..], &self.why_none) {
            ([], Some(why)) => format!("nothing runs: {why}"),
            ([], None) => "nothing runs".to_owned(),
            ([one], _) => format!("{one} runs"),
            (more, _) => format!("{} run", more.join(" and ")),
        }
    }
}

/// Why nothing runs of a revision; `last` is why its last task ended.
fn in_words(name: &str, why: &NothingRuns, is_placeholder: bool, last: Option<&str>) -> String {
    let mut parts = Vec::new();
    if is_placeholder {
        parts.push("nothing was deployed yet".to_owned());
    }
    parts.push(match why {
        NothingRuns::Failed(reason) => {
            format!(
                "the rollout of {name} failed: {}",
                reason.trim_end_matches('.')
            )
        }
        NothingRuns::NoneDesired => format!("the desired count is 0; {name} is set"),
        NothingRuns::NotYet => format!("no task of {name} is running"),
    });
    parts.extend(last.map(|last| format!("its last task ended: {last}")));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_runs_is_said_with_what_was_last_and_why() {
        let failed = NothingRuns::Failed("tasks failed to start.".to_owned());
        assert_eq!(
            in_words(
                "r:1",
                &failed,
                true,
                Some("the image cannot be pulled: not found")
            ),
            "nothing was deployed yet; the rollout of r:1 failed: tasks failed to start; its last task ended: the image cannot be pulled: not found"
        );
        assert_eq!(
            in_words("r:2", &NothingRuns::NoneDesired, false, None),
            "the desired count is 0; r:2 is set"
        );
    }

    #[test]
    fn what_runs_is_named_in_one_sentence() {
        let running = |names: &[&str]| Running {
            revisions: names.iter().map(|name| (*name).to_owned()).collect(),
            why_none: None,
        };
        assert_eq!(running(&["r:2"]).text(), "r:2 runs");
        assert_eq!(running(&["r:3", "r:2"]).text(), "r:3 and r:2 run");
    }
}
