//! What the skill asks Jira: the project, its versions, a version's issues.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::version::{self, Version};
use crate::skills::jira::calls::{AT_ONCE, Jira};
use crate::skills::jira::failure::Failure;
use crate::skills::jira::issue::{FieldIds, Issue, text};
use crate::skills::{SkillError, SkillErrorKind};

/// How many issues Jira gives whole at once
/// (<https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-bulkfetch-post>).
const WHOLE_AT_ONCE: usize = 100;

/// The most keys that Jira gives at once
/// (<https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-get>).
const KEYS_AT_ONCE: &str = "5000";

/// The project whose versions are reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) key: String,
    pub(super) name: Option<String>,
}

/// Everything that a report is made of.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) project: Project,
    /// All versions of the project, archived ones included.
    pub(super) versions: Vec<Version>,
    /// The version that is summarized.
    pub(super) version: Option<Version>,
    /// What the version is called that does not exist.
    pub(super) unknown: Option<String>,
    /// The issues of the version.
    pub(super) issues: Vec<Issue>,
    /// What is missing, and why.
    pub(super) notes: Vec<String>,
}

impl Jira<'_> {
    /// The project's versions.
    pub(super) async fn releases(&self) -> Result<Findings, SkillError> {
        let mut findings = Findings::default();
        findings.project = self.project(&mut findings.notes).await?;
        let path = format!("/rest/api/3/project/{}/version", findings.project.key);
        let query = [("maxResults", "50"), ("orderBy", "sequence")];
        let versions = self.pages_side_by_side(&path, &query, "values").await;
        let (versions, missing) =
            versions.map_err(|failure| self.versions_error(failure, &findings.project))?;
        findings.versions = versions
            .iter()
            .enumerate()
            .filter_map(|(place, value)| Version::read(place, value))
            .collect();
        findings.notes.extend(missing.map(|missing| {
            format!("{missing} of the project's versions could not be read in time")
        }));
        Ok(findings)
    }

    /// The version that is called so, else the latest, with its issues.
    pub(super) async fn release(&self, name: Option<&str>) -> Result<Findings, SkillError> {
        let mut findings = self.releases().await?;
        let found = version::find(name, &findings.versions);
        if let [_, ..] = found.others.as_slice() {
            let others = found.others.iter().take(5);
            let others: Vec<&str> = others.map(|other| other.name.as_str()).collect();
            let note = format!("other versions are called so, too: {}", others.join(", "));
            findings.notes.push(note);
        }
        findings.version = found.version.cloned();
        let Some(version) = &findings.version else {
            findings.unknown = name.map(str::to_owned);
            return Ok(findings);
        };
        let jql = jql(&findings.project.key, version);
        let (issues, missing) = self.issues_of(&jql).await?;
        findings.issues = issues;
        findings.notes.extend(missing);
        Ok(findings)
    }

    /// The project that the integration names, else the board's own, else the first one that its
    /// issues are of.
    async fn project(&self, notes: &mut Vec<String>) -> Result<Project, SkillError> {
        if let Some(key) = &self.site.project_key {
            return Ok(Project {
                key: key.clone(),
                name: None,
            });
        }
        let board = self.site.board_id;
        let path = format!("/rest/agile/1.0/board/{board}");
        let answer = self.connection.get(&path, &[]).await;
        let answer = answer.map_err(|failure| self.board_error(failure, "the board"))?;
        let own = |value: &Value, key, name| {
            let key = text(value, key).filter(|key| crate::skills::is_project_key(key))?;
            let name = text(value, name);
            Some(Project { key, name })
        };
        if let Some(project) = own(&answer, "/location/projectKey", "/location/projectName") {
            return Ok(project);
        }
        // A board can belong to a person and show issues of several projects.
        let path = format!("{path}/project");
        let projects = self.pages(&path, &[("maxResults", "50")], "values").await;
        let projects =
            projects.map_err(|failure| self.board_error(failure, "the board's projects"))?;
        let mut projects = projects
            .iter()
            .filter_map(|value| own(value, "/key", "/name"));
        let first = projects.next().ok_or_else(|| SkillError {
            kind: SkillErrorKind::Configuration,
            message: format!("board `{board}` shows no project whose versions could be read"),
            hint: Some("set `project_key` of the integration `jira`".to_owned()),
        })?;
        if projects.next().is_some() {
            notes.push(format!(
                "the board shows several projects, of which only {} is read; `project_key` of the integration `jira` chooses another",
                first.key
            ));
        }
        Ok(first)
    }

    fn versions_error(&self, failure: Failure, project: &Project) -> SkillError {
        if !failure.is_status(StatusCode::NOT_FOUND) {
            return failure.explain("the project's versions");
        }
        let hint = match &self.site.project_key {
            Some(_) => "correct or remove `project_key` of the integration `jira`",
            None => {
                "give the account of `email` access to the project in Jira, or set `project_key` of the integration `jira`"
            }
        };
        SkillError {
            kind: SkillErrorKind::Configuration,
            message: format!(
                "Jira has no project `{}`, or the Jira account may not see it",
                project.key
            ),
            hint: Some(hint.to_owned()),
        }
    }

    /// The issues that a query finds, and what of them could not be read in time.
    ///
    /// Jira's search gives one page after the other, each behind a token that the one before
    /// brings. Where there is more than one, the keys are asked for, of which thousands come at
    /// once, and the issues behind the first page by them, side by side.
    async fn issues_of(&self, jql: &str) -> Result<(Vec<Issue>, Option<String>), SkillError> {
        let what = "the version's issues";
        let ids = FieldIds::default();
        let fields = Issue::needed_fields(&ids);
        let query = [
            ("jql", jql),
            ("fields", fields.as_str()),
            ("maxResults", "100"),
        ];
        let first = self.connection.get("/rest/api/3/search/jql", &query).await;
        let first = first.map_err(|failure| failure.explain(what))?;
        let mut issues = self.list_in(&first, what)?;
        let mut missing = None;
        if has_more(&first) {
            missing = match self.rest_of(jql, &fields, &mut issues).await {
                Ok(0) => None,
                Ok(missing) => Some(format!(
                    "{missing} of the version's issues could not be read in time and are not counted"
                )),
                Err(failure) => {
                    let why = failure.explain("the rest of the version's issues").message;
                    Some(format!(
                        "only the first {} issues are counted: {why}",
                        issues.len()
                    ))
                }
            };
        }
        let read = issues.iter().filter_map(|issue| Issue::read(issue, &ids));
        Ok((read.collect(), missing))
    }

    fn list_in(&self, page: &Value, what: &str) -> Result<Vec<Value>, SkillError> {
        let list = page.get("issues").and_then(Value::as_array);
        list.cloned()
            .ok_or_else(|| Failure::UnexpectedForm("a list of issues").explain(what))
    }

    /// Adds the issues that are not there yet, in the query's order; how many could not be read.
    async fn rest_of(
        &self,
        jql: &str,
        fields: &str,
        issues: &mut Vec<Value>,
    ) -> Result<usize, Failure> {
        let query = [
            ("jql", jql),
            ("fields", "key"),
            ("maxResults", KEYS_AT_ONCE),
        ];
        let (keys, is_whole) = self
            .pages_by_token("/rest/api/3/search/jql", &query, "issues")
            .await?;
        let there: HashSet<String> = issues.iter().filter_map(key).collect();
        let mut wanted: Vec<String> = keys.iter().filter_map(key).collect();
        wanted.retain(|key| !there.contains(key));
        let deadline = self.connection.last_moment();
        let fields: Vec<&str> = fields.split(',').collect();
        let bodies = wanted
            .chunks(WHOLE_AT_ONCE)
            .map(|keys| json!({"issueIdsOrKeys": keys, "fields": fields}));
        let bodies: Vec<Value> = bodies.collect();
        let mut answers = stream::iter(bodies)
            .map(|body| async move {
                let path = "/rest/api/3/issue/bulkfetch";
                self.connection.post(path, &body).await
            })
            .buffered(AT_ONCE);
        let mut fetched: HashMap<String, Value> = HashMap::new();
        while let Ok(Some(answer)) = tokio::time::timeout_at(deadline, answers.next()).await {
            let answer = match answer {
                Ok(answer) => answer,
                Err(failure) if fetched.is_empty() => return Err(failure),
                Err(_) => break,
            };
            let list = answer.get("issues").and_then(Value::as_array);
            for issue in list.into_iter().flatten() {
                fetched.extend(key(issue).map(|key| (key, issue.clone())));
            }
        }
        let before = issues.len();
        issues.extend(wanted.iter().filter_map(|key| fetched.remove(key)));
        let missing = wanted.len() - (issues.len() - before);
        Ok(missing + usize::from(!is_whole))
    }
}

/// Whether there are pages behind this one.
fn has_more(page: &Value) -> bool {
    page.get("nextPageToken").is_some_and(Value::is_string)
        && page.get("isLast").and_then(Value::as_bool) != Some(true)
}

fn key(issue: &Value) -> Option<String> {
    text(issue, "/key")
}

/// What finds the version's issues. The id, which no name can be mistaken for, unless it is none.
fn jql(project: &str, version: &Version) -> String {
    let is_number = version.id.bytes().all(|byte| byte.is_ascii_digit());
    let version = match is_number {
        true => version.id.clone(),
        false => quoted(&version.name),
    };
    format!("project = \"{project}\" AND fixVersion = {version} ORDER BY issuetype, key")
}

/// A text as JQL takes it
/// (<https://support.atlassian.com/jira-software-cloud/docs/use-advanced-search-with-jira-query-language-jql/>).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_data_in_queries() {
        let version =
            |id: &str, name: &str| Version::read(0, &json!({"id": id, "name": name})).unwrap();
        let order = "ORDER BY issuetype, key";
        assert_eq!(
            jql("PAY", &version("10", "2.4\" OR project = X")),
            format!("project = \"PAY\" AND fixVersion = 10 {order}")
        );
        assert_eq!(
            jql("PAY", &version("x", "2.4\" OR \\ project = X")),
            format!(r#"project = "PAY" AND fixVersion = "2.4\" OR \\ project = X" {order}"#)
        );
    }
}
