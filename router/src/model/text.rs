//! Forms of text that several parts of T3nets check, each said once.

/// Whether a text is a SHA-256 in lower-case hexadecimal: 64 digits.
pub fn is_sha256_hex(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sha256_has_64_small_hexadecimal_digits() {
        assert!(is_sha256_hex(&"0123456789abcdef".repeat(4)));
        for text in ["", &"a".repeat(63), &"A".repeat(64), &"g".repeat(64)] {
            assert!(!is_sha256_hex(text), "{text}");
        }
    }
}
