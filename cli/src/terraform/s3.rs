//! Reading Terraform's state from a bucket, with the access that the backend's settings give it.
//! <https://developer.hashicorp.com/terraform/language/backend/s3>

use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use jiff::SignedDuration;
use serde_json::{Map, Value};
use t3nets_router::aws::signed::{S3, SignedClient};
use t3nets_router::aws::{
    AssumedRole, AwsError, Connection, CredentialFiles, StaticKeys, sdk_config,
};

/// The most that is read of a state, in bytes. Those of infra/aws have some 300 KB.
const MAX_BYTES: usize = 64 << 20;

/// An object in a bucket, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    access: Access,
}

/// How a bucket is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Access {
    connection: Connection,
    /// S3's own endpoint.
    endpoint: Option<String>,
    fips: Option<bool>,
    dual_stack: Option<bool>,
}

impl S3Object {
    /// With the access that the settings of a backend in `folder` give.
    pub(super) fn new(
        bucket: String,
        key: String,
        config: &Map<String, Value>,
        folder: &Path,
    ) -> Self {
        let access = Access::of(&Settings(config), folder);
        Self {
            bucket,
            key,
            access,
        }
    }
}

/// The settings of a backend: those in its block, or those that Terraform noted down at init, where
/// each that is not set is `null`.
struct Settings<'a>(&'a Map<String, Value>);

impl<'a> Settings<'a> {
    fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?;
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten().filter_map(Value::as_str);
        items.map(str::to_owned).collect()
    }

    fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let items = self.0.get(name).and_then(Value::as_object);
        let items = items.into_iter().flatten();
        items
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// The settings inside another one, which older releases noted down as a list of one.
    fn within(&self, name: &str) -> Option<Settings<'a>> {
        let value = self.0.get(name)?;
        let value = value
            .as_array()
            .and_then(|all| all.first())
            .unwrap_or(value);
        value.as_object().map(Settings)
    }
}

impl Access {
    fn of(settings: &Settings<'_>, folder: &Path) -> Self {
        let file = |path: String| match path.strip_prefix("~/") {
            Some(rest) => home().join(rest),
            None => folder.join(path),
        };
        let files = |names: &[&str]| -> Vec<PathBuf> {
            let listed = names.iter().flat_map(|name| {
                let one = settings.text(name);
                settings.texts(name).into_iter().chain(one)
            });
            listed.map(file).collect()
        };
        let endpoints = settings.within("endpoints");
        let endpoint = |name: &str, older: &str| {
            let within = endpoints.as_ref().and_then(|all| all.text(name));
            within.or_else(|| settings.text(older))
        };
        let keys = settings.text("access_key").zip(settings.text("secret_key"));
        Self {
            connection: Connection {
                region: settings.text("region"),
                profile: settings.text("profile"),
                keys: keys.map(|(id, secret)| StaticKeys {
                    id,
                    secret,
                    token: settings.text("token"),
                }),
                files: CredentialFiles {
                    config: files(&["shared_config_files"]),
                    credentials: files(&["shared_credentials_files", "shared_credentials_file"]),
                },
                role: role(settings),
                endpoint: endpoint("sts", "sts_endpoint"),
                ca_bundle: settings.text("custom_ca_bundle").map(file),
            },
            endpoint: endpoint("s3", "endpoint"),
            fips: settings.flag("use_fips_endpoint"),
            dual_stack: settings.flag("use_dualstack_endpoint"),
        }
    }

    /// The SDK set up so. `profile` is the environment's, where the backend names none.
    async fn connect(&self, profile: Option<&str>) -> Result<SdkConfig, AwsError> {
        let mut connection = self.connection.clone();
        connection.profile = connection.profile.or_else(|| profile.map(str::to_owned));
        let sdk = sdk_config(&connection).await?;
        let mut sdk = sdk.into_builder();
        if let Some(endpoint) = &self.endpoint {
            sdk = sdk.endpoint_url(endpoint);
        }
        if let Some(fips) = self.fips {
            sdk.set_use_fips(Some(fips));
        }
        if let Some(dual_stack) = self.dual_stack {
            sdk.set_use_dual_stack(Some(dual_stack));
        }
        Ok(sdk.build())
    }
}

/// The role that is to be taken: in a setting of its own, or as releases before 1.6 had it.
fn role(settings: &Settings<'_>) -> Option<AssumedRole> {
    let of = |settings: &Settings<'_>, names: [&str; 5]| {
        let [duration, policy, policy_arns, tags, seconds] = names;
        let seconds = settings.0.get(seconds).and_then(Value::as_u64);
        let duration = settings.text(duration).and_then(|text| {
            let duration: SignedDuration = text.parse().ok()?;
            duration.try_into().ok()
        });
        Some(AssumedRole {
            arn: settings.text("role_arn")?,
            session_name: settings.text("session_name"),
            external_id: settings.text("external_id"),
            duration: duration.or(seconds.map(std::time::Duration::from_secs)),
            policy: settings.text(policy),
            policy_arns: settings.texts(policy_arns),
            tags: settings.pairs(tags),
        })
    };
    let own = settings.within("assume_role");
    own.and_then(|own| of(&own, ["duration", "policy", "policy_arns", "tags", ""]))
        .or_else(|| {
            let older = [
                "",
                "assume_role_policy",
                "assume_role_policy_arns",
                "assume_role_tags",
                "assume_role_duration_seconds",
            ];
            of(settings, older)
        })
}

fn home() -> PathBuf {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default()
}

/// An object's content, read with the backend's own access, else with an AWS profile's credentials,
/// or with those that the SDK finds.
///
/// # Errors
/// What S3 says; not found if there is no such object or bucket.
pub(super) async fn read(object: &S3Object, profile: Option<&str>) -> Result<Vec<u8>, AwsError> {
    let config = object.access.connect(profile).await?;
    let client = SignedClient::new(&config, &S3);
    client.object(&object.bucket, &object.key, MAX_BYTES).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn access(config: Value) -> Access {
        let Value::Object(config) = config else {
            panic!("{config} is no object");
        };
        Access::of(&Settings(&config), Path::new("/infra"))
    }

    #[test]
    fn a_backends_role_is_taken_as_terraform_takes_it() {
        let role = access(json!({
            "assume_role": {
                "role_arn": "arn:aws:iam::1:role/state", "session_name": "s", "external_id": "e",
                "duration": "1h30m", "policy_arns": ["p"], "tags": {"a": "b"}, "policy": null,
            },
            "role_arn": null,
        }))
        .connection
        .role
        .unwrap();
        assert_eq!(role.arn, "arn:aws:iam::1:role/state");
        assert_eq!(role.external_id.as_deref(), Some("e"));
        assert_eq!(role.duration.unwrap().as_secs(), 5400);
        assert_eq!(role.tags, [("a".to_owned(), "b".to_owned())]);
        // As releases before 1.6 had it, and wrote lists down.
        let older = json!({
            "role_arn": "r", "assume_role_duration_seconds": 900, "assume_role_policy": "{}",
        });
        let older = access(older).connection.role.unwrap();
        assert_eq!(
            (older.arn.as_str(), older.policy.as_deref()),
            ("r", Some("{}"))
        );
        assert_eq!(older.duration.unwrap().as_secs(), 900);
        let listed = access(json!({"assume_role": [{"role_arn": "l"}]}));
        assert_eq!(listed.connection.role.unwrap().arn, "l");
        assert_eq!(access(json!({"assume_role": null})).connection.role, None);
    }

    #[test]
    fn a_backends_profile_keys_files_and_endpoints_are_its_own() {
        let set = access(json!({
            "region": "eu-west-1", "profile": "state", "access_key": "AKIA", "secret_key": "s3cr3t",
            "shared_config_files": ["a", "/b"], "shared_credentials_file": "c",
            "endpoints": {"s3": "http://s3:1", "sts": "http://sts:2", "iam": null},
            "custom_ca_bundle": "ca.pem", "use_fips_endpoint": true,
        }));
        let connection = &set.connection;
        assert_eq!(connection.profile.as_deref(), Some("state"));
        assert_eq!(connection.keys.as_ref().unwrap().id, "AKIA");
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(connection.files.config, paths(&["/infra/a", "/b"]));
        assert_eq!(connection.files.credentials, paths(&["/infra/c"]));
        assert_eq!(connection.endpoint.as_deref(), Some("http://sts:2"));
        assert_eq!(set.endpoint.as_deref(), Some("http://s3:1"));
        assert_eq!(
            connection.ca_bundle.as_deref(),
            Some(Path::new("/infra/ca.pem"))
        );
        assert_eq!(set.fips, Some(true));
        assert!(!format!("{set:?}").contains("s3cr3t"));
        let none = access(json!({"bucket": "b", "profile": null, "access_key": "alone"}));
        assert_eq!(none.connection, Connection::default());
    }
}
