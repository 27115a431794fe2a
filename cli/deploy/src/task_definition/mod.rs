//! Task definitions: what ECS has ([`TaskDefinition`]), and what the next revision will be
//! ([`plan()`]; [`changes`] says in which fields two differ). Nothing here asks AWS or changes
//! anything.
//!
//! Task definitions are plain JSON here, as AWS writes them: a field that is newer than the SDK
//! would be lost if it went through the SDK's types, and with it a setting of the running service.

mod changes;
mod drift;
mod masking;
mod needs;
mod plan;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ecs::states::TaskDefinitionStatus;
use crate::image_ref::{Architecture, Digest};

pub use changes::Change;
pub use drift::drift;
pub(crate) use masking::shown_option;
pub use needs::unmet;
pub use plan::{
    DesiredImage, Plan, PlanError, PlannedImage, Preview, base, check_base, copy, plan, preview,
};

/// The variable that tells the router which release it is.
pub const RELEASE: &str = "T3NETS_RELEASE";
/// The tag that says who registered a revision: `terraform` or `t3nets`.
pub const MANAGED_BY: &str = "ManagedBy";
/// The tag with the commit that the image was built from.
pub const GIT_SHA: &str = "GitSha";
/// The tag with the digest of all that the image was built from.
pub const BUILD_INPUTS: &str = "BuildInputs";
/// The tag with the router's version.
pub const VERSION: &str = "Version";
/// The tag with the person who deployed it.
pub const DEPLOYED_BY: &str = "DeployedBy";

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// The ARN of a revision: `arn:aws:ecs:us-east-1:123456789012:task-definition/t3nets-dev-router:7`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionArn(String);

impl RevisionArn {
    /// The whole of it; empty if AWS gave none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `family:number`.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The revision's number in its family.
    pub fn number(&self) -> Option<u64> {
        self.0.rsplit_once(':')?.1.parse().ok()
    }
}

impl From<String> for RevisionArn {
    fn from(arn: String) -> Self {
        Self(arn)
    }
}

impl From<&str> for RevisionArn {
    fn from(arn: &str) -> Self {
        Self(arn.to_owned())
    }
}

impl fmt::Display for RevisionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One revision of a task definition as ECS has it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskDefinition {
    /// `taskDefinition` of DescribeTaskDefinition's answer.
    pub definition: Value,
    /// Its tags.
    pub tags: Tags,
}

impl TaskDefinition {
    /// Its ARN.
    pub fn arn(&self) -> RevisionArn {
        self.text("taskDefinitionArn").into()
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
        TaskDefinitionStatus::from(self.text("status")) == TaskDefinitionStatus::Active
    }

    /// Whether Terraform registered it.
    pub fn is_template(&self) -> bool {
        self.tags
            .get(MANAGED_BY)
            .is_some_and(|by| by == "terraform")
    }

    /// What a task takes of a processor, in 1/1024 vCPU; `None` where it does not say.
    pub fn cpu_units(&self) -> Option<u32> {
        self.text("cpu").parse().ok()
    }

    /// What its images have to be built for.
    ///
    /// # Errors
    /// If it names an architecture that this program does not know.
    pub fn architecture(&self) -> Result<Architecture, PlanError> {
        // A task definition that does not say runs on ECS's default.
        // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
        let Some(name) = self.definition["runtimePlatform"]["cpuArchitecture"].as_str() else {
            return Ok(Architecture::X86_64);
        };
        Architecture::from_ecs(name).ok_or_else(|| PlanError::UnknownArchitecture {
            revision: self.name(),
            architecture: name.to_owned(),
        })
    }

    /// A container by its name.
    pub fn container(&self, name: &str) -> Option<&Value> {
        self.definition["containerDefinitions"]
            .as_array()?
            .iter()
            .find(|container| container["name"] == name)
    }

    /// The names of its containers.
    pub fn container_names(&self) -> Vec<String> {
        self.names_of(|_| true)
    }

    /// The names of those that may end without the task ending.
    pub fn optional_containers(&self) -> Vec<String> {
        self.names_of(|container| container["essential"] == false)
    }

    fn names_of(&self, is_wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let containers = self.definition["containerDefinitions"].as_array();
        containers
            .into_iter()
            .flatten()
            .filter(|container| is_wanted(container))
            .filter_map(|container| container["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// Whether nothing but Terraform's first revision was ever told to run: its image is none that
    /// was deployed. `template` is the revision that Terraform registered last, if that is known.
    pub fn is_placeholder(&self, container: &str, template: Option<&str>) -> bool {
        let image = self.image(container).unwrap_or_default();
        let is_pinned = Digest::at_end_of(image).is_some();
        !is_pinned && (self.is_template() || template == Some(self.arn().as_str()))
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

    /// Whether a variable of a container is a secret's value, which is not known here.
    pub fn has_secret(&self, container: &str, name: &str) -> bool {
        let secrets = self.container(container).map(|one| &one["secrets"]);
        let secrets = secrets.and_then(Value::as_array).into_iter().flatten();
        secrets.into_iter().any(|secret| secret["name"] == name)
    }

    fn text(&self, field: &str) -> &str {
        self.definition[field].as_str().unwrap_or_default()
    }
}
