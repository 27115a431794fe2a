//! Adding messages to a conversation: read the head, plan, write on the condition that the head is
//! as it was read; again and again until that holds.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::heads::{self, Append, Head, Plan};
use super::owners::Owner;
use super::pages::StoredPage;
use super::{Stored, pages, window};
use crate::aws::attempts::Attempts;
use crate::aws::dynamodb::{Condition, Refusal, Update, Write};
use crate::model::ConversationKey;
use crate::ports::StoreError;

/// Why an attempt was not made, or perhaps not.
enum Failed {
    /// It was not tried, since what is stored cannot be read, and the SDK has tried long enough.
    Unread(StoreError),
    /// Something else was stored meanwhile.
    Overtaken,
    /// It may have been made. Another attempt tells.
    InDoubt(StoreError),
    /// It was not made, and another attempt would not be either.
    Final(StoreError),
}

/// Appends, trying until `until`.
pub(super) async fn append(
    of: Stored<'_>,
    append: &Append,
    owner: &Owner<'_>,
    now: Timestamp,
    until: Instant,
) -> Result<(), StoreError> {
    let mut attempts = Attempts::until(until);
    let mut is_in_doubt = false;
    // What the turn read before it was answered is mostly what there still is.
    let mut known = of.known.take_head(of.key);
    loop {
        let read = match known.take() {
            Some(head) => Ok(head),
            None => window::head(of.table, of.key).await,
        };
        let made = match read {
            Ok(read) => attempt(of, read, append, owner, now).await,
            Err(error) => Err(Failed::Unread(error)),
        };
        let error = match made {
            Ok(()) => return Ok(()),
            Err(Failed::Overtaken) => too_busy(),
            Err(Failed::Unread(error)) if is_in_doubt => error,
            Err(Failed::InDoubt(error)) => {
                is_in_doubt = true;
                error
            }
            Err(Failed::Unread(error) | Failed::Final(error)) => return Err(error),
        };
        if !attempts.again().await {
            return Err(error);
        }
    }
}

/// Every attempt met another append that was stored first.
pub(super) fn too_busy() -> StoreError {
    StoreError::unavailable("too much is added to the conversation at once")
}

/// Appends to what was read.
async fn attempt(
    Stored { table, key, known }: Stored<'_>,
    read: Option<Arc<Head>>,
    append: &Append,
    owner: &Owner<'_>,
    now: Timestamp,
) -> Result<(), Failed> {
    let read = read.as_deref();
    if read.is_some_and(|head| head.has_append(&append.id)) {
        // An attempt whose answer was lost.
        return Ok(());
    }
    let plan = heads::plan(read, append, owner.id, now).map_err(Failed::Final)?;
    let begins = !plan.goes_on;
    if begins {
        owner.require().await.map_err(|error| match error {
            StoreError::NotFound(_) | StoreError::Suspended(_) => Failed::Final(error),
            error => Failed::Unread(error),
        })?;
    }
    if let (Some(head), Some(ttl)) = (read, plan.renew_pages_until) {
        pages::renew(table, key, head, ttl)
            .await
            .map_err(Failed::Unread)?;
    }
    let new_pages: Vec<Write> = plan
        .pages
        .iter()
        .map(|page| Write::put(pages::item(key, page, &plan.generation)))
        .collect();
    let moved: Vec<StoredPage> = plan.pages.iter().map(StoredPage::from).collect();
    let generation = plan.generation.clone();
    let owner_check = owner.check().filter(|_| begins);
    let head = head_write(key, read, plan);
    // The head alone costs half of a transaction.
    let written = match new_pages.is_empty() && owner_check.is_none() {
        true => table.write(head).await.map(drop),
        false => {
            let writes = std::iter::once(head).chain(new_pages).chain(owner_check);
            table.transact(writes.collect()).await
        }
    };
    if written.is_ok() {
        for page in moved {
            known.note_page(key, &generation, Arc::new(page));
        }
    }
    written.map_err(|refusal| match refusal {
        Refusal::Condition(_) | Refusal::Conflict(_) => Failed::Overtaken,
        // The sizes are checked before, so this is rare: other programs' attributes count too.
        Refusal::TooLarge(_) => {
            Failed::Final(StoreError::TooLarge("the conversation's item".to_owned()))
        }
        Refusal::Throttled(error) | Refusal::Unknown(error) => Failed::InDoubt(error.into()),
        Refusal::Final(error) => Failed::Final(error.into()),
    })
}

/// The head's own write. Where a conversation goes on, what other programs keep in the item stays.
fn head_write(key: &ConversationKey, read: Option<&Head>, plan: Plan) -> Write {
    let unchanged = read.map_or_else(Condition::absent, |head| head.unchanged.clone());
    let write = match plan.goes_on {
        true => {
            let update = Update::default();
            let update = plan
                .head
                .into_iter()
                .fold(update, |update, (name, value)| update.set(name, value));
            Write::update(heads::head_key(key), update)
        }
        false => {
            let mut item = heads::head_key(key);
            for (name, value) in plan.head {
                item.insert(name.to_owned(), value);
            }
            Write::put(item)
        }
    };
    write.when(unchanged)
}
