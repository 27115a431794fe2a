//! The next revision of the task definition, worked out from what is there. Nothing here asks AWS or changes anything.
//!
//! Task definitions are plain JSON here, as AWS writes them: a field that is newer than the SDK would be lost if it went
//! through the SDK's types, and with it a setting of the running service.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

/// The variable that tells the router which release it is.
pub const RELEASE: &str = "T3NETS_RELEASE";
/// The tag that says who registered a revision: `terraform` or `t3nets`.
pub const MANAGED_BY: &str = "ManagedBy";
/// The tag with the commit that the image was built from.
pub const GIT_SHA: &str = "GitSha";
/// The tag with the router's version.
pub const VERSION: &str = "Version";
/// The tag with the person who deployed it.
pub const DEPLOYED_BY: &str = "DeployedBy";

/// What DescribeTaskDefinition answers and RegisterTaskDefinition does not take. All else is taken over, also what this
/// program does not know.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>
const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// A revision of a task definition as AWS has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// `taskDefinition` of DescribeTaskDefinition's answer.
    pub definition: Value,
    /// Its tags.
    pub tags: Tags,
}

impl Revision {
    /// Its ARN; empty if AWS gave none.
    pub fn arn(&self) -> &str {
        self.text("taskDefinitionArn")
    }

    /// Its family.
    pub fn family(&self) -> &str {
        self.text("family")
    }

    /// Its number in the family.
    pub fn number(&self) -> u64 {
        self.definition["revision"].as_u64().unwrap_or_default()
    }

    /// `family:number`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.family(), self.number())
    }

    /// Whether services can be told to run it.
    pub fn is_active(&self) -> bool {
        self.definition["status"] == "ACTIVE"
    }

    /// Whether Terraform registered it.
    pub fn is_template(&self) -> bool {
        self.tags
            .get(MANAGED_BY)
            .is_some_and(|by| by == "terraform")
    }

    /// What the architecture of its images must be, in ECS's words.
    pub fn architecture(&self) -> &str {
        // ECS's own default.
        self.definition["runtimePlatform"]["cpuArchitecture"]
            .as_str()
            .unwrap_or("X86_64")
    }

    /// A container by its name.
    pub fn container(&self, name: &str) -> Option<&Value> {
        self.definition["containerDefinitions"]
            .as_array()?
            .iter()
            .find(|container| container["name"] == name)
    }

    /// The image of a container.
    pub fn image(&self, container: &str) -> Option<&str> {
        self.container(container)?["image"].as_str()
    }

    /// A variable of a container.
    pub fn variable(&self, container: &str, name: &str) -> Option<&str> {
        self.container(container)?["environment"]
            .as_array()?
            .iter()
            .find(|variable| variable["name"] == name)?["value"]
            .as_str()
    }

    fn text(&self, field: &str) -> &str {
        self.definition[field].as_str().unwrap_or_default()
    }
}

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The image: `repository@sha256:…`.
    pub image: String,
    /// What it was built for, where that is known, in any of the usual words: `amd64`, `arm64`, `X86_64`.
    pub architecture: Option<String>,
    /// The commit it was built from, where that is known.
    pub git_sha: Option<String>,
    /// The router's version, where that is known.
    pub version: Option<String>,
    /// Who deploys.
    pub who: String,
}

impl Desired {
    /// `sha256:…`.
    pub fn digest(&self) -> &str {
        self.image.rsplit_once('@').map_or("", |(_, digest)| digest)
    }
}

/// Why there can be no next revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The router's container is not there.
    #[error(
        "task definition `{revision}` has no container `{container}`, only {}",
        listed(found)
    )]
    NoContainer {
        /// Where it was looked for.
        revision: String,
        /// Its name.
        container: String,
        /// What is there.
        found: Vec<String>,
    },
    /// The image is not referred to by its digest.
    #[error("`{0}` does not name an image by its digest")]
    NotPinned(String),
    /// The image would not start.
    #[error("the image is built for {image}, and the task definition runs on {wanted}")]
    WrongArchitecture {
        /// The image's.
        image: &'static str,
        /// The task definition's.
        wanted: &'static str,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What a deploy would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The revision that it starts from.
    pub base: String,
    /// The revision that runs.
    pub running: String,
    /// What would be different from the revision that runs, apart from the release's name.
    pub changes: Vec<Change>,
    container: String,
    digest: String,
    request: Map<String, Value>,
    family: String,
}

/// One field that would be different.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Where: `containerDefinitions[router].image`.
    pub field: String,
    /// What it is, if it is there.
    pub from: Option<Value>,
    /// What it would be, if it would be there.
    pub to: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => {
                write!(f, "~ {}: {} → {}", self.field, shown(from), shown(to))
            }
            (None, Some(to)) => write!(f, "+ {}: {}", self.field, shown(to)),
            (Some(from), None) => write!(f, "- {}: {}", self.field, shown(from)),
            (None, None) => write!(f, "  {}", self.field),
        }
    }
}

/// What the next revision starts from: the one that runs, or Terraform's template if that was registered later, so that a
/// changed setting reaches the service with the next deploy.
pub fn base<'a>(running: &'a Revision, template: Option<&'a Revision>) -> &'a Revision {
    match template {
        // Without a family in common their numbers say nothing; the template then is what the operator configured.
        Some(template)
            if template.family() != running.family() || template.number() > running.number() =>
        {
            template
        }
        _ => running,
    }
}

/// Works out the next revision.
///
/// # Errors
/// If the image cannot run there, or the router's container is missing.
pub fn plan(
    running: &Revision,
    template: Option<&Revision>,
    container: &str,
    desired: &Desired,
) -> Result<Plan, PlanError> {
    let base = base(running, template);
    if !is_digest(desired.digest()) {
        return Err(PlanError::NotPinned(desired.image.clone()));
    }
    if let Some(image) = desired.architecture.as_deref().and_then(architecture)
        && let Some(wanted) = architecture(base.architecture())
        && image != wanted
    {
        return Err(PlanError::WrongArchitecture { image, wanted });
    }
    let mut request = without_read_only(&base.definition);
    let found = request
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut)
        .and_then(|containers| containers.iter_mut().find(|one| one["name"] == container));
    let Some(found) = found else {
        return Err(PlanError::NoContainer {
            revision: base.name(),
            container: container.to_owned(),
            found: container_names(&base.definition),
        });
    };
    found["image"] = json!(desired.image);
    request.insert("tags".to_owned(), tags(&base.tags, desired));
    let changes = changes(
        &comparable(&without_read_only(&running.definition), container),
        &comparable(&request, container),
    );
    Ok(Plan {
        base: base.name(),
        running: running.name(),
        changes,
        container: container.to_owned(),
        digest: desired.digest().to_owned(),
        family: base.family().to_owned(),
        request,
    })
}

impl Plan {
    /// What the router will say it is, once its revision has this number: `family:number@sha256:…`.
    pub fn release(&self, number: u64) -> String {
        format!("{}:{number}@{}", self.family, self.digest)
    }

    /// The family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// RegisterTaskDefinition's request, for the revision that is to get this number.
    pub fn request(&self, number: u64) -> Value {
        let mut request = self.request.clone();
        let release = json!({"name": RELEASE, "value": self.release(number)});
        let container = request
            .get_mut("containerDefinitions")
            .and_then(Value::as_array_mut)
            .and_then(|all| all.iter_mut().find(|one| one["name"] == *self.container));
        if let Some(container) = container {
            let mut variables = container["environment"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            match variables.iter_mut().find(|one| one["name"] == RELEASE) {
                Some(variable) => *variable = release,
                None => variables.push(release),
            }
            container["environment"] = Value::Array(variables);
        }
        Value::Object(request)
    }
}

/// RegisterTaskDefinition's request for a copy of a revision that was deregistered: services cannot be told to run that one
/// any more.
pub fn copy(revision: &Revision) -> Value {
    let mut request = without_read_only(&revision.definition);
    request.insert("tags".to_owned(), tag_list(kept(&revision.tags)));
    Value::Object(request)
}

fn without_read_only(definition: &Value) -> Map<String, Value> {
    let mut fields = definition.as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| !READ_ONLY.contains(&name.as_str()) && !value.is_null());
    fields
}

/// AWS's own tags cannot be set by others.
fn kept(tags: &Tags) -> Tags {
    let mut tags = tags.clone();
    tags.retain(|key, _| !key.to_lowercase().starts_with("aws:"));
    tags
}

fn tags(base: &Tags, desired: &Desired) -> Value {
    let mut tags = kept(base);
    let ours = [
        (MANAGED_BY, Some("t3nets")),
        (GIT_SHA, desired.git_sha.as_deref()),
        (VERSION, desired.version.as_deref()),
        (DEPLOYED_BY, Some(desired.who.as_str())),
    ];
    for (key, value) in ours {
        // What the base's image was built from says nothing of this one.
        tags.remove(key);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tags.insert(key.to_owned(), tag_value(value));
        }
    }
    tag_list(tags)
}

fn tag_list(tags: Tags) -> Value {
    tags.into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// A text as a tag's value may be: 256 letters, digits, spaces and some signs.
fn tag_value(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    text.chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(256)
        .collect()
}

/// Whether this is `sha256:` and 64 digits.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// An architecture in ECS's words, whoever named it. `None` for one that ECS does not have.
pub fn architecture(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "x86_64" | "amd64" | "x86-64" => Some("X86_64"),
        "arm64" | "aarch64" => Some("ARM64"),
        _ => None,
    }
}

fn container_names(definition: &Value) -> Vec<String> {
    let containers = definition["containerDefinitions"].as_array();
    containers
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str().map(str::to_owned))
        .collect()
}

/// The fields by their paths. Left out is what every deploy changes: tags, and the release's name.
fn comparable(request: &Map<String, Value>, container: &str) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    for (name, value) in request {
        if name != "tags" {
            flatten(name.clone(), value, &mut fields);
        }
    }
    fields.remove(&format!(
        "containerDefinitions[{container}].environment[{RELEASE}].value"
    ));
    fields
}

/// Entries of lists go by their names: their order means nothing.
fn flatten(path: String, value: &Value, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                // It is in the path already.
                if name != "name" || !path.ends_with(']') {
                    flatten(format!("{path}.{name}"), value, fields);
                }
            }
        }
        Value::Array(entries) if entries.iter().all(|entry| entry["name"].is_string()) => {
            for entry in entries {
                let name = entry["name"].as_str().unwrap_or_default();
                flatten(format!("{path}[{name}]"), entry, fields);
            }
        }
        // A list of words is one value: a command.
        Value::Array(entries) if entries.iter().any(Value::is_object) => {
            for (index, entry) in entries.iter().enumerate() {
                flatten(format!("{path}[{index}]"), entry, fields);
            }
        }
        Value::Null => {}
        value => {
            fields.insert(path, value.clone());
        }
    }
}

/// In which fields a revision differs from another, apart from the release's name and tags.
pub(super) fn differences(from: &Revision, to: &Revision, container: &str) -> Vec<Change> {
    let fields =
        |revision: &Revision| comparable(&without_read_only(&revision.definition), container);
    changes(&fields(from), &fields(to))
}

fn changes(from: &BTreeMap<String, Value>, to: &BTreeMap<String, Value>) -> Vec<Change> {
    let mut paths: Vec<&String> = from.keys().chain(to.keys()).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| from.get(*path) != to.get(*path))
        .map(|path| {
            let shown = |value: Option<&Value>| {
                value.map(|value| match is_delicate(path) {
                    true => json!("(hidden)"),
                    false => value.clone(),
                })
            };
            Change {
                field: path.clone(),
                from: shown(from.get(path)),
                to: shown(to.get(path)),
            }
        })
        .collect()
}

/// Whether a variable's name suggests that its value is nobody's business, though secrets do not belong there.
fn is_delicate(path: &str) -> bool {
    let path = path.to_ascii_uppercase();
    path.contains(".ENVIRONMENT[")
        && [
            "KEY",
            "TOKEN",
            "SECRET",
            "PASSWORD",
            "CREDENTIAL",
            "HEADERS",
        ]
        .iter()
        // The prefix under which secrets are is none.
        .any(|word| path.contains(word) && !path.contains("SECRETS_PREFIX"))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
