//! The names of an environment's resources, and where each comes from. Pure: whoever calls has read
//! the sources.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// What the project is called where nothing says.
const DEFAULT_PROJECT: &str = "t3nets";

/// The output with the revision of the task definition that Terraform registered.
pub(crate) const TEMPLATE_OUTPUT: &str = "task_definition_template_arn";

/// The output with the bounds of autoscaling.
pub(crate) const AUTOSCALING_OUTPUT: &str = "autoscaling";

/// The output with the hours in which there are tasks.
pub(crate) const ACTIVE_HOURS_OUTPUT: &str = "active_hours";

/// The output with the topic of alarms.
pub(crate) const ALARMS_TOPIC_OUTPUT: &str = "alarms_topic_arn";

/// The output with what alarms tell besides the topic.
pub(crate) const ALARM_TARGETS_OUTPUT: &str = "alarm_targets";

/// What an environment on AWS has a name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// The first part of every name.
    Project,
    /// The region of everything.
    Region,
    /// Where the router answers, without a slash at its end.
    Url,
    /// Where it answers with streams, if it does.
    StreamingUrl,
    /// The table of tenants, users, channels, keys, usage and audit entries.
    TenantsTable,
    /// The table of conversations.
    ConversationsTable,
    /// What the names of the tenants' secrets begin with.
    SecretsPrefix,
    Cluster,
    Service,
    /// The family of the task definition's revisions.
    TaskDefinitionFamily,
    /// The router's container in the task definition.
    Container,
    /// What images have to be built for: `X86_64` or `ARM64`.
    CpuArchitecture,
    /// The image repository in ECR.
    Repository,
    /// The load balancer's target group, if there is one: its ARN.
    TargetGroup,
    /// The router's log.
    LogGroup,
}

/// What is known of a [`Name`] beforehand.
struct Facts {
    /// Its key in `t3nets.toml`, and what it is called in messages.
    key: &'static str,
    /// Its output in Terraform's state.
    output: &'static str,
    /// Terraform's variable that decides it.
    variable: Option<&'static str>,
    /// What it is by convention, from project and environment.
    convention: Option<&'static str>,
}

impl Name {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 15] = [
        Self::Project,
        Self::Region,
        Self::Url,
        Self::StreamingUrl,
        Self::TenantsTable,
        Self::ConversationsTable,
        Self::SecretsPrefix,
        Self::Cluster,
        Self::Service,
        Self::TaskDefinitionFamily,
        Self::Container,
        Self::CpuArchitecture,
        Self::Repository,
        Self::TargetGroup,
        Self::LogGroup,
    ];

    fn facts(self) -> Facts {
        let (key, output, variable, convention) = match self {
            Self::Project => ("project", "project", Some("project"), Some(DEFAULT_PROJECT)),
            Self::Region => ("region", "region", Some("region"), None),
            Self::Url => ("url", "api_endpoint", None, None),
            Self::StreamingUrl => ("streaming_url", "streaming_endpoint", None, None),
            Self::TenantsTable => (
                "tenants_table",
                "tenants_table_name",
                None,
                Some("{project}-{environment}-tenants"),
            ),
            Self::ConversationsTable => (
                "conversations_table",
                "conversations_table_name",
                None,
                Some("{project}-{environment}-conversations"),
            ),
            Self::SecretsPrefix => (
                "secrets_prefix",
                "secrets_prefix",
                None,
                Some("/{project}/{environment}/tenants"),
            ),
            Self::Cluster => (
                "cluster",
                "cluster_name",
                None,
                Some("{project}-{environment}-cluster"),
            ),
            Self::Service => (
                "service",
                "service_name",
                None,
                Some("{project}-{environment}-router"),
            ),
            Self::TaskDefinitionFamily => (
                "task_definition_family",
                "task_definition_family",
                None,
                Some("{project}-{environment}-router"),
            ),
            Self::Container => ("container", "container_name", None, Some("router")),
            Self::CpuArchitecture => (
                "cpu_architecture",
                "cpu_architecture",
                Some("cpu_architecture"),
                None,
            ),
            Self::Repository => (
                "repository",
                "ecr_repository_url",
                None,
                Some("{project}-{environment}-router"),
            ),
            Self::TargetGroup => ("target_group", "target_group_arn", None, None),
            Self::LogGroup => (
                "log_group",
                "log_group_name",
                None,
                Some("/ecs/{project}-{environment}-router"),
            ),
        };
        Facts {
            key,
            output,
            variable,
            convention,
        }
    }

    /// Its key in `t3nets.toml`, and what it is called in messages.
    pub(crate) fn key(self) -> &'static str {
        self.facts().key
    }

    /// Its output in Terraform's state.
    #[cfg(test)]
    pub(crate) fn output(self) -> &'static str {
        self.facts().output
    }

    /// Terraform's variable that decides it.
    #[cfg(test)]
    pub(crate) fn variable(self) -> Option<&'static str> {
        self.facts().variable
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// `t3nets.toml`.
    ProjectFile,
    /// The outputs in Terraform's state.
    State,
    /// The variables that Terraform would be given: `NAME.tfvars` over the defaults.
    Variables,
    /// Made up of project and environment.
    Convention,
    /// What the AWS SDKs find by themselves.
    Sdk,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProjectFile => "from t3nets.toml",
            Self::State => "from Terraform's state",
            Self::Variables => "from Terraform's variables",
            Self::Convention => "by convention",
            Self::Sdk => "from AWS's own configuration",
        })
    }
}

/// A value that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    pub(crate) value: String,
    pub(crate) source: Source,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.value, self.source)
    }
}

/// Everything that names come from, the first winning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// What `t3nets.toml` says, by its keys.
    pub(crate) project_file: BTreeMap<&'static str, String>,
    /// The outputs of Terraform's state.
    pub(crate) outputs: Map<String, Value>,
    /// Terraform's variables.
    pub(crate) variables: Map<String, Value>,
}

impl Sources {
    /// Every name that can be found for an environment.
    pub(crate) fn resolve(&self, environment: &str) -> BTreeMap<Name, Found> {
        let project = self
            .find(Name::Project, environment, DEFAULT_PROJECT)
            .map_or_else(|| DEFAULT_PROJECT.to_owned(), |found| found.value);
        Name::ALL
            .into_iter()
            .filter_map(|name| Some((name, self.find(name, environment, &project)?)))
            .collect()
    }

    fn find(&self, name: Name, environment: &str, project: &str) -> Option<Found> {
        let facts = name.facts();
        let from = |values: &Map<String, Value>, key: &str| {
            let text = values.get(key)?.as_str()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let by_convention = || {
            let pattern = facts.convention?;
            Some(
                pattern
                    .replace("{project}", project)
                    .replace("{environment}", environment),
            )
        };
        let found = |source| move |value| Found { value, source };
        let written = self.project_file.get(facts.key).cloned();
        written
            .map(found(Source::ProjectFile))
            .or_else(|| from(&self.outputs, facts.output).map(found(Source::State)))
            .or_else(|| from(&self.variables, facts.variable?).map(found(Source::Variables)))
            .or_else(|| by_convention().map(found(Source::Convention)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::terraform::folder::tests::{outputs, own, own_values};
    use crate::terraform::state::OWNER_OUTPUT;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no object"),
        }
    }

    fn found(sources: &Sources, name: Name) -> (String, Source) {
        let found = sources.resolve("dev").remove(&name).unwrap();
        (found.value, found.source)
    }

    #[test]
    fn the_file_wins_over_the_state_over_the_variables_over_the_convention() {
        let mut sources = Sources::default();
        let is = |text: &str, source| (text.to_owned(), source);
        let table = Name::TenantsTable;
        assert_eq!(
            found(&sources, table),
            is("t3nets-dev-tenants", Source::Convention)
        );
        sources.variables = map(json!({"project": "acme", "region": "eu-west-1"}));
        assert_eq!(
            found(&sources, table),
            is("acme-dev-tenants", Source::Convention)
        );
        assert_eq!(
            found(&sources, Name::Region),
            is("eu-west-1", Source::Variables)
        );
        sources.outputs = map(json!({"tenants_table_name": "s", "region": "eu-west-2"}));
        assert_eq!(found(&sources, table), is("s", Source::State));
        assert_eq!(
            found(&sources, Name::Region),
            is("eu-west-2", Source::State)
        );
        sources.project_file.insert("tenants_table", "f".to_owned());
        assert_eq!(found(&sources, table), is("f", Source::ProjectFile));
    }

    #[test]
    fn a_null_or_empty_output_counts_as_none() {
        let outputs = map(json!({"target_group_arn": null, "cluster_name": ""}));
        let sources = Sources {
            outputs,
            ..Sources::default()
        };
        let resolved = sources.resolve("dev");
        assert_eq!(resolved.get(&Name::TargetGroup), None);
        assert_eq!(resolved[&Name::Cluster].value, "t3nets-dev-cluster");
    }

    #[test]
    fn every_output_that_is_read_is_one_that_the_terraform_has() {
        let existing = outputs(own().path());
        let read = Name::ALL.map(Name::output);
        for name in read.into_iter().chain([
            OWNER_OUTPUT,
            TEMPLATE_OUTPUT,
            AUTOSCALING_OUTPUT,
            ACTIVE_HOURS_OUTPUT,
            ALARMS_TOPIC_OUTPUT,
            ALARM_TARGETS_OUTPUT,
        ]) {
            assert!(existing.iter().any(|output| output == name), "{name}");
        }
        let variables = own_values("dev");
        for name in Name::ALL.into_iter().filter_map(Name::variable) {
            assert!(variables.contains_key(name), "{name}");
        }
    }

    #[test]
    fn every_key_of_the_file_is_a_name_and_every_name_has_a_key() {
        let mut keys = Name::ALL.map(Name::key).to_vec();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
