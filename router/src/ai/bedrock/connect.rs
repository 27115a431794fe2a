//! Bedrock is reached before the first turn needs it.

use aws_sdk_bedrockruntime::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use url::Url;

use super::Bedrock;

impl Bedrock {
    /// Opens a connection, which the next call of a model takes, and gets the credentials that it
    /// needs. No model is asked, and nothing is counted as a call of one. Whatever goes wrong shows
    /// at the first call.
    pub async fn connect(&self) {
        let call = self.client.converse().model_id("none").customize();
        // The answer is none of Converse's, which the SDK takes for an error.
        drop(call.interceptor(OnlyConnects).send().await);
    }
}

/// Sends, in place of a call that is ready to be sent, a request that asks for nothing: the SDK
/// shares connections between its own calls alone.
#[derive(Debug)]
struct OnlyConnects;

impl Intercept for OnlyConnects {
    fn name(&self) -> &'static str {
        "OnlyConnects"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let call = context.request_mut();
        // An endpoint of AWS says there whether it is well; any other answer does as well.
        let place = Url::parse(call.uri())?.join("/ping")?;
        *call = HttpRequest::get(place)?;
        Ok(())
    }
}
