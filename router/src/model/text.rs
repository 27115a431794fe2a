//! Forms of text that several parts of T3nets check, each said once.

/// Whether a text is a SHA-256 in lower-case hexadecimal: 64 digits.
pub fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a character steers what shows it instead of being shown: control characters, and those
/// that turn the direction of the text around them, by which a text can be made to read as another
/// (<https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>).
pub fn is_steering(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_turns_a_text_around_is_known() {
        for steering in ['\u{1b}', '\n', '\u{202e}', '\u{2066}', '\u{200f}', '\u{9b}'] {
            assert!(is_steering(steering), "{steering:?}");
        }
        for shown in ['a', 'ß', 'ع', 'א', '🚀', '\u{200d}'] {
            assert!(!is_steering(shown), "{shown:?}");
        }
    }

    #[test]
    fn a_sha256_has_64_small_hexadecimal_digits() {
        assert!(is_sha256_hex(&"0123456789abcdef".repeat(4)));
        for text in ["", &"a".repeat(63), &"A".repeat(64), &"g".repeat(64)] {
            assert!(!is_sha256_hex(text), "{text}");
        }
    }
}
