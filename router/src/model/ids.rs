//! Validated ids. Holding one of these types is proof that its text matches the type's rule, so
//! code further in never checks again, and a hostile id never gets further than the edge where it
//! was parsed.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must {rule}")]
pub struct InvalidId {
    /// Which id, in words: `tenant id`.
    pub what: &'static str,
    /// What it must: `match` a regular expression, or `be` something in words.
    pub rule: &'static str,
}

macro_rules! validated_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { what: $what, rule: $rule })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

validated_id!(
    /// One customer team.
    TenantId,
    "tenant id",
    "match [a-z0-9][a-z0-9-]{0,62}",
    |text| {
        text.len() <= 63
            && text.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
);

validated_id!(
    /// A person in a tenant.
    UserId,
    "user id",
    "match [A-Za-z0-9._@+-]{1,128}",
    is_plain_id
);

validated_id!(
    /// One conversation of one user on one channel. Threads of Slack and Teams have names like
    /// `C024BE7LH:1712345678.123456` and `19:abc@thread.v2;messageid=1`, so anything goes that is
    /// printed and no space. Percent-encoded where it enters a database key.
    SessionId,
    "session id",
    "be 1 to 128 printable ASCII characters without a space",
    |text| (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

validated_id!(
    /// A turn that is answered apart from the request that asked for it.
    TurnId,
    "turn id",
    "match t_[0-9a-f]{32}",
    |text| {
        text.strip_prefix("t_").is_some_and(|digits| {
            digits.len() == 32
                && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
);

impl From<TurnId> for SessionId {
    /// A session that is named like its only turn.
    fn from(id: TurnId) -> Self {
        Self(id.0)
    }
}

impl TurnId {
    /// The id of the turn that a client asked for under this key: the same key is the same turn.
    pub fn of_key(key: &str) -> Self {
        let hash = HEXLOWER.encode(&Sha256::digest(key));
        Self(format!("t_{}", &hash[..32]))
    }
}

validated_id!(
    /// A tenant's credentials for an outside system, by its name: `jira`.
    IntegrationName,
    "integration name",
    "match [A-Za-z0-9._@+-]{1,128}",
    is_plain_id
);

validated_id!(
    /// What the outside system calls a channel.
    ChannelId,
    "channel id",
    "be 1 to 256 characters without control characters",
    |text| !text.is_empty() && text.chars().count() <= 256 && !text.chars().any(char::is_control)
);

impl TenantId {
    /// The tenant that is meant where there are several and none is named.
    pub const DEFAULT: &str = "default";

    /// The id [`TenantId::DEFAULT`].
    pub fn usual() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl UserId {
    /// The user that every caller without a credential is. No person can have this id.
    pub const ANONYMOUS: &str = "anonymous";

    /// The id [`UserId::ANONYMOUS`].
    pub fn anonymous() -> Self {
        Self(Self::ANONYMOUS.to_owned())
    }
}

fn is_plain_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'+' | b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_ids_follow_their_rule() {
        for good in ["a", "0", "default", "team-7", &"x".repeat(63)] {
            assert_eq!(good.parse::<TenantId>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-a",
            "A",
            "a_b",
            "a b",
            "ä",
            "a#b",
            "a/b",
            &"x".repeat(64),
        ] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn plain_ids_hold_nothing_that_separates_keys_or_paths() {
        for good in ["ada@example.com", "A.b_c+d-1", &"x".repeat(128)] {
            assert!(good.parse::<UserId>().is_ok(), "{good:?} was refused");
        }
        for bad in ["", "a#b", "a/b", "a b", "a\0", "é", &"x".repeat(129)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_session_may_be_named_as_any_channel_names_its_threads() {
        for good in [
            "C024BE7LH:1712345678.123456",
            "19:abc_def@thread.v2;messageid=1712345678901",
            "a#b%c/d\\e\"f'g`h{i}|~!$&()*,<=>?[]^",
            &"~".repeat(128),
        ] {
            assert!(good.parse::<SessionId>().is_ok(), "{good:?} was refused");
        }
        for bad in [
            "",
            " ",
            "a b",
            "a\tb",
            "a\0",
            "a\u{7f}",
            "é",
            &"x".repeat(129),
        ] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn deserializing_validates() {
        assert!(serde_json::from_str::<TenantId>("\"default\"").is_ok());
        let error = serde_json::from_str::<TenantId>("\"../etc\"").unwrap_err();
        assert!(
            error.to_string().contains("tenant id must match"),
            "{error}"
        );
    }
}
