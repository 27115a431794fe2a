//! Bars for people, in plain text: a line each, with what it is of and how much it stands for.

use textwrap::core::display_width;

use super::text::strip_control_chars;
use super::width::columns_of_stdout;

/// The width where there is no terminal, and the most that is used of a wide one.
const COLUMNS: usize = 80;
/// The widest that names get, and the narrowest that bars do.
const WIDEST_NAME: usize = 32;
const NARROWEST_BAR: usize = 8;
/// Between two columns.
const GAP: &str = "  ";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// What it is of.
    pub(crate) name: String,
    /// How much, in whatever unit all of them have.
    pub(crate) value: u64,
    /// The same as it is read.
    pub(crate) shown: String,
}

/// All of them, the largest as long as there is room.
pub(crate) fn bars(all: &[Bar]) -> String {
    fitted(
        all,
        columns_of_stdout().map_or(COLUMNS, |columns| columns.min(COLUMNS)),
    )
}

fn fitted(all: &[Bar], columns: usize) -> String {
    let names: Vec<String> = all.iter().map(|bar| short(&bar.name)).collect();
    let widest = |texts: &mut dyn Iterator<Item = &String>| {
        texts.map(|text| display_width(text)).max().unwrap_or(0)
    };
    let name_width = widest(&mut names.iter());
    let shown_width = widest(&mut all.iter().map(|bar| &bar.shown));
    let taken = name_width + shown_width + 2 * GAP.len();
    let room = columns.saturating_sub(taken).max(NARROWEST_BAR);
    let most = all.iter().map(|bar| bar.value).max().unwrap_or(0);
    let lines = all.iter().zip(&names).map(|(bar, name)| {
        let length = length(bar.value, most, room);
        let after_name = name_width - display_width(name);
        let before_shown = room - length + shown_width - display_width(&bar.shown);
        let (spaces, marks) = (" ".repeat(after_name), "#".repeat(length));
        let rest = " ".repeat(before_shown);
        format!("{name}{spaces}{GAP}{marks}{rest}{GAP}{}", bar.shown)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is something is seen, however little of the most it is.
fn length(value: u64, most: u64, room: usize) -> usize {
    let share = (u128::from(value) * room as u128).div_ceil(u128::from(most.max(1)));
    usize::try_from(share).unwrap_or(room).min(room)
}

fn short(name: &str) -> String {
    let name = strip_control_chars(name).replace('\n', " ");
    if display_width(&name) <= WIDEST_NAME {
        return name;
    }
    let mut kept = String::new();
    for letter in name.chars() {
        let width = display_width(letter.encode_utf8(&mut [0; 4]));
        if display_width(&kept) + width >= WIDEST_NAME {
            break;
        }
        kept.push(letter);
    }
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, value: u64, shown: &str) -> Bar {
        Bar {
            name: name.to_owned(),
            value,
            shown: shown.to_owned(),
        }
    }

    #[test]
    fn the_largest_takes_the_room_and_the_others_their_share() {
        let all = [
            bar("2026-11-25", 0, "$0.0000"),
            bar("2026-11-26", 1, "$0.0001"),
            bar("2026-11-27", 500, "$0.0500"),
            bar("2026-11-28", 1000, "$0.1000"),
        ];
        let text = fitted(&all, 41);
        assert_eq!(
            text,
            "2026-11-25                        $0.0000\n\
             2026-11-26  #                     $0.0001\n\
             2026-11-27  ##########            $0.0500\n\
             2026-11-28  ####################  $0.1000"
        );
        assert!(text.lines().all(|line| line.len() == 41), "{text}");
    }

    #[test]
    fn nothing_is_wider_than_the_columns_but_for_the_least_bar() {
        let wide = "\u{754c}".repeat(60);
        let all = [bar(&wide, u64::MAX, "9"), bar("a\u{1b}[2J", 3, "1000")];
        for line in fitted(&all, 80).lines() {
            assert!(display_width(line) <= 80, "{line}");
        }
        for line in fitted(&all, 10).lines() {
            assert!(display_width(line) <= WIDEST_NAME + 2 * 2 + NARROWEST_BAR + 4);
        }
        assert_eq!(fitted(&[], 80), "");
        assert!(!fitted(&[bar("none", 0, "0")], 80).contains('#'));
    }
}
