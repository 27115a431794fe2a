//! Tables for people.

use comfy_table::{Table, presets};

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
