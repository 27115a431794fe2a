//! `t3nets seed`: sets tenants up from flags, variables and `.env`, or from a file.
//!
//! [`values`] is where named values come from, [`jira`] makes the integration of them, [`mod@file`]
//! reads `seed.toml`. What is planned and done with the result is the `t3nets-router` crate's
//! business.

mod file;
mod jira;
mod values;

use std::path::PathBuf;

use serde::Serialize;
use t3nets_router::admin::seed::{SeedItem, SeedOutcome, TenantSeed, UserSeed};
use t3nets_router::admin::{Admin, AdminError};
use t3nets_router::model::{TenantId, UserRole};

use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use jira::JiraArgs;
use values::Values;

/// The first administrator where nobody is named, on this machine alone.
const EXAMPLE_ADMIN: &str = "admin@example.com";

/// How the first administrator is named, where it was chosen without that.
const NAMES_ANOTHER: &str = "`--admin-email` or ADMIN_EMAIL names another";

/// What to set up. Flags win over environment variables, which win over the `.env` of the current
/// folder.
#[derive(Debug, clap::Args)]
#[command(after_help = file::HELP)]
pub(crate) struct SeedArgs {
    /// The tenant
    #[arg(long, short = 't', value_name = "TENANT", default_value = TenantId::DEFAULT)]
    tenant: TenantId,
    /// The tenant's display name [default: its id]
    #[arg(long)]
    name: Option<String>,
    /// The administrator's email address [env: ADMIN_EMAIL] [default: the Jira account's]
    #[arg(long, value_name = "ADDRESS")]
    admin_email: Option<String>,
    /// The administrator's name
    #[arg(long, value_name = "NAME")]
    admin_name: Option<String>,
    #[command(flatten)]
    jira: JiraArgs,
    /// Set up the tenants in this file
    #[arg(
        long,
        value_name = "SEED.TOML",
        conflicts_with_all = ["tenant", "name", "admin_email", "admin_name", "JiraArgs"]
    )]
    file: Option<PathBuf>,
    /// Read variables from this file instead of `.env`
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Show what would be done without doing it
    #[arg(long)]
    dry_run: bool,
}

/// What became of each item.
#[derive(Debug, Serialize)]
pub(crate) struct Seeded {
    dry_run: bool,
    items: Vec<ItemView>,
}

#[derive(Debug, Serialize)]
struct ItemView {
    tenant_id: TenantId,
    item: &'static str,
    name: String,
    /// The id of the user who has the address that is the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    outcome: &'static str,
    /// The fields that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
    /// Why it was skipped, or what else is to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Output for Seeded {
    fn text(&self) -> String {
        let items = table(
            &["tenant", "item", "name", "outcome", ""],
            self.items.iter().map(|item| {
                [
                    item.tenant_id.to_string(),
                    item.item.to_owned(),
                    item.name.clone(),
                    match &item.user_id {
                        Some(id) => format!("{} ({id})", item.outcome),
                        None => item.outcome.to_owned(),
                    },
                    match &item.note {
                        Some(note) => note.clone(),
                        None => item.fields.join(", "),
                    },
                ]
            }),
        );
        if self.dry_run {
            format!("{items}\n\nnothing was changed (--dry-run)")
        } else {
            items
        }
    }
}

/// What to seed in one tenant, and what is to be said about it beside what the operations say.
struct Wanted {
    seed: TenantSeed,
    /// What is skipped, and why.
    skipped: Vec<(&'static str, String, String)>,
    /// What is to be known of an item of this kind, if it is made now.
    created_note: Option<(&'static str, String)>,
}

/// Sets tenants up.
///
/// # Errors
/// Usage if values are missing or wrong: nothing is changed then.
pub(crate) async fn run(context: &Context, args: SeedArgs) -> Result<Seeded, CliError> {
    let values = Values::load(context, args.env_file.as_deref())?;
    let admin = if args.dry_run {
        context.admin().await?
    } else {
        context.admin_to_change().await?
    };
    let dry_run = args.dry_run;
    let wanted = match &args.file {
        Some(path) => file::read(path, &values)?
            .into_iter()
            .map(|seed| Wanted {
                seed,
                skipped: Vec::new(),
                created_note: None,
            })
            .collect(),
        None => vec![from_flags(context, &admin, args, &values).await?],
    };
    let mut items = Vec::new();
    // A mistake in the last tenant must not be found after the first was changed.
    for wanted in &wanted {
        admin.plan_seed(&wanted.seed).await?;
    }
    for wanted in wanted {
        let done = if dry_run {
            admin.plan_seed(&wanted.seed).await?.items
        } else {
            admin.seed(&wanted.seed).await?
        };
        items.extend(views(wanted, done));
    }
    Ok(Seeded { dry_run, items })
}

async fn from_flags(
    context: &Context,
    admin: &Admin,
    args: SeedArgs,
    values: &Values,
) -> Result<Wanted, CliError> {
    let mut wanted = Wanted {
        seed: TenantSeed {
            name: args.name,
            ..TenantSeed::new(args.tenant)
        },
        skipped: Vec::new(),
        created_note: None,
    };
    let given = args.admin_email.or_else(|| values.get("ADMIN_EMAIL"));
    let of_jira = args.jira.email(values);
    let is_local = context.settings.environment()?.platform == PlatformKind::Local;
    let email = match given {
        Some(email) => Some(email),
        None if args.admin_name.is_some() => {
            return Err(CliError::usage("`--admin-name` needs `--admin-email`"));
        }
        None if has_admin(admin, &wanted.seed.id).await? => None,
        // As seed.sh did.
        None if of_jira.is_some() => {
            wanted.created_note = Some(("user", format!("the Jira account; {NAMES_ANOTHER}")));
            of_jira
        }
        None if is_local => {
            wanted.created_note = Some(("user", format!("an example; {NAMES_ANOTHER}")));
            Some(EXAMPLE_ADMIN.to_owned())
        }
        None => {
            wanted.skipped.push((
                "user",
                "administrator".to_owned(),
                "none of `--admin-email`, ADMIN_EMAIL, JIRA_EMAIL is given".to_owned(),
            ));
            None
        }
    };
    wanted.seed.users.extend(email.map(|email| UserSeed {
        email,
        id: None,
        display_name: args.admin_name,
        role: UserRole::Admin,
    }));
    match jira::document(args.jira, values)? {
        Some(document) => {
            let (name, document) = document;
            wanted.seed.secrets.insert(name, document);
        }
        None => wanted.skipped.push((
            "secret",
            "jira".to_owned(),
            format!("none of {} is given", jira::VARIABLES.join(", ")),
        )),
    }
    Ok(wanted)
}

async fn has_admin(admin: &Admin, tenant: &TenantId) -> Result<bool, CliError> {
    match admin.users(tenant).await {
        Ok(users) => Ok(users
            .iter()
            .any(|user| user.role == UserRole::Admin && user.email != EXAMPLE_ADMIN)),
        Err(AdminError::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn views(wanted: Wanted, done: Vec<SeedItem>) -> impl Iterator<Item = ItemView> {
    let tenant_id = wanted.seed.id;
    let skipped_in = tenant_id.clone();
    let note = wanted.created_note;
    let done = done.into_iter().map(move |item| ItemView {
        tenant_id: tenant_id.clone(),
        note: note
            .as_ref()
            .filter(|(kind, _)| *kind == item.kind && item.outcome == SeedOutcome::Created)
            .map(|(_, note)| note.clone()),
        item: item.kind,
        user_id: item.found_by.is_some().then(|| item.name.clone()),
        name: item.found_by.unwrap_or(item.name),
        outcome: item.outcome.as_str(),
        fields: match item.outcome {
            SeedOutcome::Changed(fields) => fields,
            SeedOutcome::Created | SeedOutcome::Restored | SeedOutcome::Unchanged => Vec::new(),
        },
    });
    let skipped = wanted
        .skipped
        .into_iter()
        .map(move |(item, name, why)| ItemView {
            tenant_id: skipped_in.clone(),
            item,
            name,
            user_id: None,
            outcome: "skipped",
            fields: Vec::new(),
            note: Some(why),
        });
    done.chain(skipped)
}
