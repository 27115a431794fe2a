//! What a task definition refers to beside its image: its roles and its log group. Without one of
//! them ECS starts no task; a deploy does not ask about them, the doctor does.

use aws_config::{Region, SdkConfig};
use serde::Deserialize;
use serde_json::json;
use t3nets_router::aws::signed::{IAM, LOGS, SignedClient};
use t3nets_router::aws::{AwsError, AwsErrorKind};

/// The service principal that takes the roles of tasks.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
pub const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

/// A role in IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Whether its trust policy names [`ECS_TASKS`].
    pub trusts_ecs_tasks: bool,
}

/// A log group of CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup {
    /// For how many days events are kept; `None` if they never expire.
    pub retention_days: Option<u32>,
}

/// The role of this name, without its path; `None` if it does not exist.
///
/// # Errors
/// As AWS says.
pub async fn role(sdk: &SdkConfig, name: &str) -> Result<Option<Role>, AwsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct GetRole {
        role: FoundRole,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundRole {
        assume_role_policy_document: String,
    }
    let iam = SignedClient::new(sdk, &IAM);
    match iam.call("GetRole", &json!({ "RoleName": name })).await {
        // The policy is percent-encoded JSON, in which the principal's name is written as it is.
        // https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
        Ok(GetRole { role }) => Ok(Some(Role {
            trusts_ecs_tasks: role.assume_role_policy_document.contains(ECS_TASKS),
        })),
        Err(error) if error.kind == AwsErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The log group of this name, in the region where the task definition has it; `None` if it does
/// not exist.
///
/// # Errors
/// As AWS says.
pub async fn log_group(
    sdk: &SdkConfig,
    name: &str,
    region: Option<&str>,
) -> Result<Option<LogGroup>, AwsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct DescribeLogGroups {
        #[serde(default)]
        log_groups: Vec<FoundLogGroup>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct FoundLogGroup {
        log_group_name: String,
        retention_in_days: Option<u32>,
    }
    let mut sdk = sdk.to_builder();
    if let Some(region) = region {
        sdk = sdk.region(Region::new(region.to_owned()));
    }
    let logs = SignedClient::new(&sdk.build(), &LOGS);
    // The answer has the groups whose names begin like this in the order of their names, so that
    // the group itself is on the first page.
    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
    let input = json!({ "logGroupNamePrefix": name });
    let answer: DescribeLogGroups = logs.call("DescribeLogGroups", &input).await?;
    let mut groups = answer.log_groups.into_iter();
    let found = groups.find(|group| group.log_group_name == name);
    Ok(found.map(|group| LogGroup {
        retention_days: group.retention_in_days,
    }))
}
