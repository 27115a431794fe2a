//! Where an environment's data is on AWS.

use std::fmt;
use std::str::FromStr;

use crate::model::SecretName;

/// Where an environment's data is: its tables and its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The table of tenants, users, channels, keys, usage and audit entries.
    pub tenants_table: String,
    /// The table of conversations.
    pub conversations_table: String,
    /// Where the tenants' secrets are.
    pub secrets: SecretsPrefix,
}

/// `/{project}/{environment}/tenants`: what the names of all tenants' secrets in an environment
/// begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsPrefix {
    /// The project, `t3nets` unless someone chose another.
    pub project: String,
    /// The environment's name, as in `dev`.
    pub environment: String,
}

impl SecretsPrefix {
    /// A secret's full name: `/{project}/{environment}/tenants/{tenant_id}/{integration}`, of a
    /// user's own `…/{tenant_id}/users/{user_id}/{integration}`.
    pub fn secret(&self, name: &SecretName) -> String {
        format!("{self}/{name}")
    }
}

impl fmt::Display for SecretsPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}/tenants", self.project, self.environment)
    }
}

/// A text that cannot be the prefix of tenants' secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not have the form `/project/environment/tenants`")]
pub struct InvalidSecretsPrefix(pub String);

impl FromStr for SecretsPrefix {
    type Err = InvalidSecretsPrefix;

    /// A slash at the end is accepted.
    fn from_str(text: &str) -> Result<Self, InvalidSecretsPrefix> {
        let parts: Vec<&str> = text.strip_suffix('/').unwrap_or(text).split('/').collect();
        match parts[..] {
            ["", project, environment, "tenants"] if is_word(project) && is_word(environment) => {
                Ok(Self {
                    project: project.to_owned(),
                    environment: environment.to_owned(),
                })
            }
            _ => Err(InvalidSecretsPrefix(text.to_owned())),
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether a text has the form of a region: a part of the world, a direction, a number, as in
/// `us-east-1` and `us-gov-west-1`. It becomes part of a host's name.
pub fn is_region(text: &str) -> bool {
    let mut parts: Vec<_> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    parts.len() >= 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_names_project_and_environment() {
        let prefix: SecretsPrefix = "/t3nets/dev/tenants".parse().unwrap();
        assert_eq!(prefix.project, "t3nets");
        assert_eq!(prefix.environment, "dev");
        assert_eq!("/t3nets/dev/tenants/".parse(), Ok(prefix.clone()));
        assert_eq!(prefix.to_string(), "/t3nets/dev/tenants");
        let name = SecretName {
            tenant_id: "default".parse().unwrap(),
            integration: "jira".parse().unwrap(),
            user_id: None,
        };
        assert_eq!(prefix.secret(&name), "/t3nets/dev/tenants/default/jira");
    }

    #[test]
    fn what_cannot_be_a_prefix_is_refused() {
        for text in [
            "",
            "/",
            "t3nets/dev/tenants",
            "/t3nets/dev",
            "/t3nets//tenants",
            "/t3nets/dev/users",
            "/t3nets/dev/tenants/default",
            "/t3 nets/dev/tenants",
        ] {
            assert!(text.parse::<SecretsPrefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn regions_have_a_form_of_their_own() {
        for region in ["us-east-1", "us-gov-west-1", "ap-southeast-10"] {
            assert!(is_region(region), "{region}");
        }
        for text in [
            "",
            "us",
            "useast1",
            "us-east-1a",
            "us-east-",
            "a.b/us-east-1",
            "US-EAST-1",
        ] {
            assert!(!is_region(text), "{text}");
        }
    }
}
