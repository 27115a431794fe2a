//! Hints can be run as they are printed: every command that the sources name in a hint is given to
//! the real parser.

use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use regex::Regex;

use super::docs_test::{commands, named};
use super::{Cli, command_tree};
use crate::hint::{Call, Hint};

/// The sources that name commands, by their paths below the repository.
const SOURCES: [&str; 3] = ["cli/src", "cli/deploy/src", "router/src"];

/// The program's source files and their texts, without comments.
fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in SOURCES {
        collect(&root.join(folder), &mut files);
    }
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    files
        .into_iter()
        .filter(|path| !path.ends_with("docs_test.rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text.lines().filter(|line| !is_comment(line)).collect();
            (path.display().to_string(), code.join("\n"))
        })
        .collect()
}

/// A literal's text with a value in place of what is filled in.
fn filled(literal: &str) -> String {
    let placeholder = Regex::new(r"\{[^}]*\}").unwrap();
    let literal = literal
        .replace("\\\"", "\"")
        .replace("{setting}", "ai_model")
        .replace("{table}", "tenants")
        .replace("{to}", "2h");
    placeholder.replace_all(&literal, "1").into_owned()
}

fn parse(words: &[String]) -> Result<(), ErrorKind> {
    match Cli::try_parse_from(words).map_err(|error| error.kind()) {
        Ok(_) | Err(ErrorKind::DisplayHelp) => Ok(()),
        Err(kind) => Err(kind),
    }
}

#[test]
fn every_command_in_a_hint_can_be_run_as_it_is_printed() {
    let in_code =
        Regex::new(r#"(?:Hint::command|hint_command)\(\s*(?:&?format!\(\s*)?"((?:[^"\\]|\\.)*)""#)
            .unwrap();
    let all = Regex::new(r"(?:Hint::command|\bhint_command)\(").unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for (path, text) in sources() {
        // Words that are put together elsewhere would be checked by nobody. The one exception
        // passes on what its callers wrote.
        let written = in_code.find_iter(&text).count();
        let passed_on = text.matches("hint_command(self").count()
            + text.matches("Hint::command(words, purpose)").count();
        if all.find_iter(&text).count() > written + passed_on && !path.ends_with("hints_test.rs") {
            wrong.push(format!(
                "{path}: a hint's command is not written where it is made"
            ));
        }
        for found in in_code.captures_iter(&text) {
            let line = format!("t3nets {}", filled(&found[1]));
            for words in commands(&line) {
                count += 1;
                if let Err(kind) = parse(&words) {
                    wrong.push(format!("{path}: {line}: {kind}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "only {count} hints were found");
}

#[test]
fn every_command_named_in_a_message_exists_with_its_flags() {
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for found in literal.captures_iter(&text) {
            for words in named(&filled(&found[1])) {
                // A command whose name is filled in.
                if words.get(1).is_some_and(|name| name == "1") {
                    continue;
                }
                match parse(&words) {
                    Ok(())
                    | Err(
                        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        | ErrorKind::MissingSubcommand
                        | ErrorKind::MissingRequiredArgument
                        | ErrorKind::ValueValidation,
                    ) => {}
                    Err(kind) => wrong.push(format!("{path}: {}: {kind}", words.join(" "))),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hint_works_where_the_call_did() {
    let call = Call::new(command_tree)
        .in_environment(Some("dev".to_owned()))
        .in_tenant(Some("acme".to_owned()));
    for (words, shown) in [
        (
            "secret restore jira",
            "t3nets secret restore jira -t acme -e dev",
        ),
        (
            "secret list -t globex",
            "t3nets secret list -t globex -e dev",
        ),
        ("tenant resume globex", "t3nets tenant resume globex -e dev"),
        ("status -e prod", "t3nets status -e prod"),
        ("infra plan -- -out=x", "t3nets infra plan -e dev -- -out=x"),
        ("init", "t3nets init"),
        ("env use local", "t3nets env use local"),
        ("key create --help", "t3nets key create --help"),
    ] {
        let hint = Hint::command(words, "does it");
        assert_eq!(call.render(&hint), format!("`{shown}` does it"));
    }
}
