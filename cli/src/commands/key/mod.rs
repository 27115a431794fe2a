//! `t3nets key`: the API keys by which programs and `t3nets chat` enter a tenant. One file per
//! verb.

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod set;

/// The verbs of `t3nets key`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key for a user; it is shown once
    #[command(aliases = ["add", "new"])]
    Create(create::CreateArgs),
    /// List the keys of a tenant
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Change a key's own budgets
    Set(set::SetArgs),
    /// Revoke a key
    #[command(aliases = ["rm", "remove", "delete"])]
    Revoke(revoke::RevokeArgs),
}
