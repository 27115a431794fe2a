//! The operations of CloudWatch Logs that are used here and by the CLI.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/>

use aws_config::{Region, SdkConfig};
use serde::Deserialize;
use serde_json::json;
use t3nets_router::aws::AwsError;
use t3nets_router::aws::signed::{LOGS, SignedClient};

/// A client of CloudWatch Logs.
#[derive(Debug, Clone)]
pub struct LogsClient(SignedClient);

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEvent {
    /// What was written.
    #[serde(default)]
    pub message: String,
    /// When, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Unique among the events of a log group; only where several streams are read.
    #[serde(default)]
    pub event_id: String,
    /// The stream that holds it; only where several are read.
    #[serde(default)]
    pub log_stream_name: String,
}

/// A part of the events that match.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogEvents {
    /// The events, oldest first.
    pub events: Vec<LogEvent>,
    /// What to ask with for the next part; `None` or empty at the end.
    pub next_token: Option<String>,
}

impl LogsClient {
    /// In a region, else in the configuration's.
    pub fn new(sdk: &SdkConfig, region: Option<&str>) -> Self {
        let mut sdk = sdk.to_builder();
        if let Some(region) = region {
            sdk.set_region(Region::new(region.to_owned()));
        }
        Self(SignedClient::new(&sdk.build(), &LOGS))
    }

    /// The last lines of a stream, at most so many, oldest first.
    ///
    /// # Errors
    /// As AWS says; `NotFound` if there is no such group or stream.
    pub async fn last_events(
        &self,
        group: &str,
        stream: &str,
        limit: u32,
    ) -> Result<Vec<LogEvent>, AwsError> {
        let input = json!({
            "logGroupName": group,
            "logStreamName": stream,
            "limit": limit,
            "startFromHead": false,
        });
        let answer: LogEvents = self.0.call("GetLogEvents", &input).await?;
        Ok(answer.events)
    }

    /// A part of what all streams of a group hold from a time on, in milliseconds since 1970.
    ///
    /// # Errors
    /// As AWS says; `NotFound` if there is no such group.
    pub async fn events_since(
        &self,
        group: &str,
        start: i64,
        token: Option<&str>,
    ) -> Result<LogEvents, AwsError> {
        let mut input = json!({ "logGroupName": group, "startTime": start });
        if let Some(token) = token {
            input["nextToken"] = json!(token);
        }
        self.0.call("FilterLogEvents", &input).await
    }
}
