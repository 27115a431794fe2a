//! A registry that wants a login.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use support::TestServer;

use super::unique;
use crate::image_ref::Digest;

/// A registry with one image, `private`, for one person.
pub(super) struct PrivateRegistry {
    pub(super) host: String,
    _server: TestServer,
}

struct Blobs {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

impl PrivateRegistry {
    pub(super) async fn start() -> Self {
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
    let login = format!("Basic {}", data_encoding::BASE64.encode(b"ada:s3cr3t"));
    if request
        .headers()
        .get(header::AUTHORIZATION)
        .is_none_or(|sent| *sent != login)
    {
        let asks = [(header::WWW_AUTHENTICATE, "Basic realm=\"private\"")];
        return (StatusCode::UNAUTHORIZED, asks).into_response();
    }
    let path = request.uri().path();
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
