//! What decides what is built: the files, the Dockerfile, the arguments and the platform. Their
//! digest tells two builds apart before either is made, whatever the commit: an argument is no part
//! of it, nor is a file that git ignores and `.dockerignore` does not.
//!
//! It is a label of the image and a tag of the task definition's revision. Not in it: the values of
//! build secrets, which BuildKit leaves out of its cache's keys too, and what a base image's tag
//! names today.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::context::BuildContext;
use super::{BuildError, BuildRequest, DockerBuilder, SourceRevision};
use crate::image_ref::Digest;
use t3nets_router::files;

/// The label with the digest of what an image was built from.
pub(crate) const INPUTS_LABEL: &str = "t3nets.build-inputs";

/// What decides what is built.
#[derive(Debug)]
pub(super) struct BuildInputs {
    pub(super) context: BuildContext,
    /// The request's arguments, with the ones that the source gives.
    pub(super) arguments: BTreeMap<String, String>,
    pub(super) source: BuildSource,
}

/// What is known of a build before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSource {
    /// The commit that it is made from.
    pub revision: SourceRevision,
    /// The version in the source's Cargo.toml; `None` if that has none.
    pub version: Option<String>,
    /// The digest of all that decides what comes of it.
    pub inputs: Digest,
}

impl BuildRequest {
    /// What would be built, without building it.
    ///
    /// # Errors
    /// If the tree cannot be read.
    pub async fn source(&self) -> Result<BuildSource, BuildError> {
        let builder = self.builder.unwrap_or_else(DockerBuilder::by_default);
        Ok(BuildInputs::read(self, builder).await?.source)
    }
}

impl BuildInputs {
    /// Reads the tree.
    pub(super) async fn read(
        request: &BuildRequest,
        builder: DockerBuilder,
    ) -> Result<Self, BuildError> {
        let root = request.root.clone();
        let read =
            move || Ok::<_, BuildError>((BuildContext::read(&root, builder)?, version(&root)));
        let (context, version) = tokio::task::spawn_blocking(read).await??;
        let revision = SourceRevision::of(&request.root, &context.ignore).await?;
        let request = request.clone();
        let made = move || Self::of(&request, context, revision, version);
        Ok(tokio::task::spawn_blocking(made).await?)
    }

    fn of(
        request: &BuildRequest,
        context: BuildContext,
        revision: SourceRevision,
        version: Option<String>,
    ) -> Self {
        let unknown = || "unknown".to_owned();
        let mut arguments = BTreeMap::from([
            ("T3NETS_GIT_SHA".to_owned(), revision.label()),
            (
                "T3NETS_VERSION".to_owned(),
                version.clone().unwrap_or_else(unknown),
            ),
        ]);
        arguments.extend(request.build_args.clone());
        let inputs = digest(&Hashed {
            context: Digest::of(&context.archive),
            arguments: &arguments,
            platform: request.architecture.docker_platform(),
            secrets: request.secrets.iter().map(|one| one.id.as_str()).collect(),
            ssh: request.ssh.iter().map(|one| one.id.as_str()).collect(),
        });
        Self {
            context,
            arguments,
            source: BuildSource {
                revision,
                version,
                inputs,
            },
        }
    }
}

/// What the digest is of. The Dockerfile is in the context.
#[derive(Serialize)]
struct Hashed<'a> {
    context: Digest,
    arguments: &'a BTreeMap<String, String>,
    platform: &'static str,
    secrets: Vec<&'a str>,
    ssh: Vec<&'a str>,
}

fn digest(hashed: &Hashed<'_>) -> Digest {
    // Texts, and maps of texts: they can be written.
    Digest::of(&serde_json::to_vec(hashed).unwrap_or_default())
}

/// The version in the workspace's manifest.
fn version(root: &Path) -> Option<String> {
    let manifest = files::read_text(&root.join("Cargo.toml"), files::USUAL_LIMIT).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    let version = manifest.get("workspace")?.get("package")?.get("version")?;
    Some(version.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::build::tests::request;
    use crate::build::{BuildSecret, SecretSource};
    use crate::image_ref::Architecture;

    async fn inputs(request: &BuildRequest) -> Digest {
        request.source().await.unwrap().inputs
    }

    #[tokio::test]
    async fn whatever_changes_what_is_built_changes_the_digest_and_nothing_else_does() {
        let (root, mut request) = request("FROM scratch\nCOPY . /\n", "one");
        fs::write(root.path().join(".dockerignore"), "ignored\n").unwrap();
        let mut seen = vec![inputs(&request).await];
        let mut changed = async |request: &BuildRequest, what: &str| {
            let digest = inputs(request).await;
            assert!(!seen.contains(&digest), "{what}");
            seen.push(digest);
        };
        fs::write(root.path().join("content"), "two").unwrap();
        changed(&request, "a file").await;
        fs::write(root.path().join("Dockerfile"), "FROM scratch\nCOPY . /x\n").unwrap();
        changed(&request, "the Dockerfile").await;
        request.build_args.insert("A".to_owned(), "1".to_owned());
        changed(&request, "an argument").await;
        request.build_args.insert("A".to_owned(), "2".to_owned());
        changed(&request, "its value").await;
        request.architecture = Architecture::Arm64;
        changed(&request, "the platform").await;
        request.secrets.push(BuildSecret {
            id: "token".to_owned(),
            source: SecretSource::Variable("TOKEN".to_owned()),
        });
        changed(&request, "a secret").await;

        let before = inputs(&request).await;
        fs::write(root.path().join("ignored"), "whatever").unwrap();
        request.network = Some("host".to_owned());
        request.secrets[0].source = SecretSource::Variable("OTHER".to_owned());
        assert_eq!(inputs(&request).await, before);
    }

    #[tokio::test]
    async fn a_file_that_git_ignores_and_dockerignore_does_not_counts() {
        if support::skip_without("git") {
            return;
        }
        let (root, request) = request("FROM scratch\nCOPY . /\n", "one");
        fs::write(root.path().join(".gitignore"), "generated\n").unwrap();
        fs::write(root.path().join(".dockerignore"), ".git\n").unwrap();
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@e",
                "commit",
                "-qm",
                "t",
            ],
        ] {
            let git = std::process::Command::new("git")
                .arg("-C")
                .arg(root.path())
                .args(arguments)
                .status();
            assert!(git.unwrap().success());
        }
        fs::write(root.path().join("generated"), "1").unwrap();
        let before = request.source().await.unwrap();
        fs::write(root.path().join("generated"), "2").unwrap();
        let after = request.source().await.unwrap();
        assert_eq!(after.revision, before.revision);
        assert_ne!(after.inputs, before.inputs);
    }
}
