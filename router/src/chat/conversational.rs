//! Small talk that needs no model: greetings, thanks, help, goodbye. Pure, linear in the message's
//! length, and strict: a message that says anything more is not small talk.

use std::sync::LazyLock;

use regex::RegexSet;

use crate::skills::SkillSet;
use crate::skills::addressing::without_address;

/// A longer message is more than small talk.
const MAX_BYTES: usize = 80;

/// What a message of small talk is, with an example each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallTalk {
    /// "Good morning!"
    Greeting,
    /// "Thanks a lot."
    Thanks,
    /// "What can you do?"
    Help,
    /// "See you."
    Goodbye,
}

const KINDS: [SmallTalk; 4] = [
    SmallTalk::Greeting,
    SmallTalk::Thanks,
    SmallTalk::Help,
    SmallTalk::Goodbye,
];

/// One pattern a kind, in the order of [`KINDS`]. Each must match the whole message.
static PATTERNS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    const NAME: &str = r"(?:\s*,?\s*(?:there|all|everyone|team|folks|t3nets|bot|again))*";
    const END: &str = r"[\s!.?,:;()👋🙏😊🙂-]*$";
    RegexSet::new([
        format!(r"(?i)^\s*(?:hi+|hello+|hey+|hiya|howdy|yo|greetings|good\s+(?:morning|afternoon|evening|day)){NAME}{END}"),
        format!(
            r"(?i)^\s*(?:(?:ok(?:ay)?|great|perfect|cool|nice|awesome)\s*,?\s*)?(?:many\s+)?(?:thanks|thank\s+you|thx|ty|cheers|much\s+appreciated)(?:\s+(?:so\s+much|very\s+much|a\s+lot|a\s+bunch))?{NAME}{END}"
        ),
        format!(
            r"(?i)^\s*(?:/?help(?:\s+me)?|/start|what\s+can\s+you\s+(?:do|help(?:\s+me)?\s+with)|how\s+can\s+you\s+help(?:\s+me)?|what\s+do\s+you\s+do|who\s+are\s+you|what\s+are\s+you){NAME}{END}"
        ),
        format!(r"(?i)^\s*(?:bye(?:\s*-?\s*bye)?|goodbye|good\s+night|see\s+(?:you|ya)(?:\s+(?:later|soon|tomorrow))?|cya|ciao|farewell){NAME}{END}"),
    ])
    .ok()
});

/// What kind of small talk the message is, if it is nothing else.
pub fn classify(message: &str) -> Option<SmallTalk> {
    let said = without_address(message).trim();
    if said.len() > MAX_BYTES {
        return None;
    }
    if said.is_empty() && !message.trim().is_empty() {
        return Some(SmallTalk::Greeting);
    }
    let first = PATTERNS.as_ref()?.matches(said).iter().next()?;
    KINDS.get(first).copied()
}

/// The fixed answer; for [`SmallTalk::Help`] it lists the skills.
pub fn answer(kind: SmallTalk, skills: &SkillSet) -> String {
    match kind {
        SmallTalk::Greeting => "Hello! What would you like to know?".to_owned(),
        SmallTalk::Thanks => "You're welcome!".to_owned(),
        SmallTalk::Goodbye => "Goodbye!".to_owned(),
        SmallTalk::Help => {
            let mut text = "I answer questions from your team's own tools. I know:\n".to_owned();
            for skill in skills.iter() {
                text.push_str(&format!("- {}: {}\n", skill.name(), skill.summary()));
            }
            text.push_str("Ask in your own words, for example \"sprint status?\". With --raw you get the data itself.");
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_talk_is_recognised() {
        for (message, kind) in [
            ("hi", SmallTalk::Greeting),
            ("Hello there!", SmallTalk::Greeting),
            ("  good   morning team ", SmallTalk::Greeting),
            ("Hey, everyone 👋", SmallTalk::Greeting),
            ("thanks", SmallTalk::Thanks),
            ("Great, thank you so much!!", SmallTalk::Thanks),
            ("help", SmallTalk::Help),
            ("What can you do?", SmallTalk::Help),
            ("who are you", SmallTalk::Help),
            ("bye", SmallTalk::Goodbye),
            ("See you tomorrow.", SmallTalk::Goodbye),
            ("@t3nets", SmallTalk::Greeting),
            ("hey t3nets!", SmallTalk::Greeting),
            ("<@U123> hi", SmallTalk::Greeting),
            ("T3nets, help", SmallTalk::Help),
            ("<at>T3nets</at> what can you do?", SmallTalk::Help),
            ("/help@t3nets_bot", SmallTalk::Help),
            ("/start", SmallTalk::Help),
            ("thanks <@U123>!", SmallTalk::Thanks),
            ("@t3nets thank you", SmallTalk::Thanks),
            ("good night, @t3nets", SmallTalk::Goodbye),
        ] {
            assert_eq!(classify(message), Some(kind), "{message:?}");
        }
    }

    #[test]
    fn a_message_that_says_more_is_not_small_talk() {
        for message in [
            "",
            "hi, what is the sprint status?",
            "hide the ticket",
            "history of the project",
            "thanks to whom do we owe the delay?",
            "help me write a release note",
            "bye-law changes",
            "hello world program in C",
            "sprint status?",
            "@t3nets help me write a release note",
            "<@U123> what?",
        ] {
            assert_eq!(classify(message), None, "{message:?}");
        }
        assert_eq!(classify(&"hi ".repeat(1_000_000)), None);
    }

    #[test]
    fn every_pattern_compiles() {
        assert!(PATTERNS.is_some());
    }
}
