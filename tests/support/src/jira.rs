//! A scripted Jira Cloud: answers the calls of the skills that read it as Jira documents them, or
//! as a test has it fail.
//!
//! A [`Script`] says what there is and what goes wrong, [`Jira`] serves it and remembers what it
//! was asked. It is strict where Jira is: wrong credentials are 401, and issues carry only the
//! fields that were asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

mod fixtures;
mod releases;
mod respond;

pub use fixtures::{flag_field, issue, sprint, user};
pub use releases::version;

use respond::{error_response, fail, json_response};

use crate::TestServer;

/// The account of the scripted Jira.
pub const EMAIL: &str = "bot@example.com";
/// Its API token: no output may ever hold it.
pub const API_TOKEN: &str = "s3cret-t0ken";
/// The field of [`Script::sample`] that holds story points.
pub const POINTS: &str = "customfield_10016";
/// The field of [`Script::sample`] that flags an issue.
pub const FLAGGED: &str = "customfield_10021";

type Parameters = BTreeMap<String, String>;

/// How a call goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An error in Jira's own form.
    Status(u16),
    /// 429 or 503 with `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// A web page with this status: a login, a proxy, another site.
    Page(u16),
    /// Status 200 and the type of JSON, but no JSON.
    Garbage,
    /// Status 200 and this.
    Json(Value),
    /// Status 200, this, and the header by which Jira says that it did not accept the credentials.
    SignedOut(Value),
    /// Never answers.
    Hang,
    /// Sends elsewhere.
    Redirect(String),
    /// JSON as it is, with this status and these headers.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers as it should, this long after.
    Slow(std::time::Duration),
    /// Status 200 and this many bytes of a list.
    Bytes(usize),
}

/// How lists of issues are paged.
#[derive(Debug, Clone, Copy, Default)]
pub enum Paging {
    /// By `startAt`, with a true `total`.
    #[default]
    Offset,
    /// By `startAt`, with this as `total`.
    FalseTotal(u64),
    /// By `startAt`, without saying how many there are.
    NoTotal,
    /// By `nextPageToken`.
    Token,
    /// The first page again and again, with a `total` that is never reached.
    Endless,
}

/// What a scripted Jira knows and how it fails.
#[derive(Debug, Clone, Default)]
pub struct Script {
    boards: BTreeMap<u64, Value>,
    sprints: Vec<(u64, Value)>,
    issues: Vec<(u64, Value)>,
    fields: Vec<Value>,
    users: Vec<Value>,
    versions: Vec<(String, Value)>,
    hides_addresses: bool,
    page_size: Option<usize>,
    paging: Paging,
    faults: Vec<(String, Fault, usize)>,
}

impl Script {
    /// Board 7 `Payments` of the project PAY with story points, and sprint 42 `Sprint 24`, from
    /// 2026-11-09 to 2026-11-23 at 09:00 UTC, with six issues and a sub-task: 3 done (8 points of
    /// 21.5), 2 in progress, 1 to do; blocked by flag, label and status.
    pub fn sample() -> Self {
        let ada = user("ada-1", "Ada Lovelace", "ada@example.com");
        let grace = user("grace-2", "Grace Hopper", "grace@example.com");
        Self::default()
            .board(7, "Payments", Some(POINTS))
            .located(7, "PAY")
            .field(json!({"id": "summary", "name": "Summary", "custom": false, "schema": {"type": "string"}}))
            .field(flag_field(FLAGGED))
            .user(ada.clone())
            .user(grace.clone())
            .sprint(7, json!({"id": 41, "state": "closed", "name": "Sprint 23"}))
            .sprint(7, sprint(42, "Sprint 24"))
            .sprint(7, json!({"id": 43, "state": "future", "name": "Sprint 25"}))
            .issue(42, issue("PAY-1", "done", json!({POINTS: 3, "assignee": ada})))
            .issue(42, issue("PAY-2", "done", json!({POINTS: 5, "assignee": grace})))
            .issue(42, issue("PAY-3", "done", json!({"assignee": null})))
            .issue(
                42,
                issue("PAY-4", "indeterminate", json!({
                    POINTS: 5.5, "assignee": ada, FLAGGED: [{"value": "Impediment"}], "priority": {"name": "High"},
                })),
            )
            .issue(42, issue("PAY-5", "indeterminate", json!({POINTS: 8, "labels": ["web", "Blocked"]})))
            .issue(42, issue("PAY-6", "new", json!({"assignee": ada, "priority": null})))
            .issue(
                42,
                issue("PAY-7", "new", json!({
                    "issuetype": {"name": "Sub-task", "subtask": true}, "assignee": grace,
                    "status": {"name": "Blocked", "statusCategory": {"key": "new"}},
                })),
            )
    }

    /// Adds a Scrum board, estimated in the field if there is one.
    pub fn board(mut self, id: u64, name: &str, points_field: Option<&str>) -> Self {
        let estimation = match points_field {
            Some(field) => {
                json!({"type": "field", "field": {"fieldId": field, "displayName": "Story Points"}})
            }
            None => json!({"type": "none"}),
        };
        let board = json!({"id": id, "name": name, "type": "scrum", "estimation": estimation});
        self.boards.insert(id, board);
        self
    }

    /// Adds a sprint to a board, as Jira tells of it.
    pub fn sprint(mut self, board: u64, sprint: Value) -> Self {
        self.sprints.push((board, sprint));
        self
    }

    /// Removes the sprints in this state.
    pub fn without_sprints(mut self, state: &str) -> Self {
        self.sprints.retain(|(_, sprint)| sprint["state"] != state);
        self
    }

    /// Adds an issue to a sprint, as Jira tells of it.
    pub fn issue(mut self, sprint: u64, issue: Value) -> Self {
        self.issues.push((sprint, issue));
        self
    }

    /// Adds a field to the site.
    pub fn field(mut self, field: Value) -> Self {
        self.fields.push(field);
        self
    }

    /// Adds a user.
    pub fn user(mut self, user: Value) -> Self {
        self.users.push(user);
        self
    }

    /// Shows nobody's address, in issues or searches.
    pub fn hiding_addresses(mut self) -> Self {
        self.hides_addresses = true;
        self
    }

    /// Gives at most so many entries a page, whatever is asked for.
    pub fn page_size(mut self, entries: usize) -> Self {
        self.page_size = Some(entries);
        self
    }

    /// Pages lists of issues in this way.
    pub fn paging(mut self, paging: Paging) -> Self {
        self.paging = paging;
        self
    }

    /// Fails every call whose path ends with `path`.
    pub fn fault(self, path: &str, fault: Fault) -> Self {
        self.fault_times(usize::MAX, path, fault)
    }

    /// Fails the first calls whose path ends with `path`.
    pub fn fault_times(mut self, times: usize, path: &str, fault: Fault) -> Self {
        self.faults.push((path.to_owned(), fault, times));
        self
    }

    /// Starts serving it.
    pub async fn start(self) -> Jira {
        Jira::start(self).await
    }
}

/// A request that a scripted Jira received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path.
    pub path: String,
    /// The decoded query.
    pub query: BTreeMap<String, String>,
    /// The header `User-Agent`.
    pub user_agent: String,
    /// The JSON that was sent; `null` if none was.
    pub body: Value,
}

/// A scripted Jira that runs until it is dropped.
pub struct Jira {
    server: TestServer,
    state: Arc<Served>,
}

struct Served {
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
}

impl Jira {
    /// Starts serving a script.
    pub async fn start(script: Script) -> Self {
        let state = Arc::new(Served {
            script: Mutex::new(script),
            requests: Mutex::default(),
        });
        let routes = Router::new().fallback(serve).with_state(state.clone());
        Self {
            server: TestServer::start(routes).await,
            state,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What an integration `jira` for board 7 of it stores.
    pub fn credentials(&self) -> Map<String, Value> {
        let fields =
            json!({"url": self.url(), "email": EMAIL, "api_token": API_TOKEN, "board_id": 7});
        fields.as_object().expect("an object").clone()
    }

    /// What it was asked so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The requests whose path ends with `path`.
    pub fn requests_to(&self, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.path.ends_with(path));
        requests
    }
}

async fn serve(
    State(served): State<Arc<Served>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let user_agent = headers
        .get("user-agent")
        .and_then(|agent| agent.to_str().ok());
    served.requests.lock().unwrap().push(Request {
        path: uri.path().to_owned(),
        query: query.clone(),
        user_agent: user_agent.unwrap_or_default().to_owned(),
        body: body.clone(),
    });
    let fault = served.script.lock().unwrap().take_fault(uri.path());
    match fault {
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(fault) => return fail(fault).await,
        None => {}
    }
    let basic = data_encoding::BASE64.encode(format!("{EMAIL}:{API_TOKEN}").as_bytes());
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|given| given != &format!("Basic {basic}"))
    {
        return (
            StatusCode::UNAUTHORIZED,
            "Client must be authenticated to access this resource.",
        )
            .into_response();
    }
    match served
        .script
        .lock()
        .unwrap()
        .answer(uri.path(), &query, &body)
    {
        Ok(body) => json_response(StatusCode::OK, &body),
        Err((status, message)) => error_response(status, message),
    }
}

type Answer = Result<Value, (u16, &'static str)>;

impl Script {
    fn take_fault(&mut self, path: &str) -> Option<Fault> {
        let (_, fault, left) = self
            .faults
            .iter_mut()
            .find(|(suffix, _, left)| *left > 0 && path.ends_with(suffix.as_str()))?;
        *left -= 1;
        Some(fault.clone())
    }

    fn answer(&self, path: &str, query: &Parameters, body: &Value) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts[..] {
            ["rest", "agile", "1.0", "board"] => {
                let boards: Vec<&Value> = self.boards.values().collect();
                Ok(json!({"maxResults": 50, "startAt": 0, "isLast": true, "values": boards}))
            }
            ["rest", "agile", "1.0", "board", board, ref what @ ..] => {
                let board = board.parse().ok().and_then(|id: u64| self.boards.get(&id));
                let board = board.ok_or((404, "Requested board cannot be viewed"))?;
                match what {
                    [] | ["configuration"] => Ok(board.clone()),
                    ["sprint"] => Ok(self.sprints_of(board, query)),
                    ["project"] => Ok(self.projects_of(board, query)),
                    _ => Err((404, "no such resource")),
                }
            }
            ["rest", "agile", "1.0", "sprint", sprint, "issue"] => self.issues_of(sprint, query),
            ["rest", "api", "3", "project", key, "version"] => self.versions_of(key, query),
            ["rest", "api", "3", "search", "jql"] => self.search(query),
            ["rest", "api", "3", "issue", "bulkfetch"] => self.bulk(body),
            ["rest", "api", "3", "field"] => Ok(json!(self.fields)),
            ["rest", "api", "3", "myself"] => Ok(user("bot-0", "T3nets Bot", EMAIL)),
            ["rest", "api", "3", "user", "search"] => Ok(self.users_like(query)),
            _ => Err((404, "no such resource")),
        }
    }

    fn sprints_of(&self, board: &Value, query: &Parameters) -> Value {
        let wanted = query.get("state").map(String::as_str);
        let sprints: Vec<Value> = self
            .sprints
            .iter()
            .filter(|(of, sprint)| {
                let is_in = |states: &str| states.split(',').any(|state| sprint["state"] == state);
                board["id"] == *of && wanted.is_none_or(is_in)
            })
            .map(|(_, sprint)| sprint.clone())
            .collect();
        let (start, page) = self.page(&sprints, query, None);
        let is_last = start + page.len() >= sprints.len();
        json!({"maxResults": page.len(), "startAt": start, "isLast": is_last, "values": page})
    }

    fn issues_of(&self, sprint: &str, query: &Parameters) -> Answer {
        let mut issues: Vec<Value> = self
            .issues
            .iter()
            .filter(|(of, _)| of.to_string() == sprint)
            .map(|(_, issue)| issue.clone())
            .collect();
        if let Some(jql) = query.get("jql") {
            let key = jql
                .strip_prefix("project = \"")
                .and_then(|rest| rest.strip_suffix('"'));
            let key = key.ok_or((400, "Error in the JQL Query"))?;
            issues.retain(|issue| {
                issue["key"]
                    .as_str()
                    .is_some_and(|of| of.starts_with(&format!("{key}-")))
            });
            if issues.is_empty() {
                return Err((400, "The value does not exist for the field 'project'."));
            }
        }
        let fields: Vec<&str> = query
            .get("fields")
            .map(|names| names.split(',').collect())
            .unwrap_or_default();
        for issue in &mut issues {
            if let Some(all) = issue["fields"].as_object_mut() {
                all.retain(|name, _| fields.contains(&name.as_str()));
            }
            if self.hides_addresses
                && let Some(Value::Object(who)) = issue.pointer_mut("/fields/assignee")
            {
                who.remove("emailAddress");
            }
        }
        let token = query
            .get("nextPageToken")
            .and_then(|token| token.strip_prefix("from-")?.parse().ok());
        let start = match self.paging {
            Paging::Endless => Some(0),
            Paging::Token => Some(token.unwrap_or(0)),
            _ => None,
        };
        let (start, page) = self.page(&issues, query, start);
        let end = start + page.len();
        let mut body = json!({"startAt": start, "maxResults": page.len(), "issues": page});
        match self.paging {
            Paging::Offset => body["total"] = json!(issues.len()),
            Paging::FalseTotal(total) => body["total"] = json!(total),
            Paging::Endless => body["total"] = json!(1_000_000),
            Paging::NoTotal => {}
            Paging::Token if end < issues.len() => {
                body["nextPageToken"] = json!(format!("from-{end}"))
            }
            Paging::Token => body["isLast"] = json!(true),
        }
        Ok(body)
    }

    fn users_like(&self, query: &Parameters) -> Value {
        let wanted = query
            .get("query")
            .map(|text| text.to_lowercase())
            .unwrap_or_default();
        let is_like = |user: &&Value| {
            ["emailAddress", "displayName"].iter().any(|name| {
                let text = user[*name].as_str().unwrap_or_default();
                text.to_lowercase().starts_with(&wanted)
            })
        };
        let mut found: Vec<Value> = self.users.iter().filter(is_like).cloned().collect();
        if self.hides_addresses {
            for user in &mut found {
                user["emailAddress"] = Value::Null;
            }
        }
        Value::Array(found)
    }

    /// Where the page begins (at `start`, else where the query says) and what is on it.
    fn page(&self, all: &[Value], query: &Parameters, start: Option<usize>) -> (usize, Vec<Value>) {
        let number = |name| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let start = start.or_else(|| number("startAt")).unwrap_or(0);
        let size = number("maxResults")
            .unwrap_or(50)
            .min(self.page_size.unwrap_or(100));
        (start, all.iter().skip(start).take(size).cloned().collect())
    }
}
