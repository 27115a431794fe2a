//! `dev --demo`: a sample board for the tenant, served by this process, so that an answer goes the
//! whole real way: skill, HTTP, JSON, wording.

use std::net::Ipv4Addr;

use serde_json::Value;
use t3nets_router::admin::Admin;
use t3nets_router::model::{JsonObject, SecretDocument, SecretName, TenantId};
use t3nets_router::ports::Platform;
use t3nets_router::token::random_token;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::sample_board::{self, SampleAccount};
use crate::context::Context;
use crate::error::CliError;

/// The field that marks credentials as a sample board's.
const MARK: &str = "sample";

/// A sample board that answers until the value is dropped.
pub(super) struct SampleBoard {
    _serving: AbortOnDropHandle<()>,
}

/// Whether the credentials are a sample board's, made by `dev --demo`.
pub(crate) fn is_sample(document: &SecretDocument) -> bool {
    document.fields().get(MARK) == Some(&Value::Bool(true))
}

/// Serves the sample board on a free loopback port and connects the tenant to it.
///
/// # Errors
/// Not ready if the tenant is connected to a real Jira, whose credentials are never replaced.
pub(super) async fn start(
    context: &Context,
    platform: &Platform,
    tenant: &TenantId,
) -> Result<SampleBoard, CliError> {
    let name = jira_of(tenant)?;
    if let Some(document) = platform.secrets.get(&name).await?
        && !is_sample(&document)
    {
        return Err(CliError::not_ready(format!(
            "tenant `{tenant}` is connected to a real Jira, which the sample board would replace"
        ))
        .hint_command("dev", "(without `--demo`) answers from the real one")
        .hint("with T3NETS_HOME set to another folder, the sample board is beside it"));
    }

    let account = SampleAccount {
        email: "demo@example.com".to_owned(),
        api_token: random_token("sample_")
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

    Admin::new(platform.clone(), context.actor())
        .set_secret(&name, &credentials(&url, &account))
        .await?;
    context.printer.status(format!(
        "sample data: tenant `{tenant}` answers from a sample Jira board, not from a real one"
    ));
    Ok(SampleBoard {
        _serving: serve(listener, routes),
    })
}

/// Says that a demo left the tenant connected to a sample board that does not run now.
///
/// # Errors
/// If the secrets cannot be read.
pub(super) async fn warn_if_left_over(
    context: &Context,
    platform: &Platform,
    tenant: &TenantId,
) -> Result<(), CliError> {
    let stored = platform.secrets.get(&jira_of(tenant)?).await?;
    if stored.as_ref().is_some_and(is_sample) {
        context.printer.warning(format!(
            "tenant `{tenant}` is connected to the sample board, which only `t3nets dev --demo` serves"
        ));
    }
    Ok(())
}

fn jira_of(tenant: &TenantId) -> Result<SecretName, CliError> {
    Ok(SecretName {
        tenant_id: tenant.clone(),
        integration: "jira"
            .parse()
            .map_err(|error| CliError::failed("the integration has no name").caused_by(error))?,
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
    fields.insert(MARK.to_owned(), true.into());
    SecretDocument::new(fields)
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

    #[test]
    fn the_sample_boards_credentials_are_marked_and_complete() {
        let account = SampleAccount {
            email: "sample@example.com".to_owned(),
            api_token: "token".to_owned(),
        };
        let document = credentials("http://127.0.0.1:1", &account);
        assert!(is_sample(&document));
        secrets::check(&"jira".parse().unwrap(), &document).unwrap();
        assert!(!is_sample(&SecretDocument::default()));
    }
}
