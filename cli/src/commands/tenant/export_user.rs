//! `t3nets tenant export-user`.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use t3nets_router::admin::user_export::{RecordKind, UserCounts, UserExport};
use t3nets_router::model::UserId;

use super::output_file::{OutputFile, unwritten};
use crate::commands::arguments::{RequiredUser, TenantFlag};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::counted;

/// How many records go by between two signs of life.
const RECORDS_A_STEP: usize = 100;

/// Arguments of `t3nets tenant export-user`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportUserArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// Write to a file that only its owner can read, instead of stdout
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Exported {
    /// To a file.
    File {
        user_id: UserId,
        file: PathBuf,
        records: UserCounts,
    },
    /// To stdout.
    Streamed,
}

impl Output for Exported {
    fn text(&self) -> String {
        match self {
            Self::File {
                user_id,
                file,
                records,
            } => format!(
                "user `{user_id}`: exported {} to `{}`",
                summary(records),
                file.display()
            ),
            Self::Streamed => String::new(),
        }
    }

    fn is_streamed(&self) -> bool {
        matches!(self, Self::Streamed)
    }
}

/// Exports what is kept of a user.
///
/// # Errors
/// If there is no such user, or the file cannot be written: then there is none, or the one that
/// was there before.
pub(crate) async fn run(context: &Context, args: ExportUserArgs) -> Result<Exported, CliError> {
    let id = args.user.into_id()?;
    let file = args.output.as_deref().map(OutputFile::create).transpose()?;
    // It leaves an audit entry.
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let mut export = admin.export_user(&tenant, &id, None).await?;
    let Some(mut file) = file else {
        let mut stdout = context.printer.raw_stdout();
        write(context, &mut export, &mut stdout, CliError::output).await?;
        let records = summary(export.counts());
        context
            .printer
            .status(format!("user `{id}`: exported {records}"));
        return Ok(Exported::Streamed);
    };
    let path = file.path().to_owned();
    let failed = |error| unwritten(&path, error);
    write(context, &mut export, &mut file.writer(), failed).await?;
    Ok(Exported::File {
        user_id: id,
        file: file.complete()?,
        records: export.counts().clone(),
    })
}

async fn write(
    context: &Context,
    export: &mut UserExport,
    output: &mut (dyn Write + Send),
    failed: impl Fn(io::Error) -> CliError,
) -> Result<(), CliError> {
    let progress = context.printer.count("exporting records", None);
    let mut lines = 0;
    while let Some(line) = export.next_line().await? {
        output.write_all(&line).map_err(&failed)?;
        lines += 1;
        if lines % RECORDS_A_STEP == 0 {
            progress.add(RECORDS_A_STEP);
        }
    }
    output.flush().map_err(&failed)
}

fn summary(counts: &UserCounts) -> String {
    let count = |kind| counts.get(&kind).copied().unwrap_or_default();
    [
        counted(count(RecordKind::Conversation), "conversation"),
        counted(count(RecordKind::Message), "message"),
        counted(count(RecordKind::Key), "key"),
    ]
    .join(", ")
}
