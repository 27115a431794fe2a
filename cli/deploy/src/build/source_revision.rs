//! Which commit of the source an image is built from.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::BuildError;
use super::context::is_included;
use super::dockerignore::Dockerignore;
use crate::child::{self, Bounds, NoAnswer};

/// What git may answer: 64 MiB name a million changed files. A tree on a slow disk takes its time.
const BOUNDS: Bounds = Bounds {
    bytes: 64 << 20,
    time: Duration::from_secs(120),
};

/// What git says of the tree that is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRevision {
    /// The commit's first twelve digits; `None` without git or outside a repository.
    pub sha: Option<String>,
    /// How the files of the build context are to that commit.
    pub state: TreeState,
}

/// How the files of a tree are to its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeState {
    /// They are the commit's, or there is no commit.
    Clean,
    /// One of them differs.
    Dirty,
    /// Git cannot say.
    Unknown(GitFailure),
}

/// Why git cannot say something of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFailure {
    /// Git's own words.
    pub message: String,
    /// What helps, as a command, where that is known.
    pub remedy: Option<String>,
}

impl SourceRevision {
    /// Asks git about the tree at `root`. Changes to files that `ignore` excludes do not count:
    /// they cannot change the image.
    ///
    /// # Errors
    /// If a pattern of `ignore` cannot be compared with a changed file.
    pub(super) async fn of(root: &Path, ignore: &Dockerignore) -> Result<Self, BuildError> {
        let unknown = |sha, failure| {
            Ok(Self {
                sha,
                state: TreeState::Unknown(failure),
            })
        };
        let head = ["rev-parse", "--verify", "--quiet", "--short=12", "HEAD"];
        let sha = match git(root, &head).await {
            Ok(sha) => String::from_utf8_lossy(sha.trim_ascii()).into_owned(),
            Err(None) => {
                return Ok(Self {
                    sha: None,
                    state: TreeState::Clean,
                });
            }
            Err(Some(failure)) => return unknown(None, failure),
        };
        let sha = Some(sha).filter(|sha| !sha.is_empty());
        let status = [
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            ".",
        ];
        let asked = match git(root, &["rev-parse", "--show-prefix"]).await {
            Ok(prefix) => git(root, &status).await.map(|status| (prefix, status)),
            Err(failure) => Err(failure),
        };
        let (prefix, status) = match asked {
            Ok(answers) => answers,
            Err(failure) => {
                let failure = failure.unwrap_or_else(|| GitFailure::of("`git status` failed"));
                return unknown(sha, failure);
            }
        };
        let mut state = TreeState::Clean;
        // The status names files from the repository's root on.
        let prefix = prefix.trim_ascii_end();
        for path in changed(&status).filter_map(|path| path.strip_prefix(prefix)) {
            if is_included(ignore, Path::new(OsStr::from_bytes(path)))? {
                state = TreeState::Dirty;
            }
        }
        Ok(Self { sha, state })
    }

    /// The commit as labels and `/api/health` show it: `0123456789ab`, `0123456789ab-dirty`,
    /// `0123456789ab-unknown` where git cannot compare, `unknown`.
    pub fn label(&self) -> String {
        let Some(sha) = &self.sha else {
            return "unknown".to_owned();
        };
        let suffix = match self.state {
            TreeState::Clean => "",
            TreeState::Dirty => "-dirty",
            TreeState::Unknown(_) => "-unknown",
        };
        format!("{sha}{suffix}")
    }
}

/// What git writes; the error is `None` where there is nothing to ask about: no git, no repository,
/// no commit.
async fn git(root: &Path, arguments: &[&str]) -> Result<Vec<u8>, Option<GitFailure>> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(root)
        .args(arguments)
        // `git status` would take the lock of the index, and a commit at the same time would fail.
        // https://git-scm.com/docs/git-status#_background_refresh
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    let output = child::answer(&mut command, b"", false, BOUNDS)
        .await
        .map_err(|error| match error {
            NoAnswer::NotRun(_) => None,
            error => Some(GitFailure::of(&format!("of git's answer: {error}"))),
        })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    match said.is_empty() || said.contains("not a git repository (or any") {
        true => Err(None),
        false => Err(Some(GitFailure::of(said))),
    }
}

impl GitFailure {
    /// What git said, which may be several lines: the first says it, but for a submodule's.
    fn of(said: &str) -> Self {
        let mut lines = said.lines();
        let line = match lines.clone().find(|line| line.contains("submodule")) {
            Some(line) => line,
            None => lines.next().unwrap_or_default(),
        };
        Self {
            message: line.trim().chars().take(300).collect(),
            remedy: remedy(said),
        }
    }
}

/// What helps. Git refuses a repository of another user, as one in a container's volume is.
/// <https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory>
fn remedy(said: &str) -> Option<String> {
    if said.contains("dubious ownership") || said.contains("unsafe repository") {
        let named = said
            .split_once('\'')
            .and_then(|(_, rest)| rest.split_once('\''));
        let folder = named.map_or("*", |(folder, _)| folder);
        Some(format!(
            "git config --global --add safe.directory '{folder}'"
        ))
    } else if said.contains("submodule") || said.contains("not a git repository: ") {
        Some("git submodule update --init --recursive".to_owned())
    } else if said.contains("index file")
        || said.contains("bad index")
        || said.contains("bad signature")
    {
        Some("git read-tree HEAD".to_owned())
    } else {
        None
    }
}

/// The paths in a status of the form `XY path\0`.
fn changed(status: &[u8]) -> impl Iterator<Item = &[u8]> {
    status
        .split(|byte| *byte == 0)
        .filter_map(|entry| entry.get(3..))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::build::DockerBuilder;

    async fn run(root: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let all = [
            &identity[..],
            &["-c", "protocol.file.allow=always"],
            arguments,
        ]
        .concat();
        git(root, &all).await.expect("git works");
    }

    async fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sub")).unwrap();
        fs::write(root.path().join("sub/code"), "1").unwrap();
        fs::write(root.path().join("notes"), "1").unwrap();
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &["commit", "--quiet", "-m", "t"],
        ] {
            run(root.path(), arguments).await;
        }
        root
    }

    async fn of(root: &Path, list: &str) -> SourceRevision {
        let ignore = Dockerignore::parse(list, DockerBuilder::BuildKit).unwrap();
        SourceRevision::of(root, &ignore).await.unwrap()
    }

    #[tokio::test]
    async fn a_tree_is_dirty_when_a_file_that_is_sent_differs() {
        if support::skip_without("git") {
            return;
        }
        let root = repository().await;
        let list = "**\n!code\n!caf*";
        let sub = root.path().join("sub");
        let clean = of(&sub, list).await;
        assert_eq!(clean.label().len(), 12);
        fs::write(root.path().join("notes"), "2").unwrap();
        fs::write(sub.join("unsent"), "2").unwrap();
        assert_eq!(of(&sub, list).await, clean);
        let dirty = format!("{}-dirty", clean.label());
        fs::write(sub.join("code"), "2").unwrap();
        assert_eq!(of(&sub, list).await.label(), dirty);
        fs::write(sub.join("code"), "1").unwrap();
        fs::write(sub.join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
        assert_eq!(of(&sub, list).await.label(), dirty);
    }

    #[tokio::test]
    async fn a_tree_without_a_repository_or_a_commit_is_of_unknown_revision() {
        let root = tempfile::tempdir().unwrap();
        let nothing = SourceRevision {
            sha: None,
            state: TreeState::Clean,
        };
        assert_eq!(of(root.path(), "").await, nothing);
        assert_eq!(nothing.label(), "unknown");
        if !support::skip_without("git") {
            run(root.path(), &["init", "--quiet"]).await;
            assert_eq!(of(root.path(), "").await, nothing);
        }
    }

    fn failure(revision: &SourceRevision) -> &GitFailure {
        match &revision.state {
            TreeState::Unknown(failure) => failure,
            state => panic!("{state:?}"),
        }
    }

    #[tokio::test]
    async fn a_tree_that_git_cannot_compare_is_not_taken_for_its_commits() {
        if support::skip_without("git") {
            return;
        }
        let root = repository().await;
        let sha = of(root.path(), "").await.label();
        let index = root.path().join(".git/index");
        let good = fs::read(&index).unwrap();
        fs::write(&index, "damaged and long enough to be looked at").unwrap();
        let damaged = of(root.path(), "").await;
        assert_eq!(damaged.label(), format!("{sha}-unknown"));
        let remedy = failure(&damaged).remedy.as_deref();
        assert_eq!(remedy, Some("git read-tree HEAD"), "{damaged:?}");
        fs::write(&index, good).unwrap();

        let other = repository().await;
        let other = other.path().display().to_string();
        run(
            root.path(),
            &["submodule", "--quiet", "add", &other, "module"],
        )
        .await;
        run(root.path(), &["commit", "--quiet", "-m", "m"]).await;
        fs::remove_dir_all(root.path().join(".git/modules")).unwrap();
        let broken = of(root.path(), "").await;
        assert!(broken.label().ends_with("-unknown"), "{broken:?}");
        let remedy = failure(&broken).remedy.as_deref();
        assert!(remedy.unwrap().starts_with("git submodule"), "{broken:?}");
    }

    #[test]
    fn a_repository_of_another_user_is_named_with_what_allows_it() {
        let failure = GitFailure::of(
            "fatal: detected dubious ownership in repository at '/src'\nTo add an exception …",
        );
        let remedy = "git config --global --add safe.directory '/src'";
        assert_eq!(failure.remedy.as_deref(), Some(remedy));
        assert!(failure.message.contains("dubious ownership"));
    }
}
