//! What the tenant's answers rest on, each tried by itself: `/api/admin/health`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use futures::future::join_all;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use moka::future::Cache;
use serde::Serialize;
use utoipa::ToSchema;

use super::integrations;
use crate::admin::{Admin, AdminError};
use crate::ai::{SelectError, SelectedModel, by_provider};
use crate::chat::RouteCounts;
use crate::http::AppState;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::model::{IntegrationName, Record, Tenant, TenantId};
use crate::ports::ModelError;

/// How long a check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long results are kept, so that a page that is loaded again and again tries nothing more
/// often.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// The most tenants whose results are kept.
const TENANTS_KEPT: u64 = 1_000;

/// The results of the latest checks, by tenant: by its id and when it was made.
pub(in crate::http) struct LatestHealth(Cache<(TenantId, Timestamp), Arc<Checked>>);

impl Default for LatestHealth {
    fn default() -> Self {
        let kept = Cache::builder()
            .max_capacity(TENANTS_KEPT)
            .time_to_live(KEPT_FOR)
            .build();
        Self(kept)
    }
}

struct Checked {
    at: Timestamp,
    checks: Vec<Check>,
}

/// What was tried, and what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Check {
    /// `tenants`, `usage`, `conversations`, `secrets`, a model, an integration.
    name: String,
    kind: CheckKind,
    status: CheckStatus,
    /// How long it took, in milliseconds.
    took_ms: u64,
    /// What is so, or what does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The error's code, of a check that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CheckKind {
    /// A table.
    Store,
    /// The store of credentials.
    Secrets,
    /// The model that answers. It is not called, since that costs.
    Model,
    /// An outside system, with the stored credentials.
    Integration,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CheckStatus {
    /// It works.
    Ok,
    /// It does not.
    Failed,
    /// There is nothing to try.
    NotSetUp,
}

/// A call of a model that failed.
#[derive(Debug, Serialize, ToSchema)]
struct FailedCall {
    /// When it failed.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The model's name.
    model: String,
    /// As in an error.
    code: &'static str,
    /// What went wrong.
    message: String,
}

/// What the tenant's answers rest on.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Health {
    /// `failed` if one of the checks is.
    status: CheckStatus,
    /// When it was tried: up to 5 s ago.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Timestamp,
    checks: Vec<Check>,
    /// Turns that this router answered.
    routes: RouteCounts,
    /// Calls of models by this router that failed, newest first, at most ten.
    model_failures: Vec<FailedCall>,
    /// When this router started.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Check stores, model and integrations
///
/// Side by side, each for at most 5 s; the results are kept for 5 s. An integration is tried as by
/// `POST /api/admin/integrations/{name}/test`; the model is chosen and not called.
#[utoipa::path(
    get,
    path = "/api/admin/health",
    tag = "administration",
    responses(
        (status = 200, description = "What each check came to, failed ones too", body = Health),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Administrator { admin, tenant, .. }: Administrator,
) -> Json<Health> {
    let key = (tenant.id.clone(), tenant.created_at);
    let checking = async {
        let at = state.platform.clock.now();
        let checks = check(&state, &admin, &tenant).await;
        Arc::new(Checked { at, checks })
    };
    let checked = state.health.0.get_with(key, checking).await;
    let has_failed = |check: &Check| check.status == CheckStatus::Failed;
    let failures = state.engine.model_failures(&tenant).into_iter();
    Json(Health {
        status: match checked.checks.iter().any(has_failed) {
            true => CheckStatus::Failed,
            false => CheckStatus::Ok,
        },
        checked_at: checked.at,
        checks: checked.checks.clone(),
        routes: state.engine.route_counts(&tenant),
        model_failures: failures
            .map(|failure| {
                let error = ApiError::from(failure.error);
                FailedCall {
                    at: failure.at,
                    model: failure.model,
                    code: error.code(),
                    message: error.message().to_owned(),
                }
            })
            .collect(),
        since: state.started_at,
    })
}

/// What a check found.
enum Found {
    Works {
        name: Option<String>,
        detail: Option<String>,
    },
    NotSetUp(String),
}

impl Found {
    fn works() -> Self {
        Self::Works {
            name: None,
            detail: None,
        }
    }
}

async fn check(state: &AppState, admin: &Admin, tenant: &Tenant) -> Vec<Check> {
    let platform = &state.platform;
    let today = platform.clock.now().to_zoned(TimeZone::UTC).date();
    let stores = async {
        let tenants = async {
            platform.tenants.ping().await?;
            Ok(Found::works())
        };
        let usage = async {
            platform.usage.usage(&tenant.id, today, today).await?;
            Ok(Found::works())
        };
        let conversations = async {
            platform.conversations.ping().await?;
            Ok(Found::works())
        };
        let secrets = async {
            platform.secrets.ping().await?;
            Ok(Found::works())
        };
        futures::join!(
            timed("tenants", CheckKind::Store, tenants),
            timed("usage", CheckKind::Store, usage),
            timed("conversations", CheckKind::Store, conversations),
            timed("secrets", CheckKind::Secrets, secrets),
        )
    };
    let model = timed("model", CheckKind::Model, model(state, tenant));
    let names = state.engine.skills().integrations();
    let integrations = join_all(names.iter().map(|name| {
        let tried = integration(state, admin, tenant, name);
        timed(name.as_str(), CheckKind::Integration, tried)
    }));
    let fallback = async {
        // One of the tenant's own provider rests on what the model rests on.
        by_provider(tenant.fallback_model()?).0?;
        Some(timed("fallback", CheckKind::Model, fallback(state, tenant)).await)
    };
    let (stores, model, fallback, integrations) =
        futures::join!(stores, model, fallback, integrations);
    let (tenants, usage, conversations, secrets) = stores;
    let mut checks = vec![tenants, usage, conversations, secrets, model];
    checks.extend(fallback);
    checks.extend(integrations);
    checks
}

/// Tries something, for a while. What went wrong is logged here, with its cause.
async fn timed(
    name: &str,
    kind: CheckKind,
    tried: impl Future<Output = Result<Found, ApiError>>,
) -> Check {
    let started = Instant::now();
    let found = tokio::time::timeout(CHECK_TIMEOUT, tried).await;
    let mut check = Check {
        name: name.to_owned(),
        kind,
        status: CheckStatus::Ok,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        detail: None,
        hint: None,
        code: None,
    };
    let error = match found {
        Ok(Ok(Found::Works { name, detail })) => {
            check.name = name.unwrap_or(check.name);
            check.detail = detail;
            return check;
        }
        Ok(Ok(Found::NotSetUp(detail))) => {
            check.status = CheckStatus::NotSetUp;
            check.detail = Some(detail);
            return check;
        }
        Ok(Err(error)) => error,
        Err(_) => integrations::too_slow(CHECK_TIMEOUT),
    };
    error.log();
    check.status = CheckStatus::Failed;
    check.code = Some(error.code());
    check.detail = Some(error.message().to_owned());
    check.hint = error.hinted().map(str::to_owned);
    check
}

async fn model(state: &AppState, tenant: &Tenant) -> Result<Found, ApiError> {
    let models = state.engine.models();
    let selected = models.select(tenant, &*state.platform.secrets).await;
    let paused_for = selected.as_ref().ok().and_then(SelectedModel::paused_for);
    if let Some(retry_after) = paused_for {
        return Err(ModelError::Paused { retry_after }.into());
    }
    match selected {
        Ok(selected) if selected.is_offline() => Ok(Found::NotSetUp(
            "no model is configured: skills' results are worded by templates".to_owned(),
        )),
        Ok(selected) => Ok(Found::Works {
            detail: Some(format!("{}: configured; not called", selected.provider)),
            name: Some(selected.name),
        }),
        Err(SelectError::Store(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

/// The fallback model of another provider.
async fn fallback(state: &AppState, tenant: &Tenant) -> Result<Found, ApiError> {
    let models = state.engine.models();
    let chosen = models.all_of(tenant, &*state.platform.secrets).await?;
    match (chosen.fallback, chosen.fallback_problem) {
        (Some(fallback), _) => Ok(Found::Works {
            detail: Some("the fallback: configured; not called".to_owned()),
            name: Some(fallback.name),
        }),
        (None, Some(problem)) => Err(problem.into()),
        (None, None) => Ok(Found::NotSetUp("no fallback model is set".to_owned())),
    }
}

async fn integration(
    state: &AppState,
    admin: &Admin,
    tenant: &Tenant,
    name: &IntegrationName,
) -> Result<Found, ApiError> {
    let secret = integrations::secret_name(tenant, name);
    let credentials = match admin.secret_document(&secret).await {
        Ok(credentials) => credentials,
        Err(AdminError::NotFound(Record::Secret(_))) => {
            return Ok(Found::NotSetUp("no credentials are stored".to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    integrations::try_out(state, tenant, name, &credentials).await?;
    Ok(Found::works())
}
