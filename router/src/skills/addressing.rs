//! What a message says once the assistant is addressed: `@t3nets sprint status?` says
//! `sprint status?`. Pure, linear in the message's length.
//!
//! Each channel marks who is meant in its own way: Slack writes `<@U123>`
//! (<https://docs.slack.dev/messaging/formatting-message-text/#mentioning-users>), Teams
//! `<at>T3nets</at>`
//! (<https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/channel-and-group-conversations>),
//! Telegram `@name_bot`, also behind a command (<https://core.telegram.org/bots/features#commands>),
//! and people write the name.

use std::sync::LazyLock;

use regex::Regex;

/// A mention as a channel marks it, or as people write it. Invisible characters stand around names
/// that were chosen from a list.
const MARKED: &str = r"(?:<[@!][^<>]+>|<at\b[^<>]*>[^<>]*</at>|[@＠][^\s<>@＠,:;!?()]+)\p{Cf}*";
/// The assistant's name.
const NAME: &str = r"(?i:t3nets(?:[\s_-]?(?:bot|assistant))?\b)";
/// What people put before a name.
const GREETING: &str = r"(?i:(?:hi|hiya|hey|hello|yo|ok|okay|dear|good\s+(?:morning|afternoon|evening|day))\b[\s,!]*)?";
/// What stands between a name and what is said.
const GAP: &str = r"[\s\p{Cf}*_,:;.!?–—-]*";

struct Patterns {
    before: Regex,
    after: Regex,
    command: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let edge = r"[\s\p{Cf}*_]*";
    Some(Patterns {
        before: Regex::new(&format!(
            r"^(?:{edge}{GREETING}{edge}(?:{MARKED}|{NAME}){GAP})+"
        ))
        .ok()?,
        after: Regex::new(&format!(r"(?:[\s,\p{{Cf}}]+{MARKED})+(?P<end>[\s!?.…]*)$")).ok()?,
        command: Regex::new(r"^\s*/\w+(?P<bot>@\w+)").ok()?,
    })
});

/// The message without the names by which the assistant is addressed, before and behind what is
/// said; empty if nothing else is said. A name in the middle is part of what is said.
pub(crate) fn without_address(message: &str) -> &str {
    let Some(patterns) = PATTERNS.as_ref() else {
        return message;
    };
    let begin = patterns.before.find(message).map_or(0, |found| found.end());
    let said = message.get(begin..).unwrap_or_default();
    // Ends of a long message are not looked for: nothing that is matched is that long.
    if said.len() > 4096 {
        return said;
    }
    if let Some(bot) = patterns
        .command
        .captures(said)
        .and_then(|found| found.name("bot"))
        && said[bot.end()..].trim().is_empty()
    {
        return &said[..bot.start()];
    }
    match patterns.after.find(said) {
        Some(found) => &said[..found.start()],
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_left() {
        for (message, said) in [
            ("@t3nets sprint status?", "sprint status?"),
            ("T3nets, sprint status please", "sprint status please"),
            ("hey t3nets: sprint status", "sprint status"),
            ("<@U123> sprint status", "sprint status"),
            ("<@U123|t3nets>: sprint status", "sprint status"),
            ("Hey <@U123>, <@U456> sprint status", "sprint status"),
            ("<!here> sprint status", "sprint status"),
            ("<at>T3nets</at> sprint status", "sprint status"),
            ("<at id=\"0\">T3nets (dev)</at>&nbsp;x", "&nbsp;x"),
            ("@\u{2068}T3nets\u{2069} sprint status", "sprint status"),
            ("\u{200b}@t3nets\u{200b} sprint status", "sprint status"),
            ("**@t3nets** sprint status", "sprint status"),
            ("@t3nets_bot sprint status", "sprint status"),
            ("T3NETS — sprint status", "sprint status"),
            ("t3nets bot! sprint status", "sprint status"),
            ("good morning @T3nets, sprint status", "sprint status"),
            ("@T3nets Bot's board", "Bot's board"),
            ("sprint status, @t3nets?", "sprint status"),
            ("sprint status <@U123>", "sprint status"),
            ("/sprint_status@t3nets_bot", "/sprint_status"),
            ("/help@t3nets_bot ", "/help"),
            ("@t3nets", ""),
            ("hey t3nets!", ""),
            ("<@U123>", ""),
            // Not addressed.
            ("hey, sprint status", "hey, sprint status"),
            ("is <@U123> blocked?", "is <@U123> blocked?"),
            ("mail ada@example.com", "mail ada@example.com"),
            ("what is t3nets?", "what is t3nets?"),
            ("t3netsx status", "t3netsx status"),
            ("a < b and c > d", "a < b and c > d"),
            ("", ""),
        ] {
            assert_eq!(without_address(message), said, "{message:?}");
        }
    }

    #[test]
    fn hostile_messages_are_read_without_harm() {
        for piece in [
            "@", "<@", "@a ", "<at>", "hey ", "t3nets ", " @a", "\u{2068}", "*",
        ] {
            let message = piece.repeat(1 << 15);
            assert!(without_address(&message).len() <= message.len());
        }
    }
}
