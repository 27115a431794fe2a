//! What endpoints turned out not to take. Compatible endpoints differ, and say so only in the words
//! of a refusal: what was learnt of a model is kept, so that it is refused once and not each turn.

use std::sync::Arc;

use moka::sync::Cache;

/// How many models are remembered.
const MOST_MODELS: u64 = 1_000;

/// What one model of an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Takes {
    pub(super) tools: bool,
    /// Whether it may be asked to count tokens.
    pub(super) stream_options: bool,
    /// The parameter that limits the answer's length.
    pub(super) limit: LimitName,
}

/// What the parameter is called that limits the answer's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitName {
    /// `max_tokens`: of compatible servers, which ignore the newer name.
    MaxTokens,
    /// `max_completion_tokens`: OpenAI refuses the older name for its newer models.
    MaxCompletionTokens,
}

impl LimitName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::MaxTokens => Self::MaxCompletionTokens,
            Self::MaxCompletionTokens => Self::MaxTokens,
        }
    }
}

/// Parts of the messages by which endpoints refuse tools, in lower case: Ollama's, vLLM's without
/// `--enable-auto-tool-choice`, llama.cpp's without `--jinja`, OpenRouter's, and others'.
const NO_TOOLS: &[&str] = &[
    "does not support tools",
    "does not support tool",
    "do not support tool",
    "doesn't support tool",
    "support function calling",
    "tool choice requires",
    "tools param requires",
    "tools are not supported",
    "tools not supported",
    "support tool use",
    "function calling is not",
    "tool use is not",
    "tools is not supported",
    "tool calling is not supported",
    "unsupported parameter: 'tools'",
];

impl Takes {
    /// What is tried instead of what was refused; none if the refusal is about something else.
    pub(super) fn after(self, refusal: &str, has_tools: bool) -> Option<Self> {
        let refusal = refusal.to_lowercase();
        let names = |what: &str| refusal.contains(what);
        if has_tools && self.tools && NO_TOOLS.iter().any(|words| names(words)) {
            return Some(Self {
                tools: false,
                ..self
            });
        }
        if self.stream_options && names("stream_options") {
            return Some(Self {
                stream_options: false,
                ..self
            });
        }
        // The name that was not sent is the one that is wanted; the one that was sent is named
        // where it is not known.
        let wanted = names(self.limit.other().as_str());
        let unknown = names(self.limit.as_str())
            && [
                "unsupported",
                "not supported",
                "unrecognized",
                "unknown",
                "extra",
            ]
            .iter()
            .any(|word| names(word));
        (wanted || unknown).then(|| Self {
            limit: self.limit.other(),
            ..self
        })
    }
}

/// What was learnt of all models, for the whole process.
#[derive(Clone)]
pub(in crate::ai) struct Learnt(Arc<Cache<(String, String), Takes>>);

impl Default for Learnt {
    fn default() -> Self {
        Self(Arc::new(Cache::new(MOST_MODELS)))
    }
}

impl Learnt {
    /// What a model at an address takes; `first` until something was learnt.
    pub(super) fn of(&self, url: &str, model: &str, first: Takes) -> Takes {
        self.0
            .get(&(url.to_owned(), model.to_owned()))
            .unwrap_or(first)
    }

    /// Remembers what an answer proved.
    pub(super) fn note(&self, url: &str, model: &str, takes: Takes) {
        self.0.insert((url.to_owned(), model.to_owned()), takes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Takes = Takes {
        tools: true,
        stream_options: true,
        limit: LimitName::MaxTokens,
    };

    #[test]
    fn a_refusal_says_what_to_leave_out() {
        let after = |refusal| ALL.after(refusal, true);
        for refusal in [
            "registry.ollama.ai/library/gemma:2b does not support tools",
            "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            "tools param requires --jinja flag",
            "No endpoints found that support tool use. Try disabling \"sprint_status\".",
            "Function calling is not enabled for this model",
            "tool use is not enabled for this model",
            "Tools not supported for model",
        ] {
            assert_eq!(
                after(refusal),
                Some(Takes {
                    tools: false,
                    ..ALL
                }),
                "{refusal}"
            );
        }
        assert_eq!(
            after("body.stream_options: Extra inputs are not permitted"),
            Some(Takes {
                stream_options: false,
                ..ALL
            })
        );
        let newer = Some(Takes {
            limit: LimitName::MaxCompletionTokens,
            ..ALL
        });
        assert_eq!(
            after(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            ),
            newer
        );
        let sent = Takes {
            limit: LimitName::MaxCompletionTokens,
            ..ALL
        };
        assert_eq!(
            sent.after("unknown field max_completion_tokens", true),
            Some(ALL)
        );
        for other in [
            "max_tokens is too large: 9",
            "`temperature` must be below 2",
            "",
        ] {
            assert_eq!(after(other), None, "{other}");
        }
        assert_eq!(ALL.after("does not support tools", false), None);
    }

    #[test]
    fn what_was_learnt_of_a_model_is_no_other_models() {
        let learnt = Learnt::default();
        let without = Takes {
            tools: false,
            ..ALL
        };
        learnt.note("u", "m", without);
        assert_eq!(learnt.of("u", "m", ALL), without);
        assert_eq!(learnt.of("u", "other", ALL), ALL);
        assert_eq!(learnt.of("elsewhere", "m", ALL), ALL);
    }
}
