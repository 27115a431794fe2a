//! Amazon Bedrock as a chat model: Converse and ConverseStream, by IAM.
//!
//! The calls are described at
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html> and
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>. What every
//! provider's adapter keeps to is in [`crate::ai`]. New events, blocks and reasons may appear at
//! any time and are skipped.
//!
//! `request` writes a request, `stream` reads a streamed answer's events, `answer` gathers what
//! comes back, `document` turns JSON into the SDK's form and back, `error` says what a refusal
//! means, `connect` opens a connection ahead of the first call.

mod answer;
mod connect;
mod document;
mod error;
mod request;
mod stream;

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
use self::stream::{Event, Events, Tap};
use crate::ai::reading::GRACE;
use crate::ai::table::{Ability, ModelInfo};
use crate::model::{Guardrail, ModelReply, ModelRequest};
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent};

/// Covers DNS, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Until the answer begins; one that is not streamed begins when it is complete. Longer than any
/// turn: the turn's deadline, which drops the call, comes first.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(130);
/// Between two events of a stream.
const EVENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Bedrock in one account and region, with the connections and credentials that all models share.
#[derive(Clone)]
pub struct Bedrock {
    client: Client,
    region: String,
    environment: String,
}

impl Bedrock {
    /// Bedrock where `config` points to, with its credentials. Nothing is asked of AWS before the
    /// first call.
    ///
    /// Timeouts and retries are not those of `config`: a call is one attempt, which lasts as long
    /// as the caller waits. AWS's log of calls has the environment's name with each.
    pub fn new(config: &SdkConfig, environment: &str) -> Self {
        let chat_config = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(FIRST_BYTE_TIMEOUT)
                    .disable_operation_attempt_timeout()
                    .disable_operation_timeout()
                    .build(),
            )
            // The SDK takes a stream for stalled when a model reasons without sending anything.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(chat_config),
            region: config
                .region()
                .map(|region| region.as_ref().to_owned())
                .unwrap_or_default(),
            environment: environment.to_owned(),
        }
    }

    /// The region, which decides which inference profiles can be used.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// A model, with its entry of the table if there is one, and the guardrail that is applied.
    pub(crate) fn model(
        &self,
        info: Option<&'static ModelInfo>,
        guardrail: Option<Guardrail>,
    ) -> Arc<dyn ChatModel> {
        Arc::new(BedrockModel {
            client: self.client.clone(),
            environment: self.environment.clone(),
            info,
            guardrail,
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
    ($call:expr, $request:expr, $model:expr, $guardrail:expr $(, $tap:expr)?) => {{
        let parts = request::parts($request, $model.effort(), $model.guardrail.is_some())?;
        $call
            .model_id(&$request.model)
            .set_messages(Some(parts.messages))
            .set_system(parts.system)
            .inference_config(parts.limits)
            .set_tool_config(parts.tools)
            .set_additional_model_request_fields(parts.more)
            .set_output_config(parts.output)
            .set_guardrail_config($model.guardrail.as_ref().map($guardrail))
            .set_request_metadata(request::metadata($request, &$model.environment))
            $(.customize().interceptor($tap))?
            .send()
            .await
            .map_err(|error| error::refusal(&error, &$request.model))
    }};
}

/// One model, asked through Converse.
struct BedrockModel {
    client: Client,
    environment: String,
    info: Option<&'static ModelInfo>,
    guardrail: Option<Guardrail>,
}

impl BedrockModel {
    /// Whether the answer to a request can be streamed. An unknown model is taken to be able to.
    fn streams(&self, request: &ModelRequest) -> bool {
        let has_tools = !request.tools.is_empty() || request.calls_tools();
        let needed = if has_tools {
            Ability::StreamedTools
        } else {
            Ability::Streaming
        };
        self.info
            .is_none_or(|info| info.abilities.contains(&needed))
    }

    async fn converse(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let output = send!(self.client.converse(), request, self, request::guardrail)?;
        listen(ModelEvent::Accepted);
        let reply = answer::from_response(output, request.messages.len(), listen)?;
        let text = reply.text();
        if !text.is_empty() {
            listen(ModelEvent::Text(&text));
        }
        Ok(reply)
    }

    async fn converse_stream(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        let tap = Tap::default();
        send!(
            self.client.converse_stream(),
            request,
            self,
            request::streamed_guardrail,
            tap.clone()
        )?;
        listen(ModelEvent::Accepted);
        let mut events = Events::of(tap);
        let mut answer = Answer::default();
        // The usage comes after the end of the message, so the stream is read to its end.
        loop {
            let has_stopped = answer.has_stopped();
            let patience = if has_stopped { GRACE } else { EVENT_TIMEOUT };
            let event = match tokio::time::timeout(patience, events.next()).await {
                Ok(Ok(event)) => event,
                // Whatever goes wrong behind a whole answer is its end.
                Ok(Err(_)) | Err(_) if has_stopped => None,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(ModelError::TimedOut),
            };
            match event {
                Some(Event::Of { kind, data }) => answer.take(&kind, &data, listen)?,
                Some(Event::Whole(data)) => answer.take_whole(&data, listen)?,
                Some(Event::Exception { .. }) if has_stopped => {}
                Some(Event::Exception { code, message }) => {
                    return Err(error::within_stream(&code, &message, &request.model));
                }
                None => return answer.finish(request.messages.len(), listen),
            }
        }
    }

    /// The effort to ask for, for models that reason unless told otherwise.
    fn effort(&self) -> Option<&'static str> {
        self.info.and_then(|info| info.effort.as_deref())
    }
}

#[async_trait]
impl ChatModel for BedrockModel {
    async fn reply(
        &self,
        request: &ModelRequest,
        listen: &mut Listener<'_>,
    ) -> Result<ModelReply, ModelError> {
        if self.streams(request) {
            self.converse_stream(request, listen).await
        } else {
            self.converse(request, listen).await
        }
    }
}
