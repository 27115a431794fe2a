//! The sample board of `t3nets dev --demo`: a small endpoint that answers like Jira Cloud, so that
//! the demo takes the whole real path (skill, HTTP, JSON, wording) with data that names itself
//! sample data.
//!
//! It serves exactly the calls that the skills make, from [`sample_board.json`](BOARD), and binds
//! nothing itself. It is not a Jira to test against: the
//! tests' own, in `tests/support`, is stricter and can fail.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use data_encoding::BASE64;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use t3nets_router::ports::Clock;

/// The sample board's id: the `board_id` of the demo's integration.
pub(crate) const BOARD_ID: u64 = 1;

/// The sample sprint is always in its tenth day of fourteen.
const SPRINT_LENGTH: SignedDuration = SignedDuration::from_hours(14 * 24);
const SPRINT_LEFT: SignedDuration = SignedDuration::from_hours(5 * 24);

const POINTS_FIELD: &str = "customfield_10016";
const FLAGGED_FIELD: &str = "customfield_10021";

const BOARD: &str = include_str!("sample_board.json");

/// Who may read the sample board: the `email` and `api_token` of the demo's integration.
#[derive(Clone)]
pub(crate) struct SampleAccount {
    /// The user name of Basic authentication.
    pub(crate) email: String,
    /// The password.
    pub(crate) api_token: String,
}

/// The sample board's routes. `clock` places its sprint around now.
///
/// # Errors
/// If the bundled data is broken.
pub(crate) fn routes(
    account: &SampleAccount,
    clock: Arc<dyn Clock>,
) -> Result<Router, serde_json::Error> {
    let data: Data = serde_json::from_str(BOARD)?;
    let state = Arc::new(Sample { data, clock });
    let SampleAccount { email, api_token } = account;
    let basic = format!(
        "Basic {}",
        BASE64.encode(format!("{email}:{api_token}").as_bytes())
    );
    Ok(Router::new()
        .route("/rest/agile/1.0/board/{board}", get(board))
        .route("/rest/agile/1.0/board/{board}/configuration", get(board))
        .route("/rest/agile/1.0/board/{board}/sprint", get(sprints))
        .route("/rest/agile/1.0/sprint/{sprint}/issue", get(issues))
        .route("/rest/api/3/project/{project}/version", get(versions))
        .route("/rest/api/3/search/jql", get(search))
        .route("/rest/api/3/field", get(fields))
        .route("/rest/api/3/user/search", get(users))
        .route("/rest/api/3/myself", get(myself))
        .with_state(state)
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let is_known = request
                .headers()
                .get(AUTHORIZATION)
                .is_some_and(|given| *given == *basic);
            async move {
                match is_known {
                    true => next.run(request).await,
                    false => StatusCode::UNAUTHORIZED.into_response(),
                }
            }
        })))
}

struct Sample {
    data: Data,
    clock: Arc<dyn Clock>,
}

/// The bundled data: what differs between issues, without Jira's wrapping.
#[derive(Deserialize)]
struct Data {
    board: Value,
    sprint: Value,
    people: HashMap<String, Value>,
    issues: Vec<SampleIssue>,
    /// Those of no sprint that is left.
    earlier_issues: Vec<SampleIssue>,
    versions: Vec<SampleVersion>,
}

#[derive(Deserialize)]
struct SampleIssue {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    summary: String,
    status: String,
    category: String,
    priority: Option<String>,
    assignee: Option<String>,
    points: Option<f64>,
    #[serde(default)]
    flagged: bool,
    #[serde(default)]
    labels: Vec<String>,
    /// The name of the version that it is in.
    version: Option<String>,
}

#[derive(Deserialize)]
struct SampleVersion {
    name: String,
    description: String,
    released: bool,
    /// From today to its release.
    days: i64,
}

type Parameters = Query<HashMap<String, String>>;

async fn board(State(sample): State<Arc<Sample>>, Path(id): Path<u64>) -> Response {
    if id != BOARD_ID {
        return not_found("the sample has no such board");
    }
    let mut board = sample.data.board.clone();
    board["estimation"] =
        json!({"type": "field", "field": {"fieldId": POINTS_FIELD, "displayName": "Story points"}});
    Json(board).into_response()
}

async fn sprints(
    State(sample): State<Arc<Sample>>,
    Path(id): Path<u64>,
    Query(query): Parameters,
) -> Response {
    if id != BOARD_ID {
        return not_found("the sample has no such board");
    }
    let is_wanted = query
        .get("state")
        .is_none_or(|states| states.split(',').any(|state| state == "active"));
    let sprints: Vec<Value> = is_wanted.then(|| sample.sprint()).into_iter().collect();
    Json(page("values", sprints, &query)).into_response()
}

async fn issues(
    State(sample): State<Arc<Sample>>,
    Path(id): Path<u64>,
    Query(query): Parameters,
) -> Response {
    if sample.data.sprint["id"] != id {
        return not_found("the sample has no such sprint");
    }
    let issues = sample
        .data
        .issues
        .iter()
        .map(|issue| sample.issue(issue))
        .collect();
    Json(page("issues", issues, &query)).into_response()
}

async fn versions(
    State(sample): State<Arc<Sample>>,
    Path(project): Path<String>,
    Query(query): Parameters,
) -> Response {
    if sample.data.board["location"]["projectKey"] != project {
        return not_found("the sample has no such project");
    }
    let today = sample.clock.now().to_zoned(TimeZone::UTC).date();
    let versions = sample.data.versions.iter().enumerate().map(|(at, version)| {
        let on = today.saturating_add(Span::new().days(version.days));
        json!({
            "id": at.to_string(), "name": format!("{} (sample data)", version.name), "description": version.description, "archived": false,
            "released": version.released, "releaseDate": on,
        })
    });
    Json(page("values", versions.collect(), &query)).into_response()
}

/// Finds the issues of a version, the only search that the skills make.
async fn search(State(sample): State<Arc<Sample>>, Query(query): Parameters) -> Json<Value> {
    let wanted = query
        .get("jql")
        .and_then(|jql| jql.split_once("fixVersion = ")?.1.split(' ').next())
        .and_then(|id| sample.data.versions.get(id.parse::<usize>().ok()?))
        .map(|version| version.name.as_str());
    let all = sample.data.issues.iter().chain(&sample.data.earlier_issues);
    let found = all.filter(|issue| wanted.is_some() && issue.version.as_deref() == wanted);
    let issues: Vec<Value> = found.map(|issue| sample.issue(issue)).collect();
    Json(json!({"issues": issues, "isLast": true}))
}

async fn fields() -> Json<Value> {
    let kind = "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes";
    Json(json!([
        {"id": POINTS_FIELD, "name": "Story point estimate", "custom": true, "schema": {"type": "number"}},
        {"id": FLAGGED_FIELD, "name": "Flagged", "custom": true, "schema": {"type": "array", "custom": kind}},
    ]))
}

async fn users(State(sample): State<Arc<Sample>>, Query(query): Parameters) -> Json<Value> {
    let wanted = query
        .get("query")
        .map(|text| text.to_lowercase())
        .unwrap_or_default();
    let people = sample.data.people.keys().filter_map(|id| sample.person(id));
    let found = people.filter(|person| {
        ["emailAddress", "displayName"].iter().any(|field| {
            let text = person[*field].as_str().unwrap_or_default();
            text.to_lowercase().starts_with(&wanted)
        })
    });
    Json(found.collect())
}

async fn myself() -> Json<Value> {
    Json(
        json!({"accountId": "sample-account", "displayName": "T3nets demo (sample data)", "active": true}),
    )
}

impl Sample {
    fn sprint(&self) -> Value {
        let end = self
            .clock
            .now()
            .saturating_add(SPRINT_LEFT)
            .unwrap_or(Timestamp::MAX);
        let start = end.saturating_sub(SPRINT_LENGTH).unwrap_or(Timestamp::MIN);
        let mut sprint = self.data.sprint.clone();
        sprint["state"] = json!("active");
        sprint["startDate"] = json!(start);
        sprint["endDate"] = json!(end);
        sprint
    }

    fn issue(&self, issue: &SampleIssue) -> Value {
        let flags = if issue.flagged {
            json!([{"value": "Impediment"}])
        } else {
            Value::Null
        };
        json!({
            "id": issue.key,
            "key": issue.key,
            "fields": {
                "summary": issue.summary,
                "status": {"name": issue.status, "statusCategory": {"key": issue.category}},
                "priority": issue.priority.as_ref().map(|name| json!({"name": name})),
                "assignee": issue.assignee.as_ref().and_then(|id| self.person(id)),
                "labels": issue.labels,
                "issuetype": {"name": issue.kind, "subtask": issue.kind == "Sub-task"},
                POINTS_FIELD: issue.points,
                FLAGGED_FIELD: flags,
            },
        })
    }

    fn person(&self, id: &str) -> Option<Value> {
        let mut person = self.data.people.get(id)?.clone();
        person["accountId"] = json!(format!("sample-{id}"));
        person["accountType"] = json!("atlassian");
        person["active"] = json!(true);
        Some(person)
    }
}

/// A page of a list as Jira frames it.
fn page(list: &str, all: Vec<Value>, query: &HashMap<String, String>) -> Value {
    let number = |name: &str| query.get(name).and_then(|text| text.parse().ok());
    let start: usize = number("startAt").unwrap_or(0);
    let size: usize = number("maxResults").unwrap_or(50).min(100);
    let total = all.len();
    let values: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let is_last = start.saturating_add(values.len()) >= total;
    json!({"startAt": start, "maxResults": size, "total": total, "isLast": is_last, list: values})
}

fn not_found(message: &str) -> Response {
    (
        StatusCode::NOT_FOUND,
        Json(json!({"errorMessages": [message], "errors": {}})),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use support::TestServer;
    use t3nets_router::model::SecretDocument;
    use t3nets_router::outbound::Reach;
    use t3nets_router::skills::release_notes::ReleaseNotes;
    use t3nets_router::skills::sprint_status::SprintStatus;
    use t3nets_router::skills::{Access, Limits};
    use t3nets_router::skills::{Skill, SkillCall, SkillErrorKind};

    use super::*;

    struct Fixed(Timestamp);

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    fn now() -> Timestamp {
        "2026-11-18T12:34:56Z".parse().unwrap()
    }

    async fn start() -> TestServer {
        let account = SampleAccount {
            email: "demo@example.com".to_owned(),
            api_token: "demo".to_owned(),
        };
        TestServer::start(routes(&account, Arc::new(Fixed(now()))).unwrap()).await
    }

    fn call(server: &TestServer, api_token: &str) -> SkillCall {
        let fields = json!({
            "url": server.url(), "email": "demo@example.com", "api_token": api_token, "board_id": BOARD_ID,
        });
        SkillCall {
            email: Some("admin@example.com".to_owned()),
            credentials: Some(SecretDocument::new(fields.as_object().unwrap().clone())),
            now: now(),
        }
    }

    #[tokio::test]
    async fn the_skill_reads_the_sample_sprint() {
        let server = start().await;
        let skill = SprintStatus::new(Reach::Anywhere).unwrap();
        let call = call(&server, "demo");
        let result = skill
            .run(&call, &json!({"action": "status"}))
            .await
            .unwrap();
        assert_eq!(result["sprint"]["name"], "Sprint 24 (sample data)");
        assert_eq!(result["sprint"]["days_left"], 5);
        assert_eq!(result["sprint"]["days_total"], 14);
        assert_eq!(result["board"]["name"], "Web shop (sample data)");
        let expected = json!({"total": 13, "done": 6, "in_progress": 4, "to_do": 3});
        assert_eq!(result["progress"]["issues"], expected);
        assert_eq!(result["progress"]["points"]["total"], 48.5);
        let reasons: Vec<&Value> = result["blockers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|blocker| &blocker["reason"])
            .collect();
        assert_eq!(reasons, ["flagged as an impediment", "labelled `blocked`"]);
        let mine = skill.run(&call, &json!({"action": "mine"})).await.unwrap();
        assert_eq!(mine["mine_total"], 3);
        let check = skill
            .check(call.credentials.as_ref().unwrap())
            .await
            .unwrap();
        assert_eq!(check["board"]["type"], "scrum");
    }

    #[tokio::test]
    async fn the_skill_reads_the_sample_releases() {
        let server = start().await;
        let skill = ReleaseNotes::through(Access::new(Limits::default(), Reach::Anywhere).unwrap());
        let call = call(&server, "demo");
        let list = skill.run(&call, &json!({})).await.unwrap();
        assert_eq!(list["project"]["name"], "Web shop (sample data)");
        assert_eq!(
            (&list["next"]["name"], &list["latest"]["name"]),
            (&json!("2.5 (sample data)"), &json!("2.4 (sample data)"))
        );
        assert_eq!(list["overdue_total"], 1);
        for (name, total, done) in [("next", 9, 5), ("latest", 5, 5)] {
            let input = json!({"action": "summarize", "version": name});
            let issues = skill.run(&call, &input).await.unwrap()["progress"]["issues"].clone();
            assert_eq!(
                (&issues["total"], &issues["done"]),
                (&json!(total), &json!(done)),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn other_credentials_are_refused() {
        let server = start().await;
        let skill = SprintStatus::new(Reach::Anywhere).unwrap();
        let error = skill
            .run(&call(&server, "other"), &json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.kind, SkillErrorKind::Denied);
    }
}
