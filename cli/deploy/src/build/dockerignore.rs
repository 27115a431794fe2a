//! `.dockerignore`, by Docker's own rules. They are not gitignore's: a pattern is anchored at the
//! context's root, and the last one that matches decides.
//! <https://docs.docker.com/build/concepts/context/#dockerignore-files>
//!
//! What the list says of a file depends on the folders above it: a pattern that matched a folder
//! matches what is in it, but an exception is only looked at where something was excluded. So
//! `!config` includes `config` again, and not `config/.env`, which `**/.env` excludes further in.
//! That is why a path is judged with what was found of its folder ([`Verdict`]).
//!
//! `tests/dockerignore` has what Docker's client makes of a thousand lists.

use super::ignore_pattern::Pattern;
use super::{BuildError, DockerBuilder};

/// Which files are not part of a build context.
#[derive(Debug)]
pub(super) struct Dockerignore {
    patterns: Vec<Line>,
    entered: Entered,
}

#[derive(Debug)]
struct Line {
    /// It begins with `!`: what it matches is included again.
    is_exception: bool,
    /// Without the `!`.
    text: String,
    pattern: Pattern,
}

/// Which excluded folders are looked into.
#[derive(Debug)]
enum Entered {
    /// Those that one of these paths, which exceptions begin with, leads into.
    LeadingTo(Vec<String>),
    /// All of them: an exception with a wildcard may include something anywhere.
    All,
}

/// What a list says of a path.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    pub(super) is_excluded: bool,
    /// Of each pattern, whether it matched; of no pattern for the root.
    matched: Vec<bool>,
}

impl Dockerignore {
    /// Reads a `.dockerignore`. The two builders' clients look into different excluded folders.
    ///
    /// # Errors
    /// If a line is not a valid pattern.
    pub(super) fn parse(text: &str, builder: DockerBuilder) -> Result<Self, BuildError> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').split('\n') {
            let Some(text) = normalized(line.strip_suffix('\r').unwrap_or(line)) else {
                continue;
            };
            let invalid = || BuildError::InvalidPattern(line.trim().to_owned());
            let (is_exception, text) = match text.strip_prefix('!') {
                Some("") => return Err(invalid()),
                Some(rest) => (true, rest),
                None => (false, text.as_str()),
            };
            patterns.push(Line {
                is_exception,
                text: text.to_owned(),
                pattern: Pattern::parse(text).ok_or_else(invalid)?,
            });
        }
        let exceptions = patterns.iter().filter(|line| line.is_exception);
        let exceptions = exceptions.map(|line| line.text.as_str());
        let entered = match builder {
            DockerBuilder::Classic => Entered::LeadingTo(exceptions.map(str::to_owned).collect()),
            DockerBuilder::BuildKit => Entered::by_buildkit(exceptions),
        };
        Ok(Self { patterns, entered })
    }

    /// What the list says of the file or folder at `path` (relative, with `/`), after what it said
    /// of the folder that it is in.
    ///
    /// # Errors
    /// If a pattern cannot be compared with it.
    pub(super) fn judge(&self, path: &str, folder: &Verdict) -> Result<Verdict, BuildError> {
        let mut is_excluded = false;
        let mut matched = Vec::with_capacity(self.patterns.len());
        for (index, line) in self.patterns.iter().enumerate() {
            let by_folder = folder.matched.get(index).copied().unwrap_or_default();
            // An exception matters only where something was excluded, and the other way round.
            let is_match = by_folder
                || line.is_exception == is_excluded
                    && line
                        .pattern
                        .matches(path)
                        .ok_or_else(|| BuildError::InvalidPattern(line.text.clone()))?;
            if is_match {
                is_excluded = !line.is_exception;
            }
            matched.push(is_match);
        }
        Ok(Verdict {
            is_excluded,
            matched,
        })
    }

    /// Whether an excluded folder is looked into, since an exception may include something in it.
    pub(super) fn enters(&self, folder: &str) -> bool {
        match &self.entered {
            Entered::All => true,
            Entered::LeadingTo(paths) => paths.iter().any(|path| {
                let below = path.strip_prefix(folder);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        }
    }

    /// Whether the file at `path` is left out, together with a folder that it is in or by itself.
    ///
    /// # Errors
    /// If a pattern cannot be compared with it.
    pub(super) fn excludes(&self, path: &str) -> Result<bool, BuildError> {
        let mut verdict = Verdict::default();
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            let folder = path.get(..end).unwrap_or_default();
            verdict = self.judge(folder, &verdict)?;
            if verdict.is_excluded && !self.enters(folder) {
                return Ok(true);
            }
        }
        Ok(self.judge(path, &verdict)?.is_excluded)
    }
}

impl Entered {
    /// BuildKit's client takes the wildcard at an exception's end off, and looks everywhere if
    /// there is another one in any of them.
    /// <https://github.com/tonistiigi/fsutil/blob/master/filter.go>
    fn by_buildkit<'a>(exceptions: impl Iterator<Item = &'a str>) -> Self {
        let mut paths = Vec::new();
        for text in exceptions {
            let text = text.strip_suffix("/**").unwrap_or(text);
            let text = text.strip_suffix("/*").unwrap_or(text);
            if text.contains(['*', '[', ']', '?', '^', '\\']) {
                return Self::All;
            }
            paths.push(text.to_owned());
        }
        Self::LeadingTo(paths)
    }
}

/// The pattern in a line, or `None` if there is none. A `!` in front stays.
fn normalized(line: &str) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let line = line.trim();
    let (mark, pattern) = match line.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", line),
    };
    let pattern = clean(pattern);
    let pattern = match pattern.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => rest,
        _ => pattern.as_str(),
    };
    // Spaces that stood beside a slash are at an end now, and the mark and the root are cleaned
    // together: what stays of `!/` is the mark.
    let whole = clean(format!("{mark}{pattern}").trim());
    (!whole.is_empty()).then_some(whole)
}

/// A path without empty parts, `.` and `..`, as Go's `filepath.Clean` gives it; an empty one stays.
/// <https://pkg.go.dev/path/filepath#Clean>
fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.last().is_some_and(|last| *last != "..") {
                    parts.pop();
                } else if !is_rooted {
                    parts.push("..");
                }
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) if !path.is_empty() => ".".to_owned(),
        (false, _) => joined,
    }
}

#[cfg(test)]
#[path = "dockerignore_tests.rs"]
mod tests;
