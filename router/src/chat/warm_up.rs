//! What the first turn of a process would otherwise wait for.

use std::time::Duration;

use futures::future::join_all;

use super::{Engine, conversational};

/// How many calls a turn has with one store at the same time, each on a connection of its own.
const STORE_CALLS_AT_ONCE: usize = 5;
/// The longest that it goes on.
const LIMIT: Duration = Duration::from_secs(2);
/// What is read by every rule and means none of them.
const MESSAGE: &str = "Good evening, what else is there to know about our team?";

impl Engine {
    /// Opens connections to the stores and to Bedrock, which takes credentials too, and builds what
    /// rules are read with. What cannot be reached shows at the first turn that needs it.
    pub async fn warm_up(&self) {
        let tenants = (0..STORE_CALLS_AT_ONCE).map(|_| self.platform.tenants.ping());
        let connect = async {
            tokio::join!(
                join_all(tenants),
                self.platform.secrets.ping(),
                self.models.connect()
            )
        };
        let read = async {
            let small_talk = conversational::classify(MESSAGE);
            (
                small_talk,
                self.skills.rules().best_match(MESSAGE, |_| true),
            )
        };
        let all = async { tokio::join!(connect, read) };
        drop(tokio::time::timeout(LIMIT, all).await);
    }
}
