//! An account whose operator's calls go through microburst, which throttles, refuses, delays and
//! cuts a third of them.

use std::path::Path;

use serde_json::Value;
use support::aws::AwsServer;

/// Of a hundred calls to a service: how many meet what.
const FAULTS: [(u32, &str); 4] = [
    (11, "error: {code: ThrottlingException, status: 400}"),
    (9, "error: {code: ServerException, status: 500}"),
    (7, "reset: true"),
    (7, "latency: 900"),
];

/// A proxy that fails calls to ECS, ECR and CloudWatch Logs.
pub(super) struct Faults {
    server: AwsServer,
}

impl Faults {
    /// Starts it before `upstream`; `folder` is for its rules.
    pub(super) fn start(upstream: &str, folder: &Path) -> Option<Self> {
        let mut rules = "rules:\n".to_owned();
        for service in ["ecs", "ecr", "logs"] {
            // A call that one rule spares is left to the next: the shares are of what is left.
            let mut left = 100;
            for (share, fault) in FAULTS {
                let probability = f64::from(share) / f64::from(left);
                rules +=
                    &format!("- {{service: {service}, probability: {probability:.3}, {fault}}}\n");
                left -= share;
            }
        }
        let file = folder.join("faults.yaml");
        std::fs::write(&file, rules).unwrap();
        let file = file.to_str().unwrap();
        let arguments = ["--upstream", upstream, "--config", file];
        let server = AwsServer::start("microburst", &arguments)?;
        Some(Self { server })
    }

    pub(super) fn url(&self) -> &str {
        self.server.url()
    }

    /// How many calls of a service met a fault.
    pub(super) fn fired(&self, service: &str) -> usize {
        let url = format!("{}/_microburst/fired?limit=100000", self.url());
        let asked = std::process::Command::new("curl")
            .args(["--silent", "--fail", &url])
            .output();
        let fired: Value = serde_json::from_slice(&asked.unwrap().stdout).unwrap();
        let fired = fired.as_array().expect("a list of what fired").iter();
        fired.filter(|one| one["service"] == service).count()
    }
}
