//! Which model answers a tenant in this process: what the environment variables, the tenant's
//! settings and its secrets come to. `doctor` runs in another process, which may have other
//! variables, so it asks the one that answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use t3nets_router::ai::{AiDefaults, Models, SelectError};
use t3nets_router::http;
use t3nets_router::model::{KeyHash, TenantId};
use t3nets_router::outbound::{self, Options, Proxies, Reach};
use t3nets_router::ports::Platform;
use t3nets_router::skills::SkillSet;

use crate::config::running::RunningDev;
use crate::error::CliError;
use crate::hint::Hint;

/// Where a running `dev` tells it to whoever can read its file.
const PATH: &str = "/dev/models/{tenant}";
/// How long a running `dev` may take to tell.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The model that answers a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model_state", rename_all = "snake_case")]
pub(crate) enum ModelView {
    /// It is asked for what no rule recognises.
    Ready {
        /// Its name in settings.
        model: String,
        provider: String,
    },
    /// There is none: templates word what skills find.
    Offline,
    /// None can be chosen.
    Unusable {
        problem: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

impl fmt::Display for ModelView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { model, provider } => write!(f, "{model} by {provider}"),
            Self::Offline => f.write_str("none: answers come from built-in templates"),
            Self::Unusable { problem, .. } => f.write_str(problem),
        }
    }
}

impl From<SelectError> for ModelView {
    fn from(error: SelectError) -> Self {
        Self::Unusable {
            hint: error.hint(),
            problem: error.to_string(),
        }
    }
}

/// The choice of models in this process.
pub(crate) struct DevModels {
    platform: Platform,
    models: Arc<Models>,
}

impl DevModels {
    /// # Errors
    /// Not ready if the variables choose a model that cannot be used: every question would be
    /// refused.
    pub(crate) fn new(
        platform: &Platform,
        defaults: AiDefaults,
        reach: Reach,
    ) -> Result<Self, CliError> {
        let models = SkillSet::built_in(reach.clone())
            .and_then(|skills| Models::new(defaults, skills, reach))
            .map_err(|error| CliError::failed("the router cannot start").caused_by(error))?;
        models.check_defaults().map_err(|error| {
            let hint = error.hint_at_start().map(Hint::from);
            CliError::not_ready("the model settings cannot be used")
                .caused_by(error)
                .hints(hint)
        })?;
        Ok(Self {
            platform: platform.clone(),
            models: Arc::new(models),
        })
    }

    /// The model that answers a tenant.
    ///
    /// # Errors
    /// If the store cannot be read, or there is no such tenant.
    pub(crate) async fn of(&self, tenant: &TenantId) -> Result<ModelView, CliError> {
        let stored = self.platform.tenants.tenant(tenant).await?;
        let stored =
            stored.ok_or_else(|| CliError::failed(format!("tenant `{tenant}` does not exist")))?;
        let selected = self.models.select(&stored, &*self.platform.secrets).await;
        Ok(match selected {
            Ok(selected) if selected.is_offline() => ModelView::Offline,
            Ok(selected) => ModelView::Ready {
                model: selected.name,
                provider: selected.provider.to_string(),
            },
            Err(error) => error.into(),
        })
    }

    /// The route by which `doctor` asks, with the token that only this machine's user can read.
    pub(super) fn routes(self, token: &str) -> Router {
        Router::new()
            .route(PATH, get(answer))
            .with_state(Arc::new((self, KeyHash::of(token))))
    }
}

async fn answer(
    State(state): State<Arc<(DevModels, KeyHash)>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Result<Json<ModelView>, Response> {
    let refused = |status, code, message| http::refusal(&headers, status, code, message, None);
    let (models, token) = &*state;
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    if !given.is_some_and(|given| KeyHash::of(given).matches(token)) {
        let message = "only `doctor` on this machine may ask";
        return Err(refused(StatusCode::UNAUTHORIZED, "unauthorized", message));
    }
    let of_tenant = match tenant.parse() {
        Ok(tenant) => models.of(&tenant).await.ok(),
        Err(_) => None,
    };
    of_tenant
        .map(Json)
        .ok_or_else(|| refused(StatusCode::NOT_FOUND, "not_found", "no such tenant"))
}

/// What is read of its answer, in bytes. Whoever has the port may not be `dev`.
const MAX_ANSWER: usize = 64 << 10;

/// What a running `dev` says of a tenant's model; `None` if it does not say.
pub(crate) async fn ask(dev: &RunningDev, tenant: &TenantId) -> Option<ModelView> {
    let client = outbound::client(Options {
        total_timeout: Some(TIMEOUT),
        proxies: Proxies::Never,
        ..Options::default()
    })
    .ok()?;
    let address = dev
        .url
        .join(&PATH.replace("{tenant}", tenant.as_str()))
        .ok()?;
    let request = client.get(address).bearer_auth(&dev.token);
    let response = client.send(request).await.ok()?.error_for_status().ok()?;
    let body = outbound::read_bounded(response, MAX_ANSWER).await.ok()?;
    serde_json::from_slice(&body).ok()
}
