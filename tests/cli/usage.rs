//! What tenants used, and how their budgets stand.

use serde_json::Value;

use crate::dev::Dev;
use crate::sandbox::Sandbox;

#[test]
fn usage_of_all_tenants_is_shown_together_and_as_csv() {
    let sandbox = Sandbox::new();
    sandbox.run(&["seed"]).expect_code(0);
    let name = ["tenant", "set-user", "admin@example.com", "--name", "=1+1"];
    sandbox.run(&name).expect_code(0);
    let limits = [
        "tenant",
        "set",
        "usd_per_month=50",
        "user_messages_per_day=1",
    ];
    sandbox.run(&limits).expect_code(0);
    let own = [
        "tenant",
        "set-user",
        "admin@example.com",
        "--budget",
        "messages_per_month=9",
    ];
    sandbox.run(&own).expect_code(0);
    let dev = Dev::start(&sandbox, &[]);
    sandbox.run(&["chat", "hello"]).expect_code(0);
    let refused = sandbox.run(&["chat", "hello"]).expect_code(1);
    refused.says("the daily limit of 1 message for each user is reached");
    drop(dev);
    sandbox.run(&["tenant", "add", "acme"]).expect_code(0);

    let shown = sandbox.run(&["tenant", "usage"]).expect_code(0).stdout;
    let row = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name}: {shown}"))
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        row("usd_per_month")[1..5],
        ["tenant", "$0.00", "$50.00", "0%"]
    );
    let own = row("user_messages_per_month");
    assert_eq!(
        own[1..5],
        ["admin@example.com", "(own)", "1", "9"],
        "{own:?}"
    );
    let near = row("user_messages_per_day");
    assert_eq!(near[2..5], ["1", "1", "100%"], "{near:?}");
    assert!(near.ends_with(&["used", "up"]), "{near:?}");

    let all = sandbox.run(&["tenant", "usage", "--all", "--json"]);
    let all = all.expect_code(0).json();
    let messages = |usage: &Value| usage["total"]["messages"].clone();
    assert_eq!(messages(&all), 1);
    let of_each: Vec<_> = all["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .map(messages)
        .collect();
    assert_eq!(of_each, [0, 1], "acme, then default");

    let lines = |extra: &[&str]| {
        let arguments = [&["tenant", "usage", "--all", "--csv"], extra].concat();
        let csv = sandbox.run(&arguments).expect_code(0).stdout;
        csv.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let days = lines(&[]);
    let head = "tenant_id,day,messages,turns,failed,refusals,input_tokens,output_tokens";
    assert!(days[0].starts_with(head), "{days:?}");
    assert!(
        days[1].starts_with("default,2") && days[1].contains(",1,1,0,"),
        "{days:?}"
    );
    assert_eq!(days.len(), 2, "{days:?}");
    // What a spreadsheet would take for a formula is a text.
    let users = lines(&["--by", "user"]);
    assert!(users[1].contains(",'=1+1,current,1,"), "{users:?}");
    let both = ["tenant", "usage", "--csv", "--json"];
    sandbox.run(&both).expect_code(2);

    let chart = sandbox.run(&["tenant", "usage", "--days", "3", "--chart"]);
    let chart = chart.expect_code(0).stdout;
    let lines: Vec<&str> = chart.lines().collect();
    assert_eq!(lines[0], "messages by day (UTC)", "{chart}");
    let marks: Vec<_> = lines[2..5]
        .iter()
        .map(|line| line.matches('#').count())
        .collect();
    assert!(
        marks.iter().filter(|marks| **marks > 0).count() == 1,
        "{chart}"
    );
    assert!(lines[2..7].iter().all(|line| line.len() <= 80), "{chart}");
    assert_eq!(lines[6], "total 1", "{chart}");
    let all = ["tenant", "usage", "--all", "--chart=tokens"];
    let all = sandbox.run(&all).expect_code(0).stdout;
    assert!(
        all.starts_with("tokens by tenant") && all.contains("acme"),
        "{all}"
    );
}
