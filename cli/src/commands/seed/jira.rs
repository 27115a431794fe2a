//! The Jira integration, from flags, variables and, for the token, a file or a hidden prompt.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde_json::Value;
use t3nets_router::model::{IntegrationName, JsonObject, SecretDocument};

use super::values::Values;
use crate::error::CliError;
use crate::terminal::prompt::{self, Question};

/// The variables that are read: the names that older scripts used.
pub(super) const VARIABLES: [&str; 4] =
    ["JIRA_URL", "JIRA_EMAIL", "JIRA_API_TOKEN", "JIRA_BOARD_ID"];

/// Jira's values but the token, which must be no argument.
#[derive(Debug, Default, clap::Args)]
#[group(id = "JiraArgs", multiple = true)]
pub(super) struct JiraArgs {
    /// The address of Jira [env: JIRA_URL]
    #[arg(long, value_name = "URL")]
    jira_url: Option<String>,
    /// The email address of the Jira account [env: JIRA_EMAIL]
    #[arg(long, value_name = "ADDRESS")]
    jira_email: Option<String>,
    /// The board's number [env: JIRA_BOARD_ID]
    #[arg(long, value_name = "NUMBER")]
    jira_board_id: Option<String>,
    /// Read the account's API token from this file, `-` for stdin [env: JIRA_API_TOKEN, the token
    /// itself]
    #[arg(long, value_name = "FILE")]
    jira_api_token_file: Option<PathBuf>,
}

impl JiraArgs {
    /// The address of the Jira account, if it is given.
    pub(super) fn email(&self, values: &Values) -> Option<String> {
        let flag = self.jira_email.clone();
        flag.or_else(|| values.get("JIRA_EMAIL"))
    }
}

/// The integration's credentials; `None` if nothing at all is given.
///
/// # Errors
/// Usage, naming what is missing, if only a part is given.
pub(super) fn document(
    args: JiraArgs,
    values: &Values,
) -> Result<Option<(IntegrationName, SecretDocument)>, CliError> {
    let token = match &args.jira_api_token_file {
        Some(path) => Some(super::file::read_value(path)?),
        None => values.get("JIRA_API_TOKEN"),
    };
    let email = args.email(values);
    let mut given = [
        (
            "url",
            args.jira_url.or_else(|| values.get("JIRA_URL")),
            "`--jira-url` or JIRA_URL",
        ),
        ("email", email, "`--jira-email` or JIRA_EMAIL"),
        (
            "board_id",
            args.jira_board_id.or_else(|| values.get("JIRA_BOARD_ID")),
            "`--jira-board-id` or JIRA_BOARD_ID",
        ),
        (
            "api_token",
            token,
            "JIRA_API_TOKEN or `--jira-api-token-file`",
        ),
    ];
    let missing: Vec<(&str, &str)> = given
        .iter()
        .filter(|(_, value, _)| value.is_none())
        .map(|(field, _, flag)| (*field, *flag))
        .collect();
    if missing.len() == given.len() {
        return Ok(None);
    }
    if matches!(missing[..], [("api_token", _)]) && prompt::can_ask() {
        let token = Question::new("Jira API token", "--jira-api-token-file").hidden()?;
        given[3].1 = Some(token.expose_secret().to_owned());
    } else if !missing.is_empty() {
        let flags: Vec<&str> = missing.iter().map(|(_, flag)| *flag).collect();
        return Err(CliError::usage(format!(
            "Jira is given only in part: {} is missing",
            flags.join(", ")
        ))
        .hint("give the rest, or nothing of Jira to leave it out"));
    }
    let fields: JsonObject = given
        .into_iter()
        .filter_map(|(field, value, _)| {
            Some((field.to_owned(), Value::from(value?.trim().to_owned())))
        })
        .collect();
    let name = "jira"
        .parse()
        .map_err(|error: t3nets_router::model::InvalidId| CliError::usage(error.to_string()))?;
    Ok(Some((name, SecretDocument::new(fields))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        "JIRA_URL=https://t\nJIRA_EMAIL=a@b\nJIRA_API_TOKEN=hunter2\nJIRA_BOARD_ID=7\n";

    #[test]
    fn nothing_given_leaves_jira_out() {
        let nothing = document(JiraArgs::default(), &Values::of_file("")).unwrap();
        assert!(nothing.is_none());
    }

    #[test]
    fn flags_win_over_variables() {
        let args = JiraArgs {
            jira_board_id: Some("9".to_owned()),
            ..JiraArgs::default()
        };
        let (_, document) = document(args, &Values::of_file(WHOLE)).unwrap().unwrap();
        assert_eq!(document.text("board_id").as_deref(), Some("9"));
        assert_eq!(document.text("api_token").as_deref(), Some("hunter2"));
    }

    #[test]
    fn a_part_is_refused_and_names_what_is_missing() {
        let values = Values::of_file("JIRA_URL=https://t\nJIRA_API_TOKEN=hunter2\n");
        let error = document(JiraArgs::default(), &values).unwrap_err();
        assert_eq!(
            error.message,
            "Jira is given only in part: `--jira-email` or JIRA_EMAIL, `--jira-board-id` or JIRA_BOARD_ID is missing"
        );
    }
}
