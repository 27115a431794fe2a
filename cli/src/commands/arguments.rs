//! The arguments that several commands share, each declared once, and how their values are read.

use std::str::FromStr;

use clap::ArgGroup;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use t3nets_router::admin::Admin;
use t3nets_router::model::{TenantId, UserId};

use crate::context::Context;
use crate::error::CliError;

/// The tenant that something is in.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TenantFlag {
    /// The tenant [default: the only one there is, else `default`]
    #[arg(id = "tenant", long, short = 't', value_name = "TENANT")]
    pub(crate) id: Option<TenantId>,
}

impl TenantFlag {
    /// The tenant that was given, or the one that is meant without: said on stderr where that is
    /// not the usual one.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn resolve(
        self,
        context: &Context,
        admin: &Admin,
    ) -> Result<TenantId, CliError> {
        let is_named = self.id.is_some();
        let id = self.quietly(admin).await?;
        if !is_named && id.as_str() != TenantId::DEFAULT {
            context
                .printer
                .detail(format!("tenant: {id} (the only one)"));
        }
        Ok(id)
    }

    /// The same without a word, where the result names it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn quietly(self, admin: &Admin) -> Result<TenantId, CliError> {
        match self.id {
            Some(id) => Ok(id),
            None => Ok(admin.usual_tenant().await?),
        }
    }
}

/// The tenant that it is about: by its name, or by the flag.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TenantName {
    /// The tenant [default: the only one there is, else `default`]
    #[arg(id = "named_tenant", value_name = "TENANT", conflicts_with = "tenant")]
    named: Option<TenantId>,
    #[command(flatten)]
    flag: TenantFlag,
}

impl TenantName {
    /// The one that was chosen, or is meant without.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn resolve(
        self,
        context: &Context,
        admin: &Admin,
    ) -> Result<TenantId, CliError> {
        match self.named {
            Some(id) => Ok(id),
            None => self.flag.resolve(context, admin).await,
        }
    }
}

/// The same where none is assumed.
#[derive(Debug, Clone, clap::Args)]
#[command(
    group = ArgGroup::new("which_tenant").args(["named_tenant", "tenant"]).required(true),
)]
pub(crate) struct RequiredTenant {
    /// The tenant
    #[arg(id = "named_tenant", value_name = "TENANT", conflicts_with = "tenant")]
    named: Option<TenantId>,
    /// The tenant
    #[arg(id = "tenant", long, short = 't', value_name = "TENANT")]
    flag: Option<TenantId>,
}

impl RequiredTenant {
    /// The one that was chosen.
    ///
    /// # Errors
    /// Usage if none was.
    pub(crate) fn into_id(self) -> Result<TenantId, CliError> {
        self.named
            .or(self.flag)
            .ok_or_else(|| CliError::usage("the tenant is missing: `--tenant` gives it"))
    }
}

/// The user that it is about: by id, or by the flag.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RequiredUser {
    /// The user's id (`t3nets tenant users` lists them)
    #[arg(value_name = "USER")]
    named: Option<UserId>,
    /// The user's id
    #[arg(long = "user", short = 'u', value_name = "USER")]
    user: Option<UserId>,
}

impl RequiredUser {
    /// The one that was chosen.
    ///
    /// # Errors
    /// Usage if none was.
    pub(crate) fn into_id(self) -> Result<UserId, CliError> {
        self.named
            .or(self.user)
            .ok_or_else(|| CliError::usage("the user is missing: `--user` gives it"))
    }
}

/// How long a change of the service may take.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct TimeoutFlag {
    /// How long it may take: `90s`, `15m`
    #[arg(id = "timeout", long, value_name = "TIME", default_value = "15m", value_parser = parse_timeout)]
    pub(crate) limit: std::time::Duration,
}

/// A length of time: `90s`, `15m`, `12h`, `90d`, `2w 3d`. A day has 24 hours.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(|duration| !duration.is_negative())
        .ok_or_else(|| "must be a duration like `90s`, `15m`, `12h` or `90d`".to_owned())
}

/// The same, of at least a second and at most a day.
fn parse_timeout(text: &str) -> Result<std::time::Duration, String> {
    // A number alone was seconds before durations were understood, and scripts hold it.
    let duration = match text.parse() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => parse_duration(text)?,
    };
    std::time::Duration::try_from(duration)
        .ok()
        .filter(|duration| (1..=86_400).contains(&duration.as_secs()))
        .ok_or_else(|| "must be between `1s` and `1d`".to_owned())
}

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PastTime {
    Ago(SignedDuration),
    At(Timestamp),
}

impl PastTime {
    /// The time that is meant now.
    pub(crate) fn at(self) -> Timestamp {
        match self {
            Self::Ago(ago) => Timestamp::now()
                .checked_sub(ago)
                .unwrap_or(Timestamp::UNIX_EPOCH),
            Self::At(at) => at,
        }
    }
}

impl FromStr for PastTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        // Without an offset it is this machine's time.
        if let Ok(civil) = text.parse::<DateTime>() {
            let zoned = civil.to_zoned(TimeZone::system());
            return zoned
                .map(|zoned| Self::At(zoned.timestamp()))
                .map_err(|error| error.to_string());
        }
        parse_duration(text)
            .map(Self::Ago)
            .map_err(|_| "must be like `15m`, `1h30m` or `2026-11-24T10:00:00Z`".to_owned())
    }
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
    fn durations_are_read_as_people_type_them() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("15m"), Ok(15 * 60));
        assert_eq!(seconds("12h"), Ok(12 * 3600));
        assert_eq!(seconds("90d"), Ok(90 * 86_400));
        assert_eq!(seconds("2w 1d"), Ok(15 * 86_400));
        for bad in ["", "90", "-1m", "soon", "1 fortnight", "1 month"] {
            assert!(parse_duration(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_timeout_is_a_duration_or_a_number_of_seconds_within_a_day() {
        let seconds = |text| parse_timeout(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("900"), Ok(900));
        assert_eq!(seconds("15m"), Ok(900));
        for bad in ["0", "-5", "2d", "86401", "soon"] {
            assert!(parse_timeout(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_time_is_given_as_such_or_as_how_long_ago() {
        let past = str::parse::<PastTime>;
        let ago = |seconds| Ok(PastTime::Ago(SignedDuration::from_secs(seconds)));
        assert_eq!(past("90s"), ago(90));
        assert_eq!(past("15m"), ago(900));
        assert_eq!(past("2h"), ago(7200));
        assert_eq!(past("1d"), ago(86_400));
        assert_eq!(past("1h30m"), ago(5400));
        assert_eq!(past("1h 30m"), ago(5400));
        assert_eq!(past("PT1H30M"), ago(5400));
        let at = "2026-11-24T10:00:00Z";
        assert_eq!(past(at), Ok(PastTime::At(at.parse().unwrap())));
        let berlin = past("2026-11-24T11:00:00+01:00");
        assert_eq!(berlin, Ok(PastTime::At(at.parse().unwrap())));
        for local in ["2026-11-24T10:00", "2026-11-24 10:00:30", "2026-11-24"] {
            assert!(matches!(past(local), Ok(PastTime::At(_))), "{local}");
        }
        for wrong in ["", "m", "-1m", "10", "yesterday", "ä", "1ä"] {
            assert!(past(wrong).is_err(), "{wrong}");
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
