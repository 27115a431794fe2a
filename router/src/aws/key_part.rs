//! How a text stands in a key of either table: the one rule, for every id that enters a key.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A text as a part of a key: as it is, but for the `#` that separates a key's parts, and the `%`
/// of what stands for that. So other programs find `28:1f3a…` where they look.
pub(crate) fn key_part(text: &str) -> Cow<'_, str> {
    match text.contains(['#', '%']) {
        true => text.replace('%', "%25").replace('#', "%23").into(),
        false => text.into(),
    }
}

/// What RFC 3986 reserves for no other use.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The same text as it was written before [`key_part`]: everything encoded but what stands for
/// itself in a URL. Items that have it are still found.
pub(crate) fn former_key_part(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_every_text_as_it_is_but_for_what_separates() {
        for text in [
            "28:1f3a-bot",
            "-100123",
            "T1/C2",
            "19:ab@thread.tacv2;messageid=1",
            "a b~",
            "\u{e4}",
        ] {
            assert_eq!(key_part(text), text);
        }
        assert_eq!(key_part("a#b"), "a%23b");
        assert_eq!(key_part("a%23b"), "a%2523b");
        assert_eq!(former_key_part("28:1/\u{e4}"), "28%3A1%2F%C3%A4");
    }
}
