//! The models that a client can ask for: the assistant, and the tenant's model by its name, which
//! is the same. A client chooses nothing that the tenant's administrator did not.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::http::auth::Authenticated;
use crate::http::error::{ApiError, OpenAiErrorBody, OpenAiErrors};
use crate::model::Tenant;

/// Where the models are.
pub(super) const MODELS: &str = "/v1/models";

/// The assistant, whatever model it has.
const ASSISTANT: &str = "t3nets";

/// The models.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Model {
    /// Send it as `model`.
    id: String,
    object: &'static str,
    /// When the tenant was made, in seconds since 1970.
    created: i64,
    owned_by: &'static str,
}

/// List the models
///
/// The assistant, and the model that it has for the tenant, by its name: either is the same.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "openai",
    responses(
        (status = 200, description = "The models", body = ModelList),
        (status = "4XX", description = "Refused", body = OpenAiErrorBody),
        (status = "5XX", description = "Failed", body = OpenAiErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Authenticated(admitted): Authenticated,
) -> Json<ModelList> {
    let tenant = &admitted.caller.tenant;
    let ids = ids(&state, tenant).await;
    Json(ModelList {
        object: "list",
        data: ids.into_iter().map(|id| model(tenant, id)).collect(),
    })
}

/// Show a model
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    tag = "openai",
    params(("model" = String, Path)),
    responses((status = 200, description = "The model", body = Model), OpenAiErrors),
    security((), ("key" = [])),
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Authenticated(admitted): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Model>, ApiError> {
    let tenant = &admitted.caller.tenant;
    require(&state, tenant, &id).await?;
    Ok(Json(model(tenant, id)))
}

fn model(tenant: &Tenant, id: String) -> Model {
    Model {
        id,
        object: "model",
        created: tenant.created_at.as_second().max(0),
        owned_by: ASSISTANT,
    }
}

/// What can be asked for. Where the tenant's model cannot be chosen, it is not among them; who asks
/// the assistant is told why.
async fn ids(state: &AppState, tenant: &Tenant) -> Vec<String> {
    let mut ids = vec![ASSISTANT.to_owned()];
    if let Ok(name) = state.engine.model_name(tenant).await
        && name != ASSISTANT
    {
        ids.push(name);
    }
    ids
}

/// Refuses a model that is not there.
pub(super) async fn require(
    state: &AppState,
    tenant: &Tenant,
    asked: &str,
) -> Result<(), ApiError> {
    if asked == ASSISTANT {
        return Ok(());
    }
    let ids = ids(state, tenant).await;
    if ids.iter().any(|id| id == asked) {
        return Ok(());
    }
    let asked: String = asked.chars().take(128).collect();
    let there: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "model_not_found",
        format!("there is no model `{asked}` here"),
    )
    .hint(format!("there is {}", there.join(" and ")))
    .about_field("model"))
}
