//! The calls to Jira Cloud that the skill makes, with all pages of each list.
//!
//! They are described in the references of the Jira Software Cloud and the Jira Cloud platform REST
//! APIs (<https://developer.atlassian.com/cloud/jira/software/rest/>,
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v3/>).

use std::cmp::Reverse;

use reqwest::StatusCode;
use serde_json::Value;

use super::named;
use crate::skills::jira::calls::{Jira, unread};
use crate::skills::jira::failure::Failure;
use crate::skills::jira::issue::{FieldIds, Issue, Sprint, text};
use crate::skills::{SkillError, SkillErrorKind};

/// The custom field type of the field `Flagged`: ticks.
const CHECKBOXES: &str = "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes";

/// The board's configuration, as far as a report needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Board {
    pub(super) name: Option<String>,
    /// `scrum`, `kanban` or `simple` (of a team-managed project).
    pub(super) kind: Option<String>,
    /// The custom field that holds its story points, if it estimates in them.
    pub(super) points_field: Option<String>,
}

/// Everything that a report is made of.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) board: Board,
    /// The sprint that was asked for, else the active one that started last.
    pub(super) sprint: Option<Sprint>,
    /// What the sprint is called that does not exist, and the names of the newest ones.
    pub(super) unknown: Option<(String, Vec<String>)>,
    /// The other active sprints of the board.
    pub(super) other_sprints: Vec<Sprint>,
    /// The next sprint, requested only if none is active.
    pub(super) next_sprint: Option<Sprint>,
    /// All issues of the sprint, sub-tasks included, by rank.
    pub(super) issues: Vec<Issue>,
    /// Who asks; only for the action `mine`.
    pub(super) caller: Option<Caller>,
    /// What is missing, and why.
    pub(super) notes: Vec<String>,
}

/// The person whose issues are reported for the action `mine`.
#[derive(Debug)]
pub(super) struct Caller {
    email: String,
    /// Requested only where Jira hides addresses.
    account_id: Option<String>,
}

impl Caller {
    /// Somebody of whom only the address is known.
    pub(super) fn with_email(email: &str) -> Self {
        Self {
            email: email.to_owned(),
            account_id: None,
        }
    }

    /// Whether the issue is the caller's.
    pub(super) fn has(&self, issue: &Issue) -> bool {
        issue.assignee.as_ref().is_some_and(|assignee| {
            let email = assignee.email.as_deref();
            email.is_some_and(|email| is_same_address(email, &self.email))
                || (self.account_id.is_some() && assignee.account_id == self.account_id)
        })
    }
}

fn is_same_address(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

impl Jira<'_> {
    /// The sprint that is called `name`, else the active one, with its issues; with `caller`, also
    /// which of them are that person's.
    pub(super) async fn sprint(
        &self,
        name: Option<&str>,
        caller: Option<&str>,
    ) -> Result<Findings, SkillError> {
        let (mut active, configuration, flags) = futures::try_join!(
            self.sprints("active"),
            self.configuration(),
            self.flag_fields(),
        )?;
        let mut findings = Findings::default();
        let mut noted = |missing: &str, why: SkillError| {
            findings.notes.push(format!("{missing}: {}", why.message));
        };
        findings.board = configuration.unwrap_or_else(|why| {
            noted("story points are not counted", why);
            Board::default()
        });
        let flags = flags.unwrap_or_else(|why| {
            noted("flags in custom fields are not included", why);
            Vec::new()
        });
        active.sort_by_key(|sprint| Reverse((sprint.start, sprint.id)));
        let sprint = match name {
            None => active.first().cloned(),
            Some(name) => self.named_sprint(name, &active, &mut findings).await?,
        };
        active.retain(|other| sprint.as_ref().is_none_or(|sprint| sprint.id != other.id));
        findings.other_sprints = active;
        let Some(sprint) = sprint else {
            if name.is_none() {
                findings.next_sprint = named::next(self.sprints("future").await?);
            }
            return Ok(findings);
        };
        let ids = FieldIds {
            points: findings.board.points_field.clone(),
            flags,
        };
        let (issues, unread) = self.issues(&sprint, &ids).await?;
        findings.issues = issues;
        findings.notes.extend(unread);
        findings.sprint = Some(sprint);
        if let Some(email) = caller {
            let (caller, unknown) = self.caller(email, &findings.issues).await?;
            findings.caller = Some(caller);
            findings.notes.extend(unknown);
        }
        Ok(findings)
    }

    /// The sprint that is called so. What is not active is looked for among all others, of which a
    /// board has some two dozen a year.
    async fn named_sprint(
        &self,
        name: &str,
        active: &[Sprint],
        findings: &mut Findings,
    ) -> Result<Option<Sprint>, SkillError> {
        if let Some(sprint) = named::find_surely(name, active) {
            return Ok(Some(sprint));
        }
        let (others, missing) = self.other_sprints().await?;
        let all: Vec<Sprint> = active.iter().cloned().chain(others).collect();
        let found = named::find(name, all.clone());
        if found.is_none() {
            if missing.is_some() {
                let note = "not all of the board's sprints could be read in time";
                findings.notes.push(note.to_owned());
            }
            findings.unknown = Some((name.to_owned(), named::newest(all)));
        }
        Ok(found)
    }

    /// The board's name and kind.
    pub(super) async fn board(&self) -> Result<Board, SkillError> {
        let path = format!("/rest/agile/1.0/board/{}", self.site.board_id);
        let board = self.connection.get(&path, &[]).await;
        let board = board.map_err(|failure| self.board_error(failure, "the board"))?;
        Ok(Board {
            name: text(&board, "/name"),
            kind: text(&board, "/type"),
            points_field: None,
        })
    }

    pub(super) async fn sprints(&self, state: &str) -> Result<Vec<Sprint>, SkillError> {
        let (path, query) = (self.path_of_sprints(), sprints_in(state));
        let sprints = self.pages(&path, &query, "values").await;
        let sprints = sprints.map_err(|failure| self.sprints_error(failure))?;
        Ok(sprints.iter().filter_map(Sprint::read).collect())
    }

    /// The sprints that are not active, and whether some of them could not be read in time.
    async fn other_sprints(&self) -> Result<(Vec<Sprint>, Option<u64>), SkillError> {
        let (path, query) = (self.path_of_sprints(), sprints_in("closed,future"));
        let sprints = self.pages_side_by_side(&path, &query, "values").await;
        let (sprints, missing) = sprints.map_err(|failure| self.sprints_error(failure))?;
        let sprints = sprints.iter().filter_map(Sprint::read);
        Ok((sprints.collect(), missing))
    }

    fn path_of_sprints(&self) -> String {
        format!("/rest/agile/1.0/board/{}/sprint", self.site.board_id)
    }

    fn sprints_error(&self, failure: Failure) -> SkillError {
        if failure.is_status(StatusCode::BAD_REQUEST) && failure.says("support sprints") {
            return SkillError {
                kind: SkillErrorKind::Configuration,
                message: format!("board `{}` does not support sprints", self.site.board_id),
                hint: Some(
                    "set `board_id` of the integration `jira` to a Scrum board's".to_owned(),
                ),
            };
        }
        self.board_error(failure, "the board's sprints")
    }

    /// The board's configuration, or why it cannot be read: the report then lacks only its story
    /// points.
    async fn configuration(&self) -> Result<Result<Board, SkillError>, SkillError> {
        let path = format!("/rest/agile/1.0/board/{}/configuration", self.site.board_id);
        let board = match self.connection.get(&path, &[]).await {
            Ok(board) => board,
            // A board that does not exist is reported by the call for its sprints.
            Err(failure) => return unread(failure, "the board's configuration"),
        };
        Ok(Ok(Board {
            name: text(&board, "/name"),
            kind: text(&board, "/type"),
            // Boards may also estimate by time, in a system field and in seconds, or not at all.
            points_field: text(&board, "/estimation/field/fieldId")
                .filter(|id| id.starts_with("customfield_")),
        }))
    }

    /// The ids of the fields named `Flagged`, of which a site can have several, or why they cannot
    /// be read.
    async fn flag_fields(&self) -> Result<Result<Vec<String>, SkillError>, SkillError> {
        let what = "the list of fields";
        let fields = match self.connection.get("/rest/api/3/field", &[]).await {
            Ok(Value::Array(fields)) => fields,
            Ok(_) => return unread(Failure::UnexpectedForm("a list"), what),
            Err(failure) => return unread(failure, what),
        };
        let is_flag = |field: &Value| {
            let kind = field.pointer("/schema/custom").and_then(Value::as_str);
            let has_name = |name| {
                let name = field.get(name).and_then(Value::as_str);
                name.is_some_and(|name| name.eq_ignore_ascii_case("flagged"))
            };
            kind.is_none_or(|kind| kind == CHECKBOXES)
                && (has_name("name") || has_name("untranslatedName"))
        };
        let ids = fields
            .iter()
            .filter(|field| is_flag(field))
            .filter_map(|field| text(field, "/id"));
        Ok(Ok(ids.take(10).collect()))
    }

    /// The sprint's issues, and what of them could not be read in time.
    async fn issues(
        &self,
        sprint: &Sprint,
        ids: &FieldIds,
    ) -> Result<(Vec<Issue>, Option<String>), SkillError> {
        let path = format!("/rest/agile/1.0/sprint/{}/issue", sprint.id);
        let fields = Issue::needed_fields(ids);
        let jql = self
            .site
            .project_key
            .as_ref()
            .map(|key| format!("project = \"{key}\""));
        let mut query = vec![("fields", fields.as_str()), ("maxResults", "100")];
        query.extend(jql.as_deref().map(|jql| ("jql", jql)));
        let (issues, missing) = self
            .pages_side_by_side(&path, &query, "issues")
            .await
            .map_err(|failure| match (&self.site.project_key, &failure) {
                (Some(key), refused)
                    if refused.is_status(StatusCode::BAD_REQUEST)
                        && refused.says("for the field 'project'") =>
                {
                    SkillError {
                        kind: SkillErrorKind::Configuration,
                        message: format!("Jira has no project `{key}`"),
                        hint: Some(
                            "correct or remove `project_key` of the integration `jira`".to_owned(),
                        ),
                    }
                }
                _ => failure.explain("the sprint's issues"),
            })?;
        let note = missing.map(|missing| {
            format!(
                "{missing} of the sprint's issues could not be read in time and are not counted"
            )
        });
        let issues = issues.iter().filter_map(|issue| Issue::read(issue, ids));
        Ok((issues.collect(), note))
    }

    /// Who has the address, and why nobody may be known by it. Jira is asked only if it hides the
    /// address of someone who could be meant.
    async fn caller(
        &self,
        email: &str,
        issues: &[Issue],
    ) -> Result<(Caller, Option<String>), SkillError> {
        let mut caller = Caller::with_email(email);
        let is_seen = issues.iter().any(|issue| caller.has(issue));
        let mut assignees = issues.iter().filter_map(|issue| issue.assignee.as_ref());
        if !is_seen && assignees.any(|assignee| assignee.email.is_none()) {
            caller.account_id = self.account_of(email).await?;
            if caller.account_id.is_none() {
                let note = format!(
                    "Jira does not show exactly one user with the address `{email}`; your address in T3nets must be that of your Atlassian account"
                );
                return Ok((caller, Some(note)));
            }
        }
        Ok((caller, None))
    }

    /// The account with the address. Jira's search also finds addresses that begin with it, so one
    /// that Jira shows must be the same; of those it hides, there must be one only.
    async fn account_of(&self, email: &str) -> Result<Option<String>, SkillError> {
        let what = "the users";
        let users = self
            .connection
            .get("/rest/api/3/user/search", &[("query", email)])
            .await;
        let users = users.map_err(|failure| {
            if failure.is_status(StatusCode::FORBIDDEN) {
                return SkillError {
                    kind: SkillErrorKind::Denied,
                    message:
                        "Jira hides its users' addresses, and the Jira account may not search users"
                            .to_owned(),
                    hint: Some(
                        "give it Jira's global permission `Browse users and groups`".to_owned(),
                    ),
                };
            }
            failure.explain(what)
        })?;
        let Value::Array(users) = users else {
            return Err(Failure::UnexpectedForm("a list").explain(what));
        };
        let address = |user: &&Value| text(user, "/emailAddress");
        let shown = users
            .iter()
            .find(|user| address(user).is_some_and(|address| is_same_address(&address, email)));
        let mut hidden = users.iter().filter(|user| {
            address(user).is_none()
                && user.get("active").and_then(Value::as_bool) != Some(false)
                && text(user, "/accountType").is_none_or(|kind| kind == "atlassian")
        });
        let only_hidden = hidden.next().filter(|_| hidden.next().is_none());
        let found = shown.or(only_hidden);
        Ok(found.and_then(|user| text(user, "/accountId")))
    }
}

fn sprints_in(states: &str) -> [(&str, &str); 2] {
    [("state", states), ("maxResults", "50")]
}
