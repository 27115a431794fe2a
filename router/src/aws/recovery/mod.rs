//! A table as it was at an earlier time: beside the table that is in use, compared with it, and put
//! back into it. The CLI's; the router never looks at it.
//!
//! DynamoDB restores to a table of a new name alone, and leaves much of a table's settings behind
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery.Tutorial.html>).
//! So what is restored is a copy to read from: what differs is written into the table itself, whose
//! name, settings and state in Terraform stay.
//!
//! `copy` makes the copy and removes it. `compare` finds what differs, without ever holding more
//! than a few pages of either table, and notes each key in a file with what the item was then;
//! `put_back` changes what was noted, where it is still so. `scope` says which items it is about.

mod compare;
mod copy;
mod digest;
mod noted;
mod put_back;
mod scope;

use std::io;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::connect;
use super::dynamodb::Table;
use super::error::AwsError;
use crate::model::TenantId;

pub use compare::{Comparison, Differences};
pub use copy::{CopyState, Window};
pub use put_back::PutBack;

/// Why a table could not be compared or put back.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// DynamoDB refused a call, or did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The file with what differs cannot be written or read.
    #[error("the file with the differences cannot be used: {0}")]
    Notes(#[from] io::Error),
}

/// One table, and what it was at a time.
#[derive(Debug, Clone)]
pub struct TableRecovery {
    client: Client,
    live: Table,
    copy: Table,
    to: Timestamp,
}

/// Which items are compared and put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this tenant alone; of all if there is none.
    pub tenant: Option<TenantId>,
}

impl TableRecovery {
    /// The table `table` as it was at `to`, of which DynamoDB knows whole seconds. Asks nothing.
    pub fn new(sdk: &SdkConfig, table: &str, to: Timestamp) -> Self {
        let client = connect::dynamodb(sdk);
        let to = Timestamp::from_second(to.as_second()).unwrap_or(to);
        let copy = format!("{table}-restored-{}", to.strftime("%Y%m%dT%H%M%SZ"));
        Self {
            live: Table::new(client.clone(), table),
            copy: Table::new(client.clone(), copy),
            client,
            to,
        }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        self.live.name()
    }

    /// The name of the copy, by which one that is there is found again.
    pub fn copy_name(&self) -> &str {
        self.copy.name()
    }

    /// The time, in whole seconds.
    pub fn to(&self) -> Timestamp {
        self.to
    }
}
