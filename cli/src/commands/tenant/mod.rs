//! `t3nets tenant`: tenants, and the people, channels, usage and audit trail inside one. One file per verb or pair of verbs;
//! what several of them show is in [`views`].

pub(super) mod add;
pub(super) mod add_user;
pub(super) mod audit;
pub(super) mod channels;
pub(super) mod export;
pub(super) mod import;
pub(super) mod list;
pub(super) mod remove;
pub(super) mod remove_user;
mod sealed;
pub(super) mod set;
pub(super) mod set_user;
pub(super) mod show;
pub(super) mod status;
pub(super) mod usage;
pub(super) mod users;
mod views;

/// What to do with tenants.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TenantCommand {
    /// Make a tenant
    Add(add::AddArgs),
    /// List the tenants
    List,
    /// Show a tenant: its settings and what belongs to it
    Show(show::ShowArgs),
    /// Change a tenant's name and settings
    Set(set::SetArgs),
    /// Stop a tenant from chatting
    Suspend(status::StatusArgs),
    /// Let a suspended tenant chat again
    Resume(status::StatusArgs),
    /// Remove a tenant with everything that belongs to it
    Remove(remove::RemoveArgs),
    /// Export a tenant as a file, with its people, channels and keys
    ///
    /// The file holds the tenant and its settings, people with what is remembered of them, channels, API keys (their hashes:
    /// whoever has a key can go on using it) and secrets by name, one JSON record a line. Conversations, usage and the audit
    /// trail are not exported.
    Export(export::ExportArgs),
    /// Import a tenant from a file; importing it again completes what was interrupted
    ///
    /// Every line is checked before anything changes. What is there already and the same is left; what is there and differs
    /// is told, and left unless `--overwrite` is given. It ends with code 1 if anything was not imported.
    Import(import::ImportArgs),
    /// Add a person to a tenant
    AddUser(add_user::AddUserArgs),
    /// List a tenant's people
    Users(users::UsersArgs),
    /// Change a person: name, address, role, preferences
    SetUser(set_user::SetUserArgs),
    /// Remove a person, with their keys and conversations
    RemoveUser(remove_user::RemoveUserArgs),
    /// Let a tenant answer on a channel
    MapChannel(channels::ChannelArgs),
    /// Give a tenant's channel up
    UnmapChannel(channels::ChannelArgs),
    /// List a tenant's channels
    Channels(channels::ChannelsArgs),
    /// Show what a tenant used, day by day
    Usage(usage::UsageArgs),
    /// Show who changed what in a tenant, newest first
    Audit(audit::AuditArgs),
}
