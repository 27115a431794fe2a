//! Asking the person at the terminal. Without a terminal nothing is asked: the missing value is a
//! usage error that names the flag which gives it.

use std::io::IsTerminal;

use dialoguer::console::Term;
use dialoguer::{Confirm, Input, Password};
use secrecy::SecretString;

use crate::error::CliError;

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a text that is not empty. `flag` is the flag that gives it instead: `--email`.
///
/// # Errors
/// Usage if there is nobody to ask.
pub(crate) fn text(label: &str, flag: &str, default: Option<&str>) -> Result<String, CliError> {
    ensure_can_ask(label, flag)?;
    let mut input = Input::<String>::new().with_prompt(label);
    if let Some(default) = default {
        input = input.default(default.to_owned());
    }
    input
        .interact_text_on(&Term::stderr())
        .map_err(|dialoguer::Error::IO(error)| unanswered(&error))
}

/// Asks for a text that is not shown while it is typed. `flag` is what gives it instead:
/// `--from-stdin`.
///
/// # Errors
/// Usage if there is nobody to ask.
pub(crate) fn hidden(label: &str, flag: &str) -> Result<SecretString, CliError> {
    ensure_can_ask(label, flag)?;
    Password::new()
        .with_prompt(label)
        .interact_on(&Term::stderr())
        .map(SecretString::from)
        .map_err(|dialoguer::Error::IO(error)| unanswered(&error))
}

/// Like [`hidden`], but the answer may be empty.
///
/// # Errors
/// Usage if there is nobody to ask.
pub(crate) fn hidden_or_empty(label: &str, flag: &str) -> Result<SecretString, CliError> {
    ensure_can_ask(label, flag)?;
    Password::new()
        .with_prompt(label)
        .allow_empty_password(true)
        .interact_on(&Term::stderr())
        .map(SecretString::from)
        .map_err(|dialoguer::Error::IO(error)| unanswered(&error))
}

/// Asks whether to do what cannot be undone.
///
/// # Errors
/// Usage if there is nobody to ask; a failure if the answer is no.
pub(crate) fn confirm(question: &str) -> Result<(), CliError> {
    ensure_can_confirm()?;
    let agreed = Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact_on(&Term::stderr())
        .map_err(|dialoguer::Error::IO(error)| unanswered(&error))?;
    if agreed { Ok(()) } else { Err(not_confirmed()) }
}

/// Asks for a name to be typed, before something protected is changed.
///
/// # Errors
/// Usage if there is nobody to ask; a failure if another name is typed.
pub(crate) fn confirm_by_name(question: &str, name: &str) -> Result<(), CliError> {
    ensure_can_confirm()?;
    if text(question, "--yes", None)?.trim() == name {
        Ok(())
    } else {
        Err(not_confirmed())
    }
}

fn not_confirmed() -> CliError {
    CliError::failed("not confirmed, nothing was changed")
}

fn ensure_can_confirm() -> Result<(), CliError> {
    if can_ask() {
        return Ok(());
    }
    Err(
        CliError::usage("this needs confirmation, and there is no terminal to ask on")
            .hint("`--yes` confirms it"),
    )
}

fn ensure_can_ask(label: &str, flag: &str) -> Result<(), CliError> {
    if can_ask() {
        return Ok(());
    }
    Err(
        CliError::usage(format!("{label} is missing: `{flag}` gives it"))
            .hint("in a terminal you would be asked"),
    )
}

fn unanswered(error: &std::io::Error) -> CliError {
    if error.kind() == std::io::ErrorKind::Interrupted {
        CliError::interrupted()
    } else {
        CliError::failed("cannot ask on this terminal").caused_by(error)
    }
}
