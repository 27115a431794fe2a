//! `t3nets tenant map-channel`, `unmap-channel` and `channels`.

use serde::Serialize;
use t3nets_router::admin::views::ChannelView;
use t3nets_router::model::{ChannelId, ChannelKind};

use crate::commands::arguments::{TenantFlag, TenantName};
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::strip_control_chars;

/// Arguments of `t3nets tenant map-channel` and `t3nets tenant unmap-channel`.
#[derive(Debug, clap::Args)]
pub(crate) struct ChannelArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    /// The type of channel: `dashboard`; on `slack`, `teams` and `telegram` nobody answers yet
    #[arg(value_name = "TYPE")]
    kind: ChannelKind,
    /// The channel's id in its system: a Slack team id, a Telegram bot name
    #[arg(value_name = "ID")]
    channel_id: ChannelId,
}

/// Arguments of `t3nets tenant channels`.
#[derive(Debug, clap::Args)]
pub(crate) struct ChannelsArgs {
    #[command(flatten)]
    tenant: TenantName,
}

/// What became of a channel.
#[derive(Debug, Serialize)]
pub(crate) struct ChannelOutcome {
    #[serde(flatten)]
    channel: ChannelView,
    outcome: &'static str,
}

impl Output for ChannelOutcome {
    fn text(&self) -> String {
        format!(
            "{} channel `{}`: {}",
            self.channel.channel_type,
            strip_control_chars(self.channel.channel_id.as_str()),
            self.outcome
        )
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Channels {
    channels: Vec<ChannelView>,
}

impl Output for Channels {
    fn text(&self) -> String {
        if self.channels.is_empty() {
            return "no channels".to_owned();
        }
        table(
            &["type", "channel"],
            self.channels
                .iter()
                .map(|channel| [channel.channel_type.as_str(), channel.channel_id.as_str()]),
        )
    }

    fn hints(&self) -> Vec<Hint> {
        match self.channels.is_empty() {
            true => vec![Hint::command(
                "tenant map-channel --help",
                "shows how to map one",
            )],
            false => Vec::new(),
        }
    }
}

/// Maps a channel to a tenant.
///
/// # Errors
/// If another tenant has it.
pub(crate) async fn map(context: &Context, args: ChannelArgs) -> Result<ChannelOutcome, CliError> {
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.clone().resolve(context, &admin).await?;
    let is_new = admin
        .map_channel(&tenant, args.kind, &args.channel_id)
        .await?;
    Ok(outcome(args, if is_new { "mapped" } else { "unchanged" }))
}

/// Unmaps a channel.
///
/// # Errors
/// If the tenant does not have it.
pub(crate) async fn unmap(
    context: &Context,
    args: ChannelArgs,
) -> Result<ChannelOutcome, CliError> {
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.clone().resolve(context, &admin).await?;
    admin
        .unmap_channel(&tenant, args.kind, &args.channel_id)
        .await?;
    Ok(outcome(args, "unmapped"))
}

/// Lists a tenant's channels.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn list(context: &Context, args: ChannelsArgs) -> Result<Channels, CliError> {
    let admin = context.admin().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
    let channels = admin.channels(&tenant).await?;
    Ok(Channels {
        channels: channels.into_iter().map(ChannelView::from).collect(),
    })
}

fn outcome(args: ChannelArgs, outcome: &'static str) -> ChannelOutcome {
    ChannelOutcome {
        channel: ChannelView {
            channel_type: args.kind,
            channel_id: args.channel_id,
        },
        outcome,
    }
}
