//! `dev --demo`: a sample board for a tenant of its own, served by this process, so that an answer
//! goes the whole real way: skill, HTTP, JSON, wording.
//!
//! Whose the tenant's credentials are is noted beside them ([`FileSecrets::put_own`]): those that
//! anybody else wrote are never replaced.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use t3nets_router::admin::{Admin, AdminError};
use t3nets_router::local::{FileSecrets, SECRETS_STEM};
use t3nets_router::model::{JsonObject, SecretDocument, SecretName, TenantId};
use t3nets_router::outbound;
use t3nets_router::ports::{Platform, StoreError, SystemClock};
use t3nets_router::token::random_token;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::sample_board::{self, SampleAccount};
use crate::context::Context;
use crate::error::CliError;

/// Whose the sample board's credentials are.
const OWNER: &str = "t3nets dev --demo";
/// The demo's tenant.
pub(super) const TENANT: &str = "demo";
const EMAIL: &str = "demo@example.com";
const TOKEN_PREFIX: &str = "sample_";

/// A sample board that answers until the value is dropped.
pub(super) struct SampleBoard {
    pub(super) served: t3nets_router::config::SampleBoard,
    _serving: AbortOnDropHandle<()>,
}

/// Whether the tenant is connected to a sample board, made by `dev --demo`.
///
/// # Errors
/// If the secrets cannot be read.
pub(crate) async fn is_connected(home: &Path, tenant: &TenantId) -> Result<bool, CliError> {
    let secrets = secrets(home)?;
    Ok(secrets
        .is_own(&jira_of(tenant)?, OWNER, is_of_an_earlier_version)
        .await?)
}

/// The tenant of the demo: its own, but `default` where an earlier version put it there and nobody
/// connected it to anything else since.
///
/// # Errors
/// If the secrets cannot be read.
pub(super) async fn tenant(home: &Path) -> Result<TenantId, CliError> {
    let usual = TenantId::usual();
    if is_connected(home, &usual).await? {
        return Ok(usual);
    }
    TENANT
        .parse()
        .map_err(|error| CliError::failed("the tenant's id is not valid").caused_by(error))
}

/// Serves the sample board on a free loopback port and connects the tenant to it.
///
/// # Errors
/// Not ready if the tenant has credentials that the demo did not write: they are never replaced.
pub(super) async fn start(
    context: &Context,
    home: &Path,
    platform: &Platform,
    tenant: &TenantId,
) -> Result<SampleBoard, CliError> {
    let account = SampleAccount {
        email: EMAIL.to_owned(),
        api_token: random_token(TOKEN_PREFIX)
            .map_err(|error| CliError::failed("cannot generate a token").caused_by(error))?,
    };
    let cannot_serve =
        |error: std::io::Error| CliError::failed("cannot serve the sample board").caused_by(error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(cannot_serve)?;
    let url = format!("http://{}", listener.local_addr().map_err(cannot_serve)?);
    let routes = sample_board::routes(&account, platform.clock.clone())
        .map_err(|error| CliError::failed("the sample board is broken").caused_by(error))?;

    connect(context, home, platform, tenant, credentials(&url, &account)).await?;
    context.printer.status(format!(
        "sample data: tenant `{tenant}` answers from a sample Jira board, not from a real one"
    ));
    Ok(SampleBoard {
        served: t3nets_router::config::SampleBoard {
            tenant: tenant.clone(),
            url,
        },
        _serving: serve(listener, routes),
    })
}

async fn connect(
    context: &Context,
    home: &Path,
    platform: &Platform,
    tenant: &TenantId,
    credentials: SecretDocument,
) -> Result<(), CliError> {
    let (name, secrets) = (jira_of(tenant)?, secrets(home)?);
    let admin = Admin::new(platform.clone(), context.actor());
    let put = async {
        let put = secrets.put_own(&name, &credentials, OWNER, is_of_an_earlier_version);
        match put.await? {
            true => Ok(()),
            false => Err(StoreError::Changed((&name).into())),
        }
    };
    match admin.audited("secret.set", &name, put).await {
        Err(AdminError::Store(StoreError::Changed(_))) => Err(CliError::not_ready(format!(
            "tenant `{tenant}` has Jira credentials of its own, which the sample board would replace"
        ))
        .hint_command("dev", "(without `--demo`) leaves them as they are")
        .hint("with T3NETS_HOME set to another folder, the sample board is beside them")),
        other => Ok(other?),
    }
}

/// Says that a demo left the tenant connected to a sample board that does not run now.
///
/// # Errors
/// If the secrets cannot be read.
pub(super) async fn warn_if_left_over(
    context: &Context,
    home: &Path,
    tenant: &TenantId,
) -> Result<(), CliError> {
    if is_connected(home, tenant).await? {
        context.printer.warning(format!(
            "tenant `{tenant}` is connected to the sample board, which only `t3nets dev --demo` serves"
        ));
    }
    Ok(())
}

fn secrets(home: &Path) -> Result<FileSecrets, StoreError> {
    FileSecrets::open(home, SECRETS_STEM, Arc::new(SystemClock))
}

fn jira_of(tenant: &TenantId) -> Result<SecretName, CliError> {
    Ok(SecretName {
        tenant_id: tenant.clone(),
        integration: "jira"
            .parse()
            .map_err(|error| CliError::failed("the integration has no name").caused_by(error))?,
        user_id: None,
    })
}

fn credentials(url: &str, account: &SampleAccount) -> SecretDocument {
    let mut fields = JsonObject::new();
    for (name, value) in [
        ("url", url.to_owned()),
        ("email", account.email.clone()),
        ("api_token", account.api_token.clone()),
        ("board_id", sample_board::BOARD_ID.to_string()),
    ] {
        fields.insert(name.to_owned(), value.into());
    }
    SecretDocument::new(fields)
}

/// Whether credentials are a sample board's of an earlier version, which marked them by a field
/// among them. The mark survived when others merged their own fields in, so it alone says nothing.
fn is_of_an_earlier_version(document: &SecretDocument) -> bool {
    let text = |field| document.text(field).unwrap_or_default();
    let is_here = Url::parse(&text("url"))
        .is_ok_and(|url| outbound::is_loopback(&url) && url.port().is_some());
    document.fields().get("sample") == Some(&Value::Bool(true))
        && is_here
        && text("email") == EMAIL
        && text("api_token").starts_with(TOKEN_PREFIX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the handle is kept, and aborted when the board is dropped"
)]
fn serve(listener: TcpListener, routes: axum::Router) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the sample board stopped");
        }
    }))
}

#[cfg(test)]
mod tests {
    use t3nets_router::admin::secrets;

    use super::*;

    fn sample() -> SecretDocument {
        let account = SampleAccount {
            email: EMAIL.to_owned(),
            api_token: format!("{TOKEN_PREFIX}x"),
        };
        credentials("http://127.0.0.1:4711", &account)
    }

    #[test]
    fn the_sample_boards_credentials_are_complete() {
        secrets::check(&"jira".parse().unwrap(), &sample()).unwrap();
    }

    #[test]
    fn an_earlier_versions_mark_counts_only_on_what_it_marked() {
        let mut marked = sample().fields().clone();
        marked.insert("sample".to_owned(), true.into());
        assert!(is_of_an_earlier_version(&SecretDocument::new(
            marked.clone()
        )));
        for (field, value) in [
            ("url", "https://team.atlassian.net"),
            ("email", "ada@example.com"),
            ("api_token", "ATATT3x"),
            ("sample", "no"),
        ] {
            let mut merged = marked.clone();
            merged.insert(field.to_owned(), value.into());
            assert!(
                !is_of_an_earlier_version(&SecretDocument::new(merged)),
                "{field}"
            );
        }
    }
}
