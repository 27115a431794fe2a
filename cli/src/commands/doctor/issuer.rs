//! The check of the issuer whose tokens let callers in: whether its keys are there.

use t3nets_router::oidc::{self, InvalidOidc, NotFetched, OidcSettings};

use super::Check;

const NAME: &str = "oidc_issuer";

/// Asks the issuer from here, which may be another network than the router's; `None` where none is
/// set.
pub(super) async fn check_issuer(
    settings: Result<Option<OidcSettings>, InvalidOidc>,
) -> Option<Check> {
    let settings = match settings {
        Ok(settings) => settings?,
        Err(error) => {
            let variable = error.variable;
            return Some(Check::failed(
                NAME,
                format!("`{variable}` cannot be used, and no router starts: {error}"),
                "correct it, or unset it",
            ));
        }
    };
    let issuer = settings.issuer();
    Some(match oidc::ask(&settings).await {
        Ok(found) => Check::ok(
            NAME,
            format!(
                "{issuer} publishes {} that sign tokens",
                keys(found.count())
            ),
        ),
        Err(error @ (NotFetched::Transport(_) | NotFetched::TooSlow)) => Check::warning(
            NAME,
            format!("{issuer} does not answer this machine: {error}"),
            "where the router cannot reach it either, its callers by JWT get 503",
        ),
        Err(error) => Check::failed(
            NAME,
            format!("no token of {issuer} can be verified: {error}"),
            "correct the issuer, or what it publishes",
        ),
    })
}

fn keys(count: usize) -> String {
    match count {
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    }
}

#[cfg(test)]
mod tests {
    use support::issuer::{OidcIssuer, SigningKey};
    use t3nets_router::oidc::{AUDIENCE_VARIABLE, ISSUER_VARIABLE};

    use super::*;
    use crate::commands::doctor::Status;

    async fn check(issuer: &str, audience: &str) -> Option<Check> {
        let lookup = |name: &str| match name {
            ISSUER_VARIABLE => Some(issuer.to_owned()),
            AUDIENCE_VARIABLE => Some(audience.to_owned()),
            _ => None,
        };
        check_issuer(OidcSettings::from_env(lookup, true)).await
    }

    #[tokio::test]
    async fn an_issuer_is_asked_for_its_keys() {
        assert!(check("", "").await.is_none());
        let issuer = OidcIssuer::start(vec![SigningKey::p256().published("a")]).await;
        let (own, other) = (issuer.name(), format!("{}/", issuer.name()));
        for (issuer, audience, status, detail) in [
            (&*own, "t3nets", Status::Ok, "publishes 1 key that"),
            (&other, "t3nets", Status::Failed, "it calls itself"),
            (
                &own,
                "",
                Status::Failed,
                "`T3NETS_OIDC_AUDIENCE` is not set",
            ),
            (
                "http://127.0.0.3:9",
                "t3nets",
                Status::Warning,
                "does not answer",
            ),
        ] {
            let check = check(issuer, audience).await.unwrap();
            assert_eq!(check.status, status, "{check:?}");
            assert!(check.detail.contains(detail), "{check:?}");
        }
        issuer.set_down(true);
        let check = check(&own, "t3nets").await.unwrap();
        assert!(check.detail.contains("502"), "{check:?}");
    }
}
