//! The options that `deploy`, `rollback` and `restart` share.

use std::time::Duration;

/// How long a rollout may take.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct RolloutTimeout {
    /// How many seconds it may take from the update to the verdict
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl RolloutTimeout {
    /// As a length of time.
    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
