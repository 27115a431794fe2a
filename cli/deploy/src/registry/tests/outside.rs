//! A registry that answers what none should: it is whoever the repository's address names.

use std::collections::HashMap;

use axum::http::Method;
use serde_json::json;

use super::script::{Script, exported, revision, start};
use super::*;
use crate::image_ref::Architecture;

const INDEX: &str = "/v2/r/manifests/latest";

/// What becomes of looking up `latest`, and what the registry was asked for it.
async fn resolved(
    answers: impl IntoIterator<Item = (String, Option<Vec<u8>>)>,
) -> (RegistryError, Vec<String>) {
    let answers: HashMap<_, _> = answers.into_iter().collect();
    let (script, _server, config) = start(Script {
        answers,
        ..Script::default()
    })
    .await;
    let registry = Registry::connect(&config, "r").await.unwrap();
    let error = registry.resolve("latest", Architecture::X86_64).await;
    let asked = script.asked.lock().unwrap();
    let paths = asked.iter().map(|(_, path, _)| path.clone()).collect();
    (error.unwrap_err(), paths)
}

#[tokio::test]
async fn a_digest_that_is_a_path_is_never_asked_for() {
    for digest in [
        "../../../../evil?x=",
        "sha256:../../../../../evil",
        "sha256:0123",
        "/evil",
        "https://evil.example/",
    ] {
        let platform = json!({"architecture": "amd64", "os": "linux"});
        let index = json!({"manifests": [{"digest": digest, "platform": platform}]});
        let descriptor = json!({"digest": digest, "mediaType": "x", "size": 1});
        let image = json!({"schemaVersion": 2, "config": descriptor, "layers": []});
        for answer in [index, image] {
            let answer = Some(answer.to_string().into_bytes());
            let (error, asked) = resolved([(INDEX.to_owned(), answer)]).await;
            assert!(matches!(error, RegistryError::Corrupt(_)), "{error:?}");
            assert_eq!(asked, [INDEX], "{digest}");
        }
    }
}

#[tokio::test]
async fn manifests_and_configurations_are_read_to_a_bound() {
    let (error, _) = resolved([(INDEX.to_owned(), None)]).await;
    assert!(matches!(error, RegistryError::Corrupt(_)), "{error:?}");

    let digest = Digest::of(b"a configuration");
    let descriptor = json!({"digest": digest, "mediaType": "x", "size": 1});
    let image = json!({"schemaVersion": 2, "config": descriptor, "layers": []});
    let (error, asked) = resolved([
        (INDEX.to_owned(), Some(image.to_string().into_bytes())),
        (format!("/v2/r/blobs/{digest}"), None),
    ])
    .await;
    assert!(matches!(error, RegistryError::Corrupt(_)), "{error:?}");
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn the_token_goes_to_the_registry_alone_wherever_it_says_that_an_upload_continues() {
    let (other, other_server, _) = start(Script::default()).await;
    let (script, _server, config) = start(Script {
        uploads_at: Some(format!("{}/v2/r/blobs/uploads/1", other_server.url())),
        ..Script::default()
    })
    .await;
    let registry = Registry::connect(&config, "r").await.unwrap();
    let pushed = registry.push_exported(&exported(), &revision(), &()).await;
    pushed.unwrap();
    let asked = script.asked.lock().unwrap().clone();
    assert!(
        asked.iter().all(|(_, _, has_token)| *has_token),
        "{asked:?}"
    );
    let elsewhere = other.asked.lock().unwrap().clone();
    assert!(
        elsewhere
            .iter()
            .any(|(method, ..)| *method == Method::PATCH)
    );
    assert!(
        elsewhere.iter().all(|(_, _, has_token)| !*has_token),
        "{elsewhere:?}"
    );
}
