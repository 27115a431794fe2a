//! The names of the environment in use that a deploy needs, and the SDK set up for it.

use aws_config::SdkConfig;

use crate::aws_environment::{AwsEnvironment, Name};
use crate::context::Context;
use crate::error::CliError;
use crate::settings::PlatformKind;
use t3nets_deploy::target::DeployTarget;

/// An environment on AWS that can be deployed to.
#[derive(Debug, Clone)]
pub(crate) struct Connected {
    /// Its names.
    pub(crate) target: DeployTarget,
    /// For clients of AWS's services.
    pub(crate) sdk: SdkConfig,
}

impl Connected {
    /// The environment in use.
    ///
    /// # Errors
    /// Not ready if it is on this machine, or a name or the region is not known.
    pub(crate) async fn to(context: &Context) -> Result<Self, CliError> {
        let settings = &context.settings;
        let environment = settings.environment()?;
        if environment.platform == PlatformKind::Local {
            let others: Vec<String> = settings
                .environments
                .iter()
                .filter(|one| one.platform == PlatformKind::Aws)
                .map(|one| format!("`{}`", one.name))
                .collect();
            let error = CliError::not_ready(format!(
                "environment `{}` is on this machine: nothing is deployed there",
                environment.name
            ))
            .hint("`t3nets dev` runs the router here");
            return Err(match others.is_empty() {
                true => error.hint("`t3nets init` writes a t3nets.toml that defines environments"),
                false => error.hint(format!("there are: {}", others.join(", "))),
            });
        }
        let aws = context.aws().await?;
        Ok(Self {
            target: target(&aws.environment)?,
            sdk: aws.sdk.clone(),
        })
    }
}

/// What is deployed to in an environment.
///
/// # Errors
/// Not ready if a name is not known.
pub(crate) fn target(known: &AwsEnvironment) -> Result<DeployTarget, CliError> {
    let need = |name| known.need(name).map(|found| found.value.clone());
    let get = |name| known.get(name).map(|found| found.value.clone());
    Ok(DeployTarget {
        environment: known.name.clone(),
        cluster: need(Name::Cluster)?,
        service: need(Name::Service)?,
        container: need(Name::Container)?,
        repository: need(Name::Repository)?,
        log_group: need(Name::LogGroup)?,
        target_group_arn: get(Name::TargetGroup),
        api_endpoint: get(Name::Url),
        tenants_table: need(Name::TenantsTable)?,
        template_arn: known.template_arn.clone(),
        autoscaling: known.autoscaling,
    })
}
