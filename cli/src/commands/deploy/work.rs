//! What `deploy`, `rollback` and `restart` work with: the service, its lock, and how what goes on is shown.

use std::time::Duration;

use t3nets_router::ports::StoreError;
use t3nets_router::token::random_token;

use super::display::Display;
use super::outcome::DeployOutput;
use super::person::Terminal;
use super::target::Connected;
use crate::context::Context;
use crate::error::CliError;
use t3nets_deploy::ecs::{Ecs, said};
use t3nets_deploy::engine::{Engine, Person};
use t3nets_deploy::history::{History, Holder, Lock, Locked, Watched};
use t3nets_deploy::outcome::{Lost, Outcome};
use t3nets_deploy::plan::Revision;
use t3nets_deploy::report::Report;
use t3nets_deploy::rollout::Service;
use t3nets_deploy::target::DeployTarget;

/// What every way of deploying works with.
pub(crate) struct Work<'a> {
    context: &'a Context,
    connected: &'a Connected,
    /// The service.
    pub(crate) ecs: Ecs,
    /// Lock and history.
    pub(crate) history: History,
    /// What goes on, on the screen.
    pub(crate) display: Display,
    terminal: Terminal,
}

impl<'a> Work<'a> {
    /// In an environment.
    pub(crate) fn new(context: &'a Context, connected: &'a Connected) -> Self {
        let Connected { target, sdk } = connected;
        Self {
            context,
            ecs: Ecs::new(sdk, target),
            history: History::new(sdk, &target.tenants_table, &target.service),
            display: Display::new(&context.printer),
            terminal: Terminal::new(&context.printer),
            connected,
        }
    }

    /// The names.
    pub(crate) fn target(&self) -> &DeployTarget {
        &self.connected.target
    }

    /// For clients of AWS's services.
    pub(crate) fn sdk(&self) -> &aws_config::SdkConfig {
        &self.connected.sdk
    }

    /// Resolves when the person interrupts.
    pub(super) async fn interrupted(&self) {
        self.terminal.interrupts().await;
    }

    /// What sees a rollout through.
    pub(crate) fn engine(&self, rolls_back: bool, timeout: u64) -> Engine<'_> {
        Engine {
            target: self.target(),
            config: &self.connected.sdk,
            ecs: &self.ecs,
            history: &self.history,
            report: &self.display,
            person: &self.terminal,
            rolls_back,
            timeout: Duration::from_secs(timeout),
        }
    }

    /// The revision that the service is told to run.
    ///
    /// # Errors
    /// Not ready if there is no such service; as AWS says.
    pub(crate) async fn running(&self) -> Result<Revision, CliError> {
        let running = self.ecs.running().await.map_err(unchanged)?;
        self.revision(&running).await
    }

    /// A revision that has to be there.
    ///
    /// # Errors
    /// If it is not; as AWS says.
    pub(crate) async fn revision(&self, name: &str) -> Result<Revision, CliError> {
        let found = self.ecs.revision(name).await.map_err(unchanged)?;
        found.ok_or_else(|| CliError::failed(format!("there is no task definition `{name}`")))
    }

    /// The service as it is.
    ///
    /// # Errors
    /// Not ready if there is none; as AWS says.
    pub(crate) async fn service(&self) -> Result<Service, CliError> {
        let found = self.ecs.service().await.map_err(unchanged)?;
        found.ok_or_else(|| {
            let target = self.target();
            CliError::not_ready(format!(
                "cluster `{}` has no service `{}`",
                target.cluster, target.service
            ))
            .hint(format!(
                "`t3nets infra apply -e {}` makes it",
                target.environment
            ))
        })
    }

    /// Says which environment is about to be changed, and gets the lock, with what its last holder watched.
    ///
    /// # Errors
    /// If somebody else deploys; as AWS says.
    pub(crate) async fn lock(&self) -> Result<(Lock, Option<Watched>), CliError> {
        self.context.show_environment().await?;
        let token = token()?;
        let who = self.context.who();
        match self.history.lock(who, &token).await {
            Ok(Locked::Ours(lock, watched)) => {
                // Whoever holds the lock gives it back, however it ends.
                self.terminal.listen().await;
                Ok((lock, watched))
            }
            Ok(Locked::Held(holder)) => Err(held(&holder, self.target())),
            Err(error) => {
                let told = CliError::from(error.clone());
                let mut refused = CliError::new(
                    told.kind,
                    "cannot get the lock that keeps two deploys apart",
                );
                refused.causes.push(said(&error));
                refused.hints = told.hints;
                Err(refused)
            }
        }
    }

    /// Gives the lock back and shows how it ended.
    ///
    /// # Errors
    /// Whatever it ended with, if that is no success.
    pub(crate) async fn end(
        &self,
        lock: Lock,
        result: Result<Outcome, CliError>,
    ) -> Result<u8, CliError> {
        let is_over = !matches!(
            result,
            Ok(Outcome::Left | Outcome::TimedOut { .. } | Outcome::LockLost) | Err(_)
        );
        if let Err(error) = lock.release(is_over).await {
            self.display.note(format!(
                "the lock could not be given back ({error}); it ends by itself within a minute"
            ));
        }
        self.display.end();
        let output = DeployOutput::new(result?, &self.target().environment);
        output.show(&self.context.printer)
    }
}

/// What tells this process from every other.
fn token() -> Result<String, CliError> {
    random_token("").map_err(|error| CliError::failed("cannot make a lock").caused_by(&error))
}

fn held(holder: &Holder, target: &DeployTarget) -> CliError {
    let since = holder
        .since
        .map_or_else(String::new, |at| format!(" since {at:.0}"));
    CliError::failed(format!(
        "`{}` is deploying to `{}`{since}",
        holder.who, target.service
    ))
    .hint(format!(
        "if that deploy is dead, its lock ends by itself at {:.0}",
        holder.until
    ))
}

/// What is refused before anything was changed.
pub(crate) fn unchanged(error: StoreError) -> CliError {
    let cause = said(&error);
    let told = CliError::from(error);
    let mut refused = CliError::new(
        told.kind,
        "AWS refuses or cannot be asked; nothing was changed",
    );
    refused.causes.push(cause);
    refused.hints = told.hints;
    refused
}

/// What goes wrong from the update on.
pub(crate) fn left(lost: impl Into<Lost>, target: &DeployTarget) -> CliError {
    let lost = lost.into();
    let headline = lost.headline();
    let resume = resume_command(&target.environment);
    let (error, headline, hint) = match lost {
        Lost::NotBegun { error, .. } => (error, format!("{headline}; it runs on as before"), None),
        Lost::Unclear { error, .. } => (
            error,
            headline,
            Some(format!(
                "`t3nets status -e {}` says what it runs; `{resume}` watches that",
                target.environment
            )),
        ),
        Lost::Unwatched(error) => (
            error,
            headline,
            Some(format!("it goes on by itself; `{resume}` watches it again")),
        ),
    };
    let cause = said(&error);
    let told = CliError::from(error);
    let mut refused = CliError::new(told.kind, headline);
    refused.causes.push(cause);
    refused.hints = match hint {
        Some(hint) => vec![hint.into()],
        None => told.hints,
    };
    refused
}

/// What goes on watching.
pub(crate) fn resume_command(environment: &str) -> String {
    format!("t3nets deploy --resume -e {environment}")
}
