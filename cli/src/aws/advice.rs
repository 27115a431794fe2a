//! What to do about an error of AWS: said once, at the edge, where the environment is known.

use t3nets_router::aws::{AwsErrorKind, ProfileFacts, ProfileSource};

use super::{AwsSession, Name};
use crate::config::environment::Environment;
use crate::error::CliError;
use crate::hint::Hint;

/// Adds to an error of a store, or of another call to AWS, what it may come from and what to do.
/// `session` is as much as was found out about the environment.
pub(crate) async fn advise(
    error: CliError,
    environment: &Environment,
    session: Option<&AwsSession>,
) -> CliError {
    let Some(kind) = error.service() else {
        return error;
    };
    let mut error = error;
    let service = error.aws_service();
    let remedies = remedies(kind, service, environment, session).await;
    error.hints.extend(remedies);
    error.hint_command(
        format!("doctor -e {}", environment.name),
        "checks what the environment needs",
    )
}

/// What a failure of AWS may come from, and what to do about it. `service` is which of AWS's
/// services failed, if that is known: the names that it was asked for are told.
pub(crate) async fn remedies(
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
            let profile = ProfileFacts::of(environment.profile.as_deref()).await;
            let keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|id| !id.is_empty());
            hints.extend(match keys {
                true => vec![KEYS_IN_VARIABLES.into()],
                false => about_profile(&profile),
            });
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
            if session.is_some() || kind == AwsErrorKind::NotFound {
                hints.push(Hint::command(
                    format!("infra apply -e {}", environment.name),
                    "creates what is missing; t3nets.toml corrects a name",
                ));
            }
        }
        AwsErrorKind::Throttled
        | AwsErrorKind::Unreachable
        | AwsErrorKind::Rejected
        | AwsErrorKind::Internal => hints.extend(region),
    }
    hints
}

const KEYS_IN_VARIABLES: &str = "the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are used, before any profile: they are wrong or have expired";

/// What gives credentials that this profile does not, or not any more.
fn about_profile(profile: &ProfileFacts) -> Vec<Hint> {
    let ProfileFacts { name, source } = profile;
    let option = match name.as_str() {
        "default" => String::new(),
        name => format!(" --profile {name}"),
    };
    let exported = format!("`eval \"$(aws configure export-credentials{option} --format env)\"`");
    let hint = match source {
        ProfileSource::Missing if name == "default" => {
            "`aws sso login` or `aws configure` sets credentials up; AWS_PROFILE, or `profile` in t3nets.toml, chooses which".to_owned()
        }
        ProfileSource::Missing => format!(
            "there is no profile `{name}` in `~/.aws/config` or `~/.aws/credentials`: `aws configure list-profiles` names those that there are, `aws configure{option}` sets it up; AWS_PROFILE, or `profile` in t3nets.toml, chooses another"
        ),
        ProfileSource::Unreadable(why) => {
            format!("AWS's configuration files cannot be read: {why}")
        }
        ProfileSource::Nothing => format!(
            "the profile `{name}` has no credentials: `aws configure{option}` or `aws configure sso{option}` sets them up"
        ),
        ProfileSource::Keys => format!(
            "the keys of the profile `{name}` are refused: `aws configure{option}` stores others"
        ),
        ProfileSource::Sso(_) => {
            format!("`aws sso login{option}` signs in again to the profile `{name}`")
        }
        ProfileSource::Login => format!(
            "the profile `{name}` is one of `aws login`, whose session only AWS's own tools use: `aws login{option}`, then {exported}, gives its credentials to this shell"
        ),
        ProfileSource::RoleWithMfa(device) => format!(
            "the profile `{name}` takes its role with a code of `{device}`, which is not asked for here: {exported} asks for it, and gives the credentials to this shell"
        ),
        ProfileSource::Role { role, from } => format!(
            "the profile `{name}` takes the role `{role}` with the credentials of `{from}`: they must be valid, and be allowed to by the role's trust policy; `aws sts get-caller-identity{option}` tells which of the two it is"
        ),
        ProfileSource::WebIdentity => format!(
            "the profile `{name}` takes its role with a token in a file (`web_identity_token_file`), which is missing, has expired or is not trusted by the role"
        ),
        ProfileSource::Process => format!(
            "the profile `{name}` has its credentials from a program (`credential_process`), which fails: `aws sts get-caller-identity{option}` runs it too"
        ),
    };
    vec![hint.into()]
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

    async fn advised(error: StoreError, session: Option<&AwsSession>) -> Vec<String> {
        let advised = advise(error.into(), &environment_on_aws("dev"), session).await;
        advised.hints.iter().map(Hint::to_string).collect()
    }

    #[tokio::test]
    async fn a_missing_table_is_named_with_where_its_name_comes_from() {
        let session = session().await;
        let missing = StoreError::Misconfigured("Requested resource not found".into());
        let hints = advised(missing, Some(&session)).await.join("\n");
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
        let advised = advise(error, &environment_on_aws("dev"), Some(&session)).await;
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

    #[tokio::test]
    async fn a_missing_permission_is_told_from_missing_credentials() {
        let denied = StoreError::denied("you may not (AccessDeniedException)");
        assert!(advised(denied, None).await[0].contains("permission"));
    }

    #[test]
    fn each_kind_of_profile_has_a_remedy_of_its_own() {
        let remedy = |name: &str, source| {
            let name = name.to_owned();
            let hints = about_profile(&ProfileFacts { name, source });
            hints.iter().map(Hint::to_string).collect::<String>()
        };
        let role = || ProfileSource::Role {
            role: "arn:aws:iam::1:role/deploy".to_owned(),
            from: "base".to_owned(),
        };
        let mfa = || ProfileSource::RoleWithMfa("arn:aws:iam::1:mfa/ada".to_owned());
        for (source, parts) in [
            (
                ProfileSource::Missing,
                ["no profile `p`", "aws configure --profile p"],
            ),
            (
                ProfileSource::Sso(None),
                ["aws sso login --profile p", "`p`"],
            ),
            (
                ProfileSource::Login,
                ["aws login --profile p", "export-credentials --profile p"],
            ),
            (mfa(), ["mfa/ada", "export-credentials --profile p"]),
            (role(), ["role/deploy", "`base`"]),
            (ProfileSource::Process, ["credential_process", "`p`"]),
            (
                ProfileSource::WebIdentity,
                ["web_identity_token_file", "`p`"],
            ),
            (
                ProfileSource::Keys,
                ["aws configure --profile p", "refused"],
            ),
            (
                ProfileSource::Nothing,
                ["no credentials", "aws configure --profile p"],
            ),
        ] {
            let said = remedy("p", source);
            for part in parts {
                assert!(said.contains(part), "{part}: {said}");
            }
            assert!(!said.contains("feature"), "{said}");
        }
        assert!(remedy("default", ProfileSource::Sso(None)).starts_with("`aws sso login` "));
        assert!(remedy("default", ProfileSource::Missing).contains("`aws configure`"));
    }

    #[tokio::test]
    async fn errors_of_others_stay_as_they_are() {
        let error = CliError::usage("no").hint("yes");
        let advised = advise(error, &environment_on_aws("dev"), None).await;
        assert_eq!(advised.hints, ["yes".into()]);
    }
}
