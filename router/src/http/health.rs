//! Liveness, readiness, and a description of the router.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::AppState;
use super::auth::OptionallyAuthenticated;
use super::error::{ApiError, Cause, ErrorBody};
use crate::ai::{SelectError, TenantModels};
use crate::chat::{Caller, RouteCounts};
use crate::model::{SecretName, UserRole};
use crate::ports::Platform;

/// How often the stores are checked, however often `/ready` is requested.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How long a store may take to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A status without detail.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    status: &'static str,
}

/// Liveness: the process answers
#[utoipa::path(
    get,
    path = "/health",
    tag = "health",
    responses(
        (status = 200, description = "The process answers", body = Status),
        (status = "default", description = "Refused, or failed", body = ErrorBody),
    ),
)]
pub(super) async fn health() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// The result of the latest check of the stores.
#[derive(Default)]
pub(super) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), ApiError>)>>,
}

impl Readiness {
    async fn check(&self, platform: &Platform) -> Result<(), ApiError> {
        let mut last = self.last.lock().await;
        if let Some((at, ready)) = &*last
            && at.elapsed() < CHECK_INTERVAL
        {
            return ready.clone();
        }
        let pings = async {
            futures::try_join!(
                platform.tenants.ping(),
                platform.conversations.ping(),
                platform.secrets.ping()
            )
        };
        let ready = match tokio::time::timeout(CHECK_TIMEOUT, pings).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(not_ready(Cause::Store(error))),
            Err(_) => Err(not_ready(Cause::StoreTimeout(CHECK_TIMEOUT))),
        };
        *last = Some((Instant::now(), ready.clone()));
        ready
    }
}

fn not_ready(cause: Cause) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_ready",
        "a store does not answer",
    )
    .caused_by(cause)
}

/// Readiness: the stores answer
#[utoipa::path(
    get,
    path = "/ready",
    tag = "health",
    responses(
        (status = 200, description = "It can serve", body = Status),
        (status = 503, description = "A store does not answer", body = ErrorBody),
        (status = "default", description = "Refused, or failed", body = ErrorBody),
    ),
)]
pub(super) async fn ready(State(state): State<AppState>) -> Result<Json<Status>, ApiError> {
    state.readiness.check(&state.platform).await?;
    Ok(Json(Status { status: "ready" }))
}

/// The router's version and environment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct About {
    status: &'static str,
    /// `local` or `aws`.
    platform: &'static str,
    /// The environment's name.
    environment: String,
    version: &'static str,
    /// The commit it was built from.
    git_sha: &'static str,
    /// The release that was rolled out: image digest and revision; `null` where nothing was.
    release: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    uptime_seconds: u64,
    /// For administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<AboutTenant>,
}

/// How the administrator's own tenant is set up.
#[derive(Debug, Serialize, ToSchema)]
struct AboutTenant {
    id: String,
    name: String,
    status: &'static str,
    /// The provider and model that answer; `null` with the reason in `ai_problem` if none can.
    ai_provider: Option<String>,
    ai_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ai_problem: Option<String>,
    /// Why the fallback model of another provider cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    ai_fallback_problem: Option<String>,
    /// The models that the settings name, and whether this router leaves one alone that failed.
    ai_models: Vec<AiModel>,
    /// Turns answered since the router started.
    routes: RouteCounts,
    /// The integrations that skills need, and whether each is connected.
    integrations: Vec<Integration>,
    /// The skills that are enabled.
    skills: Vec<&'static str>,
}

/// A model of the tenant's.
#[derive(Debug, Serialize, ToSchema)]
struct AiModel {
    /// `ai`, `wording` or `fallback`.
    #[serde(rename = "for")]
    purpose: &'static str,
    name: String,
    /// For how long it is not asked, after failures in a row; `null` if it is.
    paused_for_seconds: Option<u64>,
}

impl AiModel {
    fn all(models: &TenantModels) -> Vec<Self> {
        let all = [
            ("ai", Some(&models.ai)),
            ("wording", models.wording.as_ref()),
            ("fallback", models.fallback.as_ref()),
        ];
        let described = all.into_iter().filter_map(|(purpose, model)| {
            let model = model?;
            Some(Self {
                purpose,
                name: model.name.clone(),
                paused_for_seconds: model.paused_for().map(|pause| pause.as_secs().max(1)),
            })
        });
        described.collect()
    }
}

/// An external system that a skill needs.
#[derive(Debug, Serialize, ToSchema)]
struct Integration {
    name: String,
    connected: bool,
}

/// Version and environment of the router; for administrators, also how their tenant is set up
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "health",
    responses(
        (status = 200, description = "Version and environment", body = About),
        (status = "4XX", description = "The credential is not valid", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
    security((), ("key" = [])),
)]
pub(super) async fn about(
    State(state): State<AppState>,
    OptionallyAuthenticated(caller): OptionallyAuthenticated,
) -> Result<Json<About>, ApiError> {
    let tenant = match caller.filter(|caller| caller.role == UserRole::Admin) {
        Some(caller) => Some(about_tenant(&state, &caller).await?),
        None => None,
    };
    let identity = &state.identity;
    Ok(Json(About {
        status: "ok",
        platform: identity.platform,
        environment: identity.environment.clone(),
        version: crate::VERSION,
        git_sha: crate::GIT_SHA,
        release: identity.release.clone(),
        started_at: state.started_at,
        uptime_seconds: state.started.elapsed().as_secs(),
        tenant,
    }))
}

async fn about_tenant(state: &AppState, caller: &Caller) -> Result<AboutTenant, ApiError> {
    let tenant = &caller.tenant;
    let skills = state.engine.skills();
    let mut integrations = Vec::new();
    for integration in skills.integrations() {
        let name = SecretName {
            tenant_id: tenant.id.clone(),
            integration,
            user_id: None,
        };
        let connected = state.platform.secrets.get(&name).await?.is_some();
        integrations.push(Integration {
            name: name.integration.into(),
            connected,
        });
    }
    let selected = state
        .engine
        .models()
        .all_of(tenant, &*state.platform.secrets)
        .await;
    let (models, ai_problem) = match selected {
        Ok(models) => (Some(models), None),
        Err(SelectError::Store(error)) => return Err(error.into()),
        Err(error) => (None, Some(error.to_string())),
    };
    let ai = models.as_ref().map(|models| &models.ai);
    let problem = models
        .as_ref()
        .and_then(|models| models.fallback_problem.as_ref());
    Ok(AboutTenant {
        id: tenant.id.to_string(),
        name: tenant.name.clone(),
        status: tenant.status.as_str(),
        ai_provider: ai.map(|model| model.provider.to_string()),
        ai_model: ai.map(|model| model.name.clone()),
        ai_problem,
        ai_fallback_problem: problem.map(ToString::to_string),
        ai_models: models.as_ref().map(AiModel::all).unwrap_or_default(),
        routes: state.engine.route_counts(tenant),
        integrations,
        skills: skills
            .iter()
            .map(|skill| skill.name())
            .filter(|name| tenant.settings.allows_skill(name))
            .collect(),
    })
}
