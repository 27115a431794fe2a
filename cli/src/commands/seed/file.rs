//! `seed.toml`: several tenants with what each should have. Secrets are in it by reference only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use t3nets_router::admin::AdminError;
use t3nets_router::admin::secrets::fields_of;
use t3nets_router::admin::seed::{TenantSeed, UserSeed};
use t3nets_router::admin::settings::SettingEdit;
use t3nets_router::files;
use t3nets_router::model::{
    ChannelId, ChannelKind, IntegrationName, JsonObject, SecretDocument, TenantId, UserId, UserRole,
};

use super::values::Values;
use crate::error::CliError;
use crate::terminal::stdin;

/// The format, by example. A test reads it.
pub(super) const HELP: &str = r#"A seed.toml:
  [[tenant]]
  id = "default"
  name = "Platform team"               # the id without it

  [tenant.settings]                    # where the tenant has no value yet
  messages_per_day = 500
  enabled_skills = ["ping", "sprint_status"]

  [[tenant.user]]
  email = "ada@example.com"
  name = "Ada"                         # the address up to its @ without it
  role = "admin"                       # `member` without it; a role is never lowered

  [[tenant.channel]]
  type = "dashboard"
  id = "T024BE7LH"

  [tenant.secret.jira]                 # secret values only by reference:
  url = "https://team.atlassian.net"
  email = "bot@example.com"
  board_id = 7
  api_token_env = "JIRA_API_TOKEN"     # a variable, or one of .env
  # api_token_file = "jira-token.txt"  # or a file, found from this one"#;

/// The most that is read from a file with a single value, in bytes.
const MAX_VALUE_BYTES: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedFile {
    #[serde(default, rename = "tenant")]
    tenants: Vec<TenantTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantTable {
    id: TenantId,
    name: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, Value>,
    #[serde(default, rename = "user")]
    users: Vec<UserTable>,
    #[serde(default, rename = "channel")]
    channels: Vec<ChannelTable>,
    #[serde(default, rename = "secret")]
    secrets: BTreeMap<IntegrationName, JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserTable {
    email: String,
    id: Option<UserId>,
    name: Option<String>,
    #[serde(default = "member")]
    role: UserRole,
}

fn member() -> UserRole {
    UserRole::Member
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelTable {
    #[serde(rename = "type")]
    kind: ChannelKind,
    id: ChannelId,
}

/// The tenants that a file describes.
///
/// # Errors
/// Usage if the file cannot be read or understood, or a reference leads nowhere.
pub(super) fn read(path: &Path, values: &Values) -> Result<Vec<TenantSeed>, CliError> {
    let text = files::read_text(path, files::USUAL_LIMIT).map_err(|error| {
        CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error)
    })?;
    parse(&text, path.parent().unwrap_or(Path::new("")), values).map_err(|mut error| {
        error.message = format!("`{}`: {}", path.display(), error.message);
        error
    })
}

/// The value that a file holds alone; `-` is stdin.
///
/// # Errors
/// Usage if it cannot be read, is empty or too long.
pub(super) fn read_value(path: &Path) -> Result<String, CliError> {
    let shown = path.display();
    let read = match path == Path::new("-") {
        true => stdin::read_text(MAX_VALUE_BYTES),
        false => files::read_text(path, MAX_VALUE_BYTES),
    };
    let text =
        read.map_err(|error| CliError::usage(format!("cannot read `{shown}`")).caused_by(error))?;
    match text.trim() {
        "" => Err(CliError::usage(format!("`{shown}` is empty"))),
        value => Ok(value.to_owned()),
    }
}

fn parse(text: &str, folder: &Path, values: &Values) -> Result<Vec<TenantSeed>, CliError> {
    let file: SeedFile = toml::from_str(text).map_err(|error: toml::de::Error| {
        // Only what is wrong and where: the line itself may hold a secret.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        CliError::usage(format!(
            "line {line}: {}",
            without_quotations(error.message())
        ))
    })?;
    if file.tenants.is_empty() {
        return Err(CliError::usage("the file has no `[[tenant]]`"));
    }
    file.tenants
        .into_iter()
        .map(|tenant| tenant.into_seed(folder, values))
        .collect()
}

/// A parser's message without the values that it quotes, which may be secrets in the wrong place.
fn without_quotations(message: &str) -> String {
    let parts = message.split('"').enumerate();
    let parts = parts.map(|(n, part)| if n % 2 == 0 { part } else { "…" });
    parts.collect::<String>().replace('\n', " ")
}

impl TenantTable {
    fn into_seed(self, folder: &Path, values: &Values) -> Result<TenantSeed, CliError> {
        let settings = self
            .settings
            .into_iter()
            .map(|(key, value)| SettingEdit::set(key.parse()?, value))
            .collect::<Result<_, AdminError>>()?;
        let secrets = self
            .secrets
            .into_iter()
            .map(|(integration, table)| {
                let document = resolve(&integration, table, folder, values)?;
                Ok((integration, document))
            })
            .collect::<Result<_, CliError>>()?;
        Ok(TenantSeed {
            id: self.id,
            name: self.name,
            settings,
            users: self
                .users
                .into_iter()
                .map(|user| UserSeed {
                    email: user.email,
                    id: user.id,
                    display_name: user.name,
                    role: user.role,
                })
                .collect(),
            channels: self
                .channels
                .into_iter()
                .map(|channel| (channel.kind, channel.id))
                .collect(),
            secrets,
        })
    }
}

/// A secret with its references followed.
fn resolve(
    integration: &IntegrationName,
    table: JsonObject,
    folder: &Path,
    values: &Values,
) -> Result<SecretDocument, CliError> {
    let known = fields_of(integration).unwrap_or_default();
    let mut fields = JsonObject::new();
    for (key, value) in table {
        let (field, value) = if known.iter().any(|f| f.name == key && !f.is_secret) {
            (key, value)
        } else if let Some(field) = key.strip_suffix("_env") {
            let variable = text(&key, &value)?;
            let value = values.get(variable).ok_or_else(|| {
                CliError::usage(format!(
                    "the variable `{variable}` for `{field}` of `{integration}` is not set"
                ))
            })?;
            (field.to_owned(), Value::from(value))
        } else if let Some(field) = key.strip_suffix("_file") {
            let path: PathBuf = folder.join(text(&key, &value)?);
            (field.to_owned(), Value::from(read_value(&path)?))
        } else {
            return Err(CliError::usage(format!(
                "`{key}` of `{integration}` may be a secret, which must not be in the file"
            ))
            .hint(format!("refer to it with `{key}_env` or `{key}_file`")));
        };
        if fields.insert(field.clone(), value).is_some() {
            return Err(CliError::usage(format!(
                "`{field}` of `{integration}` is given twice"
            )));
        }
    }
    Ok(SecretDocument::new(fields))
}

fn text<'a>(key: &str, value: &'a Value) -> Result<&'a str, CliError> {
    value
        .as_str()
        .ok_or_else(|| CliError::usage(format!("`{key}` must be a text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<TenantSeed>, CliError> {
        let values = Values::of_file("JIRA_API_TOKEN=hunter2\n");
        parse(text, Path::new("/nowhere"), &values)
    }

    #[test]
    fn the_example_in_the_help_is_understood() {
        let (_, example) = HELP.split_once('\n').unwrap();
        let seeds = parsed(example).unwrap();
        let [seed] = &seeds[..] else {
            panic!("{seeds:?}")
        };
        assert_eq!(seed.settings.len(), 2);
        assert_eq!(seed.users[0].role, UserRole::Admin);
        assert_eq!(seed.channels.len(), 1);
        let (_, jira) = seed.secrets.first_key_value().unwrap();
        assert_eq!(jira.text("api_token").as_deref(), Some("hunter2"));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        for text in [
            "[[tenant]]\nid = \"a\"\n[tenant.secret.jira]\napi_token = \"hunter2\"\n",
            "[[tenant]]\nid = \"a\"\n[tenant.secret.pager]\nurl = \"hunter2\"\n",
            "[[tenant]]\nid = \"a\"\n[tenant.secret.jira]\napi_token = hunter2\n",
            "[[tenant]]\nid = \"a\"\n[tenant.secret]\njira = \"hunter2\"\n",
        ] {
            let error = parsed(text).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_is_unknown_or_hostile_is_refused() {
        for text in [
            "",
            "[[tenant]]\nid = \"../etc\"\n",
            "[[tenant]]\nid = \"a\"\nnmae = \"x\"\n",
            "[[tenant]]\nid = \"a\"\n[tenant.settings]\nai_modle = \"x\"\n",
            "[[tenant]]\nid = \"a\"\n[[tenant.user]]\nemail = \"a@b\"\nrole = \"root\"\n",
            "[[tenant]]\nid = \"a\"\n[tenant.secret.jira]\napi_token_env = \"NOT_SET\"\n",
        ] {
            assert!(parsed(text).is_err(), "{text:?} was accepted");
        }
    }
}
