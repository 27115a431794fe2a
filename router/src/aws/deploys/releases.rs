//! The releases of a service that were verified, and can be rolled back to.

use jiff::Timestamp;
use serde::Serialize;

use super::{Deploys, SOMEBODY, text};
use crate::aws::dynamodb::attributes::{Item, text_value};
use crate::aws::dynamodb::{Query, SortKeys, Write};
use crate::aws::error::AwsError;

/// What the sort keys of releases begin with; the time follows.
const RELEASE: &str = "GOOD#";

/// A release that was verified: its router answered after the rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedRelease {
    /// The ARN of the task definition's revision.
    pub task_definition: String,
    /// What the router calls itself.
    pub release: String,
    /// The image's digest: `sha256:` and 64 digits.
    pub digest: String,
    /// The image as its task definition names it; unknown of releases that an older version stored.
    pub image: Option<String>,
    /// The commit, if it is known.
    pub git_sha: Option<String>,
    /// The router's version, if it is known.
    pub version: Option<String>,
    /// Who deployed it, for people.
    pub who: String,
    /// When it was verified.
    pub at: Timestamp,
}

impl Deploys {
    /// Stores a verified release.
    ///
    /// # Errors
    /// If DynamoDB cannot be reached or refuses the request.
    pub async fn add_release(&self, release: &VerifiedRelease) -> Result<(), AwsError> {
        let mut item = self.key(format!("{RELEASE}{:.3}", release.at));
        item.extend(attributes(release));
        self.table.write_if(Write::put(item)).await.map(drop)
    }

    /// The newest releases, newest first.
    ///
    /// # Errors
    /// If DynamoDB cannot be reached or refuses the request.
    pub async fn releases(&self, at_most: usize) -> Result<Vec<VerifiedRelease>, AwsError> {
        let partition = self.partition();
        let query = Query {
            newest_first: true,
            ..Query::new(&partition, SortKeys::BeginningWith(RELEASE))
        };
        let keep = |item: Item| Ok::<_, AwsError>(read(&item));
        self.table.query(query, at_most, keep).await
    }
}

fn attributes(release: &VerifiedRelease) -> Item {
    let at = release.at.to_string();
    [
        ("task_definition", Some(release.task_definition.as_str())),
        ("release", Some(release.release.as_str())),
        ("digest", Some(release.digest.as_str())),
        ("image", release.image.as_deref()),
        ("git_sha", release.git_sha.as_deref()),
        ("version", release.version.as_deref()),
        ("who", Some(release.who.as_str())),
        ("at", Some(at.as_str())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), text_value(value?))))
    .collect()
}

/// `None` of an item that lacks what makes a release one.
fn read(item: &Item) -> Option<VerifiedRelease> {
    Some(VerifiedRelease {
        task_definition: text(item, "task_definition")?,
        release: text(item, "release").unwrap_or_default(),
        digest: text(item, "digest").unwrap_or_default(),
        image: text(item, "image"),
        git_sha: text(item, "git_sha"),
        version: text(item, "version"),
        who: text(item, "who").unwrap_or_else(|| SOMEBODY.to_owned()),
        at: text(item, "at")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_reads_back_and_one_of_an_older_version_too() {
        let mut release = VerifiedRelease {
            task_definition: "arn:x:3".to_owned(),
            release: "sha256:0123 (3)".to_owned(),
            digest: "sha256:0123".to_owned(),
            image: Some("registry/t3nets@sha256:0123".to_owned()),
            git_sha: Some("abcdef".to_owned()),
            version: Some("0.1.0".to_owned()),
            who: "ada".to_owned(),
            at: "2026-03-01T12:00:00.5Z".parse().unwrap(),
        };
        assert_eq!(read(&attributes(&release)), Some(release.clone()));
        (release.image, release.git_sha, release.version) = (None, None, None);
        assert_eq!(read(&attributes(&release)), Some(release));
        assert_eq!(read(&Item::new()), None);
    }
}
