//! The AWS session of an environment: region, credentials, and whose they are.

use aws_config::SdkConfig;
use t3nets_router::aws::{AwsError, Connection, is_region, sdk_config};

use super::names::{Found, Name, Source};
use super::{AwsEnvironment, AwsSession};
use crate::error::CliError;

/// Who calls AWS, as AWS itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account's number, 12 digits.
    pub(crate) account: String,
    /// The full name of the user or the role's session.
    pub(crate) arn: String,
}

impl Caller {
    /// For the audit trail: a user's name, or the name that a role's session has (with SSO, the
    /// person's).
    pub(crate) fn name(&self) -> &str {
        self.arn.rsplit(['/', ':']).next().unwrap_or(&self.arn)
    }
}

/// Sets the SDK up for an environment. Asks nothing of AWS yet.
///
/// # Errors
/// Not ready if no region is known, or what is known cannot be one.
pub(super) async fn connect(mut environment: AwsEnvironment) -> Result<AwsSession, CliError> {
    let named = environment.get(Name::Region).cloned();
    if let Some(region) = &named
        && !is_region(&region.value)
    {
        return Err(
            CliError::not_ready(format!("{region} cannot be an AWS region"))
                .hint("a region is named like `us-east-1`"),
        );
    }
    let sdk = sdk_config(&Connection {
        region: named.as_ref().map(|region| region.value.clone()),
        profile: environment.profile.clone(),
        ..Connection::default()
    })
    .await
    .map_err(|error| CliError::aws("AWS's configuration cannot be used", error))?;
    let Some(region) = sdk.region() else {
        return Err(CliError::not_ready(format!(
            "no AWS region is known for environment `{}`",
            environment.name
        ))
        .hint(format!(
            "set `region` of `[env.{}]` in t3nets.toml, or AWS_REGION",
            environment.name
        )));
    };
    let region = named.unwrap_or_else(|| Found {
        value: region.to_string(),
        source: Source::Sdk,
    });
    environment.set(Name::Region, region.clone());
    Ok(AwsSession {
        environment,
        region,
        sdk,
    })
}

/// The account of a profile, or of the current credentials: 12 digits.
///
/// # Errors
/// Denied if there are none or AWS refuses them.
pub(crate) async fn account_of(profile: Option<&str>, region: &str) -> Result<String, CliError> {
    let sdk = sdk_config(&Connection {
        region: Some(region.to_owned()),
        profile: profile.map(str::to_owned),
        ..Connection::default()
    })
    .await
    .map_err(|error| CliError::aws("AWS's configuration cannot be used", error))?;
    Ok(caller(&sdk).await?.account)
}

/// Whose credentials these are.
///
/// # Errors
/// Denied if there are none or AWS refuses them.
pub(super) async fn caller(sdk: &SdkConfig) -> Result<Caller, CliError> {
    let answer = aws_sdk_sts::Client::new(sdk)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| {
            CliError::aws(
                "cannot tell whose AWS credentials these are",
                AwsError::from_sdk("sts", "GetCallerIdentity", &error),
            )
        })?;
    match (answer.account, answer.arn) {
        (Some(account), Some(arn)) => Ok(Caller { account, arn }),
        _ => Err(CliError::failed(
            "AWS does not say whose credentials these are",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_trail_names_the_person_behind_the_credentials() {
        for (arn, name) in [
            ("arn:aws:iam::123456789012:user/team/ada", "ada"),
            (
                "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1/ada@example.com",
                "ada@example.com",
            ),
            ("arn:aws:iam::123456789012:root", "root"),
        ] {
            let caller = Caller {
                account: "123456789012".to_owned(),
                arn: arn.to_owned(),
            };
            assert_eq!(caller.name(), name);
        }
    }
}
