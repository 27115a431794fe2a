//! What a call to AWS has to be allowed, and whether a policy allows it: the stand-ins for AWS
//! enforce no policies. Actions and what they are allowed on are AWS's
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html>).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::aws_proxy::AwsCall;

/// Something that a call needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// `ecs:UpdateService`.
    pub action: String,
    /// The ARN, without partition, region and account: `ecs:service/cluster/name`. Empty where it
    /// takes none.
    on: String,
    /// The cluster that it is about, where a policy can ask for it.
    cluster: String,
}

/// An identity's policy.
#[derive(Debug)]
pub struct Policy {
    statements: Vec<Value>,
}

impl Policy {
    /// Reads one; all its statements must allow something.
    pub fn read(text: &str) -> Self {
        let document: Value = serde_json::from_str(text).expect("a policy is JSON");
        let statements = document["Statement"].as_array().cloned();
        Self {
            statements: statements.expect("a policy has statements"),
        }
    }

    /// What of a call it does not allow.
    pub fn lacks(&self, call: &AwsCall) -> Vec<Need> {
        let mut needs = needs(call);
        needs.retain(|need| !self.allows(need));
        needs
    }

    fn allows(&self, need: &Need) -> bool {
        self.statements.iter().any(|statement| {
            texts(&statement["Action"]).any(|action| action == need.action)
                && texts(&statement["Resource"])
                    .any(|on| on == "*" || matches(&short(on), &need.on))
                && meets(&statement["Condition"], need)
        })
    }
}

/// Whether the conditions of a statement hold; one that is not known here does not.
fn meets(conditions: &Value, need: &Need) -> bool {
    let tests = conditions.as_object().into_iter().flatten();
    let mut tests = tests.flat_map(|(_, variables)| variables.as_object().into_iter().flatten());
    tests.all(|(variable, wanted)| match variable.as_str() {
        "ecs:cluster" => {
            texts(wanted).any(|arn| short(arn) == format!("ecs:cluster/{}", need.cluster))
        }
        "iam:PassedToService" => texts(wanted).any(|service| service == "ecs-tasks.amazonaws.com"),
        _ => false,
    })
}

/// One text or several.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    one.chain(
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str),
    )
}

/// An ARN without partition, region and account: a stand-in's differ from those of the policy.
fn short(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, service, _, _, on] => format!("{service}:{on}"),
        _ => arn.to_owned(),
    }
}

/// Whether a pattern with `*` covers a text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest, &text[at..]))
}

/// What the caller of a call has to be allowed. Nothing for what AWS allows everybody.
pub fn needs(call: &AwsCall) -> Vec<Need> {
    let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
    let service = call.service.split(['_', '.']).next().unwrap_or_default();
    match service {
        "DynamoDB" => dynamodb(&call.operation, &body),
        "secretsmanager" => secrets(&call.operation, &body),
        "AmazonEC2ContainerServiceV20141113" => ecs(&call.operation, &body),
        "AmazonEC2ContainerRegistry" => ecr(&call.operation, &body),
        "Logs" => logs(&call.operation, &body),
        "sts" => Vec::new(),
        "elasticloadbalancing" => vec![need("elasticloadbalancing", &call.operation, "")],
        "ServiceQuotasV20190624" => vec![need("servicequotas", &call.operation, "")],
        "iam" | "sns" => form(service, call),
        _ => registry(&call.operation),
    }
}

fn need(service: &str, operation: &str, on: &str) -> Need {
    Need {
        action: format!("{service}:{operation}"),
        on: match on {
            "" => String::new(),
            on => format!("{service}:{on}"),
        },
        cluster: String::new(),
    }
}

fn dynamodb(operation: &str, body: &Value) -> Vec<Need> {
    let table = |body: &Value| {
        let table = body["TableName"].as_str().unwrap_or_default();
        match body["IndexName"].as_str() {
            Some(index) => format!("table/{table}/index/{index}"),
            None => format!("table/{table}"),
        }
    };
    match operation {
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            let parts = items.flat_map(|item| item.as_object().into_iter().flatten());
            let found: BTreeSet<Need> = parts
                .map(|(kind, part)| need("dynamodb", &format!("{kind}Item"), &table(part)))
                .collect();
            found.into_iter().collect()
        }
        "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables
                .map(|(name, _)| need("dynamodb", operation, &format!("table/{name}")))
                .collect()
        }
        _ => vec![need("dynamodb", operation, &table(body))],
    }
}

fn secrets(operation: &str, body: &Value) -> Vec<Need> {
    let name = body["SecretId"].as_str().or(body["Name"].as_str());
    let on = match name {
        // AWS ends a secret's ARN with six letters of its own.
        Some(name) if !name.starts_with("arn:") => format!("secret:{name}-a1b2c3"),
        Some(arn) => short(arn).replacen("secretsmanager:", "", 1),
        None => String::new(),
    };
    let mut needs = vec![need("secretsmanager", operation, &on)];
    if operation == "CreateSecret" && body["Tags"].is_array() {
        needs.push(need("secretsmanager", "TagResource", &on));
    }
    needs
}

fn ecs(operation: &str, body: &Value) -> Vec<Need> {
    let last = |value: &Value| {
        value
            .as_str()
            .and_then(|arn| arn.rsplit('/').next())
            .unwrap_or_default()
            .to_owned()
    };
    let cluster = match &body["cluster"] {
        Value::Null => last(&body["clusters"][0]),
        cluster => last(cluster),
    };
    let on_each = |values: &Value| -> Vec<Need> {
        let arns = texts(values).map(|arn| short(arn).replacen("ecs:", "", 1));
        arns.map(|on| need("ecs", operation, &on)).collect()
    };
    let service = match &body["service"] {
        Value::Null => last(&body["services"][0]),
        service => last(service),
    };
    match operation {
        "DescribeServices" | "UpdateService" | "ListServiceDeployments" => {
            vec![need(
                "ecs",
                operation,
                &format!("service/{cluster}/{service}"),
            )]
        }
        "DescribeClusters" => vec![need("ecs", operation, &format!("cluster/{cluster}"))],
        "DescribeTasks" => on_each(&body["tasks"]),
        "DescribeServiceDeployments" => on_each(&body["serviceDeploymentArns"]),
        "DescribeServiceRevisions" => on_each(&body["serviceRevisionArns"]),
        "TagResource" => on_each(&body["resourceArn"]),
        "ListTasks" => {
            let need = need("ecs", operation, "");
            vec![Need { cluster, ..need }]
        }
        "RegisterTaskDefinition" => {
            let family = body["family"].as_str().unwrap_or_default();
            let mut needs = vec![need("ecs", operation, "")];
            if body["tags"].as_array().is_some_and(|tags| !tags.is_empty()) {
                needs.push(need(
                    "ecs",
                    "TagResource",
                    &format!("task-definition/{family}:1"),
                ));
            }
            let roles = [&body["executionRoleArn"], &body["taskRoleArn"]];
            let roles = roles.into_iter().flat_map(texts);
            needs.extend(
                roles.map(|role| need("iam", "PassRole", &short(role).replacen("iam:", "", 1))),
            );
            needs
        }
        _ => vec![need("ecs", operation, "")],
    }
}

fn ecr(operation: &str, body: &Value) -> Vec<Need> {
    let name = body["repositoryName"]
        .as_str()
        .or(body["repositoryNames"][0].as_str());
    let on = name.map(|name| format!("repository/{name}"));
    vec![need("ecr", operation, &on.unwrap_or_default())]
}

fn logs(operation: &str, body: &Value) -> Vec<Need> {
    if operation == "DescribeLogGroups" {
        return vec![need("logs", operation, "")];
    }
    let name = body["logGroupName"]
        .as_str()
        .or(body["logGroupIdentifier"].as_str());
    let name = name
        .unwrap_or_default()
        .rsplit("log-group:")
        .next()
        .unwrap_or_default();
    vec![need(
        "logs",
        operation,
        &format!("log-group:{}", name.trim_end_matches(":*")),
    )]
}

fn form(service: &str, call: &AwsCall) -> Vec<Need> {
    let value = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(call.body.as_bytes());
        let found = pairs.find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let on = match service {
        "iam" if !value("PolicyArn").is_empty() => {
            short(&value("PolicyArn")).replacen("iam:", "", 1)
        }
        "iam" => format!("role/{}", value("RoleName")),
        _ => short(&value("TopicArn")).replacen("sns:", "", 1),
    };
    vec![need(service, &call.operation, &on)]
}

/// What the registry asks ECR for whoever speaks Docker's protocol to it
/// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>).
fn registry(operation: &str) -> Vec<Need> {
    let Some((method, path)) = operation.split_once(' ') else {
        return Vec::new();
    };
    let Some(path) = path.strip_prefix("/v2/").filter(|path| !path.is_empty()) else {
        return Vec::new();
    };
    let (name, kind) = ["/manifests/", "/blobs/uploads/", "/blobs/"]
        .iter()
        .find_map(|kind| Some((path.split_once(kind)?.0, *kind)))
        .unwrap_or((path, ""));
    let operation = match (method, kind) {
        ("PUT", "/manifests/") => "PutImage",
        (_, "/manifests/") => "BatchGetImage",
        ("POST", _) => "InitiateLayerUpload",
        ("PATCH", _) => "UploadLayerPart",
        ("PUT", _) => "CompleteLayerUpload",
        ("HEAD", _) => "BatchCheckLayerAvailability",
        _ => "GetDownloadUrlForLayer",
    };
    vec![need("ecr", operation, &format!("repository/{name}"))]
}
