//! Text in a terminal's width: wrapped at words, with ids, addresses and commands whole, so that
//! they can be copied.

use dialoguer::console::Term;
use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// How many columns the terminal has that stdout is; `None` if it is none.
pub(super) fn columns_of_stdout() -> Option<usize> {
    columns_of(&Term::stdout())
}

/// The same of stderr.
pub(super) fn columns_of_stderr() -> Option<usize> {
    columns_of(&Term::stderr())
}

fn columns_of(terminal: &Term) -> Option<usize> {
    let (_, columns) = terminal.size_checked()?;
    (columns > 0).then_some(columns.into())
}

/// A text in lines of at most so many columns. A line that is longer goes on under where its text
/// begins; what cannot be broken and is longer still stays whole in a line of its own.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    let lines = text
        .split('\n')
        .map(|line| match display_width(line) > columns {
            true => wrapped_line(line, columns),
            false => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    let text = line.trim_start_matches(' ');
    let first = " ".repeat(line.len() - text.len());
    let next = " ".repeat(hanging(line, columns));
    let lines = textwrap::wrap(text, options(columns, &first, &next));
    let lines = lines.iter().map(|line| {
        // What is too long where it stands may fit further to the left.
        let alone = line.trim_start_matches(' ');
        match display_width(line) > columns && alone.len() < line.len() {
            true => format!(
                "{:indent$}{alone}",
                "",
                indent = columns.saturating_sub(display_width(alone))
            ),
            false => line.clone().into_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A cell of a table in lines of at most so many columns.
pub(super) fn wrapped_cell(cell: &str, columns: usize) -> String {
    textwrap::wrap(cell, options(columns, "", "")).join("\n")
}

/// How many columns the longest part of a text has that cannot be broken.
pub(super) fn least_columns(text: &str) -> usize {
    units(text)
        .map(|unit| display_width(&unit))
        .max()
        .unwrap_or(0)
}

fn options<'a>(columns: usize, first: &'a str, next: &'a str) -> Options<'a> {
    Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(next)
        .word_separator(WordSeparator::Custom(|line| Box::new(units(line))))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false)
}

/// Where the text of a line goes on: behind its labels, which two blanks or more set apart, if that
/// leaves half of the line.
fn hanging(line: &str, columns: usize) -> usize {
    const USUAL: usize = 2;
    let mut found = USUAL;
    let mut blanks = 0;
    for (at, c) in line.char_indices() {
        if c == ' ' {
            blanks += 1;
            continue;
        }
        if blanks > 1 {
            let column = display_width(&line[..at]);
            if column * 2 > columns {
                break;
            }
            found = column;
        }
        blanks = 0;
    }
    found
}

/// The parts of a line that are never broken, each with the blanks behind it: words, and what
/// stands in backticks.
fn units(line: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (unit, after) = rest.split_at(unit_length(rest)?);
        rest = after;
        Some(Word::from(unit))
    })
}

/// How many bytes the first unit has; `None` of nothing.
fn unit_length(text: &str) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    let mut is_quoted = false;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        match c {
            '`' if ended => return Some(at),
            // One that nothing closes is a character like others.
            '`' => is_quoted = !is_quoted && text[at + 1..].contains('`'),
            ' ' if !is_quoted => ended = true,
            _ if ended => return Some(at),
            _ => {}
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_go_on_under_their_text() {
        let text = "warning  jira      not connected, and nobody has said why it is not\nshort";
        assert_eq!(
            wrapped(text, 40),
            "warning  jira      not connected, and\n                   nobody has said why\n                   it is not\nshort"
        );
    }

    #[test]
    fn commands_ids_and_addresses_stay_whole() {
        let command = "`t3nets tenant remove a-long-tenant-id --purge`";
        let text = format!("hint: {command} frees the id of arn:aws:iam::111122223333:role/router");
        for columns in [50, 60, 80] {
            let shown = wrapped(&text, columns);
            assert!(shown.contains(command), "{shown}");
            assert!(shown.contains("arn:aws:iam::111122223333:role/router"));
            for line in shown.lines() {
                assert!(display_width(line) <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn what_is_longer_than_the_terminal_has_a_line_of_its_own() {
        let address = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
        let shown = wrapped(&format!("ok       api       {address} runs 0.1.0"), 40);
        assert_eq!(
            shown,
            format!("ok       api\n{address}\n                   runs 0.1.0")
        );
    }

    #[test]
    fn a_backtick_that_nothing_closes_is_a_character() {
        assert_eq!(
            wrapped("it's a ` and more words", 12),
            "it's a ` and\n  more words"
        );
    }

    #[test]
    fn colours_take_no_room() {
        let text = "\u{1b}[33mwarning:\u{1b}[0m one two";
        assert_eq!(wrapped(text, 16), text);
    }
}
