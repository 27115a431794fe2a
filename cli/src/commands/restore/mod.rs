//! `t3nets restore`: a local environment from a file ([`local`]), or the tables of one on AWS to a
//! point in time ([`tables`]).

mod local;
mod output;
mod tables;

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;
use t3nets_router::model::TenantId;

use crate::aws::Name;
use crate::commands::arguments::{PastTime, TimeoutFlag};
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;

/// Arguments of `t3nets restore`.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("timeout", |flag| flag.default_value("12h")),
    group(clap::ArgGroup::new("source").args(["file", "to"]).required(true))
)]
pub(crate) struct RestoreArgs {
    /// On this machine: a file that `t3nets backup` wrote
    file: Option<PathBuf>,
    /// On AWS: the point in time to restore the tables to, as how long ago (`2h`) or as a time
    /// (`2026-11-24T10:00:00Z`)
    #[arg(long, value_name = "TIME")]
    to: Option<PastTime>,
    /// Only restore this table; may be repeated [default: both]
    #[arg(long = "table", value_name = "NAME", value_enum, requires = "to")]
    tables: Vec<RestorableTable>,
    /// Only restore what is this tenant's
    #[arg(
        id = "tenant",
        long,
        short = 't',
        value_name = "TENANT",
        requires = "to"
    )]
    tenant: Option<TenantId>,
    /// Only show what would change
    #[arg(long, requires = "to")]
    dry_run: bool,
    /// Keep the copies of the tables afterwards
    #[arg(long, requires = "to")]
    keep: bool,
    #[command(flatten)]
    timeout: TimeoutFlag,
}

/// A table that can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RestorableTable {
    Tenants,
    Conversations,
}

impl RestorableTable {
    /// Both, in the order in which they are restored: a conversation needs its user.
    const ALL: [Self; 2] = [Self::Tenants, Self::Conversations];

    fn as_str(self) -> &'static str {
        match self {
            Self::Tenants => "tenants",
            Self::Conversations => "conversations",
        }
    }

    fn name(self) -> Name {
        match self {
            Self::Tenants => Name::TenantsTable,
            Self::Conversations => Name::ConversationsTable,
        }
    }
}

/// What was restored.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Restored {
    File(local::RestoredFile),
    Tables(output::RestoredTables),
}

impl Output for Restored {
    fn text(&self) -> String {
        match self {
            Self::File(restored) => restored.text(),
            Self::Tables(restored) => restored.text(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::File(restored) => restored.hints(),
            Self::Tables(restored) => restored.hints(),
        }
    }
}

/// Restores what was named.
///
/// # Errors
/// As the kind of environment has it.
pub(crate) async fn run(context: &Context, args: RestoreArgs) -> Result<Restored, CliError> {
    match (args.file, args.to) {
        (Some(file), _) => local::run(context, file).await.map(Restored::File),
        (None, Some(to)) => {
            let mut chosen = args.tables;
            if chosen.is_empty() {
                chosen.extend(RestorableTable::ALL);
            }
            chosen.sort_unstable();
            chosen.dedup();
            let wanted = tables::Wanted {
                to: to.at(),
                is_relative: matches!(to, PastTime::Ago(_)),
                tables: chosen,
                tenant: args.tenant,
                dry_run: args.dry_run,
                keep: args.keep,
                limit: args.timeout.limit,
            };
            tables::run(context, wanted).await.map(Restored::Tables)
        }
        (None, None) => Err(CliError::usage("a file or `--to` is missing")),
    }
}
