//! What AWS answers to the SDK, to a bound. The SDK has bounds of time alone, and reads an answer
//! whole before it looks at it.

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// The most that is read of an answer, in bytes. DynamoDB answers with at most 16 MB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>), and a
/// model's whole stream is shorter.
const MAX_ANSWER: usize = 64 << 20;

/// The same client, whose answers end with an error where they are longer.
pub(super) fn bounded(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        let connector = client.http_connector(settings, components);
        SharedHttpConnector::new(Bounded(connector))
    })
}

#[derive(Debug)]
struct Bounded(SharedHttpConnector);

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER))))
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use futures::stream;
    use http_body_util::{BodyExt, StreamBody};
    use hyper::body::{Bytes, Frame};

    use super::*;

    #[derive(Debug)]
    struct Endless;

    impl HttpConnector for Endless {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let piece =
                || Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[b' '; 1 << 16])));
            let body = StreamBody::new(stream::repeat_with(piece));
            let status = hyper::StatusCode::OK.into();
            let answer = HttpResponse::new(status, SdkBody::from_body_1_x(body));
            HttpConnectorFuture::ready(Ok(answer))
        }
    }

    #[tokio::test]
    async fn an_answer_of_awss_without_an_end_is_given_up() {
        let client = Bounded(SharedHttpConnector::new(Endless));
        let answer = client.call(HttpRequest::empty()).await.unwrap();
        let error = answer.into_body().collect().await.unwrap_err();
        assert!(
            error.to_string().contains("length limit exceeded"),
            "{error}"
        );
    }
}
