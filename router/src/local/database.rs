//! One SQLite database that several processes use at once.
//!
//! Writes are queued for one thread, which commits all that are waiting in one transaction (a
//! commit costs a disk flush, whatever is in it). Each write runs in a savepoint, so that one that
//! fails takes only itself back, and is answered once the commit is on disk. Reads run beside it,
//! each in a snapshot of the last commit of whichever process: those of a few rows on the thread
//! that asks, since to wake another one takes longer than they do.

mod writer;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    fn database() -> (tempfile::TempDir, Database) {
        let home = tempfile::tempdir().unwrap();
        let database = Database::open(&home.path().join("t3nets.db")).unwrap();
        (home, database)
    }

    fn reserve(connection: &Connection, id: &str) -> Result<(), StoreError> {
        connection.execute(
            "INSERT INTO removed_tenants (tenant_id, reserved_until) VALUES (?, 'x')",
            params![id],
        )?;
        Ok(())
    }

    async fn ids(database: &Database) -> Vec<String> {
        database
            .read(|connection| {
                connection
                    .prepare_cached("SELECT tenant_id FROM removed_tenants ORDER BY 1")?
                    .query_and_then((), |row| Ok(row.get(0)?))?
                    .collect()
            })
            .await
            .unwrap()
    }

    #[test]
    fn migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[tokio::test]
    async fn a_write_that_fails_takes_only_itself_back() {
        let (_home, database) = database();
        let fails = || StoreError::Throttled;
        // Polled together, all four are queued before the first is answered.
        let (first, failed, panicked, last) = tokio::join!(
            database.write(|connection| reserve(connection, "first")),
            database.write(move |connection| {
                reserve(connection, "failed")?;
                Err::<(), _>(fails())
            }),
            database.write(|connection| -> Result<(), StoreError> {
                reserve(connection, "panicked")?;
                panic!("a bug in a write");
            }),
            database.write(|connection| reserve(connection, "last")),
        );
        assert_eq!((first, last), (Ok(()), Ok(())));
        assert_eq!(failed, Err(fails()));
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        assert_eq!(ids(&database).await, ["first", "last"]);
    }

    #[tokio::test]
    async fn a_group_whose_transaction_ends_early_is_refused_whole_and_the_next_is_taken() {
        let (_home, database) = database();
        let (before, ending, after) = tokio::join!(
            database.write(|connection| reserve(connection, "before")),
            database.write(|connection| Ok(connection.execute_batch("ROLLBACK")?)),
            database.write(|connection| reserve(connection, "after")),
        );
        assert!(ending.is_err());
        // By name, as they are read back.
        let acknowledged: Vec<&str> = [("after", after), ("before", before)]
            .into_iter()
            .filter_map(|(id, outcome)| outcome.is_ok().then_some(id))
            .collect();
        assert_eq!(ids(&database).await, acknowledged);
        database
            .write(|connection| reserve(connection, "next"))
            .await
            .unwrap();
        assert!(ids(&database).await.contains(&"next".to_owned()));
    }

    #[tokio::test]
    async fn a_panic_in_a_read_leaves_the_database_usable() {
        let (_home, database) = database();
        for _ in 0..2 * MAX_READERS {
            let outcome = database
                .read(|_| -> Result<(), StoreError> { panic!("a bug in a read") })
                .await;
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
        }
        database.ping().await.unwrap();
    }

    #[test]
    fn the_writer_ends_with_its_queue_after_what_was_queued() {
        let (home, database) = database();
        let path = home.path().join("t3nets.db");
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let (writes, queue) = mpsc::channel::<Box<dyn Write>>();
        let (caller, answer) = oneshot::channel();
        let write = PendingWrite {
            work: Some(|connection: &Connection| reserve(connection, "queued")),
            outcome: None,
            is_flushed: true,
            caller,
        };
        writes.send(Box::new(write)).ok().unwrap();
        drop(writes);
        std::thread::spawn(move || write_until_closed(connection, &queue))
            .join()
            .unwrap();
        assert_eq!(answer.blocking_recv().unwrap(), Ok(()));
        drop(database);
    }

    #[tokio::test]
    async fn all_is_in_the_databases_own_file_once_it_is_closed() {
        let (home, database) = database();
        let path = home.path().join("t3nets.db");
        database
            .write(|connection| reserve(connection, "kept"))
            .await
            .unwrap();
        assert_eq!(ids(&database).await, ["kept"]);
        drop(database);
        let names = std::fs::read_dir(home.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["t3nets.db", "t3nets.lock"]);
        let copy = home.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(ids(&Database::open(&copy).unwrap()).await, ["kept"]);
    }

    #[tokio::test]
    async fn a_look_sees_what_was_written_and_leaves_no_snapshot_behind() {
        let (_home, database) = database();
        let look = async || {
            let count = |connection: &Connection| {
                let counted = connection
                    .prepare_cached("SELECT count(*) FROM removed_tenants")?
                    .query_row((), |row| row.get::<_, u32>(0))?;
                Ok(counted)
            };
            database.look(count).await
        };
        assert_eq!(look().await, Ok(0));
        let refused = database.look(|_| Err::<(), _>(StoreError::unavailable("no")));
        assert!(refused.await.is_err());
        database
            .write_unflushed(|connection| reserve(connection, "one"))
            .await
            .unwrap();
        assert_eq!(look().await, Ok(1));
    }

    #[test]
    fn a_snapshot_of_a_locked_database_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("other.db");
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let [one, other] = [(); 2].map(|()| connect(&path, access).unwrap());
        one.execute_batch("CREATE TABLE t (a); BEGIN EXCLUSIVE")
            .unwrap();
        for _ in 0..2 {
            assert_eq!(begin_at_once(&other), Ok(false));
        }
        one.execute_batch("COMMIT").unwrap();
        assert_eq!(begin_at_once(&other), Ok(true));
        assert!(!other.is_autocommit());
    }

    #[tokio::test]
    async fn a_write_whose_caller_went_away_before_it_began_is_not_done() {
        let (_home, database) = database();
        let (started, start) = oneshot::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let blocker = database.write(move |_| {
            let _ = started.send(());
            let _ = wait.recv();
            Ok(())
        });
        let abandoned = async {
            start.await.unwrap();
            let mut write = Box::pin(database.write(|connection| reserve(connection, "late")));
            assert!(futures::poll!(&mut write).is_pending());
            drop(write);
            go_on.send(()).unwrap();
        };
        let (blocked, ()) = tokio::join!(blocker, abandoned);
        blocked.unwrap();
        database.write(|_| Ok(())).await.unwrap();
        assert!(ids(&database).await.is_empty());
    }
}
