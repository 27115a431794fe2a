//! Where everything is shown: the result on stdout, as text or as JSON, and all else on stderr.
//! Nothing else in the program writes to either.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};
use dialoguer::console::Term;
use serde::Serialize;
use serde_json::json;

use super::progress::{Counter, Spinner, WriteLine};
use super::text::strip_control_chars;
use super::width::{columns_of_stderr, columns_of_stdout, wrapped};
use crate::error::{CliError, ErrorKind, exit_code};
use crate::hint::{Call, Hint};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();

/// What a command results in: shown once, as text for people or as JSON for programs.
pub(crate) trait Output: Serialize {
    /// For people, without a line break at the end. Empty if there is nothing to say.
    fn text(&self) -> String;

    /// What to do next, shown on stderr after the text.
    fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }

    /// The code that the program ends with: checks that found something bad are results, not
    /// errors.
    fn exit_code(&self) -> u8 {
        exit_code::DONE
    }

    /// Whether its text is a file or a script, which nothing may be added to: not even line breaks
    /// where a terminal ends.
    fn is_verbatim(&self) -> bool {
        false
    }

    /// Whether all of it was shown while the command ran, so that nothing is left to show.
    fn is_streamed(&self) -> bool {
        false
    }
}

/// The result of a command that shows what comes as it comes.
#[derive(Debug, Serialize)]
pub(crate) struct Streamed {
    #[serde(skip)]
    exit_code: u8,
}

impl Streamed {
    pub(crate) const DONE: Self = Self {
        exit_code: exit_code::DONE,
    };

    /// The program is to end with this code.
    pub(crate) fn with_code(exit_code: u8) -> Self {
        Self { exit_code }
    }
}

impl Output for Streamed {
    fn text(&self) -> String {
        String::new()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn is_streamed(&self) -> bool {
        true
    }
}

/// How much a terminal shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TerminalSize {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// Hands out stdout, stderr and progress.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    color: ColorChoice,
    call: Call,
}

impl Printer {
    /// As the flags `--json`, `--quiet` and `--color` say. Commands in hints are made for the call.
    pub(crate) fn new(json: bool, quiet: bool, color: ColorChoice, call: Call) -> Self {
        Self {
            json,
            quiet,
            color,
            call,
        }
    }

    /// Whether the result is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only results, warnings and errors are shown.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether colours reach stdout.
    pub(crate) fn colors_stdout(&self) -> bool {
        AutoStream::new(std::io::stdout(), self.color).current_choice() != ColorChoice::Never
    }

    /// The size of the terminal that stdout is, as far as it is known.
    pub(crate) fn terminal_size(&self) -> TerminalSize {
        match Term::stdout().size_checked() {
            Some((rows, columns)) if rows > 0 && columns > 0 => TerminalSize {
                rows: rows.into(),
                columns: columns.into(),
            },
            _ => TerminalSize {
                rows: 24,
                columns: 80,
            },
        }
    }

    /// Whether colours reach stderr.
    pub(crate) fn colors_stderr(&self) -> bool {
        AutoStream::new(std::io::stderr(), self.color).current_choice() != ColorChoice::Never
    }

    /// Shows a command's result and returns the exit code.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(crate) fn print(&self, output: &impl Output) -> Result<u8, CliError> {
        if output.is_streamed() {
            return Ok(output.exit_code());
        }
        let text = if self.json {
            serde_json::to_string_pretty(output).map_err(|error| {
                CliError::failed("cannot show the result as JSON").caused_by(error)
            })?
        } else {
            output.text()
        };
        match text.is_empty() {
            true => {}
            false if self.json || output.is_verbatim() => self.write(&format!("{text}\n"))?,
            false => self.show(&text)?,
        }
        for hint in output.hints() {
            let shown = self.render(&hint);
            match self.json {
                true => self.told("hint", &shown),
                false => self.status(format!("next: {}", strip_control_chars(&shown))),
            }
        }
        Ok(output.exit_code())
    }

    /// Shows one of several results: with `--json` in a line of its own.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(crate) fn print_one(&self, output: &impl Output) -> Result<(), CliError> {
        match self.json {
            true => self.json_line(output),
            false => self.print(output).map(|_| ()),
        }
    }

    /// Writes a value to stdout as a line of JSON.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<(), CliError> {
        let line = serde_json::to_string(value)
            .map_err(|error| CliError::failed("cannot show it as JSON").caused_by(error))?;
        self.write(&format!("{line}\n"))
    }

    /// Shows a text on stdout, in lines that its terminal takes.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(crate) fn show(&self, text: &str) -> Result<(), CliError> {
        match columns_of_stdout() {
            Some(columns) => self.write(&format!("{}\n", wrapped(text, columns))),
            None => self.write(&format!("{text}\n")),
        }
    }

    /// Writes to stdout at once: for results that come piece by piece.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(crate) fn write(&self, text: &str) -> Result<(), CliError> {
        let mut stdout = AutoStream::new(std::io::stdout().lock(), self.color);
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(CliError::output)
    }

    /// stdout for a result that is a file rather than text: its bytes go out as they are, once
    /// there are enough of them.
    pub(crate) fn raw_stdout(&self) -> impl Write + Send + use<> {
        BufWriter::with_capacity(1 << 16, std::io::stdout())
    }

    /// Shows on stderr what the command is doing, unless `--quiet`.
    pub(crate) fn status(&self, message: impl Display) {
        match self.json {
            true => self.told("info", message),
            false if self.quiet => {}
            false => self.to_stderr(&format!("{message}\n")),
        }
    }

    /// Shows a detail on stderr, dimmed, unless `--quiet`.
    pub(crate) fn detail(&self, message: impl Display) {
        match self.json {
            true => self.told("info", message),
            false if self.quiet => {}
            false => self.to_stderr(&format!("{DIM}{message}{DIM:#}\n")),
        }
    }

    /// Shows a warning on stderr, also with `--quiet`.
    pub(crate) fn warning(&self, message: impl Display) {
        match self.json {
            true => self.told("warning", message),
            false => self.to_stderr(&format!("{WARNING}warning:{WARNING:#} {message}\n")),
        }
    }

    /// What is said beside a result that is JSON: a line of JSON on stderr. `--quiet` leaves only
    /// warnings.
    fn told(&self, level: &'static str, message: impl Display) {
        if !self.quiet || level == "warning" {
            let line = json!({"level": level, "message": message.to_string()});
            self.to_stderr(&format!("{line}\n"));
        }
    }

    /// Shows an error on stderr and returns the exit code.
    pub(crate) fn error(&self, error: &CliError) -> u8 {
        let code = error.kind.exit_code();
        if error.kind == ErrorKind::OutputClosed {
            return code;
        }
        let hints: Vec<String> = error.hints.iter().map(|hint| self.render(hint)).collect();
        if self.json {
            let body = json!({"error": {
                "code": error.stable_code(),
                "kind": error.kind.code(),
                "message": error.message,
                "causes": error.causes(),
                "hints": hints,
                "request_id": error.request_id(),
                "exit_code": code,
            }});
            self.to_stderr(&format!("{body}\n"));
            return code;
        }
        let mut text = format!(
            "{ERROR}error:{ERROR:#} {}\n",
            strip_control_chars(&error.message)
        );
        for cause in &error.causes() {
            text.push_str(&format!("  because: {}\n", strip_control_chars(cause)));
        }
        for hint in &hints {
            text.push_str(&format!(
                "{HINT}hint:{HINT:#} {}\n",
                strip_control_chars(hint)
            ));
        }
        if let Some(id) = error.request_id() {
            text.push_str(&format!("request: {}\n", strip_control_chars(id)));
        }
        self.to_stderr(&text);
        code
    }

    /// Shows what is wrong with the command line.
    pub(crate) fn usage_error(&self, error: &clap::Error) {
        self.to_stderr(&error.render().ansi().to_string());
    }

    /// A hint as it is shown, made for the call.
    pub(crate) fn render(&self, hint: &Hint) -> String {
        self.call.render(hint)
    }

    /// A command of this program as it is typed to work where this call did.
    pub(crate) fn command(&self, words: &str) -> String {
        self.call.command_line(words)
    }

    /// Whether progress is shown in a line that is drawn again and again: only in a terminal that
    /// can do so.
    pub(crate) fn shows_progress(&self) -> bool {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        !self.quiet && !self.json && !is_dumb && std::io::stderr().is_terminal()
    }

    /// Shows on stderr that something takes time, until the value is dropped. Only in a terminal.
    pub(crate) fn progress(&self, message: impl Into<Cow<'static, str>>) -> Spinner {
        Spinner::new(self.shows_progress(), message)
    }

    /// Shows on stderr how many of `total` are done, until the value is dropped: as a bar in a
    /// terminal, else in a line now and then.
    pub(crate) fn count(&self, label: &str, total: Option<usize>) -> Counter {
        let in_terminal = self.shows_progress();
        let writes_lines = !self.quiet && !self.json && !in_terminal;
        let printer = self.clone();
        let write_line: WriteLine = Box::new(move |line| printer.detail(line));
        Counter::new(
            in_terminal,
            writes_lines.then_some(write_line),
            label,
            total,
        )
    }

    fn to_stderr(&self, text: &str) {
        let text = match columns_of_stderr() {
            Some(columns) if !self.json => Cow::Owned(wrapped(text, columns)),
            _ => Cow::Borrowed(text),
        };
        let mut stderr = AutoStream::new(std::io::stderr().lock(), self.color);
        // There is nowhere left to report that stderr is closed.
        let _ = stderr.write_all(text.as_bytes());
    }
}
