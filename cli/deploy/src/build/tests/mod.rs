//! Builds by the Docker engine of this machine: one file, since they share folders and engine.

mod private_registry;

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::docker_config::DockerConfig;
use crate::docker_config::context::{EngineAddress, TlsFiles};
use crate::report::{Event, Reporter};

/// Made by tests/images/make.
const WITH_A_SHELL: &str = "debian:bookworm-slim";

/// The engine, or `None` if the test should return.
pub(crate) async fn engine() -> Option<DockerEngine> {
    match DockerEngine::connect().await {
        Ok(engine) => Some(engine),
        Err(_) => {
            support::missing("a Docker engine");
            None
        }
    }
}

/// The engine with an image to begin with.
async fn engine_with_a_shell() -> Option<DockerEngine> {
    let engine = engine().await?;
    if engine.client.inspect_image(WITH_A_SHELL).await.is_err() {
        support::missing(WITH_A_SHELL);
        return None;
    }
    Some(engine)
}

/// What to build of a Dockerfile and a file beside it.
pub(crate) fn request(dockerfile: &str, content: &str) -> (tempfile::TempDir, BuildRequest) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("Dockerfile"), dockerfile).unwrap();
    fs::write(root.path().join("content"), content).unwrap();
    let request = BuildRequest {
        root: root.path().to_owned(),
        architecture: Architecture::X86_64,
        build_args: BTreeMap::new(),
        network: None,
        builder: None,
        secrets: Vec::new(),
        ssh: Vec::new(),
        purpose: "tests".to_owned(),
    };
    (root, request)
}

/// Text that no build saw before.
pub(crate) fn unique() -> String {
    let root = tempfile::tempdir().unwrap();
    root.path().display().to_string()
}

#[derive(Default)]
struct Steps(Mutex<Vec<(String, bool)>>);

impl Reporter for Steps {
    fn report(&self, event: Event<'_>) {
        if let Event::StepDone { name, cached, .. } = event {
            self.0.lock().unwrap().push((name.to_owned(), cached));
        }
    }
}

impl Steps {
    /// Whether the copying step's result was there already.
    fn copy_was_cached(&self) -> bool {
        let steps = self.0.lock().unwrap();
        let copied = steps.iter().find(|(name, _)| name.contains("COPY"));
        copied
            .unwrap_or_else(|| panic!("no such step in {steps:?}"))
            .1
    }
}

async fn forget(engine: &DockerEngine, image: &BuiltImage) {
    let removed = engine.client.remove_image(
        &image.id,
        None::<bollard::query_parameters::RemoveImageOptions>,
        None,
    );
    // Another test may hold the same one.
    let _ = removed.await;
}

#[tokio::test]
async fn both_builders_build_for_either_architecture_and_again_from_their_cache() {
    let Some(engine) = engine().await else { return };
    assert!(engine.version().starts_with(char::is_numeric));
    assert_eq!(engine.builder(), DockerBuilder::BuildKit);
    let (root, mut request) = request("FROM scratch\nCOPY content /\n", "");
    for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
        request.builder = Some(builder);
        for architecture in [Architecture::X86_64, Architecture::Arm64] {
            request.architecture = architecture;
            fs::write(root.path().join("content"), unique()).unwrap();
            let steps = Steps::default();
            let first = engine.build(&request, &steps).await.unwrap();
            assert_eq!(first.architecture, architecture);
            assert!(!steps.copy_was_cached(), "{builder:?} {architecture}");
            let steps = Steps::default();
            let second = engine.build(&request, &steps).await.unwrap();
            assert!(steps.copy_was_cached(), "{builder:?} {architecture}");
            assert_eq!(second.id, first.id, "{builder:?} {architecture}");
            forget(&engine, &first).await;
        }
    }
}

#[tokio::test]
async fn a_failing_step_is_named_with_its_last_lines() {
    let Some(engine) = engine_with_a_shell().await else {
        return;
    };
    let dockerfile = format!(
        "FROM {WITH_A_SHELL}\nARG SAY\nRUN seq 40 && echo \"$SAY\" && echo badly >&2 && exit 7\n"
    );
    let (_root, mut request) = request(&dockerfile, "");
    request
        .build_args
        .insert("SAY".to_owned(), "it ends".to_owned());
    request.network = Some("host".to_owned());
    for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
        request.builder = Some(builder);
        let error = engine.build(&request, &()).await.unwrap_err();
        let BuildError::Failed { step, log, source } = error else {
            panic!("{builder:?}: {error:?}");
        };
        let step = step.unwrap();
        assert!(step.name.contains("RUN seq 40"), "{step:?}");
        for line in ["it ends", "40"] {
            // The classic builder colours what goes to stderr, and the colour's end may come late.
            let is_there = step.last_lines.iter().any(|last| last.ends_with(line));
            assert!(is_there, "{builder:?}: {step:?}");
        }
        assert!(!step.last_lines.contains(&"2".to_owned()), "{step:?}");
        assert!(source.to_string().contains('7'), "{source:?}");
        let log = log.unwrap();
        let whole = fs::read_to_string(&log).unwrap();
        // The classic builder reads stderr beside stdout, so this line may come before others.
        assert!(
            whole.contains("\n2\n") && whole.contains("badly"),
            "{whole}"
        );
        fs::remove_file(log).unwrap();
    }
}

/// Ends waiting when a step begins.
struct Began(tokio::sync::Notify);

impl Reporter for Began {
    fn report(&self, event: Event<'_>) {
        if matches!(event, Event::StepOutput { line } if line.contains("it waits")) {
            self.0.notify_one();
        }
    }
}

/// Whether a process with this argument runs on this machine.
fn runs(argument: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .eq([b"sleep".as_slice(), argument.as_bytes(), b""])
    })
}

#[tokio::test]
async fn a_build_that_nobody_waits_for_ends_in_the_engine() {
    let Some(engine) = engine_with_a_shell().await else {
        return;
    };
    for (builder, seconds) in [
        (DockerBuilder::BuildKit, "86398"),
        (DockerBuilder::Classic, "86399"),
    ] {
        let dockerfile =
            format!("FROM {WITH_A_SHELL}\nARG ONCE\nRUN echo it waits && sleep {seconds}\n");
        let (_root, mut request) = request(&dockerfile, "");
        request.build_args.insert("ONCE".to_owned(), unique());
        request.network = Some("host".to_owned());
        request.builder = Some(builder);
        let began = Began(tokio::sync::Notify::new());
        tokio::select! {
            built = engine.build(&request, &began) => panic!("{builder:?}: {built:?}"),
            () = began.0.notified() => {}
        }
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        let ended = async {
            while runs(seconds) {
                tick.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended)
            .await
            .unwrap_or_else(|_| panic!("{builder:?} goes on"));
    }
}

/// Stands in for Rust's image: its cargo writes a program at once, of what the source says.
const STAND_IN: &str = r#"FROM debian:bookworm-slim
RUN mkdir -p /etc/ssl/certs && echo authorities >/etc/ssl/certs/ca-certificates.crt \
    && printf '%s\n' '#!/bin/sh' 'set -e' \
        'for triple; do :; done' \
        'mkdir -p "target/$triple/release"' \
        'cat Cargo.lock router/src/main.rs >"target/$triple/release/t3nets-router"' \
        >/usr/local/bin/cargo \
    && chmod +x /usr/local/bin/cargo
"#;

async fn layers(engine: &DockerEngine, image: &BuiltImage) -> Vec<String> {
    let found = engine.client.inspect_image(&image.id).await.unwrap();
    found.root_fs.unwrap().layers.unwrap()
}

#[tokio::test]
async fn the_dockerfile_gives_the_same_layers_by_either_builder_and_a_change_another_last_one() {
    let Some(engine) = engine_with_a_shell().await else {
        return;
    };
    let (_base, mut stand_in) = request(STAND_IN, "");
    stand_in.network = Some("host".to_owned());
    let base = engine.build(&stand_in, &()).await.unwrap();
    let options = bollard::query_parameters::TagImageOptions {
        repo: Some("t3nets-test-rust".to_owned()),
        tag: Some("stand-in".to_owned()),
    };
    engine
        .client
        .tag_image(&base.id, Some(options))
        .await
        .unwrap();

    let root = tempfile::tempdir().unwrap();
    let repository = support::aws::root();
    let files = [
        "Dockerfile",
        ".dockerignore",
        "Cargo.toml",
        "Cargo.lock",
        "cli/Cargo.toml",
        "cli/deploy/Cargo.toml",
        "router/Cargo.toml",
        "router/build.rs",
        "router/src/main.rs",
        "tests/support/Cargo.toml",
    ];
    for file in files {
        let to = root.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(repository.join(file), to).unwrap();
    }
    let mut request = BuildRequest {
        root: root.path().to_owned(),
        architecture: Architecture::X86_64,
        build_args: BTreeMap::from([(
            "RUST_IMAGE".to_owned(),
            "t3nets-test-rust:stand-in".to_owned(),
        )]),
        network: Some("host".to_owned()),
        builder: Some(DockerBuilder::BuildKit),
        secrets: Vec::new(),
        ssh: Vec::new(),
        purpose: "tests".to_owned(),
    };
    let image = engine.build(&request, &()).await.unwrap();
    let first = layers(&engine, &image).await;
    assert_eq!(first.len(), 2);
    assert_eq!(
        image.source.version.as_deref(),
        Some(env!("CARGO_PKG_VERSION"))
    );

    request.builder = Some(DockerBuilder::Classic);
    // Another argument: nothing is taken from an earlier run's cache.
    request
        .build_args
        .insert("T3NETS_GIT_SHA".to_owned(), unique());
    let image = engine.build(&request, &()).await.unwrap();
    assert_eq!(layers(&engine, &image).await, first);

    fs::write(root.path().join("router/src/main.rs"), "fn main() { }").unwrap();
    for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
        request.builder = Some(builder);
        let image = engine.build(&request, &()).await.unwrap();
        let changed = layers(&engine, &image).await;
        assert_eq!(changed[0], first[0], "{builder:?}");
        assert_ne!(changed[1], first[1], "{builder:?}");
    }
}

#[tokio::test]
async fn a_step_uses_a_secret_and_an_agent_that_the_image_does_not_keep() {
    let Some(engine) = engine_with_a_shell().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let agent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut connection in agent.incoming().flatten() {
            use std::io::{Read, Write};
            let mut question = [0; 4];
            while connection.read_exact(&mut question).is_ok() {
                assert_eq!(&question, b"who?");
                connection.write_all(b"an agent").unwrap();
            }
        }
    });
    // No program of the image's speaks to an agent, and perl can open a socket.
    let dockerfile = format!(
        "FROM {WITH_A_SHELL}\nARG ONCE\n\
         RUN --mount=type=secret,id=token test \"$(cat /run/secrets/token)\" = s3cr3t\n\
         RUN --mount=type=ssh test \"$(perl -MSocket -e '\
         socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ENV{{SSH_AUTH_SOCK}})) or die; \
         syswrite(S, \"who?\"); sysread(S, my $said, 8); print $said')\" = \"an agent\"\n"
    );
    let (_root, mut request) = request(&dockerfile, "");
    let secret = folder.path().join("token");
    fs::write(&secret, "s3cr3t").unwrap();
    request.build_args.insert("ONCE".to_owned(), unique());
    request.network = Some("host".to_owned());
    request.builder = Some(DockerBuilder::BuildKit);
    let without = engine.build(&request, &()).await.unwrap_err();
    assert!(format!("{without:?}").contains("token"), "{without:?}");

    request.secrets.push(BuildSecret {
        id: "token".to_owned(),
        source: SecretSource::File(secret),
    });
    request.ssh.push(SshAgent {
        id: "default".to_owned(),
        socket: Some(socket),
    });
    let image = engine.build(&request, &()).await.unwrap();
    let inspected = engine.client.inspect_image(&image.id).await.unwrap();
    assert!(!format!("{inspected:?}").contains("s3cr3t"));
    forget(&engine, &image).await;

    request.builder = Some(DockerBuilder::Classic);
    let error = engine.build(&request, &()).await.unwrap_err();
    assert!(matches!(error, BuildError::NeedsBuildKit), "{error:?}");
}

#[tokio::test]
async fn an_engine_behind_tls_builds_with_a_session_over_tls() {
    let Some(engine) = engine_with_a_shell().await else {
        return;
    };
    let Some(certificates) = support::certificates::Certificates::new() else {
        return;
    };
    let Some(socket) = engine.address.socket().map(PathBuf::from) else {
        support::tell("skipped: the engine has no socket here");
        return;
    };
    // The engine by TCP, and TLS before that.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("http://{}", listener.local_addr().unwrap());
    let forward = async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let socket = socket.clone();
            connections.spawn(async move {
                let mut to = tokio::net::UnixStream::connect(socket).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            });
        }
    };
    let (certificate, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    let front = support::https::HttpsFront::start(&plain, here, &certificate, &key).await;
    let address = EngineAddress {
        host: format!("tcp://127.0.0.1:{}", front.port()),
        tls: Some(TlsFiles {
            ca: certificates.path("ca.pem"),
            cert: certificate,
            key,
        }),
        context: None,
    };
    let dockerfile = format!(
        "FROM {WITH_A_SHELL}\nARG ONCE\n\
         RUN --mount=type=secret,id=PATH,required=true test -s /run/secrets/PATH\n"
    );
    let (_root, mut request) = request(&dockerfile, "");
    request.build_args.insert("ONCE".to_owned(), unique());
    request.network = Some("host".to_owned());
    request.secrets.push("id=PATH".parse().unwrap());
    let built = async {
        let far = DockerEngine::at(address, DockerConfig::default())
            .await
            .unwrap();
        far.build(&request, &()).await.unwrap()
    };
    let image = tokio::select! {
        image = built => image,
        () = forward => unreachable!("it goes on"),
    };
    forget(&engine, &image).await;
}

#[tokio::test]
async fn a_build_leaves_no_image_of_the_one_before_it() {
    let Some(engine) = engine().await else { return };
    for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
        let (root, mut request) = request("FROM scratch\nCOPY content /\n", &unique());
        request.builder = Some(builder);
        let exists =
            async |image: &BuiltImage| engine.client.inspect_image(&image.id).await.is_ok();
        let first = engine.build(&request, &()).await.unwrap();
        engine.remove_predecessors(&request, &first).await;
        assert!(exists(&first).await, "{builder:?}");

        // One that is for something else, or has a tag, is not its predecessor.
        let mut other = request.clone();
        other.purpose = "other".to_owned();
        let other = engine.build(&other, &()).await.unwrap();
        fs::write(root.path().join("content"), unique()).unwrap();
        let second = engine.build(&request, &()).await.unwrap();
        engine.remove_predecessors(&request, &second).await;
        assert!(!exists(&first).await, "{builder:?}");
        assert!(exists(&second).await && exists(&other).await, "{builder:?}");
        forget(&engine, &other).await;
        forget(&engine, &second).await;
    }
}

#[tokio::test]
async fn a_step_has_the_proxies_of_dockers_configuration_and_the_image_does_not() {
    let Some(mut engine) = engine_with_a_shell().await else {
        return;
    };
    let proxies = r#"{"proxies": {"default": {"httpProxy": "http://p:1", "noProxy": "a"}}}"#;
    let (_folder, config) = crate::docker_config::tests::config(proxies);
    engine.config = config;
    let dockerfile = format!(
        "FROM {WITH_A_SHELL}\nARG ONCE\n\
         RUN test \"$HTTP_PROXY $http_proxy $no_proxy\" = \"http://p:1 http://p:1 a\"\n"
    );
    let (_root, mut request) = request(&dockerfile, "");
    request.build_args.insert("ONCE".to_owned(), unique());
    request.network = Some("host".to_owned());
    for builder in [DockerBuilder::BuildKit, DockerBuilder::Classic] {
        request.builder = Some(builder);
        let image = engine.build(&request, &()).await.unwrap();
        let inspected = engine.client.inspect_image(&image.id).await.unwrap();
        assert!(
            !format!("{inspected:?}").contains("http://p:1"),
            "{builder:?}"
        );
        forget(&engine, &image).await;
    }
}
