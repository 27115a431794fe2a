//! The tenant's credentials for outside systems: `/api/admin/integrations`. No answer has a secret.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;

use super::of_path;
use crate::admin::secrets::{Field, KNOWN_INTEGRATIONS, fields_of, merged};
use crate::admin::{Admin, AdminError};
use crate::ai::{ProviderKind, with_retries};
use crate::http::AppState;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, ErrorBody, Errors};
use crate::http::extract::JsonBody;
use crate::http::fields::{Fields, FromFields};
use crate::model::{
    ContentBlock, IntegrationName, JsonObject, ModelMessage, ModelRequest, Origin, Record, Role,
    SecretDocument, SecretName, Tenant,
};
use crate::ports::PutOutcome;

/// The longest answer of a model that is tried, in tokens.
const TRY_TOKENS: u32 = 64;

/// The tenant's integrations.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Integrations {
    /// Those that T3nets knows, then others that have credentials.
    integrations: Vec<IntegrationView>,
}

/// An outside system, and what is stored for it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IntegrationView {
    #[schema(value_type = String)]
    name: IntegrationName,
    /// Whether there are credentials.
    connected: bool,
    /// Whether they can be tested.
    can_test: bool,
    /// When the credentials last changed; `null` if there are none.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
    /// Until when removed credentials can be restored; `null` unless they were removed.
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_for_good_at: Option<Timestamp>,
    /// Its fields.
    fields: Vec<FieldView>,
    /// How one can sign in to it; `null` if one cannot.
    sign_in: Option<SignInView>,
}

/// Signing in to an MCP server.
#[derive(Debug, Serialize, ToSchema)]
struct SignInView {
    /// Where users come back to, for a client that is registered by hand.
    #[schema(value_type = String)]
    redirect_uri: Url,
    /// Whether the tenant's token came of a sign-in, and was not entered.
    signed_in: bool,
    /// Since when an admin has to sign in again; `null` if they need not.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// A field of an integration.
#[derive(Debug, Serialize, ToSchema)]
struct FieldView {
    name: String,
    /// What it is; `null` if T3nets does not know the integration.
    description: Option<&'static str>,
    /// Whether its value is never shown.
    is_secret: bool,
    /// Whether the integration works without it.
    is_optional: bool,
    /// Whether a value is stored.
    is_set: bool,
    /// The value; `null` if there is none or it is secret.
    value: Option<String>,
}

/// List integrations, without their secrets
#[utoipa::path(
    get,
    path = "/api/admin/integrations",
    tag = "administration",
    responses(
        (status = 200, description = "The integrations", body = Integrations),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Administrator { admin, tenant, .. }: Administrator,
) -> Result<Json<Integrations>, ApiError> {
    let stored = admin.secrets(&tenant.id).await?;
    let stored = stored.into_iter().map(|secret| secret.name.integration);
    let known = KNOWN_INTEGRATIONS
        .iter()
        .filter_map(|name| name.parse().ok());
    let mut names: Vec<IntegrationName> = known.collect();
    let others: Vec<_> = stored.filter(|name| !names.contains(name)).collect();
    names.extend(others);
    let views = names
        .into_iter()
        .map(|name| view(&state, &admin, &tenant, name));
    let integrations = try_join_all(views).await?;
    Ok(Json(Integrations { integrations }))
}

async fn view(
    state: &AppState,
    admin: &Admin,
    tenant: &Tenant,
    name: IntegrationName,
) -> Result<IntegrationView, ApiError> {
    let secret = secret_name(tenant, &name);
    let shown = match admin.secret(&secret).await {
        Ok(shown) => Some(shown),
        Err(AdminError::NotFound(Record::Secret(_))) => None,
        Err(error) => return Err(error.into()),
    };
    let public_url = state.engine.skills().public_url();
    let sign_in = match public_url.filter(|_| name.is_mcp_server()) {
        None => None,
        Some(public_url) => {
            let (signed_in, ended_at) = match &shown {
                Some(_) => admin.standing_of_sign_in(&secret).await?,
                None => (false, None),
            };
            Some(SignInView {
                redirect_uri: public_url.redirect_uri(&name),
                signed_in,
                ended_at,
            })
        }
    };
    let (description, stored) = shown.map(|shown| (shown.description, shown.fields)).unzip();
    let stored = stored.unwrap_or_default();
    let deleted_for_good_at = description
        .as_ref()
        .and_then(|secret| secret.deleted_for_good_at);
    let known = fields_of(&name).unwrap_or_default();
    let field = |field: &Field| {
        let stored = stored.iter().find(|stored| stored.name == field.name);
        FieldView {
            name: field.name.to_owned(),
            description: Some(field.description),
            is_secret: field.is_secret,
            is_optional: field.is_optional,
            is_set: stored.is_some(),
            value: stored.and_then(|stored| stored.value.clone()),
        }
    };
    let others = stored
        .iter()
        .filter(|stored| !known.iter().any(|field| field.name == stored.name));
    let others = others.map(|stored| FieldView {
        name: stored.name.clone(),
        description: None,
        is_secret: true,
        is_optional: true,
        is_set: true,
        value: None,
    });
    Ok(IntegrationView {
        connected: description.is_some() && deleted_for_good_at.is_none(),
        can_test: provider_of(&name).is_some()
            || name.is_mcp_server()
            || state.engine.skills().integrations().contains(&name),
        updated_at: description.map(|secret| secret.updated_at),
        deleted_for_good_at,
        fields: known.iter().map(field).chain(others).collect(),
        sign_in,
        name,
    })
}

/// Values of an integration's fields.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct FieldsBody {
    /// Values by field: an empty text keeps what is stored, null takes it away, what is absent
    /// stays. Where an address names another host, secrets have to be given again.
    #[schema(value_type = Object)]
    fields: JsonObject,
}

impl FromFields for FieldsBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["fields"])?;
        Ok(Self {
            fields: fields.object("fields")?.cloned().unwrap_or_default(),
        })
    }
}

/// Store credentials
#[utoipa::path(
    put,
    path = "/api/admin/integrations/{name}",
    tag = "administration",
    params(("name" = String, Path, description = "`jira`, `anthropic`, `openai`, `mcp-NAME` of an MCP server, or another")),
    request_body = FieldsBody,
    responses(
        (status = 200, description = "Stored", body = IntegrationView),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn put(
    State(state): State<AppState>,
    Administrator { admin, tenant, .. }: Administrator,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<FieldsBody>,
) -> Result<Json<IntegrationView>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let secret = secret_name(&tenant, &name);
    let document = over_stored(&admin, &secret, &body.fields).await?;
    let _: PutOutcome = admin.set_secret(&secret, &document).await?;
    view(&state, &admin, &tenant, name).await.map(Json)
}

/// The given fields over those that are stored.
async fn over_stored(
    admin: &Admin,
    name: &SecretName,
    given: &JsonObject,
) -> Result<SecretDocument, ApiError> {
    let stored = match admin.secret_document(name).await {
        Ok(stored) => stored,
        Err(AdminError::NotFound(Record::Secret(_))) => SecretDocument::default(),
        Err(error) => return Err(error.into()),
    };
    Ok(merged(&name.integration, &stored, given)?)
}

/// What the credentials give access to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Tested {
    #[schema(value_type = String)]
    name: IntegrationName,
    /// What was seen: of Jira the account, the site, the board and its active sprint; of an MCP
    /// server its tools, each with its `use`: it `runs`, `asks` the user first, or is `off`.
    #[schema(value_type = Object)]
    reached: Value,
    /// How long it took, in milliseconds.
    timing_ms: u64,
}

/// Test credentials
///
/// The stored ones, with the given fields in place of theirs; nothing is stored. Of Jira the board
/// may be left out: then the boards are told that the account reaches. The error says
/// what does not work: the address, the account, a permission, the board, the model. A model's
/// provider is asked a question of a few tokens.
#[utoipa::path(
    post,
    path = "/api/admin/integrations/{name}/test",
    tag = "administration",
    params(("name" = String, Path, description = "`jira`, `anthropic`, `openai` or `mcp-NAME`")),
    request_body = FieldsBody,
    responses(
        (status = 200, description = "They work", body = Tested),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "They do not work, or the test failed", body = ErrorBody),
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn test(
    State(state): State<AppState>,
    Administrator { admin, tenant, .. }: Administrator,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<FieldsBody>,
) -> Result<Json<Tested>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let secret = secret_name(&tenant, &name);
    let trying = async {
        let credentials = match body.fields.is_empty() {
            true => {
                let skills = state.engine.skills();
                admin.credentials_to_try(skills, &secret).await?
            }
            false => over_stored(&admin, &secret, &body.fields).await?,
        };
        try_out(&state, &tenant, &name, &credentials).await
    };
    tested(&state, &name, trying).await.map(Json)
}

/// What came of trying credentials, within the deadline of an answer.
pub(in crate::http) async fn tested(
    state: &AppState,
    name: &IntegrationName,
    trying: impl Future<Output = Result<Value, ApiError>>,
) -> Result<Tested, ApiError> {
    let started = Instant::now();
    let deadline = state.deadlines.answer;
    let reached = tokio::time::timeout(deadline, trying)
        .await
        .unwrap_or_else(|_| Err(too_slow(deadline)))?;
    Ok(Tested {
        name: name.clone(),
        reached,
        timing_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

pub(super) fn too_slow(deadline: Duration) -> ApiError {
    ApiError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "deadline_exceeded",
        format!("no answer within {} s", deadline.as_secs()),
    )
}

pub(in crate::http) async fn try_out(
    state: &AppState,
    tenant: &Tenant,
    name: &IntegrationName,
    credentials: &SecretDocument,
) -> Result<Value, ApiError> {
    if let Some(provider) = provider_of(name) {
        let models = state.engine.models();
        let model = models.with_credentials(tenant, provider, credentials)?;
        let request = ModelRequest {
            model: model.id.clone(),
            system: "Answer with one word.".to_owned(),
            messages: vec![ModelMessage {
                role: Role::User,
                content: vec![ContentBlock::Text("Are you there?".to_owned())],
            }],
            tools: Vec::new(),
            max_tokens: model.max_tokens(TRY_TOKENS),
            options: Default::default(),
            origin: Some(Origin {
                tenant: tenant.id.clone(),
                request_id: None,
            }),
        };
        let reply = with_retries(&*model.chat, &request, &mut |_| {}).await?;
        return Ok(json!({"model": model.name, "answered_by": reply.answered_by}));
    }
    match state.engine.skills().check(name, credentials).await {
        Some((skill, checked)) => checked.map_err(|error| ApiError::of_skill(skill, error)),
        None => Err(ApiError::new(
            StatusCode::CONFLICT,
            "no_test",
            format!("there is no test for the integration `{name}`"),
        )),
    }
}

/// The provider of models that an integration is of.
fn provider_of(name: &IntegrationName) -> Option<ProviderKind> {
    let provider = name.as_str().parse().ok()?;
    matches!(provider, ProviderKind::Anthropic | ProviderKind::OpenAi).then_some(provider)
}

/// Removed credentials.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Removed {
    #[schema(value_type = String)]
    name: IntegrationName,
    /// Until when they can be restored.
    #[schema(value_type = String, format = DateTime)]
    deleted_for_good_at: Timestamp,
}

/// Remove credentials; for 30 days they can be restored
#[utoipa::path(
    delete,
    path = "/api/admin/integrations/{name}",
    tag = "administration",
    params(("name" = String, Path, description = "The integration")),
    responses(
        (status = 200, description = "Removed", body = Removed),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn remove(
    Administrator { admin, tenant, .. }: Administrator,
    Path(name): Path<String>,
) -> Result<Json<Removed>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    let deleted_for_good_at = admin.remove_secret(&secret_name(&tenant, &name)).await?;
    Ok(Json(Removed {
        name,
        deleted_for_good_at,
    }))
}

/// Restore removed credentials
#[utoipa::path(
    post,
    path = "/api/admin/integrations/{name}/restore",
    tag = "administration",
    params(("name" = String, Path, description = "The integration")),
    responses(
        (status = 200, description = "Restored", body = IntegrationView),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn restore(
    State(state): State<AppState>,
    Administrator { admin, tenant, .. }: Administrator,
    Path(name): Path<String>,
) -> Result<Json<IntegrationView>, ApiError> {
    let name: IntegrationName = of_path("name", &name)?;
    admin.restore_secret(&secret_name(&tenant, &name)).await?;
    view(&state, &admin, &tenant, name).await.map(Json)
}

pub(super) fn secret_name(tenant: &Tenant, integration: &IntegrationName) -> SecretName {
    SecretName {
        tenant_id: tenant.id.clone(),
        integration: integration.clone(),
        user_id: None,
    }
}
