//! `t3nets secret test`.

use serde::Serialize;
use serde_json::Value;
use t3nets_router::admin::secrets::SignInError;
use t3nets_router::model::{IntegrationName, SecretName, TenantId, UserId};
use t3nets_router::skills::{SkillError, SkillErrorKind, SkillSet};

use super::SecretArgs;
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::strip_control_chars;

/// Whose credentials.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    secret: SecretArgs,
    /// Test the token of this user's own, for a server with `credentials=user`
    #[arg(long, value_name = "USER")]
    user: Option<UserId>,
}

/// How much of a tool's description is shown, in characters.
const DESCRIPTION_CHARS: usize = 60;

/// What the integration answered.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    tenant_id: TenantId,
    integration: IntegrationName,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    works: bool,
    /// What the credentials reach, as the integration tells it.
    reached: Value,
}

impl Output for Tested {
    fn text(&self) -> String {
        match self.reached.get("tools").and_then(Value::as_array) {
            Some(tools) => self.server(tools),
            None => self.board(),
        }
    }
}

impl Tested {
    /// An MCP server's tools, and what becomes of each.
    fn server(&self, tools: &[Value]) -> String {
        let word = |value: &Value, name: &str| {
            let text = value.get(name).and_then(Value::as_str).unwrap_or("?");
            strip_control_chars(text).into_owned()
        };
        let rows = tools.iter().map(|tool| {
            let becomes = match word(tool, "use").as_str() {
                "runs" => "runs without asking".to_owned(),
                "asks" => "asks the user first".to_owned(),
                _ => "not offered".to_owned(),
            };
            let description = word(tool, "description");
            let description = match description.char_indices().nth(DESCRIPTION_CHARS) {
                Some((end, _)) => format!("{}…", description[..end].trim_end()),
                None => description,
            };
            [word(tool, "name"), becomes, description]
        });
        let left_out = match self.reached.get("left_out").and_then(Value::as_u64) {
            Some(count) if count > 0 => {
                format!("\n{count} more cannot be offered: too long, or in another form")
            }
            _ => String::new(),
        };
        format!(
            "secret `{}`{}: works; {} {} at {} has these tools:\n{}{left_out}",
            self.integration,
            match &self.user_id {
                Some(user) => format!(" of user `{user}`"),
                None => String::new(),
            },
            word(&self.reached, "server"),
            word(&self.reached, "version"),
            word(&self.reached, "host"),
            table(&["tool", "use", "description"], rows),
        )
    }

    fn board(&self) -> String {
        let found = |pointer| match self.reached.pointer(pointer) {
            Some(Value::String(text)) => strip_control_chars(text).into_owned(),
            Some(Value::Null) | None => "?".to_owned(),
            Some(other) => other.to_string(),
        };
        format!(
            "secret `{}`: works; {} sees board {} (`{}`) on {}",
            self.integration,
            found("/account"),
            found("/board/id"),
            found("/board/name"),
            found("/site"),
        )
    }
}

/// Tries the stored credentials on the outside system.
///
/// # Errors
/// If there are none, they do not work, or there is no test for the integration.
pub(crate) async fn run(context: &Context, args: TestArgs) -> Result<Tested, CliError> {
    let admin = context.admin().await?;
    let name = SecretName {
        user_id: args.user,
        ..args.secret.into_name(context, &admin).await?
    };
    let skills = SkillSet::built_in(context.tenants_reach()?)
        .map_err(|error| CliError::not_ready("cannot make HTTPS requests").caused_by(error))?;
    let asked = match name.integration.as_str() {
        "jira" => "asking Jira",
        _ => "asking the server",
    };
    let asking = context.printer.progress(asked);
    let credentials = admin.credentials_to_try(&skills, &name).await;
    let credentials = credentials.map_err(|error| match error {
        SignInError::Admin(error) => error.into(),
        SignInError::Server(error) => described(error),
        other => CliError::failed(other.to_string()),
    })?;
    let answer = skills.check(&name.integration, &credentials).await;
    drop(asking);
    let Some((_, answer)) = answer else {
        return Err(CliError::failed(format!(
            "there is no test for the integration `{}`",
            name.integration
        )));
    };
    Ok(Tested {
        tenant_id: name.tenant_id,
        integration: name.integration,
        user_id: name.user_id,
        works: true,
        reached: answer.map_err(described)?,
    })
}

fn described(error: SkillError) -> CliError {
    let kind = match error.kind {
        SkillErrorKind::Denied | SkillErrorKind::MoreAccess { .. } => ErrorKind::Denied,
        SkillErrorKind::Configuration => ErrorKind::NotReady,
        SkillErrorKind::TimedOut => ErrorKind::TimedOut,
        SkillErrorKind::Input
        | SkillErrorKind::NotFound
        | SkillErrorKind::Throttled { .. }
        | SkillErrorKind::Unavailable => ErrorKind::Failed,
    };
    let described = CliError::new(kind, error.message);
    match error.hint {
        Some(hint) => described.hint(hint),
        None => described,
    }
}
