//! The arguments that several commands share, and how their values are read.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use t3nets_router::model::{TenantId, UserId};

use crate::error::CliError;

/// In which tenant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TenantFlag {
    /// The tenant
    #[arg(
        id = "in_tenant",
        long = "tenant",
        short = 't',
        value_name = "TENANT",
        default_value = "default"
    )]
    pub(crate) id: TenantId,
}

/// Which tenant, by name or by flag.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
pub(crate) struct TenantChoice {
    /// The tenant
    #[arg(value_name = "TENANT")]
    named: Option<TenantId>,
    /// The tenant
    #[arg(
        long = "tenant",
        short = 't',
        value_name = "TENANT",
        default_value = "default"
    )]
    tenant: TenantId,
}

impl TenantChoice {
    /// The one that was chosen.
    pub(crate) fn into_id(self) -> TenantId {
        self.named.unwrap_or(self.tenant)
    }
}

/// Which tenant, by name or by flag, where none is assumed.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TenantNamed {
    /// The tenant
    #[arg(value_name = "TENANT")]
    named: Option<TenantId>,
    /// The tenant
    #[arg(long = "tenant", short = 't', value_name = "TENANT")]
    tenant: Option<TenantId>,
}

impl TenantNamed {
    /// The one that was chosen.
    ///
    /// # Errors
    /// Usage if none was.
    pub(crate) fn into_id(self) -> Result<TenantId, CliError> {
        self.named
            .or(self.tenant)
            .ok_or_else(|| CliError::usage("the tenant is missing: `--tenant` gives it"))
    }
}

/// Which person, by name or by flag.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct UserNamed {
    /// The person's id (`t3nets tenant users` shows it)
    #[arg(value_name = "USER")]
    named: Option<UserId>,
    /// The person's id
    #[arg(long = "user", short = 'u', value_name = "USER")]
    user: Option<UserId>,
}

impl UserNamed {
    /// The one that was chosen.
    ///
    /// # Errors
    /// Usage if none was.
    pub(crate) fn into_id(self) -> Result<UserId, CliError> {
        self.named
            .or(self.user)
            .ok_or_else(|| CliError::usage("the person is missing: `--user` gives it"))
    }
}

/// A length of time as people type it: `90d`, `12h`, `2w 3d`. A day has 24 hours.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .map_err(|_| "must be a length of time like `90d`, `12h` or `15m`".to_owned())
}

/// `name=value` as it is typed.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("must be `name=value`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_type_them() {
        let hours = |text| parse_duration(text).map(|duration| duration.as_hours());
        assert_eq!(hours("90d"), Ok(90 * 24));
        assert_eq!(hours("2w 1d"), Ok(15 * 24));
        assert_eq!(hours("12h"), Ok(12));
        for bad in ["", "90", "soon", "1 fortnight", "1 month"] {
            assert!(parse_duration(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn pairs_need_a_name_and_may_have_any_value() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_pair("a="), Ok(("a".into(), String::new())));
        assert!(parse_pair("=b").is_err());
        assert!(parse_pair("a").is_err());
    }
}
