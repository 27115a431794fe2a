//! Why a turn has no answer.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::ai::SelectError;
use crate::model::{Payer, Period, Standing, budget};
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
    /// A budget has not enough left.
    #[error("{}", over(.standing))]
    OverBudget {
        /// Which, and how much of it is used: more than there is, if it was lowered since.
        standing: Standing,
        /// When the next day or month begins.
        resets_at: Timestamp,
    },
    /// As many questions are with the tenant's models as may be at once.
    #[error("{most} questions are being answered by a model, and no more may be at once")]
    TooManyCalls {
        /// So many.
        most: u64,
    },
    /// There is a budget in dollars, and nobody knows what the model costs.
    #[error("a budget in dollars cannot be kept with the model {model}: its price is not known")]
    Unpriced {
        /// The model's name.
        model: String,
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

impl TurnError {
    /// A word for each kind, for programs.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Model(error) => error.kind(),
            Self::Store(error) => error.code(),
            Self::Skill { .. } => "skill",
            Self::Select(_) => "model_settings",
            Self::NotConnected { .. } => "not_connected",
            Self::OverBudget { .. } | Self::TooManyCalls { .. } | Self::Unpriced { .. } => "limit",
            Self::Suspended(_) | Self::CallerGone | Self::ChannelOff { .. } => "refused",
            Self::NoRandomness(_) => "internal",
        }
    }

    /// The error of a budget on a day that has not enough left.
    pub(crate) fn over(standing: Standing, day: Date) -> Self {
        Self::OverBudget {
            resets_at: standing.budget.key.period.end(day),
            standing,
        }
    }
}

/// `the daily limit of 5 messages is reached`.
fn over(standing: &Standing) -> String {
    let key = standing.budget.key;
    let period = match key.period {
        Period::Day => "daily",
        Period::Month => "monthly",
    };
    let most = budget::worded(key.unit, standing.budget.most);
    let payer = match (key.payer, standing.budget.is_own) {
        (Payer::Tenant, _) => "",
        (Payer::User, false) => " for each user",
        (Payer::User, true) => " for this user",
        (Payer::Key, false) => " for each key",
        (Payer::Key, true) => " for this key",
    };
    match standing.used >= standing.budget.most {
        true => format!("the {period} limit of {most}{payer} is reached"),
        false => format!("too little is left of the {period} limit of {most}{payer} for an answer"),
    }
}
