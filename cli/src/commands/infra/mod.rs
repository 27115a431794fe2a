//! `t3nets infra`: an environment's infrastructure, by Terraform or OpenTofu.
//!
//! Terraform is run, not imitated: its output goes through unchanged, its questions are its own,
//! and what it ends with becomes one of this program's codes. What is added is the right folder,
//! settings, workspace and credentials.
//!
//! Reading order: one function per command here; [`init`], when `terraform init` is due;
//! [`moving`], a state on its way to another backend; [`bootstrap`], the bucket for the state;
//! [`dashboard`], which needs no Terraform. The program and its folder are [`crate::terraform`].

pub(crate) mod bootstrap;
pub(crate) mod dashboard;
mod init;
mod moving;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::{CliError, ErrorKind, exit_code};
use crate::terminal::printer::Streamed;
use crate::terminal::prompt;
use crate::terraform::backend::{Kept, data_folder, workspace};
use crate::terraform::folder::{InfraEnvironment, InfraFolder};
use crate::terraform::run::{Ended, InFolder, Terraform};

/// What to do with the infrastructure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum InfraCommand {
    /// Create the bucket for an environment's Terraform state, once per account
    Bootstrap,
    /// Show what an apply would change
    Plan(PlanArgs),
    /// Create or change the infrastructure
    Apply(ApplyArgs),
    /// Show Terraform's outputs: names, addresses
    Output(OutputArgs),
    /// Open the CloudWatch dashboard: alarms, errors, latency, tasks, model, tables
    Dashboard(dashboard::DashboardArgs),
    /// Destroy the infrastructure and the data in it
    Destroy(DestroyArgs),
}

/// Arguments of `t3nets infra plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Exit with code 8 if there are changes
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    more: MoreArgs,
}

/// Arguments of `t3nets infra apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved by `t3nets infra plan -- -out=FILE`
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    more: MoreArgs,
}

/// Arguments of `t3nets infra output`.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// The output to show [default: all]
    name: Option<String>,
    /// Print a string without quotes
    #[arg(long, requires = "name", conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    more: MoreArgs,
}

/// Arguments of `t3nets infra destroy`.
#[derive(Debug, clap::Args)]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    more: MoreArgs,
}

/// What every one of them hands on.
#[derive(Debug, clap::Args)]
struct MoreArgs {
    /// Arguments for Terraform itself
    #[arg(last = true, value_name = "TERRAFORM_ARGS")]
    terraform: Vec<OsString>,
}

/// What every command that runs Terraform on an environment has found out first.
struct Work<'a> {
    context: &'a Context,
    folder: InfraFolder,
    environment: InfraEnvironment,
    terraform: Terraform,
    /// Where the state is, as written.
    kept: Kept,
    /// Where Terraform's working data are.
    data: PathBuf,
}

impl<'a> Work<'a> {
    /// # Errors
    /// Not ready if the environment, its files or Terraform are missing.
    async fn begin(context: &'a Context) -> Result<Self, CliError> {
        let folder = InfraFolder::find(&context.settings)?;
        let environment = folder.environment(&context.settings)?;
        let name = &environment.name;
        let kept = folder.kept(name)?;
        if let Kept::Nowhere { file } = &kept {
            return Err(CliError::not_ready(format!(
                "there is no backend for the state of `{name}`: `{}` is missing",
                folder.path().join(file).display()
            ))
            .hint_command(
                format!("infra bootstrap -e {name}"),
                "writes it, and creates the bucket if its account has none",
            ));
        }
        let data = data_folder(&context.settings, folder.path(), name, &kept);
        let terraform = Terraform::find(&context.settings).await?;
        Ok(Self {
            context,
            folder,
            environment,
            terraform,
            kept,
            data,
        })
    }

    /// Says which environment it is, and initialises the folder if that is due.
    async fn prepare(&self) -> Result<(), CliError> {
        self.context.printer.detail(format!(
            "environment: {} ({})",
            self.environment.name, self.context.settings.chosen_by
        ));
        init::initialise(self).await
    }

    /// To run Terraform in a workspace, with the environment's credentials.
    fn runs(&self, workspace: &str) -> InFolder<'_> {
        self.runs_in(self.folder.path(), workspace)
    }

    /// The same in another folder.
    fn runs_in<'b>(&'b self, folder: &'b Path, workspace: &str) -> InFolder<'b> {
        let runs = self.terraform.in_folder(folder);
        let runs = runs.of_environment(&self.environment, workspace);
        match &self.kept {
            Kept::Own { .. } => runs.with_data_in(&self.data),
            _ => runs,
        }
    }

    /// Runs one of Terraform's commands on the environment.
    async fn run(&self, arguments: Vec<OsString>) -> Result<Ended, CliError> {
        self.runs(workspace(&self.environment.name))
            .run(&self.context.printer, arguments)
            .await
    }

    fn command(&self, name: &str) -> Vec<OsString> {
        let mut arguments = vec![name.into()];
        if !self.context.printer.colors_stderr() {
            arguments.push("-no-color".into());
        }
        if self.context.printer.is_json() {
            arguments.push("-json".into());
        }
        arguments
    }

    fn var_file(&self) -> OsString {
        format!("-var-file={}", self.environment.var_file.display()).into()
    }

    /// Makes sure that a change is wanted, before anything is touched. Terraform asks by itself in
    /// a terminal, where it can show what it is about to do; the name of a protected environment is
    /// asked for here.
    fn confirm(&self, what: &str) -> Result<(), CliError> {
        let settings = &self.context.settings;
        if settings.assume_yes {
            return Ok(());
        }
        if !prompt::can_ask() || self.context.printer.is_json() {
            return Err(CliError::usage(
                "this needs confirmation, and there is no terminal to ask on",
            )
            .hint("`--yes` confirms it"));
        }
        if self.environment.protected {
            self.context.confirm_by_name(what, &self.environment.name)?;
        }
        Ok(())
    }
}

/// Shows what an apply would change.
///
/// # Errors
/// As [`Work::begin`]; usage if a confirmation is missing and nobody can be asked.
pub(crate) async fn plan(context: &Context, args: PlanArgs) -> Result<Streamed, CliError> {
    let work = Work::begin(context).await?;
    work.prepare().await?;
    let mut arguments = work.command("plan");
    arguments.push(work.var_file());
    if !prompt::can_ask() {
        arguments.push("-input=false".into());
    }
    if args.exit_code {
        arguments.push("-detailed-exitcode".into());
    }
    arguments.extend(args.more.terraform);
    match work.run(arguments).await? {
        // Only with -detailed-exitcode, also if it was handed on after `--`.
        Ended::With(2) => Ok(Streamed::with_code(exit_code::CHANGES_PENDING)),
        ended => finish(ended),
    }
}

/// Creates or changes the infrastructure.
///
/// # Errors
/// As [`Work::begin`]; usage if a confirmation is missing and nobody can be asked.
pub(crate) async fn apply(context: &Context, args: ApplyArgs) -> Result<Streamed, CliError> {
    let work = Work::begin(context).await?;
    // Terraform is run in another folder than the one that the path was typed in.
    let plan = args.plan.map(std::fs::canonicalize).transpose();
    let plan = plan.map_err(|error| CliError::usage("cannot read the plan").caused_by(error))?;
    work.confirm("Apply")?;
    if plan.is_some() && !work.environment.protected {
        // Terraform applies a saved plan without asking.
        work.context
            .confirm(&format!("Apply the plan to `{}`?", work.environment.name))?;
    }
    work.prepare().await?;
    let mut arguments = work.command("apply");
    if plan.is_none() {
        arguments.push(work.var_file());
    }
    arguments.extend(approval(&work));
    arguments.extend(args.more.terraform);
    arguments.extend(plan.map(PathBuf::into_os_string));
    finish(work.run(arguments).await?)
}

/// Shows what Terraform created.
///
/// # Errors
/// As [`Work::begin`]; usage if a confirmation is missing and nobody can be asked.
pub(crate) async fn output(context: &Context, args: OutputArgs) -> Result<Streamed, CliError> {
    let work = Work::begin(context).await?;
    work.prepare().await?;
    let mut arguments = work.command("output");
    if args.raw {
        arguments.push("-raw".into());
    }
    arguments.extend(args.more.terraform);
    arguments.extend(args.name.map(OsString::from));
    finish(work.run(arguments).await?)
}

/// Removes the infrastructure.
///
/// # Errors
/// As [`Work::begin`]; usage if a confirmation is missing and nobody can be asked.
pub(crate) async fn destroy(context: &Context, args: DestroyArgs) -> Result<Streamed, CliError> {
    let work = Work::begin(context).await?;
    work.confirm("Destroy")?;
    work.prepare().await?;
    let mut arguments = work.command("destroy");
    arguments.push(work.var_file());
    arguments.extend(approval(&work));
    arguments.extend(args.more.terraform);
    finish(work.run(arguments).await?)
}

fn approval(work: &Work<'_>) -> Vec<OsString> {
    if work.context.settings.assume_yes {
        vec!["-auto-approve".into(), "-input=false".into()]
    } else {
        Vec::new()
    }
}

/// What Terraform ended with, as one of this program's codes. Why it failed Terraform has said.
fn finish(ended: Ended) -> Result<Streamed, CliError> {
    match ended {
        Ended::With(0) | Ended::WellThoughInterrupted => Ok(Streamed::DONE),
        Ended::With(_) => Ok(Streamed::with_code(exit_code::FAILED)),
        Ended::Interrupted => Err(CliError::interrupted()),
        Ended::Killed(signal) => Err(CliError::new(
            ErrorKind::Failed,
            format!("terraform was killed by signal {signal}"),
        )
        .hint_command(
            "infra plan",
            "shows what remains to be done; the state may still be locked",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::printer::Output as _;

    #[test]
    fn terraforms_own_codes_become_ours() {
        let code = |ended| finish(ended).unwrap().exit_code();
        assert_eq!(code(Ended::With(0)), 0);
        assert_eq!(code(Ended::With(1)), 1);
        assert_eq!(code(Ended::With(127)), 1);
        assert_eq!(code(Ended::WellThoughInterrupted), 0);
        let interrupted = finish(Ended::Interrupted).unwrap_err();
        assert_eq!(interrupted.kind.exit_code(), 130);
    }
}
