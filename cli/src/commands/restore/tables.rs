//! The tables of an environment on AWS, to a point in time. DynamoDB makes a copy of each beside
//! it; what differs is shown, and after a yes written into the table that is in use.
//!
//! Whatever ends it, it is begun again by the same command: the copy is found by its name, and what
//! was put back by then does not differ any more.

use std::time::Duration;

use jiff::Timestamp;
use t3nets_router::aws::recovery::{
    Comparison, CopyState, RecoveryError, Selection, TableRecovery,
};
use t3nets_router::model::TenantId;
use tokio::time::Instant;

use super::RestorableTable;
use super::output::{Done, RestoredTable, RestoredTables};
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::hint::Hint;
use crate::terminal::prompt;

/// The longest pause between two looks at what DynamoDB is doing.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The shortest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a table that is being made may not be seen yet.
const UNSEEN: Duration = Duration::from_secs(60);
/// How often it is said, where there is no terminal, that it goes on.
const SAY_EVERY: Duration = Duration::from_secs(300);

/// What is to be restored.
pub(super) struct Wanted {
    pub(super) to: Timestamp,
    /// Whether the time was given as how long ago, which is another one later.
    pub(super) is_relative: bool,
    pub(super) tables: Vec<RestorableTable>,
    pub(super) tenant: Option<TenantId>,
    pub(super) dry_run: bool,
    pub(super) keep: bool,
    /// How long DynamoDB may take for the copies.
    pub(super) limit: Duration,
}

/// A table, and which one it is.
struct Work {
    table: RestorableTable,
    recovery: TableRecovery,
}

/// Restores tables.
///
/// # Errors
/// Not ready if the environment is none on AWS, or a table's earlier states are not kept; usage if
/// the time is none to which it can be restored; timed out if DynamoDB takes too long; as AWS says.
pub(super) async fn run(context: &Context, wanted: Wanted) -> Result<RestoredTables, CliError> {
    let aws = context.aws().await?;
    if !wanted.dry_run && !context.settings.assume_yes {
        // Nobody should have to wait for hours to be told.
        prompt::ensure_can_confirm()?;
    }
    context.show_environment().await?;
    let work = wanted.tables.iter().map(|table| {
        let name = aws.environment.need(table.name())?;
        Ok(Work {
            table: *table,
            recovery: TableRecovery::new(&aws.sdk, &name.value, wanted.to),
        })
    });
    let work: Vec<Work> = work.collect::<Result<_, CliError>>()?;
    let to = work.first().map_or(wanted.to, |work| work.recovery.to());
    let environment = &aws.environment.name;
    for work in &work {
        begin(context, work, environment).await?;
    }
    if wanted.is_relative {
        let again = same(
            &wanted.tables,
            to,
            "goes on with this, should it be interrupted",
        );
        context.printer.status(context.printer.render(&again));
    }
    let finished = finish(context, &wanted, &work, environment, to).await;
    finished.map_err(|error| match error.kind {
        ErrorKind::Interrupted | ErrorKind::OutputClosed => error,
        _ => error.hint(same(&wanted.tables, to, "goes on where this ended")),
    })
}

/// The command that does the same to a time. Environment and tenant are added where it is shown.
fn same(tables: &[RestorableTable], to: Timestamp, purpose: &str) -> Hint {
    match tables {
        [table] => {
            let table = table.as_str();
            Hint::command(format!("restore --to {to} --table {table}"), purpose)
        }
        _ => Hint::command(format!("restore --to {to}"), purpose),
    }
}

/// Has a copy made, where there is none.
async fn begin(context: &Context, work: &Work, environment: &str) -> Result<(), CliError> {
    let recovery = &work.recovery;
    let (table, copy) = (recovery.table(), recovery.copy_name());
    let cannot = format!("cannot restore `{table}`");
    let state = recovery.copy_state().await;
    match state.map_err(|error| CliError::aws(&cannot, error))? {
        CopyState::Filling | CopyState::Ready => {
            context.printer.detail(format!("going on with `{copy}`"));
            return Ok(());
        }
        CopyState::Unusable(why) => return Err(unusable(copy, &why)),
        CopyState::Absent => {}
    }
    let window = recovery.window().await;
    let Some(window) = window.map_err(|error| CliError::aws(&cannot, error))? else {
        return Err(CliError::not_ready(format!(
            "`{table}` keeps no earlier states: point-in-time recovery is off"
        ))
        .hint(format!(
            "`point_in_time_recovery = true` in environments/{environment}.tfvars keeps them from then on"
        )));
    };
    if !(window.earliest..=window.latest).contains(&recovery.to()) {
        return Err(CliError::usage(format!(
            "`{table}` can be restored to what it was from {} to {}, not to {}",
            window.earliest,
            window.latest,
            recovery.to()
        )));
    }
    let made = recovery.make_copy().await;
    made.map_err(|error| CliError::aws(&cannot, error))?;
    context
        .printer
        .detail(format!("restoring `{table}` beside it, as `{copy}`"));
    Ok(())
}

fn unusable(copy: &str, why: &str) -> CliError {
    CliError::failed(format!("the table `{copy}` cannot be used: {why}"))
        .hint("delete it, then run the command again")
}

async fn finish(
    context: &Context,
    wanted: &Wanted,
    work: &[Work],
    environment: &str,
    to: Timestamp,
) -> Result<RestoredTables, CliError> {
    wait_for_copies(context, work, wanted.limit).await?;
    let mut compared = Vec::new();
    for work in work {
        compared.push(compare(context, wanted, work).await?);
    }
    let mut result = RestoredTables {
        environment: environment.to_owned(),
        to,
        tenant: wanted.tenant.clone(),
        dry_run: wanted.dry_run,
        tables: (work.iter().zip(&compared))
            .map(|(Work { table, recovery }, comparison)| {
                let (name, copy) = (recovery.table(), recovery.copy_name());
                RestoredTable::new(*table, name, copy, &comparison.found)
            })
            .collect(),
        undo: None,
    };
    if !wanted.dry_run && result.differences() > 0 {
        if !context.printer.is_json() {
            context.printer.status(result.compared());
        }
        confirm(context, &result)?;
        put_back(context, wanted, work, compared, &mut result).await?;
    }
    if !wanted.keep {
        for (work, restored) in work.iter().zip(&mut result.tables) {
            let removed = work.recovery.remove_copy().await;
            removed.map_err(|error| {
                CliError::aws(
                    format!("cannot delete `{}`", work.recovery.copy_name()),
                    error,
                )
            })?;
            restored.copy = None;
        }
    }
    Ok(result)
}

async fn wait_for_copies(
    context: &Context,
    work: &[Work],
    limit: Duration,
) -> Result<(), CliError> {
    let waiting = context
        .printer
        .progress("DynamoDB is restoring: minutes to hours");
    let (started, mut said) = (Instant::now(), Instant::now());
    loop {
        let mut filling = Vec::new();
        for work in work {
            let copy = work.recovery.copy_name();
            let state = work.recovery.copy_state().await;
            match state.map_err(|error| CliError::aws(format!("cannot look at `{copy}`"), error))? {
                CopyState::Ready => {}
                CopyState::Absent if started.elapsed() > UNSEEN => {
                    return Err(CliError::failed(format!("the table `{copy}` is gone")));
                }
                CopyState::Filling | CopyState::Absent => filling.push(copy),
                CopyState::Unusable(why) => return Err(unusable(copy, &why)),
            }
        }
        if filling.is_empty() {
            return Ok(());
        }
        let elapsed = started.elapsed();
        if elapsed > limit {
            let message = format!("DynamoDB is still restoring `{}`", filling.join("`, `"));
            return Err(CliError::new(ErrorKind::TimedOut, message));
        }
        if said.elapsed() > SAY_EVERY && !context.printer.shows_progress() {
            said = Instant::now();
            let minutes = elapsed.as_secs() / 60;
            let line = format!("DynamoDB is still restoring after {minutes} minutes");
            context.printer.detail(line);
        }
        waiting.set(format!("DynamoDB is restoring: {}", filling.join(", ")));
        tokio::time::sleep((elapsed / 8).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
    }
}

async fn compare(context: &Context, wanted: &Wanted, work: &Work) -> Result<Comparison, CliError> {
    let table = work.recovery.table();
    let cannot = || format!("cannot compare `{table}` with what it was");
    let notes = tempfile::tempfile()
        .map_err(|error| CliError::failed("cannot make a temporary file").caused_by(error))?;
    let label = format!("comparing {}", work.table.as_str());
    let counter = context.printer.count(&label, None);
    let selection = Selection {
        tenant: wanted.tenant.clone(),
    };
    let compared = work
        .recovery
        .compare(&selection, notes, |count| counter.add(count))
        .await;
    compared.map_err(|error| failed(cannot(), error))
}

fn failed(what: String, error: RecoveryError) -> CliError {
    match error {
        RecoveryError::Aws(error) => CliError::aws(what, error),
        RecoveryError::Notes(_) => CliError::failed(what).caused_by(error),
    }
}

fn confirm(context: &Context, result: &RestoredTables) -> Result<(), CliError> {
    let environment = context.settings.environment()?;
    let items = match result.differences() {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    };
    match environment.protected {
        true => context.confirm_by_name(&format!("Put {items} back"), &environment.name),
        false => context.confirm(&format!("Put {items} back as at {}?", result.to)),
    }
}

/// Keeps what each table is now, puts back what it was, and looks what differs still.
async fn put_back(
    context: &Context,
    wanted: &Wanted,
    work: &[Work],
    compared: Vec<Comparison>,
    result: &mut RestoredTables,
) -> Result<(), CliError> {
    let mut backups = Vec::new();
    for (work, comparison) in work.iter().zip(&compared) {
        backups.push(match comparison.found.count() {
            0 => None,
            _ => Some(back_up(context, work, wanted.limit).await?),
        });
    }
    let before = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(result.to);
    let purpose = "takes it back, once DynamoDB knows that time (about five minutes)";
    result.undo = Some(same(&wanted.tables, before, purpose));
    for (n, (comparison, backup)) in compared.into_iter().zip(backups).enumerate() {
        let Some(backup) = backup else { continue };
        let Work { table, recovery } = &work[n];
        let count = usize::try_from(comparison.found.count()).ok();
        let label = format!("restoring {}", table.as_str());
        let counter = context.printer.count(&label, count);
        let put_back = recovery.put_back(comparison, |count| counter.add(count));
        let put_back = put_back.await.map_err(|error| {
            failed(
                format!("`{}` was restored only in part", recovery.table()),
                error,
            )
        })?;
        drop(counter);
        let differing = compare(context, wanted, &work[n]).await?.found.count();
        result.tables[n].done = Some(Done::new(backup, put_back, differing));
    }
    Ok(())
}

/// Has DynamoDB keep what a table is now.
async fn back_up(context: &Context, work: &Work, limit: Duration) -> Result<String, CliError> {
    let table = work.recovery.table();
    let cannot = || format!("cannot back `{table}` up, so nothing was changed");
    let name = format!(
        "{table}-before-restore-{}",
        Timestamp::now().strftime("%Y%m%dT%H%M%SZ")
    );
    let arn = work.recovery.back_up(&name).await;
    let arn = arn.map_err(|error| CliError::aws(cannot(), error))?;
    context
        .printer
        .detail(format!("backed `{table}` up: {arn}"));
    let _waiting = context.printer.progress(format!("backing {table} up"));
    let started = Instant::now();
    loop {
        let state = work.recovery.is_backed_up(&arn).await;
        if state.map_err(|error| CliError::aws(cannot(), error))? {
            return Ok(arn);
        }
        let elapsed = started.elapsed();
        if elapsed > limit {
            return Err(CliError::new(ErrorKind::TimedOut, cannot()));
        }
        tokio::time::sleep((elapsed / 8).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
    }
}
