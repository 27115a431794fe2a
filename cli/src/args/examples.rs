//! Examples of every command, shown in its help and its manual page. One table, so one file:
//! whoever adds a command finds its neighbours' here.

/// What an example does, and what is typed behind `t3nets`.
pub(crate) type Example = (&'static str, &'static str);

/// The examples of each command, by its path.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "dev",
        &[
            (
                "Try it with sample data, without an account of anything",
                "dev --demo",
            ),
            ("Listen on another port", "dev --port 9000"),
        ],
    ),
    (
        "chat",
        &[
            ("Ask one question", "chat \"sprint status?\""),
            (
                "Chat in the terminal, going on where you left off",
                "chat --continue",
            ),
            (
                "Get the skill's data as JSON",
                "chat --raw \"any blockers?\"",
            ),
            (
                "Ask a router somewhere else, with the key in T3NETS_API_KEY",
                "chat --url https://t3nets.example hello",
            ),
        ],
    ),
    (
        "open",
        &[
            ("Open the web page of the running router", "open"),
            (
                "Print a link that signs ada in",
                "open --user ada@example.com --print",
            ),
        ],
    ),
    ("init", &[("Write t3nets.toml to this folder", "init")]),
    ("env list", &[("List the environments", "env list")]),
    (
        "env show",
        &[("Show what is known of dev, and from where", "env show dev")],
    ),
    (
        "env use",
        &[("Work on dev from now on, on this machine", "env use dev")],
    ),
    (
        "seed",
        &[
            (
                "Set up the tenant `default` from the variables in .env",
                "seed",
            ),
            ("See what it would do", "seed -e dev --dry-run"),
            ("Set up all tenants in a file", "seed --file seed.toml"),
        ],
    ),
    (
        "tenant add",
        &[("Add a tenant", "tenant add acme --name \"Acme Inc.\"")],
    ),
    (
        "tenant list",
        &[("List the tenants of dev", "tenant list -e dev")],
    ),
    (
        "tenant show",
        &[("Show a tenant with its settings", "tenant show acme")],
    ),
    (
        "tenant set",
        &[
            (
                "Allow 200 messages a day",
                "tenant set -t acme messages_per_day=200",
            ),
            (
                "Allow 50 dollars a month, and 2 dollars a day for each user",
                "tenant set -t acme usd_per_month=50 user_usd_per_day=2",
            ),
            (
                "Let only two skills be used",
                "tenant set -t acme enabled_skills=ping,sprint_status",
            ),
            (
                "Go back to the default model",
                "tenant set -t acme --unset ai_model",
            ),
        ],
    ),
    (
        "tenant suspend",
        &[(
            "Refuse a tenant's requests until it is resumed",
            "tenant suspend acme",
        )],
    ),
    (
        "tenant resume",
        &[("Let a suspended tenant in again", "tenant resume acme")],
    ),
    (
        "tenant remove",
        &[("Remove a tenant with all its data", "tenant remove acme")],
    ),
    (
        "tenant export",
        &[
            (
                "Write a tenant's data to a file",
                "tenant export acme --output acme.jsonl",
            ),
            (
                "The same with its secrets, encrypted with a passphrase",
                "tenant export acme --output acme.age --with-secrets",
            ),
        ],
    ),
    (
        "tenant import",
        &[
            (
                "See what an import would do",
                "tenant import acme.jsonl --dry-run",
            ),
            (
                "Import it under another id",
                "tenant import acme.jsonl --tenant acme-copy",
            ),
        ],
    ),
    (
        "tenant add-user",
        &[
            (
                "Add a user, and be asked for what is missing",
                "tenant add-user -t acme",
            ),
            (
                "Add an administrator",
                "tenant add-user --email ada@acme.example --name Ada --role admin",
            ),
        ],
    ),
    (
        "tenant invite",
        &[
            (
                "Send ada a link that works for two days",
                "tenant invite ada@example.com --expires 2d",
            ),
            ("The same in dev", "tenant invite ada@example.com -e dev"),
        ],
    ),
    (
        "tenant users",
        &[("List a tenant's users", "tenant users acme")],
    ),
    (
        "tenant set-user",
        &[
            (
                "Make a user an administrator",
                "tenant set-user bob@acme.example --role admin",
            ),
            (
                "Let a user use 5 dollars a day, whatever each of the others may",
                "tenant set-user bob@acme.example --budget usd_per_day=5",
            ),
        ],
    ),
    (
        "tenant export-user",
        &[(
            "Write everything stored about a user to a file",
            "tenant export-user bob@acme.example --output bob.jsonl",
        )],
    ),
    (
        "tenant remove-user",
        &[(
            "Remove a user with their keys and conversations",
            "tenant remove-user bob@acme.example",
        )],
    ),
    (
        "tenant map-channel",
        &[(
            "Map a channel to a tenant",
            "tenant map-channel dashboard acme -t acme",
        )],
    ),
    (
        "tenant unmap-channel",
        &[(
            "Take a channel away from a tenant",
            "tenant unmap-channel dashboard acme -t acme",
        )],
    ),
    (
        "tenant channels",
        &[("List a tenant's channels", "tenant channels acme")],
    ),
    (
        "tenant usage",
        &[
            ("Show the last seven days", "tenant usage acme --days 7"),
            ("Show who used it", "tenant usage acme --by user"),
            (
                "Draw what each day of two weeks cost",
                "tenant usage acme --days 14 --chart",
            ),
            (
                "What every tenant used in 31 days, for a spreadsheet",
                "tenant usage --all --days 31 --csv",
            ),
            (
                "Compare with AWS's bill, model by model ($0.01 a request)",
                "tenant usage --all --reconcile --by model -e prod",
            ),
        ],
    ),
    (
        "tenant questions",
        &[(
            "Show what went to the model most in the last week",
            "tenant questions acme --days 7",
        )],
    ),
    (
        "tenant trigger list",
        &[(
            "List what means the sprint's skill",
            "tenant trigger list -t acme --skill sprint_status",
        )],
    ),
    (
        "tenant trigger test",
        &[(
            "Show which trigger a message fires",
            "tenant trigger test -t acme \"the sprint board please\"",
        )],
    ),
    (
        "tenant trigger disable",
        &[(
            "Switch a built-in trigger off",
            "tenant trigger disable -t acme \"sprint board\"",
        )],
    ),
    (
        "tenant trigger enable",
        &[(
            "Switch it on again",
            "tenant trigger enable -t acme \"sprint board\"",
        )],
    ),
    (
        "tenant audit",
        &[("Show who changed what", "tenant audit acme")],
    ),
    (
        "key create",
        &[
            (
                "Create a key for a program",
                "key create bob@acme.example --name \"release bot\" --expires 90d",
            ),
            (
                "Put a new key into a variable",
                "key create bob@acme.example --quiet",
            ),
            (
                "Create a key that may use 20 dollars a month",
                "key create bob@acme.example --budget usd_per_month=20",
            ),
        ],
    ),
    ("key list", &[("List a tenant's keys", "key list -t acme")]),
    (
        "key set",
        &[
            (
                "Let a key use as many tokens as there are",
                "key set t3n_xe24ztgj --budget tokens_per_day=unlimited",
            ),
            (
                "Go back to what every key may use",
                "key set t3n_xe24ztgj --unset-budget tokens_per_day",
            ),
        ],
    ),
    (
        "key revoke",
        &[(
            "Revoke a key by the beginning of it",
            "key revoke t3n_xe24ztgj",
        )],
    ),
    (
        "secret set",
        &[
            (
                "Store the credentials of Jira, and be asked for them",
                "secret set jira",
            ),
            (
                "Read the token from a variable",
                "secret set jira --from-env api_token=JIRA_API_TOKEN",
            ),
            (
                "Connect an MCP server",
                "secret set mcp-docs --field url=https://mcp.example.com/mcp --from-env token=DOCS_TOKEN",
            ),
        ],
    ),
    (
        "secret list",
        &[("List a tenant's secrets", "secret list -t acme")],
    ),
    (
        "secret show",
        &[(
            "Show a secret's fields; tokens stay hidden",
            "secret show jira",
        )],
    ),
    (
        "secret test",
        &[
            (
                "Ask Jira whether the credentials are right",
                "secret test jira",
            ),
            (
                "List an MCP server's tools, and what becomes of each",
                "secret test mcp-docs",
            ),
        ],
    ),
    (
        "secret remove",
        &[("Remove a secret", "secret remove jira -t acme")],
    ),
    (
        "secret restore",
        &[("Bring a removed secret back", "secret restore jira -t acme")],
    ),
    (
        "deploy",
        &[
            ("Build this checkout and deploy it to dev", "deploy -e dev"),
            (
                "Show what would change, and change nothing",
                "deploy -e dev --plan",
            ),
            (
                "Deploy an image that is in the registry",
                "deploy -e prod --image v1.4.2",
            ),
            (
                "Watch a deploy again that was left running",
                "deploy -e dev --resume",
            ),
        ],
    ),
    (
        "rollback",
        &[
            ("Go back to the last verified release", "rollback -e dev"),
            ("Go back to a revision", "rollback -e dev --to 41"),
        ],
    ),
    (
        "status",
        &[(
            "Show the service, and again whenever it changes",
            "status -e dev --watch",
        )],
    ),
    (
        "logs",
        &[
            ("Follow the logs of all tasks", "logs -e dev -f"),
            ("Show the last two hours", "logs -e dev --since 2h"),
            (
                "Show all that a task wrote, as `t3nets status` names it",
                "logs -e dev --task 4bf2e600",
            ),
        ],
    ),
    (
        "history",
        &[(
            "List the releases that can be rolled back to",
            "history -e dev",
        )],
    ),
    (
        "restart",
        &[("Start new tasks of the same release", "restart -e dev")],
    ),
    ("scale", &[("Run three tasks", "scale 3 -e dev")]),
    (
        "infra bootstrap",
        &[(
            "Create the bucket that keeps Terraform's state",
            "infra bootstrap -e dev",
        )],
    ),
    (
        "infra plan",
        &[("Show what Terraform would change", "infra plan -e dev")],
    ),
    (
        "infra apply",
        &[("Create or change an environment", "infra apply -e dev")],
    ),
    (
        "infra output",
        &[("Show Terraform's outputs", "infra output -e dev")],
    ),
    ("infra dashboard", &[("Open it", "infra dashboard -e dev")]),
    (
        "infra destroy",
        &[("Destroy an environment", "infra destroy -e dev")],
    ),
    ("backup", &[("Copy all to a file", "backup t3nets.backup")]),
    (
        "restore",
        &[
            ("Go back to a copy", "restore t3nets.backup"),
            (
                "Compare with two hours ago",
                "restore -e prod --to 2h --dry-run",
            ),
        ],
    ),
    (
        "cost",
        &[("Estimate what dev costs in a month", "cost -e dev")],
    ),
    (
        "doctor",
        &[("Check dev before the first deploy", "doctor -e dev")],
    ),
    (
        "completions",
        &[
            (
                "Complete commands, environments and tenants in your shell",
                "completions --install",
            ),
            ("Print the script for bash", "completions bash"),
        ],
    ),
    (
        "man",
        &[
            ("Read the manual page of a command", "man tenant add"),
            ("Write all pages to a folder", "man --all man1"),
        ],
    ),
];

/// The examples of a command, by its path: `tenant add`.
pub(crate) fn of(path: &str) -> &'static [Example] {
    let found = EXAMPLES.iter().find(|(command, _)| *command == path);
    found.map_or(&[], |(_, examples)| examples)
}

/// As help shows them.
pub(super) fn shown(examples: &[Example]) -> String {
    let lines = examples
        .iter()
        .map(|(purpose, words)| format!("  # {purpose}\n  t3nets {words}"));
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n\n"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::docs_test::commands;
    use super::super::{Cli, command_tree};
    use super::*;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let children = command.get_subcommands();
        for child in children.filter(|child| child.get_name() != "help") {
            let path = format!("{path} {}", child.get_name()).trim().to_owned();
            match child.has_subcommands() {
                true => leaves(child, &path, found),
                false => found.push(path),
            }
        }
    }

    #[test]
    fn every_command_has_examples_of_its_own_that_can_be_run() {
        let mut all = Vec::new();
        leaves(&command_tree(), "", &mut all);
        let listed: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        for path in &all {
            assert!(listed.contains(&path.as_str()), "`{path}` has no example");
        }
        assert_eq!(listed.len(), all.len(), "{all:?}");
        for (path, examples) in EXAMPLES {
            for (_, words) in *examples {
                let typed = commands(&format!("t3nets {words}")).remove(0);
                if let Err(error) = Cli::try_parse_from(&typed) {
                    panic!("{words}: {error}");
                }
                assert!(words.starts_with(path), "{words} is no example of `{path}`");
            }
        }
    }
}
