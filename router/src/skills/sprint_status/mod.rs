//! `sprint_status`: how a sprint of a Jira Cloud board is going, the active one or one that is
//! named, what blocks it, and which of its issues are the caller's.
//!
//! How Jira is asked is in [`super::jira`]. Who may ask, and which credentials are used, is decided
//! before a skill is called. In reading order: `calls` are what is asked; `named` finds the sprint
//! that is meant; `report` computes the result, which is the API of `--raw`; `wording` words it;
//! `triggers` are the messages that mean it.

mod calls;
mod named;
mod reach;
mod report;
pub(super) mod triggers;
mod wording;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::jira::failure::invalid_input;
use super::jira::settings::{self, Site};
use super::jira::{Access, INTEGRATION, Limits, issue};
use super::rules::Trigger;
use super::{Skill, SkillCall, SkillError, SkillErrorKind};
use crate::model::{SecretDocument, ToolSpec};
use crate::outbound::{ClientError, Reach};

/// The longest name of a sprint that is looked for, in characters; Jira's are shorter.
const MAX_NAME_CHARS: usize = 100;

/// What an input may ask for.
const ACTIONS: &str = "the actions are `status`, `blockers` and `mine`";

/// The skill, with the client that all uses share.
pub struct SprintStatus {
    access: Access,
    triggers: Vec<Trigger>,
}

impl SprintStatus {
    /// The skill with its usual limits; `reach` is where tenants' addresses may lead.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn new(reach: Reach) -> Result<Self, ClientError> {
        Ok(Self::through(Access::new(Limits::default(), reach)?))
    }

    /// The skill, with a way to Jira that it may share with others.
    pub fn through(access: Access) -> Self {
        Self {
            access,
            triggers: triggers::triggers(),
        }
    }

    /// Whether the credentials work: asks Jira who they are and for the board, and answers
    /// `{"account", "site", "board": {"id", "name", "type"}, "sprint"}`; `sprint` is the active one,
    /// `{"name", "issues"}`, or `null`. Where no board was chosen, the first boards that they reach
    /// take its place: `{"account", "site", "boards": [{"id", "name", "type"}], "more_boards"}`.
    ///
    /// # Errors
    /// What is wrong with the credentials or with Jira, with what to do about it.
    pub async fn check(&self, credentials: &SecretDocument) -> Result<Value, SkillError> {
        if credentials.text("board_id").is_none() {
            let site = Site::read_without_board(credentials)?;
            let jira = self.access.to(&site);
            return self
                .access
                .in_time(async {
                    // The account first: it says best what is wrong with the credentials.
                    let account = jira.account().await?;
                    let (boards, more) = jira.boards().await?;
                    Ok(json!({
                        "account": account,
                        "site": site.host(),
                        "boards": boards,
                        "more_boards": more,
                    }))
                })
                .await;
        }
        let site = Site::read(credentials)?;
        let jira = self.access.to(&site);
        self.access
            .in_time(async {
                let (account, board) = futures::try_join!(jira.account(), jira.board())?;
                Ok(json!({
                    "account": account,
                    "site": site.host(),
                    "board": {"id": site.board_id, "name": board.name, "type": board.kind},
                    "sprint": jira.active_sprint().await,
                }))
            })
            .await
    }
}

#[async_trait]
impl Skill for SprintStatus {
    fn name(&self) -> &'static str {
        "sprint_status"
    }

    fn summary(&self) -> &'static str {
        "how the active sprint is going, what blocks it, and which of its issues are yours"
    }

    fn integration(&self) -> Option<&'static str> {
        Some(INTEGRATION)
    }

    async fn check(&self, credentials: &SecretDocument) -> Option<Result<Value, SkillError>> {
        Some(SprintStatus::check(self, credentials).await)
    }

    fn tool(&self) -> ToolSpec {
        ToolSpec {
            name: self.name().to_owned(),
            description: "Reads the active sprint of the team's Jira board, or the one that is named. `status`: progress in issues and story points, \
                          days left and blockers. `blockers`: the blocked issues. `mine`: the issues of the sprint that are \
                          assigned to the person asking."
                .to_owned(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "action": {
                        "type": "string",
                        "enum": Action::ALL.map(Action::as_str),
                        "description": "what to read; `status` if absent",
                    },
                    "sprint": {
                        "type": "string",
                        "description": "the sprint's name or number, `last` or `next`; the active one if absent",
                    },
                },
                "additionalProperties": false,
            }),
        }
    }

    fn examples(&self) -> &'static [&'static str] {
        &["How is the sprint going?", "What is blocked?"]
    }

    fn own_examples(&self) -> &'static [&'static str] {
        &["What am I working on?"]
    }

    fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    async fn run(&self, call: &SkillCall, input: &Value) -> Result<Value, SkillError> {
        let action = Action::read(input)?;
        let sprint = sprint_name(input)?;
        let caller = call.email.as_deref().map(str::trim);
        let caller = caller.filter(|email| !email.is_empty());
        if action == Action::Mine && caller.is_none() {
            return Err(SkillError {
                kind: SkillErrorKind::Input,
                message: "whose issues are yours is not known, because you are not signed in"
                    .to_owned(),
                hint: Some("sign in, or ask for the sprint's status or its blockers".to_owned()),
            });
        }
        let credentials = settings::of_call(call)?;
        let site = Site::read(credentials)?;
        let jira = self.access.to(&site);
        self.access
            .in_time(async {
                let caller = caller.filter(|_| action == Action::Mine);
                let findings = jira.sprint(sprint.as_deref(), caller).await?;
                report::report(&site, action, call.now, &findings)
            })
            .await
    }

    fn describe(&self, result: &Value) -> String {
        wording::describe(result)
    }
}

/// The name of the sprint that is asked for; `None` for the active one.
fn sprint_name(input: &Value) -> Result<Option<String>, SkillError> {
    let name = match input.get("sprint") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(name)) => issue::plain(name, MAX_NAME_CHARS),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => {
            return Err(invalid_input(
                "the sprint of `sprint_status` is neither a name nor a number".to_owned(),
                "a sprint is named as Jira names it: `24`, `Sprint 24`",
            ));
        }
    };
    Ok(Some(name).filter(|name| !name.is_empty() && !named::is_active(name)))
}

/// What the skill is asked to report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// Progress, days left and blockers.
    #[default]
    Status,
    /// The blocked issues.
    Blockers,
    /// The issues assigned to the caller.
    Mine,
}

impl Action {
    const ALL: [Self; 3] = [Self::Status, Self::Blockers, Self::Mine];

    fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Blockers => "blockers",
            Self::Mine => "mine",
        }
    }

    /// The action of an input that may hold anything; the default where none is named.
    fn read(input: &Value) -> Result<Self, SkillError> {
        match input.get("action") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::String(name)) => Self::ALL
                .into_iter()
                .find(|action| action.as_str() == name)
                .ok_or_else(|| {
                    let name: String = name.chars().take(40).collect();
                    invalid_input(format!("`sprint_status` has no action `{name}`"), ACTIONS)
                }),
            Some(_) => Err(invalid_input(
                "the action of `sprint_status` is not a text".to_owned(),
                ACTIONS,
            )),
        }
    }
}
