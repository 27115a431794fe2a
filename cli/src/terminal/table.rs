//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

use super::text::strip_control_chars;

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
                .map(|cell| strip_control_chars(cell.as_ref()).replace('\n', " ")),
        );
    }
    lines_of(&table)
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
}
