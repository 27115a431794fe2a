//! Which version of the source an image is built from.

use std::path::Path;
use std::process::{Command, Output};

use super::context::{is_sent, read_ignore};
use super::ignore::Ignore;
use crate::error::DeployError;

/// What git says of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit, twelve digits; `unknown` where git or the repository is missing.
    pub sha: String,
    /// Whether a file that is sent differs from that commit.
    pub dirty: bool,
}

impl Revision {
    /// Asks git about what would be built at `root`.
    ///
    /// # Errors
    /// If what is sent of it cannot be told.
    pub fn here(root: &Path) -> Result<Self, DeployError> {
        Ok(Self::of(root, &read_ignore(root)?))
    }

    /// The commit, if the tree is that and nothing else.
    pub fn commit(&self) -> Option<&str> {
        (!self.dirty && self.sha != "unknown").then_some(self.sha.as_str())
    }

    /// Asks git about the tree at `root`, of which `ignore` says what is sent.
    pub(crate) fn of(root: &Path, ignore: &Ignore) -> Self {
        let sha = git(root, &["rev-parse", "--short=12", "HEAD"]);
        let Some(sha) = sha.filter(|sha| !sha.is_empty()) else {
            return Self {
                sha: "unknown".to_owned(),
                dirty: false,
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
        let dirty = git(root, &status).is_some_and(|status| {
            changed(&status).any(|path| {
                path.strip_prefix(prefix.as_str())
                    .is_some_and(|path| is_sent(ignore, path))
            })
        });
        Self { sha, dirty }
    }

    /// For labels and `/api/health`: `0123456789ab`, `0123456789ab-dirty`.
    pub fn label(&self) -> String {
        if self.dirty {
            format!("{}-dirty", self.sha)
        } else {
            self.sha.clone()
        }
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let Output { status, stdout, .. } = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        // Looking must not take the lock that somebody's commit needs.
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
        let ignore = Ignore::parse("**\n!code").unwrap();
        let sub = root.path().join("sub");
        let clean = Revision::of(&sub, &ignore);
        assert_eq!((clean.sha.len(), clean.dirty), (12, false));
        fs::write(root.path().join("notes"), "2").unwrap();
        fs::write(sub.join("unsent"), "2").unwrap();
        assert_eq!(Revision::of(&sub, &ignore), clean);
        fs::write(sub.join("code"), "2").unwrap();
        assert_eq!(
            Revision::of(&sub, &ignore).label(),
            format!("{}-dirty", clean.sha)
        );
    }

    #[test]
    fn a_tree_without_a_repository_is_of_unknown_revision() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            Revision::of(root.path(), &Ignore::default()).label(),
            "unknown"
        );
    }
}
