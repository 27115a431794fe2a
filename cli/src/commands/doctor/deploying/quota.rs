//! Whether the account may run as many vCPUs on Fargate as a deploy takes: a new account has a
//! small quota, which ECS names only once a rollout waits for it.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>

use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;
use t3nets_deploy::ecs::PlacedService;
use t3nets_router::aws::signed::{SERVICE_QUOTAS, SignedClient};
use t3nets_router::aws::{AwsError, AwsErrorKind};

use super::{Check, RunningRevision, ServiceChecks};

const NAME: &str = "quota";

/// Units of processor time in a vCPU, as task definitions count it.
const UNITS_PER_VCPU: f64 = 1024.0;

/// A deploy starts the new tasks beside the old ones.
const RELEASES_AT_ONCE: f64 = 2.0;

/// A quota on what runs at once in a region, in vCPUs.
struct Quota {
    code: &'static str,
    name: &'static str,
}

const ON_DEMAND: Quota = Quota {
    code: "L-3032A538",
    name: "Fargate On-Demand vCPU resource count",
};
const SPOT: Quota = Quota {
    code: "L-36FBB829",
    name: "Fargate Spot vCPU resource count",
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    quota: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    value: f64,
}

impl ServiceChecks<'_> {
    pub(super) async fn check_quota(
        &self,
        placed: &Result<Option<PlacedService>, AwsError>,
        running: &RunningRevision,
    ) -> Check {
        let Ok(Some(placed)) = placed else {
            return super::skipped_without(NAME, "service");
        };
        let units = match running {
            RunningRevision::Deployed(definition) | RunningRevision::Placeholder(definition) => {
                definition.cpu_units()
            }
            _ => None,
        };
        let Some(units) = units else {
            return Check::skipped(NAME, "what a task takes is not known");
        };
        let most = self.target.autoscaling.map_or(0, |(_, most)| most);
        let tasks = f64::from(placed.service.desired.max(most).max(1));
        let needed = tasks * f64::from(units) / UNITS_PER_VCPU * RELEASES_AT_ONCE;
        let quota = quota_of(placed);
        found(quota, needed, ask(self.sdk, quota).await)
    }
}

/// The quota that the service's tasks count towards.
fn quota_of(placed: &PlacedService) -> &'static Quota {
    let is_spot = |provider: &String| provider == "FARGATE_SPOT";
    match !placed.strategy.is_empty() && placed.strategy.iter().all(is_spot) {
        true => &SPOT,
        false => &ON_DEMAND,
    }
}

async fn ask(sdk: &SdkConfig, quota: &Quota) -> Result<f64, AwsError> {
    let input = json!({ "ServiceCode": "fargate", "QuotaCode": quota.code });
    let client = SignedClient::new(sdk, &SERVICE_QUOTAS);
    let answer: Answer = client.call("GetServiceQuota", &input).await?;
    Ok(answer.quota.value)
}

fn found(quota: &Quota, needed: f64, allowed: Result<f64, AwsError>) -> Check {
    let Quota { code, name } = quota;
    match allowed {
        Ok(allowed) if allowed < needed => Check::warning(
            NAME,
            format!(
                "a deploy takes up to {needed} vCPUs, and the account may run {allowed} at once"
            ),
            format!(
                "raise `{name}` ({code}) in Service Quotas: other services in the region count, too"
            ),
        ),
        Ok(allowed) => Check::ok(
            NAME,
            format!("a deploy takes up to {needed} of {allowed} vCPUs"),
        ),
        Err(error) if error.kind == AwsErrorKind::Permission => Check::skipped(
            NAME,
            format!("reading it needs `servicequotas:GetServiceQuota`: {error}"),
        ),
        Err(error) => Check::skipped(NAME, format!("`{name}` is not known: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Status;
    use super::*;

    #[test]
    fn a_quota_that_a_deploy_would_meet_is_a_warning() {
        let of = |allowed| found(&ON_DEMAND, 4.0, allowed);
        assert_eq!(of(Ok(4.0)).status, Status::Ok);
        let small = of(Ok(2.0));
        assert_eq!(small.status, Status::Warning);
        assert!(small.detail.contains("up to 4 vCPUs"), "{small:?}");
        assert!(small.remedy.to_string().contains("L-3032A538"), "{small:?}");
        for (code, status) in [
            ("AccessDeniedException", 400),
            ("NoSuchResourceException", 400),
        ] {
            let error = AwsError::of_answer(
                "servicequotas",
                "GetServiceQuota",
                status,
                Some(code),
                None,
                None,
            );
            assert_eq!(of(Err(error)).status, Status::Skipped, "{code}");
        }
    }

    #[test]
    fn tasks_on_spot_alone_count_towards_its_own_quota() {
        let placed = |strategy: &[&str]| PlacedService {
            strategy: strategy.iter().map(|name| (*name).to_owned()).collect(),
            ..PlacedService::default()
        };
        assert_eq!(quota_of(&placed(&["FARGATE_SPOT"])).code, SPOT.code);
        for strategy in [&["FARGATE", "FARGATE_SPOT"][..], &[]] {
            assert_eq!(quota_of(&placed(strategy)).code, ON_DEMAND.code);
        }
    }
}
