use rusqlite::{StatementStatus, params};

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
fn a_statement_with_a_limit_is_compiled_once() {
    let home = tempfile::tempdir().unwrap();
    let connection = connect(&home.path().join("t.db"), OpenFlags::default()).unwrap();
    let mut statement = connection
        .prepare("SELECT * FROM (VALUES (1), (2)) LIMIT ?")
        .unwrap();
    for limit in [1_u32, 2, 1] {
        let rows = statement.query_map([limit], |_| Ok(())).unwrap();
        assert_eq!(rows.count(), limit as usize);
    }
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
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
