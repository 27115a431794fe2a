//! Has Docker build the image, and looks at what came out.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures::{Stream, StreamExt};
use reqwest::header::HeaderValue;

use super::inputs::{BuildInputs, INPUTS_LABEL};
use super::predecessors::TREE_LABEL;
use super::session::{Session, random_id};
use super::steps::BuildSteps;
use super::{BuildError, BuildRequest, BuiltImage, DockerBuilder, DockerEngine, DockerError};
use crate::docker_config::credentials::Credentials;
use crate::image_ref::Architecture;
use crate::report::Reporter;

/// How long further messages are waited for after BuildKit named the image.
const LAST_MESSAGES: Duration = Duration::from_millis(300);

/// How long Docker may report nothing of a build: a step may compile for long without a word.
const SILENCE: Duration = Duration::from_secs(60 * 60);

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(6 * 60 * 60);

/// How long Docker may take to say what an image is.
const INSPECTED: Duration = Duration::from_secs(60);

/// The header with a session's name.
const SESSION: &str = "x-docker-expose-session-uuid";

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
        let builder = request.builder.unwrap_or(self.builder);
        let inputs = BuildInputs::read(request, builder).await?;
        let mut arguments: HashMap<String, String> = inputs.arguments.into_iter().collect();
        for (name, value) in self.config.proxies(&self.address.host) {
            arguments.entry(name).or_insert(value);
        }
        let labels = HashMap::from([
            (INPUTS_LABEL.to_owned(), inputs.source.inputs.to_string()),
            (TREE_LABEL.to_owned(), request.tree()),
        ]);
        let options = BuildImageOptions {
            platform: request.architecture.docker_platform().to_owned(),
            buildargs: Some(arguments),
            labels: Some(labels),
            networkmode: request.network.clone(),
            rm: true,
            forcerm: true,
            ..BuildImageOptions::default()
        };
        let archive = inputs.context.archive;
        let id = match builder {
            DockerBuilder::BuildKit => self.by_buildkit(options, archive, request, reporter).await,
            DockerBuilder::Classic => self.by_classic(options, archive, request, reporter).await,
        }?;
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
            source: inputs.source,
        })
    }

    async fn by_buildkit(
        &self,
        options: BuildImageOptions,
        archive: Vec<u8>,
        request: &BuildRequest,
        reporter: &dyn Reporter,
    ) -> Result<String, BuildError> {
        let session = Session::open(&self.address, self.config.clone(), request).await?;
        let options = BuildImageOptions {
            version: BuilderVersion::BuilderBuildKit,
            session: Some(session.id.clone()),
            ..options
        };
        // The session that bollard opens by itself, under the name that the build is to use.
        let unused = HeaderValue::from_str(&random_id()?).map_err(|_| BuildError::NoImage)?;
        let client = self
            .client
            .clone()
            .with_request_modifier(move |mut request| {
                if let Some(id) = request.headers_mut().get_mut(SESSION) {
                    *id = unused.clone();
                }
                request
            });
        let body = bollard::body_full(archive.into());
        let messages = client.build_image(options, None, Some(body));
        // BuildKit may report on its steps after it named the image, and then leaves the session
        // open: the stream does not end.
        let id = follow(messages, LAST_MESSAGES, reporter).await?;
        drop(session);
        Ok(id)
    }

    async fn by_classic(
        &self,
        options: BuildImageOptions,
        archive: Vec<u8>,
        request: &BuildRequest,
        reporter: &dyn Reporter,
    ) -> Result<String, BuildError> {
        if !request.secrets.is_empty() || !request.ssh.is_empty() {
            return Err(BuildError::NeedsBuildKit);
        }
        // As with Docker's own client, a helper that fails is not yet a build that does.
        let known = self.config.all_credentials().await.unwrap_or_else(|error| {
            reporter.note(&error.to_string());
            BTreeMap::new()
        });
        let known = known.into_iter().map(|(server, credentials)| {
            let credentials = sent_to(&server, credentials);
            (server, credentials)
        });
        let options = BuildImageOptions {
            version: BuilderVersion::BuilderV1,
            ..options
        };
        let body = bollard::body_full(archive.into());
        let messages = self
            .client
            .build_image(options, Some(known.collect()), Some(body));
        // It names an image after each stage, and ends the stream.
        follow(messages, SILENCE, reporter).await
    }

    /// What an image runs on. The classic builder takes a base image of another architecture that
    /// it has already, whatever platform was asked for.
    /// <https://github.com/docker/for-linux/issues/1144>
    async fn architecture_of(&self, id: &str) -> Result<Option<Architecture>, DockerError> {
        let inspected = tokio::time::timeout(INSPECTED, self.client.inspect_image(id)).await;
        let inspected =
            inspected.unwrap_or_else(|_| Err(given_up("Docker did not answer", INSPECTED)));
        let image = inspected.map_err(|error| DockerError::Refused {
            action: "inspect the image that it built",
            source: error.into(),
        })?;
        let is_linux = image.os.as_deref() == Some("linux");
        let architecture = image.architecture.as_deref().filter(|_| is_linux);
        Ok(architecture.and_then(Architecture::from_oci))
    }
}

/// What the classic builder is told of a registry.
fn sent_to(server: &str, credentials: Credentials) -> DockerCredentials {
    let serveraddress = Some(server.to_owned());
    match credentials {
        Credentials::Password { username, password } => DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress,
            ..DockerCredentials::default()
        },
        Credentials::Token(token) => DockerCredentials {
            identitytoken: Some(token),
            serveraddress,
            ..DockerCredentials::default()
        },
    }
}

/// Follows a build to its end; gives the image's id. Once that is known, further messages are
/// waited for so long.
async fn follow(
    messages: impl Stream<Item = Result<BuildInfo, bollard::errors::Error>>,
    patience: Duration,
    reporter: &dyn Reporter,
) -> Result<String, BuildError> {
    let mut steps = BuildSteps::new(reporter);
    let mut messages = std::pin::pin!(messages);
    let end = tokio::time::Instant::now() + BUILD;
    loop {
        let patience = match steps.image() {
            Some(_) => patience,
            None => SILENCE,
        };
        let next = tokio::time::timeout(patience, messages.next());
        let message = match tokio::time::timeout_at(end, next).await {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) => break,
            Ok(Err(_)) if patience < SILENCE => break,
            Ok(Err(_)) => Err(given_up("nothing came from Docker", SILENCE)),
            Err(_) => Err(given_up("the build did not end", BUILD)),
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
    steps.end();
    let id = steps.image().ok_or(BuildError::NoImage)?;
    Ok(id.to_owned())
}

fn given_up(what: &str, after: Duration) -> bollard::errors::Error {
    let reason = format!("{what} within {} min", after.as_secs() / 60);
    io::Error::new(io::ErrorKind::TimedOut, reason).into()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Event;

    struct Nobody;

    impl Reporter for Nobody {
        fn report(&self, _: Event<'_>) {}
    }

    async fn followed(
        messages: impl Stream<Item = Result<BuildInfo, bollard::errors::Error>>,
    ) -> String {
        let error = follow(messages, LAST_MESSAGES, &Nobody).await.unwrap_err();
        t3nets_router::errors::chain(&error)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    }

    #[tokio::test(start_paused = true)]
    async fn a_docker_that_says_nothing_or_never_ends_is_given_up() {
        let silent = followed(futures::stream::pending()).await;
        assert!(
            silent.contains("nothing came from Docker within 60 min"),
            "{silent}"
        );
        let endless = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Some((Ok(BuildInfo::default()), ()))
        });
        let endless = followed(endless).await;
        assert!(
            endless.contains("the build did not end within 360 min"),
            "{endless}"
        );
    }
}
