//! What a profile of AWS's configuration is, as far as an error about credentials depends on it.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::borrow::Cow;

use aws_config::profile::{self, Profile};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

/// The profile that credentials would come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFacts {
    /// Its name.
    pub name: String,
    /// Where its credentials come from.
    pub source: ProfileSource,
}

/// Where a profile's credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileSource {
    /// It does not exist.
    Missing,
    /// The files cannot be read or understood: why.
    Unreadable(String),
    /// It exists, and says nothing of credentials.
    Nothing,
    /// It holds keys.
    Keys,
    /// Single sign-on, by the session of this name if it has one.
    Sso(Option<String>),
    /// `aws login`.
    Login,
    /// A role, taken with a code of this device.
    RoleWithMfa(String),
    /// A role, taken with what the other has.
    Role {
        /// Its ARN.
        role: String,
        /// The profile, or the kind of source, whose credentials take it.
        from: String,
    },
    /// A role, taken with a token in a file.
    WebIdentity,
    /// A program.
    Process,
}

impl ProfileFacts {
    /// Of the profile of this name, or else of the one that the variables choose.
    pub async fn of(name: Option<&str>) -> Self {
        let chosen = name.map(|name| Cow::Owned(name.to_owned()));
        let files = EnvConfigFiles::default();
        match profile::load(&Fs::real(), &Env::real(), &files, chosen).await {
            Ok(found) => {
                let name = found.selected_profile().to_owned();
                let source = match found.get_profile(&name) {
                    Some(profile) => ProfileSource::of(profile),
                    None => ProfileSource::Missing,
                };
                Self { name, source }
            }
            Err(error) => Self {
                name: name.unwrap_or("default").to_owned(),
                source: ProfileSource::Unreadable(error.to_string()),
            },
        }
    }
}

impl ProfileSource {
    /// In the order in which the SDK looks.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
    fn of(profile: &Profile) -> Self {
        let text = |name: &str| profile.get(name).map(str::to_owned);
        if let Some(role) = text("role_arn") {
            if profile.get("web_identity_token_file").is_some() {
                return Self::WebIdentity;
            }
            return match text("mfa_serial") {
                Some(device) => Self::RoleWithMfa(device),
                None => Self::Role {
                    role,
                    from: text("source_profile")
                        .or_else(|| text("credential_source"))
                        .unwrap_or_default(),
                },
            };
        }
        if profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some() {
            Self::Sso(text("sso_session"))
        } else if profile.get("login_session").is_some() {
            Self::Login
        } else if profile.get("credential_process").is_some() {
            Self::Process
        } else if profile.get("aws_access_key_id").is_some() {
            Self::Keys
        } else {
            Self::Nothing
        }
    }
}
