//! Asking the person at the terminal. Without a terminal nothing is asked: the missing value is a
//! usage error that names the flag which gives it.
//!
//! An answer is checked where it is asked for, and asked for again, so that nothing that was typed
//! before is lost. Every prompt ends at Ctrl-C, and leaves the terminal as it was.

use std::io::{self, IsTerminal};

use dialoguer::console::Term;
use dialoguer::{Confirm, Input, Password, Select};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::CliError;

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// What is wrong with an answer, if anything is.
type Check = Box<dyn Fn(&str) -> Result<(), String> + Send>;

/// A value that is asked for.
pub(crate) struct Question {
    label: String,
    flag: String,
    default: Option<String>,
    may_be_empty: bool,
    check: Check,
}

impl Question {
    /// Asks for what `label` says. `flag` is the flag that gives it instead: `--email`.
    pub(crate) fn new(label: impl Into<String>, flag: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            flag: flag.into(),
            default: None,
            may_be_empty: false,
            check: Box::new(|_| Ok(())),
        }
    }

    /// What an empty answer means; it is shown.
    pub(crate) fn default(self, default: Option<impl Into<String>>) -> Self {
        Self {
            default: default.map(Into::into),
            ..self
        }
    }

    /// The answer may be empty.
    pub(crate) fn may_be_empty(self, may_be_empty: bool) -> Self {
        Self {
            may_be_empty,
            ..self
        }
    }

    /// What an answer must be. One that is not is told why and asked for again.
    pub(crate) fn checked_by<E: ToString>(
        self,
        check: impl Fn(&str) -> Result<(), E> + Send + 'static,
    ) -> Self {
        let check: Check = Box::new(move |answer| check(answer).map_err(|error| error.to_string()));
        Self { check, ..self }
    }

    /// Asks for a text.
    ///
    /// # Errors
    /// Usage if there is nobody to ask; interrupted by Ctrl-C.
    pub(crate) fn text(self) -> Result<String, CliError> {
        self.ensure_can_ask()?;
        wait_for_answer(move || {
            let input = Input::<String>::new()
                .with_prompt(self.label)
                .allow_empty(self.may_be_empty)
                .validate_with(move |answer: &String| (self.check)(answer.trim()));
            match self.default {
                Some(default) => input.default(default),
                None => input,
            }
            .interact_text_on(&Term::stderr())
        })
    }

    /// Asks for a text that is not shown while it is typed.
    ///
    /// # Errors
    /// Usage if there is nobody to ask; interrupted by Ctrl-C.
    pub(crate) fn hidden(self) -> Result<SecretString, CliError> {
        self.ensure_can_ask()?;
        let typed = wait_for_answer(move || {
            Password::new()
                .with_prompt(self.label)
                .allow_empty_password(self.may_be_empty)
                .validate_with(move |answer: &String| (self.check)(answer.trim()))
                .interact_on(&Term::stderr())
        })?;
        Ok(typed.into())
    }

    /// Like [`hidden`](Self::hidden), typed twice, until both are the same.
    ///
    /// # Errors
    /// Usage if there is nobody to ask; interrupted by Ctrl-C.
    pub(crate) fn hidden_twice(self, again: &'static str) -> Result<SecretString, CliError> {
        self.ensure_can_ask()?;
        let typed = wait_for_answer(move || {
            Password::new()
                .with_prompt(self.label)
                .with_confirmation(again, "they differ: enter them again")
                .interact_on(&Term::stderr())
        })?;
        Ok(typed.into())
    }

    fn ensure_can_ask(&self) -> Result<(), CliError> {
        if can_ask() {
            return Ok(());
        }
        let Self { label, flag, .. } = self;
        Err(
            CliError::usage(format!("{label} is missing: `{flag}` gives it"))
                .hint("in a terminal you would be asked"),
        )
    }
}

/// Asks whether to do what cannot be undone.
///
/// # Errors
/// Usage if there is nobody to ask; a failure if the answer is no; interrupted by Ctrl-C.
pub(crate) fn confirm(question: &str) -> Result<(), CliError> {
    ensure_can_confirm()?;
    let question = question.to_owned();
    let agreed = wait_for_answer(move || {
        Confirm::new()
            .with_prompt(question)
            .default(false)
            .interact_on(&Term::stderr())
    })?;
    if agreed { Ok(()) } else { Err(not_confirmed()) }
}

/// Lets the person pick one of several; none if they would rather not (Esc).
///
/// # Errors
/// Usage if there is nobody to ask; interrupted by Ctrl-C.
pub(crate) fn pick(question: &'static str, labels: Vec<String>) -> Result<Option<usize>, CliError> {
    if !can_ask() {
        return Err(CliError::usage("there is no terminal to choose on"));
    }
    wait_for_answer(move || {
        Select::new()
            .with_prompt(question)
            .items(labels)
            .default(0)
            .interact_on_opt(&Term::stderr())
    })
}

/// Asks for a name to be typed, before something protected is changed.
///
/// # Errors
/// Usage if there is nobody to ask; a failure if another name is typed; interrupted by Ctrl-C.
pub(crate) fn confirm_by_name(question: &str, name: &str) -> Result<(), CliError> {
    ensure_can_confirm()?;
    if Question::new(question, "--yes").text()?.trim() == name {
        Ok(())
    } else {
        Err(not_confirmed())
    }
}

fn not_confirmed() -> CliError {
    CliError::failed("not confirmed, nothing was changed")
}

/// Makes sure that there is somebody to ask.
///
/// # Errors
/// Usage if there is not.
pub(crate) fn ensure_can_confirm() -> Result<(), CliError> {
    if can_ask() {
        return Ok(());
    }
    Err(
        CliError::usage("this needs confirmation, and there is no terminal to ask on")
            .hint("`--yes` confirms it"),
    )
}

/// Runs a prompt to its answer, or until Ctrl-C.
///
/// A prompt reads the keyboard and cannot be stopped; the runtime takes the signal that would end
/// the program. So the prompt runs on a thread of its own, which ends with the program.
fn wait_for_answer<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, dialoguer::Error> + Send + 'static,
) -> Result<T, CliError> {
    let before = TerminalState::now();
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(async {
            let mut interrupts = signal(SignalKind::interrupt())
                .map_err(|error| CliError::failed("cannot wait for Ctrl-C").caused_by(error))?;
            let failed = tokio::select! {
                answer = tokio::task::spawn_blocking(ask) => match answer {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(dialoguer::Error::IO(error))) => unanswered(error),
                    Err(error) => CliError::failed("cannot ask on this terminal").caused_by(error),
                },
                _ = interrupts.recv() => CliError::interrupted(),
            };
            before.restore();
            Err(failed)
        })
    })
}

/// How the terminal was before it was asked on: with what is typed shown, and with its cursor.
struct TerminalState(Option<Termios>);

impl TerminalState {
    fn now() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    /// Nothing can be done for a terminal that went away.
    fn restore(&self) {
        if let Some(termios) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, termios);
        }
        let terminal = Term::stderr();
        let _ = terminal.show_cursor();
        let _ = terminal.write_line("");
    }
}

fn unanswered(error: std::io::Error) -> CliError {
    if error.kind() == std::io::ErrorKind::Interrupted {
        CliError::interrupted()
    } else {
        CliError::failed("cannot ask on this terminal").caused_by(error)
    }
}
