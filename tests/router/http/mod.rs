//! The HTTP API in-process: requests go straight to the routes, stores are the embedded platform in
//! a temporary folder.

mod access;
mod admin;
mod auth;
mod budgets;
pub(crate) mod chat;
mod checks;
mod clock;
mod conversations;
mod disabled_triggers;
mod fallback;
mod guardrail;
mod health;
mod injection;
mod jwt;
mod ledger;
mod logging;
mod malformed;
pub(crate) mod mcp;
mod models;
mod openai;
mod own_export;
mod own_triggers;
mod owners;
mod page;
mod questions;
mod refusals;
mod session;
mod sign_in;
mod small_print;
mod streaming;
mod tenants_apart;
mod tiers;
mod turn_on_aws;
mod turns;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use t3nets_router::ai::{AiDefaults, Bedrock};
use t3nets_router::config::{Deadlines, Identity, SampleBoard, ServerConfig};
use t3nets_router::model::{
    ApiKey, AuditEntry, JsonObject, KeyHash, SecretDocument, SecretName, Tenant, TenantId,
    TenantSettings, TenantStatus, User, UserId, UserRole,
};
use t3nets_router::oidc::{AUDIENCE_VARIABLE, OidcSettings};
use t3nets_router::outbound::{Allowed, Reach};
use t3nets_router::ports::{Change, Clock, Platform, UsageStore};
use tempfile::TempDir;
use tower::ServiceExt;
use ulid::Ulid;

/// A router on a fresh platform with a tenant `default`, its admin `ada` and its member `bob`.
pub(crate) struct TestApp {
    pub(crate) platform: Platform,
    pub(crate) routes: Router,
    app: t3nets_router::http::App,
    config: ServerConfig,
    home: TempDir,
}

/// How a test's router differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) anonymous: bool,
    pub(crate) admin_api_off: bool,
    /// The platform that it takes itself to be on, `local` if absent.
    pub(crate) platform: Option<&'static str>,
    /// Stores in place of the embedded ones.
    pub(crate) stores: Option<Platform>,
    pub(crate) sample_board: Option<SampleBoard>,
    /// A clock in place of the machine's.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// Variables as `AiDefaults` reads them.
    pub(crate) ai: Vec<(&'static str, String)>,
    /// Bedrock in place of what those choose.
    pub(crate) bedrock: Option<Bedrock>,
    pub(crate) deadlines: Option<Deadlines>,
    pub(crate) settings: TenantSettings,
    /// A store of usage in place of the embedded one.
    pub(crate) usage: Option<Arc<dyn UsageStore>>,
    /// Where the router is reached.
    pub(crate) public_url: Option<&'static str>,
    /// The webhook that is told of budgets.
    pub(crate) budget_webhook: Option<String>,
    /// The issuer whose tokens are accepted, for the audience `t3nets`.
    pub(crate) issuer: Option<String>,
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Checks that this is an error as callers are promised it, and returns its code.
    pub(crate) fn error_code(&self) -> String {
        let body = self.json();
        assert!(!self.status.is_success(), "{body}");
        assert_eq!(self.headers["content-type"], "application/json");
        let id = self.headers["x-request-id"].to_str().ok();
        match body.get("request_id") {
            Some(own) => assert_eq!(own.as_str(), id, "{body}"),
            // Below `/v1`.
            None => assert!(body["error"]["type"].is_string() && id.is_some(), "{body}"),
        }
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn tenant_id(id: &str) -> TenantId {
    id.parse().unwrap()
}

pub(crate) fn audit(tenant: &TenantId) -> AuditEntry {
    AuditEntry {
        id: Ulid::generate(),
        tenant_id: tenant.clone(),
        actor: "test".to_owned(),
        action: "test".to_owned(),
        target: "test".to_owned(),
        at: Timestamp::now(),
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    /// The same, with a key of `bob`'s.
    pub(crate) async fn with_member(setup: Setup) -> (Self, String) {
        let app = Self::with(setup).await;
        let key = app.key("default", "bob", UserRole::Member).await;
        (app, key)
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let home = tempfile::tempdir().unwrap();
        let embedded = || t3nets_router::local::open(home.path()).unwrap();
        let mut platform = setup.stores.unwrap_or_else(embedded);
        platform.clock = setup.clock.unwrap_or(platform.clock);
        add_tenant(&platform, "default", setup.settings).await;
        let ai = AiDefaults::from_env(|name| {
            setup
                .ai
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.clone())
        });
        let ai = ai.unwrap();
        let ai = match setup.bedrock {
            Some(bedrock) => ai.with_bedrock(bedrock, "nova-lite".to_owned()),
            None => ai,
        };
        let oidc = OidcSettings::from_env(
            |name| match name {
                AUDIENCE_VARIABLE => setup.issuer.as_ref().map(|_| "t3nets".to_owned()),
                _ => setup.issuer.clone(),
            },
            true,
        );
        let config = ServerConfig {
            identity: Identity {
                platform: setup.platform.unwrap_or("local"),
                environment: "local".to_owned(),
                release: None,
            },
            admin_api: !setup.admin_api_off,
            anonymous_tenant: setup.anonymous.then(|| tenant_id("default")),
            ai,
            reach: Reach::Internet(Allowed::parse(true, None).unwrap()),
            oidc: oidc.unwrap(),
            public_url: setup.public_url.map(|url| url.parse().unwrap()),
            budget_webhook: setup.budget_webhook.map(|url| url.parse().unwrap()),
            deadlines: setup.deadlines.unwrap_or_default(),
            sample_board: setup.sample_board,
        };
        let mut served = platform.clone();
        served.usage = setup.usage.unwrap_or(served.usage);
        let app = t3nets_router::http::app(served, config.clone()).unwrap();
        Self {
            platform,
            routes: app.routes(),
            app,
            config,
            home,
        }
    }

    /// Another router on the same platform, as another process is.
    pub(crate) fn another(&self) -> Router {
        let app = t3nets_router::http::app(self.platform.clone(), self.config.clone());
        app.unwrap().routes()
    }

    /// Makes a key of a user and returns it.
    pub(crate) async fn key(&self, tenant: &str, user: &str, role: UserRole) -> String {
        self.key_until(tenant, user, role, None).await
    }

    pub(crate) async fn key_until(
        &self,
        tenant: &str,
        user: &str,
        role: UserRole,
        expires_at: Option<Timestamp>,
    ) -> String {
        make_key(&self.platform, tenant, user, role, expires_at).await
    }

    /// Stores the tenant's Jira credentials.
    pub(crate) async fn connect_jira(&self, tenant: &str, fields: JsonObject) {
        let name = SecretName {
            tenant_id: tenant_id(tenant),
            integration: "jira".parse().unwrap(),
            user_id: None,
        };
        let document = SecretDocument::new(fields);
        self.platform.secrets.put(&name, &document).await.unwrap();
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send_to(&self.routes, request).await
    }

    pub(crate) async fn get(&self, path: &str, key: Option<&str>) -> Answer {
        self.send(request(Method::GET, path, key).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.send(json_request(path, key, body)).await
    }

    pub(crate) async fn chat(&self, key: &str, message: &str) -> Answer {
        self.post("/api/chat", Some(key), &json!({"message": message}))
            .await
    }

    /// All of a list, read in pages of `limit`.
    pub(crate) async fn pages(&self, path: &str, name: &str, limit: u8, key: &str) -> Vec<Value> {
        let mut listed = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("{path}?limit={limit}{after}");
            let page = self.get(&path, Some(key)).await.json();
            listed.extend(page[name].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return listed,
            }
        }
    }

    /// What is stored of a conversation, oldest first.
    pub(crate) async fn history(&self, key: &str, session: &str) -> Vec<Value> {
        let mut messages = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/history?session_id={session}&limit=200{after}");
            let page = self.get(&path, Some(key)).await;
            if page.status == StatusCode::NOT_FOUND {
                return messages;
            }
            let page = page.json();
            let mut older = page["messages"].as_array().unwrap().clone();
            older.append(&mut messages);
            messages = older;
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return messages,
            }
        }
    }

    /// Waits until all that turns used is counted.
    pub(crate) async fn drained(&self) {
        self.app.drained().await;
    }
}

pub(crate) async fn send_to(routes: &Router, request: Request<Body>) -> Answer {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

pub(crate) async fn make_key(
    platform: &Platform,
    tenant: &str,
    user: &str,
    role: UserRole,
    expires_at: Option<Timestamp>,
) -> String {
    let text = t3nets_router::token::random_token("t3n_").unwrap();
    let tenant_id = tenant_id(tenant);
    let key = ApiKey {
        hash: KeyHash::of(&text),
        tenant_id: tenant_id.clone(),
        user_id: user.parse().unwrap(),
        name: "test".to_owned(),
        role,
        created_at: Timestamp::now(),
        expires_at,
        prefix: text[..8].to_owned(),
        budgets: Default::default(),
        other: Default::default(),
    };
    platform
        .tenants
        .commit(&tenant_id, &[Change::CreateKey(key)], &audit(&tenant_id))
        .await
        .unwrap();
    text
}

pub(crate) async fn add_tenant(platform: &Platform, id: &str, settings: TenantSettings) {
    let id = tenant_id(id);
    let tenant = Tenant {
        id: id.clone(),
        name: "Test team".to_owned(),
        status: TenantStatus::Active,
        created_at: Timestamp::now(),
        settings,
        extensions: JsonObject::new(),
        version: 0,
        other: Default::default(),
    };
    let user = |name: &str, role| User {
        id: name.parse::<UserId>().unwrap(),
        tenant_id: id.clone(),
        email: format!("{name}@example.com"),
        display_name: name.to_owned(),
        role,
        channel_identities: JsonObject::new(),
        created_at: Some(Timestamp::now()),
        budgets: Default::default(),
        other: Default::default(),
    };
    let changes = [
        Change::CreateTenant(tenant),
        Change::CreateUser(user("ada", UserRole::Admin)),
        Change::CreateUser(user("bob", UserRole::Member)),
    ];
    platform
        .tenants
        .commit(&id, &changes, &audit(&id))
        .await
        .unwrap();
}

pub(crate) fn request(
    method: Method,
    path: &str,
    key: Option<&str>,
) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    }
}

pub(crate) fn json_request(path: &str, key: Option<&str>, body: &Value) -> Request<Body> {
    let request = request(Method::POST, path, key).header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}
