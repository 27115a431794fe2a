//! `t3nets seed` and `tenant import` on AWS, through a network and services that fail, and killed
//! at a call.

use std::process::Stdio;

use support::aws::{AwsServer, Tables};
use support::aws_proxy::{
    AwsProxy, CUTS, THROTTLES_AND_ERRORS, every_third, every_third_answer_lost, hold_from,
};

use crate::sandbox::{Finished, Sandbox, finish};

/// As many as one tenant is promised to have.
const MANY: usize = 10_000;
/// Enough for some thirty calls.
const SOME: usize = 3_000;

/// An environment of its own on the shared server, worked on through a proxy.
struct World {
    server: &'static AwsServer,
    sandbox: Sandbox,
    environment: String,
}

impl World {
    async fn new() -> Option<Self> {
        let server = AwsServer::shared_ministack()?;
        let sandbox = Sandbox::new();
        let folder = sandbox.home();
        let unique = folder.parent().unwrap().file_name().unwrap();
        let environment: String = unique
            .to_string_lossy()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase();
        let client = aws_sdk_dynamodb::Client::new(&server.sdk_config().await);
        Tables::create(&client, &format!("t3nets-{environment}")).await;
        sandbox.write(
            "t3nets.toml",
            &format!("[env.{environment}]\nplatform = \"aws\"\nregion = \"us-east-1\"\n"),
        );
        sandbox.write("tenant.jsonl", &export(MANY));
        sandbox.write("smaller.jsonl", &export(SOME));
        Some(Self {
            server,
            sandbox,
            environment,
        })
    }

    fn command(&self, arguments: &[&str], endpoint: &str) -> std::process::Command {
        let mut command = self.sandbox.command(arguments);
        command
            .args(["--env", &self.environment])
            .envs(self.server.variables())
            .env("AWS_ENDPOINT_URL", endpoint);
        command
    }

    /// Runs it to its end without faults.
    fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments, self.server.url()))
    }

    /// Runs it through a proxy to its end.
    fn run_through(&self, arguments: &[&str], proxy: &AwsProxy) -> Finished {
        finish(&mut self.command(arguments, &proxy.url()))
    }

    /// Runs it until it makes this call, and kills it there; `false` if it ended before.
    async fn kill_at(&self, arguments: &[&str], call: usize) -> bool {
        let proxy = AwsProxy::to(self.server.url())
            .before(hold_from(call))
            .start()
            .await;
        let mut child = tokio::process::Command::from(self.command(arguments, &proxy.url()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ended = tokio::select! {
            () = proxy.until_called(call) => false,
            ended = child.wait() => {
                ended.unwrap();
                true
            }
        };
        if !ended {
            child.kill().await.unwrap();
        }
        !ended
    }
}

fn export(users: usize) -> String {
    let mut file = String::from(concat!(
        r#"{"format":"t3nets-tenant","version":2,"tenant_id":"big","secrets":"names"}"#,
        "\n",
        r#"{"type":"tenant","tenant_id":"big","name":"Big","status":"active","created_at":"2026-01-01T00:00:00Z","settings":{}}"#,
        "\n"
    ));
    for n in 0..users {
        file.push_str(&format!(
            "{{\"type\":\"user\",\"tenant_id\":\"big\",\"user_id\":\"u{n:05}@example.com\",\
             \"email\":\"u{n:05}@example.com\",\"display_name\":\"U {n}\",\"role\":\"member\"}}\n"
        ));
    }
    file.push_str(&format!("{{\"type\":\"end\",\"records\":{}}}\n", users + 1));
    file
}

const SEED: [&str; 3] = ["seed", "--admin-email", "ada@example.com"];
const IMPORT: [&str; 3] = ["tenant", "import", "smaller.jsonl"];

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_people_are_imported_by_batches_and_others_through_faults() {
    let Some(world) = World::new().await else {
        return;
    };
    let clean = AwsProxy::to(world.server.url()).start().await;
    let import = ["tenant", "import", "tenant.jsonl"];
    world.run_through(&import, &clean).expect_code(0);
    let commits = clean.count_of("TransactWriteItems");
    assert!((104..=110).contains(&commits), "{commits} commits");
    let exported = world.run(&["tenant", "export", "big"]).expect_code(0);
    assert_eq!(exported.stdout, export(MANY));

    let proxy = || AwsProxy::to(world.server.url());
    let throttled = proxy().before(every_third(&THROTTLES_AND_ERRORS));
    let cut = proxy().before(every_third(&CUTS));
    let lost = proxy().after(every_third_answer_lost());
    let faulty = [
        ("throttled", throttled.start().await),
        ("cut", cut.start().await),
        ("lost", lost.start().await),
    ];
    let through = |name: &str, proxy: &AwsProxy| {
        let import = [&IMPORT[..], &["--tenant", name]].concat();
        world.run_through(&import, proxy).expect_code(0);
        assert!(proxy.faults() > 10, "{name}: {} faults", proxy.faults());
        let copy = world.run(&["tenant", "export", name]).expect_code(0).stdout;
        let renamed = copy.replace(
            &format!("\"tenant_id\":\"{name}\""),
            "\"tenant_id\":\"big\"",
        );
        assert_eq!(renamed, export(SOME), "{name}");
    };
    // Each waits for most of its time, between its attempts.
    std::thread::scope(|scope| {
        for (name, proxy) in &faulty {
            scope.spawn(|| through(name, proxy));
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_is_completed_by_the_next() {
    let Some(world) = World::new().await else {
        return;
    };
    for call in [1, 2, 3, 10, 20] {
        assert!(world.kill_at(&IMPORT, call).await, "it ended before {call}");
    }
    world.run(&IMPORT).expect_code(0);
    let file = world.run(&["tenant", "export", "big"]).expect_code(0);
    assert_eq!(file.stdout, export(SOME));
}

#[tokio::test(flavor = "multi_thread")]
async fn seeding_that_was_killed_at_any_call_is_completed_by_the_next() {
    let Some(world) = World::new().await else {
        return;
    };
    let mut call = 1;
    let mut tenants = 0;
    loop {
        let tenant = format!("t{call}");
        let seed = [&SEED[..], &["--tenant", &tenant]].concat();
        let was_killed = world.kill_at(&seed, call).await;
        world.run(&seed).expect_code(0);
        let users = world.run(&["tenant", "users", "-t", &tenant, "--json"]);
        assert_eq!(users.expect_code(0).json()["users"][0]["role"], "admin");
        tenants += 1;
        if !was_killed {
            break;
        }
        call += 1;
    }
    assert!(tenants > 3, "seeding made only {tenants} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn seeding_gets_through_faults() {
    let Some(world) = World::new().await else {
        return;
    };
    for faults in [&THROTTLES_AND_ERRORS[..], &CUTS[..]] {
        let proxy = AwsProxy::to(world.server.url())
            .before(every_third(faults))
            .start()
            .await;
        world.run_through(&SEED, &proxy).expect_code(0);
        assert!(proxy.faults() > 0);
    }
}
