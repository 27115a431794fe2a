//! In which fields two revisions of a task definition differ.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{RELEASE, TaskDefinition, masking};

/// What DescribeTaskDefinition answers and RegisterTaskDefinition does not take. All other fields
/// are taken over, also those that this program does not know.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>
pub(super) const READ_ONLY: [&str; 9] = [
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

/// One field that would be different.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Its path: `containerDefinitions[router].image`.
    pub field: String,
    /// Its value; `None` if it is added.
    pub from: Option<Value>,
    /// What it would be; `None` if it is removed.
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

/// The fields that a request may have.
pub(super) fn without_read_only(definition: &Value) -> Map<String, Value> {
    let mut fields = definition.as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| !READ_ONLY.contains(&name.as_str()) && !value.is_null());
    fields
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
                // The name is in the path already.
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
pub(super) fn differences(
    from: &TaskDefinition,
    to: &TaskDefinition,
    container: &str,
) -> Vec<Change> {
    let to = without_read_only(&to.definition);
    changes_to(from, &to, container)
}

/// In which fields a request for another revision differs from one that ECS has.
pub(super) fn changes_to(
    from: &TaskDefinition,
    request: &Map<String, Value>,
    container: &str,
) -> Vec<Change> {
    let from = without_read_only(&from.definition);
    changes(
        &comparable(&from, container),
        &comparable(request, container),
    )
}

fn changes(from: &BTreeMap<String, Value>, to: &BTreeMap<String, Value>) -> Vec<Change> {
    let mut paths: Vec<&String> = from.keys().chain(to.keys()).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| from.get(*path) != to.get(*path))
        .map(|path| {
            let shown = |value: Option<&Value>| value.map(|value| masking::shown(path, value));
            Change {
                field: path.clone(),
                from: shown(from.get(path)),
                to: shown(to.get(path)),
            }
        })
        .collect()
}
