//! What becomes of AWS's errors: what failed, why, what to do, and the code that fits. Never the
//! SDK's own words for itself.

use std::net::TcpListener;

use super::{PROJECT, Scripted, nobody, operator_at, operator_without_credentials};
use crate::sandbox::Finished;

/// What only a debug output of an SDK's error holds.
fn is_readable(finished: &Finished) {
    for sign in [
        "SdkError",
        "DispatchFailure",
        "ConnectorError",
        "Unhandled",
        "ErrorMetadata {",
    ] {
        assert!(!finished.stderr.contains(sign), "{sign}: {finished:?}");
    }
}

#[test]
fn without_a_region_it_says_where_one_is_set() {
    let operator = operator_without_credentials();
    operator.write("t3nets.toml", "[env.dev]\nplatform = \"aws\"\n");
    let finished = operator.run(&["tenant", "add", "acme"]).expect_code(3);
    is_readable(&finished);
    finished.says("no AWS region is known").says("AWS_REGION");
}

#[test]
fn a_region_that_cannot_be_one_is_told_with_where_it_comes_from() {
    let operator = operator_without_credentials();
    operator.write("t3nets.toml", &PROJECT.replace("us-east-1", "Virginia"));
    operator
        .run(&["tenant", "add", "acme"])
        .expect_code(3)
        .says("`Virginia` (from t3nets.toml) cannot be an AWS region");
}

#[test]
fn without_credentials_it_says_how_to_get_some() {
    // An instance's metadata that never answers: what a laptop in some networks sees.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let metadata = format!("http://{}", silent.local_addr().unwrap());
    let operator = crate::operator::Operator::new()
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata)
        .with("T3NETS_ENVIRONMENT", "dev")
        .with("AWS_ENDPOINT_URL", &nobody());
    operator.write("t3nets.toml", PROJECT);
    let finished = operator.run(&["tenant", "add", "acme"]).expect_code(4);
    is_readable(&finished);
    finished
        .says("no usable AWS credentials")
        .says("aws sso login")
        .says("t3nets doctor -e dev");
}

#[test]
fn a_profile_that_there_is_not_is_named() {
    let operator = operator_without_credentials().with("AWS_ENDPOINT_URL", &nobody());
    operator.write("t3nets.toml", &format!("{PROJECT}profile = \"nope\"\n"));
    let finished = operator.run(&["tenant", "add", "acme"]).expect_code(4);
    is_readable(&finished);
    finished
        .says("no usable AWS credentials")
        .says("there is no profile `nope`")
        .says("`aws configure --profile nope`");
}

#[test]
fn credentials_that_aws_refuses_are_told_from_a_missing_permission() {
    let body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
        <Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message>\
        </Error><RequestId>1</RequestId></ErrorResponse>";
    let aws = Scripted::answering(403, body);
    let finished = operator_at(&aws.url())
        .run(&["tenant", "add", "acme"])
        .expect_code(4);
    is_readable(&finished);
    finished
        .never_shows("not-to-be-shown")
        .says("The security token included in the request is invalid. (InvalidClientTokenId)")
        .says("the keys in AWS_ACCESS_KEY_ID");
}

#[test]
fn where_nobody_answers_it_is_the_network() {
    let operator = operator_at(&nobody());
    let finished = operator.run(&["tenant", "add", "acme"]).expect_code(1);
    is_readable(&finished);
    finished
        .says("AWS cannot be reached")
        .says("the region is `us-east-1` (from t3nets.toml)")
        .says("t3nets doctor -e dev");
}

#[test]
fn errors_are_json_too_if_that_is_asked_for() {
    let operator = operator_at(&nobody());
    let finished = operator.run(&["tenant", "add", "acme", "--json"]);
    let error = finished.expect_code(1).json_error();
    assert_eq!(error["kind"], "failed");
    assert!(error["causes"][0].as_str().unwrap().contains("reached"));
}

#[test]
fn what_works_on_this_machine_alone_refuses_aws() {
    let operator = operator_at(&nobody());
    operator
        .run(&["dev"])
        .expect_code(3)
        .says("is on AWS, and this command only works on this machine")
        .says("--env local");
}
