//! `t3nets key`: the API keys by which programs and `t3nets chat` enter a tenant. One file per
//! verb.

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::model::{ApiKey, UserId, UserRole};

/// The verbs of `t3nets key`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key for a user; it is shown once
    #[command(aliases = ["add", "new"])]
    Create(create::CreateArgs),
    /// List the keys of a tenant
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Revoke a key
    #[command(aliases = ["rm", "remove", "delete"])]
    Revoke(revoke::RevokeArgs),
}

/// A key as results show it. The names of fields are an interface: programs read the JSON.
#[derive(Debug, Serialize)]
struct KeyView {
    prefix: String,
    user_id: UserId,
    name: String,
    role: UserRole,
    state: &'static str,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    /// The key's SHA-256: it names the key without giving it away.
    hash: String,
}

impl KeyView {
    fn new(key: ApiKey, state: &'static str) -> Self {
        Self {
            prefix: key.prefix,
            user_id: key.user_id,
            name: key.name,
            role: key.role,
            state,
            created_at: key.created_at,
            expires_at: key.expires_at,
            hash: key.hash.as_str().to_owned(),
        }
    }
}
