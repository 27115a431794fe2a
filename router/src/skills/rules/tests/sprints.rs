use super::{assert_all_mean, meant};
use crate::skills::{Reach, SkillSet};

#[test]
fn questions_about_the_sprint_mean_its_status() {
    assert_all_mean(
        "sprint_status/status",
        &[
            "sprint status?",
            "SPRINT STATUS",
            "sprint_status",
            "status of sprint",
            "what is the sprint status?",
            "what's the status of our current sprint please?",
            "What’s the status of this sprint",
            "could you tell me the sprint's status, please?",
            "hey team bot, quick sprint status update",
            "give me a sprint status",
            "how is the sprint going",
            "how's our sprint going so far?",
            "How are we doing this sprint?",
            "how is the sprint looking?",
            "how did the sprint go",
            "how's the sprint",
            "where do we stand in this sprint?",
            "where are we in the sprint",
            "are we on track this sprint",
            "is the sprint on track?",
            "are we behind schedule this sprint?",
            "is our sprint at risk",
            "how many days left in the sprint",
            "how many days are left in this sprint?",
            "how much time is left in the sprint?",
            "days remaining in the sprint",
            "when does the sprint end?",
            "when is our sprint over",
            "sprint progress please",
            "show me the current sprint",
            "what is the current sprint?",
            "Sprint-Report",
            "sprint summary, thanks!",
            "what is our sprint goal?",
            "what's left in the sprint?",
            "how many points are left in the sprint?",
            "I want to see our sprint progress",
        ],
    );
}

/// What the Python program's `skill.yaml` listed, and what people make of it.
#[test]
fn what_meant_the_sprint_before_means_it_still() {
    assert_all_mean(
        "sprint_status/status",
        &[
            "sprint status",
            "are we on track",
            "what's left in the sprint",
            "show me the sprint",
            "sprint health",
            "Show the sprint, please",
            "can I see our sprint?",
            "let me check the sprint",
            "let's look at the sprint",
            "are we still on schedule?",
            "are we behind schedule",
        ],
    );
    // A tenant whose list of skills is older than `release_notes` is answered as before.
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    for message in [
        "release status",
        "what is the release status?",
        "release readiness?",
        "are we ready to release?",
    ] {
        let older = skills
            .rules()
            .best_match(message, |name| name == "sprint_status");
        assert_eq!(
            older.map(|found| found.skill),
            Some("sprint_status"),
            "{message}"
        );
        assert_eq!(
            meant(message, &skills),
            "release_notes/summarize#next",
            "{message}"
        );
    }
    assert_all_mean(
        "sprint_status/blockers",
        &["what's blocked", "what is blocked right now?"],
    );
    assert_all_mean(
        "-",
        &[
            "show me a sprint",
            "show me a sprint retrospective template",
            "what is a release status",
            "are we on track with hiring?",
            "how do we track time?",
            "what's the release status of Python 3.14?",
            "is it on track",
            "don't show me the sprint",
        ],
    );
}

#[test]
fn questions_about_what_is_in_the_way_mean_blockers() {
    assert_all_mean(
        "sprint_status/blockers",
        &[
            "any blockers?",
            "blockers",
            "Blocker?",
            "what are the blockers?",
            "what are our blockers right now",
            "list all blockers please",
            "are there any blockers in this sprint?",
            "do we have blockers",
            "is there a blocker?",
            "sprint blockers",
            "what is blocking us",
            "what's blocking the team?",
            "what's blocked?",
            "is anything blocked this sprint",
            "is anything blocking us?",
            "what is blocked in the sprint",
            "are we blocked?",
            "is anyone blocked",
            "who is blocked?",
            "which tickets are blocked?",
            "show me blocked issues",
            "blocked stories in the sprint",
            "flagged issues",
            "any impediments?",
            "what is holding us up?",
            "is anything stuck in this sprint?",
        ],
    );
}

#[test]
fn questions_about_ones_own_work_mean_mine() {
    assert_all_mean(
        "sprint_status/mine",
        &[
            "my sprint issues",
            "my tickets",
            "show my tasks",
            "list my open issues in this sprint",
            "what are my tickets this sprint?",
            "what am I working on this sprint",
            "what am I working on?",
            "What I'm working on",
            "which tickets are assigned to me",
            "issues assigned to me",
            "what is assigned to me this sprint?",
            "what's on my plate?",
            "what do I have in this sprint",
            "which issues do I have?",
            "which stories am I working on",
        ],
    );
}

#[test]
fn a_sprint_that_is_named_is_meant() {
    assert_all_mean(
        "sprint_status/status#24",
        &[
            "how is sprint 24 going?",
            "How's Sprint #24 going?",
            "sprint 24 status",
            "status of sprint no. 24",
            "status of sprint number 24, please",
            "sprint24 report",
            "sprint-24",
            "what about sprint 24?",
            "show me sprint 24",
            "how was sprint 24?",
            "how did sprint 24 go",
            "what happened in sprint 24",
            "when did sprint 24 end?",
            "is sprint 24 over?",
            "is sprint 24 on track?",
            "how many points are left in sprint 24?",
            "how is the 24th sprint going?",
            "how is sprint 024 going?",
        ],
    );
    assert_all_mean(
        "sprint_status/blockers#24",
        &["blockers in sprint 24?", "what is blocked in sprint 24"],
    );
    assert_all_mean("sprint_status/mine#24", &["my tickets in sprint 24"]);
    assert_all_mean(
        "sprint_status/status#last",
        &[
            "how did the last sprint go?",
            "report of the last sprint",
            "previous sprint status",
        ],
    );
    assert_all_mean(
        "sprint_status/status#next",
        &[
            "what's in the next sprint?",
            "when does the next sprint start?",
        ],
    );
    assert_all_mean(
        "-",
        &[
            "plan sprint 25",
            "close sprint 24",
            "start sprint 25",
            "finish sprint 24",
            "move ABC-12 to sprint 24",
            "compare sprint 23 with sprint 24",
            "compare sprint 23 and 24",
            "sprint status code 404",
            "how to sprint 100 m",
            "sprint 24 hours a day",
            "what is blocking port 8080?",
            "sprint 2026-24 status",
            "sprint 99999999999999999999 status",
            "plan the next sprint with me",
            "why did the last sprint fail so badly",
        ],
    );
}
