//! What to do about an error of AWS: said once, at the edge, where the environment is known.

use super::{Connected, Name};
use crate::config::settings::Environment;
use crate::error::{CliError, ErrorKind};

/// What AWS says where the credentials are right and the permission is missing.
const NO_PERMISSION: [&str; 3] = ["AccessDenied", "not authorized", "NotAuthorized"];

/// Adds to an error of a store, or of another call to AWS, what it may come from and what to do. `connected` is as much as
/// was found out about the environment.
pub(crate) fn advise(
    error: CliError,
    environment: &Environment,
    connected: Option<&Connected>,
) -> CliError {
    if !error.is_of_store {
        return error;
    }
    let name = &environment.name;
    let mut error = error;
    // What is said of stores in general is said better below.
    error.hints.retain(|hint| !hint.contains("t3nets doctor"));
    let region = connected.map(|connected| format!("the region is {}", connected.region));
    match error.kind {
        ErrorKind::Denied => {
            error.hints.push(about_credentials(&error, environment));
            // A region that the account has not enabled refuses valid credentials.
            error.hints.extend(region);
        }
        ErrorKind::NotReady => {
            for key in [Name::TenantsTable, Name::ConversationsTable] {
                if let Some(found) = connected.and_then(|connected| connected.environment.get(key))
                {
                    let table = key.key().replace('_', " ");
                    error.hints.push(format!("the {table} is {found}"));
                }
            }
            error.hints.extend(region);
            error.hints.push(format!(
                "`t3nets infra apply -e {name}` makes what is missing; t3nets.toml corrects a name"
            ));
        }
        ErrorKind::Failed => error.hints.extend(region),
        ErrorKind::Usage
        | ErrorKind::RolledBack
        | ErrorKind::NotRolledBack
        | ErrorKind::TimedOut
        | ErrorKind::Interrupted
        | ErrorKind::OutputClosed => {}
    }
    error.hint(format!(
        "`t3nets doctor -e {name}` checks what the environment needs"
    ))
}

fn about_credentials(error: &CliError, environment: &Environment) -> String {
    let mut said = std::iter::once(&error.message).chain(&error.causes);
    if said.any(|text| NO_PERMISSION.iter().any(|sign| text.contains(sign))) {
        return "the credentials are valid and lack this permission: have it granted, or use others"
            .to_owned();
    }
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
    use t3nets_router::ports::StoreError;

    use super::*;
    use crate::aws::AwsEnvironment;
    use crate::config::settings::tests::environment_on_aws;

    async fn connected() -> Connected {
        let mut environment = environment_on_aws("dev");
        environment.names.insert("region", "us-east-1".to_owned());
        let error = CliError::failed("no Terraform here");
        let resolved = AwsEnvironment::without_terraform(&environment, &error);
        resolved.connect().await.unwrap()
    }

    fn advised(error: StoreError, connected: Option<&Connected>) -> Vec<String> {
        advise(error.into(), &environment_on_aws("dev"), connected).hints
    }

    #[tokio::test]
    async fn a_missing_table_is_named_with_where_its_name_comes_from() {
        let connected = connected().await;
        let missing = StoreError::Misconfigured("Requested resource not found".to_owned());
        let hints = advised(missing, Some(&connected)).join("\n");
        for part in [
            "`t3nets-dev-tenants` (by convention)",
            "`us-east-1` (from t3nets.toml)",
            "t3nets infra apply -e dev",
            "t3nets doctor -e dev",
        ] {
            assert!(hints.contains(part), "{part}: {hints}");
        }
    }

    #[test]
    fn missing_credentials_and_a_missing_permission_have_different_remedies() {
        let denied = |why: &str| advised(StoreError::Denied(why.to_owned()), None).remove(0);
        assert!(denied("no usable AWS credentials: none").contains("aws sso login"));
        assert!(denied("expired (ExpiredTokenException)").contains("aws sso login"));
        assert!(denied("you may not (AccessDeniedException)").contains("permission"));
    }

    #[test]
    fn errors_of_others_stay_as_they_are() {
        let error = CliError::usage("no").hint("yes");
        let advised = advise(error.clone(), &environment_on_aws("dev"), None);
        assert_eq!(advised, error);
    }
}
