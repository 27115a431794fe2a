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

const KINDS: [SmallTalk; 6] = [
    SmallTalk::Greeting,
    SmallTalk::Thanks,
    SmallTalk::Help,
    SmallTalk::Goodbye,
    // A wave, and a question mark alone.
    SmallTalk::Greeting,
    SmallTalk::Help,
];

/// One pattern a kind, in the order of [`KINDS`]. Each must match the whole message.
static PATTERNS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    const NAME: &str =
        r"(?:\s*,?\s*(?:there|all|every(?:one|body)|team|folks|guys|mate|t3nets|bot|again))*";
    const END: &str = r"(?:[\s!.?,;()👋🙏😊🙂👍❤️-]|:\)|:-\)|:[a-z_]+:)*$";
    const HELLO: &str = r"(?:hi+|hello+|hey+a?|hiya|howdy|yo|hola|greetings|gm|(?:good\s+)?(?:morning|afternoon|evening)|good\s+day)";
    const BYE: &str = r"(?:bye(?:\s*-?\s*bye)?|good\s?bye|good\s+night|see\s+(?:you|ya|u)(?:\s+(?:later|soon|tomorrow|around|on\s+\w+day))?|cya|later|ciao|farewell|ttyl|talk\s+to\s+you\s+(?:later|soon)|have\s+a\s+(?:nice|good|great)\s+(?:day|evening|weekend|one))";
    const THANKS: &str = r"(?:(?:ok(?:ay)?|great|perfect|cool|nice|awesome)\s*,?\s*)?(?:many\s+)?(?:thanks|thank\s+(?:you|u)|thx|ty(?:sm)?|tnx|cheers|much\s+appreciated|merci|danke|gracias)(?:\s+(?:so\s+much|very\s+much|a\s+(?:lot|bunch|million)|for\s+(?:your|the)\s+help))?";
    const MORE_THANKS: &str = r"(?:\s*[,.!]?\s*(?:that(?:'|’)?s\s+all|(?:that|this)\s+(?:helped|helps|was\s+helpful)|bye(?:\s+bye)?))?";
    const HOW_ARE_YOU: &str = r"(?:how\s+are\s+you(?:\s+(?:doing|today))?|how(?:'|’)?s\s+it\s+going|(?:what(?:'|’)?s\s+up|sup|wass?up)|(?:nice|good)\s+to\s+(?:see|meet)\s+you)";
    let help = [
        r"/?help(?:\s+me)?(?:\s+please)?",
        r"(?:please\s+help(?:\s+me)?|(?:can|could)\s+you\s+help(?:\s+me)?(?:\s+please)?|i\s+need(?:\s+some)?\s+help)",
        r"/start",
        r"/?(?:list\s+)?commands",
        r"what\s+(?:are|can)\s+(?:your|you)\s+(?:commands|able\s+to\s+do|do(?:\s+for\s+me)?|help(?:\s+me)?\s+with)",
        r"what\s+(?:are\s+you\s+able\s+to|can\s+you)\s+do(?:\s+for\s+(?:me|us))?",
        r"what\s+(?:can|could|should|may)\s+(?:i|we)\s+ask(?:\s+you)?",
        r"how\s+can\s+you\s+help(?:\s+(?:me|us))?",
        r"how\s+(?:do|can)\s+(?:i|we)\s+use\s+(?:this|you)",
        r"how\s+do(?:es)?\s+(?:this|it|you)\s+work",
        r"what\s+do\s+you\s+do",
        r"wh(?:o|at)\s+are\s+you",
    ]
    .join("|");
    RegexSet::new([
        format!(r"(?i)^\s*(?:{HELLO}{NAME}[\s,!.]*)?(?:{HELLO}|{HOW_ARE_YOU}){NAME}{END}"),
        format!(r"(?i)^\s*(?:that(?:\s+was|\s+is|(?:\x27|’)s)\s+(?:helpful|great|perfect|nice)\s*,\s*)?{THANKS}{NAME}{MORE_THANKS}{END}"),
        format!(r"(?i)^\s*(?:{HELLO}{NAME}[\s,!.]+)?(?:{help}){NAME}{END}"),
        format!(r"(?i)^\s*{BYE}{NAME}{END}"),
        r"^\s*(?:👋|:wave:)\s*$".to_owned(),
        r"^\s*\?+\s*$".to_owned(),
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
