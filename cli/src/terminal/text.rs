//! Values as people read them.

use std::borrow::Cow;

use jiff::Timestamp;

/// A moment as tables show it: in UTC, to the minute.
pub(crate) fn shown_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1 key`, `2 keys`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Text of unknown origin (a model, a store, a server) without the control characters that a
/// terminal would obey. Line breaks and tabs stay.
pub(crate) fn strip_control_chars(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(is_control) {
        Cow::Owned(text.replace(is_control, ""))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(strip_control_chars("a\x1b[2Jb\r\nc\td"), "a[2Jb\nc\td");
    }
}
