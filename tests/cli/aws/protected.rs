//! A protected environment asks for its name before it is changed.

use rexpect::process::WaitStatus;
use support::aws::AwsServer;

use super::{PROJECT, operator_without_credentials};
use crate::operator::Operator;

/// The operator of a protected environment, whose credentials are good.
fn operator() -> Option<Operator> {
    let aws = AwsServer::shared_ministack()?;
    let mut operator = operator_without_credentials();
    for (name, value) in aws.variables() {
        operator = operator.with(name, &value);
    }
    operator.write("t3nets.toml", &format!("{PROJECT}protected = true\n"));
    Some(operator)
}

#[test]
fn the_account_is_said_and_another_name_changes_nothing() {
    let Some(operator) = operator() else { return };
    let mut session = operator.in_terminal(&["tenant", "add", "acme"]);
    session
        .exp_string(
            "environment: dev (by T3NETS_ENVIRONMENT), account 000000000000, region us-east-1",
        )
        .unwrap();
    session
        .exp_string("`dev` is protected. Type its name")
        .unwrap();
    session.send_line("prod").unwrap();
    session
        .exp_string("not confirmed, nothing was changed")
        .unwrap();
    session.exp_eof().unwrap();
    let status = session.process().wait().unwrap();
    assert!(matches!(status, WaitStatus::Exited(_, 1)), "{status:?}");
}

#[test]
fn without_a_terminal_it_needs_yes() {
    let Some(operator) = operator() else { return };
    operator
        .run(&["tenant", "add", "acme"])
        .expect_code(2)
        .says("this needs confirmation")
        .says("--yes");
}
