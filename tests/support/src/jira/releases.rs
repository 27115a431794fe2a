//! Versions of projects, and the search for their issues.

use serde_json::{Value, json};

use super::{Answer, Parameters, Script, issue};

/// The most keys that Jira gives at once.
const MOST_KEYS: usize = 5000;

/// A version with this id; `fields` are added.
pub fn version(id: u64, name: &str, fields: Value) -> Value {
    let mut all = json!({"id": id.to_string(), "name": name, "archived": false, "released": false});
    for (name, value) in fields.as_object().expect("fields are an object") {
        all[name] = value.clone();
    }
    all
}

impl Script {
    /// [`sample`](Self::sample) with versions of its project: 2.3
    /// and 2.4 released on 2026-10-01 and 2026-11-12, 2.4.1 overdue since 2026-11-10, 2.5 due on
    /// 2026-12-03, 3.0 without a date, 1.0 archived. 2.4 has four issues, one of them a bug and one
    /// not done; 2.5 has one of each stage.
    pub fn releases() -> Self {
        let of = |kind: &str, version: u64| {
            json!({
                "issuetype": {"name": kind, "subtask": kind == "Sub-task"},
                "fixVersions": [{"id": version.to_string()}],
            })
        };
        let released =
            |on: &str| json!({"released": true, "releaseDate": on, "description": "Pay later"});
        Self::sample()
            .version(
                "PAY",
                version(1, "1.0", json!({"archived": true, "released": true})),
            )
            .version("PAY", version(23, "2.3", released("2026-10-01")))
            .version("PAY", version(24, "2.4", released("2026-11-12")))
            .version(
                "PAY",
                version(
                    241,
                    "2.4.1",
                    json!({"releaseDate": "2026-11-10", "overdue": true}),
                ),
            )
            .version(
                "PAY",
                version(
                    25,
                    "2.5",
                    json!({"startDate": "2026-11-01", "releaseDate": "2026-12-03"}),
                ),
            )
            .version("PAY", version(30, "3.0", json!({})))
            .issue(0, issue("PAY-101", "done", of("Story", 24)))
            .issue(0, issue("PAY-102", "done", of("Bug", 24)))
            .issue(0, issue("PAY-103", "indeterminate", of("Story", 24)))
            .issue(0, issue("PAY-104", "done", of("Sub-task", 24)))
            .issue(0, issue("PAY-111", "done", of("Story", 25)))
            .issue(0, issue("PAY-112", "indeterminate", of("Story", 25)))
            .issue(0, issue("PAY-113", "new", of("Task", 25)))
    }

    /// Puts a board into a project.
    pub fn located(mut self, board: u64, project: &str) -> Self {
        if let Some(board) = self.boards.get_mut(&board) {
            board["location"] =
                json!({"projectKey": project, "projectName": format!("Project {project}")});
        }
        self
    }

    /// Has a board that is in no project show issues of these.
    pub fn showing(mut self, board: u64, projects: &[&str]) -> Self {
        if let Some(board) = self.boards.get_mut(&board) {
            board["location"] = json!({"userId": 1, "displayName": "Ada"});
            board["projects"] = json!(projects);
        }
        self
    }

    /// Adds a version to a project, behind those that it has.
    pub fn version(mut self, project: &str, version: Value) -> Self {
        self.versions.push((project.to_owned(), version));
        self
    }

    pub(super) fn projects_of(&self, board: &Value, query: &Parameters) -> Value {
        let keys = board["projects"].as_array().cloned().unwrap_or_default();
        let projects: Vec<Value> = keys
            .iter()
            .map(|key| json!({"id": key, "key": key, "name": format!("Project {key}")}))
            .collect();
        self.paged_values(&projects, query)
    }

    pub(super) fn versions_of(&self, project: &str, query: &Parameters) -> Answer {
        let versions: Vec<Value> = self
            .versions
            .iter()
            .filter(|(of, _)| of == project)
            .map(|(_, version)| version.clone())
            .collect();
        if versions.is_empty() && !self.issues.iter().any(|(_, issue)| is_of(issue, project)) {
            return Err((404, "No project could be found with this key."));
        }
        let mut page = self.paged_values(&versions, query);
        page["total"] = json!(versions.len());
        Ok(page)
    }

    fn paged_values(&self, all: &[Value], query: &Parameters) -> Value {
        let (start, page) = self.page(all, query, None);
        let is_last = start + page.len() >= all.len();
        json!({"maxResults": page.len(), "startAt": start, "isLast": is_last, "values": page})
    }

    /// As strict as Jira: no `startAt`, and a query that it can parse.
    pub(super) fn search(&self, query: &Parameters) -> Answer {
        let jql = query
            .get("jql")
            .ok_or((400, "Unbounded JQL queries are not allowed here."))?;
        let (project, version) = parsed(jql).ok_or((400, "Error in the JQL Query"))?;
        let has_version = |issue: &Value| {
            let versions = issue["fields"]["fixVersions"].as_array();
            versions.is_some_and(|all| all.iter().any(|one| one["id"] == *version))
        };
        let found: Vec<Value> = self
            .issues
            .iter()
            .map(|(_, issue)| issue)
            .filter(|issue| is_of(issue, &project) && has_version(issue))
            .cloned()
            .collect();
        let fields = query.get("fields").map(String::as_str).unwrap_or_default();
        let token = query.get("nextPageToken");
        let start = token.and_then(|token| token.strip_prefix("from-")?.parse().ok());
        let asked = query.get("maxResults").and_then(|text| text.parse().ok());
        let most = match fields {
            "key" => MOST_KEYS,
            _ => self.page_size.unwrap_or(100),
        };
        let start: usize = start.unwrap_or(0);
        let page: Vec<Value> = found
            .iter()
            .skip(start)
            .take(most.min(asked.unwrap_or(50)))
            .map(|issue| self.with_fields(issue, fields))
            .collect();
        let end = start + page.len();
        let mut body = json!({"issues": page, "isLast": end >= found.len()});
        if end < found.len() {
            body["nextPageToken"] = json!(format!("from-{end}"));
        }
        Ok(body)
    }

    /// Issues by their keys, in the order of their ids.
    pub(super) fn bulk(&self, body: &Value) -> Answer {
        let keys = body["issueIdsOrKeys"]
            .as_array()
            .ok_or((400, "Invalid payload"))?;
        if keys.len() > 100 {
            return Err((400, "Too many issues"));
        }
        let fields: Vec<&str> = body["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let fields = fields.join(",");
        let issues = self.issues.iter().map(|(_, issue)| issue);
        let found = issues.filter(|issue| keys.contains(&issue["key"])).rev();
        let found: Vec<Value> = found
            .map(|issue| self.with_fields(issue, &fields))
            .collect();
        Ok(json!({"issues": found, "issueErrors": []}))
    }

    fn with_fields(&self, issue: &Value, fields: &str) -> Value {
        let mut issue = issue.clone();
        let wanted: Vec<&str> = fields.split(',').collect();
        if let Some(all) = issue["fields"].as_object_mut() {
            all.retain(|name, _| wanted.contains(&name.as_str()));
        }
        issue
    }
}

fn is_of(issue: &Value, project: &str) -> bool {
    let key = issue["key"].as_str().unwrap_or_default();
    key.strip_prefix(project)
        .is_some_and(|rest| rest.starts_with('-'))
}

/// The project and the version's id of a query.
fn parsed(jql: &str) -> Option<(String, String)> {
    let rest = jql.strip_prefix("project = \"")?;
    let (project, rest) = rest.split_once("\" AND fixVersion = ")?;
    let (version, order) = rest.split_once(" ORDER BY ")?;
    let is_id = version.bytes().all(|byte| byte.is_ascii_digit());
    (is_id && order == "issuetype, key").then(|| (project.to_owned(), version.to_owned()))
}
