//! The messages that mean `sprint_status`, as phrases (see [`crate::skills::rules`] for how they
//! are matched).

use serde_json::{Value, json};

use super::Action;
use crate::skills::rules::Trigger;

/// What people call an issue.
const ISSUE: &str = "issue|ticket|task|story|item|card|bug|todo";

/// What says nothing more beside a question about a sprint: what else is asked of it, and when.
const BESIDE: &str = "status progress go do doing come along look stand shape issue ticket task story item card point work day time hour \
    much many number percentage percent left remain remaining done complete progress still overall whole team standup daily sync \
    so update brief short summary overview report board goal sprint make made everything run \
    table bullet list sentence two three german english spanish french";

/// "a sprint" alone is asked about in general too ("what is a sprint"), so every phrase says what
/// of it, or whose it is.
const STATUS: &[&str] = &[
    "sprint status|progress|report|summary|overview|health|update|state|=completion|goal|burndown|recap|news|check",
    "sprintstatus",
    "sprint status|progress|report|summary|overview|state|update status|progress|report|summary|overview|state|update",
    "what sprint status|progress|report|summary|overview|health|update|state|=completion|goal|burndown",
    "sprint board",
    "summarize|summarise sprint",
    "current|active|ongoing|running sprint",
    "what|which current|active|ongoing|running sprint",
    "how the|our|this|current|team sprint",
    "how sprint going|go|goes|doing|look|stand|healthy|complete|fare|shaping|progressing",
    "? sprint on track|schedule|time|target",
    "? sprint healthy|well|fine|ok|okay|new",
    "? the|our|this|current sprint",
    "? sprint behind|late|risk|trouble|danger",
    "? we|team track|schedule|target on",
    "? we|team behind schedule",
    "? we|team behind|ahead|on schedule|track|time|target sprint",
    "? we|team sprint make|finish|reach|win|behind|ahead|late",
    "? sprint done|complete|finish|over|end|ended|finished",
    "? much|many|long|far|percent|percentage|percentages sprint",
    "how|what much|many|long|far|percent|percentage sprint",
    "sprint left|remain|remaining|open|unfinished|outstanding",
    "what sprint left|remain|remaining|open|unfinished|outstanding",
    "what|which the|our|this|current sprint",
    "what|which sprint we|it|team",
    "what the|our|this|current sprint happening|going|up|new|called|name|look|complete|finish|done|working|progress",
    "what sprint happening|going|up|new called|on|with|in",
    "what we|team working|complete|finish|done|accomplish|achieve sprint",
    "what team working",
    "when sprint end|over|finish|start|begin|due|close",
    "sprint end|start|due date",
    "show|see|check|look|list|view|display|get|give|pull|fetch|need|want the|our|this|current|me sprint",
    "? sprint issue|ticket|task|story|item",
    "list|show|see|give|get|display|all sprint issue|ticket|task|story|item",
    "open|done|complete|completed|unfinished|remaining|finished sprint issue|ticket|task|story|item|work|point",
    "what progress in",
    "where we|team sprint",
    "where sprint stand|at",
    "about the|our|this|current sprint",
    "board status|state|overview|progress the|our|this",
    "how board look|looking",
    "how burndown look|looking|going",
    "how our|the burndown",
];

/// Phrases that another skill's come before.
const STATUS_ELSE: &[&str] = &[
    "release status",
    "what release status",
    "release readiness",
    "? we ready to release",
];

/// What is asked of a sprint by its number alone: "sprint 24", "how was sprint 24?".
const STATUS_OF_A_NUMBER: &[&str] = &[
    "sprint",
    "how sprint ended|end",
    "what happened sprint",
    "? sprint done|over|finish",
];

/// The sprint before and the one after, by the names that [`super::named`] knows.
const STATUS_OF_ANOTHER: &[(&str, &str)] = &[("last|previous", "last"), ("next|upcoming", "next")];

/// What is asked of those, with `{}` for their names.
const OF_ANOTHER: &[&str] = &[
    "{} sprint",
    "{} sprint status|report|summary|progress|goal",
    "how {} sprint",
    "how {} sprint going|go|doing|ended|end",
    "what {} sprint",
    "what {} sprint in|happened|planned|plan|done|complete|achieve we|team",
    "what {} sprint in|happened|planned|plan|done|complete|achieve",
    "when {} sprint start|end|begin|finish",
];

/// "block" is also a noun and what people do to each other, so it needs a question or a sprint
/// beside it.
const BLOCKERS: &[&str] = &[
    "blocker|impediment|blockage",
    "there a blocker|impediment",
    "blocker|impediment list",
    "sprint blocker|impediment",
    "what|which the|our|my|current|are|about|for blocker|impediment",
    "which blocker|impediment",
    "what|which =blocked|=blocking|=blocks",
    "what|which =blocked|=blocking|=blocks us|we|team|sprint|progress|work|thing",
    "anything|anyone|everything|all =blocked|=blocking|=blocks",
    "anything|anyone|everything =blocked|=blocking|=blocks us|we|team|sprint|progress|work|thing",
    "who =blocked|=stuck",
    "who =blocked|=stuck sprint",
    "any flag board",
    "? are|am we|i|team =blocked|=stuck",
    "? what =blocked|=stuck",
    "? what thing =blocked|=stuck",
    "sprint =blocked|=stuck",
    "what sprint =blocked|=stuck",
    "what holding us|things|team|sprint|we up|back",
    "what slowing us|team|sprint|we",
    "what in|standing our|the|us =way",
    "what standing in our =way",
    "what keeping us|sprint|team finishing",
    "anything =stuck",
    "anything holding|slowing us|things|team|sprint|we up|back|down",
    "what =stuck",
];

/// Phrases of [`Action::Mine`] without a noun for work.
const MINE: &[&str] = &[
    "=assigned me",
    "what|which =assigned me",
    "sprint =assigned me",
    "what i working on",
    "what i supposed do|work|be",
    "what i working on sprint",
    "what i have|got sprint",
    "what i have|got to =do|=finish|=complete",
    "what i have|got left",
    "what i still have|need to do",
    "? what i done|finish|complete sprint",
    "what on my plate|list|desk|queue|board",
    "what in my queue|backlog|list",
    "on my plate",
    "what left for me",
    "left for me sprint",
    "my sprint",
    "my sprint work|status|progress|part",
    "how i doing sprint",
    "my assignment|backlog|work",
    "my sprint assignment",
    "to do|todo my list",
    "=mine",
    "what|which =mine",
];

/// Every trigger.
pub(in crate::skills) fn triggers() -> Vec<Trigger> {
    let mut triggers = Vec::new();
    for phrase in STATUS {
        triggers
            .push(trigger(phrase, Action::Status).unless("my mine blocker blockers blocked from"));
    }
    for phrase in STATUS_ELSE {
        triggers.push(trigger(phrase, Action::Status).yielding());
    }
    for phrase in BLOCKERS {
        let trigger = trigger(phrase, Action::Blockers);
        triggers.push(match phrase.starts_with("who") {
            true => trigger.unless("me"),
            false => trigger,
        });
    }
    for state in ["=blocked", "=flagged", "=stuck"] {
        for phrase in [
            "{state} {issue}",
            "which|what {state} {issue}",
            "{state} {issue} sprint",
            "sprint {state}",
        ] {
            let phrase = phrase.replace("{state}", state).replace("{issue}", ISSUE);
            triggers.push(trigger(&phrase, Action::Blockers));
        }
    }
    for phrase in MINE {
        triggers.push(trigger(phrase, Action::Mine));
    }
    for phrase in [
        "my|mine {issue}",
        "my|mine {issue} sprint",
        "what|which my|mine {issue}",
        "what|which my|mine {issue} sprint",
        "{issue} =assigned me",
        "{issue} =assigned me sprint",
        "which {issue} =assigned me",
        "what|which {issue} i have|got",
        "what|which {issue} i have|got sprint",
        "{issue} i working on",
        "? my|mine {issue} done|finished|closed|open",
        "? which my|mine {issue} done|finished|closed|open",
        "? many {issue} i have|got",
        "? do i have {issue}",
        "? do i have {issue} sprint",
        "? do i have anything|work =assigned|left",
        "how many {issue} me|mine =assigned|mine|my|have",
    ] {
        triggers.push(trigger(&phrase.replace("{issue}", ISSUE), Action::Mine));
    }
    for phrase in STATUS_OF_A_NUMBER {
        // "Sprint 24 is done" only tells.
        let trigger = trigger(phrase, Action::Status).only_with_number();
        triggers.push(match *phrase {
            "sprint" => trigger.unless("done over finished closed started starts"),
            _ => trigger,
        });
    }
    for (names, sprint) in STATUS_OF_ANOTHER {
        for phrase in OF_ANOTHER {
            let input = json!({"action": Action::Status.as_str(), "sprint": sprint});
            let phrase = phrase.replace("{}", names);
            triggers.push(Trigger::new(&phrase, input).asked_as(question(Action::Status)));
        }
    }
    triggers
}

fn trigger(phrase: &str, action: Action) -> Trigger {
    let input: Value = json!({"action": action.as_str()});
    let trigger = Trigger::new(phrase, input)
        .with_number_of("sprint")
        .asked_as(question(action));
    match action {
        Action::Status if phrase.contains("sprint") => trigger.beside(BESIDE),
        Action::Status => trigger,
        Action::Blockers => trigger.beside("sprint team standup daily exist list work way story ticket issue thing progress down board new yesterday since"),
        Action::Mine => trigger.beside("sprint left remain many much number everything finish"),
    }
}

/// What is suggested to people whose question comes close.
fn question(action: Action) -> &'static str {
    match action {
        Action::Status => "how is the sprint going?",
        Action::Blockers => "what is blocked?",
        Action::Mine => "what is assigned to me in this sprint?",
    }
}
