//! The one toolkit for DynamoDB. It knows no record of T3nets: which items there are is said by
//! whoever uses it.
//!
//! `attributes` reads and writes what items hold. `query` says what a read asks for, `condition`
//! and `write` what a write does, as data; `table` sends them, alone or as a transaction, and
//! reads; `bulk` reads whole tables; `error` says what a refusal means; `capacity` counts what all
//! of it consumes.

pub(crate) mod attributes;
mod bulk;
mod capacity;
mod condition;
mod error;
pub(crate) mod other;
mod query;
mod table;
mod write;

pub(crate) use bulk::{MAX_BATCH_KEYS, Segment};
pub(crate) use capacity::CapacityInterceptor;
pub(crate) use condition::Condition;
pub(crate) use error::Refusal;
pub(crate) use query::{Query, Scan, SortKeys};
pub(crate) use table::{Items, MAX_TRANSACTION_ITEMS, Table};
pub(crate) use write::{Update, Write};
