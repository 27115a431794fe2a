//! The answers, from where the scenario is.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::shapes::{BROKEN, Look, Made, Refused, load_balancers, network, revision_arn};
use super::{ACCOUNT, BEFORE, REGION, State, Update};

const NOT_FOUND: Refused = Refused {
    code: "ResourceNotFoundException",
    message: Some("The specified log stream does not exist."),
};
const NO_REVISION: Refused = Refused {
    code: "ClientException",
    message: Some("Unable to describe task definition."),
};

pub(super) async fn answer(
    Extract(state): Extract<Arc<Mutex<State>>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut state = state.lock().expect("no answer panics");
    let target = headers.get("x-amz-target").map(|value| value.to_str());
    let Some(Ok(target)) = target else {
        let action = url::form_urlencoded::parse(body.as_bytes())
            .find(|(name, _)| name == "Action")
            .map(|(_, action)| action.into_owned());
        assert_eq!(action.as_deref(), Some("DescribeTargetHealth"), "{body}");
        state.calls.push("DescribeTargetHealth".to_owned());
        return ([("content-type", "text/xml")], state.look().targets_xml()).into_response();
    };
    let operation = target.split_once('.').map_or(target, |(_, name)| name);
    state.calls.push(operation.to_owned());
    let asked: Value = serde_json::from_str(&body).expect("a request in JSON");
    let kind = [("content-type", "application/x-amz-json-1.1")];
    match state.answer(operation, &asked) {
        Ok(answer) => (kind, answer.to_string()).into_response(),
        Err(refused) => {
            let Refused { code, message } = refused;
            let status = match refused == BROKEN {
                true => StatusCode::INTERNAL_SERVER_ERROR,
                false => StatusCode::BAD_REQUEST,
            };
            let mut body = json!({ "__type": code });
            if let Some(message) = message {
                body["message"] = json!(message);
            }
            (status, kind, body.to_string()).into_response()
        }
    }
}

impl State {
    fn answer(&mut self, operation: &str, asked: &Value) -> Result<Value, Refused> {
        let refused = self.scenario.refused.iter();
        if let Some((_, refused)) = refused.clone().find(|(name, _)| *name == operation) {
            return Err(*refused);
        }
        if operation == "DescribeServices" {
            self.next_look();
        }
        let look = self.look();
        if let Some(refused) = look.refused {
            return Err(refused);
        }
        match operation {
            "DescribeServices" => Ok(json!({"services": [self.service(&look)], "failures": []})),
            "UpdateService" => self.update(asked, &look),
            "ListTasks" => {
                let wanted = asked["desiredStatus"].as_str().unwrap_or("RUNNING");
                let tasks = look.tasks.iter();
                let listed = tasks.filter(|task| task.desired_status == wanted);
                let arns: Vec<String> = listed.map(|task| self.names.task(&task.id())).collect();
                Ok(json!({ "taskArns": arns }))
            }
            "DescribeTasks" => Ok(self.tasks(asked, &look)),
            "DescribeTaskDefinition" => self.describe(asked),
            "RegisterTaskDefinition" => Ok(self.register(asked)),
            "ListTaskDefinitions" => {
                let arns = self.revisions.keys().rev();
                let active = asked["status"].as_str().unwrap_or("ACTIVE") == "ACTIVE";
                let arns = arns.filter(|_| active);
                let arns = arns.map(|number| revision_arn(&self.names.service, *number));
                Ok(json!({ "taskDefinitionArns": arns.collect::<Vec<_>>() }))
            }
            "ListServiceDeployments" => {
                let brief = look.newer.map(|(made, status, reason)| {
                    let mut brief = self.service_deployment(made, status, reason);
                    let target = brief["targetServiceRevision"]["arn"].take();
                    brief["targetServiceRevisionArn"] = target;
                    for of_the_whole in ["targetServiceRevision", "sourceServiceRevisions"] {
                        brief
                            .as_object_mut()
                            .map(|brief| brief.remove(of_the_whole));
                    }
                    brief
                });
                Ok(json!({ "serviceDeployments": brief.as_slice() }))
            }
            "DescribeServiceDeployments" => {
                let whole = look
                    .newer
                    .map(|(made, status, reason)| self.service_deployment(made, status, reason));
                Ok(json!({ "serviceDeployments": whole.as_slice(), "failures": [] }))
            }
            "DescribeServiceRevisions" => Ok(self.service_revisions(asked)),
            "GetLogEvents" => self.log(asked),
            "FilterLogEvents" => Ok(self.all_logs()),
            "DescribeClusters" => Ok(json!({"failures": [], "clusters": [{
                "clusterArn": self.names.cluster_arn(), "clusterName": self.names.cluster, "status": "ACTIVE",
                "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [],
            }]})),
            other => panic!("the script knows no {other}"),
        }
    }

    fn looks(&self, updates: usize) -> &[Look] {
        match updates {
            0 => &self.scenario.before,
            _ => self
                .scenario
                .after
                .get(updates - 1)
                .map_or(&[], Vec::as_slice),
        }
    }

    /// The look that is shown.
    fn look(&self) -> Look {
        let (updates, index) = self.place;
        self.looks(updates)[index].clone()
    }

    fn next_look(&mut self) {
        let updates = self.updates.len() + self.scaled.len();
        let last = self.looks(updates).len().checked_sub(1);
        let last = last.unwrap_or_else(|| panic!("nothing is scripted after {updates} updates"));
        let next = match self.shown.contains_key(&(updates, 0)) {
            true => self.place.1 + 1,
            false => 0,
        };
        let place = (updates, next.min(last));
        self.place = place;
        self.shown.entry(place).or_insert_with(Instant::now);
        // What runs and was not registered here is Terraform's.
        for deployment in self.look().deployments {
            self.keep(deployment.made.revision, "terraform");
        }
    }

    /// Registers a revision, unless it is there.
    pub(super) fn keep(&mut self, number: u32, by: &str) {
        let family = self.names.service.clone();
        self.revisions.entry(number).or_insert_with(|| {
            let logging = json!({"logDriver": "awslogs", "options": {
                "awslogs-group": format!("/ecs/{family}"), "awslogs-region": REGION, "awslogs-stream-prefix": "router",
            }});
            let mut definition = json!({
                "family": family, "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole"),
                "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
                "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
                "volumes": [], "placementConstraints": [],
                "containerDefinitions": [{
                    "name": "router", "image": "repo:before", "cpu": 0, "essential": true, "environment": [],
                    "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
                    "mountPoints": [], "volumesFrom": [], "systemControls": [], "logConfiguration": logging,
                }],
            });
            let mut tags = json!([{"key": "ManagedBy", "value": by}]);
            let mut status = Value::Null;
            if let Some((_, fields)) = self.scenario.definitions.get(&number) {
                let mut fields = fields.clone();
                merge(&mut definition["containerDefinitions"][0], &fields["router"].take());
                append(&mut definition["containerDefinitions"], fields["sidecars"].take());
                append(&mut tags, fields["tags"].take());
                status = fields["status"].take();
                merge(&mut definition, &fields);
            }
            let mut registered = as_registered(definition, &family, number);
            merge(&mut registered, &json!({ "status": status }));
            (registered, tags)
        });
    }

    fn register(&mut self, asked: &Value) -> Value {
        let mut definition = asked.clone();
        let tags = definition["tags"].take();
        definition
            .as_object_mut()
            .map(|fields| fields.remove("tags"));
        let number = self.revisions.keys().max().map_or(1, |newest| newest + 1);
        let definition = as_registered(definition, &self.names.service, number);
        let kept = (definition.clone(), tags.clone());
        self.revisions.insert(number, kept);
        json!({"taskDefinition": definition, "tags": tags})
    }

    fn describe(&self, asked: &Value) -> Result<Value, Refused> {
        let name = asked["taskDefinition"].as_str().unwrap_or_default();
        let number = name
            .rsplit_once(':')
            .and_then(|(_, number)| number.parse().ok());
        let found = number.and_then(|number: u32| self.revisions.get(&number));
        let (definition, tags) = found.ok_or(NO_REVISION)?;
        Ok(json!({"taskDefinition": definition, "tags": tags}))
    }

    fn update(&mut self, asked: &Value, look: &Look) -> Result<Value, Refused> {
        if let Some((taken, refused)) = self.scenario.updates_refused
            && self.updates.len() >= taken
        {
            return Err(refused);
        }
        if asked["taskDefinition"].is_null() {
            let count = asked["desiredCount"]
                .as_i64()
                .expect("a count or a revision");
            self.scaled.push(count);
            let mut service = self.service(look);
            service["desiredCount"] = json!(count);
            return Ok(json!({ "service": service }));
        }
        let name = asked["taskDefinition"].as_str().unwrap_or_default();
        let revision = name
            .rsplit_once('/')
            .map_or(name, |(_, name)| name)
            .to_owned();
        let number = revision
            .rsplit_once(':')
            .and_then(|(_, number)| number.parse().ok());
        let update = Update {
            revision,
            forced: asked["forceNewDeployment"] == true,
        };
        if self.scenario.updates_unanswered {
            // Told again what it runs, ECS makes no other deployment.
            if self.updates.last() != Some(&update) {
                self.updates.push(update);
            }
            return Err(BROKEN);
        }
        self.updates.push(update);
        let made = u32::try_from(self.updates.len()).expect("few updates") + 1;
        let ours = Made::new(made, number.expect("a revision's number"));
        let others = look.deployments.iter().cloned().map(|one| one.active());
        let now = Look::at([ours.going()].into_iter().chain(others));
        Ok(json!({"service": self.service(&now)}))
    }

    fn service(&self, look: &Look) -> Value {
        let names = &self.names;
        let family = &names.service;
        let primary = look.deployments.iter().find(|one| one.is_primary());
        let primary = primary.expect("one deployment counts");
        let (desired, ..) = primary.counted();
        let of_all = |count: fn((i32, i32, i32)) -> i32| -> i32 {
            look.deployments
                .iter()
                .map(|one| count(one.counted()))
                .sum()
        };
        let events: Vec<Value> = look
            .events
            .iter()
            .enumerate()
            .rev()
            .map(|(index, (made, message))| {
                json!({
                    "id": format!("{:08}-0000-4000-8000-{index:012}", made.number),
                    "createdAt": made.created_at() + 10.0, "message": format!("(service {family}) {message}"),
                })
            })
            .collect();
        let deployments = look.deployments.iter().map(|one| one.json(family));
        let mut service = json!({
            "serviceArn": names.of("service", ""), "serviceName": family, "clusterArn": names.cluster_arn(),
            "status": "ACTIVE", "desiredCount": desired, "runningCount": of_all(|(_, running, _)| running),
            "pendingCount": of_all(|(_, _, pending)| pending), "launchType": "FARGATE", "platformVersion": "LATEST",
            "platformFamily": "Linux", "taskDefinition": revision_arn(family, primary.made.revision),
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": self.scenario.breaker, "rollback": self.scenario.breaker},
                "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING",
            },
            "deployments": deployments.collect::<Vec<_>>(), "events": events, "loadBalancers": load_balancers(),
            "serviceRegistries": [], "placementConstraints": [], "placementStrategy": [], "createdAt": 1_760_000_000.5,
            "networkConfiguration": network(), "healthCheckGracePeriodSeconds": 60, "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"}, "enableECSManagedTags": true, "propagateTags": "SERVICE",
            "enableExecuteCommand": false, "tags": [],
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
        });
        merge(&mut service, &self.scenario.service);
        service
    }

    fn tasks(&self, asked: &Value, look: &Look) -> Value {
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for arn in asked["tasks"].as_array().into_iter().flatten() {
            let found = look
                .tasks
                .iter()
                .find(|task| self.names.task(&task.id()) == *arn);
            match found.filter(|task| !task.is_missing) {
                Some(task) => tasks.push(task.json(&self.names)),
                None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
            }
        }
        json!({"tasks": tasks, "failures": failures})
    }

    fn service_deployment(&self, made: Made, status: &str, reason: &str) -> Value {
        let at = made.created_at();
        let mut found = json!({
            "serviceDeploymentArn": self.names.of("service-deployment", &format!("/NCWGC2ZR-taawPAYr{:05}", made.number)),
            "serviceArn": self.names.of("service", ""), "clusterArn": self.names.cluster_arn(),
            "createdAt": at + 0.4, "startedAt": at + 2.1, "updatedAt": at + 20.0, "status": status,
            "sourceServiceRevisions": [{
                "arn": self.names.of("service-revision", &format!("/{:019}", BEFORE.revision)),
                "requestedTaskCount": 1, "runningTaskCount": 1, "pendingTaskCount": 0,
            }],
            "targetServiceRevision": {
                "arn": self.names.of("service-revision", &format!("/{:019}", made.revision)),
                "requestedTaskCount": 1, "runningTaskCount": 0, "pendingTaskCount": 1,
            },
        });
        if !reason.is_empty() {
            found["statusReason"] = json!(reason);
        }
        found
    }

    fn service_revisions(&self, asked: &Value) -> Value {
        let arns = asked["serviceRevisionArns"]
            .as_array()
            .into_iter()
            .flatten();
        let revisions = arns.filter_map(|arn| {
            let number = arn.as_str()?.rsplit_once('/')?.1.parse().ok()?;
            Some(json!({
                "serviceRevisionArn": arn, "serviceArn": self.names.of("service", ""),
                "clusterArn": self.names.cluster_arn(), "taskDefinition": revision_arn(&self.names.service, number),
                "launchType": "FARGATE", "platformVersion": "1.4.0", "platformFamily": "Linux",
                "networkConfiguration": network(), "loadBalancers": load_balancers(),
                "guardDutyEnabled": false, "createdAt": 1_764_000_000.9,
            }))
        });
        json!({"serviceRevisions": revisions.collect::<Vec<_>>(), "failures": []})
    }

    fn log(&self, asked: &Value) -> Result<Value, Refused> {
        let stream = asked["logStreamName"].as_str().unwrap_or_default();
        let stream = stream.strip_prefix("router/").unwrap_or_default();
        let (container, task) = stream.split_once('/').ok_or(NOT_FOUND)?;
        let key = (container.to_owned(), task.to_owned());
        let lines = self.scenario.logs.get(&key).ok_or(NOT_FOUND)?;
        let events = lines.iter().map(
            |line| json!({"timestamp": 1_764_000_120_123_u64, "message": line, "ingestionTime": 1_764_000_123_456_u64}),
        );
        Ok(json!({
            "events": events.collect::<Vec<_>>(),
            "nextForwardToken": "f/39350282398732871264158437164735434", "nextBackwardToken": "b/39350282398732871264158437164735434",
        }))
    }

    fn all_logs(&self) -> Value {
        let logs = self.scenario.logs.iter();
        let lines = logs.flat_map(|(origin, lines)| lines.iter().map(move |line| (origin, line)));
        let events = lines.enumerate().map(|(index, ((container, task), line))| {
            json!({
                "logStreamName": format!("router/{container}/{task}"), "eventId": format!("{index:056}"), "message": line,
                "timestamp": 1_764_000_120_123_u64 + index as u64, "ingestionTime": 1_764_000_123_456_u64,
            })
        });
        json!({"events": events.collect::<Vec<_>>(), "searchedLogStreams": []})
    }
}

/// Takes over the fields that are not null.
fn merge(into: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        if !value.is_null() {
            into[name] = value.clone();
        }
    }
}

/// Adds entries to a list.
fn append(list: &mut Value, mut more: Value) {
    if let (Some(list), Some(more)) = (list.as_array_mut(), more.as_array_mut()) {
        list.append(more);
    }
}

/// With what ECS adds.
fn as_registered(mut definition: Value, family: &str, number: u32) -> Value {
    definition["taskDefinitionArn"] = json!(revision_arn(family, number));
    definition["revision"] = json!(number);
    definition["status"] = json!("ACTIVE");
    definition["compatibilities"] = json!(["EC2", "FARGATE"]);
    definition["requiresAttributes"] =
        json!([{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}]);
    definition["registeredAt"] = json!(1_764_000_000.75);
    definition["registeredBy"] = json!(format!("arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ada"));
    definition
}
