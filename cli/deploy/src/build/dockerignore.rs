//! `.dockerignore`, by Docker's own rules. They are not gitignore's: a pattern is anchored at the
//! context's root, and the last one that matches decides.
//! <https://docs.docker.com/build/concepts/context/#dockerignore-files>
//!
//! The reference is the Go package that Docker itself uses, github.com/moby/patternmatcher. No
//! crate has these rules on their own, and those for gitignore files match differently.

use regex::Regex;

use super::BuildError;

/// Which files are not part of a build context.
#[derive(Debug, Default)]
pub(super) struct Dockerignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// It begins with `!`: what it matches is included again.
    is_exception: bool,
    /// As [`clean`] gives it.
    text: String,
    regex: Regex,
}

impl Dockerignore {
    /// Reads a `.dockerignore`.
    ///
    /// # Errors
    /// If a line is not a valid pattern.
    pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (is_exception, rest) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let cleaned = clean(rest);
            if cleaned.is_empty() {
                if is_exception {
                    return Err(invalid(line));
                }
                continue;
            }
            let regex = Regex::new(&as_regex(&cleaned)).map_err(|_| invalid(line))?;
            patterns.push(Pattern {
                is_exception,
                text: cleaned,
                regex,
            });
        }
        Ok(Self { patterns })
    }

    /// Whether the file or folder at `path` (relative, with `/`) is left out. A pattern that
    /// matches a folder matches everything below it.
    pub(super) fn excludes(&self, path: &str) -> bool {
        self.patterns
            .iter()
            .rfind(|pattern| with_parents(path).any(|path| pattern.regex.is_match(path)))
            .is_some_and(|pattern| !pattern.is_exception)
    }

    /// Whether an exception may include something below an excluded folder, so that the folder has
    /// to be read.
    pub(super) fn may_include_below(&self, folder: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.is_exception && may_match_below(&pattern.text, folder))
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
            // It includes the folder itself, with everything below it.
            None => return true,
        }
    }
    true
}

fn invalid(line: &str) -> BuildError {
    BuildError::InvalidPattern(line.to_owned())
}

/// A path and each folder above it.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(parent, _)| parent)
    })
}

/// A pattern without empty parts, `.` and `..`, as Go's `filepath.Clean` gives it, and without the
/// slash in front.
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

/// The regular expression that moby/patternmatcher makes of a pattern: `**` is any number of
/// folders, `*` and `?` stay within one name.
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
            // The regex crate has set operations inside classes; Go's patterns do not.
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
        Dockerignore::parse(patterns).unwrap().excludes(path)
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
        assert!(Dockerignore::parse("[a").is_err());
        assert!(Dockerignore::parse("!").is_err());
    }

    #[test]
    fn excluded_folders_are_read_only_where_an_exception_may_apply() {
        let ignore =
            Dockerignore::parse("**\n!cli/Cargo.toml\n!router\n!docs/*/index.md\n!deep/**/x")
                .unwrap();
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
            assert_eq!(ignore.may_include_below(folder), entered, "{folder}");
        }
    }
}
