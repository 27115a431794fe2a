//! Builds by the engine that runs here.

use std::fs;
use std::sync::Mutex;

use super::*;
use crate::deploy::progress::{Event, Reporter};
use crate::error::ErrorKind;

/// Made by tests/images/make.
const WITH_A_SHELL: &str = "debian:bookworm-slim";

/// The engine, or `None` if the test should return.
pub(crate) async fn engine() -> Option<Engine> {
    match Engine::connect().await {
        Ok(engine) => Some(engine),
        Err(_) => {
            support::missing("a Docker engine");
            None
        }
    }
}

/// The engine with an image to begin with.
async fn engine_with_a_shell() -> Option<Engine> {
    let engine = engine().await?;
    if engine.docker.inspect_image(WITH_A_SHELL).await.is_err() {
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

async fn forget(engine: &Engine, image: &BuiltImage) {
    let removed = engine.docker.remove_image(
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
    let (_root, mut request) = request("FROM scratch\nCOPY content /\n", &unique());
    for builder in [Builder::BuildKit, Builder::Classic] {
        request.builder = Some(builder);
        for architecture in [Architecture::X86_64, Architecture::Arm64] {
            request.architecture = architecture;
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
    for builder in [Builder::BuildKit, Builder::Classic] {
        request.builder = Some(builder);
        let error = engine.build(&request, &()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed);
        assert!(error.message.contains("RUN seq 40"), "{error:?}");
        let causes = error.causes.join("\n");
        for said in ["it ends", "badly", "40", "7"] {
            assert!(causes.contains(said), "{builder:?}: {causes}");
        }
        assert!(!causes.contains("\n    2\n"), "{causes}");
        let log = error
            .hints
            .iter()
            .find_map(|hint| hint.split('`').nth(1))
            .unwrap();
        assert!(fs::read_to_string(log).unwrap().contains("\n2\n"));
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
    for (builder, seconds) in [(Builder::BuildKit, "86398"), (Builder::Classic, "86399")] {
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
