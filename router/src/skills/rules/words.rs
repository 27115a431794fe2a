//! What words weigh, and which of them are one. Pure data.

/// How much a word matters, from 0 to 2.
pub(super) fn weight(word: &str) -> u32 {
    if is_filler(word) {
        0
    } else if is_question_word(word) || matches!(word, "a" | "an") {
        1
    } else {
        2
    }
}

/// Whether a word only asks, whatever it is about.
pub(super) fn only_asks(word: &str) -> bool {
    weight(word) == 1 || matches!(word, "who" | "whose" | "why" | "?")
}

fn is_question_word(word: &str) -> bool {
    matches!(word, "what" | "which" | "how" | "when" | "where")
}

/// What people write for a word, most of it on phones.
pub(super) fn spelled_out(word: &str) -> &str {
    match word {
        "hows" | "how'd" | "howz" => "how",
        "whats" | "wat" | "wats" | "whatz" | "wut" => "what",
        "whos" => "who",
        "wheres" => "where",
        "whens" => "when",
        "wich" => "which",
        "u" => "you",
        "ur" => "your",
        "r" => "are",
        "im" => "i",
        "goin" => "going",
        "doin" => "doing",
        "lookin" => "looking",
        "anythin" => "anything",
        "teh" => "the",
        "sup" => "what",
        "tldr" => "summary",
        "stats" => "status",
        "eta" => "date",
        "relnotes" | "releasenotes" => "changelog",
        "fixversions" => "versions",
        "iteration" | "iterations" => "sprint",
        "impeding" | "hindering" | "hinders" | "impeded" | "impedes" => "blocking",
        "anybody" | "someone" | "somebody" => "anyone",
        "something" => "anything",
        other => other,
    }
}

/// Words that do not tell what is wanted: grammar, politeness, "now" (a skill always reports the
/// present), and the words with which people ask to be shown something.
#[rustfmt::skip]
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "the" | "this" | "that" | "these" | "those" | "there" | "here" | "it" | "its" | "any" | "anything" | "anyone"
        | "some" | "all" | "so" | "just" | "also" | "only" | "still" | "and" | "or" | "but" | "if" | "then"
        | "i" | "me" | "my" | "we" | "us" | "our" | "ours" | "you" | "your" | "they" | "s" | "t" | "m" | "re" | "d"
        | "is" | "isn" | "are" | "aren" | "am" | "was" | "were" | "be" | "been" | "being" | "do" | "don" | "does" | "doesn" | "did"
        | "have" | "has" | "had" | "got" | "can" | "could" | "would" | "will" | "ll" | "ve" | "may" | "gonna" | "wanna"
        | "of" | "in" | "on" | "at" | "to" | "for" | "with" | "by" | "from" | "about" | "up" | "out" | "into" | "as"
        | "please" | "pls" | "plz" | "plss" | "kindly" | "thanks" | "thank" | "thx" | "ty" | "cheers" | "hey" | "hi" | "hello" | "hiya"
        | "yo" | "ok" | "okay" | "well" | "t3nets" | "good" | "morning" | "afternoon" | "evening" | "everyone" | "folks" | "team" | "bot"
        | "assistant" | "asap" | "rn" | "atm" | "lmk" | "fyi" | "btw" | "gimme" | "sorry" | "eod"
        | "now" | "right" | "today" | "current" | "currently" | "latest" | "far" | "yet" | "moment" | "quick" | "quickly"
        | "again" | "open" | "jira" | "ongoing" | "actual" | "already" | "exactly"
        | "show" | "tell" | "give" | "get" | "list" | "see" | "check" | "display" | "fetch" | "pull" | "look" | "let" | "lets"
        | "want" | "need" | "like" | "love" | "know" | "wondering" | "share" | "send" | "provide" | "run" | "print"
    )
}

/// Words behind a number that make it an amount of something.
#[rustfmt::skip]
pub(super) fn is_unit(word: &str) -> bool {
    matches!(
        word,
        "m" | "km" | "cm" | "metre" | "metres" | "meter" | "meters" | "mile" | "miles" | "yard" | "yards" | "feet"
            | "s" | "sec" | "second" | "seconds" | "min" | "mins" | "minute" | "minutes" | "h" | "hour" | "hours"
            | "day" | "days" | "week" | "weeks" | "month" | "months" | "year" | "years"
            | "time" | "times" | "x" | "percent" | "point" | "points"
    )
}

/// Whether a word tells not to do something. "don't we have blockers?" only asks, and what is "not
/// done" is asked for.
#[rustfmt::skip]
pub(super) fn forbids(piece: &str, next: Option<&str>) -> bool {
    match piece {
        "don't" | "dont" | "don" => !matches!(next, Some("we" | "i" | "they")),
        "not" => !matches!(
            next,
            Some("done" | "finished" | "ready" | "complete" | "completed" | "closed" | "resolved" | "released" | "started" | "yet")
        ),
        "no" | "none" | "nothing" | "never" | "nevermind" | "nor" | "neither" | "without" | "mustn't" | "needn't" | "shouldn't"
        | "stop" | "cancel" | "skip" | "forget" | "avoid" | "refrain" | "ignore" | "disable" | "mute" | "instead"
        | "unsubscribe" => true,
        _ => false,
    }
}
