//! Named values: environment variables, and behind them the file `.env`, read for the names that
//! older scripts used.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::trust;
use crate::context::Context;
use crate::error::CliError;
use t3nets_router::files;

/// The file that is read where none is named.
const DEFAULT_FILE: &str = ".env";

/// Where named values come from. Deliberately without `Debug`: it holds secrets.
pub(super) struct Values {
    process: fn(&str) -> Option<String>,
    file: BTreeMap<String, String>,
}

impl Values {
    /// The process's variables and those of a file: the named one, which must be there, or `.env`,
    /// which need not.
    ///
    /// # Errors
    /// Usage if the file cannot be read.
    pub(super) fn load(context: &Context, named: Option<&Path>) -> Result<Self, CliError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let file = match files::read_text(path, files::USUAL_LIMIT) {
            Ok(text) => {
                if named.is_none() {
                    trust::check(&std::path::absolute(path).unwrap_or_default())?;
                }
                context
                    .printer
                    .detail(format!("variables: {}", path.display()));
                parse(&text, path)?
            }
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                BTreeMap::new()
            }
            Err(error) => {
                return Err(
                    CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error)
                );
            }
        };
        Ok(Self {
            process: |name| std::env::var(name).ok(),
            file,
        })
    }

    /// The value of a name; an empty one counts as not given.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let is_given = |value: &String| !value.trim().is_empty();
        (self.process)(name)
            .filter(is_given)
            .or_else(|| self.file.get(name).cloned().filter(is_given))
    }

    #[cfg(test)]
    pub(super) fn of_file(text: &str) -> Self {
        Self {
            process: |_| None,
            file: parse(text, Path::new("test.env")).unwrap(),
        }
    }
}

fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, String>, CliError> {
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        // The parser's error repeats the line, which may hold a secret.
        .map_err(|_| {
            CliError::usage(format!("`{}` cannot be understood", path.display()))
                .hint("each line is `NAME=value`; values with blanks need quotes")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_wins_over_the_file_and_empty_is_not_given() {
        let mut values = Values::of_file("A=file\nB=\nC='two words'\n");
        assert_eq!(values.get("A").as_deref(), Some("file"));
        assert_eq!(values.get("B"), None);
        assert_eq!(values.get("C").as_deref(), Some("two words"));
        values.process = |name| Some(if name == "A" { "process" } else { " " }.to_owned());
        assert_eq!(values.get("A").as_deref(), Some("process"));
        assert_eq!(values.get("C").as_deref(), Some("two words"));
    }

    #[test]
    fn a_line_that_cannot_be_understood_is_not_repeated() {
        let error = parse("JIRA_API_TOKEN hunter2", Path::new(".env")).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
