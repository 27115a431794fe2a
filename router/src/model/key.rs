//! API keys: how a program proves which tenant and user it speaks for. The key itself is shown once
//! and never stored. A session of the web page, a one-time link and a recovery code are keys too,
//! of other kinds.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{InvalidId, OtherAttributes, OwnBudgets, TenantId, UserId, UserRole, is_sha256_hex};

/// What is stored of an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's hash: how it is found.
    pub hash: KeyHash,
    /// The tenant it enters.
    pub tenant_id: TenantId,
    /// The user it speaks for.
    pub user_id: UserId,
    /// What it is for, in the operator's words.
    pub name: String,
    /// The most it may do; the user's own role bounds it further.
    pub role: UserRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if it does.
    pub expires_at: Option<Timestamp>,
    /// The first characters of the key, so that people can tell keys apart.
    pub prefix: String,
    /// The key's own budgets, in place of those that each key has.
    pub budgets: OwnBudgets,
    /// What other programs store with it.
    pub other: OtherAttributes,
}

/// What a token is for. Its first characters say so, which people and secret scanners recognise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An API key: sent as `Authorization: Bearer`.
    Key,
    /// A session of the web page: a cookie.
    Session,
    /// A one-time link: changed into a session once.
    Link,
    /// A user's recovery code: changed into a session once, whenever that is.
    Recovery,
}

impl TokenKind {
    const ALL: [Self; 4] = [Self::Key, Self::Session, Self::Link, Self::Recovery];

    /// What every token of this kind begins with.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Key => "t3n_",
            Self::Session => "t3s_",
            Self::Link => "t3i_",
            Self::Recovery => "t3r_",
        }
    }

    /// The kind in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Session => "session",
            Self::Link => "link",
            Self::Recovery => "recovery_code",
        }
    }

    /// Whether it works once: the first who has it is signed in, and it is gone.
    pub const fn is_used_up(self) -> bool {
        matches!(self, Self::Link | Self::Recovery)
    }

    /// The kind of a token, or of what is kept of its beginning.
    pub fn of(token: &str) -> Option<Self> {
        let mut kinds = Self::ALL.into_iter();
        kinds.find(|kind| token.starts_with(kind.mark()))
    }
}

impl ApiKey {
    /// What it is for.
    pub fn kind(&self) -> TokenKind {
        TokenKind::of(&self.prefix).unwrap_or(TokenKind::Key)
    }

    /// What names it in the ledger: the prefix by which it is listed; of sessions, which come and
    /// go, one name for all of them. Where another program kept no prefix, the hash's beginning.
    pub fn name_in_ledger(&self) -> &str {
        match self.kind() {
            TokenKind::Session => TokenKind::Session.as_str(),
            _ if self.prefix.is_empty() => &self.hash.as_str()[..12],
            _ => &self.prefix,
        }
    }
}

/// The SHA-256 of an API key, in lower-case hexadecimal.
///
/// Keys carry 256 bits of randomness, so a fast hash without a salt is enough: there is nothing to
/// guess.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        Self(data_encoding::HEXLOWER.encode(&Sha256::digest(key.as_bytes())))
    }

    /// The hash in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl FromStr for KeyHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if is_sha256_hex(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                what: "key hash",
                rule: "[0-9a-f]{64}",
            })
        }
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}…)", &self.0[..8])
    }
}
