//! What a server says in `WWW-Authenticate` to whom it refuses
//! (<https://www.rfc-editor.org/rfc/rfc6750#section-3>). Pure.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use url::Url;

/// The longest list of scopes that is asked for, in bytes.
const SCOPES_BYTES: usize = 1024;

/// What a server says with a refusal.
#[derive(Debug, Default, PartialEq)]
pub(in crate::skills::mcp) struct Challenge {
    /// Where it says who signs people in for it.
    pub(super) metadata: Option<Url>,
    /// What a token must be good for.
    pub(in crate::skills::mcp) scopes: Option<String>,
    error: Option<String>,
}

impl Challenge {
    /// Out of the refusal's headers.
    pub(in crate::skills::mcp) fn of(headers: &HeaderMap) -> Self {
        let headers = headers.get_all(WWW_AUTHENTICATE).iter();
        let headers: Vec<&str> = headers.filter_map(|header| header.to_str().ok()).collect();
        let one = |name| headers.iter().find_map(|header| parameter(header, name));
        Self {
            metadata: one("resource_metadata").and_then(|text| Url::parse(&text).ok()),
            scopes: one("scope").and_then(|text| scopes_of(&text)),
            error: one("error"),
        }
    }

    /// Whether a token with more scopes would do.
    pub(in crate::skills::mcp) fn wants_more(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }
}

/// Scopes as they can be asked for, each once, with spaces between them; `None` if there are none,
/// one of them cannot be a scope (<https://www.rfc-editor.org/rfc/rfc6749#section-3.3>), or they are
/// too long.
pub(super) fn scopes_of(text: &str) -> Option<String> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in text.split_whitespace() {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let is_sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    let is_sound = scopes.iter().all(|scope| scope.bytes().all(is_sound));
    let scopes = scopes.join(" ");
    (is_sound && (1..=SCOPES_BYTES).contains(&scopes.len())).then_some(scopes)
}

/// A parameter of a `WWW-Authenticate` header, by its name.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header;
    // The scheme's name stands before the first.
    while let Some((before, after)) = rest.split_once('=') {
        let key = before.rsplit([' ', ',', '\t']).next().unwrap_or_default();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut chars = quoted.char_indices();
                let mut end = quoted.len();
                while let Some((at, char)) = chars.next() {
                    match char {
                        '"' => {
                            end = at + 1;
                            break;
                        }
                        '\\' => value.extend(chars.next().map(|(_, char)| char)),
                        char => value.push(char),
                    }
                }
                (value, &quoted[end..])
            }
            None => {
                let end = after.find([',', ' ']).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = left;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_challenges_of_any_form() {
        let header = r#"Bearer realm="a, b=c \"d\"", error="invalid_token",resource_metadata="https://x.example/.well-known/a?b=c", Scope=files:read"#;
        let found = |name| parameter(header, name);
        assert_eq!(
            found("resource_metadata").as_deref(),
            Some("https://x.example/.well-known/a?b=c")
        );
        assert_eq!(found("scope").as_deref(), Some("files:read"));
        assert_eq!(found("realm").as_deref(), Some(r#"a, b=c "d""#));
        assert_eq!(found("b"), None);
        for odd in ["", "Bearer", "=", "a=\"", "Bearer scope=\"x\\", "é=\"é\\é"] {
            parameter(odd, "resource_metadata");
        }
    }

    #[test]
    fn scopes_are_named_once_and_only_as_they_can_be_asked_for() {
        for (text, expected) in [
            (" a  b a ", Some("a b")),
            ("repo:write", Some("repo:write")),
            ("", None),
            ("a \"b", None),
            ("a\u{202e}b", None),
            (&"a".repeat(1025), None),
        ] {
            assert_eq!(scopes_of(text).as_deref(), expected, "{text}");
        }
    }
}
