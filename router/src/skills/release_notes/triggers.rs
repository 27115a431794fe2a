//! The messages that mean `release_notes`, as phrases (see [`crate::skills::rules`] for how they
//! are matched).

use serde_json::json;

use super::Action;
use crate::skills::rules::Trigger;

/// What releases are called where several are meant.
const SEVERAL: &str = "=releases|=versions";

/// What one is called.
const ONE: &str = "=release|=version";

/// Which of several one is meant by, and how the skill is asked for it.
const WHICH: &[(&str, Option<&str>)] = &[
    ("", None),
    ("next|upcoming|coming", Some("next")),
    ("last|latest|previous|newest|recent", Some("latest")),
];

/// What is asked of all of them.
const LIST: &[&str] = &[
    "{several}",
    "which|what {several} there|have|are|planned|plan|coming|out|our|the",
    "upcoming|planned|future|coming|unreleased|released|overdue|past|previous|recent|last|late|next|latest|all {several}",
    "what|which {several} upcoming|planned|coming|unreleased|released|overdue|past|late|next|plan|do|we|jira",
    "release|version date|schedule|plan|calendar|timeline|roadmap|list",
    "what release|version date|schedule|plan|calendar|timeline|roadmap",
    "what next|last|latest release|version date",
    "fix|jira|project {several}",
    "what fix|jira|project {several}",
    "when {one} the|our",
    "when next|last|latest|upcoming {one}",
    "when we|team release",
    "when we|team release|ship next|last",
    "when we|team next|last release version|one",
    "when next|last|latest {one} due|out|come|coming|planned|plan|ship|released",
    "when latest|last|next {one} =released|=shipped",
    "what|which last|latest|newest =released|=shipped version",
    "which version we release|ship last|next",
    "what we|team =released",
    "when {version}",
    "when {version} due|out|come|coming|release|ship|planned|plan",
    "when we|team {version} release|ship",
    "release date {version}",
    "what release date {version}",
    "? {version} out|released|shipped|live =out|=released|=shipped|=live",
    "=did|=has|=have|=is|=was release|ship {version}",
    "? {one} overdue|late|delayed",
    "? which|any {one} overdue|late|delayed",
    "? are we late {one}",
    "many {several}",
    "how many {several}",
    "? {one} coming|due|planned up|week|month|today",
    "? we have|ship {one} week|month|today|planned|coming",
];

/// What is asked of one by its place alone, in which case nothing of it is.
const WHICH_ONE: &[&str] = &[
    "what|which next|last|latest|current|newest {one}",
    "what|which our|the|we last|latest|current|next {one}",
    "which {one} come|comes next",
];

/// What is asked of a version, with `{of}` for what it is called.
const SUMMARY: &[&str] = &[
    "what|which {of} in|into|with",
    "what in {of}",
    "what|which {of} in|into|with new|changed|change|fixed|fix|shipped|ship|included|include|contained|go|goes|going|went|planned|plan|coming|come|made|make|release|released",
    "what|which {of} in|into|with issue|ticket|bug|feature|story|item|task|change|thing|fix",
    "what|which {of} go|goes into",
    "what|which {of} new|changed|change|fixed|fix|shipped|ship|coming|planned|plan|included|include|contain|bring",
    "what we release|ship|fix|have {of}",
    "summarize|summarise|summary {of}",
    "about|describe|detail|content|scope|overview {of}",
    "what content|scope|summary {of}",
    "{of} progress|state|readiness",
    "what {of} progress|state|readiness",
    "how {of} going|go|progressing|look|come|far|along|doing",
    "? {of} ready|done|finished|finish|complete",
    "? we ready {of}",
    "what {of} left|open|missing|remain|remaining|done|outstanding|not",
    "open|remaining|unfinished issue|ticket|task|story|bug {of}",
    "how many open|left|done issue|ticket|task|story|bug|point {of}",
    "list|show|see|get|give issue|ticket|task|story|bug|feature|change {of}",
    "issue|ticket|task|story|bug|feature in {of}",
];

/// Every trigger.
pub(in crate::skills) fn triggers() -> Vec<Trigger> {
    let mut triggers = Vec::new();
    for phrase in [
        "release notes",
        "=changelog",
        "change log",
        "note for|of {one}|{version}",
    ] {
        for (which, version) in WHICH {
            let phrase = format!("{which} {}", phrase.replace("{one}", ONE));
            triggers.push(summary(&phrase, *version).unless("what why who"));
            triggers.push(summary(
                &format!("what the|our|{{version}} {phrase}"),
                *version,
            ));
        }
    }
    for phrase in LIST {
        triggers.push(list(phrase).unless("new changed fixed included ready"));
    }
    for phrase in WHICH_ONE {
        let of_it = "jira in into new changed fixed included ready planned going goes";
        triggers.push(list(phrase).unless(of_it));
    }
    let more = "about summarize summarise show see of for is are in into do does has how";
    triggers.push(list("next|last|latest|upcoming|current {one}").unless(more));
    for phrase in SUMMARY {
        for (which, version) in WHICH {
            // What is under way is not out yet.
            let version = version.or(Some("next"));
            let phrase = phrase.replace("{of}", &format!("{which} {ONE}"));
            triggers.push(summary(&phrase, version));
        }
        triggers.push(summary(&phrase.replace("{of}", "{version}"), None));
    }
    for phrase in ["status", "what status"] {
        for (which, version) in WHICH {
            triggers.push(summary(
                &format!("{phrase} {which} {ONE}"),
                version.or(Some("next")),
            ));
        }
        triggers.push(summary(&format!("{phrase} {{version}}"), None));
    }
    // Nothing else is said: an order to release it is none to report it.
    for phrase in [
        "version {version}",
        "release {version}",
        "show|see|view release|version {version}",
    ] {
        let order = "now please can could today will lets";
        triggers.push(bare(phrase, None).unless(order));
    }
    triggers
}

fn list(phrase: &str) -> Trigger {
    let phrase = phrase.replace("{several}", SEVERAL).replace("{one}", ONE);
    let input = json!({"action": Action::ListReleases.as_str()});
    Trigger::new(&phrase, input)
        .beside("release version date list plan schedule project many much most detail next upcoming last recent milestone")
        .asked_as("which releases are there?")
}

fn summary(phrase: &str, version: Option<&str>) -> Trigger {
    bare(phrase, version).beside(
        "release version generate write create make draft prepare compile put together issue ticket bug feature story change \
         customer come coming go get plan planned type group first left still done new fixed shipped included \
         table bullet list sentence two three german english spanish french",
    )
}

fn bare(phrase: &str, version: Option<&str>) -> Trigger {
    let input = match version {
        Some(version) => json!({"action": Action::Summarize.as_str(), "version": version}),
        None => json!({"action": Action::Summarize.as_str()}),
    };
    Trigger::new(phrase, input)
        .with_version()
        .asked_as("what is in the next release?")
}
