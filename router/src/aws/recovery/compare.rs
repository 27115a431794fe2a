//! What differs between a table and its copy. DynamoDB promises no order of a scan, so each item of
//! the one is looked up in the other by its key.

use std::collections::BTreeSet;
use std::fs::File;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::digest::digest;
use super::noted::{Noted, NotedItems, Notes};
use super::scope::{Scope, TENANT_ID, tenant_itself};
use super::{RecoveryError, Selection, TableRecovery};
use crate::aws::dynamodb::attributes::{Item, identity, key_of};
use crate::aws::dynamodb::{MAX_BATCH_KEYS, Segment, Table};
use crate::aws::error::AwsError;
use crate::aws::schema::{EXPIRY, PARTITION_KEY, SORT_KEY};

/// Parts of a table that are read at once.
const SEGMENTS: i32 = 8;

/// Tenants that are named, at most.
const NAMED: usize = 20;

/// What differs between a table and what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Items that it had.
    pub then: u64,
    /// Items that it has. Not counted are those that stay whatever it had: audit entries and
    /// deploys since.
    pub now: u64,
    /// Items that it had and has no more.
    pub missing: u64,
    /// Items that it had and has otherwise.
    pub changed: u64,
    /// Items that it has and had not.
    pub newer: u64,
    /// Tenants that it had and has no more: the first twenty.
    pub tenants_missing: BTreeSet<String>,
    /// Tenants that it has and had not: the first twenty.
    pub tenants_newer: BTreeSet<String>,
}

/// What was compared: how much differs, and each item that does.
#[derive(Debug)]
pub struct Comparison {
    /// How much differs.
    pub found: Differences,
    pub(super) items: NotedItems,
    pub(super) scope: Scope,
}

/// Items of one table, and what the other has under their keys.
type Pairs = Vec<(Item, Option<Item>)>;

impl TableRecovery {
    /// Compares the table, as it is now, with the copy. `notes` is an empty file, for the keys of
    /// what differs; `seen` is told of every so many items.
    ///
    /// # Errors
    /// As DynamoDB says, or if the file cannot be written.
    pub async fn compare(
        &self,
        selection: &Selection,
        notes: File,
        seen: impl Fn(usize),
    ) -> Result<Comparison, RecoveryError> {
        let scope = Scope::new(selection, Timestamp::now());
        let mut notes = Notes::new(notes);
        let mut found = Differences::default();

        let then = pairs(&self.copy, false, &self.live, &[], |item| scope.has(item));
        let mut then = std::pin::pin!(then);
        while let Some(pairs) = then.try_next().await? {
            seen(pairs.len());
            for (was, is) in pairs {
                if let Some(noted) = found.had(&scope, &was, is.as_ref()) {
                    notes.add(&noted)?;
                }
            }
        }
        // Of the copy's items only whether they are there.
        let attributes = [PARTITION_KEY, SORT_KEY, EXPIRY, TENANT_ID];
        let now = pairs(&self.live, true, &self.copy, &attributes, |item| {
            scope.has(item)
        });
        let mut now = std::pin::pin!(now);
        while let Some(pairs) = now.try_next().await? {
            seen(pairs.len());
            for (is, was) in pairs {
                if let Some(noted) = found.has(&scope, &is, was.as_ref()) {
                    notes.add(&noted)?;
                }
            }
        }
        Ok(Comparison {
            found,
            items: notes.finish()?,
            scope: scope.clone(),
        })
    }
}

impl Differences {
    /// How many items differ.
    pub fn count(&self) -> u64 {
        self.missing + self.changed + self.newer
    }

    /// Counts an item that the table had; notes it if it is not what the table has.
    fn had(&mut self, scope: &Scope, was: &Item, is: Option<&Item>) -> Option<Noted> {
        if is.is_some_and(|is| !scope.is_about(is)) {
            return None;
        }
        self.then += 1;
        let is_digest = is.map(digest);
        if is_digest.as_ref() == Some(&digest(was)) {
            return None;
        }
        match is {
            Some(is) if scope.has(is) => self.changed += 1,
            _ => {
                self.missing += 1;
                name(&mut self.tenants_missing, was);
            }
        }
        Some(noted(was, is_digest))
    }

    /// Counts an item that the table has; notes it if the table had none.
    fn has(&mut self, scope: &Scope, is: &Item, was: Option<&Item>) -> Option<Noted> {
        if was.is_some_and(|was| scope.has(was)) {
            self.now += 1;
            return None;
        }
        if !scope.removes(is) {
            return None;
        }
        self.now += 1;
        self.newer += 1;
        name(&mut self.tenants_newer, is);
        Some(noted(is, Some(digest(is))))
    }
}

fn noted(item: &Item, was: Option<String>) -> Noted {
    let (pk, sk) = identity(item);
    Noted { pk, sk, was }
}

fn name(tenants: &mut BTreeSet<String>, item: &Item) {
    if tenants.len() < NAMED {
        tenants.extend(tenant_itself(item));
    }
}

/// All items of a table that are wanted, each with the other table's, in no order.
fn pairs<'a>(
    table: &'a Table,
    is_consistent: bool,
    other: &'a Table,
    attributes: &'a [&'a str],
    wanted: impl Fn(&Item) -> bool + Clone + 'a,
) -> impl Stream<Item = Result<Pairs, AwsError>> + 'a {
    let segments = (0..SEGMENTS).map(move |number| {
        let segment = Segment {
            number,
            of: SEGMENTS,
        };
        let wanted = wanted.clone();
        pages(table, is_consistent, segment)
            .map_ok(move |mut page| {
                page.retain(|item| wanted(item));
                let batches = page.chunks(MAX_BATCH_KEYS).map(<[Item]>::to_vec);
                stream::iter(batches.map(Ok).collect::<Vec<_>>())
            })
            .try_flatten()
            .and_then(move |items| with_others(other, attributes, items))
            .boxed_local()
    });
    stream::select_all(segments)
}

fn pages(
    table: &Table,
    is_consistent: bool,
    segment: Segment,
) -> impl Stream<Item = Result<Vec<Item>, AwsError>> {
    enum Next {
        Page(Option<Item>),
        Nothing,
    }
    stream::try_unfold(Next::Page(None), move |next| async move {
        let Next::Page(after) = next else {
            return Ok(None);
        };
        let (items, after) = table.scan_segment(segment, is_consistent, after).await?;
        let next = match after {
            Some(after) => Next::Page(Some(after)),
            None => Next::Nothing,
        };
        Ok(Some((items, next)))
    })
}

async fn with_others(
    other: &Table,
    attributes: &[&str],
    items: Vec<Item>,
) -> Result<Pairs, AwsError> {
    let keys = items.iter().map(key_of).collect();
    let others = other.get_batch(keys, attributes).await?;
    let pairs = items.into_iter().map(|item| {
        let other = others.get(&item).cloned();
        (item, other)
    });
    Ok(pairs.collect())
}
