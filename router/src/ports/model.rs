//! The port of language models.

use async_trait::async_trait;

use crate::model::{ModelReply, ModelRequest, TokenUsage};

/// Why a model gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The provider limits the rate of requests.
    #[error("the model's provider limits the rate of requests")]
    Throttled {
        /// How long the provider asks to wait.
        retry_after: Option<std::time::Duration>,
    },
    /// The provider cannot be reached or is overloaded.
    #[error("the model's provider is unavailable: {0}")]
    Unavailable(String),
    /// It failed several times in a row, and is not asked for a while.
    #[error("the model failed several times in a row; it is asked again in {} s", .retry_after.as_secs().max(1))]
    Paused {
        /// How long that lasts.
        retry_after: std::time::Duration,
    },
    /// No answer in time.
    #[error("the model did not answer in time")]
    TimedOut,
    /// The provider refused the credentials or the permission.
    #[error("the model's provider refused the credentials: {0}")]
    Denied(String),
    /// The provider knows no such model.
    #[error("the model's provider does not offer `{0}`")]
    UnknownModel(String),
    /// The conversation is longer than the model takes.
    #[error("the conversation is too long for the model")]
    TooLong,
    /// The model takes no tools, and their results are what it is asked about.
    #[error("the model takes no tools")]
    NoTools,
    /// The provider refused the form that the answer was to have.
    #[error("the model's provider refused the form of the answer: {0}")]
    Format(String),
    /// Templates write no answer of a form.
    #[error("without a model there is no answer of the form that was asked for")]
    NoFormat,
    /// The provider refused the request for another reason.
    #[error("the model's provider refused the request: {0}")]
    Rejected(String),
    /// The answer does not follow the provider's protocol.
    #[error("the model's provider answered in an unexpected form: {0}")]
    Protocol(String),
}

impl ModelError {
    /// A word for each kind, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::Paused { .. } => "paused",
            Self::TimedOut => "timeout",
            Self::Denied(_) => "denied",
            Self::UnknownModel(_) => "unknown_model",
            Self::TooLong => "too_long",
            Self::NoTools => "no_tools",
            Self::Format(_) => "format",
            Self::NoFormat => "no_format",
            Self::Rejected(_) => "rejected",
            Self::Protocol(_) => "protocol",
        }
    }
}

/// What a model's answer brings before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelEvent<'a> {
    /// The provider took the request: from here on it costs.
    Accepted,
    /// More of the answer.
    Text(&'a str),
    /// What the call used so far, as the provider counts it.
    Usage(TokenUsage),
}

/// Receives what a model's answer brings.
pub type Listener<'a> = dyn for<'event> FnMut(ModelEvent<'event>) + Send + 'a;

/// A language model's provider.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Answers a request. `listen` receives what comes before the end: the words of the answer (a
    /// provider that does not stream gives them at once), which are the same that the reply holds,
    /// and what the provider says was used so far, which counts if the call does not come to its
    /// end. Dropping the future stops the call.
    ///
    /// Adapters make one attempt; [`crate::ai::with_retries`] repeats it.
    // The lifetime is written out because `async_trait` would tie the elided one to the call.
    async fn reply(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError>;
}
