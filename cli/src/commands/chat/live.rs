//! An answer that is shown while it comes: its words at once, as they were written, and each block
//! as Markdown as soon as it is whole. The words of the block are then replaced.

use textwrap::core::display_width;

use crate::error::CliError;
use crate::terminal::markdown::{end_of_whole_blocks, render};
use crate::terminal::printer::{Printer, TerminalSize};
use crate::terminal::text::strip_control_chars;

/// What of an answer is on the screen as it was written.
pub(super) struct Live<'a> {
    printer: &'a Printer,
    size: TerminalSize,
    /// The block that is not whole yet.
    raw: String,
    /// Whether a block was shown above it.
    has_blocks: bool,
}

impl<'a> Live<'a> {
    pub(super) fn new(printer: &'a Printer) -> Self {
        Self {
            printer,
            size: printer.terminal_size(),
            raw: String::new(),
            has_blocks: false,
        }
    }

    /// Shows more of the answer.
    pub(super) fn push(&mut self, words: &str) -> Result<(), CliError> {
        let words = strip_control_chars(words).replace('\t', "    ");
        let above = self.raw.len();
        self.raw.push_str(&words);
        let end = end_of_whole_blocks(&self.raw);
        if end == 0 {
            return self.printer.write(&words);
        }
        let rest = self.raw.split_off(end);
        let whole = std::mem::replace(&mut self.raw, rest);
        // What was on the screen before these words.
        let on_screen = whole.get(..above).unwrap_or(&whole);
        let text = self.replaced(on_screen, &whole);
        self.printer.write(&format!("{text}{}", self.raw))
    }

    /// Shows what is left. The cursor is at the beginning of a line then.
    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        let whole = std::mem::take(&mut self.raw);
        if whole.is_empty() {
            return Ok(());
        }
        let text = self.replaced(&whole, &whole);
        self.printer.write(&text)
    }

    /// The block in place of its words.
    fn replaced(&mut self, on_screen: &str, block: &str) -> String {
        if block.trim().is_empty() {
            return erase(on_screen, self.size).unwrap_or_default();
        }
        let parted = if self.has_blocks { "\n" } else { "" };
        self.has_blocks = true;
        match erase(on_screen, self.size) {
            Some(erased) => {
                let styled = self.printer.colors_stdout();
                let shown = render(block, self.size.columns, styled);
                format!("{erased}{parted}{shown}\n")
            }
            // It has left the screen in part: it stays as it was written.
            None => format!(
                "{}\n",
                block.get(on_screen.len()..).unwrap_or("").trim_end()
            ),
        }
    }
}

/// What takes a text from the screen that was written from the beginning of a line; none if not all
/// of it is on the screen any more.
fn erase(text: &str, size: TerminalSize) -> Option<String> {
    let up = rows_below_the_first(text, size.columns);
    if up >= size.rows {
        return None;
    }
    Some(match up {
        0 => "\r\x1b[J".to_owned(),
        _ => format!("\r\x1b[{up}A\x1b[J"),
    })
}

/// How far below its first row a text ends, where the terminal wraps it at any letter.
fn rows_below_the_first(text: &str, columns: usize) -> usize {
    let rows = |line: &str| {
        let (mut rows, mut column) = (0, 0);
        for letter in line.chars() {
            let width = display_width(letter.encode_utf8(&mut [0; 4]));
            if column + width > columns {
                (rows, column) = (rows + 1, 0);
            }
            column += width;
        }
        rows
    };
    text.matches('\n').count() + text.split('\n').map(rows).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_the_rows_that_the_terminal_gives_it() {
        for (text, rows) in [
            ("", 0),
            ("1234567890", 0),
            ("12345678901", 1),
            ("one\ntwo", 1),
            ("one\n", 1),
            ("12345678901\n\n12345678901", 4),
            // A wide letter is not cut at the edge.
            ("123456789界", 1),
        ] {
            assert_eq!(rows_below_the_first(text, 10), rows, "{text:?}");
        }
    }

    #[test]
    fn what_left_the_screen_is_not_erased() {
        let size = TerminalSize {
            rows: 3,
            columns: 10,
        };
        assert_eq!(erase("a\nb", size).as_deref(), Some("\r\x1b[1A\x1b[J"));
        assert_eq!(erase("a\nb\nc\nd", size), None);
    }
}
