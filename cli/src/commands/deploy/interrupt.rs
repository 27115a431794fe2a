//! Ctrl-C while something is deployed, and the question after it.

use std::io::BufRead;

use futures::FutureExt;
use futures::future::BoxFuture;
use t3nets_deploy::interrupt::{InterruptChoice, Interrupts};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use crate::terminal::printer::Printer;
use crate::terminal::prompt;

/// The person at the terminal, if there is one.
pub(crate) struct TerminalInterrupts {
    printer: Printer,
    /// Kept from the first use on: an interrupt that comes while nobody waits for one is still
    /// there for the next who does.
    signals: Mutex<Option<Signal>>,
}

impl TerminalInterrupts {
    pub(super) fn new(printer: &Printer) -> Self {
        Self {
            printer: printer.clone(),
            signals: Mutex::default(),
        }
    }

    /// From now on an interrupt no longer ends the process.
    pub(super) async fn listen(&self) {
        let mut signals = self.signals.lock().await;
        if signals.is_none() {
            *signals = signal(SignalKind::interrupt()).ok();
        }
    }
}

impl Interrupts for TerminalInterrupts {
    fn next(&self) -> BoxFuture<'_, ()> {
        async {
            self.listen().await;
            match self.signals.lock().await.as_mut() {
                Some(signals) => {
                    signals.recv().await;
                }
                None => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn choose(&self) -> BoxFuture<'_, InterruptChoice> {
        async {
            if self.printer.is_json() || !prompt::can_ask() {
                return InterruptChoice::LeaveRunning;
            }
            loop {
                self.printer.warning(
                    "interrupted: [r]oll back, [l]eave it running, or [g]o on watching? (again Ctrl-C: end at once)",
                );
                // The line is read as it is: a prompt that takes the terminal over would take
                // Ctrl-C with it.
                let line = tokio::task::spawn_blocking(|| {
                    let mut line = String::new();
                    let read = std::io::stdin().lock().read_line(&mut line);
                    read.map(|length| (length > 0).then_some(line))
                });
                let Ok(Ok(Some(line))) = line.await else {
                    return InterruptChoice::LeaveRunning;
                };
                match line.trim().to_lowercase().as_str() {
                    "r" | "roll back" | "rollback" => return InterruptChoice::RollBack,
                    "l" | "leave" => return InterruptChoice::LeaveRunning,
                    "g" | "go on" => return InterruptChoice::KeepWatching,
                    _ => {}
                }
            }
        }
        .boxed()
    }
}
