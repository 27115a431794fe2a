use super::*;
use crate::skills::{Reach, SkillSet};

/// `SKILL/ACTION` of the message, with `#SPRINT` if it names one, or `-`.
fn meant(message: &str, skills: &SkillSet) -> String {
    match best_match(message, skills.iter()) {
        None => "-".to_owned(),
        Some(found) => {
            let action = found.input["action"].as_str();
            let sprint = found.input["sprint"].as_str();
            let action = action.map(|action| format!("/{action}"));
            let sprint = sprint.map(|sprint| format!("#{sprint}"));
            [found.skill]
                .into_iter()
                .chain(action.as_deref())
                .chain(sprint.as_deref())
                .collect()
        }
    }
}

fn assert_all_mean(expected: &str, messages: &[&str]) {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let wrong: Vec<String> = messages
        .iter()
        .map(|message| (message, meant(message, &skills)))
        .filter(|(_, meant)| meant != expected)
        .map(|(message, meant)| format!("{message:?} means {meant}"))
        .collect();
    assert!(wrong.is_empty(), "not {expected}: {wrong:#?}");
}

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
            "release status",
            "what's left in the sprint",
            "show me the sprint",
            "sprint health",
            "Show the sprint, please",
            "can I see our sprint?",
            "let me check the sprint",
            "let's look at the sprint",
            "are we still on schedule?",
            "are we behind schedule",
            "what is the release status?",
            "release readiness?",
            "are we ready to release?",
        ],
    );
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
fn a_message_to_the_assistant_means_what_it_says() {
    let ways = [
        "@t3nets {}",
        "T3nets, {}",
        "hey t3nets: {}",
        "<@U123> {}",
        "<at>T3nets</at> {}",
        "@t3nets-dev {}",
        "hi @assistant_bot, {}",
        "{} @t3nets",
        "{}, t3nets",
        "{} <@U123>",
        "ok t3nets, {}, please",
    ];
    let fill = |said: &str| ways.map(|way| way.replace("{}", said));
    let all = |said| fill(said).iter().map(String::to_owned).collect::<Vec<_>>();
    for (said, means) in [
        ("sprint status?", "sprint_status/status"),
        ("how is sprint 24 going?", "sprint_status/status#24"),
        ("any blockers?", "sprint_status/blockers"),
        ("what's on my plate", "sprint_status/mine"),
        ("ping", "ping"),
        ("what is a sprint?", "-"),
        ("please do not run a sprint report now", "-"),
    ] {
        let messages = all(said);
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        assert_all_mean(means, &messages);
    }
    assert_all_mean("sprint_status/status", &["/sprint_status@t3nets_bot"]);
    assert_all_mean("-", &["is <@U123> blocked?", "@t3nets", "what is t3nets?"]);
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

#[test]
fn what_is_told_not_to_be_done_is_not_done() {
    assert_all_mean(
        "-",
        &[
            "please do not run a sprint report now",
            "don't show me the sprint status",
            "don’t show me the sprint status",
            "dont show me the sprint status",
            "Do NOT give me the sprint status update",
            "do not tell me how many days are remaining in the sprint",
            "I don't want to see our sprint progress",
            "I do not need the sprint report",
            "no need for the sprint status",
            "no sprint status please",
            "stop the sprint status update",
            "stop showing me my tickets",
            "never show my sprint issues again",
            "not the sprint status, please",
            "skip the sprint status",
            "cancel the sprint report",
            "forget the blockers",
            "without the sprint status please",
            "enough of the sprint status",
            "nevermind the sprint status",
            "never mind, the sprint status",
            "you needn't list the blockers",
            "you mustn't ping",
            "don't ping",
            "no ping",
            "@t3nets please don't, no sprint status",
        ],
    );
    assert_all_mean(
        "sprint_status/blockers",
        &["don't we have any blockers?", "aren't there any blockers?"],
    );
    assert_all_mean(
        "sprint_status/status",
        &[
            "can't you show me the sprint status?",
            "isn't the sprint on track?",
        ],
    );
}

#[test]
fn the_closest_question_is_found_for_what_no_rule_takes() {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    for (message, question) in [
        ("sprnt status", "how is the sprint going?"),
        (
            "what's the staus of our spring?",
            "how is the sprint going?",
        ),
        (
            "why did the sprint status change",
            "how is the sprint going?",
        ),
        (
            "@t3nets summarize the sprint for Bob",
            "how is the sprint going?",
        ),
        ("is anything blocked by Bob?", "what is blocked?"),
        ("blokers", "what is blocked?"),
        (
            "show Bob my tickets",
            "what is assigned to me in this sprint?",
        ),
        ("pign", "ping"),
    ] {
        assert_eq!(
            closest(message, skills.iter()),
            Some(question),
            "{message:?}"
        );
    }
    for message in [
        "",
        "who wrote Hamlet?",
        "status of my order",
        "explain variable scope in Python",
        "write a blog post about sprint status reports for managers",
        "please do not run a sprint report now",
        "don't show the sprnt status",
    ] {
        assert_eq!(closest(message, skills.iter()), None, "{message:?}");
    }
}

#[test]
fn every_question_that_is_suggested_is_answered_by_the_rule_it_is_suggested_for() {
    for skill in SkillSet::built_in(Reach::Anywhere).unwrap().iter() {
        for trigger in skill.triggers() {
            let found = best_match(trigger.question(), [skill].into_iter());
            let found = found.unwrap_or_else(|| panic!("{:?} means nothing", trigger.question()));
            assert_eq!(found.input.get("action"), trigger.input.get("action"));
        }
    }
}

#[test]
fn a_ping_means_ping() {
    assert_all_mean(
        "ping",
        &["ping", "Ping!", "ping?", "hey, ping please", "ping ping"],
    );
}

#[test]
fn other_messages_mean_no_skill() {
    assert_all_mean(
        "-",
        &[
            "",
            "?!…",
            "hello",
            "status?",
            "please, what is it",
            "explain variable scope in Python",
            "what is a sprint in Scrum?",
            "what is a sprint?",
            "how long is a sprint?",
            "how do I sprint faster",
            "write a blog post about sprint status reports for managers",
            "write a poem about our sprint",
            "status of my order",
            "what is the status of my application",
            "what's the status of the deployment?",
            "what's our project status?",
            "ping pong rules",
            "what is ping?",
            "ping 8.8.8.8",
            "how do I ping a server",
            "shipping costs",
            "sprinting shoes",
            "best sprint spikes for 100 m",
            "did Usain Bolt sprint on track or grass in 2008",
            "block of code",
            "explain the block chain",
            "what is a block?",
            "what is a blocker",
            "what do beta blockers do",
            "how do I block a user?",
            "what blocks a user from logging in",
            "what is blocking port 8080?",
            "is anything blocked by the firewall?",
            "which ad blocker is best",
            "who blocked me on Instagram",
            "remove the blocker from ABC-12",
            "how does sprint planning work?",
            "plan the next sprint with me",
            "how is sprint velocity computed",
            "how should a sprint retrospective go",
            "compare sprint status between team red and team blue",
            "sprint status code 404",
            "my issues with Python imports",
            "fix my issue",
            "my task is to write an essay",
            "my phone bill from Sprint",
            "what should I work on next?",
            "assign ABC-12 to me",
            "create a ticket",
            "translate 'sprint status' to French",
            "how do I write tickets well?",
            "why did the last sprint fail so badly",
            "summarize this meeting",
            "what is Jira?",
            "when does the train leave",
            "how many days left until Christmas",
            "on track and field",
        ],
    );
}

#[test]
fn long_and_hostile_messages_are_read_without_harm() {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let hostile = [
        "sprint status ".repeat(2) + &"word1 word2 ".repeat(9000),
        (0..30_000).map(|n| format!("w{n} ")).collect::<String>() + "sprint status",
        "s".repeat(1 << 20),
        "'".repeat(1 << 16),
        "’sprint’".repeat(1 << 12),
        "\u{301}".repeat(1 << 16),
        "sprint\u{202e}sutats \u{0}\u{feff}\u{fffd}".to_owned(),
        "İSPRİNT ẞtatus ﬁ ǅ".to_owned(),
        "ｓｐｒｉｎｔ ｓｔａｔｕｓ".to_owned(),
        "スプリントの状況は?".to_owned(),
        "👩‍👩‍👧‍👦".repeat(4096),
        "ing ed s ies ly 's ''s".to_owned(),
    ];
    for message in hostile {
        let start: String = message.chars().take(20).collect();
        assert_eq!(meant(&message, &skills), "-", "{start:?}…");
    }
    // Repeating oneself says nothing new.
    assert_eq!(
        meant(&"sprint status? ".repeat(2000), &skills),
        "sprint_status/status"
    );
}

#[test]
fn only_the_given_skills_are_matched() {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let others = skills
        .iter()
        .filter(|skill| skill.name() != "sprint_status");
    assert_eq!(best_match("sprint status", others), None);
}

#[test]
fn confidence_is_the_share_of_the_message_that_is_explained() {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let confidence = |message| best_match(message, skills.iter()).map(|found| found.confidence);
    assert_eq!(confidence("sprint status"), Some(1.0));
    assert_eq!(confidence("what is the sprint status"), Some(0.8));
    assert_eq!(confidence("what is a sprint status"), None);
}
