//! The HTTP API: routes, authentication, errors, streaming.
//!
//! [`app`] is the whole API as a service, without a socket; [`serve`] gives it one (`server`).
//! Handlers are thin: they turn a request into a call of [`crate::chat`] or of a port, and the
//! outcome into JSON. Request and response types stand above their handler. Read `chat.rs` first;
//! `auth.rs` authenticates callers, `middleware.rs` wraps every request, `error.rs` has the form of
//! every error.

mod access;
mod admin;
mod auth;
mod chat;
mod conversations;
mod cookies;
mod error;
mod extract;
mod fields;
mod health;
mod jwt;
mod members;
mod middleware;
mod openai;
mod openapi;
mod own_export;
mod own_integrations;
mod page;
mod paging;
mod server;
mod session;
mod settings;
mod sign_in;
mod turns;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::routing::{get, post};
use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::access::{Callers, ROUTES};
pub use self::middleware::refusal;
pub use self::server::{CutRequest, serve, serve_metrics};
use crate::ai::{Models, SelectError};
use crate::chat::{BudgetAlerts, Engine};
use crate::config::{Deadlines, Identity, SampleBoard, ServerConfig};
use crate::oidc::Issuer;
use crate::outbound::ClientError;
use crate::ports::Platform;
use crate::skills::SkillSet;

/// What all handlers share: one allocation, since every request and every layer of one takes it.
type AppState = Arc<Shared>;

struct Shared {
    platform: Platform,
    engine: Arc<Engine>,
    authenticator: Arc<auth::Authenticator>,
    readiness: health::Readiness,
    health: admin::health::LatestHealth,
    identity: Identity,
    deadlines: Deadlines,
    admin_api: bool,
    sample_board: Option<SampleBoard>,
    cookies: cookies::Cookies,
    tasks: TaskTracker,
    /// The turns that outlive their request.
    running: Arc<turns::Running>,
    exports: own_export::Exports,
    started: Instant,
    started_at: Timestamp,
}

/// The API on a platform.
pub struct App {
    routes: Router,
    engine: Arc<Engine>,
    tasks: TaskTracker,
    running: Arc<turns::Running>,
    deadlines: Deadlines,
}

impl App {
    /// The routes, to be called without a socket or to be put beside others.
    pub fn routes(&self) -> Router {
        self.routes.clone()
    }

    /// Does what the first turn would otherwise wait for: see [`Engine::warm_up`].
    pub fn warm_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let engine = self.engine.clone();
        async move { engine.warm_up().await }
    }

    /// Waits until no answer is being streamed and the usage of all turns is recorded. Call it once
    /// no more requests come.
    pub async fn drained(&self) {
        self.running.ended().await;
        self.tasks.close();
        self.tasks.wait().await;
        self.engine.drained().await;
    }
}

/// Why there is no API.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No HTTPS client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Every tenant without a model of its own would be refused.
    #[error(transparent)]
    Model(SelectError),
}

/// The API on this platform.
///
/// # Errors
/// If no HTTPS client can be made, or the model that the process was started with cannot be used.
pub fn app(platform: Platform, config: ServerConfig) -> Result<App, AppError> {
    let skills = SkillSet::built_in(config.reach.clone())?.reached_at(config.public_url);
    let environment = config.identity.environment.clone();
    let alerts = config.budget_webhook;
    let alerts = alerts.map(|url| BudgetAlerts::new(url, environment, config.reach.clone()));
    let alerts = alerts.transpose()?;
    let models = Models::new(config.ai, skills.clone(), config.reach)?;
    models.check_defaults().map_err(AppError::Model)?;
    let engine = Engine::new(platform.clone(), skills, models).with_alerts(alerts);
    let engine = Arc::new(engine);
    let tasks = TaskTracker::new();
    let running = Arc::<turns::Running>::default();
    let cookies = cookies::Cookies::on(config.identity.platform);
    let issuer = config.oidc.map(|settings| {
        let issuer = Issuer::new(settings, platform.clock.clone(), tasks.clone());
        issuer.map(Arc::new)
    });
    let state = Arc::new(Shared {
        authenticator: Arc::new(auth::Authenticator::new(
            platform.clone(),
            config.anonymous_tenant,
            cookies,
            issuer.transpose()?,
        )),
        readiness: health::Readiness::default(),
        health: admin::health::LatestHealth::default(),
        identity: config.identity,
        deadlines: config.deadlines,
        admin_api: config.admin_api,
        sample_board: config.sample_board,
        cookies,
        engine: engine.clone(),
        tasks: tasks.clone(),
        running: running.clone(),
        exports: own_export::Exports::default(),
        started: Instant::now(),
        started_at: platform.clock.now(),
        platform,
    });
    let (routes, document) = OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::about))
        .routes(routes!(chat::chat))
        .routes(routes!(turns::begin, turns::list))
        .routes(routes!(turns::follow, turns::stop))
        .routes(routes!(openai::complete))
        .routes(routes!(openai::models::list))
        .routes(routes!(openai::models::show))
        .routes(routes!(conversations::history))
        .routes(routes!(conversations::sessions))
        .routes(routes!(conversations::clear))
        .routes(routes!(session::open, session::close))
        .routes(routes!(session::me))
        .routes(routes!(session::make_recovery_code))
        .routes(routes!(own_export::export))
        .routes(routes!(own_integrations::list))
        .routes(routes!(own_integrations::put, own_integrations::remove))
        .routes(routes!(own_integrations::test))
        .routes(routes!(sign_in::begin))
        .routes(routes!(sign_in::finish))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(admin::users::list, admin::users::add))
        .routes(routes!(admin::users::set, admin::users::remove))
        .routes(routes!(admin::users::invite))
        .routes(routes!(admin::users::budgets))
        .routes(routes!(admin::keys::list, admin::keys::create))
        .routes(routes!(admin::keys::set, admin::keys::revoke))
        .routes(routes!(admin::keys::budgets))
        .routes(routes!(admin::triggers::list, admin::triggers::switch))
        .routes(routes!(admin::channels::list, admin::channels::map))
        .routes(routes!(admin::channels::unmap))
        .routes(routes!(admin::integrations::list))
        .routes(routes!(
            admin::integrations::put,
            admin::integrations::remove
        ))
        .routes(routes!(admin::integrations::test))
        .routes(routes!(admin::integrations::restore))
        .routes(routes!(sign_in::begin_for_all))
        .routes(routes!(admin::health::show))
        .routes(routes!(admin::usage::show))
        .routes(routes!(admin::usage::own))
        .routes(routes!(admin::audit::list))
        .split_for_parts();
    let document = Arc::new(openapi::with_sessions(document));
    let routes = routes
        .route("/v1/embeddings", post(openai::embed))
        .route("/", get(page::chat))
        .route("/c/{session_id}", get(page::chat))
        .route("/dashboard", get(page::dashboard))
        .route("/setup", get(page::setup))
        .route("/oauth/callback/{name}", get(sign_in::callback))
        .route("/assets/{file}", get(page::asset))
        .route(
            "/openapi.json",
            get(move || async move { axum::Json(document.as_ref().clone()) }),
        )
        .route_layer(axum::middleware::from_fn_with_state(
            state.clone(),
            access::admit,
        ))
        .fallback(page::missing)
        .method_not_allowed_fallback(middleware::method_not_allowed)
        .layer(
            ServiceBuilder::new()
                .layer(axum::middleware::from_fn(middleware::around))
                .layer(CatchPanicLayer::custom(middleware::panicked)),
        )
        .with_state(state);
    Ok(App {
        routes,
        engine,
        tasks,
        running,
        deadlines: config.deadlines,
    })
}
