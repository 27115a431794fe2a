//! Where messages come from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ChannelId, OtherAttributes, TenantId};

/// The kind of place a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// The web page.
    Dashboard,
    /// The HTTP API.
    Api,
    /// Slack.
    Slack,
    /// Microsoft Teams.
    Teams,
    /// Telegram.
    Telegram,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Dashboard,
        Self::Api,
        Self::Slack,
        Self::Teams,
        Self::Telegram,
    ];

    /// The kinds on which the router answers. Messages of the others reach nobody yet.
    pub const SERVED: [Self; 2] = [Self::Dashboard, Self::Api];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Api => "api",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Telegram => "telegram",
        }
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A channel kind that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a channel type (dashboard, api, slack, teams, telegram)")]
pub struct UnknownChannelKind(pub String);

impl FromStr for ChannelKind {
    type Err = UnknownChannelKind;

    fn from_str(text: &str) -> Result<Self, UnknownChannelKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownChannelKind(text.to_owned()))
    }
}

/// A channel that belongs to a tenant. No second tenant can map the same channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMapping {
    /// The tenant that answers there.
    pub tenant_id: TenantId,
    /// The kind of channel; never [`ChannelKind::Api`], whose mappings are API keys.
    pub kind: ChannelKind,
    /// What the outside system calls it.
    pub channel_id: ChannelId,
    /// What other programs store with it.
    pub other: OtherAttributes,
}
