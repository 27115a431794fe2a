//! The terminal while something is deployed: what is shown, and the person who may interrupt it.

use t3nets_deploy::interrupt::Interrupts;
use t3nets_deploy::report::Reporter;

use super::display::Display;
use super::interrupt::TerminalInterrupts;
use super::trace::StepSpans;
use crate::error::{CliError, ErrorKind};
use crate::terminal::printer::Printer;

/// What is shown, and who may interrupt it.
pub(crate) struct Console {
    pub(crate) display: Display,
    pub(super) interrupts: TerminalInterrupts,
}

impl Console {
    /// On this terminal.
    pub(crate) fn new(printer: &Printer) -> Self {
        Self::traced(printer, None)
    }

    /// On this terminal, with each step as a span.
    pub(super) fn traced(printer: &Printer, spans: Option<StepSpans>) -> Self {
        Self {
            display: Display::new(printer, spans),
            interrupts: TerminalInterrupts::new(printer),
        }
    }

    /// Resolves when the person interrupts.
    pub(super) async fn interrupted(&self) {
        self.interrupts.next().await;
    }

    /// Does what changes nothing, unless the person interrupts.
    ///
    /// # Errors
    /// Its own, or interrupted.
    pub(super) async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        // Before the work: between its first step and the first look for an interrupt, one would
        // end the process, and nobody would be told.
        self.interrupts.listen().await;
        tokio::select! {
            done = work => done,
            () = self.interrupted() => Err(CliError::new(
                ErrorKind::Interrupted,
                "interrupted; nothing was changed",
            )),
        }
    }

    /// An error, with what was kept for it while it happened.
    pub(crate) fn told(&self, error: CliError) -> CliError {
        match self.display.take_last_lines() {
            Some(lines) => error.detail(lines),
            None => error,
        }
    }

    /// Shows something worth knowing.
    pub(super) fn note(&self, message: &str) {
        let reporter: &dyn Reporter = &self.display;
        reporter.note(message);
    }
}
