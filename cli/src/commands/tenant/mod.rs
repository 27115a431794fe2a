//! `t3nets tenant`: tenants, and the users, channels, usage and audit trail inside one. One file
//! per verb or pair of verbs; what several of them show is in [`views`].

pub(super) mod add;
pub(super) mod add_user;
pub(super) mod audit;
pub(super) mod channels;
pub(super) mod export;
pub(super) mod export_user;
pub(super) mod import;
pub(super) mod invite;
pub(super) mod list;
mod output_file;
pub(super) mod questions;
pub(super) mod remove;
pub(super) mod remove_user;
mod sealed;
mod sealed_header;
pub(super) mod set;
pub(super) mod set_user;
pub(super) mod show;
pub(super) mod status;
pub(super) mod trigger;
pub(super) mod usage;
pub(super) mod users;
pub(super) mod views;

/// The verbs of `t3nets tenant`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TenantCommand {
    /// Create a tenant
    #[command(aliases = ["create", "new"])]
    Add(add::AddArgs),
    /// List the tenants
    #[command(alias = "ls")]
    List,
    /// Show a tenant with its settings and counts
    #[command(aliases = ["get", "describe"])]
    Show(show::ShowArgs),
    /// Change a tenant's name and settings
    Set(set::SetArgs),
    /// Suspend a tenant: its chats are refused
    Suspend(status::StatusArgs),
    /// Resume a suspended tenant
    Resume(status::StatusArgs),
    /// Remove a tenant and all its data
    #[command(aliases = ["rm", "delete"])]
    Remove(remove::RemoveArgs),
    /// Export a tenant to a file, with its users, channels and keys
    ///
    /// The file has one JSON record per line: the tenant and its settings, users with their memory,
    /// channels, API keys (as hashes: existing keys keep working) and the names of secrets.
    /// Conversations, usage and the audit trail are not exported.
    Export(export::ExportArgs),
    /// Import a tenant from a file; safe to repeat after an interruption
    ///
    /// Every line is checked before anything changes. Records that already exist are skipped; those
    /// that differ are reported and kept as they are unless `--overwrite` is given. Exits with code
    /// 1 if anything was not imported.
    Import(import::ImportArgs),
    /// Add a user to a tenant
    #[command(alias = "create-user")]
    AddUser(add_user::AddUserArgs),
    /// Create a one-time link that signs a user in to the web page
    ///
    /// Whoever opens the link first is signed in as the user. It is shown once.
    Invite(invite::InviteArgs),
    /// List the users of a tenant
    #[command(alias = "list-users")]
    Users(users::UsersArgs),
    /// Change a user's name, email address, role, preferences or budgets
    #[command(alias = "update-user")]
    SetUser(set_user::SetUserArgs),
    /// Export everything stored about a user, with their conversations
    ///
    /// One JSON record per line: the user, what the assistant remembers of them, their keys and
    /// sessions (without the secrets), what they used, the changes they made or that were made to
    /// what is theirs, and every conversation with its messages. The audit trail says who exported
    /// it. It cannot be imported.
    ExportUser(export_user::ExportUserArgs),
    /// Remove a user with their keys and conversations
    #[command(alias = "delete-user")]
    RemoveUser(remove_user::RemoveUserArgs),
    /// Map a channel to a tenant
    MapChannel(channels::ChannelArgs),
    /// Unmap a channel
    UnmapChannel(channels::ChannelArgs),
    /// List the channels of a tenant
    #[command(alias = "list-channels")]
    Channels(channels::ChannelsArgs),
    /// Show the daily usage of a tenant
    Usage(usage::UsageArgs),
    /// Show the most frequent questions that went to the model, to find new triggers
    ///
    /// Reads the newest conversations of the people who asked the model most, and counts questions
    /// with the same words. Nothing is stored, but the audit trail records who looked.
    Questions(questions::QuestionsArgs),
    /// Show the phrases that mean a skill, and switch built-in ones off
    #[command(subcommand)]
    Trigger(trigger::TriggerCommand),
    /// Show the audit trail of a tenant, newest first
    Audit(audit::AuditArgs),
}
