//! Deploys that something else ends: a person, a kill, another deployment.

use std::process::Command;
use std::time::Duration;

use rexpect::process::WaitStatus;
use support::aws_proxy::{AwsProxy, Before};

use super::account::Account;
use super::run::Running;

fn while_it_builds(account: &Account) {
    let before = account.release().expect("a release serves");
    // Like no other account's: the builder does what two want alike once, and goes on while one of
    // them still wants it.
    let slow = format!("sleep {}", account.port());
    account.sandbox.write(
        "slow/Dockerfile",
        &format!("ARG RUST_IMAGE\nFROM ${{RUST_IMAGE}}\nRUN {slow}\n"),
    );
    let mut running = account.deploy_folder("slow");
    running.until("the slow step", |event| {
        event["event"] == "step_started"
            && event["name"]
                .as_str()
                .is_some_and(|name| name.contains(&slow))
    });
    running.interrupt();
    running.end().expect_code(130).says("nothing was changed");
    support::until("the step's end", Duration::from_secs(30), || {
        let found = Command::new("pgrep")
            .args(["--full", "--exact", &slow])
            .output();
        found.unwrap().stdout.is_empty().then_some(())
    });
    account.serves(&before);
}

fn while_it_pushes(account: &Account) {
    let before = account.release().expect("a release serves");
    let proxy =
        AwsProxy::to(&account.endpoint).before(|call| match call.operation.starts_with("PATCH ") {
            true => Before::Hold,
            false => Before::Forward,
        });
    let proxy = account.runtime.block_on(proxy.start());
    account.write_misbehaving(&["exits", "9"]);
    let mut command = account.deploy_command("misbehaving", &[]);
    let running = Running::start(command.env("AWS_ENDPOINT_URL_ECR", proxy.url()));
    support::until("a layer on its way", Duration::from_secs(120), || {
        let mut calls = proxy.calls().into_iter();
        calls.find(|call| call.operation.starts_with("PATCH "))
    });
    running.interrupt();
    running.end().expect_code(130).says("nothing was changed");
    account.serves(&before);
}

/// Left to itself, it is watched to its end by another run.
fn while_it_watches(account: &Account) {
    let before = account.release().expect("a release serves");
    // Unlike one that hangs, it fails within seconds of the resumed watch.
    let mut running = account.deploy_misbehaving(&["crashes-after", "5"]);
    running.until_step("watch").interrupt();
    running
        .end()
        .expect_code(130)
        .says("`t3nets deploy --resume -e dev` watches it again");
    let mut resume = account.command("", &["deploy", "--resume", "--json"]);
    Running::start(&mut resume).end().expect_code(5);
    account.serves(&before);
}

/// As Terraform or the console would: by ECS alone.
fn by_another_deployment(account: &Account) {
    let before = account.release().expect("a release serves");
    let good = account.revision();
    let mut running = account.deploy_misbehaving(&["hangs", "2"]);
    running.until_step("watch");
    account.update(&good);
    running
        .end()
        .expect_code(1)
        .says("another deployment took its place");
    account.serves(&before);
}

/// The next deploy is refused only until the dead one's lease ends.
fn by_a_kill(account: &Account) {
    let good = account.image();
    let mut running = account.deploy_misbehaving(&["hangs", "3"]);
    running.until_step("watch").kill();
    drop(running);
    let mut refused = 0;
    let ended = support::until("the end of the lease", Duration::from_secs(90), || {
        let mut command = account.command("", &["deploy", "--image", &good, "--json"]);
        let ended = Running::start(&mut command).end();
        let is_refused = ended.code == Some(1) && ended.stderr.contains("is deploying to");
        refused += usize::from(is_refused);
        (!is_refused).then_some(ended)
    });
    let ended = ended.expect_code(0);
    assert!(refused > 0, "the lease holds for a while: {ended:#?}");
    let release = ended.event("released")["release"]
        .as_str()
        .unwrap()
        .to_owned();
    account.serves(&release);
}

#[test]
fn a_deploy_that_is_interrupted_leaves_nothing_half_done_through_faults_too() {
    Account::calm_and_with_faults(|account| {
        while_it_builds(account);
        while_it_pushes(account);
        while_it_watches(account);
        by_another_deployment(account);
        by_a_kill(account);
    });
}

#[test]
fn a_person_at_a_terminal_is_asked_what_becomes_of_it_through_faults_too() {
    Account::calm_and_with_faults(a_person_at_a_terminal_is_asked);
}

fn a_person_at_a_terminal_is_asked(account: &Account) {
    let before = account.release().expect("a release serves");
    for (answer, code) in [("r\n", 5), ("\u{3}", 130)] {
        account.write_misbehaving(&["hangs", answer.trim()]);
        let mut command = account.build_command("misbehaving", &[]);
        command.env("TERM", "dumb");
        let mut terminal = rexpect::session::spawn_command(command, Some(120_000)).unwrap();
        terminal.exp_string("watch: ").unwrap();
        terminal.send_control('c').unwrap();
        terminal
            .exp_string("[r]oll back, [l]eave it running, or [g]o on")
            .unwrap();
        terminal.send(answer).unwrap();
        terminal.flush().unwrap();
        terminal.exp_eof().unwrap();
        let status = terminal.process().wait().unwrap();
        assert!(
            matches!(status, WaitStatus::Exited(_, ended) if ended == code),
            "{status:?}"
        );
    }
    let mut resume = account.command("", &["deploy", "--resume", "--json"]);
    Running::start(&mut resume).end().expect_code(5);
    account.serves(&before);
}
