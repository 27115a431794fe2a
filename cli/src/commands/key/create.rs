//! `t3nets key create`.

use std::fmt;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use t3nets_router::admin::keys::{KeyState, NewKey};
use t3nets_router::model::UserRole;

use super::KeyView;
use crate::commands::arguments::{self, RequiredUser, TenantFlag};
use crate::config::environment::PlatformKind;
use crate::config::keystore::{Keystore, StoredKey, origin_of};
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::text::shown_time;

/// For whom to make a key.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// What the key is for, so that people can tell keys apart
    #[arg(long)]
    name: Option<String>,
    /// How long the key works: `90d`, `12h`; for ever without it
    #[arg(long, value_name = "TIME", value_parser = arguments::parse_duration)]
    expires: Option<SignedDuration>,
    /// The most the key may do: `admin` or `member`; as much as its user without it
    #[arg(long)]
    role: Option<UserRole>,
    /// Keep the key for `t3nets chat` on this machine, in place of the one before
    #[arg(long)]
    save: bool,
}

/// The key that was made.
#[derive(Serialize)]
pub(crate) struct Created {
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

impl fmt::Debug for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}

impl Output for Created {
    /// The key and nothing else, so that a script can take it.
    fn text(&self) -> String {
        self.key.clone()
    }
}

/// Makes a key. It is the result even where it is kept, because it cannot be shown again.
///
/// # Errors
/// If there is no such person, or the key should do more than its user may.
pub(crate) async fn run(context: &Context, args: CreateArgs) -> Result<Created, CliError> {
    let admin = context.admin_to_change().await?;
    // Opened before the key is made: a key that cannot be kept would be lost.
    let keystore = match args.save {
        true => {
            let environment = context.settings.environment()?;
            let origin = match environment.platform {
                PlatformKind::Local => None,
                PlatformKind::Aws => Some(origin_of(&context.aws().await?.environment.url()?)),
            };
            Some((Keystore::open(environment)?, origin))
        }
        false => None,
    };
    let created = admin
        .create_key(
            &args.tenant.id,
            NewKey {
                user_id: args.user.into_id()?,
                name: args.name,
                role: args.role,
                expires_in: args.expires,
            },
        )
        .await?;
    let stored = created.stored;
    if let Some((keystore, origin)) = keystore {
        let kept = StoredKey {
            key: SecretString::from(created.key.expose_secret()),
            expires_at: stored.expires_at,
            origin,
        };
        keystore.put(&stored.tenant_id, &kept).await?;
        let tenant = &stored.tenant_id;
        context
            .printer
            .status(format!("kept for `t3nets chat --tenant {tenant}`"));
    }
    context.printer.status(format!(
        "key `{}` for user `{}` of tenant `{}`, role {}, {}; it is shown this once",
        stored.prefix,
        stored.user_id,
        stored.tenant_id,
        stored.role,
        match stored.expires_at {
            Some(end) => format!("until {}", shown_time(end)),
            None => "without end".to_owned(),
        },
    ));
    Ok(Created {
        key: created.key.expose_secret().to_owned(),
        view: KeyView::new(stored, KeyState::Active.as_str()),
    })
}
