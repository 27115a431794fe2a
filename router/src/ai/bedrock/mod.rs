//! Amazon Bedrock as a chat model: Converse and ConverseStream, by IAM.
//!
//! The calls are described at
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html> and
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>. What every
//! provider's adapter keeps to is in [`crate::ai`]. New events, blocks and reasons may appear at any
//! time and are skipped.
//!
//! `request` writes a request, `answer` gathers what comes back, `document` turns JSON into the SDK's
//! form and back, `error` says what a refusal means.

mod answer;
mod document;
mod error;
mod request;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Builder;

use self::answer::Answer;
use crate::ai::table::{Ability, ModelInfo};
use crate::model::{ContentBlock, ModelReply, ModelRequest};
use crate::ports::{ChatModel, ModelError};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take to begin; one that is not streamed begins when it is complete. Longer than any turn: the
/// turn's own deadline, which drops the call, comes first.
const BEGIN: Duration = Duration::from_secs(130);
/// How long a streamed answer may pause.
const SILENCE: Duration = Duration::from_secs(60);

/// Bedrock in one account and region: connections and credentials, shared by all models.
#[derive(Clone)]
pub struct Bedrock {
    client: Client,
    region: String,
}

impl Bedrock {
    /// Bedrock where `config` points to, with its credentials. Nothing is asked of AWS before the first call.
    ///
    /// Deadlines and retries are a chat's own, not `config`'s: one attempt a call, which lasts as long as the caller waits.
    pub fn new(config: &SdkConfig) -> Self {
        let own = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .read_timeout(BEGIN)
                    .disable_operation_attempt_timeout()
                    .disable_operation_timeout()
                    .build(),
            )
            // A model that thinks sends nothing for longer than the SDK has patience with downloads.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(own),
            region: config
                .region()
                .map(|region| region.as_ref().to_owned())
                .unwrap_or_default(),
        }
    }

    /// The region, which decides the inference profiles.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// A model, of which this is known.
    pub(crate) fn model(&self, info: Option<&'static ModelInfo>) -> Arc<dyn ChatModel> {
        Arc::new(Conversing {
            client: self.client.clone(),
            info,
        })
    }
}

impl fmt::Debug for Bedrock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bedrock")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Fills in one of the SDK's two calls and sends it. They take the same fields, but their builders
/// share no trait.
macro_rules! send {
    ($call:expr, $request:expr, $effort:expr) => {{
        let parts = request::parts($request, $effort)?;
        $call
            .model_id(&$request.model)
            .set_messages(Some(parts.messages))
            .set_system(parts.system)
            .inference_config(parts.limits)
            .set_tool_config(parts.tools)
            .set_additional_model_request_fields(parts.more)
            .send()
            .await
            .map_err(|error| error::refusal(&error, &$request.model))
    }};
}

/// One model, asked through Converse.
struct Conversing {
    client: Client,
    info: Option<&'static ModelInfo>,
}

impl Conversing {
    /// Whether the answer to a request can be streamed. A model that nothing is known of can do what most can.
    fn streams(&self, request: &ModelRequest) -> bool {
        let has_tools = !request.tools.is_empty()
            || request.messages.iter().any(|message| {
                message.content.iter().any(|block| {
                    matches!(
                        block,
                        ContentBlock::ToolUse { .. } | ContentBlock::ToolResult { .. }
                    )
                })
            });
        let needed = if has_tools {
            Ability::StreamedTools
        } else {
            Ability::Streaming
        };
        self.info
            .is_none_or(|info| info.abilities.contains(&needed))
    }

    async fn at_once(
        &self,
        request: &ModelRequest,
        on_text: &mut (dyn for<'text> FnMut(&'text str) + Send),
    ) -> Result<ModelReply, ModelError> {
        let output = send!(self.client.converse(), request, self.effort())?;
        let reply = answer::whole(output)?;
        let text = reply.text();
        if !text.is_empty() {
            on_text(&text);
        }
        Ok(reply)
    }

    async fn streamed(
        &self,
        request: &ModelRequest,
        on_text: &mut (dyn for<'text> FnMut(&'text str) + Send),
    ) -> Result<ModelReply, ModelError> {
        let output = send!(self.client.converse_stream(), request, self.effort())?;
        let mut stream = output.stream;
        let mut answer = Answer::default();
        // What was used comes after the end of the message, so the stream is read to its own end.
        loop {
            let event = tokio::time::timeout(SILENCE, stream.recv())
                .await
                .map_err(|_| ModelError::TimedOut)?
                .map_err(|error| error::broken(&error, &request.model))?;
            match event {
                Some(event) => answer.take(event, on_text)?,
                None => return answer.finish(),
            }
        }
    }

    /// How long the model may think, for models that do so unasked.
    fn effort(&self) -> Option<&'static str> {
        self.info.and_then(|info| info.effort.as_deref())
    }
}

#[async_trait]
impl ChatModel for Conversing {
    async fn reply(
        &self,
        request: &ModelRequest,
        on_text: &mut (dyn for<'text> FnMut(&'text str) + Send),
    ) -> Result<ModelReply, ModelError> {
        if self.streams(request) {
            self.streamed(request, on_text).await
        } else {
            self.at_once(request, on_text).await
        }
    }
}
