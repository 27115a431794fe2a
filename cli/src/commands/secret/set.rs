//! `t3nets secret set`.

use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde_json::Value;
use t3nets_router::admin::Admin;
use t3nets_router::admin::AdminError;
use t3nets_router::admin::secrets::{Field, fields_of};
use t3nets_router::files;
use t3nets_router::model::{JsonObject, Record, SecretDocument, SecretName, UserId};
use t3nets_router::ports::PutOutcome;

use super::{SecretArgs, SecretOutcome};
use crate::commands::arguments;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::prompt::{self, Question};
use crate::terminal::stdin::Stdin;

/// The most that is read from a file or stdin, in bytes: more than any secret store takes.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// The field of a user's own secret.
const TOKEN: &str = "token";

/// Which credentials, and where they come from. Without any of the flags, each field is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    secret: SecretArgs,
    /// Read all fields from a file with a JSON object
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stdin", "from_env", "fields"])]
    from_file: Option<PathBuf>,
    /// Read all fields from stdin, a JSON object
    #[arg(long, conflicts_with_all = ["from_env", "fields"])]
    stdin: bool,
    /// Read a field from an environment variable (`api_token=JIRA_API_TOKEN`) and keep the others;
    /// may be repeated
    #[arg(long, value_name = "FIELD=VARIABLE", value_parser = arguments::parse_pair)]
    from_env: Vec<(String, String)>,
    /// Set a field that is not secret (`board_id=7`) and keep the others; may be repeated
    #[arg(long = "field", value_name = "FIELD=VALUE", value_parser = arguments::parse_pair)]
    fields: Vec<(String, String)>,
    /// Store the token of this user's own, for a server with `credentials=user`
    #[arg(long, value_name = "USER", conflicts_with = "fields")]
    user: Option<UserId>,
}

/// Stores credentials.
///
/// # Errors
/// Usage if a field is missing and nobody can be asked, or a field's value is not acceptable.
pub(crate) async fn run(context: &Context, args: SetArgs) -> Result<SecretOutcome, CliError> {
    let admin = context.admin_to_change().await?;
    let name = args.secret.into_name(context, &admin).await?;
    let document = if let Some(path) = &args.from_file {
        from_file(path)?
    } else if args.stdin {
        parse(&read(&mut Stdin::new(), "stdin")?, "stdin")?
    } else if args.user.is_some() {
        SecretDocument::new(own_fields(&name, &args.from_env)?)
    } else {
        let given = given_fields(&name, &args.from_env, &args.fields)?;
        from_fields(&admin, &name, given).await?
    };
    let put = match &args.user {
        None => admin.set_secret(&name, &document).await?,
        Some(user) => {
            let token = own_token(&document)?;
            admin
                .set_own_token(&name.tenant_id, user, &name.integration, &token)
                .await?
        }
    };
    let name = SecretName {
        user_id: args.user,
        ..name
    };
    let outcome = match put {
        PutOutcome::Created => "created",
        PutOutcome::Updated => "changed",
        PutOutcome::Unchanged => "unchanged",
        PutOutcome::Restored => "restored",
    };
    if outcome != "unchanged" {
        context.say_when_seen();
    }
    Ok(SecretOutcome::new(name, outcome))
}

/// What a user's own has: a token, from a variable or a hidden prompt.
fn own_fields(name: &SecretName, from_env: &[(String, String)]) -> Result<JsonObject, CliError> {
    let mut fields = given_fields(name, from_env, &[])?;
    if fields.is_empty() {
        let question = Question::new("token", "--from-env token=VARIABLE");
        let token = question.hidden()?.expose_secret().to_owned();
        fields.insert(TOKEN.to_owned(), Value::from(token));
    }
    Ok(fields)
}

/// The one field that a user's own can have.
fn own_token(document: &SecretDocument) -> Result<String, CliError> {
    let other = document.fields().keys().find(|field| *field != TOKEN);
    match (other, document.text(TOKEN)) {
        (None, Some(token)) => Ok(token),
        (Some(_), _) => Err(CliError::usage(
            "a user's own secret has the field `token` alone",
        )),
        (None, None) => Err(CliError::usage("the field `token` is missing, or no text")),
    }
}

/// The fields that flags give.
fn given_fields(
    name: &SecretName,
    from_env: &[(String, String)],
    plain: &[(String, String)],
) -> Result<JsonObject, CliError> {
    let mut given = JsonObject::new();
    for (field, variable) in from_env {
        match std::env::var(variable) {
            Ok(value) if !value.trim().is_empty() => {
                given.insert(field.clone(), Value::from(value));
            }
            _ => {
                return Err(CliError::usage(format!(
                    "the variable `{variable}` for `{field}` is not set"
                )));
            }
        }
    }
    let known = fields_of(&name.integration).unwrap_or_default();
    for (field, value) in plain {
        if !known
            .iter()
            .any(|known| known.name == field && !known.is_secret)
        {
            return Err(CliError::usage(format!(
                "`{field}` of `{}` may be a secret, which must not be an argument",
                name.integration
            ))
            .hint("use `--from-env`, `--from-file` or `--stdin`, or enter it when asked"));
        }
        given.insert(field.clone(), Value::from(value.clone()));
    }
    Ok(given)
}

/// The given fields over the stored ones. What is needed and neither given nor stored is asked for;
/// without any given, everything is.
async fn from_fields(
    admin: &Admin,
    name: &SecretName,
    given: JsonObject,
) -> Result<SecretDocument, CliError> {
    let Some(known) = fields_of(&name.integration) else {
        if given.is_empty() {
            return Err(CliError::usage(format!(
                "the fields of `{}` are not known, so they cannot be asked for",
                name.integration
            ))
            .hint("give them with `--from-env FIELD=VARIABLE`, `--from-file` or `--stdin`"));
        }
        return Ok(SecretDocument::new(over_stored(admin, name, given).await?));
    };
    let asks_for_all = given.is_empty();
    let mut fields = over_stored(admin, name, given).await?;
    for field in known {
        let is_missing = SecretDocument::new(fields.clone())
            .text(field.name)
            .is_none();
        if is_missing && !field.is_optional || asks_for_all && prompt::can_ask() {
            ask(field, &mut fields)?;
        }
    }
    Ok(SecretDocument::new(fields))
}

async fn over_stored(
    admin: &Admin,
    name: &SecretName,
    given: JsonObject,
) -> Result<JsonObject, CliError> {
    let mut fields = match admin.secret_document(name).await {
        Ok(stored) => stored.fields().clone(),
        Err(AdminError::NotFound(Record::Secret(_))) => JsonObject::new(),
        Err(error) => return Err(error.into()),
    };
    fields.extend(given);
    Ok(fields)
}

/// Asks for a field. A stored value stays if it is no secret and is confirmed, or if the answer to
/// an optional one is empty.
fn ask(field: &Field, fields: &mut JsonObject) -> Result<(), CliError> {
    let flag = format!("--from-env {}=VARIABLE", field.name);
    let label = format!("{} ({})", field.name, field.description);
    let stored = SecretDocument::new(fields.clone()).text(field.name);
    let checked = *field;
    let question = Question::new(label, flag)
        .may_be_empty(field.is_optional)
        .checked_by(move |answer| checked.check(answer));
    let value = if field.is_secret {
        question.hidden()?.expose_secret().to_owned()
    } else {
        question.default(stored).text()?
    };
    if !value.trim().is_empty() {
        fields.insert(field.name.to_owned(), Value::from(value.trim()));
    }
    Ok(())
}

fn from_file(path: &Path) -> Result<SecretDocument, CliError> {
    let source = format!("`{}`", path.display());
    let mut file = files::open(path)
        .map_err(|error| CliError::usage(format!("cannot open {source}")).caused_by(error))?;
    parse(&read(&mut file, &source)?, &source)
}

fn read(input: &mut dyn Read, source: &str) -> Result<Vec<u8>, CliError> {
    let mut content = Vec::new();
    input
        .take(MAX_INPUT_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(|error| CliError::usage(format!("cannot read {source}")).caused_by(error))?;
    if content.len() as u64 > MAX_INPUT_BYTES {
        return Err(CliError::usage(format!(
            "{source} is too long for a secret"
        )));
    }
    Ok(content)
}

/// What is wrong with the text is told without any of it: it may be the secret.
fn parse(content: &[u8], source: &str) -> Result<SecretDocument, CliError> {
    match serde_json::from_slice(content) {
        Ok(Value::Object(fields)) => Ok(SecretDocument::new(fields)),
        Ok(_) => Err(CliError::usage(format!("{source} is not a JSON object"))),
        Err(error) => Err(CliError::usage(format!(
            "{source} is not valid JSON: line {}, column {}",
            error.line(),
            error.column()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_parsed_is_not_repeated() {
        for bad in [
            &b"hunter2"[..],
            b"[\"hunter2\"]",
            b"{\"a\": hunter2}",
            b"\xff",
        ] {
            let error = parse(bad, "stdin").unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(parse(b"{\"a\": 1}", "stdin").is_ok());
    }

    #[test]
    fn input_without_end_is_cut_off() {
        assert!(read(&mut std::io::repeat(b'x'), "stdin").is_err());
    }
}
