//! The names of the environment in use, and the SDK set up for it.

use aws_config::SdkConfig;
use router::aws::{Connection, sdk_config};

use crate::context::Context;
use crate::deploy::target::DeployTarget;
use crate::error::CliError;
use crate::settings::PlatformKind;

/// An environment on AWS that can be deployed to.
#[derive(Debug, Clone)]
pub(crate) struct Connected {
    /// Its names.
    pub(crate) target: DeployTarget,
    /// For clients of AWS's services.
    pub(crate) sdk: SdkConfig,
}

impl Connected {
    /// The environment in use, by the naming convention.
    ///
    /// # Errors
    /// Not ready if it is on this machine, or no region is known.
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
        let sdk = sdk_config(&Connection {
            region: environment.region.clone(),
            profile: environment.profile.clone(),
        })
        .await;
        let region = sdk.region().map(ToString::to_string).ok_or_else(|| {
            CliError::not_ready(format!(
                "no region is known for environment `{}`",
                environment.name
            ))
            .hint("set `region` in t3nets.toml, or AWS_REGION")
        })?;
        let prefix = format!("t3nets-{}", environment.name);
        let service = format!("{prefix}-router");
        Ok(Self {
            target: DeployTarget {
                environment: environment.name.clone(),
                cluster: format!("{prefix}-cluster"),
                container: "router".to_owned(),
                repository: service.clone(),
                region,
                log_group: format!("/ecs/{service}"),
                target_group_arn: None,
                api_endpoint: environment.url.as_ref().map(ToString::to_string),
                tenants_table: format!("{prefix}-tenants"),
                template_arn: None,
                autoscaling: None,
                service,
            },
            sdk,
        })
    }
}
