//! Writing what a table was into it: the items that a comparison noted, and of them only those that
//! are still as it found them. So nothing is lost that was written since, and a turn that is under
//! way finds its conversation changed, as by any other writer.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::compare::Comparison;
use super::digest::digest;
use super::noted::Noted;
use super::{RecoveryError, TableRecovery};
use crate::aws::attempts::Attempts;
use crate::aws::dynamodb::attributes::Item;
use crate::aws::dynamodb::{Condition, MAX_BATCH_KEYS, Refusal, Write};
use crate::aws::error::AwsError;

/// Writes under way at once.
const WRITES_AT_ONCE: usize = 32;

/// Attributes that a write depends on, at most: with more, the condition would be longer than the
/// 4 KB that DynamoDB takes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const CONDITIONS: usize = 150;

/// What was put back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PutBack {
    /// Items that were written.
    pub written: u64,
    /// Items that were deleted.
    pub deleted: u64,
    /// Items that somebody wrote after they were compared, and that stay so.
    pub kept: u64,
}

enum Done {
    Written,
    Deleted,
    Kept,
}

impl TableRecovery {
    /// Puts back what a comparison noted, where it is still so. Doing it again after an
    /// interruption needs a new comparison. `seen` is told of every so many items.
    ///
    /// # Errors
    /// As DynamoDB says, or if the file cannot be read; what was put back by then stays so.
    pub async fn put_back(
        &self,
        mut comparison: Comparison,
        seen: impl Fn(usize),
    ) -> Result<PutBack, RecoveryError> {
        let mut result = PutBack::default();
        loop {
            let batch = comparison.items.next(MAX_BATCH_KEYS)?;
            if batch.is_empty() {
                return Ok(result);
            }
            let keys: Vec<Item> = batch.iter().map(Noted::key).collect();
            let (is, was) = futures::try_join!(
                self.live.get_batch(keys.clone(), &[]),
                self.copy.get_batch(keys, &[])
            )?;
            let count = batch.len();
            let changes = batch.iter().map(|noted| {
                let key = noted.key();
                let was = was.get(&key).filter(|was| comparison.scope.has(was));
                (noted, key.clone(), is.get(&key), was)
            });
            let done: Vec<Done> = stream::iter(changes.collect::<Vec<_>>())
                .map(|(noted, key, is, was)| self.put_one_back(noted, key, is, was))
                .buffer_unordered(WRITES_AT_ONCE)
                .try_collect()
                .await?;
            for done in done {
                match done {
                    Done::Written => result.written += 1,
                    Done::Deleted => result.deleted += 1,
                    Done::Kept => result.kept += 1,
                }
            }
            seen(count);
        }
    }

    async fn put_one_back(
        &self,
        noted: &Noted,
        key: Item,
        is: Option<&Item>,
        was: Option<&Item>,
    ) -> Result<Done, AwsError> {
        if is.map(digest) != noted.was {
            return Ok(Done::Kept);
        }
        let condition = unchanged(is, was);
        let (write, done) = match was {
            Some(was) => (Write::put(was.clone()), Done::Written),
            None => (Write::delete(key.clone()), Done::Deleted),
        };
        let write = write.when(condition);
        let mut attempts = Attempts::new();
        loop {
            match self.live.write(write.clone()).await {
                Ok(_) => return Ok(done),
                // By somebody else, or by this very write, whose answer was lost.
                Err(Refusal::Condition(_)) => {
                    let is = self.live.get(key).await?;
                    return Ok(match is.as_ref().map(digest) == was.map(digest) {
                        true => done,
                        false => Done::Kept,
                    });
                }
                Err(Refusal::Conflict(_) | Refusal::Throttled(_)) if attempts.again().await => {}
                Err(
                    Refusal::Conflict(error)
                    | Refusal::Throttled(error)
                    | Refusal::TooLarge(error)
                    | Refusal::Unknown(error)
                    | Refusal::Final(error),
                ) => return Err(error),
            }
        }
    }
}

/// The item is still as it was read, and has none of what is about to be written.
fn unchanged(is: Option<&Item>, was: Option<&Item>) -> Condition {
    let Some(is) = is else {
        return Condition::absent();
    };
    let mut attributes: Vec<&str> = is.keys().map(String::as_str).collect();
    attributes.extend(was.into_iter().flat_map(Item::keys).map(String::as_str));
    attributes.sort_unstable();
    attributes.dedup();
    attributes.truncate(CONDITIONS);
    Condition::unchanged(is, &attributes)
}
