//! What the fuzzers of `tests/fuzz` look for, tried on what is kept there and on a fixed number of
//! other bytes.

use std::path::Path;

use proptest::prelude::*;

use properties::answers::Api;
use properties::{answers, releases, reports};

#[path = "../fuzz/properties/mod.rs"]
#[expect(
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a library of its own for the fuzzers, whose findings are panics"
)]
mod properties;

/// What is kept of a fuzzer: the cases that it began with, and what it found.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds");
    let files = std::fs::read_dir(folder.join(target)).unwrap();
    let read = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let all: Vec<_> = read.collect();
    assert!(!all.is_empty());
    all
}

#[test]
fn what_fuzzers_began_with_and_found_holds() {
    for bytes in kept("chat_completions") {
        answers::check(Api::ChatCompletions, &bytes);
    }
    for bytes in kept("messages") {
        answers::check(Api::Messages, &bytes);
    }
    for bytes in kept("jira") {
        reports::check(&bytes);
        releases::check(&bytes);
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_whole_answer_is_given_and_half_of_one_is_not(bytes in bytes()) {
        answers::check(Api::ChatCompletions, &bytes);
        answers::check(Api::Messages, &bytes);
    }

    #[test]
    fn releases_are_reported_whatever_jira_says_of_them(bytes in bytes()) {
        releases::check(&bytes);
    }

    #[test]
    fn a_report_is_given_without_what_it_can_do_without_and_never_half(bytes in bytes()) {
        reports::check(&bytes);
    }
}
