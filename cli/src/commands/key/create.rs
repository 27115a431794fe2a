//! `t3nets key create`.

use std::fmt;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use t3nets_router::admin::Admin;
use t3nets_router::admin::keys::{CreatedKey, KeyState, NewKey};
use t3nets_router::admin::own_budgets::OwnBudgetEdit;
use t3nets_router::admin::views::KeyView;
use t3nets_router::model::{ApiKey, UserRole};

use crate::commands::arguments::{self, RequiredUser, TenantFlag};
use crate::commands::own_budgets;
use crate::config::environment::PlatformKind;
use crate::config::keystore::{Keystore, StoredKey, origin_of};
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;
use crate::terminal::printer::{Output, Streamed};
use crate::terminal::text::shown_time;

/// The user to create a key for, and what it allows.
#[derive(Debug, clap::Args)]
#[command(after_help = own_budgets::HELP)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    tenant: TenantFlag,
    #[command(flatten)]
    user: RequiredUser,
    /// A name that says what the key is for
    #[arg(long)]
    name: Option<String>,
    /// When the key expires: `12h`, `90d` [default: never]
    #[arg(long, value_name = "TIME", value_parser = arguments::parse_duration)]
    expires: Option<SignedDuration>,
    /// The key's role, `admin` or `member` [default: its user's role]
    #[arg(long)]
    role: Option<UserRole>,
    /// Set a budget of its own, such as `usd_per_day=5`; may be repeated
    #[arg(long = "budget", value_name = "BUDGET=VALUE", value_parser = own_budgets::parse)]
    budgets: Vec<OwnBudgetEdit>,
    /// Save the key for `t3nets chat` on this machine
    #[arg(long)]
    save: bool,
}

/// The key that was created.
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

/// Creates a key. It is the result even where it is saved, because it cannot be shown again.
///
/// # Errors
/// If there is no such user, or the key would exceed the user's role. If it can be neither saved
/// nor shown: then it is revoked, since nobody has it.
pub(crate) async fn run(context: &Context, args: CreateArgs) -> Result<Streamed, CliError> {
    let budgets = own_budgets::once(args.budgets)?;
    let admin = context.admin_to_change().await?;
    let tenant = args.tenant.resolve(context, &admin).await?;
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
            &tenant,
            NewKey {
                user_id: args.user.into_id()?,
                name: args.name,
                role: args.role,
                expires_in: args.expires,
                budgets,
            },
        )
        .await?;
    let stored = created.stored.clone();
    let is_saved = match keystore {
        Some((keystore, origin)) => match save(context, &keystore, origin, &created).await {
            Ok(()) => true,
            Err(error) => return Err(revoke_unseen(&admin, &stored, error).await),
        },
        None => false,
    };
    context.printer.status(format!(
        "key `{}` for user `{}` of tenant `{}`, role {}, {}; it is not shown again",
        stored.prefix,
        stored.user_id,
        stored.tenant_id,
        stored.role,
        match stored.expires_at {
            Some(end) => format!("expires {}", shown_time(end)),
            None => "never expires".to_owned(),
        },
    ));
    // Shown here and not by the caller, so that a key that nobody saw can be revoked.
    let shown = context.printer.print(&Created {
        key: created.key.expose_secret().to_owned(),
        view: KeyView::new(created.stored, KeyState::Active.as_str()),
    });
    match shown {
        Ok(_) => Ok(Streamed::DONE),
        Err(error) if is_saved => Err(error),
        Err(error) => Err(revoke_unseen(&admin, &stored, error).await),
    }
}

async fn save(
    context: &Context,
    keystore: &Keystore,
    origin: Option<String>,
    created: &CreatedKey,
) -> Result<(), CliError> {
    let stored = &created.stored;
    let kept = StoredKey {
        key: SecretString::from(created.key.expose_secret()),
        expires_at: stored.expires_at,
        origin,
    };
    keystore.put(&stored.tenant_id, &kept).await?;
    let chat = Hint::command(
        format!("chat -t {}", stored.tenant_id),
        "uses the saved key",
    );
    context.printer.status(context.printer.render(&chat));
    Ok(())
}

/// Revokes a key that nobody has.
async fn revoke_unseen(admin: &Admin, key: &ApiKey, error: CliError) -> CliError {
    match admin.revoke_key(key).await {
        Ok(()) => error.hint(format!("the new key `{}` was revoked", key.prefix)),
        Err(_) => error.hint_command(
            format!("key revoke -t {} {}", key.tenant_id, key.prefix),
            "revokes the new key, which nobody has",
        ),
    }
}
