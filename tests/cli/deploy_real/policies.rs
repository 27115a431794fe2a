//! The policies that infra/aws makes for those who deploy, administer and read: each command runs
//! under the one that it is for, and nothing that it allows is without use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use support::aws::root;
use support::aws_iam::{Policy, needs};
use support::aws_proxy::{AwsProxy, Before, Refusal};
use tokio::runtime::Runtime;

/// What these runs have none of: a state in a bucket, a task that fails; and in the stand-in for
/// AWS, service deployments and policies attached to a role.
const ELSEWHERE: [&str; 7] = [
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "logs:GetLogEvents",
    "s3:GetObject",
    "s3:ListBucket",
];

/// What a tenant keeps secret is not for those who only look: `doctor` does without it.
const WITHHELD: &str = "secretsmanager:GetSecretValue";

/// A proxy for each policy, which refuses what it does not allow.
pub(super) struct Policies(BTreeMap<&'static str, AwsProxy>);

impl Policies {
    /// `written` is Terraform's output of them.
    pub(super) fn start(written: &Value, upstream: &str, runtime: &Runtime) -> Self {
        let started = ["deploy", "operate", "read"].map(|name| {
            let policy = Policy::read(written[name].as_str().expect("a policy"));
            let proxy = AwsProxy::to(upstream).before(move |call| match policy.lacks(call)[..] {
                [] => Before::Forward,
                _ => Before::Refuse(Refusal::Denied),
            });
            (name, runtime.block_on(proxy.start()))
        });
        Self(started.into())
    }

    /// Where a command's calls go.
    pub(super) fn url_of(&self, arguments: &[&str]) -> String {
        let name = match arguments {
            ["deploy", more @ ..] if more.contains(&"--plan") => "read",
            ["deploy" | "rollback" | "restart" | "scale", ..] => "deploy",
            ["status" | "logs" | "doctor" | "history", ..] => "read",
            _ => "operate",
        };
        self.0[name].url()
    }

    /// Fails the test if a call was denied, or if a policy allows what no command needed.
    #[track_caller]
    pub(super) fn fit(&self) {
        let written = std::fs::read_to_string(root().join("infra/aws/modules/access/calls.json"));
        let written: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(&written.unwrap()).unwrap();
        let mut needed = BTreeMap::new();
        for (name, proxy) in &self.0 {
            let calls = proxy.calls();
            let denied = calls.iter().filter(|call| call.faulted);
            let denied = denied.map(needs).filter(|needs| match (*name, &needs[..]) {
                ("read", [need]) => need.action != WITHHELD,
                _ => true,
            });
            let denied: Vec<_> = denied.collect();
            assert!(denied.is_empty(), "{name} denies {denied:#?}");
            let allowed = calls.iter().filter(|call| !call.faulted);
            let actions = allowed.flat_map(needs).map(|need| need.action);
            needed.insert(*name, actions.collect::<BTreeSet<_>>());
        }
        let read: Vec<String> = needed["deploy"].iter().cloned().collect();
        needed.get_mut("read").unwrap().extend(read);
        for (name, needed) in needed {
            let unused = written[name]
                .keys()
                .filter(|action| !needed.contains(*action));
            let unused: Vec<_> = unused
                .filter(|action| !ELSEWHERE.contains(&action.as_str()))
                .collect();
            assert!(
                unused.is_empty(),
                "{name} allows {unused:?}, which nothing needs"
            );
        }
    }
}
