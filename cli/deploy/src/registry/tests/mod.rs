//! Pushes: to ministack's registry, and to one that follows a script.

mod outside;
mod script;

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_ecr::types::ImageIdentifier;
use axum::http::StatusCode;
use serde_json::json;
use support::aws::AwsServer;

use self::script::{Region, Script, exported, push_to, revision, start};
use super::export::{Blob, normalized};
use super::*;
use crate::build::tests::{engine, request, unique};
use crate::build::{BuildRequest, BuiltImage, DockerEngine};

const TWO_LAYERS: &str = "FROM scratch\nCOPY Dockerfile /\nCOPY content /\nLABEL org.opencontainers.image.version=1.2.3\n";

async fn repository(server: &AwsServer, name: &str) -> (aws_config::SdkConfig, Registry) {
    let config = server.sdk_config().await;
    let ecr = aws_sdk_ecr::Client::new(&config);
    ecr.create_repository()
        .repository_name(name)
        .send()
        .await
        .unwrap();
    let registry = Registry::connect(&config, name).await.unwrap();
    (config, registry)
}

async fn build(engine: &DockerEngine, request: &BuildRequest) -> BuiltImage {
    engine.build(request, &()).await.unwrap()
}

#[test]
fn only_ecr_gets_ecrs_token() {
    let config = aws_config::SdkConfig::builder().build();
    let of = |text: &str| registry_address(&config, &text.parse().unwrap());
    let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let url = of(&format!("{ecr}/router")).unwrap();
    assert_eq!(url.as_str(), format!("https://{ecr}/"));
    for other in [
        "registry.example",
        "registry.example:5000",
        "123456789012.dkr.ecr.us-east-1.evil.example",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
    ] {
        let error = of(&format!("{other}/router")).unwrap_err();
        assert!(
            matches!(error, RegistryError::NotEcr(_)),
            "{other}: {error}"
        );
    }
    // What stands in for ECR on this machine.
    let local = of("localhost:5000/router").unwrap();
    assert_eq!(local.as_str(), "http://localhost:5000/");
}

#[tokio::test]
async fn only_what_the_registry_lacks_is_sent() {
    let Some(engine) = engine().await else { return };
    let Some(server) = AwsServer::shared_ministack() else {
        return;
    };
    let (config, registry) = repository(server, "image-push").await;
    let (root, mut request) = request(TWO_LAYERS, &unique());
    let image = build(&engine, &request).await;

    let first = registry.push(&engine, &image, &()).await.unwrap();
    assert_eq!((first.layers, first.layers_pushed), (2, 2));
    assert!(first.bytes_pushed > 0);
    assert!(first.tag.starts_with("unknown-"), "{}", first.tag);

    // The registry agrees on what it has.
    let ecr = aws_sdk_ecr::Client::new(&config);
    let found = ecr
        .batch_get_image()
        .repository_name("image-push")
        .image_ids(ImageIdentifier::builder().image_tag(&first.tag).build())
        .send()
        .await
        .unwrap();
    let id = found.images()[0].image_id().unwrap();
    assert_eq!(id.image_digest(), Some(first.digest.as_str()));

    let again = registry.push(&engine, &image, &()).await.unwrap();
    assert_eq!((again.layers_pushed, again.bytes_pushed), (0, 0));
    assert_eq!((&again.tag, &again.digest), (&first.tag, &first.digest));

    // A change moves its own layer alone.
    std::fs::write(root.path().join("content"), unique()).unwrap();
    let changed = build(&engine, &request).await;
    let changed = registry.push(&engine, &changed, &()).await.unwrap();
    assert_eq!((changed.layers, changed.layers_pushed), (2, 1));
    assert_ne!(changed.tag, first.tag);

    for reference in [
        first.tag.clone(),
        first.digest.to_string(),
        format!("{}:{}", first.image.repository(), first.tag),
        format!("image-push@{}", first.digest),
    ] {
        let resolved = registry
            .resolve(&reference, Architecture::X86_64)
            .await
            .unwrap();
        assert_eq!(resolved.image, first.image, "{reference}");
        assert_eq!(resolved.architecture, Some(Architecture::X86_64));
        assert_eq!(resolved.version.as_deref(), Some("1.2.3"));
    }
    request.architecture = Architecture::Arm64;
    let other = registry
        .push(&engine, &build(&engine, &request).await, &())
        .await
        .unwrap();
    let resolved = registry
        .resolve(&other.tag, Architecture::X86_64)
        .await
        .unwrap();
    assert_eq!(resolved.architecture, Some(Architecture::Arm64));

    let missing = registry
        .resolve("nothing", Architecture::X86_64)
        .await
        .unwrap_err();
    assert!(
        matches!(&missing, RegistryError::ImageNotFound { image, .. } if image == "nothing"),
        "{missing:?}"
    );
    let elsewhere = registry
        .resolve("docker.io/library/debian:12", Architecture::X86_64)
        .await
        .unwrap_err();
    assert!(
        matches!(elsewhere, RegistryError::OtherRepository { .. }),
        "{elsewhere:?}"
    );
}

#[tokio::test]
async fn a_repository_that_does_not_exist_is_named() {
    let Some(server) = AwsServer::shared_ministack() else {
        return;
    };
    let config = server.sdk_config().await;
    let Err(error) = Registry::connect(&config, "image-missing").await else {
        panic!("there is none");
    };
    assert!(
        matches!(&error, RegistryError::RepositoryNotFound { repository, .. } if repository == "image-missing"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_repository_of_another_account_is_found_there_by_a_deploy_as_by_the_doctor() {
    let (_, _server, config) = start(Script {
        account: Some("210987654321"),
        ..Script::default()
    })
    .await;
    let theirs = "210987654321.dkr.ecr.us-east-1.amazonaws.com/r";
    let registry = Registry::connect(&config, theirs).await.unwrap();
    assert_eq!(registry.repository().to_string(), theirs);
    RepositoryFacts::of(&config, theirs).await.unwrap();
    for ours in ["r", "123456789012.dkr.ecr.us-east-1.amazonaws.com/r"] {
        for error in [
            Registry::connect(&config, ours).await.err(),
            RepositoryFacts::of(&config, ours).await.err(),
        ] {
            assert!(
                matches!(error, Some(RegistryError::RepositoryNotFound { .. })),
                "{ours}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_repository_of_another_region_is_asked_there() {
    let (_, _server, config) = start(Script {
        account: Some("210987654321"),
        region: Region("eu-west-1"),
        ..Script::default()
    })
    .await;
    for host in [
        "dkr.ecr.eu-west-1.amazonaws.com",
        "dkr-ecr.eu-west-1.on.aws",
    ] {
        let uri = format!("210987654321.{host}/r");
        let registry = Registry::connect(&config, &uri).await.unwrap();
        let pushed = registry.push_exported(&exported(), &revision(), &()).await;
        pushed.unwrap();
        RepositoryFacts::of(&config, &uri).await.unwrap();
        assert_eq!(count_images(&config, &uri).await.unwrap(), 1);
        let mut images = RepositoryImages::of(&config, &uri);
        let image = format!("{uri}@{}", Digest::of(b"image"));
        assert_eq!(
            images.check(&image).await,
            Some(true),
            "{:?}",
            images.error()
        );
    }
    let here = "210987654321.dkr.ecr.us-east-1.amazonaws.com/r";
    let error = Registry::connect(&config, here).await.err().unwrap();
    let message = error.to_string();
    assert!(
        message.ends_with("of account 210987654321 in us-east-1"),
        "{message}"
    );
}

#[tokio::test]
async fn an_image_to_keep_gets_a_tag_of_its_own_once() {
    let image = format!(
        "1.dkr.ecr.us-east-1.amazonaws.com/r@{}",
        Digest::of(b"image")
    );
    let (script, _server, config) = start(Script::default()).await;
    let mut images = RepositoryImages::of(&config, "r");
    assert_eq!(images.is_kept(&image).await.unwrap(), Some(false));
    for _ in 0..2 {
        images.keep(&image).await.unwrap();
        assert_eq!(images.is_kept(&image).await.unwrap(), Some(true));
    }
    let expected = format!("kept-{}", Digest::of(b"image").short());
    assert_eq!(*script.tags.lock().unwrap(), [expected]);

    // Neither an image of another repository nor one without a digest is this repository's.
    for other in [image.replace("/r@", "/other@"), "repo:bootstrap".to_owned()] {
        images.keep(&other).await.unwrap();
        assert_eq!(images.is_kept(&other).await.unwrap(), None, "{other}");
    }
    assert_eq!(script.tags.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_image_that_somebody_else_has_just_marked_is_kept_and_a_refusal_is_told() {
    let image = format!(
        "1.dkr.ecr.us-east-1.amazonaws.com/r@{}",
        Digest::of(b"image")
    );
    for (code, is_error) in [
        ("ImageAlreadyExistsException", false),
        ("ImageTagAlreadyExistsException", true),
        ("AccessDeniedException", true),
    ] {
        let (_, _server, config) = start(Script {
            tag_refusal: Some(code),
            ..Script::default()
        })
        .await;
        let kept = RepositoryImages::of(&config, "r").keep(&image).await;
        assert_eq!(kept.is_err(), is_error, "{code}: {kept:?}");
    }
}

#[tokio::test]
async fn what_ecr_refuses_is_told_where_docker_has_no_login_either() {
    let (_, pushed) = push_to(Script {
        denies_tokens: true,
        ..Script::default()
    })
    .await;
    // There is no login for the server of this test: ECR's refusal is what is told.
    let error = pushed.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Aws(error) if error.code.as_deref() == Some("AccessDeniedException")),
        "{error:?}"
    );
}

/// Its digest must not depend on the program's release: the order of the fields is fixed.
#[tokio::test]
async fn a_manifest_is_of_dockers_type_with_its_fields_sorted() {
    let image = exported();
    let described = |kind: &str, blob: &Blob| {
        let kind = format!("application/vnd.docker.{kind}");
        json!({"mediaType": kind, "size": blob.size(), "digest": blob.digest})
    };
    // `Value` sorts its fields.
    let expected = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": described("container.image.v1+json", &image.config),
        "layers": [described("image.rootfs.diff.tar.gzip", &image.layers[0])],
    });
    let (script, pushed) = push_to(Script::default()).await;
    let manifest = script.manifest.lock().unwrap().clone().unwrap();
    assert_eq!(String::from_utf8(manifest).unwrap(), expected.to_string());
    let digest = Digest::of(expected.to_string().as_bytes());
    assert_eq!(pushed.unwrap().digest, digest);
}

#[tokio::test]
async fn a_token_that_ends_during_a_push_is_renewed() {
    for refusal in [
        (StatusCode::UNAUTHORIZED, "{}"),
        (
            StatusCode::FORBIDDEN,
            r#"{"errors": [{"code": "DENIED", "message": "Your authorization token has expired. Reauthenticate and try again."}]}"#,
        ),
    ] {
        let (script, pushed) = push_to(Script {
            refusal: Some(refusal),
            ..Script::default()
        })
        .await;
        let pushed = pushed.unwrap();
        assert_eq!(pushed.layers_pushed, 1);
        assert!(
            pushed.tag.starts_with("0123456789ab-dirty-"),
            "{}",
            pushed.tag
        );
        assert_eq!(script.tokens.load(Ordering::SeqCst), 2);
        assert_eq!(script.blobs.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_push_without_permission_is_denied_and_not_repeated() {
    let refusal = (
        StatusCode::FORBIDDEN,
        r#"{"errors": [{"code": "DENIED", "message": "not authorized to perform: ecr:UploadLayerPart"}]}"#,
    );
    let (script, pushed) = push_to(Script {
        refusal: Some(refusal),
        ..Script::default()
    })
    .await;
    let error = pushed.unwrap_err();
    assert!(
        matches!(&error, RegistryError::AccessDenied(refusal) if refusal.to_string().contains("UploadLayerPart")),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("token1"));
    assert_eq!(script.tokens.load(Ordering::SeqCst), 1);
    assert!(script.manifest.lock().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_push_survives_failures_in_passing_but_not_forever() {
    let failing = |failures| Script {
        failures: AtomicUsize::new(failures),
        ..Script::default()
    };
    let (_, pushed) = push_to(failing(3)).await;
    assert_eq!(pushed.unwrap().layers_pushed, 1);
    let (script, pushed) = push_to(failing(usize::MAX)).await;
    let error = pushed.unwrap_err();
    assert!(matches!(error, RegistryError::Failed(_)), "{error:?}");
    assert!(
        script.manifest.lock().unwrap().is_none(),
        "nothing half-done is to be seen"
    );
}

#[test]
fn an_image_is_the_same_whenever_and_wherever_it_was_built() {
    let config = |created: &str, host: &str| {
        json!({
            "architecture": "amd64", "os": "linux", "created": created, "container": host,
            "config": {"Hostname": host, "Image": host, "User": "1", "Env": ["A=b"], "Volumes": null},
            "history": [{"created": created}], "docker_version": "1",
            "rootfs": {"type": "layers", "diff_ids": []},
        })
    };
    let one = normalized(&config("2026-01-01", "a"));
    assert_eq!(one, normalized(&config("2026-01-02", "b")));
    assert_eq!(
        one,
        json!({"architecture": "amd64", "os": "linux", "config": {"User": "1", "Env": ["A=b"]}, "rootfs": {"type": "layers", "diff_ids": []}})
    );
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let config = |endpoint: &str| {
        aws_config::SdkConfig::builder()
            .endpoint_url(endpoint)
            .build()
    };
    let address = |endpoint: &str, host: &str| match local_address(&config(endpoint), host) {
        Some(here) => Ok(here),
        None => https_address(host),
    };
    for (endpoint, host, expected) in [
        (
            "https://e.example.com",
            "r.example.com",
            "https://r.example.com/",
        ),
        (
            "http://e.example.com",
            "r.example.com",
            "https://r.example.com/",
        ),
        (
            "https://e.example.com",
            "localhost:4571",
            "http://localhost:4571/",
        ),
        (
            "http://127.0.0.1:4572",
            "localhost:4571",
            "http://localhost:4571/",
        ),
        (
            "http://127.0.0.1:4572",
            "r.example.com",
            "http://127.0.0.1:4572/",
        ),
    ] {
        let found = address(endpoint, host).unwrap();
        assert_eq!(found.as_str(), expected, "{endpoint} {host}");
    }
    for bad in ["", "two words"] {
        let refused = address("https://e.example.com", bad).unwrap_err();
        assert!(matches!(refused, RegistryError::InvalidAddress(_)), "{bad}");
    }
}
