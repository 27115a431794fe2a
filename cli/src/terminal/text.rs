//! Values as people read them.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use t3nets_router::model::text::is_steering;

/// A moment as people are shown it: in local time with the zone's name, to the minute.
pub(crate) fn shown_time(at: Timestamp) -> String {
    in_zone(at, TimeZone::system())
}

fn in_zone(at: Timestamp, zone: TimeZone) -> String {
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// `1 key`, `2 keys`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Text of unknown origin (a model, a store, a server) without what a terminal would obey, or
/// what turns the text around. Line breaks and tabs stay.
pub(crate) fn strip_control_chars(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| is_steering(c) && c != '\n' && c != '\t';
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
    fn a_moment_is_shown_in_local_time_with_its_zone() {
        let at: Timestamp = "2026-11-26T23:30:59Z".parse().unwrap();
        assert_eq!(in_zone(at, TimeZone::UTC), "2026-11-26 23:30 UTC");
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(in_zone(at, berlin), "2026-11-27 00:30 CET");
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(strip_control_chars("a\x1b[2Jb\r\nc\td"), "a[2Jb\nc\td");
        assert_eq!(strip_control_chars("a\u{202e}b"), "ab");
    }
}
