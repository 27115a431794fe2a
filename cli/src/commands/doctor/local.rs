//! The checks of an environment on this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use t3nets_router::local::{FileSecrets, LocalPaths, SECRETS_STEM, inspect_database};
use t3nets_router::outbound::{self, Options, Proxies};
use t3nets_router::ports::SystemClock;

use super::tenant::{check_jira, check_model, check_tenant};
use super::{Check, DoctorArgs};
use crate::config::environment::Environment;
use crate::config::home;
use crate::config::running::{self, RunningDev};
use crate::error::CliError;
use crate::hint::Hint;

/// How long a running router may take to say that it lives.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the checks of an environment on this machine.
pub(super) async fn checks(environment: &Environment, args: &DoctorArgs) -> Vec<Check> {
    let home = &environment.home;
    let tenant = &args.tenant.id;
    let mut checks = vec![check_home(home), check_database(home), check_secrets(home)];
    // Opening the platform makes what is missing, and a doctor changes nothing.
    let platform = LocalPaths::new(home)
        .database()
        .exists()
        .then(|| t3nets_router::local::open(home).ok())
        .flatten();
    let stored = match &platform {
        Some(platform) => platform
            .tenants
            .tenant(tenant)
            .await
            .map_err(|error| error.to_string()),
        None => Err("the store cannot be opened".to_owned()),
    };
    checks.push(check_tenant(tenant, &stored));
    let dev = running::find(home);
    if let (Some(platform), Ok(Some(stored))) = (&platform, &stored) {
        let dev_runs = matches!(dev, Ok(Some(_)));
        checks.push(check_jira(platform, tenant, dev_runs).await);
        checks.push(check_model(platform, stored).await);
    }
    checks.push(check_dev(&dev).await);
    checks.push(check_port(args.port, dev.ok().flatten().as_ref()));
    checks
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
        Err(error) => Check::failed("database", error.to_string(), restore),
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
            error.to_string(),
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
        let response = client.get(running.url.join("health").ok()?).send().await;
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

fn check_port(port: u16, dev: Option<&RunningDev>) -> Check {
    if dev.is_some_and(|dev| dev.url.port_or_known_default() == Some(port)) {
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
