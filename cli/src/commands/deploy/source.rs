//! Where the image comes from: built from the tree here and pushed, or in the registry already. All of it is before the
//! service is touched, so it can be interrupted and nothing was changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indicatif::DecimalBytes;

use super::Known;
use crate::context::Context;
use crate::error::CliError;
use t3nets_deploy::build::{BuildRequest, DockerEngine, SourceRevision};
use t3nets_deploy::engine;
use t3nets_deploy::image_ref::Architecture;
use t3nets_deploy::plan::{Desired, GIT_SHA, Tags};
use t3nets_deploy::registry::{PushedImage, Registry};
use t3nets_deploy::report::Step;

use super::DeployArgs;
use super::work::Work;

/// What stands for the digest of an image that is not built yet.
const NOT_BUILT: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Where the image comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// It is built from a folder.
    Tree {
        /// The folder with the Dockerfile.
        root: PathBuf,
        /// The Dockerfile's arguments.
        build_args: BTreeMap<String, String>,
        /// The network that the build's commands use.
        network: Option<String>,
    },
    /// It was pushed before: a tag or a digest.
    Pushed(String),
}

impl Source {
    /// As the arguments say.
    ///
    /// # Errors
    /// Not ready if there is nothing to build here.
    pub(super) fn of(args: &DeployArgs) -> Result<Self, CliError> {
        if let Some(image) = &args.image {
            return Ok(Self::Pushed(image.clone()));
        }
        let current = std::env::current_dir().map_err(|error| {
            CliError::not_ready("cannot tell the current folder").caused_by(&error)
        })?;
        let root = root_above(&current).ok_or_else(|| {
            CliError::not_ready("there is no `Dockerfile` here or above")
                .hint("run it inside a checkout of T3nets, or deploy what is already pushed with `--image REF`")
        })?;
        Ok(Self::Tree {
            root: root.to_owned(),
            build_args: args.build_arg.iter().cloned().collect(),
            network: args.build_network.clone(),
        })
    }

    /// What would run, without building it. A tree of the commit that runs gives what runs: the same source is the same image.
    /// Of any other the digest is not known yet, and made up.
    ///
    /// # Errors
    /// As [`Registry::connect`] and [`Registry::resolve`], or if the tree cannot be read.
    pub(super) async fn foreseen(
        &self,
        context: &Context,
        work: &Work<'_>,
        known: &Known,
    ) -> Result<Desired, CliError> {
        match self {
            Self::Pushed(reference) => pushed(context, work, known, reference).await,
            Self::Tree { root, .. } => {
                let registry = registry(work).await?;
                let here = SourceRevision::here(root)?;
                let repository = registry.repository();
                let image = known
                    .running
                    .image(&work.target().container)
                    .filter(|image| repository.digest_of(image).is_some())
                    .filter(|_| is_of(&known.running.tags, &here))
                    .map_or_else(|| format!("{repository}@{NOT_BUILT}"), str::to_owned);
                Ok(Desired {
                    image,
                    architecture: Some(known.architecture()?.to_string()),
                    git_sha: None,
                    version: None,
                    who: context.who().to_owned(),
                })
            }
        }
    }

    /// What is to run: built and pushed, or found in the registry. Dropping the future stops it.
    ///
    /// # Errors
    /// Not ready without Docker or a repository, failed if a step of the build does, denied if the registry refuses.
    pub(super) async fn image(
        &self,
        context: &Context,
        work: &Work<'_>,
        docker: Option<&DockerEngine>,
        known: &Known,
    ) -> Result<Desired, CliError> {
        match (self, docker) {
            (Self::Pushed(reference), _) => {
                let engine = work.engine(false, 1);
                let began = engine.begin(Step::Check, reference.clone());
                let desired = pushed(context, work, known, reference).await?;
                engine.done(Step::Check, desired.image.clone(), began);
                Ok(desired)
            }
            (
                Self::Tree {
                    root,
                    build_args,
                    network,
                },
                Some(docker),
            ) => {
                let request = BuildRequest {
                    root: root.clone(),
                    architecture: known.architecture()?,
                    build_args: build_args.clone(),
                    network: network.clone(),
                    builder: None,
                };
                built(context, work, docker, &request).await
            }
            (Self::Tree { .. }, None) => Err(CliError::not_ready("Docker was not looked for")),
        }
    }

    /// Docker, if something has to be built.
    ///
    /// # Errors
    /// As [`DockerEngine::connect`].
    pub(super) async fn docker(&self) -> Result<Option<DockerEngine>, CliError> {
        match self {
            Self::Tree { .. } => Ok(Some(DockerEngine::connect().await?)),
            Self::Pushed(_) => Ok(None),
        }
    }
}

/// The nearest folder with a Dockerfile, from a folder on upward.
fn root_above(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| folder.join("Dockerfile").is_file())
}

/// Whether a value of a plan is the image that is not built yet; then what is shown in its place.
pub(super) fn to_be_built(image: &str) -> Option<String> {
    let repository = image.strip_suffix(NOT_BUILT)?;
    Some(format!("{repository}(to be built)"))
}

async fn registry(work: &Work<'_>) -> Result<Registry, CliError> {
    Ok(Registry::connect(work.sdk(), &work.target().repository).await?)
}

async fn pushed(
    context: &Context,
    work: &Work<'_>,
    known: &Known,
    reference: &str,
) -> Result<Desired, CliError> {
    let found = registry(work)
        .await?
        .resolve(reference, known.architecture()?)
        .await?;
    let architecture = found.architecture.ok_or_else(|| {
        CliError::failed(format!(
            "image `{reference}` is for no architecture that ECS has"
        ))
    })?;
    Ok(Desired {
        image: found.image.to_string(),
        architecture: Some(architecture.to_string()),
        git_sha: found.revision,
        version: found.version,
        who: context.who().to_owned(),
    })
}

async fn built(
    context: &Context,
    work: &Work<'_>,
    docker: &DockerEngine,
    request: &BuildRequest,
) -> Result<Desired, CliError> {
    let engine = work.engine(false, 1);
    // Whether it can be pushed is known before the build's minutes are spent.
    let registry = registry(work).await?;
    let began = engine.begin(
        Step::Build,
        format!(
            "`{}` for {}, by Docker {} with {}",
            request.root.display(),
            request.architecture,
            docker.version(),
            docker.builder()
        ),
    );
    let image = docker.build(request, &work.display).await?;
    engine.done(
        Step::Build,
        format!(
            "version {}, commit {}",
            image.version.as_deref().unwrap_or("unknown"),
            image.revision.label()
        ),
        began,
    );
    check(&engine, image.architecture, request.architecture)?;
    let began = engine.begin(Step::Push, registry.repository().to_string());
    let pushed = registry.push(docker, &image, &work.display).await?;
    engine.done(Step::Push, sent(&pushed), began);
    Ok(Desired {
        image: pushed.image.to_string(),
        architecture: Some(image.architecture.to_string()),
        git_sha: image.revision.sha.as_ref().map(|_| image.revision.label()),
        version: image.version,
        who: context.who().to_owned(),
    })
}

/// Whether a revision was built from a tree like this one.
fn is_of(tags: &Tags, here: &SourceRevision) -> bool {
    here.clean_sha()
        .is_some_and(|sha| tags.get(GIT_SHA).is_some_and(|tag| tag == sha))
}

/// Whether an image can run where it is to.
fn check(
    engine: &engine::Engine<'_>,
    image: Architecture,
    wanted: Architecture,
) -> Result<(), CliError> {
    let began = engine.begin(
        Step::Check,
        "whether it runs where the service does".to_owned(),
    );
    if image != wanted {
        return Err(CliError::failed(format!(
            "the image is built for {image}, and the task definition runs on {wanted}"
        )));
    }
    engine.done(
        Step::Check,
        format!("{image}, as the task definition"),
        began,
    );
    Ok(())
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
    use t3nets_deploy::image_ref::{Digest, Repository};

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
    fn an_image_that_is_not_built_is_shown_as_that() {
        let image = format!("host/repo@{NOT_BUILT}");
        assert_eq!(
            to_be_built(&image).as_deref(),
            Some("host/repo@(to be built)")
        );
        let other = NOT_BUILT.replace('0', "1");
        assert_eq!(to_be_built(&format!("host/repo@{other}")), None);
    }

    #[test]
    fn only_a_clean_tree_of_the_commit_that_runs_is_what_runs() {
        let tags = |sha: &str| Tags::from([(GIT_SHA.to_owned(), sha.to_owned())]);
        let here = |sha: Option<&str>, is_dirty| SourceRevision {
            sha: sha.map(str::to_owned),
            is_dirty,
        };
        assert!(is_of(&tags("0123"), &here(Some("0123"), false)));
        assert!(!is_of(&tags("0123"), &here(Some("0123"), true)));
        assert!(!is_of(&tags("0123"), &here(Some("4567"), false)));
        assert!(!is_of(&tags("unknown"), &here(None, false)));
        assert!(!is_of(&Tags::new(), &here(Some("0123"), false)));
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
