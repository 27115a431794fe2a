//! Has Docker build the image, and looks at what came out.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use data_encoding::HEXLOWER;
use futures::StreamExt;

use super::context::BuildContext;
use super::steps::BuildSteps;
use super::{
    BuildError, BuildRequest, BuiltImage, DockerBuilder, DockerEngine, DockerError, SourceRevision,
};
use crate::image_ref::Architecture;
use crate::report::Reporter;

/// How long further messages are waited for after BuildKit named the image.
const LAST_MESSAGES: Duration = Duration::from_millis(300);

impl DockerEngine {
    /// Builds the image. Dropping the future ends the build in the engine.
    ///
    /// # Errors
    /// If there is nothing to build, a step fails, or the image is not for the wanted architecture.
    pub async fn build(
        &self,
        request: &BuildRequest,
        reporter: &dyn Reporter,
    ) -> Result<BuiltImage, BuildError> {
        let root = request.root.clone();
        let read = tokio::task::spawn_blocking(move || {
            let context = BuildContext::read(&root)?;
            let revision = SourceRevision::of(&root, &context.ignore);
            Ok::<_, BuildError>((context, revision, version(&root)))
        });
        let (context, revision, version) = read.await??;
        let builder = request.builder.unwrap_or(self.builder);
        let mut arguments: HashMap<String, String> = HashMap::from([
            ("T3NETS_GIT_SHA".to_owned(), revision.label()),
            (
                "T3NETS_VERSION".to_owned(),
                version.clone().unwrap_or_else(|| "unknown".to_owned()),
            ),
        ]);
        arguments.extend(request.build_args.clone());
        let options = BuildImageOptions {
            platform: request.architecture.docker_platform().to_owned(),
            buildargs: Some(arguments),
            networkmode: request.network.clone(),
            rm: true,
            forcerm: true,
            version: match builder {
                DockerBuilder::BuildKit => BuilderVersion::BuilderBuildKit,
                DockerBuilder::Classic => BuilderVersion::BuilderV1,
            },
            session: match builder {
                DockerBuilder::BuildKit => Some(session_id()?),
                DockerBuilder::Classic => None,
            },
            ..BuildImageOptions::default()
        };
        let id = self.run(options, builder, context, reporter).await?;
        let found = self.architecture_of(&id).await?;
        if found != Some(request.architecture) {
            return Err(BuildError::WrongArchitecture {
                found,
                wanted: request.architecture,
            });
        }
        Ok(BuiltImage {
            id,
            architecture: request.architecture,
            revision,
            version,
        })
    }

    /// Sends the context and follows the build to its end; gives the image's id.
    async fn run(
        &self,
        options: BuildImageOptions,
        builder: DockerBuilder,
        context: BuildContext,
        reporter: &dyn Reporter,
    ) -> Result<String, BuildError> {
        let mut steps = BuildSteps::new(reporter);
        let body = bollard::body_full(context.archive.into());
        let mut messages = self.client.build_image(options, None, Some(body));
        loop {
            // BuildKit may report on its steps after it named the image, and then leaves the
            // session open: the stream does not end. The classic builder names an image after each
            // stage, and ends the stream.
            let patience = match (builder, steps.image()) {
                (DockerBuilder::BuildKit, Some(_)) => LAST_MESSAGES,
                _ => Duration::MAX,
            };
            let Ok(Some(message)) = tokio::time::timeout(patience, messages.next()).await else {
                break;
            };
            match message {
                Ok(message) => steps.take(message),
                Err(error) => {
                    return Err(BuildError::Failed {
                        step: steps.failed(),
                        log: keep_log(steps.log()),
                        source: error.into(),
                    });
                }
            }
        }
        drop(messages);
        steps.end();
        let id = steps.image().ok_or(BuildError::NoImage)?;
        Ok(id.to_owned())
    }

    /// What an image runs on. The classic builder takes a base image of another architecture that
    /// it has already, whatever platform was asked for.
    /// <https://github.com/docker/for-linux/issues/1144>
    async fn architecture_of(&self, id: &str) -> Result<Option<Architecture>, DockerError> {
        let inspected = self.client.inspect_image(id).await;
        let image = inspected.map_err(|error| DockerError::Refused {
            action: "inspect the image that it built",
            source: error.into(),
        })?;
        let is_linux = image.os.as_deref() == Some("linux");
        let architecture = image.architecture.as_deref().filter(|_| is_linux);
        Ok(architecture.and_then(Architecture::from_oci))
    }
}

/// The version in the workspace's manifest.
fn version(root: &Path) -> Option<String> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    let version = manifest.get("workspace")?.get("package")?.get("version")?;
    Some(version.as_str()?.to_owned())
}

/// A name for the build's session with BuildKit that no other build has.
fn session_id() -> Result<String, BuildError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}

/// Keeps the log of a failed build in a file that only its owner can read.
fn keep_log(log: &str) -> Option<PathBuf> {
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
