//! From nothing but a source checkout to an answer, then again with nothing changed, with a changed
//! source, and back.

use std::process::Command;

use serde_json::Value;
use support::aws::root;
use support::https::HttpsFront;
use support::jira::{API_TOKEN, EMAIL, Jira, Script};
use support::model::{Answer, ModelCall, ModelServer};
use t3nets_deploy::image_ref::Digest;

use super::account::{Account, bridge, certificate, commit};
use super::run::Ended;
use crate::sandbox::finish;

/// Words what the skill found, and answers nothing else.
fn words(call: &ModelCall) -> Answer {
    match call.body.to_string().contains("Sprint 24") {
        true => Answer::text("Sprint 24 is 37% done.").usage(100, 10),
        false => Answer::text("Nothing was found."),
    }
}

#[test]
fn four_commands_lead_from_a_checkout_to_an_answer_and_later_ones_to_other_releases_and_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (model, jira) = runtime.block_on(async {
        (
            ModelServer::answering(words).await,
            Script::sample().start().await,
        )
    });
    let Some(account) = Account::new(Some(&model.url())) else {
        return;
    };
    let mut account = account.with_policies();
    let front = runtime.block_on(https(&account, &jira));
    let address = format!("https://host.docker.internal:{}", front.port());

    account.operate(
        &["seed", "--tenant", "default"],
        &[
            ("ADMIN_EMAIL", "ada@example.com"),
            ("JIRA_URL", &address),
            ("JIRA_EMAIL", EMAIL),
            ("JIRA_API_TOKEN", API_TOKEN),
            ("JIRA_BOARD_ID", "7"),
        ],
    );
    let first = account.deploy_folder("").end().expect_code(0);
    serves(&account, &first);
    account.operate(&["tenant", "add-user", "--email", "grace@example.com"], &[]);
    let said = account.operate(&["chat", "sprint status?"], &[]);
    assert!(said.stdout.contains("Sprint 24 is 37% done."), "{said:?}");
    assert!(
        !model.requests().is_empty(),
        "the container asked the model"
    );
    let containers = account.containers();
    assert_eq!(containers.len(), 1, "{containers:?}");
    let kept = Command::new(root().join("tests/images/check"))
        .arg(&containers[0])
        .output()
        .unwrap();
    assert!(
        kept.status.success(),
        "{}",
        String::from_utf8_lossy(&kept.stderr)
    );

    let same = account.deploy_folder("").end().expect_code(0);
    assert_eq!(same.all("layer_sent").count(), 0, "{same:#?}");
    let pushed = same.done("push")["detail"].as_str().unwrap().to_owned();
    assert!(pushed.starts_with("nothing to push"), "{pushed}");
    assert_eq!(released(&same), released(&first));

    let main = account.sandbox.work().join("router/src/main.rs");
    let source = std::fs::read_to_string(&main).unwrap();
    std::fs::write(&main, format!("{source}\n// Another state of it.\n")).unwrap();
    commit(&account.sandbox.work());
    // The Dockerfile's arguments are part of what is built, so a plan is told them as well.
    let plan = || finish(&mut account.build_command("", &["--plan", "--exit-code"]));
    plan().expect_code(8);
    let changed = account.deploy_folder("").end().expect_code(0);
    serves(&account, &changed);
    assert_ne!(digest(&changed), digest(&first));
    plan().expect_code(0);
    for (what, ended) in [
        ("first", &first),
        ("unchanged", &same),
        ("changed", &changed),
    ] {
        let pushed = &ended.done("push")["detail"];
        support::tell(&format!("{what} deploy pushed {pushed}"));
    }

    account.run(&["rollback"]).expect_code(0);
    let release = account.release().unwrap();
    assert!(release.ends_with(&digest(&first)), "{release}");
    let history = account.run(&["history", "--json"]).expect_code(0).json();
    let releases = history["releases"].as_array().unwrap();
    // The unchanged one was verified anew, and is in it as well.
    let digests: Vec<&str> = releases
        .iter()
        .map(|one| one["digest"].as_str().unwrap())
        .collect();
    let (one, two) = (digest(&first), digest(&changed));
    assert_eq!(digests, [&*one, &*two, &*one, &*one], "{history}");
    assert!(
        releases.iter().all(|one| one["in_registry"] == true),
        "{history}"
    );

    operates(&account);
    account.policies_fit();
    let Some(account) = account.with_faults() else {
        return;
    };
    let again = account.deploy_folder("").end().expect_code(0);
    assert_eq!(digest(&again), digest(&changed));
    serves(&account, &again);
    account.run(&["rollback"]).expect_code(0);
    let release = account.release().unwrap();
    assert!(release.ends_with(&digest(&first)), "{release}");
    account.met_faults();
}

/// What else is done to an environment, and asked of it.
fn operates(account: &Account) {
    let image = account.image();
    account.operate(&["deploy", "--image", &image], &[]);
    for command in [
        &["tenant", "add", "guests", "--name", "Guests"][..],
        &[
            "tenant",
            "add-user",
            "-t",
            "guests",
            "--email",
            "mei@example.com",
        ],
        &["tenant", "list"],
        &["secret", "list"],
        &["secret", "set", "jira", "--field", "board_id=8"],
        &["secret", "remove", "jira", "--yes"],
        &["secret", "restore", "jira"],
        &["tenant", "remove", "guests", "--yes"],
        &["scale", "1"],
        &["status"],
        &["logs", "--since", "1h"],
    ] {
        account.operate(command, &[]);
    }
    // What it finds of an account that is a stand-in's is not all right.
    account.run(&["doctor"]);
}

/// Jira as containers reach it.
async fn https(account: &Account, jira: &Jira) -> HttpsFront {
    let (certificate, key) = certificate(&account.sandbox.home());
    HttpsFront::start(&jira.url(), bridge(), &certificate, &key).await
}

fn released(ended: &Ended) -> String {
    ended.event("released")["release"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// `sha256:…` of what was released.
fn digest(ended: &Ended) -> String {
    let digest = Digest::at_end_of(&released(ended));
    digest.expect("a release is pinned").to_string()
}

/// Fails the test unless what was released answers, with the version of the checkout, by an image
/// that ECS has by digest.
#[track_caller]
fn serves(account: &Account, ended: &Ended) {
    account.serves(&released(ended));
    let health = account.health().unwrap();
    let head = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .current_dir(account.sandbox.work())
        .output();
    let head = String::from_utf8(head.unwrap().stdout).unwrap();
    assert_eq!(health["git_sha"], Value::from(head.trim()), "{health}");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"), "{health}");
    assert!(account.image().ends_with(&format!("@{}", digest(ended))));
}
