//! `t3nets secret test`.

use serde::Serialize;
use serde_json::Value;
use t3nets_router::model::{IntegrationName, TenantId};
use t3nets_router::skills::sprint_status::SprintStatus;
use t3nets_router::skills::{SkillError, SkillErrorKind};

use super::SecretArgs;
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;

/// What the integration answered.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    tenant_id: TenantId,
    integration: IntegrationName,
    works: bool,
    /// What the credentials reach, as the integration tells it.
    reached: Value,
}

impl Output for Tested {
    fn text(&self) -> String {
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
pub(crate) async fn run(context: &Context, args: SecretArgs) -> Result<Tested, CliError> {
    let admin = context.admin().await?;
    let name = args.into_name(context, &admin).await?;
    let credentials = admin.secret_document(&name).await?;
    if name.integration.as_str() != "jira" {
        return Err(CliError::failed(format!(
            "there is no test for the integration `{}`",
            name.integration
        )));
    }
    let skill = SprintStatus::new(context.tenants_reach()?)
        .map_err(|error| CliError::not_ready("cannot make HTTPS requests").caused_by(error))?;
    let asking = context.printer.progress("asking Jira");
    let answer = skill.check(&credentials).await;
    drop(asking);
    Ok(Tested {
        tenant_id: name.tenant_id,
        integration: name.integration,
        works: true,
        reached: answer.map_err(described)?,
    })
}

fn described(error: SkillError) -> CliError {
    let kind = match error.kind {
        SkillErrorKind::Denied => ErrorKind::Denied,
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
