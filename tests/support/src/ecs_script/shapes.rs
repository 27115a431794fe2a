//! What a look at the service shows, in the shapes of AWS's API references: every field that a
//! Fargate service has, with defaults, so that a test says only what is special.

use serde_json::{Value, json};

use super::{ACCOUNT, REGION, TARGET_GROUP};

/// When the deployment number 0 would have been made, in seconds since the epoch. AWS's clock and
/// the client's need not agree.
const EPOCH: f64 = 1_764_000_000.123;

/// Which deployment: the number by which ids and times are made, and the revision that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    pub(super) number: u32,
    pub(super) revision: u32,
}

impl Made {
    /// The `number`-th deployment, of a revision. The first is there before; each UpdateService
    /// makes the next.
    pub const fn new(number: u32, revision: u32) -> Self {
        Self { number, revision }
    }

    /// Its id.
    pub fn id(self) -> String {
        format!("ecs-svc/{:019}", self.number)
    }

    pub(super) fn created_at(self) -> f64 {
        EPOCH + 60.0 * f64::from(self.number)
    }

    /// As the one that counts, coming up: one task wanted, none there.
    pub fn going(self) -> Deployment {
        Deployment {
            made: self,
            status: "PRIMARY",
            state: "IN_PROGRESS",
            reason: format!("ECS deployment {} in progress.", self.id()),
            desired: 1,
            pending: 0,
            running: 0,
        }
    }

    /// As the one that counts, with its task running and ECS done with it.
    pub fn completed(self) -> Deployment {
        Deployment {
            state: "COMPLETED",
            reason: format!("ECS deployment {} completed.", self.id()),
            running: 1,
            ..self.going()
        }
    }

    /// As the circuit breaker leaves it: another counts, and it is to have no tasks.
    pub fn broken(self) -> Deployment {
        Deployment {
            status: "ACTIVE",
            state: "FAILED",
            reason: "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
            desired: 0,
            ..self.going()
        }
    }

    /// One of its tasks, running. Its id is this letter, so often that it is as long as ECS's.
    pub fn task(self, letter: char) -> Task {
        Task {
            made: self,
            letter,
            last_status: "RUNNING",
            desired_status: "RUNNING",
            stop: None,
            container_reason: None,
            exit_code: None,
            sidecar: None,
            is_missing: false,
        }
    }
}

/// A deployment of the service.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub(super) made: Made,
    status: &'static str,
    state: &'static str,
    reason: String,
    desired: i32,
    pending: i32,
    running: i32,
}

impl Deployment {
    /// With these many tasks running and about to.
    pub fn counts(self, running: i32, pending: i32) -> Self {
        Self {
            running,
            pending,
            ..self
        }
    }

    /// To have so many tasks.
    pub fn desired(self, desired: i32) -> Self {
        Self { desired, ..self }
    }

    /// Not the one that counts, but with tasks.
    pub fn active(self) -> Self {
        Self {
            status: "ACTIVE",
            ..self
        }
    }

    /// The one that counts, whatever it is.
    pub fn primary(self) -> Self {
        Self {
            status: "PRIMARY",
            ..self
        }
    }

    /// With the reason that the circuit breaker gives for it.
    pub fn rolled_back_to(self) -> Self {
        let id = self.made.id();
        let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {id}.");
        Self { reason, ..self }
    }

    /// With another reason.
    pub fn because(self, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { reason, ..self }
    }

    pub(super) fn is_primary(&self) -> bool {
        self.status == "PRIMARY"
    }

    pub(super) fn counted(&self) -> (i32, i32, i32) {
        (self.desired, self.running, self.pending)
    }

    pub(super) fn json(&self, family: &str) -> Value {
        let at = self.made.created_at();
        json!({
            "id": self.made.id(), "status": self.status,
            "taskDefinition": revision_arn(family, self.made.revision),
            "desiredCount": self.desired, "pendingCount": self.pending, "runningCount": self.running, "failedTasks": 0,
            "createdAt": at, "updatedAt": at + 7.5,
            "launchType": "FARGATE", "platformVersion": "1.4.0", "platformFamily": "Linux",
            "networkConfiguration": network(),
            "rolloutState": self.state, "rolloutStateReason": self.reason,
        })
    }
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    made: Made,
    letter: char,
    last_status: &'static str,
    pub(super) desired_status: &'static str,
    stop: Option<(&'static str, String)>,
    container_reason: Option<String>,
    exit_code: Option<i32>,
    sidecar: Option<(&'static str, i32)>,
    pub(super) is_missing: bool,
}

impl Task {
    /// Not running yet.
    pub fn pending(self) -> Self {
        Self {
            last_status: "PENDING",
            ..self
        }
    }

    /// Stopped, with ECS's word and sentence for why.
    pub fn stopped(self, code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            last_status: "STOPPED",
            desired_status: "STOPPED",
            stop: Some((code, reason.into())),
            ..self
        }
    }

    /// Stopped because its container ended.
    pub fn exited(self, code: i32) -> Self {
        Self {
            exit_code: Some(code),
            ..self.stopped(
                "EssentialContainerExited",
                "Essential container in task exited",
            )
        }
    }

    /// With what is said of its container.
    pub fn container(self, exit_code: Option<i32>, reason: Option<&str>) -> Self {
        Self {
            exit_code,
            container_reason: reason.map(str::to_owned),
            ..self
        }
    }

    /// With another container, which ended with this code.
    pub fn sidecar(self, name: &'static str, exit_code: i32) -> Self {
        let sidecar = Some((name, exit_code));
        Self { sidecar, ..self }
    }

    /// Listed, though DescribeTasks does not find it yet.
    pub fn missing(self) -> Self {
        Self {
            is_missing: true,
            ..self
        }
    }

    /// Its id.
    pub fn id(&self) -> String {
        self.letter.to_string().repeat(32)
    }

    pub(super) fn address(&self) -> String {
        format!("10.0.1.{}", u32::from(self.letter) % 200 + 10)
    }

    pub(super) fn json(&self, names: &super::Names) -> Value {
        let created = self.made.created_at() + 5.0;
        let arn = names.task(&self.id());
        let ran = self.last_status == "RUNNING" || self.exit_code.is_some();
        let mut container = json!({
            "containerArn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:container/{}/{}/0f0f0f0f-0000-4000-8000-000000000001", names.cluster, self.id()),
            "taskArn": arn, "name": "router", "image": "repo@sha256:0", "lastStatus": self.last_status,
            "networkInterfaces": [{"attachmentId": "0f0f0f0f-0000-4000-8000-000000000002", "privateIpv4Address": self.address()}],
            "healthStatus": "UNKNOWN", "cpu": "0",
        });
        let mut task = json!({
            "attachments": [{
                "id": "0f0f0f0f-0000-4000-8000-000000000002", "type": "ElasticNetworkInterface",
                "status": if self.stop.is_some() { "DELETED" } else { "ATTACHED" },
                "details": [
                    {"name": "subnetId", "value": "subnet-0123456789abcdef0"},
                    {"name": "networkInterfaceId", "value": "eni-0123456789abcdef0"},
                    {"name": "macAddress", "value": "0e:89:76:28:07:b3"},
                    {"name": "privateIPv4Address", "value": self.address()},
                ],
            }],
            "availabilityZone": "us-east-1a", "clusterArn": names.cluster_arn(), "connectivity": "CONNECTED",
            "connectivityAt": created + 4.0, "cpu": "256", "memory": "512", "createdAt": created,
            "desiredStatus": self.desired_status, "lastStatus": self.last_status, "enableExecuteCommand": false,
            "group": format!("service:{}", names.service), "healthStatus": "UNKNOWN", "launchType": "FARGATE",
            "platformVersion": "1.4.0", "platformFamily": "Linux", "ephemeralStorage": {"sizeInGiB": 20},
            "overrides": {"containerOverrides": [{"name": "router"}], "inferenceAcceleratorOverrides": []},
            "startedBy": self.made.id(), "tags": [], "taskArn": arn,
            "taskDefinitionArn": revision_arn(&names.service, self.made.revision), "version": 4,
        });
        if ran {
            task["pullStartedAt"] = json!(created + 6.0);
            task["pullStoppedAt"] = json!(created + 8.0);
            task["startedAt"] = json!(created + 9.25);
            container["runtimeId"] = json!(format!("{}-1234567890", self.id()));
        }
        if let Some((code, reason)) = &self.stop {
            task["stopCode"] = json!(code);
            task["stoppedReason"] = json!(reason);
            task["stoppingAt"] = json!(created + 12.0);
            task["stoppedAt"] = json!(created + 25.0);
        }
        if let Some(code) = self.exit_code {
            container["exitCode"] = json!(code);
        }
        if let Some(reason) = &self.container_reason {
            container["reason"] = json!(reason);
        }
        let mut containers = vec![container];
        if let Some((name, code)) = self.sidecar {
            let mut other = containers[0].clone();
            other["name"] = json!(name);
            other["exitCode"] = json!(code);
            containers.push(other);
        }
        task["containers"] = json!(containers);
        task
    }
}

/// How AWS refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub(super) code: &'static str,
    pub(super) message: Option<&'static str>,
}

/// The role lacks a permission.
pub const DENIED: Refused = Refused {
    code: "AccessDeniedException",
    message: Some(
        "User: arn:aws:sts::123456789012:assumed-role/deployer/ada is not authorized to perform this action because no identity-based policy allows it",
    ),
};
/// The endpoint is older than the operation.
pub const UNKNOWN: Refused = Refused {
    code: "UnknownOperationException",
    message: None,
};
/// The endpoint is older than the operation, in the words of the common errors.
pub const INVALID_ACTION: Refused = Refused {
    code: "InvalidAction",
    message: Some("The action or operation requested is invalid."),
};
/// Too many calls.
pub const THROTTLED: Refused = Refused {
    code: "ThrottlingException",
    message: Some("Rate exceeded"),
};
/// The service itself fails: the one that is answered with 500.
pub const BROKEN: Refused = Refused {
    code: "ServerException",
    message: Some("Service Unavailable. Please try again later."),
};
/// The service is another one's to deploy to.
pub const WRONG_CONTROLLER: Refused = Refused {
    code: "InvalidParameterException",
    message: Some(
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.",
    ),
};
/// The region has no such cluster.
pub const CLUSTER_NOT_FOUND: Refused = Refused {
    code: "ClusterNotFoundException",
    message: Some("Cluster not found."),
};
/// The session's credentials are too old.
pub const EXPIRED: Refused = Refused {
    code: "ExpiredTokenException",
    message: Some("The security token included in the request is expired"),
};

/// What AWS would answer at one moment.
#[derive(Debug, Clone, Default)]
pub struct Look {
    pub(super) deployments: Vec<Deployment>,
    pub(super) tasks: Vec<Task>,
    pub(super) events: Vec<(Made, String)>,
    pub(super) targets: Vec<(String, &'static str, &'static str, &'static str)>,
    pub(super) newer: Option<(Made, &'static str, &'static str)>,
    pub(super) refused: Option<Refused>,
}

impl Look {
    /// The service with these deployments, the one that counts first.
    pub fn at(deployments: impl IntoIterator<Item = Deployment>) -> Self {
        Self {
            deployments: deployments.into_iter().collect(),
            ..Self::default()
        }
    }

    /// With these tasks.
    pub fn tasks(mut self, tasks: impl IntoIterator<Item = Task>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// With an event of a deployment's time; "(service NAME) " goes before it.
    pub fn event(mut self, of: Made, message: impl Into<String>) -> Self {
        self.events.push((of, message.into()));
        self
    }

    /// With a task as a target of the load balancer: its state, and why in a word and a sentence.
    pub fn target(
        mut self,
        task: &Task,
        state: &'static str,
        reason: &'static str,
        description: &'static str,
    ) -> Self {
        self.targets
            .push((task.address(), state, reason, description));
        self
    }

    /// With what the newer view of deployments says of one of them: its status, and why.
    pub fn newer(mut self, of: Made, status: &'static str, reason: &'static str) -> Self {
        self.newer = Some((of, status, reason));
        self
    }

    /// From here on every call is refused.
    pub fn refused(refused: Refused) -> Self {
        Self {
            refused: Some(refused),
            ..Self::default()
        }
    }

    /// The targets as DescribeTargetHealth tells them.
    pub(super) fn targets_xml(&self) -> String {
        let text = |name: &str, text: &str| match text {
            "" => String::new(),
            text => format!("<{name}>{text}</{name}>"),
        };
        let members: String = self
            .targets
            .iter()
            .map(|(address, state, reason, description)| {
                format!(
                    "<member><HealthCheckPort>8080</HealthCheckPort><TargetHealth>{}{}{}</TargetHealth>\
                     <Target><AvailabilityZone>us-east-1a</AvailabilityZone><Port>8080</Port><Id>{address}</Id></Target></member>",
                    text("State", state),
                    text("Reason", reason),
                    text("Description", description),
                )
            })
            .collect();
        format!(
            "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions></DescribeTargetHealthResult>\
             <ResponseMetadata><RequestId>c534f810-f389-11e5-9192-3fff33344cfa</RequestId></ResponseMetadata></DescribeTargetHealthResponse>"
        )
    }
}

pub(super) fn revision_arn(family: &str, revision: u32) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{family}:{revision}")
}

/// As every deployment and the service repeat it.
pub(super) fn network() -> Value {
    json!({"awsvpcConfiguration": {
        "subnets": ["subnet-0123456789abcdef0"], "securityGroups": ["sg-0123456789abcdef0"], "assignPublicIp": "DISABLED",
    }})
}

/// As the service refers to its target group.
pub(super) fn load_balancers() -> Value {
    json!([{"targetGroupArn": TARGET_GROUP, "containerName": "router", "containerPort": 8080}])
}
