//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

use textwrap::core::display_width;

use super::text::strip_control_chars;
use super::width::{columns_of_stdout, least_columns, wrapped, wrapped_cell};

/// The least columns that a cell of several words is narrowed to, as long as others can be.
const COMFORTABLE: usize = 20;
/// Between two columns.
const GAP: usize = 2;

/// A table for people: no borders, two spaces between columns. Cells may hold any text. In a
/// terminal it takes no more than its width.
pub(crate) fn table<Row>(header: &[&str], rows: impl IntoIterator<Item = Row>) -> String
where
    Row: IntoIterator<Item: AsRef<str>>,
{
    let header: Vec<String> = header.iter().map(|name| name.to_uppercase()).collect();
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|cell| strip_control_chars(cell.as_ref()).replace('\n', " "))
                .collect()
        })
        .collect();
    fitted(header, rows, columns_of_stdout())
}

/// Narrows what can be wrapped between words, the columns on the right first, which matter least.
/// Where that does not do, each row becomes a list of its values.
fn fitted(header: Vec<String>, rows: Vec<Vec<String>>, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return plain(header, rows);
    };
    match widths(&header, &rows, columns) {
        Some(widths) => {
            let narrowed = rows.into_iter().map(|row| {
                let cells = row.iter().zip(&widths);
                cells
                    .map(|(cell, width)| wrapped_cell(cell, *width))
                    .collect()
            });
            plain(header, narrowed.collect())
        }
        None => stacked(&header, &rows, columns),
    }
}

/// How wide each column is, so that all of them fit; `None` if they cannot.
fn widths(header: &[String], rows: &[Vec<String>], columns: usize) -> Option<Vec<usize>> {
    let cells = |n: usize| {
        let cells = rows.iter().filter_map(move |row| row.get(n));
        cells.map(String::as_str)
    };
    let width_of = |n: usize, measure: fn(&str) -> usize| {
        let widest = cells(n).map(measure).max().unwrap_or(0);
        widest.max(display_width(&header[n]))
    };
    let count = header.len();
    let mut widths: Vec<usize> = (0..count).map(|n| width_of(n, display_width)).collect();
    let least: Vec<usize> = (0..count).map(|n| width_of(n, least_columns)).collect();
    let room = columns.saturating_sub(GAP * count.saturating_sub(1));
    for comfortable in [COMFORTABLE, 0] {
        for n in (0..count).rev() {
            let excess = widths.iter().sum::<usize>().saturating_sub(room);
            let floor = least[n].max(comfortable.min(widths[n]));
            widths[n] -= excess.min(widths[n] - floor);
        }
    }
    (widths.iter().sum::<usize>() <= room).then_some(widths)
}

fn plain(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows);
    lines_of(&table)
}

/// Each row as lines of a name and a value.
fn stacked(header: &[String], rows: &[Vec<String>], columns: usize) -> String {
    let label = header.iter().map(|name| display_width(name)).max();
    let label = label.unwrap_or(0) + GAP;
    let rows = rows.iter().map(|row| {
        let cells = header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let lines = cells.map(|(name, cell)| wrapped(&format!("{name:<label$}{cell}"), columns));
        lines.collect::<Vec<_>>().join("\n")
    });
    rows.collect::<Vec<_>>().join("\n\n")
}

/// The same of rows that may hold styles, the first of which is the header: it fits the columns by
/// wrapping cells.
pub(super) fn grid(rows: Vec<Vec<String>>, columns: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    let mut rows = rows.into_iter();
    if let Some(header) = rows.next() {
        table.set_header(header);
    }
    table.add_rows(rows);
    lines_of(&table)
}

fn lines_of(table: &Table) -> String {
    table
        .lines()
        .map(|line| line.trim_end().strip_prefix(' ').unwrap_or("").to_owned())
        .collect::<Vec<_>>()
        .join("\n")
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

    fn in_columns(columns: usize) -> String {
        let header = ["key", "user", "name", "created"].map(str::to_uppercase);
        let row = [
            "t3n_xe24ztgj",
            "bob@acme.example",
            "the release bot of the web shop",
            "2026-11-22 09:30 UTC",
        ];
        let row = row.map(str::to_owned).to_vec();
        fitted(header.to_vec(), vec![row.clone(), row], Some(columns))
    }

    #[test]
    fn a_table_that_fits_is_left_alone() {
        assert_eq!(in_columns(90).lines().count(), 3);
    }

    #[test]
    fn the_columns_on_the_right_are_narrowed_first_and_ids_stay_whole() {
        insta::assert_snapshot!(in_columns(70), @r"
        KEY           USER              NAME                CREATED
        t3n_xe24ztgj  bob@acme.example  the release bot of  2026-11-22 09:30
                                        the web shop        UTC
        t3n_xe24ztgj  bob@acme.example  the release bot of  2026-11-22 09:30
                                        the web shop        UTC
        ");
    }

    #[test]
    fn a_table_that_cannot_fit_becomes_lists() {
        insta::assert_snapshot!(in_columns(40), @r"
        KEY      t3n_xe24ztgj
        USER     bob@acme.example
        NAME     the release bot of the web shop
        CREATED  2026-11-22 09:30 UTC

        KEY      t3n_xe24ztgj
        USER     bob@acme.example
        NAME     the release bot of the web shop
        CREATED  2026-11-22 09:30 UTC
        ");
    }

    #[test]
    fn no_table_is_wider_than_its_terminal() {
        for columns in 30..120 {
            for line in in_columns(columns).lines() {
                assert!(display_width(line) <= columns, "{columns}: {line}");
            }
        }
    }
}
