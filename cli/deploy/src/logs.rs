//! What tasks wrote, from CloudWatch Logs; and where it goes if not there.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cloudwatch_logs::LogsClient;
use crate::task_definition::{TaskDefinition, shown_option};

/// How many lines are read of a task that ended.
const LINES: u32 = 20;
/// The pause before a log without lines is asked for again.
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// What FireLens puts between container and task in the names of log streams.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/firelens-taskdef.html>
const FIRELENS: &str = "-firelens-";

/// Where a container's log goes, by its log configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// To CloudWatch Logs.
    CloudWatch(LogPlace),
    /// To something that is not read here.
    Elsewhere(Elsewhere),
}

impl LogDestination {
    /// A container's.
    pub fn of(definition: &TaskDefinition, container: &str) -> Self {
        let null = Value::Null;
        let found = definition.container(container);
        let logging = found.map_or(&null, |found| &found["logConfiguration"]);
        let options = &logging["options"];
        let option = |name: &str| options[name].as_str().map(str::to_owned);
        let place = match logging["logDriver"].as_str() {
            Some("awslogs") => option("awslogs-group").map(|group| LogPlace {
                group,
                region: option("awslogs-region"),
                is_created: option("awslogs-create-group").as_deref() == Some("true"),
                stream: option("awslogs-stream-prefix")
                    .map(|prefix| format!("{prefix}/{container}/")),
            }),
            Some("awsfirelens")
                if option("Name").is_some_and(|name| name.starts_with("cloudwatch")) =>
            {
                option("log_group_name").map(|group| LogPlace {
                    group,
                    region: option("region"),
                    is_created: option("auto_create_group").as_deref() == Some("true"),
                    stream: option("log_stream_prefix")
                        .map(|prefix| format!("{prefix}{container}{FIRELENS}")),
                })
            }
            _ => None,
        };
        match place {
            Some(place) => Self::CloudWatch(place),
            None => Self::Elsewhere(Elsewhere::of(logging)),
        }
    }
}

/// A log group, and what the names of a container's streams begin with, before the task's id.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The log group.
    pub group: String,
    /// The region, where it is named.
    pub region: Option<String>,
    /// Whether the log driver creates the group.
    pub is_created: bool,
    /// `None` where the streams' names cannot be told.
    stream: Option<String>,
}

/// A place for logs that is not read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    driver: Option<String>,
    to: Vec<String>,
}

impl Elsewhere {
    /// The options of log drivers that name a place.
    /// <https://docs.docker.com/engine/logging/configure/>
    const PLACES: [&str; 16] = [
        "Name",
        "@type",
        "Host",
        "host",
        "region",
        "delivery_stream",
        "stream",
        "bucket",
        "topics",
        "Index",
        "dataset",
        "splunk-url",
        "gelf-address",
        "fluentd-address",
        "syslog-address",
        "awslogs-group",
    ];

    fn of(logging: &Value) -> Self {
        let options = &logging["options"];
        let places = Self::PLACES.into_iter();
        let named = places.filter_map(|name| {
            let value = options[name].as_str()?;
            Some(format!("{name}={}", shown_option(name, value)))
        });
        Self {
            driver: logging["logDriver"].as_str().map(str::to_owned),
            to: named.collect(),
        }
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(driver) = &self.driver else {
            return f.write_str("nowhere: the task definition has no log configuration for it");
        };
        write!(f, "through the log driver `{driver}`")?;
        match &self.to[..] {
            [] => Ok(()),
            places => write!(f, " ({})", places.join(", ")),
        }
    }
}

/// Where a line comes from, by the name of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'s> {
    /// The container; `None` where the name does not say.
    pub container: Option<&'s str>,
    /// The task's id.
    pub task: &'s str,
}

impl<'s> Origin<'s> {
    /// Of a stream, in a task with these containers.
    pub fn of(stream: &'s str, containers: &[String]) -> Self {
        if let Some((before, task)) = stream.rsplit_once(FIRELENS) {
            // Nothing parts the prefix from the container's name.
            let ends = |name: &&String| before.ends_with(name.as_str());
            let longest = containers.iter().filter(ends).map(String::len).max();
            let container = longest.and_then(|length| before.get(before.len() - length..));
            return Self { container, task };
        }
        match stream.rsplit_once('/') {
            Some((before, task)) => Self {
                container: before.rsplit_once('/').map(|(_, container)| container),
                task,
            },
            None => Self {
                container: None,
                task: stream,
            },
        }
    }
}

/// Readers of the logs of a revision's containers.
#[derive(Debug, Clone)]
pub(crate) struct TaskLogs(BTreeMap<String, Log>);

#[derive(Debug, Clone)]
enum Log {
    Read(Box<(LogsClient, LogPlace)>),
    Elsewhere(Elsewhere),
}

impl TaskLogs {
    /// Of a revision. Asks nothing yet.
    pub(crate) fn of(sdk: &SdkConfig, definition: &TaskDefinition) -> Self {
        let containers = definition.container_names().into_iter();
        let logs = containers.map(|container| {
            let log = match LogDestination::of(definition, &container) {
                LogDestination::CloudWatch(place) => {
                    let client = LogsClient::new(sdk, place.region.as_deref());
                    Log::Read(Box::new((client, place)))
                }
                LogDestination::Elsewhere(place) => Log::Elsewhere(place),
            };
            (container, log)
        });
        Self(logs.collect())
    }

    /// Whether there is more than one container.
    pub(crate) fn has_many(&self) -> bool {
        self.0.len() > 1
    }

    /// Where a container's log goes, if not to CloudWatch Logs.
    pub(crate) fn elsewhere(&self, container: &str) -> Option<String> {
        match self.0.get(container)? {
            Log::Read(_) => None,
            Log::Elsewhere(place) => Some(place.to_string()),
        }
    }

    /// The last lines of a task's container. Lines come seconds after they were written: waits for
    /// the first at most this long. Empty if there are none, or they cannot be read: the verdict
    /// does not depend on them.
    pub(crate) async fn last_lines(
        &self,
        container: &str,
        task: &str,
        wait: Duration,
    ) -> Vec<String> {
        let Some(Log::Read(log)) = self.0.get(container) else {
            return Vec::new();
        };
        let (client, place) = &**log;
        let Some(stream) = &place.stream else {
            return Vec::new();
        };
        let stream = format!("{stream}{task}");
        let until = Instant::now() + wait;
        loop {
            let asked = client.last_events(&place.group, &stream, LINES);
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

    fn destination(logging: Value) -> LogDestination {
        let definition = TaskDefinition {
            definition: json!({"containerDefinitions": [{"name": "router", "logConfiguration": logging}]}),
            tags: crate::task_definition::Tags::new(),
        };
        LogDestination::of(&definition, "router")
    }

    fn stream(logging: Value) -> (String, Option<String>) {
        match destination(logging) {
            LogDestination::CloudWatch(place) => (place.group, place.stream),
            other => panic!("{other:?}"),
        }
    }

    fn elsewhere(logging: Value) -> String {
        match destination(logging) {
            LogDestination::Elsewhere(place) => place.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tasks_stream_is_named_by_prefix_container_and_task() {
        let logged = stream(json!({"logDriver": "awslogs", "options": {
            "awslogs-group": "/ecs/t3nets-dev-router",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "router",
        }}));
        let named = (
            "/ecs/t3nets-dev-router".to_owned(),
            Some("router/router/".to_owned()),
        );
        assert_eq!(logged, named);
        let nameless = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}});
        assert_eq!(stream(nameless), ("g".to_owned(), None));
    }

    #[test]
    fn firelens_into_cloudwatch_is_read_as_well() {
        let logged = stream(json!({"logDriver": "awsfirelens", "options": {
            "Name": "cloudwatch_logs", "log_group_name": "g", "log_stream_prefix": "from-", "region": "eu-west-1",
        }}));
        assert_eq!(
            logged,
            ("g".to_owned(), Some("from-router-firelens-".to_owned()))
        );
    }

    #[test]
    fn other_drivers_are_named_with_the_place_and_without_their_secrets() {
        for (logging, said) in [
            (
                json!({"logDriver": "awsfirelens", "options": {
                    "Name": "datadog", "Host": "http-intake.logs.datadoghq.com", "apikey": "0123",
                }}),
                "through the log driver `awsfirelens` (Name=datadog, Host=http-intake.logs.datadoghq.com)",
            ),
            (
                json!({"logDriver": "awsfirelens"}),
                "through the log driver `awsfirelens`",
            ),
            (
                json!({"logDriver": "splunk", "options": {
                    "splunk-url": "https://ada:secret@splunk.example:8088", "splunk-token": "0123",
                }}),
                "through the log driver `splunk` (splunk-url=https://(hidden)@splunk.example:8088)",
            ),
            (
                json!({"logDriver": "json-file"}),
                "through the log driver `json-file`",
            ),
            (
                json!(null),
                "nowhere: the task definition has no log configuration for it",
            ),
        ] {
            assert_eq!(elsewhere(logging), said);
        }
    }

    #[test]
    fn a_lines_container_and_task_are_told_by_its_stream() {
        let containers = ["router".to_owned(), "log-router".to_owned()];
        let origin = |stream| {
            let origin = Origin::of(stream, &containers);
            (origin.container, origin.task)
        };
        assert_eq!(origin("ecs/router/0123"), (Some("router"), "0123"));
        assert_eq!(origin("a/b/side/0123"), (Some("side"), "0123"));
        assert_eq!(origin("0123"), (None, "0123"));
        assert_eq!(
            origin("from-log-router-firelens-0123"),
            (Some("log-router"), "0123")
        );
    }
}
