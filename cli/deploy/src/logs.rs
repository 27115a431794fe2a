//! What tasks wrote, from CloudWatch Logs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cloudwatch_logs::LogsClient;
use crate::task_definition::TaskDefinition;

/// How many lines are read of a task that ended.
const LINES: u32 = 20;
/// The pause before a log without lines is asked for again.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Where a container's log goes, by the task definition's `awslogs` options.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The log group.
    pub group: String,
    /// The region, where it is named.
    pub region: Option<String>,
    prefix: String,
    container: String,
}

impl LogPlace {
    /// A container's; `None` if it does not log to CloudWatch, or under names that cannot be told.
    pub fn of(definition: &TaskDefinition, container: &str) -> Option<Self> {
        let logging = &definition.container(container)?["logConfiguration"];
        let option = |name: &str| logging["options"][name].as_str().map(str::to_owned);
        if logging["logDriver"] != "awslogs" {
            return None;
        }
        Some(Self {
            group: option("awslogs-group")?,
            region: option("awslogs-region"),
            prefix: option("awslogs-stream-prefix")?,
            container: container.to_owned(),
        })
    }

    /// The stream of one task.
    pub fn stream(&self, task: &str) -> String {
        format!("{}/{}/{task}", self.prefix, self.container)
    }
}

/// A reader of one container's log.
#[derive(Debug, Clone)]
pub struct Logs {
    client: LogsClient,
    place: LogPlace,
}

impl Logs {
    /// At a place.
    pub fn new(config: &aws_config::SdkConfig, place: LogPlace) -> Self {
        Self {
            client: LogsClient::new(config, place.region.as_deref()),
            place,
        }
    }

    /// The last lines of a task. Lines come seconds after they were written: waits for the first at
    /// most this long. Empty if there are none, or they cannot be read: the verdict does not depend
    /// on them.
    pub async fn last_lines(&self, task: &str, wait: Duration) -> Vec<String> {
        let until = Instant::now() + wait;
        loop {
            let stream = self.place.stream(task);
            let asked = self.client.last_events(&self.place.group, &stream, LINES);
            let lines =
                match tokio::time::timeout_at(until.max(Instant::now() + ASKED_EVERY), asked).await
                {
                    Ok(Ok(events)) => events,
                    Ok(Err(_)) | Err(_) => Vec::new(),
                };
            if !lines.is_empty() {
                return lines.into_iter().map(|line| line.message).collect();
            }
            if Instant::now() + ASKED_EVERY >= until {
                return Vec::new();
            }
            sleep(ASKED_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(logging: serde_json::Value) -> TaskDefinition {
        TaskDefinition {
            definition: json!({"containerDefinitions": [{"name": "router", "logConfiguration": logging}]}),
            tags: crate::task_definition::Tags::new(),
        }
    }

    #[test]
    fn a_tasks_stream_is_named_by_prefix_container_and_task() {
        let logged = definition(json!({"logDriver": "awslogs", "options": {
            "awslogs-group": "/ecs/t3nets-dev-router",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "router",
        }}));
        let place = LogPlace::of(&logged, "router").unwrap();
        assert_eq!(place.group, "/ecs/t3nets-dev-router");
        assert_eq!(place.stream("0123abcd"), "router/router/0123abcd");
    }

    #[test]
    fn other_drivers_and_nameless_streams_cannot_be_read() {
        for logging in [
            json!(null),
            json!({"logDriver": "splunk", "options": {"awslogs-group": "g", "awslogs-stream-prefix": "p"}}),
            json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}}),
        ] {
            assert_eq!(LogPlace::of(&definition(logging), "router"), None);
        }
    }
}
