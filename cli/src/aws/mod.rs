//! An environment on AWS: where its tables, secrets, cluster, image repository and address are, and
//! how AWS is reached for it.
//!
//! Names come from `t3nets.toml`, else from the outputs in Terraform's state, else from Terraform's
//! variables and the naming convention; each knows which. Terraform is never run. What is stored
//! there is the `t3nets-router` crate's business.
//!
//! Reading order: [`names`] (pure), [`active_hours`] (pure), [`session`] (region and credentials),
//! [`AwsEnvironment`], which is all of it together, and [`advice`], what to do about an error.

mod active_hours;
mod advice;
mod names;
mod session;

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use t3nets_router::aws::Names;
use url::Url;

use crate::config::environment::Environment;
use crate::config::settings::Settings;
use crate::error::CliError;
use crate::terraform::folder::InfraFolder;
use crate::terraform::state::{self, Read};
use names::{
    ACTIVE_HOURS_OUTPUT, ALARM_TARGETS_OUTPUT, ALARMS_TOPIC_OUTPUT, AUTOSCALING_OUTPUT, Sources,
    TEMPLATE_OUTPUT,
};

pub(crate) use active_hours::ActiveHours;
pub(crate) use advice::{advise, remedies};
pub(crate) use names::{Found, Name};
pub(crate) use session::{Caller, account_of};

/// An environment on AWS, with every name that is known of it.
#[derive(Debug, Clone)]
pub(crate) struct AwsEnvironment {
    pub(crate) name: String,
    /// The AWS profile, if `t3nets.toml` names one.
    pub(crate) profile: Option<String>,
    /// What became of reading Terraform's state.
    pub(crate) state: TerraformState,
    /// The revision of the task definition that Terraform registered last, if its state says.
    pub(crate) template_arn: Option<String>,
    /// The bounds of autoscaling, if Terraform's state says that it is on.
    pub(crate) autoscaling: Option<(i32, i32)>,
    /// When there are tasks, if Terraform's state says that there are not always.
    pub(crate) active_hours: Option<ActiveHours>,
    /// Where alarms go, if Terraform's state says.
    pub(crate) alarms: Option<AlarmTargets>,
    found: BTreeMap<Name, Found>,
}

/// Where alarms go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlarmTargets {
    /// The environment's own topic.
    pub(crate) topic_arn: String,
    /// How many topics and functions are told besides.
    pub(crate) more: usize,
}

/// What became of reading Terraform's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TerraformState {
    /// It was read: where.
    Read(String),
    /// There is no Terraform folder here, or nothing was applied yet: what was looked at.
    Absent(String),
    /// It cannot be read, so names are those of the other sources: where, and why.
    Unreadable(String, String),
}

impl std::fmt::Display for TerraformState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(place) => f.write_str(place),
            Self::Absent(place) => write!(f, "none ({place})"),
            Self::Unreadable(place, why) => write!(f, "{place} was not read: {why}"),
        }
    }
}

/// An environment on AWS, and the SDK set up for it.
#[derive(Debug, Clone)]
pub(crate) struct AwsSession {
    pub(crate) environment: AwsEnvironment,
    /// The region that is worked in.
    pub(crate) region: Found,
    /// For clients of AWS's services.
    pub(crate) sdk: SdkConfig,
}

impl AwsEnvironment {
    /// Finds out all that can be known of an environment.
    ///
    /// # Errors
    /// Not ready if Terraform's files cannot be understood or the state is another
    /// environment's; as AWS says if the state is in a bucket that cannot be reached: working on
    /// other names than the state's could be working on other data.
    pub(crate) async fn resolve(
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let Some(folder) = InfraFolder::find_if_any(settings)? else {
            let state = TerraformState::Absent("no infra/aws here or above".to_owned());
            return Ok(Self::of(environment, state, Map::new(), Map::new()));
        };
        let name = &environment.name;
        let variables = folder.values_if_any(name)?;
        let place = state::place(settings, &folder, name)?;
        let profile = environment.profile.as_deref();
        let (state, outputs) = match state::read(&place, profile, name).await? {
            Read::Found(outputs) => (TerraformState::Read(place.to_string()), outputs),
            Read::Absent => (TerraformState::Absent(place.to_string()), Map::new()),
            Read::Unreadable(why) => (
                TerraformState::Unreadable(place.to_string(), why),
                Map::new(),
            ),
        };
        Ok(Self::of(environment, state, outputs, variables))
    }

    /// What can be known of an environment without Terraform, where reading it failed with this
    /// error.
    pub(crate) fn without_terraform(environment: &Environment, error: &CliError) -> Self {
        let why = error.in_one_line();
        let state = TerraformState::Unreadable("Terraform's state".to_owned(), why);
        Self::of(environment, state, Map::new(), Map::new())
    }

    /// What `t3nets.toml` and the convention say of an environment.
    pub(crate) fn without_state(environment: &Environment) -> Self {
        let state = TerraformState::Absent("not looked for".to_owned());
        Self::of(environment, state, Map::new(), Map::new())
    }

    fn of(
        environment: &Environment,
        state: TerraformState,
        outputs: Map<String, Value>,
        variables: Map<String, Value>,
    ) -> Self {
        let template_arn = outputs.get(TEMPLATE_OUTPUT).and_then(Value::as_str);
        let template_arn = template_arn.map(str::to_owned);
        let autoscaling = outputs.get(AUTOSCALING_OUTPUT).and_then(bounds);
        let active_hours = outputs.get(ACTIVE_HOURS_OUTPUT);
        let active_hours = active_hours.and_then(|hours| ActiveHours::deserialize(hours).ok());
        let alarms = alarm_targets(&outputs);
        let sources = Sources {
            project_file: environment.names.clone(),
            outputs,
            variables,
        };
        Self {
            name: environment.name.clone(),
            profile: environment.profile.clone(),
            state,
            template_arn,
            autoscaling,
            active_hours,
            alarms,
            found: sources.resolve(&environment.name),
        }
    }

    /// A name, with where it comes from.
    pub(crate) fn get(&self, name: Name) -> Option<&Found> {
        self.found.get(&name)
    }

    fn set(&mut self, name: Name, found: Found) {
        self.found.insert(name, found);
    }

    /// A name that is needed.
    ///
    /// # Errors
    /// Not ready if it is not known, with the ways to tell it.
    pub(crate) fn need(&self, name: Name) -> Result<&Found, CliError> {
        self.get(name).ok_or_else(|| {
            let environment = &self.name;
            CliError::not_ready(format!(
                "`{}` of environment `{environment}` is not known",
                name.key()
            ))
            .hint(format!(
                "set `{}` of `[env.{environment}]` in t3nets.toml",
                name.key()
            ))
            .hint_command(
                format!("infra apply -e {environment}"),
                &format!("leaves it in Terraform's state, which is: {}", self.state),
            )
        })
    }

    /// Until when it has no tasks by itself.
    pub(crate) fn asleep_until(&self) -> Option<Timestamp> {
        self.active_hours.as_ref()?.asleep_until(Timestamp::now())
    }

    /// Where its data is.
    ///
    /// # Errors
    /// Not ready if the secrets' prefix is none.
    pub(crate) fn names(&self) -> Result<Names, CliError> {
        let prefix = self.need(Name::SecretsPrefix)?;
        Ok(Names {
            tenants_table: self.need(Name::TenantsTable)?.value.clone(),
            conversations_table: self.need(Name::ConversationsTable)?.value.clone(),
            secrets: prefix.value.parse().map_err(|_| {
                CliError::not_ready(format!("{prefix} is not a prefix for tenants' secrets"))
                    .hint("it has the form `/project/environment/tenants`")
            })?,
        })
    }

    /// Where its router answers.
    ///
    /// # Errors
    /// Not ready if that is not known, or no web address.
    pub(crate) fn url(&self) -> Result<Url, CliError> {
        let found = self.need(Name::Url)?;
        Url::parse(&found.value)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            .ok_or_else(|| {
                CliError::not_ready(format!("{found} is not a web address"))
                    .hint("it looks like `https://example.execute-api.us-east-1.amazonaws.com`")
            })
    }

    /// Sets the SDK up for it. Asks nothing of AWS yet.
    ///
    /// # Errors
    /// Not ready if no region is known.
    pub(crate) async fn connect(self) -> Result<AwsSession, CliError> {
        session::connect(self).await
    }
}

/// The least and the most tasks, as autoscaling's output has them.
fn bounds(output: &Value) -> Option<(i32, i32)> {
    let bound = |name: &str| i32::try_from(output.get(name)?.as_i64()?).ok();
    Some((bound("min_count")?, bound("max_count")?))
}

/// Where alarms go. States of before `alarm_targets` have none.
fn alarm_targets(outputs: &Map<String, Value>) -> Option<AlarmTargets> {
    let more = outputs.get(ALARM_TARGETS_OUTPUT).and_then(Value::as_array);
    Some(AlarmTargets {
        topic_arn: outputs.get(ALARMS_TOPIC_OUTPUT)?.as_str()?.to_owned(),
        more: more.map_or(0, Vec::len),
    })
}

impl AwsSession {
    /// Whose credentials are used.
    ///
    /// # Errors
    /// Denied if there are none or AWS refuses them.
    pub(crate) async fn caller(&self) -> Result<Caller, CliError> {
        session::caller(&self.sdk).await
    }
}
