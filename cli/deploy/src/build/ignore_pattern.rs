//! One pattern of a `.dockerignore`, by the rules of moby/patternmatcher, the Go package that
//! Docker's client and BuildKit use. Those follow from how it is written, and differ from what
//! Docker's documentation says in places: `**a` is any text that ends with `a`, and a `*` in
//! brackets is not literal. No crate has them.
//!
//! Go's `path/filepath.Match` says which patterns are valid
//! (<https://pkg.go.dev/path/filepath#Match>), Go's regular expressions what they match
//! (<https://github.com/google/re2/wiki/Syntax>).

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// What a pattern matches.
#[derive(Debug)]
pub(super) enum Pattern {
    /// This path.
    Exact(String),
    /// `a/**`: paths that begin with this.
    Prefix(String),
    /// `**/a`, `**a`: paths that end with this.
    Suffix(String),
    /// Whatever else.
    Regex(Regex),
    /// It is valid in general, and has an escape that is none. Docker finds out when it compares a
    /// path with it.
    Broken,
}

impl Pattern {
    /// Reads a pattern; `None` if it is invalid.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        is_valid(pattern).then(|| compile(pattern))
    }

    /// Whether it matches a path; `None` if that cannot be said.
    pub(super) fn matches(&self, path: &str) -> Option<bool> {
        Some(match self {
            Self::Exact(text) => path == text,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => {
                path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path)
            }
            Self::Regex(regex) => regex.is_match(path),
            Self::Broken => return None,
        })
    }
}

/// Whether `filepath.Match(pattern, ".")` takes a pattern, which is what moby/patternmatcher asks:
/// classes are not empty and have an end, and nothing ends with a backslash. It ends at the first
/// `*` before which the pattern does not match, so what comes later may be anything.
fn is_valid(pattern: &str) -> bool {
    let mut name = ".";
    let mut rest = pattern;
    while !rest.is_empty() {
        rest = rest.trim_start_matches('*');
        let (chunk, after) = rest.split_at(chunk_length(rest));
        match chunk_matches(chunk, name) {
            None => return false,
            Some(true) if !chunk.is_empty() => name = "",
            Some(true) => {}
            Some(false) => return true,
        }
        rest = after;
    }
    true
}

/// Up to the next `*` that is in no brackets.
fn chunk_length(pattern: &str) -> usize {
    let mut in_class = false;
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '*' if !in_class => return at,
            _ => {}
        }
    }
    pattern.len()
}

/// Whether a chunk, which may be empty, matches a name that has one character at most; `None` if it
/// is invalid.
fn chunk_matches(chunk: &str, name: &str) -> Option<bool> {
    let mut chars = chunk.chars().peekable();
    let mut name = name.chars();
    let mut is_match = true;
    while let Some(c) = chars.next() {
        let next = name.next();
        is_match &= match c {
            '?' => next.is_some(),
            '[' => class_matches(&mut chars, next)?,
            '\\' => next == Some(chars.next()?),
            c => next == Some(c),
        };
    }
    Some(is_match)
}

fn class_matches(chars: &mut Peekable<Chars<'_>>, wanted: Option<char>) -> Option<bool> {
    // A character of a class, which is not the last of the chunk.
    fn member(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
        let c = match chars.next()? {
            '-' | ']' => return None,
            '\\' => chars.next()?,
            c => c,
        };
        chars.peek().is_some().then_some(c)
    }
    let is_negated = chars.next_if_eq(&'^').is_some();
    let (mut is_empty, mut is_in) = (true, false);
    loop {
        if !is_empty && chars.next_if_eq(&']').is_some() {
            return Some(wanted.is_some() && is_in != is_negated);
        }
        let low = member(chars)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => member(chars)?,
            None => low,
        };
        is_in |= wanted.is_some_and(|c| (low..=high).contains(&c));
        is_empty = false;
    }
}

/// What a valid pattern matches. Anything but a wildcard leaves it an exact one, and one at the
/// beginning a suffix, until a wildcard makes it a regular expression.
fn compile(pattern: &str) -> Pattern {
    enum Kind {
        Exact,
        Prefix,
        Suffix,
        Regex,
    }
    let mut kind = Kind::Exact;
    let mut regex = String::from("^");
    let mut chars = pattern.chars().peekable();
    let mut is_first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                kind = match (chars.peek(), kind) {
                    (None, Kind::Exact) => Kind::Prefix,
                    (None, _) => {
                        regex.push_str(".*");
                        Kind::Regex
                    }
                    (Some(_), _) => {
                        regex.push_str("(.*/)?");
                        Kind::Regex
                    }
                };
                if is_first {
                    kind = Kind::Suffix;
                }
            }
            '*' => {
                regex.push_str("[^/]*");
                kind = Kind::Regex;
            }
            '?' => {
                regex.push_str("[^/]");
                kind = Kind::Regex;
            }
            // It means to escape `|`, `{` and `}` too, and its table has no room for them:
            // `a|b*` is `a` at the beginning or `b` at the end.
            '.' | '+' | '(' | ')' | '$' => regex.extend(['\\', c]),
            '\\' => {
                regex.push('\\');
                regex.extend(chars.next());
                kind = Kind::Regex;
            }
            '[' | ']' => {
                regex.push(c);
                kind = Kind::Regex;
            }
            c => regex.push(c),
        }
        is_first = false;
    }
    match kind {
        Kind::Exact => Pattern::Exact(pattern.to_owned()),
        Kind::Prefix => Pattern::Prefix(pattern.strip_suffix("**").unwrap_or(pattern).to_owned()),
        Kind::Suffix => Pattern::Suffix(pattern.get(2..).unwrap_or_default().to_owned()),
        Kind::Regex => {
            regex.push('$');
            let translated = translate(&regex).and_then(|regex| Regex::new(&regex).ok());
            translated.map_or(Pattern::Broken, Pattern::Regex)
        }
    }
}

/// A regular expression of Go's in the words of the regex crate, as far as patterns have it;
/// `None` if it is none.
fn translate(go: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = go.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push_str(&escape(chars.next()?)?),
            '[' => class(&mut chars, &mut out)?,
            '{' => match repetition(chars.clone()) {
                // Go repeats nothing that is repeated already.
                Some(_) if out.ends_with(['*', '?', '}']) => return None,
                Some(count) => {
                    let length = count.len() + 1;
                    chars.nth(length - 1)?;
                    out.push_str(&format!("{{{count}}}"));
                }
                None => out.push_str("\\{"),
            },
            '}' | ']' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    Some(out)
}

/// What stands between braces that repeat something: `2`, `2,`, `2,3`. Any others are literal.
fn repetition(chars: Peekable<Chars<'_>>) -> Option<String> {
    let inner: String = chars.take_while(|c| *c != '}').collect();
    let (least, most) = inner.split_once(',').unwrap_or((&inner, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(least) && (most.is_empty() || is_number(most))).then_some(inner)
}

/// What Go means by a backslash and this character. Its escapes for classes are ASCII's.
fn escape(c: char) -> Option<String> {
    Some(match c {
        'd' => "[0-9]".to_owned(),
        'D' => "[^0-9]".to_owned(),
        's' => r"[\t\n\f\r ]".to_owned(),
        'S' => r"[^\t\n\f\r ]".to_owned(),
        'w' => "[0-9A-Za-z_]".to_owned(),
        'W' => "[^0-9A-Za-z_]".to_owned(),
        'b' => r"(?-u:\b)".to_owned(),
        'B' => r"(?-u:\B)".to_owned(),
        'A' | 'z' => format!("\\{c}"),
        c => literal(escaped_character(c)?),
    })
}

/// The one character that a backslash and this one are.
fn escaped_character(c: char) -> Option<char> {
    match c {
        'a' => Some('\u{7}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        c if c.is_ascii_punctuation() => Some(c),
        _ => None,
    }
}

fn literal(c: char) -> String {
    format!("\\u{{{:X}}}", u32::from(c))
}

/// A class, after its opening bracket. The regex crate would take `&&`, `--` and further brackets
/// in it for operations on sets.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_first = true;
    loop {
        let low = match chars.next()? {
            ']' if !is_first => {
                out.push(']');
                return Some(());
            }
            '\\' => match chars.next()? {
                c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W') => {
                    out.push_str(&escape(c)?);
                    is_first = false;
                    continue;
                }
                c => escaped_character(c)?,
            },
            c => c,
        };
        is_first = false;
        out.push_str(&literal(low));
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
            chars.next();
            let high = match chars.next()? {
                '\\' => escaped_character(chars.next()?)?,
                c => c,
            };
            if high < low {
                return None;
            }
            out.push('-');
            out.push_str(&literal(high));
        }
    }
}
