//! JSON as other programs really write it. What serde_json refuses and people can still read is
//! read: a byte order mark, bytes that are no UTF-8, halves of surrogate pairs, `NaN`.

use std::borrow::Cow;

use serde_json::Value;

/// A JSON value, read as tolerantly as it can be without guessing at its structure. What cannot be
/// a character becomes U+FFFD, what cannot be a number null.
///
/// # Errors
/// If it is no JSON even so; the error names positions, never what stands there.
pub fn read_json(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(error) => {
            let text = String::from_utf8_lossy(bytes);
            let text = text.trim_start_matches('\u{feff}');
            match mended(text) {
                Cow::Borrowed(same) if same.len() == bytes.len() => Err(error),
                mended => serde_json::from_str(&mended),
            }
        }
    }
}

/// The same with what no JSON parser takes replaced: halves of surrogate pairs and raw control
/// characters within strings; outside of them the words of JavaScript that are no numbers, and
/// numbers that are too large or not written as JSON writes them.
fn mended(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    let bytes = text.as_bytes();
    let replace = |out: &mut String, copied: &mut usize, from: usize, to: usize, with: &str| {
        out.push_str(&text[*copied..from]);
        out.push_str(with);
        *copied = to;
    };
    while let Some(&byte) = bytes.get(at) {
        let mut next = at + 1;
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                next = at + 2;
                if let Some(unit) = unit_at(bytes, at) {
                    next = at + 6;
                    let is_pair = (0xD800..0xDC00).contains(&unit)
                        && unit_at(bytes, at + 6)
                            .is_some_and(|low| (0xDC00..0xE000).contains(&low));
                    if is_pair {
                        next = at + 12;
                    } else if (0xD800..0xE000).contains(&unit) {
                        replace(&mut out, &mut copied, at, next, "\\ufffd");
                    }
                }
            }
            0..0x20 if in_string => {
                let escape = format!("\\u{byte:04x}");
                replace(&mut out, &mut copied, at, next, &escape);
            }
            b'N' | b'I' | b'-' | b'+' | b'.' | b'0'..=b'9' if !in_string => {
                let words = ["NaN", "Infinity", "-Infinity"];
                if let Some(word) = words.iter().find(|word| text[at..].starts_with(**word)) {
                    next = at + word.len();
                    replace(&mut out, &mut copied, at, next, "null");
                } else if byte != b'N' && byte != b'I' {
                    let number = number_at(&text[at..]);
                    next = at + number.len().max(1);
                    if let Some(mended) = mended_number(number) {
                        replace(&mut out, &mut copied, at, next, &mended);
                    }
                }
            }
            _ => {}
        }
        at = next;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// What stands where a number begins, as far as it can belong to one.
fn number_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    &text[..end.unwrap_or(text.len())]
}

/// A number that serde_json does not take, as it would: `007` and `.5`, and null for `1e999`.
fn mended_number(number: &str) -> Option<Cow<'static, str>> {
    if serde_json::from_str::<serde_json::Number>(number).is_ok() {
        return None;
    }
    let value: f64 = number.parse().ok()?;
    Some(match serde_json::Number::from_f64(value) {
        Some(number) => number.to_string().into(),
        None => "null".into(),
    })
}

/// The UTF-16 unit that is escaped at a position, if one is.
fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_can_read_is_read() {
        for (text, value) in [
            (&b"\xef\xbb\xbf{\"a\": 1}"[..], json!({"a": 1})),
            (br#"{"a": "x\ud800y"}"#, json!({"a": "x\u{fffd}y"})),
            (
                br#"{"a": "\udc00\ud83d\ude80"}"#,
                json!({"a": "\u{fffd}🚀"}),
            ),
            (b"{\"a\": \"x\xffy\"}", json!({"a": "x\u{fffd}y"})),
            (
                br#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN"}"#,
                json!({"a": null, "b": [null, null], "c": "NaN"}),
            ),
            (b"{\"a\": \"x\ny\"}", json!({"a": "x\ny"})),
            (br#"{"a": 1, "a": 2}"#, json!({"a": 2})),
            (
                br#"{"a": 1e999, "b": [-1E+400], "c": "1e999", "d": 2e5}"#,
                json!({"a": null, "b": [null], "c": "1e999", "d": 2e5}),
            ),
            (
                br#"[007, +5, .5, 5., -.5, -0]"#,
                json!([7.0, 5.0, 0.5, 5.0, -0.5, -0.0]),
            ),
            (br#"{"a": "\\ud800"}"#, json!({"a": "\\ud800"})),
        ] {
            assert_eq!(
                read_json(text).unwrap(),
                value,
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn what_is_no_json_stays_an_error() {
        for text in [
            "",
            "{",
            "{\"a\": }",
            "<html>",
            "{\"a\": \"",
            "{\"a\":\"\\u12",
            "NaN NaN",
            "[1-2]",
            "[1e]",
            "[--1]",
            "1e999 1e999",
        ] {
            assert!(read_json(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), text in r#"[\\u"dD8c0{}:NaNI\-y]{0,80}"#) {
            let _ = read_json(&bytes);
            let _ = read_json(text.as_bytes());
        }

        #[test]
        fn what_is_json_is_read_as_it_is(text in ".*") {
            let value = json!({"t": text});
            prop_assert_eq!(read_json(value.to_string().as_bytes()).unwrap(), value);
        }
    }
}
