//! Whether somebody is told of alarms: an alarm that nobody hears is none.

use serde::Deserialize;
use serde_json::json;
use t3nets_router::aws::signed::{SNS, SignedClient};
use t3nets_router::aws::{AwsError, AwsErrorKind};

use super::Check;
use crate::aws::{AlarmTargets, AwsSession};
use crate::hint::Hint;

const NAME: &str = "alarms";

/// What SNS has in the place of the ARN of a subscription whose mail nobody has answered.
/// <https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html>
const UNCONFIRMED: &str = "PendingConfirmation";

/// Who is told of the environment's alarms.
pub(super) async fn check(session: &AwsSession) -> Check {
    let Some(alarms) = &session.environment.alarms else {
        return Check::skipped(NAME, "only Terraform's state says where they go");
    };
    let client = SignedClient::new(&session.sdk, &SNS);
    let input = json!({ "TopicArn": alarms.topic_arn });
    // The first hundred: enough to know that somebody is told.
    let answer = client.call("ListSubscriptionsByTopic", &input).await;
    let subscriptions = answer.map(|answer: Listed| answer.subscriptions.member);
    found(&session.environment.name, alarms, subscriptions)
}

fn found(
    environment: &str,
    alarms: &AlarmTargets,
    subscriptions: Result<Vec<Subscription>, AwsError>,
) -> Check {
    let apply = |means| Hint::command(format!("infra apply -e {environment}"), means);
    let topic = &alarms.topic_arn;
    let subscriptions = match subscriptions {
        Ok(subscriptions) => subscriptions,
        Err(error) if error.kind == AwsErrorKind::Permission => {
            let needs = "needs `sns:ListSubscriptionsByTopic`";
            let what = format!("access to `{topic}` is denied, which {needs}: {error}");
            return Check::skipped(NAME, what);
        }
        Err(error) => {
            let what = format!("`{topic}`");
            return Check::refused(NAME, &what, &error, apply("creates the topic"));
        }
    };
    let (waiting, told): (Vec<_>, Vec<_>) = subscriptions
        .into_iter()
        .partition(|one| one.subscription_arn == UNCONFIRMED);
    if !waiting.is_empty() {
        let addresses: Vec<_> = waiting.into_iter().map(|one| one.endpoint).collect();
        return Check::warning(
            NAME,
            format!("not confirmed: {}", addresses.join(", ")),
            "open the link in the mail from AWS Notifications; after three days without an answer it has to be sent anew",
        );
    }
    match told.len() + alarms.more {
        0 => Check::warning(
            NAME,
            "nobody is told of them",
            apply("brings what `alarm_emails` and `alarm_targets` in the tfvars say"),
        ),
        1 => Check::ok(NAME, "one address or target is told"),
        count => Check::ok(NAME, format!("{count} addresses and targets are told")),
    }
}

/// ListSubscriptionsByTopic's answer, as far as it is used.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    subscriptions: Members,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Members {
    member: Vec<Subscription>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Subscription {
    subscription_arn: String,
    endpoint: String,
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn look(more: usize, subscriptions: &[(&str, &str)]) -> (Status, String) {
        let alarms = AlarmTargets {
            topic_arn: "arn:aws:sns:us-east-1:1:t3nets-prod-alarms".to_owned(),
            more,
        };
        let subscriptions = subscriptions.iter().map(|(arn, endpoint)| Subscription {
            subscription_arn: (*arn).to_owned(),
            endpoint: (*endpoint).to_owned(),
        });
        let check = found("prod", &alarms, Ok(subscriptions.collect()));
        (check.status, format!("{} {}", check.detail, check.remedy))
    }

    #[test]
    fn alarms_that_nobody_hears_are_warned_of() {
        let (status, said) = look(0, &[]);
        assert_eq!(status, Status::Warning);
        assert!(said.contains("alarm_emails"), "{said}");
        let confirmed = ("arn:aws:sns:us-east-1:1:t3nets-prod-alarms:a", "a@b.c");
        let (status, said) = look(0, &[confirmed, (UNCONFIRMED, "ada@example.com")]);
        assert_eq!(status, Status::Warning);
        assert!(said.contains("not confirmed: ada@example.com"), "{said}");
        assert_eq!(look(0, &[confirmed]).0, Status::Ok);
        assert_eq!(look(1, &[]).0, Status::Ok);
    }
}
