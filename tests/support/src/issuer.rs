//! An OpenID Connect issuer: keys of every kind that signs tokens, the tokens, and a server that
//! publishes the keys. Tokens are put together by hand, so that they can be wrong in any way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeys, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::TestServer;

/// A private key.
pub enum SigningKey {
    /// For RS256, RS384, RS512 and PS256.
    Rsa(RsaKeys),
    /// For ES256.
    P256(EcdsaKeyPair),
    /// For ES384.
    P384(EcdsaKeyPair),
    /// For EdDSA.
    Ed25519(Ed25519KeyPair),
}

/// An RSA key, which takes a moment to make: one for all tests of a process.
pub static RSA: LazyLock<SigningKey> = LazyLock::new(|| {
    SigningKey::Rsa(RsaKeys::generate(KeySize::Rsa2048).expect("a key can be made"))
});

impl SigningKey {
    /// A new key for ES256.
    pub fn p256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self::P256(key.expect("a key can be made"))
    }

    /// A new key for ES384.
    pub fn p384() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING);
        Self::P384(key.expect("a key can be made"))
    }

    /// A new key for EdDSA.
    pub fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("a key can be made"))
    }

    /// The public key, as an issuer publishes it.
    pub fn published(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let curve = |name: &str, key: &EcdsaKeyPair| {
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({"kty": "EC", "crv": name, "x": text(x), "y": text(y)})
        };
        let mut json = match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                json!({
                    "kty": "RSA",
                    "n": text(public.modulus().big_endian_without_leading_zero()),
                    "e": text(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Self::P256(key) => curve("P-256", key),
            Self::P384(key) => curve("P-384", key),
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())})
            }
        };
        json["kid"] = id.into();
        json["use"] = "sig".into();
        json
    }

    /// A token with this head, signed by its `alg`.
    pub fn token(&self, head: &Value, claims: &Value) -> String {
        let signed = unsigned(head, claims);
        let signature = self.sign(head["alg"].as_str().expect("an alg"), signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let padding: &dyn signature::RsaEncoding = match algorithm {
                    "RS256" => &signature::RSA_PKCS1_SHA256,
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    other => panic!("{other} is no algorithm of RSA"),
                };
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(padding, &random, message, &mut signature);
                signed.expect("it can be signed");
                signature
            }
            Self::P256(key) | Self::P384(key) => {
                let signed = key.sign(&random, message).expect("it can be signed");
                signed.as_ref().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

/// Head and claims of a token, without a signature.
pub fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    format!("{}.{}", part(head), part(claims))
}

struct Shared {
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
    is_down: AtomicBool,
}

/// An issuer on a free loopback port.
pub struct OidcIssuer {
    server: TestServer,
    shared: Arc<Shared>,
}

impl OidcIssuer {
    /// Publishes these keys.
    pub async fn start(keys: Vec<Value>) -> Self {
        let shared = Arc::new(Shared {
            keys: Mutex::new(keys),
            fetches: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
        });
        let routes = Router::new()
            .route("/team/.well-known/openid-configuration", get(describe))
            .route("/team/keys", get(publish))
            .with_state(shared.clone());
        Self {
            server: TestServer::start(routes).await,
            shared,
        }
    }

    /// What it calls itself.
    pub fn name(&self) -> String {
        format!("{}/team", self.server.url())
    }

    /// Publishes others from now on.
    pub fn publish(&self, keys: Vec<Value>) {
        *self.shared.keys.lock().expect("no test panicked") = keys;
    }

    /// Answers with errors, or again with keys.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How often it was asked where its keys are, which is before every fetch of them.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }
}

async fn describe(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    if shared.is_down.load(Ordering::SeqCst) {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let host = headers["host"].to_str().expect("a host");
    let name = format!("http://{host}/team");
    Ok(Json(
        json!({"issuer": name, "jwks_uri": format!("{name}/keys")}),
    ))
}

async fn publish(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"keys": *shared.keys.lock().expect("no test panicked")}))
}
