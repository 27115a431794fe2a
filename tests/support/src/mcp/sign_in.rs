//! A scripted authorization server of OAuth 2.1: it signs in whoever a test sends there, gives
//! codes and tokens, takes each refresh token once, and does what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use data_encoding::BASE64URL_NOPAD;
use futures::StreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use crate::TestServer;

/// Where its own metadata is.
pub const METADATA: &str = "/.well-known/oauth-authorization-server";

type Form = BTreeMap<String, String>;

/// What an endpoint does in place of its work.
#[derive(Debug, Clone)]
pub enum Instead {
    /// Never answers.
    Hang,
    /// JSON without an end.
    Flood,
    /// This status and body.
    Answer(u16, Value),
}

#[derive(Default)]
struct Known {
    /// By the path.
    instead: BTreeMap<String, Instead>,
    /// By the code, what the user was sent with.
    codes: BTreeMap<String, Form>,
    refresh: BTreeSet<String>,
    used: BTreeSet<String>,
    made: usize,
    expires_in: Option<u64>,
    secret: Option<String>,
    /// The forms that came to the token's endpoint.
    forms: Vec<Form>,
    heads: Vec<Option<String>>,
    registrations: Vec<Value>,
}

struct Shared {
    url: OnceLock<String>,
    known: Mutex<Known>,
    metadata: Mutex<Value>,
    /// The tokens that work.
    tokens: Arc<Mutex<BTreeSet<String>>>,
}

/// A scripted authorization server on a free loopback port.
pub struct AuthorizationServer {
    _server: TestServer,
    shared: Arc<Shared>,
}

impl AuthorizationServer {
    /// One that registers clients, protects codes and says in its answers who it is.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            url: OnceLock::new(),
            known: Mutex::new(Known {
                expires_in: Some(3600),
                ..Known::default()
            }),
            metadata: Mutex::default(),
            tokens: Arc::default(),
        });
        let routes = Router::new()
            .route(METADATA, get(metadata))
            .route("/register", post(register))
            .route("/token", post(token))
            .with_state(shared.clone());
        let server = TestServer::start(routes).await;
        let url = server.url();
        *shared.metadata.lock().unwrap() = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "registration_endpoint": format!("{url}/register"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        });
        shared.url.set(url).unwrap();
        Self {
            _server: server,
            shared,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap()
    }

    /// Its address, which is its name.
    pub fn issuer(&self) -> String {
        self.shared.url.get().unwrap().clone()
    }

    /// The tokens that work at the moment.
    pub fn tokens(&self) -> Arc<Mutex<BTreeSet<String>>> {
        self.shared.tokens.clone()
    }

    /// Says something else of itself; null takes it away.
    pub fn say(&self, name: &str, value: Value) {
        let mut metadata = self.shared.metadata.lock().unwrap();
        match value {
            Value::Null => drop(metadata.as_object_mut().unwrap().remove(name)),
            value => metadata[name] = value,
        }
    }

    /// From now on this path does this.
    pub fn instead(&self, path: &str, does: Instead) {
        self.known().instead.insert(path.to_owned(), does);
    }

    /// Every path does its work again.
    pub fn heal(&self) {
        self.known().instead.clear();
    }

    /// How long its tokens live, in seconds.
    pub fn expire_in(&self, seconds: Option<u64>) {
        self.known().expires_in = seconds;
    }

    /// Wants this secret of a client, in the head.
    pub fn require_secret(&self, secret: &str) {
        self.known().secret = Some(secret.to_owned());
    }

    /// Takes back all that it gave.
    pub fn revoke(&self) {
        self.known().refresh.clear();
        self.shared.tokens.lock().unwrap().clear();
    }

    /// Takes back the tokens, which can be renewed.
    pub fn revoke_tokens(&self) {
        self.shared.tokens.lock().unwrap().clear();
    }

    /// Signs in whoever was sent to this address; returns what they come back with.
    ///
    /// # Panics
    /// If the address is none that a client may send anybody to.
    pub fn allow(&self, address: &str) -> Form {
        let address = Url::parse(address).unwrap();
        let form: Form = address.query_pairs().into_owned().collect();
        assert!(
            address
                .as_str()
                .starts_with(&format!("{}/authorize?", self.issuer()))
        );
        assert_eq!(form["response_type"], "code");
        assert_eq!(form["code_challenge_method"], "S256");
        assert!(form["state"].len() >= 32 && form["code_challenge"].len() == 43);
        assert!(form.contains_key("client_id") && form.contains_key("resource"));
        let mut known = self.known();
        known.made += 1;
        let code = format!("code-s3cret-{}", known.made);
        let state = form["state"].clone();
        known.codes.insert(code.clone(), form);
        let answer = [("code", code), ("state", state), ("iss", self.issuer())];
        answer.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// The forms that came to the token's endpoint with this type of grant.
    pub fn forms(&self, grant_type: &str) -> Vec<BTreeMap<String, String>> {
        let known = self.known();
        let forms = known.forms.iter();
        forms
            .filter(|form| form["grant_type"] == grant_type)
            .cloned()
            .collect()
    }

    /// What came as `Authorization` with each form.
    pub fn heads(&self) -> Vec<Option<String>> {
        self.known().heads.clone()
    }

    /// What clients said of themselves.
    pub fn registrations(&self) -> Vec<Value> {
        self.known().registrations.clone()
    }
}

async fn instead(shared: &Shared, path: &str) -> Option<Response> {
    let does = shared.known.lock().unwrap().instead.get(path).cloned();
    Some(match does? {
        Instead::Hang => std::future::pending().await,
        Instead::Flood => {
            let piece = Bytes::from(" ".repeat(4096));
            let pieces = futures::stream::repeat(piece).map(Ok::<_, std::io::Error>);
            Body::from_stream(pieces).into_response()
        }
        Instead::Answer(status, body) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, axum::Json(body)).into_response()
        }
    })
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    if let Some(instead) = instead(&shared, METADATA).await {
        return instead;
    }
    axum::Json(shared.metadata.lock().unwrap().clone()).into_response()
}

async fn register(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    if let Some(instead) = instead(&shared, "/register").await {
        return instead;
    }
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let mut known = shared.known.lock().unwrap();
    known.registrations.push(asked.clone());
    let id = format!("client-{}", known.registrations.len());
    let answer = json!({"client_id": id, "redirect_uris": asked["redirect_uris"]});
    (StatusCode::CREATED, axum::Json(answer)).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form: Form = form_urlencoded::parse(&body).into_owned().collect();
    let head = headers.get("authorization");
    let head = head.map(|head| head.to_str().unwrap().to_owned());
    {
        let mut known = shared.known.lock().unwrap();
        known.forms.push(form.clone());
        known.heads.push(head.clone());
    }
    if let Some(instead) = instead(&shared, "/token").await {
        return instead;
    }
    let mut known = shared.known.lock().unwrap();
    let refused = |error: &str| {
        let answer = json!({"error": error, "error_description": "s3cret reasons"});
        (StatusCode::BAD_REQUEST, axum::Json(answer)).into_response()
    };
    if known.secret.is_some() != head.is_some() {
        return refused("invalid_client");
    }
    match form["grant_type"].as_str() {
        "authorization_code" => {
            let Some(given) = known.codes.remove(&form["code"]) else {
                return refused("invalid_grant");
            };
            let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(&form["code_verifier"]));
            let is_same = |name: &str| {
                head.is_some() && name == "client_id" || given.get(name) == form.get(name)
            };
            let is_whole = ["client_id", "redirect_uri", "resource"]
                .into_iter()
                .all(is_same);
            if challenge != given["code_challenge"] || !is_whole {
                return refused("invalid_grant");
            }
        }
        "refresh_token" => {
            let token = &form["refresh_token"];
            // Who sends one twice may have stolen it: all that came of it is taken back.
            if known.used.contains(token) {
                known.refresh.clear();
                shared.tokens.lock().unwrap().clear();
            }
            if !known.refresh.remove(token) || !form.contains_key("resource") {
                return refused("invalid_grant");
            }
            known.used.insert(token.clone());
        }
        _ => return refused("unsupported_grant_type"),
    }
    known.made += 1;
    let (access, refresh) = (
        format!("access-s3cret-{}", known.made),
        format!("refresh-s3cret-{}", known.made),
    );
    known.refresh.insert(refresh.clone());
    let mut tokens = shared.tokens.lock().unwrap();
    tokens.clear();
    tokens.insert(access.clone());
    let mut answer =
        json!({"access_token": access, "token_type": "Bearer", "refresh_token": refresh});
    if let Some(seconds) = known.expires_in {
        answer["expires_in"] = json!(seconds);
    }
    axum::Json(answer).into_response()
}
