//! Which commit of the source an image is built from.

use std::path::Path;
use std::process::{Command, Output};

use super::BuildError;
use super::context::{is_included, read_dockerignore};
use super::dockerignore::Dockerignore;

/// What git says of the tree that is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRevision {
    /// The commit's first twelve digits; `None` without git or outside a repository.
    pub sha: Option<String>,
    /// Whether a file of the build context differs from that commit.
    pub is_dirty: bool,
}

impl SourceRevision {
    /// Asks git about what would be built at `root`.
    ///
    /// # Errors
    /// If `.dockerignore` cannot be read or has an invalid pattern.
    pub fn here(root: &Path) -> Result<Self, BuildError> {
        Ok(Self::of(root, &read_dockerignore(root)?))
    }

    /// The commit, if the tree is exactly that commit's.
    pub fn clean_sha(&self) -> Option<&str> {
        self.sha.as_deref().filter(|_| !self.is_dirty)
    }

    /// Asks git about the tree at `root`. Changes to files that `ignore` excludes do not count:
    /// they cannot change the image.
    pub(super) fn of(root: &Path, ignore: &Dockerignore) -> Self {
        let sha = git(root, &["rev-parse", "--short=12", "HEAD"]);
        let Some(sha) = sha.filter(|sha| !sha.is_empty()) else {
            return Self {
                sha: None,
                is_dirty: false,
            };
        };
        // The status names files from the repository's root on.
        let prefix = git(root, &["rev-parse", "--show-prefix"]).unwrap_or_default();
        let status = [
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            ".",
        ];
        let is_dirty = git(root, &status).is_some_and(|status| {
            changed(&status).any(|path| {
                path.strip_prefix(prefix.as_str())
                    .is_some_and(|path| is_included(ignore, path))
            })
        });
        Self {
            sha: Some(sha),
            is_dirty,
        }
    }

    /// The commit as labels and `/api/health` show it: `0123456789ab`, `0123456789ab-dirty`,
    /// `unknown`.
    pub fn label(&self) -> String {
        let sha = self.sha.as_deref().unwrap_or("unknown");
        let suffix = if self.is_dirty { "-dirty" } else { "" };
        format!("{sha}{suffix}")
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let Output { status, stdout, .. } = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        // `git status` would take the lock of the index, and a commit at the same time would fail.
        // https://git-scm.com/docs/git-status#_background_refresh
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&stdout);
    status
        .success()
        .then(|| text.trim_end_matches('\n').to_owned())
}

/// The paths in a status of the form `XY path\0`.
fn changed(status: &str) -> impl Iterator<Item = &str> {
    status.split('\0').filter_map(|entry| entry.get(3..))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sub")).unwrap();
        fs::write(root.path().join("sub/code"), "1").unwrap();
        fs::write(root.path().join("notes"), "1").unwrap();
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.com",
                "commit",
                "--quiet",
                "-m",
                "t",
            ],
        ] {
            git(root.path(), arguments).expect("git works");
        }
        root
    }

    #[test]
    fn a_tree_is_dirty_when_a_file_that_is_sent_differs() {
        if support::skip_without("git") {
            return;
        }
        let root = repository();
        let ignore = Dockerignore::parse("**\n!code").unwrap();
        let sub = root.path().join("sub");
        let clean = SourceRevision::of(&sub, &ignore);
        assert_eq!(clean.clean_sha().map(str::len), Some(12));
        fs::write(root.path().join("notes"), "2").unwrap();
        fs::write(sub.join("unsent"), "2").unwrap();
        assert_eq!(SourceRevision::of(&sub, &ignore), clean);
        fs::write(sub.join("code"), "2").unwrap();
        assert_eq!(
            SourceRevision::of(&sub, &ignore).label(),
            format!("{}-dirty", clean.label())
        );
    }

    #[test]
    fn a_tree_without_a_repository_is_of_unknown_revision() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            SourceRevision::of(root.path(), &Dockerignore::default()).label(),
            "unknown"
        );
    }
}
