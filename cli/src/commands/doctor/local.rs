//! The checks of an environment on this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use t3nets_router::ai::AiDefaults;
use t3nets_router::config::BUDGET_WEBHOOK_VARIABLE;
use t3nets_router::local::{FileSecrets, LocalPaths, SECRETS_STEM, check_room, inspect_database};
use t3nets_router::model::Tenant;
use t3nets_router::oidc::OidcSettings;
use t3nets_router::outbound::{self, Options, Proxies};
use t3nets_router::ports::{Platform, SystemClock};

use super::issuer::check_issuer;
use super::tenant::{
    check_fallback, check_jira, check_retention, check_sign_ins, check_tenant, connect_jira,
};
use super::webhook::{Source, check_webhook};
use super::{Check, DoctorArgs};
use crate::commands::dev::demo;
use crate::commands::dev::models::{self, DevModels, ModelView};
use crate::config::environment::Environment;
use crate::config::home;
use crate::config::running::{self, RunningDev};
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Hint;

/// How long a running router may take to say that it lives.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// The port of `dev` where none is chosen.
const DEFAULT_PORT: u16 = 8080;

/// Runs the checks of an environment on this machine.
pub(super) async fn checks(
    context: &Context,
    environment: &Environment,
    args: DoctorArgs,
) -> Vec<Check> {
    let home = &environment.home;
    let mut checks = vec![
        check_home(home),
        check_disk(home),
        check_database(home),
        check_secrets(home),
    ];
    // Opening the platform makes what is missing, and a doctor changes nothing.
    let platform = LocalPaths::new(home)
        .database()
        .exists()
        .then(|| t3nets_router::local::open(home).ok())
        .flatten();
    let dev = running::find(home);
    let running = dev.as_ref().ok().and_then(Option::as_ref);
    match &platform {
        Some(platform) => {
            let (tenant, check) = check_tenant(context, args.tenant, platform).await;
            checks.push(check);
            if let Some(tenant) = tenant {
                checks.push(match is_unserved_sample(home, &tenant, running).await {
                    true => unserved_sample(&tenant),
                    false => check_jira(context, platform, &tenant).await,
                });
                checks.extend(check_sign_ins(platform, &tenant).await);
                checks.push(check_model(context, platform, &tenant, running).await);
                checks.extend(check_fallback(context, platform, &tenant).await);
                checks.push(check_retention(&tenant, true));
            }
        }
        None => checks.push(Check::failed(
            "tenant",
            "the store cannot be opened",
            "see the checks above",
        )),
    }
    let webhook = std::env::var(BUDGET_WEBHOOK_VARIABLE).ok();
    let webhook = webhook.as_deref().filter(|set| !set.is_empty());
    let source = webhook.map_or(Source::NotSet, Source::Variable);
    checks.push(check_webhook(&source, context.tenants_reach()));
    let issuer = OidcSettings::from_env(|name| std::env::var(name).ok(), true);
    checks.extend(check_issuer(issuer).await);
    checks.push(check_dev(&dev).await);
    checks.push(check_port(args.port, running));
    checks
}

/// Whether the tenant answers from a sample board that nobody serves now.
async fn is_unserved_sample(home: &Path, tenant: &Tenant, dev: Option<&RunningDev>) -> bool {
    !dev.is_some_and(|dev| dev.demo)
        && demo::is_connected(home, &tenant.id)
            .await
            .is_ok_and(|is_connected| is_connected)
}

fn unserved_sample(tenant: &Tenant) -> Check {
    Check::warning(
        "jira",
        "connected to the sample board, which only `t3nets dev --demo` serves",
        vec![
            Hint::command("dev --demo", "serves the sample board"),
            connect_jira(&tenant.id),
        ],
    )
}

/// The running `dev` is asked: it may have been started with other variables than this program.
async fn check_model(
    context: &Context,
    platform: &Platform,
    tenant: &Tenant,
    dev: Option<&RunningDev>,
) -> Check {
    if let Some(dev) = dev
        && let Some(model) = models::ask(dev, &tenant.id).await
    {
        return shown_model(&model, "");
    }
    let defaults = match AiDefaults::from_env(|name| std::env::var(name).ok()) {
        Ok(defaults) => defaults,
        Err(error) => return Check::failed("model", error.to_string(), "correct the variable"),
    };
    let models = context
        .tenants_reach()
        .and_then(|reach| DevModels::new(platform, defaults, reach));
    let model = match models {
        Ok(models) => models.of(&tenant.id).await,
        Err(error) => Err(error),
    };
    match model {
        Ok(model) => shown_model(&model, ", if `dev` is started with these variables"),
        Err(error) => Check::of_error("model", error, "correct the variable"),
    }
}

fn shown_model(model: &ModelView, condition: &str) -> Check {
    let remedy = Hint::command(
        "secret set anthropic",
        "stores a key, or set ANTHROPIC_API_KEY for `t3nets dev`",
    );
    match model {
        ModelView::Ready { .. } => Check::ok("model", format!("{model}{condition}")),
        ModelView::Offline => Check::warning("model", model.to_string(), remedy),
        ModelView::Unusable { problem, hint } => Check::failed(
            "model",
            problem.as_str(),
            hint.as_deref().map_or(remedy, Hint::from),
        ),
    }
}

fn check_home(home: &Path) -> Check {
    let shown = home.display();
    match home::is_open_to_others(home) {
        Ok(false) => Check::ok("home", format!("{shown}, accessible only to its owner")),
        Ok(true) => Check::failed(
            "home",
            format!("others can read {shown}"),
            format!("chmod 700 '{shown}'"),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Check::failed(
            "home",
            format!("{shown} does not exist"),
            Hint::command("dev", "creates it, or T3NETS_HOME names another folder"),
        ),
        Err(error) => Check::failed(
            "home",
            format!("cannot look at {shown}: {error}"),
            "T3NETS_HOME names another folder",
        ),
    }
}

fn check_disk(home: &Path) -> Check {
    if !home.exists() {
        return Check::ok("disk", "nothing is kept yet");
    }
    match check_room(home) {
        Ok(()) => Check::ok("disk", "there is room for more"),
        Err(error) => Check::failed(
            "disk",
            error.reason(),
            format!(
                "free space on the disk of {}, or choose another T3NETS_HOME",
                home.display()
            ),
        ),
    }
}

fn check_database(home: &Path) -> Check {
    let restore = "restore a copy of it, or start over with another T3NETS_HOME";
    match inspect_database(home) {
        Ok(None) => Check::failed(
            "database",
            "it does not exist yet",
            Hint::command("seed", "creates it, and so does `t3nets dev`"),
        ),
        Ok(Some(report)) if !report.damage.is_empty() => Check::failed(
            "database",
            format!("it is damaged: {}", report.damage.join("; ")),
            restore,
        ),
        Ok(Some(report)) if report.schema_version > report.newest_version => Check::failed(
            "database",
            format!(
                "its schema has version {}, and this program knows {} at most",
                report.schema_version, report.newest_version
            ),
            "use the newer t3nets that created it",
        ),
        Ok(Some(report)) => Check::ok(
            "database",
            format!("sound, schema version {}", report.schema_version),
        ),
        Err(error) => Check::failed("database", error.reason(), restore),
    }
}

fn check_secrets(home: &Path) -> Check {
    if !home.exists() {
        return Check::ok("secrets", "none yet");
    }
    match FileSecrets::open(home, SECRETS_STEM, Arc::new(SystemClock)) {
        Ok(_) if LocalPaths::new(home).secrets().exists() => Check::ok(
            "secrets",
            "they can be decrypted, and the key is accessible only to its owner",
        ),
        Ok(_) => Check::ok("secrets", "none yet"),
        Err(error) => Check::failed(
            "secrets",
            error.reason(),
            format!(
                "only the original key can decrypt them: {}",
                LocalPaths::new(home).secrets_key().display()
            ),
        ),
    }
}

async fn check_dev(dev: &Result<Option<RunningDev>, CliError>) -> Check {
    let running = match dev {
        Ok(Some(running)) => running,
        Ok(None) => return Check::ok("dev", "not running; `t3nets dev` starts it"),
        Err(error) => {
            return Check::failed("dev", error.message.as_str(), "see the checks above");
        }
    };
    let answers = async {
        let client = outbound::client(Options {
            total_timeout: Some(HEALTH_TIMEOUT),
            proxies: Proxies::Never,
            ..Options::default()
        })
        .ok()?;
        let response = client
            .send(client.get(running.url.join("health").ok()?))
            .await;
        response.ok()?.error_for_status().ok()
    };
    if answers.await.is_some() {
        Check::ok("dev", format!("running at {}", running.url))
    } else {
        Check::warning(
            "dev",
            format!(
                "process {} is running and does not answer at {}",
                running.pid, running.url
            ),
            "end it and start `t3nets dev` again",
        )
    }
}

fn check_port(port: Option<u16>, dev: Option<&RunningDev>) -> Check {
    let used = dev.and_then(|dev| dev.url.port_or_known_default());
    let port = port.or(used).unwrap_or(DEFAULT_PORT);
    if used == Some(port) {
        return Check::ok("port", format!("{port} is this environment's `dev`"));
    }
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(_) => Check::ok("port", format!("{port} is free")),
        Err(error) => Check::warning(
            "port",
            format!("{port} cannot be used: {error}"),
            Hint::command("dev --port 0", "picks a free one"),
        ),
    }
}
