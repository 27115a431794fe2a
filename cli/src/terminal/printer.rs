//! Where everything is shown: the result on stdout, as text or as JSON, and all else on stderr. Nothing else in the program
//! writes to either.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::args::{ColorWhen, GlobalArgs};
use crate::error::{CliError, ErrorKind, exit_code};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();

/// What a command results in: shown once, as text for people or as JSON for programs.
pub(crate) trait Output: Serialize {
    /// For people, without a line break at the end. Empty if there is nothing to say.
    fn text(&self) -> String;

    /// The code that the program ends with: checks that found something bad are results, not errors.
    fn exit_code(&self) -> u8 {
        exit_code::DONE
    }
}

/// Hands out stdout, stderr and progress.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    color: ColorChoice,
}

impl Printer {
    /// As the flags say.
    pub(crate) fn new(flags: &GlobalArgs) -> Self {
        Self {
            json: flags.json,
            quiet: flags.quiet,
            color: match flags.color {
                // Looks at the terminal, NO_COLOR and CLICOLOR.
                ColorWhen::Auto => ColorChoice::Auto,
                ColorWhen::Always => ColorChoice::Always,
                ColorWhen::Never => ColorChoice::Never,
            },
        }
    }

    /// For a command line that asks for JSON and cannot be parsed.
    pub(crate) fn for_json() -> Self {
        Self {
            json: true,
            quiet: false,
            color: ColorChoice::Never,
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

    /// Whether colours reach stderr.
    pub(crate) fn colors_stderr(&self) -> bool {
        AutoStream::new(std::io::stderr(), self.color).current_choice() != ColorChoice::Never
    }

    /// Shows a command's result and says with which code to end.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub(crate) fn print(&self, output: &impl Output) -> Result<u8, CliError> {
        let text = if self.json {
            serde_json::to_string_pretty(output).map_err(|error| {
                CliError::failed("cannot show the result as JSON").caused_by(&error)
            })?
        } else {
            output.text()
        };
        if !text.is_empty() {
            self.write(&format!("{text}\n"))?;
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
            .map_err(|error| CliError::failed("cannot show it as JSON").caused_by(&error))?;
        self.write(&format!("{line}\n"))
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
            .map_err(|error| CliError::output(&error))
    }

    /// stdout for a result that is a file rather than text: its bytes go out as they are, once there are enough of them.
    pub(crate) fn raw_stdout(&self) -> impl Write + Send + use<> {
        BufWriter::with_capacity(1 << 16, std::io::stdout())
    }

    /// Says on stderr what goes on, unless `--quiet`.
    pub(crate) fn status(&self, message: impl Display) {
        if !self.quiet {
            self.to_stderr(&format!("{message}\n"));
        }
    }

    /// Says on stderr what is of less interest than the rest, unless `--quiet`.
    pub(crate) fn detail(&self, message: impl Display) {
        if !self.quiet {
            self.to_stderr(&format!("{DIM}{message}{DIM:#}\n"));
        }
    }

    /// Says on stderr what the person should know, also with `--quiet`.
    pub(crate) fn warning(&self, message: impl Display) {
        self.to_stderr(&format!("{WARNING}warning:{WARNING:#} {message}\n"));
    }

    /// Shows an error on stderr and says with which code to end.
    pub(crate) fn error(&self, error: &CliError) -> u8 {
        let code = error.kind.exit_code();
        if error.kind == ErrorKind::OutputClosed {
            return code;
        }
        if self.json {
            let body = json!({"error": {
                "kind": error.kind,
                "message": error.message,
                "causes": error.causes,
                "hints": error.hints,
                "request_id": error.request_id,
                "exit_code": code,
            }});
            self.to_stderr(&format!("{body}\n"));
            return code;
        }
        let mut text = format!("{ERROR}error:{ERROR:#} {}\n", plain(&error.message));
        for cause in &error.causes {
            text.push_str(&format!("  because: {}\n", plain(cause)));
        }
        for hint in &error.hints {
            text.push_str(&format!("{HINT}hint:{HINT:#} {}\n", plain(hint)));
        }
        if let Some(id) = &error.request_id {
            text.push_str(&format!("request: {}\n", plain(id)));
        }
        self.to_stderr(&text);
        code
    }

    /// Whether a line that moves is shown: only in a terminal.
    pub(crate) fn moves(&self) -> bool {
        !self.quiet && !self.json && std::io::stderr().is_terminal()
    }

    /// Shows on stderr that something takes time, until the value is dropped. Only in a terminal.
    pub(crate) fn progress(&self, message: impl Into<Cow<'static, str>>) -> Progress {
        let visible = self.moves();
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target)
            // The template is ours; a broken one would show the default.
            .with_style(
                ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            )
            .with_message(message);
        if visible {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Progress(bar)
    }

    /// Shows on stderr how many of `total` are done, until the value is dropped: as a bar in a terminal, else in a line now
    /// and then.
    pub(crate) fn count(&self, verb: &str, things: &str, total: Option<usize>) -> Counting {
        let visible = !self.quiet && !self.json;
        let in_terminal = visible && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            total.map(|total| total as u64),
            if in_terminal {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let template = match total {
            Some(_) => "{msg} {wide_bar} {human_pos} of {human_len} ({eta})",
            None => "{spinner} {msg} {human_pos}",
        };
        // The templates are ours; a broken one would show the default.
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Counting {
            bar: bar
                .with_style(style)
                .with_message(format!("{verb} {things}")),
            printer: self.clone(),
            says_lines: visible && !in_terminal,
            label: format!("{verb} {things}"),
            total,
            done: AtomicUsize::new(0),
        }
    }

    fn to_stderr(&self, text: &str) {
        let mut stderr = AutoStream::new(std::io::stderr().lock(), self.color);
        // There is nowhere left to report that stderr is closed.
        let _ = stderr.write_all(text.as_bytes());
    }
}

/// A spinner that ends with its value.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Says something else.
    pub(crate) fn set(&self, message: impl Into<Cow<'static, str>>) {
        self.0.set_message(message);
    }

    /// Shows something above it.
    pub(crate) fn suspend(&self, show: impl FnOnce()) {
        self.0.suspend(show);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How many are done between two lines where there is no terminal.
const LINE_EVERY: usize = 10_000;

/// A count that ends with its value.
pub(crate) struct Counting {
    bar: ProgressBar,
    printer: Printer,
    says_lines: bool,
    label: String,
    total: Option<usize>,
    done: AtomicUsize,
}

impl Counting {
    /// So many more are done.
    pub(crate) fn add(&self, count: usize) {
        self.bar.inc(count as u64);
        let before = self.done.fetch_add(count, Ordering::Relaxed);
        let done = before + count;
        if self.says_lines && before / LINE_EVERY != done / LINE_EVERY {
            let of = self
                .total
                .map_or_else(String::new, |total| format!(" of {total}"));
            self.printer.detail(format!("{}: {done}{of}", self.label));
        }
    }

    /// Does something that writes to stderr, with the bar out of its way.
    pub(crate) fn suspend(&self, work: impl FnOnce()) {
        self.bar.suspend(work);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A table for people: no borders, two spaces between columns. Cells may hold any text.
pub(crate) fn table<Row>(header: &[&str], rows: impl IntoIterator<Item = Row>) -> String
where
    Row: IntoIterator<Item: AsRef<str>>,
{
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(
            row.into_iter()
                .map(|cell| plain(cell.as_ref()).replace('\n', " ")),
        );
    }
    table
        .lines()
        .map(|line| line.trim_end().strip_prefix(' ').unwrap_or("").to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Text of unknown origin (a model, a store, a server) without the control characters that a terminal would obey. Line
/// breaks and tabs stay.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(obeyed) {
        Cow::Owned(text.replace(obeyed, ""))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_borders_and_no_trailing_blanks() {
        let text = table(
            &["name", "platform"],
            [["local", "local"], ["production", "aws"]],
        );
        assert_eq!(
            text,
            "NAME        PLATFORM\nlocal       local\nproduction  aws"
        );
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\r\nc\td"), "a[2Jb\nc\td");
    }
}
