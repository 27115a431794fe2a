//! The phrases that mean a skill: `/api/admin/triggers`.

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::admin::triggers::{TriggerView, taking, triggers_of};
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::http::extract::{JsonBody, QueryString};
use crate::http::fields::{Fields, FromFields};

/// A tenant's triggers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Triggers {
    /// The tenant's own, then the built-in ones.
    triggers: Vec<TriggerView>,
    /// With `message`: the one that it fires; `null` if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    fires: Option<Option<TriggerView>>,
}

/// What to look for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct TriggersQuery {
    /// A message, to be told which trigger it fires.
    message: Option<String>,
}

impl FromFields for TriggersQuery {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        Ok(Self {
            message: fields.text(&["message"])?.map(str::to_owned),
        })
    }
}

/// List the triggers
///
/// The tenant's own and the built-in ones, and which of these are switched off.
#[utoipa::path(
    get,
    path = "/api/admin/triggers",
    tag = "administration",
    params(TriggersQuery),
    responses(
        (status = 200, description = "The triggers", body = Triggers),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn list(
    Administrator { admin, tenant, .. }: Administrator,
    QueryString(query): QueryString<TriggersQuery>,
) -> Result<Json<Triggers>, ApiError> {
    // What the router knows of the tenant may be some seconds old.
    let tenant = admin.tenant(&tenant.id).await?;
    Ok(Json(Triggers {
        triggers: triggers_of(&tenant),
        fires: query.message.map(|message| taking(&tenant, &message)),
    }))
}

/// Which built-in triggers to switch.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct SwitchBody {
    /// Phrases of those to switch off.
    #[schema(value_type = Option<Vec<String>>)]
    disable: Vec<String>,
    /// Phrases of those to switch on again.
    #[schema(value_type = Option<Vec<String>>)]
    enable: Vec<String>,
}

impl FromFields for SwitchBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["disable", "enable"])?;
        let phrases = |name: &'static str| {
            let Some(value) = fields.json(name)? else {
                return Ok(Vec::new());
            };
            let texts = value.as_array().and_then(|items| {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<Vec<String>>>()
            });
            let wrong = || ApiError::invalid(format!("`{name}` must be a list of phrases"));
            texts.ok_or_else(wrong)
        };
        Ok(Self {
            disable: phrases("disable")?,
            enable: phrases("enable")?,
        })
    }
}

/// The triggers after a change.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SwitchedTriggers {
    /// What changed; nothing if nothing had to change.
    changed: Vec<String>,
    /// All of them, as they are now.
    triggers: Vec<TriggerView>,
}

/// Switch built-in triggers off, and on again
#[utoipa::path(
    patch,
    path = "/api/admin/triggers",
    tag = "administration",
    request_body = SwitchBody,
    responses(
        (status = 200, description = "Switched, or nothing had to change", body = SwitchedTriggers),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn switch(
    Administrator { admin, tenant, .. }: Administrator,
    JsonBody(body): JsonBody<SwitchBody>,
) -> Result<Json<SwitchedTriggers>, ApiError> {
    let edited = admin
        .switch_triggers(&tenant.id, &body.disable, &body.enable)
        .await?;
    Ok(Json(SwitchedTriggers {
        triggers: triggers_of(&edited.value),
        changed: edited.changed,
    }))
}
