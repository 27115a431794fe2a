//! The lines of which descriptions of results are made: plain text that reads well in a terminal
//! and as Markdown.

use jiff::civil::Date;

/// The lines as text. In Markdown a line behind a list is its last item's, unless an empty one is
/// between them.
pub(in crate::skills) fn joined(lines: &[String]) -> String {
    let is_item = |line: &String| line.starts_with("- ");
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| lines.get(before));
        match before {
            None => {}
            Some(before) if is_item(before) && !is_item(line) => text.push_str("\n\n"),
            Some(_) => text.push('\n'),
        }
        text.push_str(line);
    }
    text
}

/// An issue.
pub(in crate::skills) fn item(key: &str, summary: Option<&str>, facts: &[Option<&str>]) -> String {
    let facts: Vec<&str> = facts.iter().copied().flatten().collect();
    format!(
        "- {key} {} ({})",
        summary.unwrap_or("(no summary)"),
        facts.join(", ")
    )
}

/// What a list leaves out.
pub(in crate::skills) fn rest(lines: &mut Vec<String>, total: usize, shown: usize) {
    if total > shown {
        lines.push(format!("- and {} more", total - shown));
    }
}

/// `1 issue`, `2 issues`.
pub(in crate::skills) fn counted(number: impl Into<i128>, unit: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// `3 Dec 2026`.
pub(in crate::skills) fn date(day: Date) -> String {
    day.strftime("%-d %b %Y").to_string()
}
