//! What the writer thread does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::stopped;
use crate::ports::StoreError;

/// The most writes committed together; bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 256;

/// A write in the queue.
pub(super) trait Write: Send {
    /// Whether it is answered only once it is on disk.
    fn is_flushed(&self) -> bool;
    /// Does it; `false` if what it did must be taken back.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers the caller, once it is known whether the group it ran in was committed.
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

pub(super) struct PendingWrite<T, F> {
    pub(super) work: Option<F>,
    pub(super) outcome: Option<Result<T, StoreError>>,
    pub(super) is_flushed: bool,
    pub(super) caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write for PendingWrite<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn is_flushed(&self) -> bool {
        self.is_flushed
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take().filter(|_| !self.caller.is_closed()) else {
            return false;
        };
        // A panic takes this write back like any error; the writes beside it go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|_| Err(StoreError::unavailable("an internal error ended the write")));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        // Even a refusal may rest on what a write of the same group did, so it holds only if the
        // group does.
        let outcome = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(stopped()),
            (Err(error), _) => Err(error.clone()),
        };
        // A caller who has gone away needs no answer.
        let _ = self.caller.send(outcome);
    }
}

/// What the writer thread does: commits what is queued, in groups, until the queue is closed.
pub(super) fn write_until_closed(
    mut connection: Connection,
    queue: &mpsc::Receiver<Box<dyn Write>>,
) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let committed = commit_together(&mut connection, &mut group);
        for write in group {
            write.answer(&committed);
        }
    }
    // Also where another process has the database open. One that fails leaves all in the journal,
    // as a crash does.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
}

fn commit_together(
    connection: &mut Connection,
    group: &mut [Box<dyn Write>],
) -> Result<(), StoreError> {
    // With `NORMAL` a commit writes the journal and leaves the flush to the next one with `FULL`:
    // https://sqlite.org/pragma.html#pragma_synchronous
    let flush = match group.iter().any(|write| write.is_flushed()) {
        true => "PRAGMA synchronous = FULL",
        false => "PRAGMA synchronous = NORMAL",
    };
    connection.prepare_cached(flush)?.execute(())?;
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for write in group {
        let savepoint = transaction.savepoint()?;
        let keep = write.run(&savepoint);
        if savepoint.is_autocommit() {
            // Some errors (a full disk) end the whole transaction; what follows must not be
            // committed one by one.
            return Err(StoreError::unavailable(
                "the database could not go on with a group of writes",
            ));
        }
        if keep {
            savepoint.commit()?;
        } else {
            // Takes back what was done since it began.
            savepoint.finish()?;
        }
    }
    Ok(transaction.commit()?)
}
