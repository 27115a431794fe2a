//! Base images of a registry that wants a login.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use support::TestServer;

use super::{engine, forget, request, unique};
use crate::build::{BuildError, DockerBuilder, DockerEngine, KnownCause};
use crate::docker_config::DockerConfig;
use crate::image_ref::Digest;

/// A registry with one image, `private`.
struct PrivateRegistry {
    host: String,
    _server: TestServer,
}

/// What a registry asks for. Most want a token, which their own server gives to who logs in; those
/// with public images give one to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    ForALogin,
    ForAToken,
    AnyoneForAToken,
}

struct Blobs {
    asks: Asks,
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

impl PrivateRegistry {
    async fn start(asks: Asks) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut head = tar::Header::new_gnu();
        head.set_size(4);
        tar.append_data(&mut head, "base", &b"base"[..]).unwrap();
        let layer = tar.into_inner().unwrap();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {}, "id": unique(),
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]},
        });
        let config = config.to_string().into_bytes();
        let described = |kind: &str, content: &[u8]| {
            json!({
                "mediaType": format!("application/vnd.docker.{kind}"),
                "digest": Digest::of(content), "size": content.len(),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": described("container.image.v1+json", &config),
            "layers": [described("image.rootfs.diff.tar", &layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        let blobs = std::sync::Arc::new(Blobs {
            asks,
            manifest,
            config,
            layer,
        });
        let routes = axum::Router::new().fallback(serve).with_state(blobs);
        let server = TestServer::start(routes).await;
        let host = server.url().trim_start_matches("http://").to_owned();
        Self {
            host: host.trim_end_matches('/').to_owned(),
            _server: server,
        }
    }
}

async fn serve(State(blobs): State<std::sync::Arc<Blobs>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let sent = head.headers.get(header::AUTHORIZATION);
    let sent = sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let login = format!("Basic {}", data_encoding::BASE64.encode(b"ada:s3cr3t"));
    if path == "/token" {
        // Docker's engine asks with a form, or with the login in the header.
        let form = axum::body::to_bytes(body, 1 << 16).await.unwrap();
        let form = String::from_utf8_lossy(&form).into_owned();
        let is_known =
            sent == login || form.contains("username=ada") && form.contains("password=s3cr3t");
        return match is_known || blobs.asks == Asks::AnyoneForAToken {
            true => r#"{"token": "given", "access_token": "given"}"#.into_response(),
            false => StatusCode::UNAUTHORIZED.into_response(),
        };
    }
    let (wanted, challenge) = match blobs.asks {
        Asks::ForALogin => (login, "Basic realm=\"private\"".to_owned()),
        Asks::ForAToken | Asks::AnyoneForAToken => {
            let host = head.headers[header::HOST].to_str().unwrap();
            let realm = format!("Bearer realm=\"http://{host}/token\",service=\"registry\"");
            ("Bearer given".to_owned(), realm)
        }
    };
    if sent != wanted {
        let challenge = [(header::WWW_AUTHENTICATE, challenge)];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let of = |content: &Vec<u8>, kind: &str| {
        let digest = Digest::of(content).to_string();
        let headers = [
            (header::CONTENT_TYPE, kind.to_owned()),
            (
                header::HeaderName::from_static("docker-content-digest"),
                digest,
            ),
        ];
        (headers, content.clone()).into_response()
    };
    if path == "/v2/" {
        StatusCode::OK.into_response()
    } else if path.contains("/manifests/") {
        of(
            &blobs.manifest,
            "application/vnd.docker.distribution.manifest.v2+json",
        )
    } else if path.ends_with(Digest::of(&blobs.config).as_str()) {
        of(&blobs.config, "application/octet-stream")
    } else {
        of(&blobs.layer, "application/octet-stream")
    }
}

/// Builds on the registry's image with this configuration of Docker's client.
async fn build_on(
    engine: &DockerEngine,
    registry: &PrivateRegistry,
    builder: DockerBuilder,
) -> Result<(), BuildError> {
    let dockerfile = format!("FROM {}/private\nCOPY content /\n", registry.host);
    let (_root, mut request) = request(&dockerfile, &unique());
    request.builder = Some(builder);
    let image = engine.build(&request, &()).await?;
    forget(engine, &image).await;
    let base = format!("{}/private:latest", registry.host);
    let options = None::<bollard::query_parameters::RemoveImageOptions>;
    let _ = engine.client.remove_image(&base, options, None).await;
    Ok(())
}

#[tokio::test]
async fn a_base_image_behind_a_login_is_pulled_with_what_docker_keeps() {
    let Some(mut engine) = engine().await else {
        return;
    };
    for asks in [Asks::ForALogin, Asks::ForAToken] {
        let registry = PrivateRegistry::start(asks).await;
        for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
            engine.config = DockerConfig::default();
            let error = build_on(&engine, &registry, builder).await.unwrap_err();
            let cause = error.known_cause();
            let what = format!("{asks:?} {builder:?} {error:?}");
            assert_eq!(cause, Some(KnownCause::BaseImageLogin), "{what}");
            let helper = r#"{"credsStore": "t3nets-none"}"#;
            let (_folder, config) = crate::docker_config::tests::config(helper);
            engine.config = config;
            let error = build_on(&engine, &registry, builder).await.unwrap_err();
            let expected = match builder {
                DockerBuilder::BuildKit => KnownCause::CredentialHelper,
                DockerBuilder::Classic => KnownCause::BaseImageLogin,
            };
            assert_eq!(error.known_cause(), Some(expected), "{what} {error:?}");
            let login = format!(
                r#"{{"auths": {{"{}": {{"auth": "{}"}}}}}}"#,
                registry.host,
                data_encoding::BASE64.encode(b"ada:s3cr3t")
            );
            let (_folder, config) = crate::docker_config::tests::config(&login);
            engine.config = config;
            let built = build_on(&engine, &registry, builder).await;
            built.unwrap_or_else(|error| panic!("{asks:?} {builder:?} {error:?}"));
        }
    }
}

#[tokio::test]
async fn a_public_base_image_is_pulled_without_a_login() {
    let Some(mut engine) = engine().await else {
        return;
    };
    engine.config = DockerConfig::default();
    let registry = PrivateRegistry::start(Asks::AnyoneForAToken).await;
    for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
        let built = build_on(&engine, &registry, builder).await;
        built.unwrap_or_else(|error| panic!("{builder:?} {error:?}"));
    }
}
