//! `t3nets doctor`: everything an environment needs, each check with its remedy. Changes nothing.
//!
//! Here is how the report looks; [`check`] is one line of it, [`local`] has the checks of this
//! machine, [`aws`] those of AWS ([`deploying`] of what is deployed there, [`alarms`] of whom they
//! tell), [`tenant`] those of a tenant wherever it is, and [`webhook`] that of whom a
//! router tells of budgets.

mod alarms;
mod aws;
mod check;
mod deploying;
mod issuer;
mod local;
mod tenant;
mod webhook;

use serde::Serialize;

use crate::commands::arguments::TenantFlag;
use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::{CliError, exit_code};
use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;
use check::{Check, CheckView, Remedy, Status};

/// Arguments of `t3nets doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// Check whether `t3nets dev` could use this port [default: the one it uses, else 8080]
    #[arg(long)]
    port: Option<u16>,
}

/// What each check found.
#[derive(Debug, Serialize)]
pub(crate) struct DoctorOutput {
    environment: String,
    checks: Vec<CheckView>,
}

impl Output for DoctorOutput {
    fn text(&self) -> String {
        let names = self.checks.iter().map(|check| check.name.len());
        let width = names.max().unwrap_or(0).max(8) + 2;
        let mut lines = Vec::new();
        for check in &self.checks {
            let detail = strip_control_chars(&check.detail);
            lines.push(format!(
                "{:<9}{:<width$}{detail}",
                check.status.word(),
                check.name
            ));
            lines.extend(check.remedy.as_deref().map(|remedy| {
                format!(
                    "{:indent$}remedy: {}",
                    "",
                    strip_control_chars(remedy),
                    indent = 9 + width
                )
            }));
        }
        lines.join("\n")
    }

    fn exit_code(&self) -> u8 {
        if self
            .checks
            .iter()
            .any(|check| check.status == Status::Failed)
        {
            exit_code::NOT_READY
        } else {
            exit_code::DONE
        }
    }
}

/// Runs every check.
///
/// # Errors
/// Not ready if there is no such environment, or it is refused here.
pub(crate) async fn run(context: &Context, args: DoctorArgs) -> Result<DoctorOutput, CliError> {
    let environment = context.settings.environment()?;
    let checking = context.printer.progress("checking");
    let mut checks = vec![Check::ok(
        "env",
        format!("{} ({})", environment.name, context.settings.chosen_by),
    )];
    checks.extend(match environment.platform {
        PlatformKind::Local => local::checks(context, context.local_environment()?, args).await,
        PlatformKind::Aws => aws::checks(context, environment, args.tenant).await,
    });
    drop(checking);
    Ok(DoctorOutput {
        environment: environment.name.clone(),
        checks: checks
            .into_iter()
            .map(|check| check.view(&context.printer))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use anstream::ColorChoice;

    use super::*;
    use crate::hint::Call;
    use crate::terminal::printer::Printer;

    #[test]
    fn a_warning_is_no_failure_and_a_failure_is_one() {
        let printer = Printer::new(
            false,
            false,
            ColorChoice::Never,
            Call::new(|| clap::Command::new("t3nets")),
        );
        let output = |checks: Vec<Check>| DoctorOutput {
            environment: "local".to_owned(),
            checks: checks
                .into_iter()
                .map(|check| check.view(&printer))
                .collect(),
        };
        let warning = Check::warning("jira", "not connected", "connect it");
        let code = output(vec![Check::ok("home", "fine"), warning]).exit_code();
        assert_eq!(code, exit_code::DONE);
        let failed = output(vec![Check::failed("home", "gone", "make it")]);
        assert_eq!(failed.exit_code(), exit_code::NOT_READY);
        assert_eq!(
            failed.text(),
            "failed   home      gone\n                   remedy: make it"
        );
    }
}
