//! One turn, from a message to its answer.
//!
//! [`Engine::answer`] is the entry point: reserve the message, find the route ([`conversational`],
//! then the rules of [`crate::skills`], then the model), run skills, word the result, store the
//! turn, settle what it used. Nothing half-done is kept: a turn is stored whole, after its answer,
//! or not at all; dropping the future stops everything under way.
//!
//! [`Engine::complete`] is the same for a client that holds the conversation itself and may have
//! tools of its own: nothing of it is stored.
//!
//! Not here: HTTP, authentication, deadlines ([`crate::http`]); what skills fetch
//! ([`crate::skills`]); how providers speak ([`crate::ai`]).

mod alerts;
mod asking;
mod completion;
mod consent;
pub mod conversational;
mod counts;
mod engine;
mod error;
mod failures;
mod fixed;
mod ledger;
mod needed;
mod outcome;
mod prompt;
mod refusals;
mod reserving;
mod servers;
mod session;
mod slots;
mod storing;
mod tool_loop;
mod tools;
mod warm_up;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{
    Budget, ChannelKind, ConversationOwner, LedgerAccount, NanoUsd, OwnBudgets, OwnOf, SessionId,
    Standing, Tenant, TokenUsage, User, UserId, UserMemory, UserRole,
};

pub use crate::model::Route;
pub use alerts::BudgetAlerts;
pub use completion::{Completion, CompletionRequest};
pub use consent::Question;
pub use counts::RouteCounts;
pub use engine::Engine;
pub use error::TurnError;
pub use failures::ModelFailure;

/// Who asks: the owner of a verified credential, or an anonymous caller of the tenant that accepts
/// them.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant; never taken from the request itself.
    pub tenant: Tenant,
    /// The user; `None` for anonymous callers.
    pub user: Option<User>,
    /// The lower of the user's role and the credential's.
    pub role: UserRole,
    /// The credential's name in the ledger; `None` without one.
    pub credential: Option<String>,
    /// The credential's own budgets; none without one.
    pub key_budgets: OwnBudgets,
    /// What is remembered of the user.
    pub memory: Option<UserMemory>,
    /// When tenant, user and memory were read.
    pub as_of: Timestamp,
}

impl Caller {
    /// The user's id, [`UserId::ANONYMOUS`] for anonymous callers.
    pub fn user_id(&self) -> UserId {
        self.user
            .as_ref()
            .map_or_else(UserId::anonymous, |user| user.id.clone())
    }

    /// Whose line of the ledger the caller's turns go to, before it is known what answers them.
    pub fn account(&self) -> LedgerAccount {
        let since = self.user.as_ref().and_then(|user| user.created_at);
        LedgerAccount::of(self.user_id(), since, self.credential.as_deref())
    }

    /// The budgets that are the caller's alone.
    pub fn own_budgets(&self) -> OwnOf<'_> {
        OwnOf {
            user: self.user.as_ref().map(|user| &user.budgets),
            key: Some(&self.key_budgets),
        }
    }

    /// The budgets that hold for the caller.
    pub fn budgets(&self) -> Vec<Budget> {
        self.tenant.budgets_of(&self.account(), self.own_budgets())
    }

    /// The owner of what the caller says on a channel.
    pub fn owner(&self, channel: ChannelKind) -> ConversationOwner {
        let tenant_since = Some(self.tenant.created_at);
        ConversationOwner {
            tenant_id: self.tenant.id.clone(),
            channel,
            user_id: self.user_id(),
            since: self
                .user
                .as_ref()
                .map_or(tenant_since, |user| user.created_at),
            retention: self.tenant.retention(),
        }
    }
}

/// One message and its circumstances.
#[derive(Debug, Clone)]
pub struct TurnRequest {
    /// Who asks.
    pub caller: Caller,
    /// The channel by which the message came.
    pub channel: ChannelKind,
    /// The conversation; `None` begins a new one.
    pub session_id: Option<SessionId>,
    /// The message, without `--raw`: see [`split_raw`].
    pub message: String,
    /// Whether a skill's JSON is wanted instead of a worded answer. Such a turn is not stored.
    pub raw: bool,
    /// Identifies the request in logs and in the stored turn.
    pub request_id: String,
}

/// The answer of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnAnswer {
    /// The answer's text, or a skill's JSON if `raw`.
    pub text: String,
    /// The conversation, which may be a new one.
    pub session_id: SessionId,
    /// What decided how it was answered.
    pub route: Route,
    /// The skills that ran, each once, in order.
    pub skills: Vec<String>,
    /// The display name of the model that worded it; `None` if none was asked.
    pub model: Option<String>,
    /// Tokens used by all calls of the model.
    pub usage: TokenUsage,
    /// What that cost; `None` if the model's price is unknown.
    pub cost: Option<NanoUsd>,
    /// Whether `text` is a skill's JSON.
    pub raw: bool,
    /// What it asks the user: what waits for a yes.
    pub question: Option<Question>,
    /// Whether a guardrail blocked or changed it.
    pub guardrail_intervened: bool,
    /// The budgets of which 80 % or more is used, on the day of the turn.
    pub warnings: Vec<(Standing, Date)>,
}

/// What happens while a turn is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEvent<'a> {
    /// More of the answer. All deltas together are the answer's text.
    Delta(&'a str),
    /// A skill starts.
    Tool {
        /// The skill's name.
        name: &'a str,
    },
    /// The answer is whole and is being stored: it cannot be taken back from here on.
    Storing,
}

/// Receives what happens while a turn is answered.
pub type OnEvent<'a> = dyn FnMut(TurnEvent<'_>) + Send + 'a;

/// Whether the caller's tenant is answered on this channel at all.
///
/// # Errors
/// If it is suspended, or has turned the channel off.
pub fn admit(request: &TurnRequest) -> Result<(), TurnError> {
    let tenant = &request.caller.tenant;
    if !tenant.status.may_chat() {
        return Err(TurnError::Suspended(tenant.id.clone()));
    }
    if !tenant.allows_channel(request.channel) {
        return Err(TurnError::ChannelOff {
            channel: request.channel,
            tenant: tenant.id.clone(),
            enabled: tenant.enabled_channels().unwrap_or_default().to_vec(),
        });
    }
    Ok(())
}

/// The message without the word `--raw`, and whether it was there.
pub fn split_raw(message: &str) -> (String, bool) {
    if !message.split_whitespace().any(|word| word == "--raw") {
        return (message.to_owned(), false);
    }
    let words: Vec<&str> = message
        .split_whitespace()
        .filter(|word| *word != "--raw")
        .collect();
    (words.join(" "), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_is_found_anywhere_as_a_word_of_its_own() {
        assert_eq!(
            split_raw("sprint --raw status"),
            ("sprint status".to_owned(), true)
        );
        assert_eq!(
            split_raw("sprint status --raw"),
            ("sprint status".to_owned(), true)
        );
        assert_eq!(
            split_raw("what does --rawest\nmean"),
            ("what does --rawest\nmean".to_owned(), false)
        );
    }
}
