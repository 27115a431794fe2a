//! How the caller's tenant is set up: `GET` and `PUT /api/settings`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::AppState;
use super::auth::{Administrator, KnownUser};
use super::error::{ApiError, Errors};
use super::extract::JsonBody;
use super::fields::{Fields, FromFields};
use crate::admin::AdminError;
use crate::admin::settings::{self, SettingEdit, SettingKey};
use crate::admin::tenants::TenantEdits;
use crate::admin::usage::{BudgetView, BudgetsOf};
use crate::ai::{SelectError, TenantModels};
use crate::chat::Caller;
use crate::model::{Tenant, UserRole};

/// How a tenant is set up.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Settings {
    tenant_id: String,
    /// The name people read.
    name: String,
    /// `active`, `onboarding` or `suspended`.
    status: &'static str,
    /// Who answers.
    model: AnsweringModel,
    /// The limits, and how much of them is used.
    limits: Limits,
    /// For admins only: what may be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Vec<Setting>>,
    /// For admins only. A change that sends it back is refused if another was made since.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

/// Who answers a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnsweringModel {
    /// `bedrock`, `anthropic`, `openai` or `offline`; `null` if none can be asked.
    provider: Option<String>,
    /// The model's name; `null` if none can be asked.
    name: Option<String>,
    /// The model that words the results of skills, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    wording: Option<String>,
    /// The model that is asked while another is throttled or down.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
    /// Why that of another provider cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_problem: Option<String>,
    /// Why none can be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// A tenant's limits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Limits {
    /// Messages a day (UTC).
    messages_per_day: u64,
    /// Messages that were accepted today.
    messages_today: u64,
    /// When the day ends.
    #[schema(value_type = String, format = DateTime)]
    resets_at: Timestamp,
    /// The longest answer, in tokens.
    max_tokens_per_message: u32,
    /// How the budgets stand that hold for the caller: the tenant's, each user's, each key's.
    budgets: Vec<BudgetView>,
}

impl Limits {
    /// A tenant's, and how much of them is used now, by all and by one of its callers.
    pub(super) async fn of_now(
        state: &AppState,
        tenant: &Tenant,
        caller: &Caller,
    ) -> Result<Self, ApiError> {
        let today = state.platform.clock.now().to_zoned(TimeZone::UTC).date();
        let platform = &state.platform;
        let account = caller.account();
        let of = BudgetsOf::Caller(&account, caller.own_budgets());
        let (usage, budgets) = futures::try_join!(
            platform.usage.usage(&tenant.id, today, today),
            BudgetView::all(platform, tenant, of),
        )?;
        let resets_at = today
            .saturating_add(1.day())
            .to_zoned(TimeZone::UTC)
            .map_or(Timestamp::MAX, |midnight| midnight.timestamp());
        Ok(Self {
            messages_per_day: tenant.settings.daily_messages(),
            messages_today: usage.first().map_or(0, |day| day.messages),
            resets_at,
            max_tokens_per_message: tenant.settings.max_tokens(),
            budgets,
        })
    }
}

/// What may be set on a tenant.
#[derive(Debug, Serialize, ToSchema)]
struct Setting {
    name: &'static str,
    /// What it is for, with what holds where it is not set.
    meaning: &'static str,
    /// What it accepts.
    rule: &'static str,
    /// Its value; `null` if it is not set.
    #[schema(value_type = Value)]
    value: Value,
}

/// Show the tenant's settings
#[utoipa::path(
    get,
    path = "/api/settings",
    tag = "settings",
    responses(
        (status = 200, description = "Model and limits; for admins, also what may be set", body = Settings),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    KnownUser { caller, .. }: KnownUser,
) -> Result<Json<Settings>, ApiError> {
    let is_admin = caller.role == UserRole::Admin;
    // The caller's may be some seconds old; an admin may have changed it just now.
    let tenant = state.platform.tenants.tenant(&caller.tenant.id).await?;
    let tenant = tenant.as_ref().unwrap_or(&caller.tenant);
    described(&state, tenant, &caller, is_admin).await.map(Json)
}

async fn described(
    state: &AppState,
    tenant: &Tenant,
    caller: &Caller,
    is_admin: bool,
) -> Result<Settings, ApiError> {
    let (limits, model) = futures::try_join!(
        Limits::of_now(state, tenant, caller),
        answering_model(state, tenant),
    )?;
    let stored = settings::of(tenant);
    let settings = SettingKey::ALL.map(|key| Setting {
        name: key.as_str(),
        meaning: key.meaning(),
        rule: key.rule(),
        value: stored.get(key.as_str()).cloned().unwrap_or_default(),
    });
    Ok(Settings {
        tenant_id: tenant.id.to_string(),
        name: tenant.name.clone(),
        status: tenant.status.as_str(),
        model,
        limits,
        settings: is_admin.then(|| settings.into()),
        version: is_admin.then_some(tenant.version),
    })
}

pub(super) async fn answering_model(
    state: &AppState,
    tenant: &Tenant,
) -> Result<AnsweringModel, ApiError> {
    let (models, secrets) = (state.engine.models(), &*state.platform.secrets);
    match models.all_of(tenant, secrets).await {
        Ok(TenantModels {
            ai,
            wording,
            fallback,
            fallback_problem,
        }) => Ok(AnsweringModel {
            provider: Some(ai.provider.to_string()),
            name: Some(ai.name),
            wording: wording.map(|model| model.name),
            fallback: fallback.map(|model| model.name),
            fallback_problem: fallback_problem.map(|problem| problem.to_string()),
            problem: None,
        }),
        Err(SelectError::Store(error)) => Err(error.into()),
        Err(error) => Ok(AnsweringModel {
            provider: None,
            name: None,
            wording: None,
            fallback: None,
            fallback_problem: None,
            problem: Some(error.to_string()),
        }),
    }
}

/// What should change. What is absent stays.
#[derive(Debug, ToSchema)]
pub(super) struct SettingsBody {
    /// The tenant's name.
    name: Option<String>,
    /// Settings by name; null takes one away, so that its default holds.
    #[schema(value_type = Option<Object>)]
    settings: Vec<SettingEdit>,
    /// The `version` that was seen.
    version: Option<u64>,
}

impl FromFields for SettingsBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["name", "settings", "version"])?;
        let edits = fields.object("settings")?.into_iter().flatten();
        let edits = edits.map(|(name, value)| {
            let key: SettingKey = name.parse()?;
            match value {
                Value::Null => Ok(SettingEdit::unset(key)),
                value => Ok(SettingEdit::set(key, value.clone())?),
            }
        });
        Ok(Self {
            name: fields.text(&["name"])?.map(str::to_owned),
            settings: edits.collect::<Result<_, ApiError>>()?,
            version: fields.whole_number("version", 0..=u64::MAX)?,
        })
    }
}

/// What was changed, and how the tenant is set up now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedSettings {
    /// The fields that changed; none if nothing had to change.
    changed: Vec<String>,
    #[serde(flatten)]
    settings: Settings,
}

/// Change the tenant's settings
#[utoipa::path(
    put,
    path = "/api/settings",
    tag = "settings",
    request_body = SettingsBody,
    responses(
        (status = 200, description = "Changed, or nothing had to change", body = ChangedSettings),
        Errors,
    ),
    security(("key" = [])),
)]
pub(super) async fn change(
    State(state): State<AppState>,
    Administrator {
        admin,
        tenant,
        caller,
        ..
    }: Administrator,
    JsonBody(body): JsonBody<SettingsBody>,
) -> Result<Json<ChangedSettings>, ApiError> {
    let seen = admin.tenant(&tenant.id).await?;
    if body.version.is_some_and(|version| version != seen.version) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "changed",
            "the settings were changed by someone else in the meantime",
        )
        .hint("look at the current values, then decide again"));
    }
    check_fallback(&state, &seen, &body.settings).await?;
    let edits = TenantEdits {
        name: body.name,
        settings: body.settings,
    };
    let edited = admin.set_tenant_as_seen(&seen, &edits).await?;
    Ok(Json(ChangedSettings {
        settings: described(&state, &edited.value, &caller, true).await?,
        changed: edited.changed,
    }))
}

/// Refuses a fallback model of a provider for which there is no key.
async fn check_fallback(
    state: &AppState,
    tenant: &Tenant,
    edits: &[SettingEdit],
) -> Result<(), ApiError> {
    let is_fallback = |edit: &&SettingEdit| edit.key() == SettingKey::FallbackModel;
    let named = edits.iter().find(is_fallback).and_then(SettingEdit::value);
    let Some(named) = named.and_then(Value::as_str) else {
        return Ok(());
    };
    let (models, secrets) = (state.engine.models(), &*state.platform.secrets);
    match models.check_fallback(tenant, named, secrets).await {
        Ok(()) => Ok(()),
        Err(SelectError::Store(error)) => Err(error.into()),
        Err(error) => {
            let reason = format!("cannot be asked: {error}");
            let refused = AdminError::invalid(SettingKey::FallbackModel.as_str(), reason).into();
            Err(match error.hint() {
                Some(hint) => ApiError::hint(refused, hint),
                None => refused,
            })
        }
    }
}
