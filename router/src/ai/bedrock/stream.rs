//! The events of a streamed answer.
//!
//! The SDK's own reader wants every field in the form that the model of the service gives it, and
//! ends the stream at the first that differs: an answer that was paid for would be lost to a count
//! that is a text. So the body is taken before the SDK reads it, its frames are decoded by the
//! SDK's decoder, and what is in them is read field by field as other providers' events are.
//!
//! The frames are described at
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::event_stream::Message;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::ai::{broken_off, http};
use crate::ports::ModelError;

/// The longest streamed answer in bytes: many times what the longest output of any model takes.
const MAX_ANSWER: usize = 16 << 20;

/// Takes the body of a successful response before the SDK reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Option<SdkBody>>>);

impl Tap {
    fn take(&self) -> SdkBody {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.take().unwrap_or_else(SdkBody::empty)
    }
}

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "Tap"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let response = context.response_mut();
        if response.status().is_success() {
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
        Ok(())
    }
}

/// An event, as far as its frame tells.
pub(super) enum Event {
    /// A part of the answer.
    Of {
        /// What it is a part of: `contentBlockDelta`.
        kind: String,
        data: Value,
    },
    /// A whole response, in place of a stream.
    Whole(Value),
    /// What ended the answer.
    Exception { code: String, message: String },
}

/// A streamed answer's events. Dropping them drops the connection.
pub(super) struct Events {
    body: SdkBody,
    decoder: MessageFrameDecoder,
    received: VecDeque<u8>,
    total: usize,
    is_object: Option<bool>,
    is_over: bool,
}

impl Events {
    pub(super) fn of(tap: Tap) -> Self {
        Self {
            body: tap.take(),
            decoder: MessageFrameDecoder::new(),
            received: VecDeque::new(),
            total: 0,
            is_object: None,
            is_over: false,
        }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// If the connection broke, or what came cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, ModelError> {
        loop {
            if self.is_object == Some(false)
                && let Some(message) = self.frame()?
            {
                return read(&message).map(Some);
            }
            if self.is_over {
                return self.rest();
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<(), ModelError> {
        match self.body.frame().await {
            Some(Ok(frame)) => {
                let bytes = frame.into_data().unwrap_or_default();
                self.total += bytes.len();
                if self.total > MAX_ANSWER {
                    return Err(ModelError::Protocol("the answer is too long".to_owned()));
                }
                self.received.extend(bytes);
                // No frame begins so: its first byte is that of a length of gigabytes.
                let begin = self
                    .received
                    .iter()
                    .find(|byte| !byte.is_ascii_whitespace());
                self.is_object = self.is_object.or(begin.map(|byte| *byte == b'{'));
                Ok(())
            }
            Some(Err(error)) => {
                tracing::debug!(error, "Bedrock's answer broke off");
                Err(broken_off())
            }
            None => {
                self.is_over = true;
                Ok(())
            }
        }
    }

    fn frame(&mut self) -> Result<Option<Message>, ModelError> {
        match self.decoder.decode_frame(&mut self.received) {
            Ok(DecodedFrame::Complete(message)) => Ok(Some(message)),
            Ok(DecodedFrame::Incomplete) => Ok(None),
            Err(_) => Err(ModelError::Protocol("an event cannot be read".to_owned())),
        }
    }

    /// What is left once nothing more comes: nothing, a whole response, or half a frame.
    fn rest(&mut self) -> Result<Option<Event>, ModelError> {
        let rest = Vec::from(std::mem::take(&mut self.received));
        match self.is_object {
            Some(true) if !rest.is_empty() => {
                http::parse(&String::from_utf8_lossy(&rest)).map(|data| Some(Event::Whole(data)))
            }
            _ if rest.is_empty() => Ok(None),
            _ => Err(broken_off()),
        }
    }
}

fn read(message: &Message) -> Result<Event, ModelError> {
    let header = |name: &str| {
        let mut headers = message.headers().iter();
        let found = headers.find(|header| header.name().as_str() == name)?;
        found.value().as_string().ok().map(|text| text.as_str())
    };
    let text = String::from_utf8_lossy(message.payload());
    let data = http::parse(&text);
    match header(":message-type") {
        Some("exception") => {
            let data = data.unwrap_or_default();
            let said = data.get("message").and_then(Value::as_str);
            Ok(Event::Exception {
                code: header(":exception-type").unwrap_or_default().to_owned(),
                message: said.unwrap_or_default().to_owned(),
            })
        }
        Some("error") => Ok(Event::Exception {
            code: header(":error-code").unwrap_or_default().to_owned(),
            message: header(":error-message").unwrap_or_default().to_owned(),
        }),
        _ => {
            let kind = header(":event-type").unwrap_or_default().to_owned();
            match data {
                Ok(data) => Ok(Event::Of { kind, data }),
                // What cannot be read may have been words, or the reason to stop.
                Err(error) if kind.is_empty() || KINDS.contains(&kind.as_str()) => Err(error),
                Err(_) => Ok(Event::Of {
                    kind,
                    data: Value::Null,
                }),
            }
        }
    }
}

/// The events that an answer is made of.
const KINDS: [&str; 3] = ["contentBlockStart", "contentBlockDelta", "messageStop"];
