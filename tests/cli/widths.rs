//! What commands show in narrow terminals: no line is wider, and nothing that is copied is broken.

use crate::operator::Operator;

const TENANT: &str = "a-customer-with-quite-a-long-id";
const USER: &str = "somebody.with.a.long.name@subsidiary.example";
const NAME: &str = "The Department for Customers with Quite Long Names, and Their Heirs";

/// What a command shows in a terminal of so many columns.
fn shown(operator: &Operator, columns: usize, arguments: &[&str]) -> String {
    let called = operator.command(arguments);
    let mut shell = std::process::Command::new("sh");
    shell
        .args([
            "-c",
            &format!(r#"stty cols {columns} rows 40; exec "$0" "$@""#),
        ])
        .arg(called.get_program())
        .args(called.get_args())
        .env_clear()
        .env("TERM", "dumb")
        .current_dir(operator.work());
    for (name, value) in called.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let mut terminal = rexpect::session::spawn_command(shell, Some(20_000)).unwrap();
    terminal.exp_eof().unwrap().replace('\r', "")
}

/// Whether a line is one thing that cannot be broken: no blank stands outside its backticks.
fn is_one_thing(line: &str) -> bool {
    let outside = line.trim().split('`').step_by(2);
    outside.into_iter().all(|part| !part.contains(' '))
}

#[test]
fn in_narrow_terminals_no_line_is_wider_and_ids_and_commands_are_whole() {
    let operator = Operator::new();
    operator.json(&["tenant", "add", TENANT, "--name", NAME]);
    operator.json(&["tenant", "add-user", "--email", USER, "--name", NAME]);
    operator
        .run(&["key", "create", USER, "--name", NAME])
        .expect_code(0);
    operator
        .run_with_input(&["secret", "set", "pager", "--stdin"], r#"{"token": "x"}"#)
        .expect_code(0);
    let mut faults = Vec::new();
    for columns in [60, 80] {
        for (line, whole) in [
            ("tenant list", TENANT),
            ("tenant show", TENANT),
            ("tenant users", USER),
            ("tenant usage", "no usage"),
            ("tenant channels", "`t3nets tenant map-channel --help`"),
            ("tenant audit", TENANT),
            ("tenant show nobody", "`t3nets tenant list`"),
            ("tenant set ai_model=claude", "`ai_provider=openai`"),
            ("tenant set nothing", "SETTING=VALUE"),
            ("key list", USER),
            ("key create nobody", "nobody"),
            ("secret list", "pager"),
            ("secret show pager", "(set)"),
            ("secret remove nothing", "nothing"),
            ("secret set jira --field api_token=x", "`--from-env`"),
            ("env list", "local"),
            ("env show", "local"),
            ("seed --dry-run", "JIRA_URL"),
            ("doctor", "`t3nets secret set anthropic`"),
            ("cost", "costs nothing"),
            ("status", "`t3nets init`"),
            ("chat hello", "`t3nets dev`"),
            ("dev --bind 203.0.113.1", "203.0.113.1:8080"),
            ("deploy", "local"),
            ("init", "t3nets.toml"),
            ("nonsense", "nonsense"),
            ("", "t3nets dev --demo"),
        ] {
            let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
            let text = shown(&operator, columns, &words);
            let mut wrong: Vec<&str> = text
                .lines()
                .filter(|line| line.chars().count() > columns && !is_one_thing(line))
                .collect();
            wrong.extend(
                text.lines()
                    .filter(|line| line.matches('`').count() % 2 == 1),
            );
            if !wrong.is_empty() || !text.contains(whole) {
                faults.push(format!("{line} in {columns}: {wrong:?}, {whole}\n{text}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
