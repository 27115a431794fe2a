//! A registry that follows a script.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use support::TestServer;

use super::super::export::ExportedImage;
use super::super::{PushedImage, Registry, RegistryError};
use crate::build::{SourceRevision, TreeState};
use crate::image_ref::Digest;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// ECR with one repository, `r`.
#[derive(Default)]
pub(super) struct Script {
    /// The account that the repository is in; if there is none, the caller's.
    pub(super) account: Option<&'static str>,
    /// The region that it is in.
    pub(super) region: Region,
    /// Whether the caller may have a token.
    pub(super) denies_tokens: bool,
    /// How many tokens were handed out.
    pub(super) tokens: AtomicUsize,
    /// The answer to uploads with the first token.
    pub(super) refusal: Option<(StatusCode, &'static str)>,
    /// How many uploads fail before one succeeds.
    pub(super) failures: AtomicUsize,
    /// The queries of the uploads that were completed.
    pub(super) blobs: Mutex<Vec<String>>,
    pub(super) manifest: Mutex<Option<Vec<u8>>>,
    /// The tags that were given to the image that the repository has.
    pub(super) tags: Mutex<Vec<String>>,
    /// What ECR answers when it is told to give it one.
    pub(super) tag_refusal: Option<&'static str>,
    /// What is answered to GET, by path; `None` is an answer without an end.
    pub(super) answers: HashMap<String, Option<Vec<u8>>>,
    /// Where uploads continue, if not here.
    pub(super) uploads_at: Option<String>,
    /// What the registry itself was asked: method, path, and whether with a token.
    pub(super) asked: Mutex<Vec<(Method, String, bool)>>,
}

/// A region; where nothing is said, the one of the SDK's configuration here.
pub(super) struct Region(pub(super) &'static str);

impl Default for Region {
    fn default() -> Self {
        Self("us-east-1")
    }
}

/// The region that a request is signed for.
fn signed_region(headers: &HeaderMap) -> &str {
    let signature = headers[header::AUTHORIZATION].to_str().unwrap();
    signature.split('/').nth(2).unwrap()
}

/// What ECR's API answers, and whether that is a success.
fn api_answer(
    script: &Script,
    operation: &str,
    region: &str,
    request: &Value,
) -> (StatusCode, Value) {
    let is_here = request["registryId"].as_str() == script.account && region == script.region.0;
    match operation {
        "GetAuthorizationToken" if script.denies_tokens => (
            StatusCode::BAD_REQUEST,
            json!({"__type": "AccessDeniedException", "message": "not authorized"}),
        ),
        "GetAuthorizationToken" if region != script.region.0 => panic!("a token of {region}"),
        "GetAuthorizationToken" => {
            let number = script.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            let token = json!({"authorizationToken": format!("token{number}"), "expiresAt": 4_102_444_800_u64});
            (StatusCode::OK, json!({"authorizationData": [token]}))
        }
        "DescribeRepositories" | "ListImages" | "BatchGetImage" | "PutImage" if !is_here => (
            StatusCode::BAD_REQUEST,
            json!({"__type": "RepositoryNotFoundException", "message": "it does not exist"}),
        ),
        "DescribeRepositories" => (
            StatusCode::OK,
            json!({"repositories": [{"repositoryName": "r", "repositoryUri": "1.dkr.ecr.us-east-1.amazonaws.com/r"}]}),
        ),
        "ListImages" => (
            StatusCode::OK,
            json!({"imageIds": [{"imageDigest": Digest::of(b"image")}]}),
        ),
        "BatchGetImage" => {
            let id = &request["imageIds"][0];
            let tags = script.tags.lock().unwrap();
            let is_missing = |tag: &str| !tags.iter().any(|known| known == tag);
            if id["imageTag"].as_str().is_some_and(is_missing) {
                let failure = json!({"imageId": id, "failureCode": "ImageNotFound"});
                return (StatusCode::OK, json!({"images": [], "failures": [failure]}));
            }
            let image = json!({"imageId": id, "imageManifest": "{}", "imageManifestMediaType": MANIFEST_TYPE});
            (StatusCode::OK, json!({"images": [image], "failures": []}))
        }
        "PutImage" => {
            assert_eq!(request["imageManifest"], "{}");
            assert_eq!(request["imageManifestMediaType"], MANIFEST_TYPE);
            let tag = request["imageTag"].as_str().unwrap().to_owned();
            script.tags.lock().unwrap().push(tag);
            match script.tag_refusal {
                Some(code) => (StatusCode::BAD_REQUEST, json!({ "__type": code })),
                None => (StatusCode::OK, json!({"image": {}})),
            }
        }
        other => panic!("{other} is not scripted"),
    }
}

async fn scripted(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await;
    let path = parts.uri.path().to_owned();
    if let Some(target) = headers.get("x-amz-target") {
        let operation = target.to_str().unwrap().rsplit('.').next().unwrap();
        let request = serde_json::from_slice(&body.unwrap()).unwrap();
        let region = signed_region(&headers);
        let (status, answer) = api_answer(&script, operation, region, &request);
        let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
        return (status, kind, answer.to_string()).into_response();
    }
    let signed = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    script
        .asked
        .lock()
        .unwrap()
        .push((parts.method.clone(), path.clone(), signed.is_some()));
    if let (&Method::GET, Some(answer)) = (&parts.method, script.answers.get(&path)) {
        return match answer {
            Some(content) => content.clone().into_response(),
            None => {
                let chunks =
                    std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1 << 16]));
                axum::body::Body::from_stream(futures::stream::iter(chunks)).into_response()
            }
        };
    }
    let is_patch = parts.method == Method::PATCH;
    if let Some((status, message)) = script.refusal
        && signed == Some("Basic token1")
        && is_patch
    {
        return (status, message).into_response();
    }
    let here = "/v2/r/blobs/uploads/1?state=a";
    let upload = [(
        header::LOCATION,
        script.uploads_at.as_deref().unwrap_or(here).to_owned(),
    )];
    if parts.method == Method::POST {
        (StatusCode::ACCEPTED, upload).into_response()
    } else if is_patch {
        let left = |left: usize| left.checked_sub(1);
        if script
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
            .is_ok()
        {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        (StatusCode::ACCEPTED, upload).into_response()
    } else if path.contains("/manifests/") {
        let mut manifest = script.manifest.lock().unwrap();
        if parts.method == Method::PUT {
            *manifest = Some(body.unwrap().to_vec());
            return StatusCode::CREATED.into_response();
        }
        match manifest.as_deref() {
            Some(kept) => {
                ([("docker-content-digest", Digest::of(kept).to_string())]).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        }
    } else if parts.method == Method::PUT {
        script
            .blobs
            .lock()
            .unwrap()
            .push(parts.uri.query().unwrap().to_owned());
        StatusCode::CREATED.into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// An image as the engine exports it, of one layer.
pub(super) fn exported() -> ExportedImage {
    let mut archive = tar::Builder::new(Vec::new());
    let config = json!({"architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "rootfs": {"type": "layers", "diff_ids": ["sha256:x"]}});
    for (name, content) in [
        (
            "manifest.json",
            json!([{"Config": "c.json", "Layers": ["l/layer.tar"]}]).to_string(),
        ),
        ("c.json", config.to_string()),
        ("l/layer.tar", "not really".repeat(100_000)),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    ExportedImage::read(archive.into_inner().unwrap().as_slice()).unwrap()
}

pub(super) fn revision() -> SourceRevision {
    SourceRevision {
        sha: Some("0123456789ab".to_owned()),
        state: TreeState::Dirty,
    }
}

/// A server that follows the script, and the SDK set up for it.
pub(super) async fn start(script: Script) -> (Arc<Script>, TestServer, aws_config::SdkConfig) {
    let script = Arc::new(script);
    let routes = axum::Router::new()
        .fallback(scripted)
        .with_state(Arc::clone(&script));
    let server = TestServer::start(routes).await;
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .endpoint_url(server.url())
        .region(aws_config::Region::new("us-east-1"))
        .credentials_provider(aws_sdk_ecr::config::SharedCredentialsProvider::new(
            aws_sdk_ecr::config::Credentials::new("test", "test", None, None, "test"),
        ))
        .build();
    (script, server, config)
}

pub(super) async fn push_to(script: Script) -> (Arc<Script>, Result<PushedImage, RegistryError>) {
    let (script, _server, config) = start(script).await;
    let registry = Registry::connect(&config, "r").await.unwrap();
    let pushed = registry.push_exported(&exported(), &revision(), &()).await;
    (script, pushed)
}
