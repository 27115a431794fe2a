//! `t3nets tenant`.

use serde_json::{Value, json};

use crate::dev::Dev;
use crate::operator::Operator;
use crate::sandbox::Sandbox;

fn user_ids(users: &Value) -> Vec<&str> {
    let users = users["users"].as_array().unwrap();
    users
        .iter()
        .map(|user| user["user_id"].as_str().unwrap())
        .collect()
}

#[test]
fn tenants_are_made_listed_and_shown() {
    let operator = Operator::new();
    operator
        .run(&["tenant", "add", "red", "--name", "Red team"])
        .expect_code(0)
        .says("environment: local");
    operator.json(&[
        "tenant",
        "add",
        "--tenant",
        "blue",
        "--status",
        "onboarding",
    ]);
    let tenants = operator.json(&["tenant", "list"]);
    let tenants: Vec<_> = tenants["tenants"].as_array().unwrap().iter().collect();
    assert_eq!(tenants.len(), 2);
    assert_eq!(tenants[0]["tenant_id"], "blue");
    assert_eq!(tenants[0]["status"], "onboarding");
    assert_eq!(tenants[1]["name"], "Red team");

    operator
        .run(&["tenant", "add", "red"])
        .expect_code(1)
        .says("already exists");
    operator
        .run(&["tenant", "show", "green"])
        .expect_code(1)
        .says("tenant `green` does not exist")
        .says("`t3nets tenant list`");
}

#[test]
fn settings_are_set_shown_and_taken_away() {
    let operator = Operator::seeded();
    operator
        .run(&["tenant", "set", "fallback_model=anthropic/claude-haiku-4-5"])
        .expect_code(3)
        .says("`fallback_model` cannot be asked: there is no key for `anthropic`")
        .says("secret set anthropic");
    let changed = operator.json(&[
        "tenant",
        "set",
        "--name",
        "Team",
        "ai_provider=offline",
        "messages_per_day=20",
        "enabled_skills=ping, sprint_status",
    ]);
    assert_eq!(
        changed["changed"],
        json!(["name", "ai_provider", "messages_per_day", "enabled_skills"])
    );
    let ran = operator.run(&["tenant", "show"]).expect_code(0);
    let shown: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| !line.starts_with("created"))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
FIELD                     VALUE
tenant                    default
name                      Team
status                    active
users                     1
keys                      0
sessions                  0
channels                  0
secrets                   0
ai_provider               offline
ai_model                  the provider's (default)
tier1_formatting_model    the same as ai_model (default)
fallback_model            none (default)
profile_model             unknown (default)
system_prompt_override    the built-in one (default)
max_tokens_per_message    4096 (default)
enabled_channels          all (default)
enabled_skills            ping, sprint_status
skill_triggers            none (default)
disabled_triggers         none (default)
messages_per_day          20
max_conversation_history  20 (default)
max_concurrent_calls      no limit (default)
retention_days            30 (default)
guardrail_identifier      none (default)
guardrail_version         DRAFT (default)
"#);

    let unset = operator.json(&["tenant", "set", "--unset", "messages_per_day"]);
    assert_eq!(unset["changed"], json!(["messages_per_day"]));
    assert_eq!(
        operator.json(&["tenant", "show"])["settings"],
        json!({"ai_provider": "offline", "enabled_skills": ["ping", "sprint_status"]})
    );
    let same = operator.json(&["tenant", "set", "ai_provider=offline"]);
    assert_eq!(same["changed"], json!([]));
}

#[test]
fn a_built_in_trigger_is_found_by_a_message_switched_off_and_on() {
    let operator = Operator::seeded();
    let message = "the sprint board please";
    let ran = operator.run(&["tenant", "trigger", "test", message]);
    ran.expect_code(0)
        .says("tenant trigger disable -t default \"sprint_status: sprint board\"");
    let off = operator.run(&["tenant", "trigger", "disable", "sprint board"]);
    let off = off.expect_code(0);
    assert!(
        off.stdout
            .contains("1 built-in trigger disabled: `sprint board`"),
        "{}",
        off.stdout
    );
    let listed = operator.json(&["tenant", "trigger", "list", "--disabled"]);
    let listed = listed["triggers"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(
        (&listed[0]["phrase"], &listed[0]["state"]),
        (&json!("sprint board"), &json!("disabled"))
    );
    let shown = operator.json(&["tenant", "show"]);
    assert_eq!(
        shown["settings"]["disabled_triggers"],
        json!(["sprint_status: sprint board"])
    );
    operator
        .run(&["tenant", "trigger", "enable", "sprint boad"])
        .expect_code(2)
        .says("did you mean `sprint board`?");
    let on = operator.json(&["tenant", "trigger", "enable", "sprint board"]);
    assert_eq!(on["disabled"], json!([]));
}

#[test]
fn settings_that_cannot_be_are_usage_errors() {
    let operator = Operator::seeded();
    for (setting, says) in [
        ("ai_provider=gemini", "bedrock, anthropic, openai, offline"),
        ("max_tokens_per_message=0", "from 1 to 200000"),
        ("ai_modle=x", "is not a setting"),
        ("nonsense", "name=value"),
    ] {
        operator
            .run(&["tenant", "set", setting])
            .expect_code(2)
            .says(says);
    }
    operator
        .run(&["tenant", "set"])
        .expect_code(2)
        .says("--unset");
    operator
        .run(&[
            "tenant",
            "set",
            "ai_provider=offline",
            "--unset",
            "ai_provider",
        ])
        .expect_code(2)
        .says("given twice");
}

#[test]
fn a_tenant_is_suspended_and_resumed() {
    let operator = Operator::seeded();
    let status = |operator: &Operator| operator.json(&["tenant", "show"])["status"].clone();
    operator.json(&["tenant", "suspend"]);
    assert_eq!(status(&operator), "suspended");
    let again = operator.json(&["tenant", "suspend", "default"]);
    assert_eq!(again["changed"], json!([]));
    operator.json(&["tenant", "resume"]);
    assert_eq!(status(&operator), "active");
}

#[test]
fn a_user_is_added_with_flags() {
    let operator = Operator::seeded();
    let user = operator.json(&[
        "tenant",
        "add-user",
        "--email",
        "Bob@Example.com",
        "--name",
        "Bob B.",
        "--role",
        "member",
    ]);
    assert_eq!(
        user,
        json!({
            "user_id": "bob@example.com",
            "email": "Bob@Example.com",
            "display_name": "Bob B.",
            "role": "member"
        })
    );
    let ran = operator.run(&["tenant", "users"]).expect_code(0);
    insta::assert_snapshot!(ran.stdout, @r#"
USER             NAME    E-MAIL           ROLE
ada@example.com  ada     ada@example.com  admin
bob@example.com  Bob B.  Bob@Example.com  member
"#);
    operator
        .run(&["tenant", "add-user", "--email", "bob@example.com"])
        .expect_code(1)
        .says("already exists");
}

#[test]
fn a_user_is_added_by_prompts_in_a_terminal() {
    let operator = Operator::seeded();
    let mut terminal = operator.in_terminal(&["tenant", "add-user"]);
    terminal.exp_string("email address").unwrap();
    terminal.send_line("bob@example.com").unwrap();
    terminal.exp_string("name").unwrap();
    terminal.send_line("Bob").unwrap();
    terminal.exp_string("role").unwrap();
    terminal.send_line("").unwrap();
    let shown = terminal.exp_eof().unwrap();
    assert!(shown.contains("user `bob@example.com`: created"), "{shown}");
    let users = operator.json(&["tenant", "users"]);
    assert_eq!(user_ids(&users), ["ada@example.com", "bob@example.com"]);
    assert_eq!(users["users"][1]["role"], "member");
}

#[test]
fn a_missing_value_without_a_terminal_is_a_usage_error_with_the_flags_name() {
    let operator = Operator::seeded();
    operator
        .run(&["tenant", "add-user", "--name", "Bob"])
        .expect_code(2)
        .says("--email");
}

#[test]
fn users_are_changed_and_the_last_administrator_stays() {
    let operator = Operator::seeded();
    let member = ["tenant", "set-user", "ada@example.com", "--role", "member"];
    operator
        .run(&member)
        .expect_code(1)
        .says("last administrator");
    operator
        .run(&["tenant", "remove-user", "ada@example.com", "--yes"])
        .expect_code(1)
        .says("last administrator");

    operator.json(&[
        "tenant",
        "add-user",
        "--email",
        "bob@example.com",
        "--role",
        "admin",
    ]);
    assert_eq!(operator.json(&member)["changed"], json!(["role"]));
    let changed = operator.json(&[
        "tenant",
        "set-user",
        "--user",
        "ada@example.com",
        "--name",
        "Ada",
        "--preference",
        "language=German",
    ]);
    assert_eq!(
        changed["changed"],
        json!(["display_name", "preference language"])
    );
    let unset = [
        "tenant",
        "set-user",
        "ada@example.com",
        "--unset-preference",
        "language",
    ];
    assert_eq!(
        operator.json(&unset)["changed"],
        json!(["preference language"])
    );
    assert_eq!(operator.json(&unset)["changed"], json!([]));
    operator.json(&[
        "tenant",
        "remove-user",
        "bob@example.com",
        "--yes",
        "--force",
    ]);
    assert_eq!(
        user_ids(&operator.json(&["tenant", "users"])),
        ["ada@example.com"]
    );
}

#[test]
fn removing_a_user_revokes_their_keys() {
    let operator = Operator::seeded();
    operator.json(&["tenant", "add-user", "--email", "bob@example.com"]);
    for user in ["ada@example.com", "bob@example.com", "bob@example.com"] {
        operator.run(&["key", "create", user]).expect_code(0);
    }
    let remove = ["tenant", "remove-user", "bob@example.com"];
    operator
        .run(&remove)
        .expect_code(2)
        .says("this deletes user `bob@example.com` of tenant `default`, 2 keys")
        .says("--yes");
    let removed = operator.json(&[&remove[..], &["--yes"]].concat());
    assert_eq!(removed["revoked_keys"], 2);
    let keys = operator.json(&["key", "list"]);
    let keys: Vec<_> = keys["keys"].as_array().unwrap().iter().collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["user_id"], "ada@example.com");
}

#[test]
fn tenants_do_not_see_each_other() {
    let operator = Operator::seeded();
    operator.json(&["tenant", "add", "other"]);
    assert_eq!(
        operator.json(&["tenant", "users", "-t", "other"]),
        json!({"users": []})
    );
    operator
        .run(&[
            "tenant",
            "set-user",
            "-t",
            "other",
            "ada@example.com",
            "--name",
            "X",
        ])
        .expect_code(1)
        .says("does not exist");

    operator.json(&["tenant", "map-channel", "dashboard", "T1"]);
    operator
        .run(&["tenant", "map-channel", "-t", "other", "dashboard", "T1"])
        .expect_code(1)
        .says("another tenant");
    operator
        .run(&["tenant", "unmap-channel", "-t", "other", "dashboard", "T1"])
        .expect_code(1)
        .says("does not exist");
    let again = operator.json(&["tenant", "map-channel", "dashboard", "T1"]);
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(
        operator.json(&["tenant", "channels"]),
        json!({"channels": [{"channel_type": "dashboard", "channel_id": "T1"}]})
    );
    operator.json(&["tenant", "unmap-channel", "dashboard", "T1"]);
    assert_eq!(
        operator.json(&["tenant", "channels"]),
        json!({"channels": []})
    );
    operator
        .run(&["tenant", "map-channel", "api", "x"])
        .expect_code(2)
        .says("API key");
}

#[test]
fn hostile_ids_and_values_are_refused() {
    let operator = Operator::seeded();
    for id in [
        "../etc",
        "A",
        "a#b",
        "a b",
        "-a",
        "\u{1b}[31m",
        &"x".repeat(64),
    ] {
        let flag = format!("--tenant={id}");
        operator.run(&["tenant", "show", &flag]).expect_code(2);
        operator.run(&["tenant", "add", &flag]).expect_code(2);
    }
    for email in ["nobody", "a@b@c", "a\nb@c.d", "<a@b.c>"] {
        let flag = format!("--email={email}");
        operator
            .run(&["tenant", "add-user", &flag])
            .expect_code(2)
            .says("`email`");
    }
    operator
        .run(&["tenant", "add-user", "--email=a@b.c", "--id=a/b"])
        .expect_code(2);
    operator
        .run(&["tenant", "add-user", "--email=a@b.c", "--id=anonymous"])
        .expect_code(2);
    operator
        .run(&["tenant", "add-user", "--email=a@b.c", "--role=root"])
        .expect_code(2)
        .says("admin, member");
}

#[test]
fn usage_and_audit_are_shown() {
    let operator = Operator::seeded();
    let usage = operator.json(&["tenant", "usage"]);
    assert_eq!(usage["days"], json!([]));
    assert_eq!(usage["total"]["cost_usd"], json!(0.0));
    operator
        .run(&["tenant", "usage", "--days", "0"])
        .expect_code(2)
        .says("`days`");
    operator.json(&["tenant", "suspend"]);
    operator.json(&["tenant", "resume"]);
    let trail = operator.json(&["tenant", "audit", "--limit", "2"]);
    let actions: Vec<_> = trail["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    assert_eq!(actions, ["tenant.resume", "tenant.suspend"]);
    operator
        .run(&["tenant", "audit", "-t", "never"])
        .expect_code(1);
}

#[test]
fn errors_are_json_where_results_are() {
    let operator = Operator::new();
    let ran = operator.run(&["tenant", "show", "--json"]).expect_code(1);
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["exit_code"], 1);
    assert_eq!(ran.stdout, "");
}

#[test]
fn when_a_running_router_sees_a_change_is_told() {
    let sandbox = Sandbox::new();
    sandbox.run(&["seed"]).expect_code(0);
    let when = "a running router sees the change within 5 seconds";
    let set = |limit: &str| {
        let set = ["tenant", "set", &format!("messages_per_day={limit}")];
        sandbox.run(&set).expect_code(0).stderr
    };
    let told = set("7");
    assert!(!told.contains(when), "{told}");
    let _dev = Dev::start(&sandbox, &[]);
    let told = set("8");
    assert!(told.contains(when), "{told}");
    let unchanged = set("8");
    assert!(!unchanged.contains(when), "{unchanged}");
}

#[test]
fn a_channel_that_nobody_answers_on_is_not_mapped() {
    let operator = Operator::seeded();
    for kind in ["slack", "teams", "telegram"] {
        operator
            .run(&["tenant", "map-channel", kind, "T1"])
            .expect_code(1)
            .says(&format!("the router does not answer on `{kind}` yet"));
    }
    let channels = operator.json(&["tenant", "channels"]);
    assert_eq!(channels["channels"], json!([]));
}

#[test]
fn a_setting_that_cannot_work_is_refused_with_what_was_meant() {
    let operator = Operator::seeded();
    for (setting, meant) in [
        ("enabled_skills=pong", "did you mean `ping`?"),
        ("ai_model=claude", "did you mean `claude-"),
        ("ai_provider=antropic", "did you mean `anthropic`?"),
        ("ai_modle=claude-opus", "did you mean `ai_model`?"),
    ] {
        operator
            .run(&["tenant", "set", setting])
            .expect_code(2)
            .says(meant);
    }
    operator
        .run(&["tenant", "set", "ai_provider=openai", "ai_model=llama3.3"])
        .expect_code(0);
}
