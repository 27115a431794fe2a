//! Has the engine build the image, and looks at what came out.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use data_encoding::HEXLOWER;
use futures::StreamExt;

use super::context::BuildContext;
use super::engine::{refused, with_remedy};
use super::steps::Steps;
use super::{Architecture, BuildRequest, Builder, BuiltImage, Engine, Revision};
use crate::error::DeployError;
use crate::progress::Reporter;

/// How long more is waited for after the image is told.
const AFTERWARDS: Duration = Duration::from_millis(300);

impl Engine {
    /// Builds the image. Dropping the future ends the build in the engine.
    ///
    /// # Errors
    /// Not ready if there is nothing to build, failed if a step does or the image is not for the wanted architecture.
    pub async fn build(
        &self,
        request: &BuildRequest,
        reporter: &dyn Reporter,
    ) -> Result<BuiltImage, DeployError> {
        let started = Instant::now();
        let root = request.root.clone();
        let read = tokio::task::spawn_blocking(move || {
            let context = BuildContext::read(&root)?;
            let revision = Revision::of(&root, &context.ignore);
            Ok::<_, DeployError>((context, revision, version(&root)))
        });
        let (context, revision, version) = read.await.map_err(|error| {
            DeployError::failed("cannot read what the image is built from").caused_by(&error)
        })??;
        let BuildContext {
            archive, digest, ..
        } = context;

        let mut arguments: HashMap<String, String> = HashMap::from([
            ("T3NETS_GIT_SHA".to_owned(), revision.label()),
            ("T3NETS_VERSION".to_owned(), version.clone()),
        ]);
        arguments.extend(request.build_args.clone());
        let builder = request.builder.unwrap_or(self.builder);
        let options = BuildImageOptions {
            platform: request.architecture.platform().to_owned(),
            buildargs: Some(arguments),
            networkmode: request.network.clone(),
            rm: true,
            forcerm: true,
            version: match builder {
                Builder::BuildKit => BuilderVersion::BuilderBuildKit,
                Builder::Classic => BuilderVersion::BuilderV1,
            },
            session: match builder {
                Builder::BuildKit => Some(session_id()?),
                Builder::Classic => None,
            },
            ..BuildImageOptions::default()
        };
        let mut steps = Steps::new(reporter);
        let body = bollard::body_full(archive.into());
        let mut told = self.docker.build_image(options, None, Some(body));
        loop {
            // BuildKit may tell of its steps after it tells of the image, and leaves the session open: what has not come
            // shortly after does not come. The classic builder tells of an image after each stage.
            let patience = match (builder, steps.image()) {
                (Builder::BuildKit, Some(_)) => AFTERWARDS,
                _ => Duration::MAX,
            };
            let Ok(Some(info)) = tokio::time::timeout(patience, told.next()).await else {
                break;
            };
            match info {
                Ok(info) => steps.take(info),
                Err(error) => return Err(failed(&steps, &error)),
            }
        }
        drop(told);
        steps.end();
        let id = steps
            .image()
            .ok_or_else(|| DeployError::failed("Docker ended the build without an image"))?
            .to_owned();
        let (architecture, size) = inspect(self, &id).await?;
        if architecture != Some(request.architecture) {
            let found =
                architecture.map_or_else(|| "something else".to_owned(), |found| found.to_string());
            return Err(DeployError::failed(format!(
            "the image is for {found}, but the task definition runs on {}",
            request.architecture
        ))
        .hint("a base image for the other architecture may be in Docker already: `docker image rm` it"));
        }
        Ok(BuiltImage {
            id,
            size,
            architecture: request.architecture,
            revision,
            version,
            context: digest,
            builder,
            took: started.elapsed(),
        })
    }
}

/// The workspace's version, as its manifest has it.
fn version(root: &std::path::Path) -> String {
    let read = || {
        let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml"))
            .ok()?
            .parse()
            .ok()?;
        let version = manifest.get("workspace")?.get("package")?.get("version")?;
        Some(version.as_str()?.to_owned())
    };
    read().unwrap_or_else(|| "unknown".to_owned())
}

/// One that no other build uses.
fn session_id() -> Result<String, DeployError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| DeployError::failed("the system has no randomness").caused_by(&error))?;
    Ok(HEXLOWER.encode(&bytes))
}

async fn inspect(engine: &Engine, id: &str) -> Result<(Option<Architecture>, u64), DeployError> {
    let image = engine
        .docker
        .inspect_image(id)
        .await
        .map_err(|error| refused("Docker does not show the image that it built", &error))?;
    let is_linux = image.os.as_deref() == Some("linux");
    let architecture = image.architecture.filter(|_| is_linux);
    let size = image.size.unwrap_or(0);
    Ok((
        architecture.as_deref().and_then(Architecture::from_image),
        u64::try_from(size).unwrap_or(0),
    ))
}

/// Why there is no image, with the failed step's last lines; the whole log is left in a file.
fn failed(steps: &Steps<'_>, error: &bollard::errors::Error) -> DeployError {
    let step = steps.failed();
    let mut described = DeployError::failed(match &step {
        Some((name, _)) => format!("the image cannot be built: `{name}` failed"),
        None => "the image cannot be built".to_owned(),
    })
    .caused_by(error);
    if let Some((_, lines)) = step.filter(|(_, lines)| !lines.is_empty()) {
        let shown = lines.join("\n    ");
        described
            .causes
            .push(format!("its last lines:\n    {shown}"));
    }
    if let Some(path) = keep(steps.log()) {
        described = described.hint(format!("the whole log is in `{}`", path.display()));
    }
    with_remedy(described)
}

/// Leaves the log where only its owner can read it.
fn keep(log: &str) -> Option<std::path::PathBuf> {
    if log.is_empty() {
        return None;
    }
    let mut file = tempfile::Builder::new()
        .prefix("t3nets-build-")
        .suffix(".log")
        .tempfile()
        .ok()?;
    file.write_all(log.as_bytes()).ok()?;
    Some(file.keep().ok()?.1)
}
