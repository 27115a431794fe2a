use serde::Deserialize;

use super::*;

const BUILDERS: [DockerBuilder; 2] = [DockerBuilder::Classic, DockerBuilder::BuildKit];

fn excluded(patterns: &str, path: &str) -> bool {
    let results = BUILDERS.map(|builder| {
        let list = Dockerignore::parse(patterns, builder).unwrap();
        list.excludes(path).unwrap()
    });
    assert_eq!(results[0], results[1], "{patterns:?} {path}");
    results[0]
}

/// What tests/dockerignore/record wrote.
#[derive(Deserialize)]
struct Recorded {
    /// Files and folders, by name.
    tree: Vec<String>,
    /// Lists, with what is sent by the classic builder's client and by BuildKit's: a bit for each
    /// entry of the tree. None if the list is refused.
    lists: Vec<(String, Option<String>, Option<String>)>,
}

/// What is sent of a tree: its entries that are not excluded and not in a folder that is skipped.
fn sent<'t>(list: &Dockerignore, tree: &'t [String]) -> Result<Vec<&'t str>, BuildError> {
    let mut sent = Vec::new();
    for path in tree {
        let always = matches!(path.as_str(), "Dockerfile" | ".dockerignore");
        if always || !list.excludes(path)? {
            sent.push(path.as_str());
        }
    }
    Ok(sent)
}

#[test]
fn a_thousand_lists_give_what_dockers_own_client_sends() {
    let path = support::aws::root().join("tests/dockerignore/verdicts.json");
    let recorded: Recorded = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(recorded.lists.len() >= 1000);
    let named = |mask: &str| -> Vec<&str> {
        let bit = |at: usize| {
            let digit = mask.len().checked_sub(1 + at / 4)?;
            let digit = u8::from_str_radix(mask.get(digit..=digit)?, 16).unwrap();
            Some(digit >> (at % 4) & 1 == 1)
        };
        let names = recorded.tree.iter().enumerate();
        let names = names.filter(|(at, _)| bit(*at) == Some(true));
        names.map(|(_, name)| name.as_str()).collect()
    };
    let mut differing = Vec::new();
    for (text, classic, buildkit) in &recorded.lists {
        for (builder, expected) in BUILDERS.into_iter().zip([classic, buildkit]) {
            let list = Dockerignore::parse(text, builder);
            let found =
                list.and_then(|list| sent(&list, &recorded.tree).map(|sent| sent.join(" ")));
            let expected = expected.as_ref().map(|mask| named(mask).join(" "));
            if found.as_ref().ok() != expected.as_ref() {
                differing.push(format!("{builder:?} {text:?}:\n {found:?}\n {expected:?}"));
            }
        }
    }
    let count = differing.len();
    assert!(
        differing.is_empty(),
        "{count}:\n{}",
        differing[..count.min(12)].join("\n")
    );
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
fn a_secret_in_a_folder_that_an_exception_names_stays_out() {
    assert!(excluded("**/.env\n!config", "config/.env"));
    assert!(!excluded("**/.env\n!config", "config/app.yml"));
    // The exception is for what it names itself, and for what is in an excluded folder.
    assert!(!excluded("**/.env\n!config/.env", "config/.env"));
    assert!(!excluded("config\n!config", "config/.env"));
}

#[test]
fn comments_blank_lines_and_odd_spellings() {
    assert!(!excluded("# *\n\n  \n", "a"));
    assert!(excluded("  ./a//b/../c  ", "a/c"));
    assert!(excluded("../a\n/../b", "b"));
    assert!(excluded("a /", "a") && !excluded("a /", "a "));
    assert!(excluded("a.b", "a.b"));
    assert!(!excluded("a.b", "axb"));
    assert!(excluded(r"a\*b", "a*b"));
    assert!(!excluded(r"a\*b", "axb"));
    assert!(excluded("a(b)+c", "a(b)+c"));
    for bad in ["[a", "!", "! /", r"a\"] {
        assert!(Dockerignore::parse(bad, DockerBuilder::BuildKit).is_err());
    }
}

#[test]
fn excluded_folders_are_entered_where_the_builders_client_would() {
    let enters = |list: &str, builder, folder: &str| {
        Dockerignore::parse(list, builder).unwrap().enters(folder)
    };
    for (list, folder, classic, buildkit) in [
        ("**\n!cli/Cargo.toml", "cli", true, true),
        ("**\n!cli/Cargo.toml", "cli/src", false, false),
        ("**\n!cli/Cargo.toml", "target", false, false),
        ("**\n!src/**", "src", true, true),
        ("**\n!docs/*/index.md", "docs", true, true),
        ("**\n!docs/*/index.md", "docs/a", false, true),
        ("**\n!**/*.rs", "src", false, true),
    ] {
        assert_eq!(
            enters(list, DockerBuilder::Classic, folder),
            classic,
            "{list:?} {folder}"
        );
        assert_eq!(
            enters(list, DockerBuilder::BuildKit, folder),
            buildkit,
            "{list:?} {folder}"
        );
    }
}
