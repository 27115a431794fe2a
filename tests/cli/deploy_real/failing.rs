//! Releases that fail, each for real: the verdict, its reason, the code, and that the release
//! before serves at the end.

use support::aws_proxy::{AwsProxy, Before};

use super::account::Account;
use super::run::{Ended, Running};

fn exits_at_its_start(account: &Account) {
    let ended = fails(account, &["exits", "7"]);
    assert_eq!(ended.event("failed")["exit_code"], 7, "{ended:#?}");
    assert!(last_line(&ended).contains("cannot read the configuration"));
    report(account, "exits with 7 at its start", &ended, 1);
}

fn crashes_again_and_again(account: &Account) {
    let ended = fails(account, &["crashes-after", "5"]);
    assert_eq!(ended.event("failed")["exit_code"], 101, "{ended:#?}");
    assert!(last_line(&ended).contains("out of file descriptors"));
    report(account, "crashes 5 s after each start", &ended, 1);
}

/// It was there when it was pushed, and is gone when ECS wants it. The whole repository is: the
/// stand-in's registry goes on giving away an image that was deleted. Nothing can be deployed after
/// it.
fn image_that_is_gone(account: &Account) {
    let before = account.release().expect("a release serves");
    let config = account.config.clone();
    let proxy = AwsProxy::to(&account.endpoint).before(move |call| {
        if call.operation == "UpdateService" && call.of_operation == 1 {
            let config = config.clone();
            // The policy is not async, and the proxy's own thread must not be blocked by what it
            // waits for.
            let deleted = std::thread::spawn(move || delete_repository(&config));
            deleted.join().unwrap();
        }
        Before::Forward
    });
    let proxy = account.runtime.block_on(proxy.start());
    account.write_misbehaving(&["exits", "8"]);
    let mut command = account.deploy_command("misbehaving", &[]);
    let ended = Running::start(command.env("AWS_ENDPOINT_URL", proxy.url()));
    let ended = ended.end().expect_code(5);
    assert_eq!(
        ended.event("failed")["kind"],
        "image_not_pulled",
        "{ended:#?}"
    );
    account.serves(&before);
    report(account, "its image is gone", &ended, 0);
}

fn delete_repository(config: &aws_config::SdkConfig) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ecr = aws_sdk_ecr::Client::new(config);
    let delete = ecr.delete_repository().repository_name("t3nets-dev-router");
    runtime.block_on(delete.force(true).send()).unwrap();
}

/// It runs, but nobody gets an answer.
fn never_answers(account: &Account) {
    let ended = fails(account, &["hangs"]);
    let said = "it runs, but does not answer";
    assert!(ended.stderr.contains(said), "{ended:#?}");
}

/// Deploys what fails and says how it ended. The release before serves again.
fn fails(account: &Account, how: &[&str]) -> Ended {
    let before = account.release().expect("a release serves");
    let ended = account.deploy_misbehaving(how).end().expect_code(5);
    account.serves(&before);
    ended
}

fn last_line(ended: &Ended) -> String {
    let line = ended.all("log_line").last();
    line.unwrap_or_else(|| panic!("no line of the log in {ended:#?}"))["line"].to_string()
}

/// Says how long after what ECS knew the verdict came. `deciding` is which stop of a task decided.
fn report(account: &Account, what: &str, ended: &Ended, deciding: usize) {
    let revision = ended.done("register")["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    let stops = account.stops(&revision);
    let after = ended.at("failed") - stops[deciding];
    support::tell(&format!(
        "{what}: the verdict came {after:.1} s after ECS had stopped the task that decides"
    ));
}

#[test]
fn a_release_that_fails_is_rolled_back_with_its_reason_through_faults_too() {
    Account::calm_and_with_faults(|account| {
        exits_at_its_start(account);
        crashes_again_and_again(account);
        never_answers(account);
        image_that_is_gone(account);
    });
}
