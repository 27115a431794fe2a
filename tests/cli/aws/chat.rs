//! `t3nets chat` on AWS: whom it asks, and which key goes where.

use serde_json::json;

use super::{PROJECT, nobody, operator_at, operator_without_credentials};
use crate::chat::{ScriptedRouter, answer};
use crate::infra::project;
use crate::sandbox::finish;

#[test]
fn the_address_is_read_from_the_state() {
    let router = ScriptedRouter::answering(200, answer());
    let sandbox = project();
    let state = json!({"version": 4, "outputs": {
        "environment": {"value": "dev"}, "api_endpoint": {"value": router.server.url()},
    }});
    sandbox.write("infra/aws/terraform.tfstate", &state.to_string());
    let mut command = sandbox.command(&["chat", "-e", "dev", "hi"]);
    finish(command.env("T3NETS_API_KEY", "t3n_key")).expect_code(0);
    let received = router.received();
    assert_eq!(received[0].authorization.as_deref(), Some("Bearer t3n_key"));
}

#[test]
fn an_address_that_nobody_told_is_asked_for() {
    let operator = operator_without_credentials().with("T3NETS_API_KEY", "t3n_key");
    operator.write("t3nets.toml", PROJECT);
    operator
        .run(&["chat", "hi"])
        .expect_code(3)
        .says("`url` of environment `dev` is not known")
        .says("--url");
}

#[test]
fn a_key_of_the_variable_goes_where_it_went_first() {
    let first = ScriptedRouter::answering(200, answer());
    let other = ScriptedRouter::answering(200, answer());
    let operator = operator_without_credentials().with("T3NETS_API_KEY", "t3n_key");
    let at = |url: &str| operator.write("t3nets.toml", &format!("{PROJECT}url = \"{url}\"\n"));
    at(&first.server.url());
    operator.run(&["chat", "hi"]).expect_code(0);
    at(&other.server.url());
    operator
        .run(&["chat", "hi"])
        .expect_code(4)
        .says("is not sent to")
        .says("--url");
    assert!(other.received().is_empty());
    let url = other.server.url();
    operator.run(&["chat", "hi", "--url", &url]).expect_code(0);
    at(&first.server.url());
    operator.run(&["chat", "hi"]).expect_code(0);
}

#[test]
fn no_key_of_the_environment_travels_in_the_clear() {
    let operator = operator_at(&nobody());
    operator.write(
        "t3nets.toml",
        &format!("{PROJECT}url = \"http://192.0.2.1\"\n"),
    );
    operator
        .run(&["chat", "hi"])
        .expect_code(3)
        .says("http://192.0.2.1/ is not encrypted");
}
