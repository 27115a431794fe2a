//! `t3nets tenant import`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use serde::Serialize;
use t3nets_router::admin::transfer::{
    self, Checked, ExportReader, ImportEvent, ImportOptions, ImportSummary, Problem, RecordKind,
    Tally,
};
use t3nets_router::files;
use t3nets_router::model::{IntegrationName, TenantId};

use super::sealed::{self, PassphraseArgs, Rereadable};
use crate::context::Context;
use crate::error::{CliError, exit_code};
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::stdin::Stdin;
use crate::terminal::table::table;
use crate::terminal::text::strip_control_chars;

/// How many records that were not imported are shown one by one: as text, and as JSON.
const MAX_SHOWN: usize = 20;
const MAX_LISTED: usize = 1000;

/// The most that is kept of stdin, in bytes: a hundred times what a tenant of ten thousand people
/// takes, and less than fills a disk.
const MAX_STDIN: u64 = 1 << 30;

/// Arguments of `t3nets tenant import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The file to import, encrypted or not; `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Import as this tenant instead of the exported one; users keep their ids
    #[arg(long, short = 't', value_name = "TENANT")]
    tenant: Option<TenantId>,
    /// Overwrite records that differ
    #[arg(long)]
    overwrite: bool,
    /// Show what would be done without doing it
    #[arg(long)]
    dry_run: bool,
    /// Decrypt with the age key in this file; may be repeated
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// What became of the file.
#[derive(Debug, Serialize)]
pub(crate) struct Imported {
    tenant_id: TenantId,
    dry_run: bool,
    records: BTreeMap<RecordKind, TallyView>,
    /// The secrets that the file names without their values, and that are not stored.
    missing_secrets: Vec<IntegrationName>,
    /// How many records were not imported.
    failed: usize,
    /// The first of them.
    problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize)]
struct TallyView {
    created: usize,
    unchanged: usize,
    overwritten: usize,
    failed: usize,
}

impl From<Tally> for TallyView {
    fn from(tally: Tally) -> Self {
        Self {
            created: tally.created,
            unchanged: tally.unchanged,
            overwritten: tally.overwritten,
            failed: tally.failed,
        }
    }
}

#[derive(Debug, Serialize)]
struct ProblemView {
    line: u64,
    kind: RecordKind,
    name: String,
    reason: String,
}

impl From<Problem> for ProblemView {
    fn from(problem: Problem) -> Self {
        Self {
            line: problem.line,
            kind: problem.kind,
            name: problem.name,
            reason: problem.reason,
        }
    }
}

impl Output for Imported {
    fn text(&self) -> String {
        let rows = self.records.iter().map(|(kind, tally)| {
            [
                kind.to_string(),
                tally.created.to_string(),
                tally.unchanged.to_string(),
                tally.overwritten.to_string(),
                tally.failed.to_string(),
            ]
        });
        let mut text = table(
            &["record", "created", "unchanged", "overwritten", "failed"],
            rows,
        );
        for integration in &self.missing_secrets {
            text.push_str(&format!(
                "\nsecret `{integration}` is not in the file and has to be set"
            ));
        }
        if self.dry_run {
            text.push_str("\nnothing was changed (--dry-run)");
        }
        text
    }

    fn hints(&self) -> Vec<Hint> {
        let tenant = &self.tenant_id;
        let missing = self.missing_secrets.iter().map(|integration| {
            Hint::command(format!("secret set {integration} -t {tenant}"), "sets it")
        });
        missing.collect()
    }

    fn exit_code(&self) -> u8 {
        if self.failed == 0 {
            exit_code::DONE
        } else {
            exit_code::FAILED
        }
    }
}

/// Imports a tenant.
///
/// # Errors
/// If the file is not whole and right: then nothing was changed. If the environment fails:
/// then repeating it goes on.
pub(crate) async fn run(context: &Context, args: ImportArgs) -> Result<Imported, CliError> {
    let file = if args.file == Path::new("-") {
        if args.passphrase.takes_stdin() {
            return Err(CliError::usage(
                "stdin cannot be the file and the passphrase",
            ));
        }
        spool().await?
    } else {
        files::open(&args.file).map_err(|error| {
            CliError::usage(format!("cannot open `{}`", args.file.display())).caused_by(error)
        })?
    };
    let mut input = sealed::open(file, &args.identity, &args.passphrase)?;
    let checked = {
        let _checking = context.printer.progress("checking the file");
        transfer::check(&mut *input)?
    };
    let options = ImportOptions {
        into: args.tenant.unwrap_or_else(|| checked.tenant_id.clone()),
        overwrite: args.overwrite,
        dry_run: args.dry_run,
    };
    let admin = if args.dry_run {
        context.admin().await?
    } else {
        context.admin_to_change().await?
    };
    input
        .rewind()
        .map_err(|error| CliError::failed("cannot read the file again").caused_by(error))?;
    apply(context, &admin, &mut *input, &checked, options).await
}

async fn apply(
    context: &Context,
    admin: &t3nets_router::admin::Admin,
    input: &mut dyn Rereadable,
    checked: &Checked,
    options: ImportOptions,
) -> Result<Imported, CliError> {
    let printer = &context.printer;
    let mut problems: Vec<ProblemView> = Vec::new();
    let mut shown = 0;
    let progress = printer.count("importing records", Some(checked.records()));
    let summary = admin
        .import_tenant(
            ExportReader::begin(input)?,
            &options,
            &mut |event| match event {
                ImportEvent::Done(records) => progress.add(records),
                ImportEvent::Failed(problem) => {
                    let problem = ProblemView::from(problem);
                    if shown < MAX_SHOWN && !printer.is_json() {
                        progress.suspend(|| {
                            printer.warning(strip_control_chars(&format!(
                                "line {}: {} `{}` not imported: {}",
                                problem.line, problem.kind, problem.name, problem.reason
                            )));
                        });
                    }
                    shown += 1;
                    if problems.len() < MAX_LISTED {
                        problems.push(problem);
                    }
                }
            },
        )
        .await
        .map_err(|error| {
            let error = CliError::from(error);
            if error.hints.is_empty() {
                error.hint("run the command again: it goes on where it ended")
            } else {
                error
            }
        })?;
    drop(progress);
    let failed = summary.failed();
    if failed > MAX_SHOWN && !printer.is_json() {
        printer.warning(format!(
            "and {} more records were not imported (`--json` lists them)",
            failed - MAX_SHOWN
        ));
    }
    let ImportSummary {
        tallies,
        missing_secrets,
    } = summary;
    Ok(Imported {
        tenant_id: options.into,
        dry_run: options.dry_run,
        records: tallies
            .into_iter()
            .map(|(kind, tally)| (kind, tally.into()))
            .collect(),
        missing_secrets,
        failed,
        problems,
    })
}

/// Puts stdin into a file without a name, so that it can be read twice.
async fn spool() -> Result<File, CliError> {
    let copied = tokio::task::spawn_blocking(|| {
        let mut file = tempfile::tempfile()?;
        let mut input = Stdin::new().take(MAX_STDIN + 1);
        if std::io::copy(&mut input, &mut file)? > MAX_STDIN {
            let reason = format!("it is longer than {} MiB", MAX_STDIN >> 20);
            return Err(std::io::Error::other(reason));
        }
        file.rewind()?;
        Ok::<_, std::io::Error>(file)
    })
    .await;
    copied
        .unwrap_or_else(|error| Err(error.into()))
        .map_err(|error| CliError::failed("cannot keep what stdin holds").caused_by(error))
}
