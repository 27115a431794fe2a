//! The embedded platform: SQLite for tenants, usage and conversations, secrets in an encrypted
//! file. A shipped platform behind the same ports as the others, not a mock: several processes use
//! one home at once (`t3nets dev` runs while `t3nets tenant add-user` runs), and what was
//! acknowledged survives a crash.
//!
//! Not here: where the home folder is and whether this platform may be used (the CLI's and the
//! container's settings).
//!
//! Read `database` first (one writer thread that commits in groups, a few readers), then the stores
//! on top of it: `tenants` with the conditional writes in `changes` and the rows' types in
//! `records`, `usage` with `ledger`, `conversations`. `secrets` stands alone. `files` and `rows`
//! are their tools; `schema/` holds the migrations.

pub mod backup;
mod changes;
mod conversations;
mod database;
mod files;
mod holds;
mod inspect;
mod known;
mod ledger;
mod measured;
mod notes;
mod records;
mod rows;
mod secrets;
mod tenants;
mod turns;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ports::{Clock, Platform, StoreError, SystemClock};

pub use files::{check_folder, check_room};
pub use inspect::{DatabaseReport, inspect_database};
pub use secrets::FileSecrets;

/// Where the embedded platform keeps what, inside its home folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPaths {
    home: PathBuf,
}

impl LocalPaths {
    /// The paths inside `home`.
    pub fn new(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
        }
    }

    /// The home folder itself.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Tenants, usage, conversations: an SQLite database.
    pub fn database(&self) -> PathBuf {
        self.home.join("t3nets.db")
    }

    /// The tenants' credentials, encrypted.
    pub fn secrets(&self) -> PathBuf {
        secrets::data_path(&self.home, SECRETS_STEM)
    }

    /// What the credentials are encrypted with.
    pub fn secrets_key(&self) -> PathBuf {
        secrets::key_path(&self.home, SECRETS_STEM)
    }
}

/// The name of the tenants' [`FileSecrets`].
pub const SECRETS_STEM: &str = "secrets";

/// Opens the embedded platform in a folder, making it (mode 0700) and what belongs in it where
/// missing. Blocks for a few milliseconds.
///
/// # Errors
/// The folder or a file in it cannot be made or read, the database was made by a newer version, or
/// the secrets' key is missing, readable by others or the wrong one.
pub fn open(home: &Path) -> Result<Platform, StoreError> {
    open_with_clock(home, Arc::new(SystemClock))
}

/// [`open`] with a clock of the caller's.
///
/// # Errors
/// Those of [`open`].
pub fn open_with_clock(home: &Path, clock: Arc<dyn Clock>) -> Result<Platform, StoreError> {
    files::create_private_folder(home)?;
    backup::finish(home)?;
    let database = Arc::new(database::Database::open(&LocalPaths::new(home).database())?);
    Ok(Platform {
        tenants: Arc::new(tenants::SqliteTenants::new(
            Arc::clone(&database),
            Arc::clone(&clock),
        )),
        usage: Arc::new(usage::SqliteUsage::new(
            Arc::clone(&database),
            Arc::clone(&clock),
        )),
        conversations: Arc::new(conversations::SqliteConversations::new(Arc::clone(
            &database,
        ))),
        turns: Arc::new(turns::SqliteTurns::new(Arc::clone(&database))),
        notes: Arc::new(notes::SqliteNotes::new(database)),
        secrets: Arc::new(FileSecrets::open(home, SECRETS_STEM, Arc::clone(&clock))?),
        clock,
    })
}
