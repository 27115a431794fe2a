//! Calls of models and stores: how long they take and how they end.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tokio::time::Instant;

use super::metrics::ModelLabels;
use super::{METRICS, Part, Span, Waiting};
use crate::ai::ProviderKind;
use crate::model::ModelReply;
use crate::ports::ModelError;

/// One call of a model, from its request to its answer's end.
pub(crate) struct ModelCall {
    labels: Option<ModelLabels>,
    span: Span,
    began: Instant,
    has_words: bool,
    has_ended: bool,
    _waiting: Waiting,
}

impl ModelCall {
    pub(crate) fn begin(provider: ProviderKind, model: &str) -> Self {
        // <https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/>
        let provider = match provider {
            ProviderKind::Bedrock => Some("aws.bedrock"),
            ProviderKind::Anthropic => Some("anthropic"),
            ProviderKind::OpenAi => Some("openai"),
            ProviderKind::Offline => None,
        };
        let labels =
            provider.and_then(|provider| Some(METRICS.get()?.model_labels(provider, model)));
        let span = provider.map(|provider| Span::of_model(provider, model));
        Self {
            labels,
            span: span.unwrap_or_default(),
            began: Instant::now(),
            has_words: false,
            has_ended: false,
            _waiting: Waiting::begin(Part::Model),
        }
    }

    /// Notes that words came.
    pub(crate) fn hear(&mut self) {
        if !std::mem::replace(&mut self.has_words, true)
            && let (Some(labels), Some(metrics)) = (&self.labels, METRICS.get())
        {
            metrics.first_words(labels, self.began.elapsed());
        }
    }

    /// Notes how it ended.
    pub(crate) fn end(mut self, outcome: &Result<ModelReply, ModelError>) {
        self.has_ended = true;
        self.tell(outcome.as_ref().err().map(ModelError::kind));
        if let Ok(reply) = outcome {
            self.span.replied(reply);
        }
        if let (Ok(reply), Some(labels), Some(metrics)) = (outcome, &self.labels, METRICS.get()) {
            metrics.tokens_used(labels, "input", reply.usage.all_input());
            metrics.tokens_used(labels, "output", reply.usage.output);
        }
    }

    fn tell(&self, error: Option<&'static str>) {
        if let Some(error) = error {
            self.span.failed(error);
        }
        if let (Some(labels), Some(metrics)) = (&self.labels, METRICS.get()) {
            metrics.model_called(labels, error, self.began.elapsed());
        }
    }
}

impl Drop for ModelCall {
    fn drop(&mut self) {
        if !self.has_ended {
            self.tell(Some("cancelled"));
        }
    }
}

/// One call of a store. One that is cancelled is not told of: how long it would have taken is not
/// known.
pub(crate) struct StoreCall {
    store: &'static str,
    operation: String,
    span: Span,
    began: Instant,
    _waiting: Waiting,
}

impl StoreCall {
    pub(crate) fn begin(store: &'static str, operation: impl Into<String>) -> Self {
        let operation = operation.into();
        Self {
            store,
            span: Span::of_store(store, &operation),
            operation,
            began: Instant::now(),
            _waiting: Waiting::begin(Part::Store),
        }
    }

    /// Notes how it ended: `error` is what the store calls it.
    pub(crate) fn end(&self, error: Option<String>) {
        if let Some(error) = &error {
            self.span.failed(error.clone());
        }
        if let Some(metrics) = METRICS.get() {
            metrics.store_called(self.store, &self.operation, error, self.began.elapsed());
        }
    }
}

/// Measures the calls of one of AWS's stores.
#[derive(Debug)]
pub(crate) struct StoreInterceptor(pub(crate) &'static str);

struct UnderWay(std::sync::Mutex<StoreCall>);

impl std::fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnderWay")
    }
}

impl Storable for UnderWay {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for StoreInterceptor {
    fn name(&self) -> &'static str {
        "StoreInterceptor"
    }

    // Before that, a client's interceptor does not know the operation yet.
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = bag.load::<Metadata>().map_or("", |called| called.name());
        let call = StoreCall::begin(self.0, operation);
        bag.interceptor_state().store_put(UnderWay(call.into()));
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(UnderWay(call)) = bag.load::<UnderWay>()
            && let Ok(call) = call.lock()
        {
            call.end(error_of(context));
        }
        Ok(())
    }
}

/// What AWS calls the error that a call ended with, after all attempts: `ThrottlingException`, say.
fn error_of(context: &FinalizerInterceptorContextRef<'_>) -> Option<String> {
    let error = context.output_or_error()?.err()?;
    if error.is_timeout_error() {
        return Some("timeout".to_owned());
    }
    let answer = context.response().and_then(|answer| answer.body().bytes());
    let code = answer.and_then(error_code);
    Some(code.unwrap_or_else(|| "no answer".to_owned()))
}

/// The code in an error's document: <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>
fn error_code(answer: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Document {
        #[serde(rename = "__type")]
        kind: String,
    }
    let document: Document = serde_json::from_slice(answer).ok()?;
    let code = document.kind.rsplit('#').next()?;
    let is_name = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_aws_is_known_by_its_code() {
        for (answer, code) in [
            (
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no"}"#,
                Some("ConditionalCheckFailedException"),
            ),
            (
                r#"{"__type":"ThrottlingException"}"#,
                Some("ThrottlingException"),
            ),
            (r#"{"__type":"a b"}"#, None),
            (r#"{"message":"no"}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(error_code(answer.as_bytes()).as_deref(), code, "{answer}");
        }
    }
}
