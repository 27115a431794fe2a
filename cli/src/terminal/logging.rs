//! What `tracing` reports, on stderr. Commands are silent unless `--verbose`; `dev` shows its
//! router's log.

use tracing_subscriber::EnvFilter;

use super::printer::Printer;
use crate::config::settings::Settings;
use crate::error::CliError;

/// The SDK for MCP logs what servers tell it: it is not heard unless it is named.
const QUIET: &str = "rmcp=off";

/// Starts showing the log, if `level` says how much of it a command shows. `RUST_LOG` decides what
/// is in it.
///
/// # Errors
/// If `RUST_LOG` cannot be understood.
pub(crate) fn start(
    level: Option<&'static str>,
    settings: &Settings,
    printer: &Printer,
) -> Result<(), CliError> {
    let default = if settings.verbose {
        "debug,hyper=info,hyper_util=info,reqwest=info,rustyline=info"
    } else {
        match level {
            None => return Ok(()),
            Some(_) if printer.is_quiet() => "warn",
            Some(level) => level,
        }
    };
    let filter = match settings.log_filter.as_deref() {
        Some(wanted) => EnvFilter::try_new(format!("{QUIET},{wanted}")).map_err(|error| {
            CliError::usage("cannot understand RUST_LOG")
                .caused_by(error)
                .hint("for example RUST_LOG=t3nets_router=debug")
        })?,
        None => EnvFilter::new(format!("{QUIET},{default}")),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(settings.verbose)
        .with_writer(std::io::stderr);
    // Only one subscriber can be set, and this is the one place that does.
    let _ = match printer.is_json() {
        true => log.json().flatten_event(true).try_init(),
        false => log.with_ansi(printer.colors_stderr()).try_init(),
    };
    Ok(())
}
