use super::{assert_all_mean, meant};
use crate::skills::{Reach, SkillSet};

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
            skills.rules().closest(message, |_| true),
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
        assert_eq!(
            skills.rules().closest(message, |_| true),
            None,
            "{message:?}"
        );
    }
}

#[test]
fn every_question_that_is_suggested_is_answered_by_the_rule_it_is_suggested_for() {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    for skill in skills.iter() {
        for trigger in skill.triggers() {
            let found = skills
                .rules()
                .best_match(trigger.question(), |name| name == skill.name());
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
    let found = skills
        .rules()
        .best_match("sprint status", |name| name != "sprint_status");
    assert_eq!(found, None);
}

#[test]
fn confidence_is_the_share_of_the_message_that_is_explained() {
    let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
    let confidence = |message| {
        skills
            .rules()
            .best_match(message, |_| true)
            .map(|found| found.confidence)
    };
    assert_eq!(confidence("sprint status"), Some(1.0));
    assert_eq!(confidence("where is the sprint status"), Some(0.8));
    assert_eq!(confidence("where is a sprint status"), None);
}

#[test]
fn several_things_at_once_are_left_to_the_model() {
    assert_all_mean(
        "-",
        &[
            "sprint status and blockers",
            "which releases are planned and what's in the next release?",
            "what's the sprint status, who is blocked, and what is mine?",
            "Any blockers? And release notes for 2.4, please.",
            "list releases & my tickets",
            "what's in the next release and what is blocking us?",
        ],
    );
    assert_all_mean(
        "sprint_status/blockers",
        &["any blockers, any impediments?"],
    );
}

#[test]
fn how_something_is_done_or_called_is_no_question_about_the_team() {
    assert_all_mean(
        "-",
        &[
            "how do I get the sprint report in Jira",
            "how to write release notes",
            "how should I write release notes?",
            "what is a release",
            "what's a good sprint goal",
            "what are release notes",
            "how long is a sprint",
            "what does a blocker look like",
        ],
    );
    assert_all_mean("sprint_status/status", &["how do we stand in the sprint?"]);
}

#[test]
fn what_only_tells_asks_nothing() {
    assert_all_mean(
        "-",
        &[
            "the sprint is going well",
            "Sprint 24 is done!",
            "we are on track",
            "the release is on Friday",
            "we released 2.4 yesterday",
            "I closed my tickets",
        ],
    );
}

#[test]
fn slips_of_the_fingers_mean_what_was_meant_unless_they_are_words() {
    assert_all_mean(
        "sprint_status/status",
        &["spritn status", "sprnt status", "sprint staus"],
    );
    assert_all_mean("sprint_status/blockers", &["any blokers?", "bolckers"]);
    assert_all_mean(
        "release_notes/list_releases",
        &["relases", "upcoming relases"],
    );
    assert_all_mean("release_notes/summarize#2.4", &["realease notes for 2.4"]);
    assert_all_mean(
        "-",
        &[
            "spring status",
            "print status",
            "statue of the sprinter",
            "lockers?",
        ],
    );
}

#[test]
fn the_last_sentence_is_what_is_asked_where_the_others_only_tell() {
    assert_all_mean(
        "sprint_status/status",
        &["I am back from a long holiday in the mountains. How is the sprint going?"],
    );
    assert_all_mean(
        "-",
        &[
            "Here is my code `x = 1` for the parser of dates. How is the sprint going?",
            "Who wrote the following? It is about a parser of dates. How is the sprint going?",
        ],
    );
}
