use super::assert_all_mean;

#[test]
fn the_version_that_a_message_names_is_asked_for() {
    assert_all_mean(
        "release_notes/summarize#2.4",
        &[
            "release notes for 2.4",
            "what's in version 2.4?",
            "2.4 release notes please",
            "is 2.4 ready?",
            "what changed in 2.4",
            "release notes for \"2.4\"",
        ],
    );
    for (message, version) in [
        ("release notes for v2.4.1", "v2.4.1"),
        ("what is in 2.4-rc1?", "2.4-rc1"),
        ("release notes for 2026.11", "2026.11"),
        (
            "release notes for \"Checkout 2.4 (Dec)\"",
            "Checkout 2.4 (Dec)",
        ),
        ("what's in release 10?", "10"),
        ("what's in the next release?", "next"),
        ("how is the upcoming release going?", "next"),
        ("how is the release going?", "next"),
        ("what's new in the latest version?", "latest"),
        ("release notes of the last release", "latest"),
    ] {
        assert_all_mean(&format!("release_notes/summarize#{version}"), &[message]);
    }
    // The skill's own choice, which is the latest.
    assert_all_mean(
        "release_notes/summarize",
        &["release notes", "the changelog please"],
    );
    assert_all_mean(
        "-",
        &[
            "compare 2.3 and 2.4",
            "release notes for 2.3 and 2.4",
            "release notes for Python 3.13",
            "what's new in Java 21",
            "release version 2.4",
            "please release version 2.4",
            "release 2.4 now",
            "create release 2.5",
        ],
    );
}
