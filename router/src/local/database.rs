//! One SQLite database that several processes use at once.
//!
//! Writes are queued for one thread, which commits all that are waiting in one transaction (a
//! commit costs a disk flush, whatever is in it). Each write runs in a savepoint, so that one that
//! fails takes only itself back, and is answered once the commit is on disk. Reads run beside it,
//! each in a snapshot of the last commit of whichever process: those of a few rows on the thread
//! that asks, since to wake another one takes longer than they do.

#[cfg(test)]
mod tests;
mod writer;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, MigrationDefinitionError, Migrations};
use tokio::sync::{Semaphore, oneshot};

use crate::ports::StoreError;

use self::writer::{PendingWrite, Write, write_until_closed};
use super::files::{self, FileLock};
use super::measured::{measured, measured_read};

pub(super) const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("schema/0001_tables.sql")),
    M::up(include_str!("schema/0002_unpriced_tokens.sql")),
    M::up(include_str!("schema/0003_estimated_tokens.sql")),
    M::up(include_str!("schema/0004_owners.sql")),
    M::up(include_str!("schema/0005_other_attributes.sql")),
    M::up(include_str!("schema/0006_ledger.sql")),
    M::up(include_str!("schema/0007_turns.sql")),
    M::up(include_str!("schema/0008_holds.sql")),
    M::up(include_str!("schema/0009_own_budgets.sql")),
    M::up(include_str!("schema/0010_notes.sql")),
    M::up(include_str!("schema/0011_calls.sql")),
];

/// How long a write waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Reads at once. More would only queue for the same few processors.
const MAX_READERS: usize = 4;
/// Prepared statements kept for each connection: all that the stores use.
const STATEMENTS_KEPT: usize = 64;

/// An open database. Dropping it ends its writer thread, once what was queued is written and all
/// of it is in the database's own file, so that a copy of that file has everything.
pub(super) struct Database {
    writes: Option<mpsc::Sender<Box<dyn Write>>>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Readers>,
}

impl Drop for Database {
    fn drop(&mut self) {
        // The last connection to be closed empties the journal, which one that only reads cannot.
        self.readers.close();
        self.writes = None;
        if let Some(writer) = self.writer.take() {
            // A panic of its was answered where it happened.
            let _ = writer.join();
        }
    }
}

impl Database {
    /// Opens the database, making it where missing and bringing its tables up to date.
    ///
    /// # Errors
    /// The file cannot be opened, is not a database, or was made by a newer version.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // Two processes that open a new database at once would both make its tables.
        let _lock = FileLock::acquire(&path.with_extension("lock"))?;
        // SQLite gives its journal files the database's own mode.
        files::open_private(path, &mut OpenOptions::new())?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        migrate(&mut connection, path)?;

        let (writes, queue) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("t3nets-writer".to_owned())
            .spawn(move || write_until_closed(connection, &queue))
            .map_err(|error| files::failed("start the writer of", path, error))?;
        Ok(Self {
            writes: Some(writes),
            writer: Some(writer),
            readers: Arc::new(Readers {
                path: path.to_owned(),
                idle: Mutex::new(Vec::new()),
                slots: Arc::new(Semaphore::new(MAX_READERS)),
            }),
        })
    }

    /// Runs a write and returns once it is on disk. All that `work` did is taken back if it returns
    /// an error. It is not begun if the caller has gone away by then.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, true).await
    }

    /// Runs a write as [`write`](Self::write) does and returns once every process sees it. It is on
    /// disk with the next write that is: a failure of the power, not of a process, may lose it.
    pub(super) async fn write_unflushed<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.queue(work, false).await
    }

    async fn queue<T, F>(&self, work: F, is_flushed: bool) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let write = PendingWrite {
            work: Some(work),
            outcome: None,
            is_flushed,
            caller,
        };
        let writes = self.writes.as_ref().ok_or_else(stopped)?;
        writes.send(Box::new(write)).map_err(|_| stopped())?;
        let answered = async { answer.await.map_err(|_| stopped())? };
        measured("sqlite", "write", answered).await
    }

    /// Runs a read in one snapshot.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        let read = async {
            let slot = Arc::clone(&readers.slots)
                .acquire_owned()
                .await
                .map_err(|_| stopped())?;
            files::blocking(move || {
                let _slot = slot;
                let connection = readers.take()?;
                let outcome = {
                    let snapshot = connection.unchecked_transaction()?;
                    work(&snapshot)
                };
                readers.put_back(connection);
                outcome
            })
            .await
        };
        measured("sqlite", "read", read).await
    }

    /// Reads a few rows, in one snapshot: on this thread, unless the database is locked.
    pub(super) async fn look<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        match self.looked(work)? {
            Looked::AtOnce(outcome) => outcome,
            Looked::Locked(work) => self.read(work).await,
        }
    }

    fn looked<T, F>(&self, work: F) -> Result<Looked<T, F>, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError>,
    {
        let connection = self.readers.take()?;
        if !begin_at_once(&connection)? {
            self.readers.put_back(connection);
            return Ok(Looked::Locked(work));
        }
        let outcome = measured_read("sqlite", || work(&connection));
        // A connection that cannot end its snapshot is not used again.
        connection.prepare_cached("COMMIT")?.execute(())?;
        self.readers.put_back(connection);
        Ok(Looked::AtOnce(outcome))
    }

    /// Whether the database answers, and what is written next has room.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let folder = self.readers.path.with_file_name("");
        self.read(move |connection| {
            connection.query_row("SELECT count(*) FROM removed_tenants", (), |_| Ok(()))?;
            files::check_room(&folder)
        })
        .await
    }
}

/// What came of reading on the thread that asks.
enum Looked<T, F> {
    AtOnce(Result<T, StoreError>),
    /// Nothing: the work is still to be done.
    Locked(F),
}

/// Begins a snapshot; `false` where that would have to wait.
fn begin_at_once(connection: &Connection) -> Result<bool, StoreError> {
    connection.prepare_cached("BEGIN")?.execute(())?;
    connection.busy_timeout(Duration::ZERO)?;
    // The first read of a transaction makes its snapshot.
    let looked = connection
        .prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")
        .and_then(|mut statement| statement.exists(()));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    match looked {
        Ok(_) => Ok(true),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            connection.prepare_cached("ROLLBACK")?.execute(())?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn stopped() -> StoreError {
    StoreError::unavailable("the database's writer has stopped")
}

pub(super) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    // No SQLITE_OPEN_URI: a `?` or `%` in the path is part of its name.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Without it a statement with `LIMIT ?` is compiled anew each time, since the plan may depend
    // on the number: https://sqlite.org/queryplanner-ng.html#the_query_planner_stability_guarantee
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    use rusqlite_migration::Error;
    Migrations::from_slice(MIGRATIONS)
        .to_latest(connection)
        .map_err(|error| match error {
            Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
                StoreError::unavailable(format!(
                    "the database `{}` was made by a newer version of T3nets; use that version or a later one",
                    path.display()
                ))
            }
            Error::RusqliteError { err, .. } => err.into(),
            other => StoreError::unavailable(format!(
                "the tables of `{}` cannot be brought up to date: {other}",
                path.display()
            )),
        })
}

/// Connections for reading, made as they are needed and kept.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    slots: Arc<Semaphore>,
}

impl Readers {
    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(connection) => Ok(connection),
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY),
        }
    }

    fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn put_back(&self, connection: Connection) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }
}
