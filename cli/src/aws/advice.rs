//! What to do about an error of AWS: said once, at the edge, where the environment is known.

use t3nets_router::aws::AwsErrorKind;

use super::{AwsSession, Name};
use crate::config::environment::Environment;
use crate::error::CliError;
use crate::hint::Hint;

/// Adds to an error of a store, or of another call to AWS, what it may come from and what to do.
/// `session` is as much as was found out about the environment.
pub(crate) fn advise(
    error: CliError,
    environment: &Environment,
    session: Option<&AwsSession>,
) -> CliError {
    let Some(kind) = error.service() else {
        return error;
    };
    let mut error = error;
    let service = error.aws_service();
    error
        .hints
        .extend(remedies(kind, service, environment, session));
    error.hint_command(
        format!("doctor -e {}", environment.name),
        "checks what the environment needs",
    )
}

/// What a failure of AWS may come from, and what to do about it. `service` is which of AWS's
/// services failed, if that is known: the names that it was asked for are told.
pub(crate) fn remedies(
    kind: AwsErrorKind,
    service: Option<&str>,
    environment: &Environment,
    session: Option<&AwsSession>,
) -> Vec<Hint> {
    // A region that the account has not enabled refuses valid credentials.
    let region = session.map(|session| format!("the region is {}", session.region).into());
    let mut hints = Vec::new();
    match kind {
        AwsErrorKind::Credentials => {
            hints.push(about_credentials(environment).into());
            hints.extend(region);
        }
        AwsErrorKind::Permission => {
            hints.push(
                "the credentials are valid and lack this permission: have it granted, or use others"
                    .into(),
            );
            hints.extend(region);
        }
        AwsErrorKind::Configuration | AwsErrorKind::NotFound => {
            let names: &[Name] = match service {
                Some("ecs") => &[Name::Cluster, Name::Service],
                Some("logs") => &[Name::LogGroup],
                Some("ecr") => &[Name::Repository],
                _ => &[Name::TenantsTable, Name::ConversationsTable],
            };
            for name in names {
                if let Some(found) = session.and_then(|session| session.environment.get(*name)) {
                    let what = name.key().replace('_', " ");
                    hints.push(format!("the {what} is {found}").into());
                }
            }
            hints.extend(region);
            hints.push(Hint::command(
                format!("infra apply -e {}", environment.name),
                "creates what is missing; t3nets.toml corrects a name",
            ));
        }
        AwsErrorKind::Throttled
        | AwsErrorKind::Unreachable
        | AwsErrorKind::Rejected
        | AwsErrorKind::Internal => hints.extend(region),
    }
    hints
}

fn about_credentials(environment: &Environment) -> String {
    match &environment.profile {
        Some(profile) => format!(
            "t3nets.toml names the profile `{profile}`: `aws sso login --profile {profile}` renews it, `aws configure --profile {profile}` sets it up"
        ),
        None => "`aws sso login` or `aws configure` sets credentials up; AWS_PROFILE, or `profile` in t3nets.toml, chooses which"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use t3nets_router::aws::AwsError;
    use t3nets_router::ports::StoreError;

    use super::*;
    use crate::aws::AwsEnvironment;
    use crate::config::environment::tests::environment_on_aws;

    async fn session() -> AwsSession {
        let mut environment = environment_on_aws("dev");
        environment.names.insert("region", "us-east-1".to_owned());
        let error = CliError::failed("no Terraform here");
        let resolved = AwsEnvironment::without_terraform(&environment, &error);
        resolved.connect().await.unwrap()
    }

    fn advised(error: StoreError, session: Option<&AwsSession>) -> Vec<String> {
        let advised = advise(error.into(), &environment_on_aws("dev"), session);
        advised.hints.iter().map(Hint::to_string).collect()
    }

    #[tokio::test]
    async fn a_missing_table_is_named_with_where_its_name_comes_from() {
        let session = session().await;
        let missing = StoreError::Misconfigured("Requested resource not found".into());
        let hints = advised(missing, Some(&session)).join("\n");
        for part in [
            "`t3nets-dev-tenants` (by convention)",
            "`us-east-1` (from t3nets.toml)",
            "t3nets infra apply -e dev",
            "t3nets doctor -e dev",
        ] {
            assert!(hints.contains(part), "{part}: {hints}");
        }
    }

    #[tokio::test]
    async fn a_missing_cluster_is_named_with_where_its_name_and_the_region_come_from() {
        let session = session().await;
        let missing = AwsError {
            service: "ecs",
            operation: "DescribeServices",
            kind: AwsErrorKind::NotFound,
            code: Some("ClusterNotFoundException".to_owned()),
            message: "Cluster not found.".to_owned(),
            request_id: None,
        };
        let error = CliError::aws("the service cannot be read", missing);
        let advised = advise(error, &environment_on_aws("dev"), Some(&session));
        let hints: Vec<String> = advised.hints.iter().map(Hint::to_string).collect();
        let hints = hints.join("\n");
        for part in [
            "the cluster is `t3nets-dev-cluster` (by convention)",
            "the service is `t3nets-dev-router` (by convention)",
            "the region is `us-east-1` (from t3nets.toml)",
        ] {
            assert!(hints.contains(part), "{part}: {hints}");
        }
        assert!(!hints.contains("tenants"), "{hints}");
    }

    #[test]
    fn missing_credentials_and_a_missing_permission_have_different_remedies() {
        let expired = StoreError::Unauthenticated("expired (ExpiredTokenException)".into());
        assert!(advised(expired, None)[0].contains("aws sso login"));
        let denied = StoreError::denied("you may not (AccessDeniedException)");
        assert!(advised(denied, None)[0].contains("permission"));
    }

    #[test]
    fn errors_of_others_stay_as_they_are() {
        let error = CliError::usage("no").hint("yes");
        let advised = advise(error, &environment_on_aws("dev"), None);
        assert_eq!(advised.hints, ["yes".into()]);
    }
}
