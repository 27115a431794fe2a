//! What can go wrong in a request to Jira, and the error that the caller gets.

use std::time::Duration;

use reqwest::StatusCode;

use crate::skills::{SkillError, SkillErrorKind};

/// The longest `Retry-After` that is waited for within one use of the skill.
pub(in crate::skills) const MAX_WAIT: Duration = Duration::from_secs(2);

/// Why a request to Jira has no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::skills) enum Failure {
    /// No complete answer in time.
    TimedOut,
    /// No connection, or it broke; with the innermost reason.
    Unreachable(String),
    /// The address is one to which no tenant's credentials are sent; with the reason.
    OutOfReach(String),
    /// A redirect, which is not followed; with the host it leads to.
    Redirected(Option<String>),
    /// Jira treats the request as anonymous although credentials were sent, which it may do in an
    /// answer of status 200.
    NotSignedIn,
    /// Jira wants a CAPTCHA solved before it takes the credentials again.
    Captcha,
    /// An HTTP error.
    Status {
        /// The HTTP status.
        status: StatusCode,
        /// Jira's error message; `None` if the body is not Jira's JSON.
        detail: Option<String>,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// A page instead of JSON.
    NotJson,
    /// More bytes than one use of the skill reads.
    TooLarge,
    /// JSON of an unexpected form; with what was expected.
    UnexpectedForm(&'static str),
}

impl Failure {
    /// Whether it is this error status.
    pub(in crate::skills) fn is_status(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Status { status, .. } if *status == wanted)
    }

    /// Whether it is a refusal for this reason, in Jira's own words.
    pub(in crate::skills) fn says(&self, words: &str) -> bool {
        match self {
            Self::Status { detail, .. } => detail
                .as_deref()
                .is_some_and(|detail| detail.to_lowercase().contains(words)),
            _ => false,
        }
    }

    /// Whether the credentials as a whole were not accepted, so that nothing else can be read.
    pub(in crate::skills) fn is_of_credentials(&self) -> bool {
        matches!(self, Self::NotSignedIn | Self::Captcha)
    }

    /// Whether another attempt may succeed in time. A request that timed out is not repeated: it
    /// has used up the time.
    pub(in crate::skills) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Status { status, .. } => {
                (*status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error())
                    && self.retry_after().is_none_or(|wait| wait <= MAX_WAIT)
            }
            _ => false,
        }
    }

    /// How long Jira asks to wait.
    pub(in crate::skills) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The error for the caller of the skill. `what` is what Jira was asked for:
    /// `the board's sprints`.
    pub(in crate::skills) fn explain(self, what: &str) -> SkillError {
        match self {
            Self::TimedOut => SkillError {
                kind: SkillErrorKind::TimedOut,
                message: format!("Jira did not answer in time when asked for {what}"),
                hint: Some("try again; if it persists, see https://status.atlassian.com".to_owned()),
            },
            Self::Unreachable(reason) => SkillError {
                kind: SkillErrorKind::Unavailable,
                message: format!("Jira cannot be reached: {reason}"),
                hint: Some("check `url` of the integration `jira`, and the network".to_owned()),
            },
            Self::OutOfReach(reason) => SkillError {
                kind: SkillErrorKind::Configuration,
                message: format!("Jira is not asked: {reason}"),
                hint: Some(
                    "correct `url` of the integration `jira`, or have the router's operator allow the address's range"
                        .to_owned(),
                ),
            },
            Self::Redirected(host) => SkillError {
                kind: SkillErrorKind::Configuration,
                message: match host {
                    Some(host) => format!(
                        "Jira redirects to `{host}`, where the credentials are not sent"
                    ),
                    None => "Jira redirects elsewhere, where the credentials are not sent".to_owned(),
                },
                hint: Some(
                    "set `url` of the integration `jira` to the site's own address, such as `https://TEAM.atlassian.net`"
                        .to_owned(),
                ),
            },
            Self::NotSignedIn => not_signed_in(),
            Self::Captcha => SkillError {
                kind: SkillErrorKind::Denied,
                message: "Jira did not accept the credentials: after failed attempts it wants a CAPTCHA".to_owned(),
                hint: Some(
                    "sign in once in a browser with the account of `email`, then check the token with `t3nets secret test jira`"
                        .to_owned(),
                ),
            },
            Self::Status {
                status,
                detail,
                retry_after,
            } => explain_status(status, detail, retry_after, what),
            Self::NotJson => SkillError {
                kind: SkillErrorKind::Configuration,
                message: format!("a web page came instead of {what}: no Jira API is at this address, or it wants a login"),
                hint: Some(
                    "set `url` of the integration `jira` to the site's own address, such as `https://TEAM.atlassian.net`"
                        .to_owned(),
                ),
            },
            Self::TooLarge => SkillError {
                kind: SkillErrorKind::Unavailable,
                message: format!("Jira sent more than can be read when asked for {what}"),
                hint: Some("set `project_key` of the integration `jira` to restrict the issues".to_owned()),
            },
            Self::UnexpectedForm(expected) => SkillError {
                kind: SkillErrorKind::Unavailable,
                message: format!("Jira answered in an unknown form when asked for {what}: {expected} was expected"),
                hint: Some("check that `url` of the integration `jira` is a Jira Cloud site".to_owned()),
            },
        }
    }
}

fn explain_status(
    status: StatusCode,
    detail: Option<String>,
    retry_after: Option<Duration>,
    what: &str,
) -> SkillError {
    let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
    match status {
        // Atlassian's gateway gives a token with too few scopes the same status as a wrong one, and
        // tells them apart in its message alone: "Unauthorized; scope does not match".
        StatusCode::UNAUTHORIZED if detail.contains("scope") => SkillError {
            kind: SkillErrorKind::Denied,
            message: format!("the API token may not read {what}{detail}"),
            hint: Some("use an API token without scopes, or with those to read Jira and its boards and sprints".to_owned()),
        },
        StatusCode::UNAUTHORIZED => not_signed_in(),
        // An organisation can let in known addresses alone: "The IP address has been rejected
        // because it is not in the allowlist".
        StatusCode::FORBIDDEN if detail.to_lowercase().contains("allowlist") => SkillError {
            kind: SkillErrorKind::Denied,
            message: format!("Jira lets only known network addresses read {what}{detail}"),
            hint: Some("add the router's outgoing address to the allowlist: `t3nets env show` shows it".to_owned()),
        },
        // Jira says why as JSON.
        StatusCode::FORBIDDEN if detail.is_empty() => SkillError {
            kind: SkillErrorKind::Denied,
            message: format!("a web page came instead of {what}, with status 403: something before Jira does not let the router through"),
            hint: Some("let the router's outgoing address through (`t3nets env show` shows it), or check `url` of the integration `jira`".to_owned()),
        },
        StatusCode::FORBIDDEN => SkillError {
            kind: SkillErrorKind::Denied,
            message: format!("the Jira account may not read {what}{detail}"),
            hint: Some("give the account of `email` access to the board's project in Jira".to_owned()),
        },
        StatusCode::NOT_FOUND => SkillError {
            kind: SkillErrorKind::NotFound,
            message: format!("Jira does not find {what}{detail}"),
            hint: Some("check `url` and `board_id` of the integration `jira`".to_owned()),
        },
        StatusCode::TOO_MANY_REQUESTS => SkillError {
            kind: SkillErrorKind::Throttled { retry_after },
            message: "Jira limits the rate of requests".to_owned(),
            hint: Some(match retry_after {
                Some(wait) => format!("try again in {}", shown_duration(wait)),
                None => "try again in a minute".to_owned(),
            }),
        },
        status if status.is_server_error() => SkillError {
            kind: SkillErrorKind::Unavailable,
            message: format!("Jira failed with status {} when asked for {what}", status.as_u16()),
            hint: Some("try again; if it persists, see https://status.atlassian.com".to_owned()),
        },
        status => SkillError {
            kind: SkillErrorKind::Unavailable,
            message: format!("Jira refused to give {what} with status {}{detail}", status.as_u16()),
            hint: Some("check the integration with `t3nets secret test jira`".to_owned()),
        },
    }
}

fn not_signed_in() -> SkillError {
    SkillError {
        kind: SkillErrorKind::Denied,
        message: "Jira refused the credentials".to_owned(),
        hint: Some(
            "`email` and `api_token` must belong together, and tokens expire: make a new one at \
             https://id.atlassian.com/manage-profile/security/api-tokens and set it with `t3nets secret set jira`"
                .to_owned(),
        ),
    }
}

/// The error when all requests together took too long.
pub(in crate::skills) fn too_slow(limit: Duration) -> SkillError {
    SkillError {
        kind: SkillErrorKind::TimedOut,
        message: format!("Jira did not answer within {}", shown_duration(limit)),
        hint: Some("try again; if it persists, see https://status.atlassian.com".to_owned()),
    }
}

/// The error for an input that is not valid.
pub(in crate::skills) fn invalid_input(message: String, hint: &str) -> SkillError {
    SkillError {
        kind: SkillErrorKind::Input,
        message,
        hint: Some(hint.to_owned()),
    }
}

/// A duration in its largest fitting unit, rounded up: `3 minutes`.
fn shown_duration(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let (number, unit) = match seconds {
        0..=119 => (seconds.max(1), "second"),
        120..=7199 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_the_unit_that_fits() {
        let shown = |seconds| shown_duration(Duration::from_secs(seconds));
        assert_eq!(shown(0), "1 second");
        assert_eq!(shown(90), "90 seconds");
        assert_eq!(shown(121), "3 minutes");
        assert_eq!(shown(7200), "2 hours");
    }

    #[test]
    fn only_transient_failures_are_retried() {
        let status = |status, seconds: Option<u64>| Failure::Status {
            status,
            detail: None,
            retry_after: seconds.map(Duration::from_secs),
        };
        assert!(Failure::Unreachable("connection refused".to_owned()).is_transient());
        assert!(status(StatusCode::BAD_GATEWAY, None).is_transient());
        assert!(status(StatusCode::TOO_MANY_REQUESTS, None).is_transient());
        assert!(status(StatusCode::TOO_MANY_REQUESTS, Some(2)).is_transient());
        assert!(!status(StatusCode::TOO_MANY_REQUESTS, Some(3)).is_transient());
        assert!(!status(StatusCode::BAD_REQUEST, None).is_transient());
        assert!(!Failure::TimedOut.is_transient());
        assert!(!Failure::NotJson.is_transient());
    }
}
