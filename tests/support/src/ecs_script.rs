//! A scripted ECS: a service whose rollout goes as a test says, told in the shapes that AWS
//! documents.
//!
//! What stands in for AWS elsewhere runs real containers, but cannot provoke all that ECS does:
//! service deployments, Spot, the load balancer's health checks, reads that lag. Here a
//! [`Scenario`] says what the service looks like before UpdateService and at each look after it.
//! Every DescribeServices is the next look (the last one stays), never the passing of time, so that
//! the same calls see the same things on any machine. [`EcsScript`] serves ECS,
//! DescribeTargetHealth, GetLogEvents and FilterLogEvents; a client finds it by
//! [`EcsScript::variables`], and everything else elsewhere.
//!
//! Shapes and wording are from the API references of ECS, Elastic Load Balancing and CloudWatch
//! Logs, and from "Amazon ECS stopped tasks error messages"; tests/README.md has the list.

mod answers;
mod shapes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use serde_json::Value;

pub use shapes::{
    BROKEN, CLUSTER_NOT_FOUND, DENIED, Deployment, EXPIRED, INVALID_ACTION, Look, Made, Refused,
    THROTTLED, Task, UNKNOWN, WRONG_CONTROLLER,
};

use crate::TestServer;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// The target group of every service here.
pub const TARGET_GROUP: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t3nets/73e2d6bc24d8a067";
/// The deployment that is there before.
pub const BEFORE: Made = Made::new(1, 7);
/// The deployment that the first UpdateService makes.
pub const OURS: Made = Made::new(2, 8);

/// What happens to a service.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// The looks before UpdateService, unless it runs well.
    before: Vec<Look>,
    /// The looks after the first UpdateService, after the second, …
    after: Vec<Vec<Look>>,
    breaker: bool,
    further: Vec<u32>,
    refused: Vec<(&'static str, Refused)>,
    updates_refused: Option<(usize, Refused)>,
    updates_unanswered: bool,
    /// Fields of the service other than ECS would have them.
    service: Value,
    /// Revisions other than they would be, by their number: who registered each, and its fields.
    definitions: BTreeMap<u32, (&'static str, Value)>,
    /// Lines by container and task.
    logs: BTreeMap<(String, String), Vec<&'static str>>,
}

impl Scenario {
    /// A service without circuit breaker, which shows these looks after the next UpdateService.
    #[must_use]
    pub fn then(mut self, looks: impl IntoIterator<Item = Look>) -> Self {
        self.after.push(looks.into_iter().collect());
        self
    }

    /// With these looks before UpdateService.
    #[must_use]
    pub fn before(mut self, looks: impl IntoIterator<Item = Look>) -> Self {
        self.before = looks.into_iter().collect();
        self
    }

    /// With the circuit breaker, rolling back.
    #[must_use]
    pub fn with_breaker(mut self) -> Self {
        self.breaker = true;
        self
    }

    /// With a revision that is there besides the one that runs.
    #[must_use]
    pub fn with_revision(mut self, number: u32) -> Self {
        self.further.push(number);
        self
    }

    /// With an operation that is always refused.
    #[must_use]
    pub fn refusing(mut self, operation: &'static str, refused: Refused) -> Self {
        self.refused.push((operation, refused));
        self
    }

    /// With an UpdateService that is refused once this many were taken.
    #[must_use]
    pub fn refusing_updates_after(mut self, taken: usize, refused: Refused) -> Self {
        self.updates_refused = Some((taken, refused));
        self
    }

    /// With an UpdateService that is taken, once for each revision, and never answered with a
    /// success.
    #[must_use]
    pub fn without_answers_to_updates(mut self) -> Self {
        self.updates_unanswered = true;
        self
    }

    /// With these fields of the service.
    #[must_use]
    pub fn service(mut self, fields: Value) -> Self {
        self.service = fields;
        self
    }

    /// With a revision that somebody registered with these fields; those of `router` are its
    /// container's, `sidecars` are further containers, `tags` its tags.
    #[must_use]
    pub fn definition(mut self, number: u32, by: &'static str, fields: Value) -> Self {
        self.definitions.insert(number, (by, fields));
        self
    }

    /// With what a task's router wrote.
    #[must_use]
    pub fn log(self, task: &Task, lines: impl IntoIterator<Item = &'static str>) -> Self {
        self.log_of(task, "router", lines)
    }

    /// With what a container of a task wrote.
    #[must_use]
    pub fn log_of(
        mut self,
        task: &Task,
        container: &str,
        lines: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let key = (container.to_owned(), task.id());
        self.logs.insert(key, lines.into_iter().collect());
        self
    }
}

/// A call that changed the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// `family:number`.
    pub revision: String,
    /// Whether a new deployment was asked for in any case.
    pub forced: bool,
}

/// The names that ARNs are made of.
struct Names {
    cluster: String,
    service: String,
}

impl Names {
    fn cluster_arn(&self) -> String {
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{}", self.cluster)
    }

    fn of(&self, kind: &str, id: &str) -> String {
        let Self { cluster, service } = self;
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{kind}/{cluster}/{service}{id}")
    }

    fn task(&self, id: &str) -> String {
        format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{}/{id}", self.cluster)
    }
}

struct State {
    names: Names,
    scenario: Scenario,
    /// Task definitions with their tags, by their number.
    revisions: BTreeMap<u32, (Value, Value)>,
    updates: Vec<Update>,
    /// The desired counts that were asked for.
    scaled: Vec<i64>,
    /// The look that was shown last: after how many UpdateServices, and which one.
    place: (usize, usize),
    /// When each look was shown first.
    shown: BTreeMap<(usize, usize), Instant>,
    calls: Vec<String>,
}

/// A server for one scenario.
pub struct EcsScript {
    server: TestServer,
    state: Arc<Mutex<State>>,
}

impl EcsScript {
    /// Serves a service of a cluster. It runs revision 7, which `t3nets` registered.
    pub async fn start(cluster: &str, service: &str, scenario: Scenario) -> Self {
        let names = Names {
            cluster: cluster.to_owned(),
            service: service.to_owned(),
        };
        let mut state = State {
            names,
            revisions: BTreeMap::new(),
            updates: Vec::new(),
            scaled: Vec::new(),
            place: (0, 0),
            shown: BTreeMap::new(),
            calls: Vec::new(),
            scenario,
        };
        if state.scenario.before.is_empty() {
            let well = Look::at([BEFORE.completed()]).tasks([BEFORE.task('0')]);
            state.scenario.before.push(well);
        }
        for (number, (by, _)) in state.scenario.definitions.clone() {
            state.keep(number, by);
        }
        state.keep(BEFORE.revision, "t3nets");
        for number in state.scenario.further.clone() {
            state.keep(number, "t3nets");
        }
        let state = Arc::new(Mutex::new(state));
        let routes = Router::new()
            .fallback(answers::answer)
            .with_state(state.clone());
        Self {
            server: TestServer::start(routes).await,
            state,
        }
    }

    /// The variables by which a program finds the three services, and no other, here.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        [
            "AWS_ENDPOINT_URL_ECS",
            "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        ]
        .map(|name| (name, self.server.url()))
        .to_vec()
    }

    /// The calls of UpdateService, in their order.
    pub fn updates(&self) -> Vec<Update> {
        self.state().updates.clone()
    }

    /// The desired counts that UpdateService was called with, in their order.
    pub fn scaled(&self) -> Vec<i64> {
        self.state().scaled.clone()
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        let state = self.state();
        let calls = state.calls.iter();
        calls.filter(|call| *call == operation).count()
    }

    /// When the `look`-th look (the first is 0) after the `update`-th UpdateService was shown
    /// first.
    pub fn shown(&self, update: usize, look: usize) -> Option<Instant> {
        self.state().shown.get(&(update, look)).copied()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }
}
