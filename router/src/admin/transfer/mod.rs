//! Exporting a tenant from an environment as a file, and importing it into one.
//!
//! The file holds the tenant with its settings, people and what is remembered of them, channels,
//! API keys (only their hashes: whoever has a key can go on using it) and secrets, by name alone or
//! with their values. It does not hold conversations, usage, the
//! audit trail, and sessions and links, which are stored as keys: those in files of earlier
//! releases are left out. [`format`](self)
//! is its form, [`ExportReader`] reads and checks it, and what is done with a record is planned
//! purely.
//!
//! Neither direction ever holds a whole tenant: pages are written as they are read, and lines are
//! applied in batches, each one commit. An import never reads before it writes; only a batch that
//! is refused is compared with what is stored. So repeating an interrupted import goes on where it
//! ended, and what differs is reported, not overwritten.
//!
//! Not here: files, encryption and terminals (the CLI).

mod export;
mod format;
mod import;
mod plan;
mod reader;
#[cfg(test)]
#[cfg(feature = "local")]
mod tests;

use std::collections::BTreeMap;
use std::{fmt, io};

use serde::Serialize;

use super::AdminError;

pub use format::{ExportedRecord, FORMAT_VERSION, MAX_LINE_BYTES, SecretsIn};
pub use import::{ImportEvent, ImportOptions, ImportSummary, Problem, Tally};
pub use reader::{Checked, ExportReader, LineProblem, Numbered, check};

/// What a record is about. In the order in which a file holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// The tenant itself.
    Tenant,
    /// A person.
    User,
    /// What is remembered of the person before it.
    Memory,
    /// A channel.
    Channel,
    /// An API key.
    ApiKey,
    /// A secret.
    Secret,
}

impl RecordKind {
    /// The word that a file and a result have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::User => "user",
            Self::Memory => "memory",
            Self::Channel => "channel",
            Self::ApiKey => "api_key",
            Self::Secret => "secret",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many records of each kind.
pub type Counts = BTreeMap<RecordKind, usize>;

/// Why a tenant was not exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file cannot be imported. Nothing was changed.
    #[error("{}", listed(.problems, *.more))]
    File {
        /// What is wrong, by line. The first few.
        problems: Vec<LineProblem>,
        /// Whether there may be more.
        more: bool,
    },
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("the file cannot be written")]
    Write(#[source] io::Error),
    /// The environment could not do it.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl From<crate::ports::StoreError> for TransferError {
    fn from(error: crate::ports::StoreError) -> Self {
        Self::Admin(error.into())
    }
}

fn listed(problems: &[LineProblem], more: bool) -> String {
    let mut texts: Vec<String> = problems.iter().map(LineProblem::to_string).collect();
    if more {
        texts.push("and maybe more".to_owned());
    }
    texts.join("; ")
}
