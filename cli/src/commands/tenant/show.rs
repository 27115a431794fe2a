//! `t3nets tenant show`.

use serde::Serialize;
use serde_json::Value;
use t3nets_router::admin::settings::SettingKey;
use t3nets_router::admin::tenants::Holdings;
use t3nets_router::ai::table as models;
use t3nets_router::model::TenantSettings;
use t3nets_router::ports::CONVERSATION_LIFE;

use super::views::TenantView;
use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::shown_time;

/// Arguments of `t3nets tenant show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    tenant: TenantName,
}

/// A tenant in full.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    tenant: TenantView,
    users: usize,
    keys: usize,
    sessions: usize,
    channels: usize,
    secrets: usize,
}

impl Output for Shown {
    fn text(&self) -> String {
        let tenant = &self.tenant;
        let mut rows = vec![
            ("tenant".to_owned(), tenant.tenant_id.to_string()),
            ("name".to_owned(), tenant.name.clone()),
            ("status".to_owned(), tenant.status.to_string()),
            ("created".to_owned(), shown_time(tenant.created_at)),
            ("users".to_owned(), self.users.to_string()),
            ("keys".to_owned(), self.keys.to_string()),
            ("sessions".to_owned(), self.sessions.to_string()),
            ("channels".to_owned(), self.channels.to_string()),
            ("secrets".to_owned(), self.secrets.to_string()),
        ];
        rows.extend(SettingKey::ALL.into_iter().filter_map(|key| {
            let value = match tenant.settings.get(key.as_str()) {
                Some(value) => as_typed(value),
                None => format!("{} (default)", default_of(key)?),
            };
            Some((key.to_string(), value))
        }));
        table(
            &["field", "value"],
            rows.into_iter().map(|(name, value)| [name, value]),
        )
    }
}

/// Shows a tenant.
///
/// # Errors
/// If there is none of that id.
pub(crate) async fn run(context: &Context, args: ShowArgs) -> Result<Shown, CliError> {
    let admin = context.admin().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let overview = admin.tenant_overview(&tenant).await?;
    for (setting, model) in models::unknown_models(&overview.tenant) {
        let model = models::without_account(model);
        context.printer.warning(format!(
            "`{setting}` names `{model}`, which this program does not know: it is asked for as it is, its price is not \
             counted, and Bedrock may want an inference profile's id in its place"
        ));
    }
    let Holdings {
        users,
        keys,
        sessions,
        channels,
        secrets,
    } = overview.holdings;
    Ok(Shown {
        tenant: overview.tenant.into(),
        users,
        keys,
        sessions,
        channels,
        secrets,
    })
}

/// A setting's value as `tenant set` takes it.
fn as_typed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(as_typed).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What holds where a setting is not set; `None` of budgets, of which there are many.
fn default_of(key: SettingKey) -> Option<String> {
    let defaults = TenantSettings::default();
    Some(match key {
        SettingKey::AiProvider => "the environment's".to_owned(),
        SettingKey::AiModel => "the provider's".to_owned(),
        SettingKey::Tier1FormattingModel => "the same as ai_model".to_owned(),
        SettingKey::FallbackModel => "none".to_owned(),
        SettingKey::ProfileModel => "unknown".to_owned(),
        SettingKey::SystemPromptOverride => "the built-in one".to_owned(),
        SettingKey::EnabledChannels | SettingKey::EnabledSkills => "all".to_owned(),
        SettingKey::SkillTriggers | SettingKey::DisabledTriggers => "none".to_owned(),
        SettingKey::MaxTokensPerMessage => defaults.max_tokens().to_string(),
        SettingKey::MessagesPerDay => defaults.daily_messages().to_string(),
        SettingKey::MaxConversationHistory => defaults.history_turns().to_string(),
        SettingKey::MaxConcurrentCalls => "no limit".to_owned(),
        SettingKey::RetentionDays => CONVERSATION_LIFE.as_hours().div_euclid(24).to_string(),
        SettingKey::GuardrailIdentifier => "none".to_owned(),
        SettingKey::GuardrailVersion => "DRAFT".to_owned(),
        SettingKey::Budget(_) => return None,
    })
}
