//! The check of the webhook for budgets. It is not asked: whatever is sent there would be an alert.

use t3nets_router::config::BUDGET_WEBHOOK_VARIABLE;
use t3nets_router::outbound::{RANGES_VARIABLE, Reach, WebhookUrl};

use super::Check;
use crate::error::CliError;

const NAME: &str = "budget_webhook";

/// Where the router has its address from.
pub(super) enum Source<'a> {
    NotSet,
    Variable(&'a str),
    /// A secret that ECS reads as a task starts.
    Secret,
}

/// Whether the router can tell it something, as far as the address says; `reach` is where the
/// router's requests may lead.
pub(super) fn check_webhook(source: &Source<'_>, reach: Result<Reach, CliError>) -> Check {
    let set = match source {
        Source::NotSet => return Check::ok(NAME, "not set: budgets are told to nobody"),
        Source::Secret => return Check::ok(NAME, "set by a secret, which is not read"),
        Source::Variable(set) => set,
    };
    let url: WebhookUrl = match set.parse() {
        Ok(url) => url,
        Err(error) => {
            return Check::failed(
                NAME,
                format!(
                    "`{BUDGET_WEBHOOK_VARIABLE}` cannot be used, and no router starts: {error}"
                ),
                "correct it, or unset it",
            );
        }
    };
    match reach {
        Ok(reach) if !url.is_within(&reach) => Check::failed(
            NAME,
            format!("{url} is a private address that the router may not reach"),
            format!("name its range in `{RANGES_VARIABLE}`"),
        ),
        Ok(_) => Check::ok(NAME, format!("{url} is told of budgets; it was not asked")),
        Err(error) => Check::of_error(NAME, error, "correct the variable"),
    }
}

#[cfg(test)]
mod tests {
    use t3nets_router::outbound::Allowed;

    use super::*;
    use crate::commands::doctor::Status;

    #[test]
    fn a_webhook_is_looked_at_and_what_follows_its_host_is_not_shown() {
        let check = |source: Source<'_>, ranges: Option<&str>| {
            let reach = Allowed::parse(false, ranges).map(Reach::Internet);
            check_webhook(&source, Ok(reach.unwrap()))
        };
        let inside = "https://10.0.0.9/T1/secret";
        for (source, ranges, status, detail) in [
            (Source::NotSet, None, Status::Ok, "not set"),
            (Source::Secret, None, Status::Ok, "a secret"),
            (
                Source::Variable("https://hooks.example.com/T1/secret"),
                None,
                Status::Ok,
                "https://hooks.example.com/… is told",
            ),
            (
                Source::Variable("http://hooks.example.com/T1/secret"),
                None,
                Status::Failed,
                "must be an https address",
            ),
            (Source::Variable(inside), None, Status::Failed, "private"),
            (
                Source::Variable(inside),
                Some("10.0.0.0/8"),
                Status::Ok,
                "https://10.0.0.9/… is told",
            ),
        ] {
            let check = check(source, ranges);
            assert_eq!(check.status, status, "{check:?}");
            assert!(check.detail.contains(detail), "{check:?}");
            assert!(!format!("{check:?}").contains("T1"), "{check:?}");
        }
    }
}
