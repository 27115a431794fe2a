//! API keys: how a program proves which tenant and user it speaks for. The key itself is shown once
//! and never stored.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{InvalidId, TenantId, UserId, UserRole, is_sha256_hex};

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
