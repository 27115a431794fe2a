//! Releases that fail, each for real: the verdict, its reason, the code, and that the release before serves at the end.

use std::io::Write;

use super::account::Account;
use super::run::Ended;

/// Deploys what fails and says how it ended and what it found before. The release before serves again.
fn fails(account: &Account, how: &[&str]) -> Ended {
    let before = account.release().expect("a release serves");
    let ended = account.deploy_misbehaving(how, &[]).end().expect_code(5);
    account.serves(&before);
    ended
}

/// Says how long after what ECS knew the verdict came. `deciding` is which stop of a task decided.
fn report(account: &Account, what: &str, ended: &Ended, deciding: usize) {
    let revision = ended.done("register")["detail"]
        .as_str()
        .unwrap()
        .to_owned();
    let stops = account.stops(&revision);
    let after = ended.at("failed") - stops[deciding];
    // Past the harness's capture: a figure is to be read, not judged.
    writeln!(
        std::io::stderr(),
        "{what}: verdict {after:.1} s after ECS had stopped the deciding task"
    )
    .unwrap();
}

/// Every release that can fail does, on one service.
fn all_fail(account: &Account) {
    let ended = fails(account, &["exits", "7"]);
    let failed = ended.event("failed");
    assert_eq!(failed["cause"]["exited"]["exit_code"], 7, "{ended:#?}");
    let line = ended.event("log_line")["line"].as_str().unwrap().to_owned();
    assert!(line.contains("cannot read the configuration"), "{line}");
    report(account, "exits with 7 at its start", &ended, 1);

    let ended = fails(account, &["crashes-after", "5"]);
    let failed = ended.event("failed");
    assert_eq!(failed["cause"]["exited"]["exit_code"], 101, "{ended:#?}");
    let line = ended.all("log_line").last().unwrap()["line"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(line.contains("out of file descriptors"), "{line}");
    report(
        account,
        "crashes 5 s after its start, again and again",
        &ended,
        1,
    );

    let ended = fails(account, &["hangs"]);
    let said = ended.stderr.clone();
    assert!(said.contains("/api/health answers 5"), "{ended:#?}");
}

#[test]
fn a_release_that_fails_is_rolled_back_with_its_reason() {
    let Some(account) = Account::serving(None) else {
        return;
    };
    all_fail(&account);
}
