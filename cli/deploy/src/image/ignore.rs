//! `.dockerignore`, by Docker's own rules: <https://docs.docker.com/build/concepts/context/#dockerignore-files>. They are not
//! gitignore's: a pattern is anchored at the context's root, and the last one that matches decides.

use regex::Regex;

use crate::error::DeployError;

/// Which files of a context are left out.
#[derive(Debug, Default)]
pub(crate) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// `!`: lets in again.
    exception: bool,
    /// Cleaned, without a leading slash.
    text: String,
    regex: Regex,
}

impl Ignore {
    /// Reads a `.dockerignore`.
    ///
    /// # Errors
    /// Not ready if a pattern makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Self, DeployError> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (exception, rest) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let cleaned = clean(rest);
            if cleaned.is_empty() {
                if exception {
                    return Err(unusable(line));
                }
                continue;
            }
            let regex = Regex::new(&as_regex(&cleaned)).map_err(|_| unusable(line))?;
            patterns.push(Pattern {
                exception,
                text: cleaned,
                regex,
            });
        }
        Ok(Self { patterns })
    }

    /// Whether the file or folder at `path` (relative, with `/`) is left out. What matches a folder matches all below it.
    pub(crate) fn excludes(&self, path: &str) -> bool {
        self.patterns
            .iter()
            .rfind(|pattern| with_parents(path).any(|path| pattern.regex.is_match(path)))
            .is_some_and(|pattern| !pattern.exception)
    }

    /// Whether something below an excluded folder may be let in again.
    pub(crate) fn may_let_in_below(&self, folder: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.exception && may_match_below(&pattern.text, folder))
    }
}

fn may_match_below(pattern: &str, folder: &str) -> bool {
    let mut wanted = pattern.split('/');
    for name in folder.split('/') {
        match wanted.next() {
            Some(part) if part.contains("**") => return true,
            Some(part) if part.contains(['*', '?', '[', '\\']) => {}
            Some(part) if part == name => {}
            Some(_) => return false,
            // It lets the folder itself in, with all below it.
            None => return true,
        }
    }
    true
}

fn unusable(line: &str) -> DeployError {
    DeployError::not_ready(format!(
        "`.dockerignore` has a line that makes no sense: `{line}`"
    ))
    .hint("https://docs.docker.com/build/concepts/context/#dockerignore-files")
}

/// The path and the folders it lies in.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(parent, _)| parent)
    })
}

/// As Go's `filepath.Clean`, without the leading slash.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.last().is_some_and(|last| *last != "..") {
                    parts.pop();
                } else if !pattern.starts_with('/') {
                    parts.push("..");
                }
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// As github.com/moby/patternmatcher translates them: `**` is any number of folders, `*` and `?` stay inside one.
fn as_regex(pattern: &str) -> String {
    let mut regex = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '[' if !in_class => {
                in_class = true;
                regex.push('[');
            }
            ']' if in_class => {
                in_class = false;
                regex.push(']');
            }
            // Regex has operators inside classes that these patterns do not know.
            '[' | '&' | '~' if in_class => {
                regex.push('\\');
                regex.push(c);
            }
            '\\' => {
                if let Some(next) = rest.next() {
                    regex.push_str(&regex::escape(&next.to_string()));
                }
            }
            c if in_class => regex.push(c),
            '*' if rest.next_if_eq(&'*').is_some() => {
                let _ = rest.next_if_eq(&'/');
                regex.push_str(if rest.peek().is_none() {
                    ".*"
                } else {
                    "(?:.*/)?"
                });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(patterns: &str, path: &str) -> bool {
        Ignore::parse(patterns).unwrap().excludes(path)
    }

    #[test]
    fn patterns_are_anchored_at_the_root() {
        assert!(excluded("target", "target"));
        assert!(excluded("/target/", "target/debug/x"));
        assert!(!excluded("target", "router/target"));
        assert!(excluded("**/target", "router/target/x"));
        assert!(excluded("**/target", "target"));
        assert!(excluded("*/temp*", "a/temporary.txt"));
        assert!(!excluded("*/temp*", "a/b/temporary.txt"));
    }

    #[test]
    fn wildcards_stay_inside_one_name() {
        assert!(excluded("*.md", "README.md"));
        assert!(!excluded("*.md", "docs/README.md"));
        assert!(excluded("**/*.md", "docs/deep/README.md"));
        assert!(excluded("temp?", "tempa"));
        assert!(!excluded("temp?", "temp"));
        assert!(excluded("[a-c].txt", "b.txt"));
        assert!(!excluded("[^a-c].txt", "b.txt"));
        assert!(excluded("a/**", "a/b/c"));
        assert!(!excluded("a/**", "ab"));
        assert!(excluded("a/**/z", "a/z"));
        assert!(excluded("a/**/z", "a/b/c/z"));
    }

    #[test]
    fn the_last_match_decides() {
        assert!(!excluded("*.md\n!README.md", "README.md"));
        assert!(excluded("*.md\n!README.md\nREADME*", "README.md"));
        assert!(!excluded("**\n!router", "router/src/lib.rs"));
        assert!(excluded(
            "**\n!router\nrouter/src/*.tmp",
            "router/src/a.tmp"
        ));
        assert!(excluded("**\n!router", "cli/src/main.rs"));
    }

    #[test]
    fn comments_blank_lines_and_odd_spellings() {
        assert!(!excluded("# *\n\n  \n", "a"));
        assert!(excluded("  ./a//b/../c  ", "a/c"));
        assert!(excluded("../a\n/../b", "b"));
        assert!(excluded("a.b", "a.b"));
        assert!(!excluded("a.b", "axb"));
        assert!(excluded(r"a\*b", "a*b"));
        assert!(!excluded(r"a\*b", "axb"));
        assert!(excluded("a(b)+c", "a(b)+c"));
        assert!(Ignore::parse("[a").is_err());
        assert!(Ignore::parse("!").is_err());
    }

    #[test]
    fn folders_are_entered_only_where_something_may_be_let_in() {
        let ignore =
            Ignore::parse("**\n!cli/Cargo.toml\n!router\n!docs/*/index.md\n!deep/**/x").unwrap();
        for (folder, entered) in [
            ("cli", true),
            ("cli/src", false),
            ("target", false),
            ("router", true),
            ("router/src", true),
            ("docs", true),
            ("docs/a", true),
            ("docs/a/b", false),
            ("deep/a/b/c", true),
        ] {
            assert_eq!(ignore.may_let_in_below(folder), entered, "{folder}");
        }
    }
}
