//! `t3nets tenant`: tenants, and the people, channels, usage and audit trail inside one. One file per verb or pair of verbs;
//! what several of them show is in [`views`].

mod add;
mod add_user;
mod audit;
mod channels;
mod export;
mod import;
mod list;
mod remove;
mod remove_user;
mod sealed;
mod set;
mod set_user;
mod show;
mod status;
mod usage;
mod users;
mod views;

use crate::context::Context;
use crate::error::CliError;

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

/// Runs the command, shows its output, and says with which code to end.
///
/// # Errors
/// Whatever the command fails with.
pub(crate) async fn run(context: &Context, command: TenantCommand) -> Result<u8, CliError> {
    let printer = &context.printer;
    match command {
        TenantCommand::Add(args) => printer.print(&add::run(context, args).await?),
        TenantCommand::List => printer.print(&list::run(context).await?),
        TenantCommand::Show(args) => printer.print(&show::run(context, args).await?),
        TenantCommand::Set(args) => printer.print(&set::run(context, args).await?),
        TenantCommand::Suspend(args) => printer.print(&status::suspend(context, args).await?),
        TenantCommand::Resume(args) => printer.print(&status::resume(context, args).await?),
        TenantCommand::Remove(args) => printer.print(&remove::run(context, args).await?),
        TenantCommand::Export(args) => export::run(context, args).await,
        TenantCommand::Import(args) => printer.print(&import::run(context, args).await?),
        TenantCommand::AddUser(args) => printer.print(&add_user::run(context, args).await?),
        TenantCommand::Users(args) => printer.print(&users::run(context, args).await?),
        TenantCommand::SetUser(args) => printer.print(&set_user::run(context, args).await?),
        TenantCommand::RemoveUser(args) => printer.print(&remove_user::run(context, args).await?),
        TenantCommand::MapChannel(args) => printer.print(&channels::map(context, args).await?),
        TenantCommand::UnmapChannel(args) => printer.print(&channels::unmap(context, args).await?),
        TenantCommand::Channels(args) => printer.print(&channels::list(context, args).await?),
        TenantCommand::Usage(args) => printer.print(&usage::run(context, args).await?),
        TenantCommand::Audit(args) => printer.print(&audit::run(context, args).await?),
    }
}
