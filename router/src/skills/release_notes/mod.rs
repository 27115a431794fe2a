//! `release_notes`: which versions the team's Jira project has and when they are due, and what is
//! in one of them.
//!
//! How Jira is asked is in [`super::jira`]. In reading order: `version` reads versions and finds
//! the one that is meant; `calls` are what is asked; `report` computes the results, which are the
//! API of `--raw`; `wording` words them; `triggers` are the messages that mean them.

mod calls;
mod report;
pub(super) mod triggers;
mod version;
mod wording;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::jira::failure::invalid_input;
use super::jira::settings::{self, Site};
use super::jira::{Access, INTEGRATION, issue};
use super::rules::Trigger;
use super::{Skill, SkillCall, SkillError};
use crate::model::ToolSpec;

/// The longest name of a version that is looked for, in characters; Jira's are not longer.
const MAX_NAME_CHARS: usize = 255;

/// What an input may ask for.
const ACTIONS: &str = "the actions are `list_releases` and `summarize`";

/// The skill, with the client that all uses share.
pub struct ReleaseNotes {
    access: Access,
    triggers: Vec<Trigger>,
}

impl ReleaseNotes {
    /// The skill, with a way to Jira that it may share with others.
    pub fn through(access: Access) -> Self {
        Self {
            access,
            triggers: triggers::triggers(),
        }
    }
}

#[async_trait]
impl Skill for ReleaseNotes {
    fn name(&self) -> &'static str {
        "release_notes"
    }

    fn summary(&self) -> &'static str {
        "which releases there are and when they are due, and what is in one of them"
    }

    fn integration(&self) -> Option<&'static str> {
        Some(INTEGRATION)
    }

    fn tool(&self) -> ToolSpec {
        ToolSpec {
            name: self.name().to_owned(),
            description: "Reads the versions (releases) of the team's Jira project. `list_releases`: released and unreleased versions \
                          with their dates, the next and the latest one, and what is overdue. `summarize`: the issues of one \
                          version by type, done or not, for release notes."
                .to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "action": {
                        "type": "string",
                        "enum": Action::ALL.map(Action::as_str),
                        "description": "what to read; `list_releases` if absent and no version is named",
                    },
                    "version": {
                        "type": "string",
                        "description": "for `summarize`: the version's name or number, `latest` (released last) or `next`; `latest` if absent",
                    },
                },
                "additionalProperties": false,
            }),
        }
    }

    fn examples(&self) -> &'static [&'static str] {
        &["What is in the next release?"]
    }

    fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    async fn run(&self, call: &SkillCall, input: &Value) -> Result<Value, SkillError> {
        let version = version_name(input)?;
        let action = Action::read(input, version.is_some())?;
        let credentials = settings::of_call(call)?;
        // A board is needed only to find the project.
        let site = match credentials.text("project_key") {
            Some(_) => Site::read_without_board(credentials)?,
            None => Site::read(credentials)?,
        };
        let jira = self.access.to(&site);
        self.access
            .in_time(async {
                match action {
                    Action::ListReleases => {
                        report::releases(&site, call.now, &jira.releases().await?)
                    }
                    Action::Summarize => {
                        let findings = jira.release(version.as_deref()).await?;
                        report::summary(&site, call.now, &findings)
                    }
                }
            })
            .await
    }

    fn describe(&self, result: &Value) -> String {
        wording::describe(result)
    }
}

/// The version that is asked for; `None` if the input names none.
fn version_name(input: &Value) -> Result<Option<String>, SkillError> {
    let name = match input.get("version") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(name)) => issue::plain(name, MAX_NAME_CHARS),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => {
            return Err(invalid_input(
                "the version of `release_notes` is neither a name nor a number".to_owned(),
                "a version is named as Jira names it: `2.4`, `Checkout 2.4`",
            ));
        }
    };
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// What the skill is asked to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// The project's versions.
    ListReleases,
    /// The issues of one version.
    Summarize,
}

impl Action {
    const ALL: [Self; 2] = [Self::ListReleases, Self::Summarize];

    fn as_str(self) -> &'static str {
        match self {
            Self::ListReleases => "list_releases",
            Self::Summarize => "summarize",
        }
    }

    /// The action of an input that may hold anything. Where none is named, a version is reason to
    /// summarize it.
    fn read(input: &Value, names_version: bool) -> Result<Self, SkillError> {
        match input.get("action") {
            None | Some(Value::Null) if names_version => Ok(Self::Summarize),
            None | Some(Value::Null) => Ok(Self::ListReleases),
            Some(Value::String(name)) => Self::ALL
                .into_iter()
                .find(|action| action.as_str() == name)
                .ok_or_else(|| {
                    let name: String = name.chars().take(40).collect();
                    invalid_input(format!("`release_notes` has no action `{name}`"), ACTIONS)
                }),
            Some(_) => Err(invalid_input(
                "the action of `release_notes` is not a text".to_owned(),
                ACTIONS,
            )),
        }
    }
}
