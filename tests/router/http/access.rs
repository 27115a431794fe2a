//! Who may call what: every route by every kind of caller.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use t3nets_router::admin::Admin;
use t3nets_router::admin::users::LastAdmin;
use t3nets_router::http::{Callers, ROUTES};
use t3nets_router::model::{TenantSettings, UserRole};
use ulid::Ulid;

use super::{TestApp, add_tenant, request, tenant_id};

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without a credential.
    Nobody,
    /// With a credential that is none.
    Garbage,
    /// With a key whose time is over.
    Expired,
    /// With the key of a user who was removed.
    Removed,
    /// An admin of a tenant that was suspended.
    Suspended,
    Member,
    /// An admin by a key that may do what members may.
    AdminAsMember,
    Admin,
    /// An admin by the session of the page.
    Session,
    /// The same without the page's token.
    SessionWithoutToken,
}

const KINDS: [Kind; 10] = [
    Kind::Nobody,
    Kind::Garbage,
    Kind::Expired,
    Kind::Removed,
    Kind::Suspended,
    Kind::Member,
    Kind::AdminAsMember,
    Kind::Admin,
    Kind::Session,
    Kind::SessionWithoutToken,
];

/// The code of the refusal; `None` if the caller may call it.
fn refusal(kind: Kind, callers: Callers, method: &Method) -> Option<&'static str> {
    let of_session = matches!(kind, Kind::Session | Kind::SessionWithoutToken);
    let is_admin = of_session || kind == Kind::Admin;
    let is_user = is_admin || matches!(kind, Kind::Member | Kind::AdminAsMember);
    match callers {
        Callers::Everyone => None,
        Callers::EveryoneOrKnown if kind == Kind::Nobody => None,
        _ if kind == Kind::Suspended => Some("tenant_suspended"),
        _ if !is_user => Some("unauthorized"),
        Callers::Admins if !is_admin => Some("admins_only"),
        _ if kind == Kind::SessionWithoutToken && !method.is_safe() => Some("csrf_token_missing"),
        _ => None,
    }
}

/// The path of a route with something in place of its parameters.
pub(super) fn filled(path: &str, fill: impl Fn(&str) -> String) -> String {
    let parts = path.split('/').map(|part| {
        let name = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        name.map_or_else(|| part.to_owned(), &fill)
    });
    parts.collect::<Vec<_>>().join("/")
}

pub(super) fn call(method: &Method, path: &str, key: Option<&str>, body: &str) -> Request<Body> {
    let request = request(method.clone(), path, key)
        .header("content-type", "application/json")
        .header("idempotency-key", Ulid::generate().to_string());
    request.body(Body::from(body.to_owned())).unwrap()
}

/// The head of a caller's requests.
type Head = Vec<(&'static str, String)>;

async fn heads(app: &TestApp) -> impl Fn(Kind) -> Head {
    add_tenant(&app.platform, "closed", TenantSettings::default()).await;
    let ended = Timestamp::now() - SignedDuration::from_secs(1);
    let admin = app.key("default", "ada", UserRole::Admin).await;
    let as_member = app.key("default", "ada", UserRole::Member).await;
    let member = app.key("default", "bob", UserRole::Member).await;
    let expired = app
        .key_until("default", "ada", UserRole::Admin, Some(ended))
        .await;
    let suspended = app.key("closed", "ada", UserRole::Admin).await;
    let removed = app.key("closed", "bob", UserRole::Admin).await;
    let operator = Admin::new(app.platform.clone(), "operator:test");
    let closed = tenant_id("closed");
    let bob = "bob".parse().unwrap();
    operator
        .remove_user(&closed, &bob, LastAdmin::Keep)
        .await
        .unwrap();
    operator.suspend_tenant(&closed).await.unwrap();
    let signed_in = app.post("/session", None, &json!({"key": admin})).await;
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let token = signed_in.json()["csrf_token"].as_str().unwrap().to_owned();
    move |kind| {
        let key = |key: &str| vec![("authorization", format!("Bearer {key}"))];
        match kind {
            Kind::Nobody => Head::new(),
            Kind::Garbage => key("t3n_garbage"),
            Kind::Expired => key(&expired),
            Kind::Removed => key(&removed),
            Kind::Suspended => key(&suspended),
            Kind::Member => key(&member),
            Kind::AdminAsMember => key(&as_member),
            Kind::Admin => key(&admin),
            Kind::Session => vec![("cookie", cookie.clone()), ("x-csrf-token", token.clone())],
            Kind::SessionWithoutToken => vec![("cookie", cookie.clone())],
        }
    }
}

/// A call with this head.
fn call_with(method: &Method, path: &str, head: Head, body: &str) -> Request<Body> {
    let mut request = call(method, path, None, body);
    for (name, value) in head {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn every_route_is_called_by_those_who_may_and_by_nobody_else() {
    let app = TestApp::new().await;
    let heads = heads(&app).await;
    for (method, path, callers) in ROUTES {
        let path = filled(path, |_| "nothing".to_owned());
        for kind in KINDS {
            // It would end the session, or not (see session.rs).
            if (method, &*path) == (&Method::DELETE, "/session") {
                continue;
            }
            let answer = app.send(call_with(method, &path, heads(kind), "{}")).await;
            let seen = format!("{method} {path} by {kind:?}: {answer:?}");
            assert!(!answer.status.is_server_error(), "{seen}");
            match refusal(kind, *callers, method) {
                Some(code) => {
                    let code = match code {
                        // As OpenAI's clients know it.
                        "unauthorized" if path.starts_with("/v1/") => "invalid_api_key",
                        code => code,
                    };
                    let status = match code {
                        "unauthorized" | "invalid_api_key" => StatusCode::UNAUTHORIZED,
                        _ => StatusCode::FORBIDDEN,
                    };
                    assert_eq!(
                        (answer.status, &*answer.error_code()),
                        (status, code),
                        "{seen}"
                    );
                }
                None => {
                    let is_refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                    assert!(!is_refused.contains(&answer.status), "{seen}");
                }
            }
        }
    }
}

#[tokio::test]
async fn callers_without_a_key_may_chat_where_a_tenant_takes_them_and_no_more() {
    let app = TestApp::with(super::Setup {
        anonymous: true,
        ..Default::default()
    })
    .await;
    for (method, path, callers) in ROUTES {
        let path = filled(path, |_| "nothing".to_owned());
        let answer = app.send(call(method, &path, None, "{}")).await;
        let is_refused = answer.status == StatusCode::UNAUTHORIZED;
        let is_theirs = matches!(
            callers,
            Callers::Everyone | Callers::EveryoneOrKnown | Callers::Chat
        );
        assert_eq!(is_refused, !is_theirs, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn where_it_is_off_nobody_administers_over_http_and_all_else_works() {
    let app = TestApp::with(super::Setup {
        admin_api_off: true,
        ..Default::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    for (method, path, callers) in ROUTES {
        let path = filled(path, |_| "nothing".to_owned());
        let answer = app.send(call(method, &path, Some(&key), "{}")).await;
        let is_off = answer.status == StatusCode::FORBIDDEN;
        assert_eq!(
            is_off,
            *callers == Callers::Admins,
            "{method} {path}: {answer:?}"
        );
        if is_off {
            assert_eq!(answer.error_code(), "admin_api_off");
        }
    }
}

#[tokio::test]
async fn the_table_has_every_route_of_the_document_and_no_other() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json", None).await.json();
    let documented = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<(String, String)> = documented
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let undocumented = [
        "/openapi.json",
        "/",
        "/c/{session_id}",
        "/dashboard",
        "/setup",
        "/oauth/callback/{name}",
        "/assets/{file}",
        // Is not served, and says so.
        "/v1/embeddings",
    ];
    let in_table: BTreeSet<(String, String)> = ROUTES
        .iter()
        .filter(|(_, path, _)| !undocumented.contains(path))
        .map(|(method, path, _)| ((*path).to_owned(), method.to_string()))
        .collect();
    assert_eq!(documented, in_table);
    for (method, path, callers) in ROUTES {
        let is_own = path.starts_with("/api/me/");
        let administers = path.starts_with("/api/admin/") || (*method == Method::PUT && !is_own);
        assert_eq!(administers, *callers == Callers::Admins, "{method} {path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused_whoever_calls() {
    let app = TestApp::new().await;
    let heads = heads(&app).await;
    for (_, path, _) in ROUTES {
        let path = filled(path, |_| "nothing".to_owned());
        for kind in KINDS {
            let answer = app
                .send(call_with(&Method::TRACE, &path, heads(kind), ""))
                .await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{path}: {answer:?}"
            );
            assert!(answer.headers.contains_key("allow"), "{path}");
        }
    }
}
