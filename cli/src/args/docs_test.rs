//! The documentation shows command lines that the program understands: each one is given to the
//! real parser.
//!
//! Of fenced blocks, `console` shows what is typed behind `$ `, and `sh` is typed whole: those
//! lines must parse as they are. A command named in a sentence (`t3nets tenant export`) may leave
//! out what it needs, but must exist, with the flags it has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use regex::Regex;

use crate::args::Cli;

/// The pages, by their paths below the repository.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let listed = std::fs::read_dir(root.join("docs")).unwrap();
    let mut paths: Vec<PathBuf> = listed
        .map(|entry| Path::new("docs").join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.extend(["README.md", "infra/README.md", "tests/README.md"].map(PathBuf::from));
    paths.extend(
        [
            "README.md",
            "cheapest-dev/README.md",
            "prod/README.md",
            "two-accounts/README.md",
        ]
        .map(|page| Path::new("infra/examples").join(page)),
    );
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(root.join(&path)).unwrap();
            (path.display().to_string(), text)
        })
        .collect()
}

/// What is typed in fenced blocks, and the text around them.
fn typed_and_prose(page: &str) -> (Vec<String>, String) {
    let (mut typed, mut prose) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            prose.push_str(line);
            prose.push('\n');
            continue;
        };
        let mut block = lines.by_ref().take_while(|line| line.trim() != "```");
        while let Some(line) = block.next() {
            let shown = match language.trim() {
                "console" => line.strip_prefix("$ "),
                "sh" | "bash" => Some(line),
                _ => None,
            };
            let Some(mut line) = shown.map(str::to_owned) else {
                continue;
            };
            while let Some(begun) = line.strip_suffix('\\') {
                line = format!("{begun}{}", block.next().unwrap_or_default().trim_start());
            }
            typed.push(line);
        }
    }
    (typed, prose)
}

/// The commands of a shell line as words: what a person would type, not the whole of a shell's
/// grammar.
pub(super) fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let (mut word, mut in_word, mut quote) = (String::new(), false, None);
    let mut skips_word = false;
    let mut letters = line.chars().chain([' ']).peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some('"') | None, '\\') => word.extend(letters.next()),
            (Some(_), _) => word.push(letter),
            (None, '\'' | '"') => (quote, in_word) = (Some(letter), true),
            (None, '#') if !in_word => break,
            (None, ' ' | ';' | '|' | '&' | '<' | '>' | '(' | ')') => {
                let ended = std::mem::take(&mut word);
                let is_descriptor = letter == '>' && ended.parse::<u8>().is_ok();
                if in_word && !skips_word && !is_descriptor {
                    words.push(ended);
                }
                skips_word &= !in_word;
                in_word = false;
                match letter {
                    '<' | '>' => skips_word = true,
                    ' ' => {}
                    _ => commands.push(std::mem::take(&mut words)),
                }
            }
            (None, _) => {
                word.push(letter);
                in_word = true;
            }
        }
    }
    commands.push(words);
    commands
        .into_iter()
        .map(|words| {
            let is_variable = |word: &String| {
                let name = word.split_once('=').map_or("", |(name, _)| name);
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit())
            };
            words
                .into_iter()
                .skip_while(is_variable)
                .collect::<Vec<_>>()
        })
        .filter(|words| words.first().is_some_and(|program| program == "t3nets"))
        .collect()
}

/// The commands that the prose names: `t3nets …` in backticks.
pub(super) fn named(prose: &str) -> Vec<Vec<String>> {
    prose
        .split("\n\n")
        .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2))
        .map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "))
        .flat_map(|code| commands(&code))
        .map(|words| words.into_iter().filter(|word| word != "…").collect())
        .collect()
}

fn parsed(words: &[String]) -> Option<ErrorKind> {
    Cli::try_parse_from(words).err().map(|error| error.kind())
}

#[test]
fn every_command_line_in_the_documentation_parses() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (path, page) in pages() {
        let (typed, prose) = typed_and_prose(&page);
        for words in typed.iter().flat_map(|line| commands(line)) {
            count += 1;
            match parsed(&words) {
                None | Some(ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
                Some(kind) => wrong.push(format!("{path}: {}: {kind}", words.join(" "))),
            }
        }
        for words in named(&prose) {
            count += 1;
            match parsed(&words) {
                None
                | Some(
                    ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::MissingRequiredArgument
                    | ErrorKind::InvalidValue
                    | ErrorKind::ValueValidation,
                ) => {}
                Some(kind) => wrong.push(format!("{path}: `{}`: {kind}", words.join(" "))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} command lines were found");
}

/// The Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).unwrap();
    let paths = listed.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn every_variable_and_key_is_in_the_page_on_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let mut missing = Vec::new();
    for path in ["cli/src", "cli/deploy/src", "router/src"]
        .map(|folder| root.join(folder))
        .iter()
        .flat_map(|folder| sources(folder))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        for found in text.split("\"T3NETS_").skip(1) {
            let rest: String = found
                .chars()
                .take_while(|letter| letter.is_ascii_uppercase() || *letter == '_')
                .collect();
            if !rest.is_empty() && !page.contains(&format!("`T3NETS_{rest}`")) {
                missing.push(format!("T3NETS_{rest} ({})", path.display()));
            }
        }
    }
    let keys = crate::config::project_file::TEMPLATE
        .lines()
        .filter_map(|line| {
            let (key, _) = line.trim_start_matches("# ").split_once(" = ")?;
            key.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                .then_some(key)
        });
    missing.extend(
        keys.filter(|key| !page.contains(&format!("| `{key}`")))
            .map(str::to_owned),
    );
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn commands_are_found_as_a_shell_would_find_them() {
    let found =
        |line| -> Vec<String> { commands(line).iter().map(|words| words.join("|")).collect() };
    assert_eq!(
        found("A=b t3nets chat \"sprint status?\" # asks\n"),
        ["t3nets|chat|sprint status?"]
    );
    assert_eq!(
        found("cargo build && t3nets seed < /dev/null 2> log; echo \"exit $?\""),
        ["t3nets|seed"]
    );
    assert_eq!(found("export T3NETS_HOME=~/x"), [""; 0]);
    let (typed, prose) =
        typed_and_prose("a `t3nets env\nlist`\n```console\n$ t3nets a \\\n    b\nc\n```\n");
    assert_eq!(typed, ["t3nets a b"]);
    assert_eq!(named(&prose), [["t3nets", "env", "list"]]);
}

#[test]
fn every_error_code_is_in_the_manual_and_no_other() {
    const SOURCES: [&str; 6] = [
        "cli/src/error.rs",
        "cli/src/commands/deploy/errors.rs",
        "cli/src/commands/deploy/image_errors.rs",
        "cli/src/commands/logs.rs",
        "router/src/admin/error.rs",
        "router/src/ports/error.rs",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let given = Regex::new(r#"(?:code\(|=>|ErrorKind::\w+,)\s*"([a-z]+(?:_[a-z]+)*)""#).unwrap();
    let mut codes = BTreeSet::new();
    for path in SOURCES {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        codes.extend(given.captures_iter(code).map(|found| found[1].to_owned()));
    }
    // Nobody is there to read the error of a closed pipe.
    codes.remove("output_closed");
    let page = std::fs::read_to_string(root.join("docs/scripting.md")).unwrap();
    let table = page.split("## Errors").nth(1).unwrap();
    let row = Regex::new(r"(?m)^\| (`.*?`) \|").unwrap();
    let name = Regex::new("`([a-z_]+)`").unwrap();
    let listed: BTreeSet<String> = row
        .captures_iter(table)
        .flat_map(|cells| name.captures_iter(cells.get(1).unwrap().as_str()))
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(codes, listed);
}
