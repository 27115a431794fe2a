//! `t3nets tenant export`.

use std::io::Write;
use std::path::PathBuf;

use age::x25519::Recipient;
use serde::Serialize;
use t3nets_router::admin::Admin;
use t3nets_router::admin::transfer::{Counts, RecordKind, SecretsIn};
use t3nets_router::model::TenantId;

use super::output_file::{OutputFile, unwritten};
use super::sealed::{self, PassphraseArgs};
use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::counted;

/// How many records go by between two signs of life.
const RECORDS_A_STEP: usize = 100;

/// Arguments of `t3nets tenant export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    tenant: TenantName,
    /// Write to a file that only its owner can read, instead of stdout
    #[arg(long, short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,
    /// Include the values of secrets; encrypts the file with age, by a passphrase or to --recipient
    #[arg(long, requires = "output")]
    with_secrets: bool,
    /// Encrypt to this age public key (`age1…`) instead of by a passphrase; may be repeated
    #[arg(long, value_name = "KEY", value_parser = sealed::parse_recipient, requires = "with_secrets",
          conflicts_with = "passphrase_source")]
    recipient: Vec<Recipient>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Exported {
    /// They were written to a file.
    File {
        tenant_id: TenantId,
        file: PathBuf,
        encrypted: bool,
        records: Counts,
    },
    /// The records themselves, to stdout.
    Streamed,
}

impl Output for Exported {
    fn text(&self) -> String {
        match self {
            Self::File {
                tenant_id,
                file,
                encrypted,
                records,
            } => format!(
                "tenant `{tenant_id}`: exported {} to `{}`{}",
                summary(records),
                file.display(),
                if *encrypted { ", encrypted" } else { "" }
            ),
            Self::Streamed => String::new(),
        }
    }

    fn is_streamed(&self) -> bool {
        matches!(self, Self::Streamed)
    }
}

/// Exports a tenant.
///
/// # Errors
/// If there is no such tenant, or the file cannot be written: then there is none, or the
/// one that was there before.
pub(crate) async fn run(context: &Context, args: ExportArgs) -> Result<Exported, CliError> {
    if args.passphrase.is_given() && !args.with_secrets {
        return Err(CliError::usage(
            "a passphrase is for an encrypted file, which only `--with-secrets` makes",
        ));
    }
    let Some(path) = args.output else {
        let admin = context.admin().await?;
        let id = args.tenant.resolve(context, &admin).await?;
        let mut stdout = context.printer.raw_stdout();
        let counts = write(context, &admin, &id, SecretsIn::Names, &mut stdout).await?;
        context
            .printer
            .status(format!("tenant `{id}`: exported {}", summary(&counts)));
        return Ok(Exported::Streamed);
    };
    let mut file = OutputFile::create(&path)?;
    let admin = match args.with_secrets {
        // Reading them leaves an audit entry.
        true => context.admin_to_change().await?,
        false => context.admin().await?,
    };
    let id = args.tenant.resolve(context, &admin).await?;
    let path = file.path().to_owned();
    let counts = if args.with_secrets {
        // Before a passphrase is asked for.
        admin.tenant(&id).await?;
        let mut sealed = sealed::seal(file.writer(), &args.recipient, &args.passphrase)?;
        let counts = write(context, &admin, &id, SecretsIn::Values, &mut sealed).await?;
        sealed
            .finish()
            .and_then(|mut inner| inner.flush())
            .map_err(|error| unwritten(&path, error))?;
        counts
    } else {
        let mut plain = file.writer();
        let counts = write(context, &admin, &id, SecretsIn::Names, &mut plain).await?;
        plain.flush().map_err(|error| unwritten(&path, error))?;
        counts
    };
    Ok(Exported::File {
        tenant_id: id,
        file: file.complete()?,
        encrypted: args.with_secrets,
        records: counts,
    })
}

async fn write(
    context: &Context,
    admin: &Admin,
    id: &TenantId,
    secrets: SecretsIn,
    output: &mut (dyn Write + Send),
) -> Result<Counts, CliError> {
    let progress = context.printer.count("exporting records", None);
    let mut shown = 0;
    let counts = admin
        .export_tenant(id, secrets, output, &mut |records| {
            if records >= shown + RECORDS_A_STEP {
                progress.add(records - shown);
                shown = records;
            }
        })
        .await?;
    Ok(counts)
}

fn summary(counts: &Counts) -> String {
    let count = |kind| counts.get(&kind).copied().unwrap_or_default();
    [
        counted(count(RecordKind::User), "user"),
        counted(count(RecordKind::Channel), "channel"),
        counted(count(RecordKind::ApiKey), "key"),
        counted(count(RecordKind::Secret), "secret"),
    ]
    .join(", ")
}
