//! What every command is given.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use t3nets_router::admin::{Admin, Unreadables};
use t3nets_router::local::LocalPaths;
use t3nets_router::outbound::{Allowed, RANGES_VARIABLE, Reach};
use t3nets_router::ports::{Platform, SystemClock, Unreadable};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::aws::{AwsEnvironment, AwsSession, Caller, Name, TerraformState, advise};
use crate::config::environment::{Environment, PlatformKind};
use crate::config::home;
use crate::config::running;
use crate::config::settings::Settings;
use crate::error::{CliError, ErrorKind, exit_code};
use crate::terminal::printer::Printer;
use crate::terminal::prompt;
use crate::terminal::text::strip_control_chars;

/// What `t3nets doctor` does.
const CHECKS: &str = "checks what the environment needs";

/// What every command is given: the settings it works by and the printer it speaks through.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Flags, environment variables and files, merged.
    pub(crate) settings: Settings,
    /// Where everything is shown.
    pub(crate) printer: Printer,
    /// The environment in use, if it is on AWS, once it is known.
    aws_environment: Arc<OnceCell<AwsEnvironment>>,
    /// The same with the SDK, once it was set up.
    aws: Arc<OnceCell<AwsSession>>,
    /// Whose credentials are used there, once it was asked.
    caller: Arc<OnceCell<Caller>>,
    /// Where the empty environment is that is read where there is none.
    nothing: Arc<OnceCell<TempDir>>,
    /// What was met in the environment that cannot be read.
    unreadable: Arc<Unreadables>,
    /// Whether the command changes something.
    changes: Arc<AtomicBool>,
}

impl Context {
    pub(crate) fn new(settings: Settings, printer: Printer) -> Self {
        Self {
            settings,
            printer,
            aws_environment: Arc::default(),
            aws: Arc::default(),
            caller: Arc::default(),
            nothing: Arc::default(),
            unreadable: Arc::default(),
            changes: Arc::default(),
        }
    }

    /// Warns of what was met that cannot be read, each by its key, and returns the code to end with
    /// instead of `code`: a list that is not whole is no success.
    pub(crate) fn warn_of_unreadable(&self, code: u8) -> u8 {
        let met = self.unreadable.take();
        for Unreadable { key, reason } in &met {
            let key = strip_control_chars(key);
            self.printer.warning(format!(
                "`{key}` cannot be read: {}",
                strip_control_chars(reason)
            ));
        }
        let is_whole = met.is_empty() || self.changes.load(Ordering::Relaxed);
        match code {
            exit_code::DONE if !is_whole => exit_code::FAILED,
            other => other,
        }
    }

    /// Who changes something, for the audit trail: `operator:ada`. On AWS that is the name in the
    /// credentials, once it was asked for.
    pub(crate) fn actor(&self) -> String {
        format!("operator:{}", self.who())
    }

    /// The same without what they are: `ada`.
    pub(crate) fn who(&self) -> &str {
        match self.caller.get() {
            Some(caller) => caller.name(),
            None => &self.settings.user,
        }
    }

    /// Where the addresses that tenants choose may lead from here: what the router of the
    /// environment lets them, as far as this program's own variables say.
    ///
    /// # Errors
    /// Not ready if the environment is unknown, or the variable names no range.
    pub(crate) fn tenants_reach(&self) -> Result<Reach, CliError> {
        let is_local = self.settings.environment()?.platform == PlatformKind::Local;
        let ranges = std::env::var(RANGES_VARIABLE).ok();
        let allowed = Allowed::parse(is_local, ranges.as_deref());
        allowed.map(Reach::Internet).map_err(|error| {
            CliError::not_ready(format!("{RANGES_VARIABLE} cannot be used")).caused_by(error)
        })
    }

    /// The platform of the environment in use, to read from. Nothing is made: where there is no
    /// environment on this machine yet, it is an empty one that goes with the context.
    ///
    /// # Errors
    /// Not ready if the environment is unknown, or cannot be worked on from here.
    pub(crate) async fn platform(&self) -> Result<Platform, CliError> {
        let environment = self.settings.environment()?;
        if environment.platform == PlatformKind::Local
            && !LocalPaths::new(&environment.home).database().exists()
        {
            let environment = self.local_environment()?;
            let nothing = self
                .nothing
                .get_or_try_init(async || tempfile::tempdir())
                .await
                .map_err(|error| CliError::failed("cannot make a folder").caused_by(error))?;
            return open_local(environment, nothing.path());
        }
        self.platform_made().await
    }

    /// The platform of the environment in use; on this machine it is made where there is none yet.
    ///
    /// # Errors
    /// As [`Context::platform`].
    pub(crate) async fn platform_made(&self) -> Result<Platform, CliError> {
        if self.settings.environment()?.platform == PlatformKind::Aws {
            let aws = self.aws().await?;
            let names = aws.environment.names()?;
            return Ok(t3nets_router::aws::open(
                &aws.sdk,
                &names,
                Arc::new(SystemClock),
            ));
        }
        let environment = self.local_environment()?;
        home::make_private_folder(&environment.home)?;
        open_local(environment, &environment.home)
    }

    /// The platform of the environment in use, to change something: says on stderr which one that
    /// is, and asks before a protected one is changed.
    ///
    /// # Errors
    /// As [`Context::platform`], and as [`Context::show_environment`]; usage if a
    /// protected one has to be confirmed and nobody can be asked.
    pub(crate) async fn platform_to_change(&self) -> Result<Platform, CliError> {
        self.show_environment().await?;
        let environment = self.settings.environment()?;
        if environment.protected {
            self.confirm_by_name("Change it", &environment.name)?;
        }
        self.platform_made().await
    }

    /// Says when running routers see a change of what they keep in memory for a while.
    pub(crate) fn say_when_seen(&self) {
        let is_running = self.settings.environment().is_ok_and(|environment| {
            environment.platform == PlatformKind::Aws
                || running::find(&environment.home).is_ok_and(|dev| dev.is_some())
        });
        if is_running {
            self.printer
                .status("a running router sees the change within 5 seconds");
        }
    }

    /// Asks whether to do what cannot be undone; `--yes` answers it.
    ///
    /// # Errors
    /// Usage if there is nobody to ask and no `--yes`; a failure if the answer is no.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), CliError> {
        match self.settings.assume_yes {
            true => Ok(()),
            false => prompt::confirm(question),
        }
    }

    /// Asks for the environment's name to be typed, before a protected one is changed; `--yes`
    /// answers it.
    ///
    /// # Errors
    /// Usage if there is nobody to ask and no `--yes`; a failure if another name is typed.
    pub(crate) fn confirm_by_name(&self, what: &str, environment: &str) -> Result<(), CliError> {
        match self.settings.assume_yes {
            true => Ok(()),
            false => prompt::confirm_by_name(
                &format!("{what}: `{environment}` is protected. Type its name to continue"),
                environment,
            ),
        }
    }

    /// The administrator's operations on the environment in use, to read.
    ///
    /// # Errors
    /// As [`Context::platform`].
    pub(crate) async fn admin(&self) -> Result<Admin, CliError> {
        let admin = Admin::new(self.platform().await?, self.actor());
        Ok(admin.noting(Arc::clone(&self.unreadable)))
    }

    /// The administrator's operations on the environment in use, to change something.
    ///
    /// # Errors
    /// As [`Context::platform_to_change`].
    pub(crate) async fn admin_to_change(&self) -> Result<Admin, CliError> {
        self.changes.store(true, Ordering::Relaxed);
        let admin = Admin::new(self.platform_to_change().await?, self.actor());
        Ok(admin.noting(Arc::clone(&self.unreadable)))
    }

    /// Says on stderr which environment is about to be changed, and why that one; of one on AWS
    /// also the account and the region.
    ///
    /// # Errors
    /// Not ready if the environment is unknown; denied if AWS does not accept the credentials.
    pub(crate) async fn show_environment(&self) -> Result<(), CliError> {
        let environment = self.settings.environment()?;
        let mut line = format!(
            "environment: {} ({})",
            environment.name, self.settings.chosen_by
        );
        if environment.platform == PlatformKind::Aws {
            let account = self.account().await?;
            let region = &self.aws().await?.region.value;
            line.push_str(&format!(", account {account}, region {region}"));
        }
        self.printer.detail(line);
        Ok(())
    }

    /// The account of the environment in use, which is on AWS: 12 digits. Asked once.
    ///
    /// # Errors
    /// As [`Context::aws`]; denied if AWS does not accept the credentials.
    pub(crate) async fn account(&self) -> Result<&str, CliError> {
        let aws = self.aws().await?;
        let caller = self.caller.get_or_try_init(|| aws.caller()).await?;
        Ok(&caller.account)
    }

    /// A name of the environment in use, if it is on AWS and was asked for already.
    pub(crate) fn known_name(&self, name: Name) -> Option<String> {
        let found = self.aws_environment.get()?.get(name)?;
        Some(found.value.clone())
    }

    /// The environment in use, which is on AWS, with its names. Found out once.
    ///
    /// # Errors
    /// Not ready if it is unknown or on this machine; else as [`AwsEnvironment::resolve`].
    pub(crate) async fn aws_environment(&self) -> Result<&AwsEnvironment, CliError> {
        self.aws_environment
            .get_or_try_init(|| async {
                let environment = self.settings.environment()?;
                if environment.platform != PlatformKind::Aws {
                    return Err(CliError::not_ready(format!(
                        "environment `{}` is on this machine, not on AWS",
                        environment.name
                    ))
                    .hint("`--env NAME` chooses another")
                    .hint_command("env list", "lists the environments"));
                }
                let resolved = AwsEnvironment::resolve(&self.settings, environment).await?;
                if let TerraformState::Unreadable(..) = resolved.state {
                    self.printer.warning(format!(
                        "{}; names are taken from t3nets.toml or by convention",
                        resolved.state
                    ));
                }
                Ok(resolved)
            })
            .await
    }

    /// The same, and the SDK set up for it. Found out once.
    ///
    /// # Errors
    /// As [`Context::aws_environment`]; not ready if no region is known.
    pub(crate) async fn aws(&self) -> Result<&AwsSession, CliError> {
        self.aws
            .get_or_try_init(|| async {
                let environment = self.aws_environment().await?.clone();
                if let Some(profile) = &environment.profile
                    && std::env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|id| !id.is_empty())
                {
                    self.printer.warning(format!(
                        "AWS_ACCESS_KEY_ID is set and wins over the profile `{profile}` in t3nets.toml"
                    ));
                }
                environment.connect().await
            })
            .await
    }

    /// Adds to an error what to do about it in the environment in use.
    pub(crate) async fn advise(&self, error: CliError) -> CliError {
        match self.settings.environment() {
            Ok(environment) if environment.platform == PlatformKind::Aws => {
                advise(error, environment, self.aws.get()).await
            }
            _ if error.service().is_some() && error.kind != ErrorKind::Denied => {
                error.hint_command("doctor", CHECKS)
            }
            _ => error,
        }
    }

    /// The environment in use, if it is one that lives on this machine and may be used here.
    ///
    /// # Errors
    /// Not ready if it is unknown, on AWS, or if the process runs inside an AWS environment.
    pub(crate) fn local_environment(&self) -> Result<&Environment, CliError> {
        let environment = self.settings.environment()?;
        match environment.platform {
            PlatformKind::Aws => Err(CliError::not_ready(format!(
                "environment `{}` is on AWS, and this command only works on this machine",
                environment.name
            ))
            .hint("`--env local` is this machine")),
            PlatformKind::Local if self.settings.inside_aws => Err(CliError::not_ready(format!(
                "environment `{}` is refused where T3NETS_ENV is `aws`: its data would be lost with this container",
                environment.name
            ))
            .hint("unset T3NETS_ENV if this machine is not a container on AWS")),
            PlatformKind::Local => Ok(environment),
        }
    }
}

/// Opens an environment on this machine, whose data is in `folder`.
fn open_local(environment: &Environment, folder: &Path) -> Result<Platform, CliError> {
    t3nets_router::local::open(folder).map_err(|error| {
        CliError::not_ready(format!(
            "cannot open the environment `{}` in `{}`",
            environment.name,
            folder.display()
        ))
        .caused_by(error)
        .hint_command("doctor", CHECKS)
    })
}
