//! The messages that mean `sprint_status`, as phrases (see [`crate::skills::rules`] for how they
//! are matched).

use serde_json::{Value, json};

use super::Action;
use crate::skills::rules::Trigger;

/// "a sprint" alone is asked about in general too ("what is a sprint"), so every phrase says what
/// of it, or whose it is.
const STATUS: &[&str] = &[
    "sprint status",
    "sprint progress",
    "sprint report",
    "sprint summary",
    "sprint overview",
    "sprint health",
    "sprint update",
    "sprint status update",
    "sprint state",
    "sprint completion",
    "sprint goal",
    "status report sprint",
    "current sprint",
    "what current sprint",
    "active sprint",
    "how the sprint",
    "how our sprint",
    "how this sprint",
    "how current sprint",
    "how sprint going",
    "how it going sprint",
    "how thing going sprint",
    "how sprint doing",
    "how we doing sprint",
    "how sprint looking",
    "how sprint coming along",
    "how far along sprint",
    "how far are we sprint",
    "where are we sprint",
    "where we stand sprint",
    "what up with sprint",
    "sprint on track",
    "sprint on schedule",
    "sprint behind schedule",
    "sprint on time",
    "finish sprint on time",
    "sprint at risk",
    "days left sprint",
    "many days left sprint",
    "time left sprint",
    "much time left sprint",
    "long left sprint",
    "work left sprint",
    "much work left sprint",
    "left in sprint",
    "days remaining sprint",
    "many days remaining sprint",
    "time remaining sprint",
    "much time remaining sprint",
    "remaining in sprint",
    "when sprint end",
    "when sprint over",
    "when sprint finish",
    "sprint end date",
    "much done sprint",
    "percent done sprint",
    "points done sprint",
    "points left sprint",
    "many points left sprint",
    "many points done sprint",
    "sprint over",
    "summarize sprint",
    "show sprint",
    "see sprint",
    "check sprint",
    "look at sprint",
    // Nothing else that a team asks its board about is on track.
    "we on track",
    "we on schedule",
    "we behind schedule",
    "release status",
    "release readiness",
    "we ready to release",
];

/// What is asked of a sprint by its number alone: "sprint 24", "how was sprint 24?".
const STATUS_OF_A_NUMBER: &[&str] = &[
    "sprint",
    "how sprint ended",
    "what happened sprint",
    "sprint done",
];

/// The sprint before and the one after, by the names that [`super::named`] knows.
const STATUS_OF_ANOTHER: &[(&str, &str)] = &[
    ("last sprint", "last"),
    ("last sprint status", "last"),
    ("last sprint report", "last"),
    ("last sprint summary", "last"),
    ("how last sprint going", "last"),
    ("how last sprint ended", "last"),
    ("what happened last sprint", "last"),
    ("previous sprint", "last"),
    ("previous sprint status", "last"),
    ("previous sprint report", "last"),
    ("how previous sprint going", "last"),
    ("next sprint", "next"),
    ("what next sprint", "next"),
    ("when next sprint start", "next"),
];

/// "block" is also a noun and what people do to each other, so it needs a question or a sprint
/// beside it.
const BLOCKERS: &[&str] = &[
    "blocker",
    "there a blocker",
    "sprint blocker",
    "what the blocker",
    "what our blocker",
    "what my blocker",
    "which blocker",
    "impediment",
    "there an impediment",
    "sprint impediment",
    "what the impediment",
    "what our impediment",
    "what blocking",
    "what blocking us",
    "what blocking team",
    "anything blocked",
    "anyone blocked",
    "who is blocked",
    "are we blocked",
    "am i blocked",
    "sprint blocked",
    "who is blocked sprint",
    "what holding us up",
    "what holding up sprint",
    "anything stuck",
    "what is stuck",
    "sprint stuck",
];

/// Phrases of [`Action::Mine`] without a noun for work.
const MINE: &[&str] = &[
    "assigned to me",
    "what assigned to me",
    "sprint assigned to me",
    "what i working on",
    "what i working on sprint",
    "what i have sprint",
    "what on my plate",
    "what on my plate sprint",
    "my sprint work",
    "work assigned to me",
    "my sprint assignments",
    "my assignments",
    "my part sprint",
];

/// What people call an issue when it is clear that they mean one.
const ISSUES: &[&str] = &["issue", "ticket", "task"];

/// What else they call it, clear only beside a sprint or an assignment.
const VAGUE_ISSUES: &[&str] = &["story", "item", "card", "bug", "user story"];

/// Every trigger.
pub(super) fn triggers() -> Vec<Trigger> {
    let fixed = [
        (STATUS, Action::Status),
        (BLOCKERS, Action::Blockers),
        (MINE, Action::Mine),
    ];
    let mut phrases: Vec<(String, Action)> = fixed
        .iter()
        .flat_map(|(phrases, action)| phrases.iter().map(|phrase| (phrase.to_string(), *action)))
        .collect();
    for issue in ISSUES.iter().chain(VAGUE_ISSUES) {
        for state in ["blocked", "flagged", "stuck"] {
            phrases.push((format!("{state} {issue}"), Action::Blockers));
            phrases.push((format!("{state} {issue} sprint"), Action::Blockers));
        }
        for phrase in [
            "my sprint",
            "assigned to me",
            "assigned to me sprint",
            "i working on",
        ] {
            phrases.push((format!("{issue} {phrase}"), Action::Mine));
        }
    }
    for issue in ISSUES {
        for phrase in [
            "my",
            "what my",
            "which my",
            "which i have",
            "which i have sprint",
        ] {
            phrases.push((format!("{phrase} {issue}"), Action::Mine));
        }
    }
    let mut triggers: Vec<Trigger> = phrases
        .into_iter()
        .map(|(phrase, action)| trigger(&phrase, json!({"action": action.as_str()}), action))
        .collect();
    for phrase in STATUS_OF_A_NUMBER {
        let input = json!({"action": Action::Status.as_str()});
        triggers.push(trigger(phrase, input, Action::Status).only_with_number());
    }
    for (phrase, sprint) in STATUS_OF_ANOTHER {
        let input = json!({"action": Action::Status.as_str(), "sprint": sprint});
        triggers.push(Trigger::new(phrase, input).asked_as(question(Action::Status)));
    }
    triggers
}

fn trigger(phrase: &str, input: Value, action: Action) -> Trigger {
    Trigger::new(phrase, input)
        .with_number_of("sprint")
        .asked_as(question(action))
}

/// What is suggested to people whose question comes close.
fn question(action: Action) -> &'static str {
    match action {
        Action::Status => "how is the sprint going?",
        Action::Blockers => "what is blocked?",
        Action::Mine => "what is assigned to me in this sprint?",
    }
}
