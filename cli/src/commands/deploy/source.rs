//! Where the image comes from: built from the tree here and pushed, or in the registry already. All
//! of it is before the service is touched, so it can be interrupted and nothing was changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indicatif::DecimalBytes;
use t3nets_deploy::build::{
    BuildRequest, BuildSecret, BuildSource, DockerEngine, SshAgent, TreeState,
};
use t3nets_deploy::image_ref::{Architecture, ImageRef, Repository};
use t3nets_deploy::operations::CurrentDefinitions;
use t3nets_deploy::registry::{PushedImage, Registry};
use t3nets_deploy::report::{Reporter, Step};
use t3nets_deploy::session::ServiceSession;
use t3nets_deploy::task_definition::{BUILD_INPUTS, DesiredImage, PlannedImage, Tags};

use super::{DeployArgs, unplannable};
use crate::error::CliError;

/// Where the image comes from.
#[derive(Debug, Clone)]
pub(super) enum ImageSource {
    /// It is built from a folder.
    Tree(Tree),
    /// It was pushed before: a tag or a digest.
    Pushed(String),
}

/// A folder that an image is built from.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// The folder with the Dockerfile.
    pub(super) root: PathBuf,
    /// Values for the Dockerfile's `ARG`s, by name.
    build_args: BTreeMap<String, String>,
    /// The network that the build's commands use.
    network: Option<String>,
    /// What the build's commands may use and the image does not keep.
    secrets: Vec<BuildSecret>,
    /// Agents that sign for SSH.
    ssh: Vec<SshAgent>,
}

impl Tree {
    /// The build of it, for a registry's repository.
    fn request(&self, repository: &Repository, architecture: Architecture) -> BuildRequest {
        BuildRequest {
            root: self.root.clone(),
            architecture,
            build_args: self.build_args.clone(),
            network: self.network.clone(),
            builder: None,
            secrets: self.secrets.clone(),
            ssh: self.ssh.clone(),
            purpose: repository.to_string(),
        }
    }
}

/// The same, with Docker found where it is needed.
pub(super) enum ReadySource {
    Tree(Box<(Tree, DockerEngine)>),
    Pushed(String),
}

impl ImageSource {
    /// As the arguments say.
    ///
    /// # Errors
    /// Not ready if there is nothing to build here.
    pub(super) fn of(args: &DeployArgs) -> Result<Self, CliError> {
        if let Some(image) = &args.image {
            return Ok(Self::Pushed(image.clone()));
        }
        let current = std::env::current_dir().map_err(|error| {
            CliError::not_ready("cannot tell the current folder").caused_by(error)
        })?;
        let root = root_above(&current).ok_or_else(|| {
            CliError::not_ready("there is no `Dockerfile` here or above")
                .hint("run it inside a checkout of T3nets, or deploy what is already pushed with `--image REF`")
        })?;
        Ok(Self::Tree(Tree {
            root: root.to_owned(),
            build_args: args.build_arg.iter().cloned().collect(),
            network: args.build_network.clone(),
            secrets: args.secret.clone(),
            ssh: args.ssh.clone(),
        }))
    }

    /// Finds Docker, if something has to be built.
    ///
    /// # Errors
    /// As [`DockerEngine::connect`].
    pub(super) async fn ready(self) -> Result<ReadySource, CliError> {
        Ok(match self {
            Self::Tree(tree) => {
                let docker = DockerEngine::connect().await?;
                ReadySource::Tree(Box::new((tree, docker)))
            }
            Self::Pushed(reference) => ReadySource::Pushed(reference),
        })
    }

    /// What would run, without building it: what runs, where that was built from the same. The
    /// digest of any other image is not known yet.
    ///
    /// # Errors
    /// As [`Registry::connect`] and [`Registry::resolve`], or if the tree cannot be read.
    pub(super) async fn planned(
        &self,
        session: &ServiceSession<'_>,
        current: &CurrentDefinitions,
    ) -> Result<PlannedImage, CliError> {
        let tree = match self {
            Self::Pushed(reference) => {
                let found = pushed(session, current, reference).await?;
                return Ok(PlannedImage::Built {
                    image: found.image,
                    architecture: found.architecture,
                });
            }
            Self::Tree(tree) => tree,
        };
        let registry = registry(session).await?;
        let repository = registry.repository();
        let architecture = architecture(current)?;
        let here = tree.request(repository, architecture).source().await?;
        report_git(&here, session.reporter);
        let running = current.running.image(&session.target.container);
        let running: Option<ImageRef> = running
            .filter(|image| repository.digest_of(image).is_some())
            .filter(|_| is_from(&current.running.tags, &here))
            .and_then(|image| image.parse().ok());
        Ok(match running {
            Some(image) => PlannedImage::Built {
                image,
                architecture,
            },
            None => PlannedImage::ToBeBuilt {
                repository: repository.clone(),
            },
        })
    }
}

impl ReadySource {
    /// What is to run: built and pushed, or found in the registry. Dropping the future stops it.
    ///
    /// # Errors
    /// Not ready without a repository, failed if a step of the build does, denied if the registry
    /// refuses.
    pub(super) async fn image(
        &self,
        session: &ServiceSession<'_>,
        current: &CurrentDefinitions,
    ) -> Result<DesiredImage, CliError> {
        match self {
            Self::Pushed(reference) => {
                let step = session.reporter.begin(Step::Check, reference);
                let desired = pushed(session, current, reference).await?;
                step.done(&desired.image.to_string());
                Ok(desired)
            }
            Self::Tree(both) => {
                let (tree, docker) = both.as_ref();
                // Whether it can be pushed is known before the build's minutes are spent.
                let registry = registry(session).await?;
                let request = tree.request(registry.repository(), architecture(current)?);
                built(session, docker, &registry, &request).await
            }
        }
    }
}

/// What the image has to be built for.
pub(super) fn architecture(current: &CurrentDefinitions) -> Result<Architecture, CliError> {
    current.architecture().map_err(unplannable)
}

/// The nearest folder with a Dockerfile, from a folder on upward.
fn root_above(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| folder.join("Dockerfile").is_file())
}

async fn registry(session: &ServiceSession<'_>) -> Result<Registry, CliError> {
    Ok(Registry::connect(session.sdk, &session.target.repository).await?)
}

async fn pushed(
    session: &ServiceSession<'_>,
    current: &CurrentDefinitions,
    reference: &str,
) -> Result<DesiredImage, CliError> {
    let registry = registry(session).await?;
    let found = registry.resolve(reference, architecture(current)?).await?;
    let architecture = found.architecture.ok_or_else(|| {
        CliError::failed(format!(
            "image `{reference}` is built for an architecture that Fargate does not have"
        ))
    })?;
    Ok(DesiredImage {
        image: found.image,
        architecture,
        git_sha: found.revision,
        version: found.version,
        inputs: found.inputs,
    })
}

async fn built(
    session: &ServiceSession<'_>,
    docker: &DockerEngine,
    registry: &Registry,
    request: &BuildRequest,
) -> Result<DesiredImage, CliError> {
    let reporter = session.reporter;
    let step = reporter.begin(
        Step::Build,
        &format!(
            "`{}` for {}, by Docker {} with {}",
            request.root.display(),
            request.architecture,
            docker.version(),
            docker.builder()
        ),
    );
    let image = docker.build(request, reporter).await?;
    step.done(&format!(
        "version {}, commit {}",
        image.source.version.as_deref().unwrap_or("unknown"),
        image.source.revision.label()
    ));
    report_git(&image.source, reporter);
    let step = reporter.begin(Step::Check, "whether it runs where the service does");
    if image.architecture != request.architecture {
        return Err(CliError::failed(format!(
            "the image is built for {}, and the task definition runs on {}",
            image.architecture, request.architecture
        )));
    }
    step.done(&format!("{}, as the task definition", image.architecture));
    let step = reporter.begin(Step::Push, &registry.repository().to_string());
    let pushed = registry.push(docker, &image, reporter).await?;
    step.done(&sent(&pushed));
    docker.remove_predecessors(request, &image).await;
    let BuildSource {
        revision,
        version,
        inputs,
    } = image.source;
    Ok(DesiredImage {
        image: pushed.image,
        architecture: image.architecture,
        git_sha: revision.sha.as_ref().map(|_| revision.label()),
        version,
        inputs: Some(inputs),
    })
}

/// Says so where git could not compare the tree with its commit, and what helps.
fn report_git(source: &BuildSource, reporter: &dyn Reporter) {
    if let TreeState::Unknown(failure) = &source.revision.state {
        let remedy = failure.remedy.as_ref();
        let remedy = remedy.map_or_else(String::new, |command| format!("; `{command}` helps"));
        reporter.note(&format!(
            "git cannot say what differs from the commit, so the image is labelled `{}`: {}{remedy}",
            source.revision.label(),
            failure.message
        ));
    }
}

/// Whether a revision's image was built from what is here.
fn is_from(tags: &Tags, here: &BuildSource) -> bool {
    tags.get(BUILD_INPUTS)
        .is_some_and(|inputs| inputs == here.inputs.as_str())
}

/// What a push had to send.
fn sent(pushed: &PushedImage) -> String {
    let PushedImage {
        tag,
        digest,
        size,
        layers,
        layers_pushed,
        bytes_pushed,
        ..
    } = pushed;
    let size = DecimalBytes(*size);
    let what = match layers_pushed {
        0 => "nothing to push: the registry has every layer".to_owned(),
        _ => format!(
            "{layers_pushed} of {layers} layers, {} of {size}",
            DecimalBytes(*bytes_pushed)
        ),
    };
    format!("{what}; `{tag}` is {digest}")
}

#[cfg(test)]
mod tests {
    use t3nets_deploy::build::SourceRevision;
    use t3nets_deploy::image_ref::Digest;

    use super::*;

    #[test]
    fn the_nearest_dockerfile_above_is_what_is_built() {
        let project = tempfile::tempdir().unwrap();
        let below = project.path().join("router/src");
        std::fs::create_dir_all(&below).unwrap();
        assert_ne!(root_above(&below), Some(project.path()));
        std::fs::write(project.path().join("Dockerfile"), "").unwrap();
        assert_eq!(root_above(&below), Some(project.path()));
    }

    #[test]
    fn only_what_was_built_from_the_same_is_what_runs() {
        let here = BuildSource {
            revision: SourceRevision {
                sha: None,
                state: TreeState::Clean,
            },
            version: None,
            inputs: Digest::of(b"here"),
        };
        let tags = |inputs: Digest| Tags::from([(BUILD_INPUTS.to_owned(), inputs.to_string())]);
        assert!(is_from(&tags(Digest::of(b"here")), &here));
        assert!(!is_from(&tags(Digest::of(b"there")), &here));
        assert!(!is_from(&Tags::new(), &here));
    }

    #[test]
    fn a_push_of_nothing_says_so() {
        let digest = Digest::of(b"");
        let repository: Repository = "host.example/repo".parse().unwrap();
        let mut pushed = PushedImage {
            image: repository.pinned(&digest),
            tag: "t".to_owned(),
            digest,
            size: 2_000_000,
            layers: 3,
            layers_pushed: 0,
            bytes_pushed: 0,
        };
        assert!(sent(&pushed).starts_with("nothing to push"));
        pushed.layers_pushed = 1;
        pushed.bytes_pushed = 1_000_000;
        assert!(sent(&pushed).starts_with("1 of 3 layers, 1.00 MB of 2.00 MB"));
    }
}
