//! Why a turn has no answer.

use jiff::Timestamp;

use crate::ai::SelectError;
use crate::ports::{ModelError, StoreError};
use crate::skills::SkillError;
use crate::token::NoRandomness;

/// Why a turn has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The tenant is suspended by its operator.
    #[error("tenant `{0}` is suspended")]
    Suspended(crate::model::TenantId),
    /// The user or the tenant was removed while the turn was answered.
    #[error("whoever asked was removed meanwhile")]
    CallerGone,
    /// The tenant turned the channel off.
    #[error("channel `{channel}` is turned off for tenant `{tenant}`")]
    ChannelOff {
        /// The channel by which the message came.
        channel: crate::model::ChannelKind,
        /// The tenant that turned it off.
        tenant: crate::model::TenantId,
        /// The channels that it lets through.
        enabled: Vec<String>,
    },
    /// The day's messages are used up.
    #[error("the daily limit of {limit} messages is reached")]
    OverBudget {
        /// Messages a day.
        limit: u64,
        /// Messages that were used today: more than the limit, if that was lowered since.
        used: u64,
        /// When the next day begins.
        resets_at: Timestamp,
    },
    /// The skill that the message means is not connected.
    #[error("`{integration}` is not connected for tenant `{tenant}`")]
    NotConnected {
        /// The missing integration.
        integration: &'static str,
        /// The tenant that has not connected it.
        tenant: crate::model::TenantId,
    },
    /// The skill failed.
    #[error("`{skill}` failed: {error}")]
    Skill {
        /// The skill's name.
        skill: &'static str,
        /// The reason, for the caller.
        error: SkillError,
    },
    /// No model could be chosen.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The model gave no answer.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Tenants, conversations, secrets or usage cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No session id could be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
