//! One call, from its arrival to the end of its answer.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, header};
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{After, AwsCall, Before, Protocol, Shared};

type Upstream = Client<HttpConnector, Body>;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let upstream: Upstream = Client::builder(TokioExecutor::new()).build_http();
    // Ends with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (shared, upstream) = (shared.clone(), upstream.clone());
        connections.spawn(async move {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let (shared, upstream) = (shared.clone(), upstream.clone());
                async move { handle(request.map(Body::new), &shared, &upstream).await }
            });
            // An error is the end of the connection, which is what a cut is.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers a call; an error cuts its connection.
async fn handle(
    request: Request<Body>,
    shared: &Shared,
    upstream: &Upstream,
) -> io::Result<Response<Body>> {
    let (request, arrival) = arrived(request).await?;
    let call = record(shared, arrival);
    let callback = {
        let mut at = shared.at.lock().expect("no callback panics");
        at.remove(&call.number)
    };
    if let Some(callback) = callback {
        callback(&call);
    }

    let decision = (shared.before)(&call);
    if decision != Before::Forward {
        mark(shared, &call);
    }
    match decision {
        Before::Forward => {}
        Before::Delay(time) => tokio::time::sleep(time).await,
        Before::Refuse(refusal) => return Ok(refusal.response(&call)),
        Before::Cut => return Err(cut()),
        Before::Hold => until_released(shared).await,
    }

    let mut response = upstream
        .request(forwarded(request, &shared.upstream))
        .await
        .map_err(io::Error::other)?
        .map(Body::new);
    without_hops(response.headers_mut());

    let decision = (shared.after)(&call, response.status().as_u16());
    if decision != After::Answer {
        mark(shared, &call);
    }
    match decision {
        After::Answer => Ok(response),
        After::Delay(time) => {
            tokio::time::sleep(time).await;
            Ok(response)
        }
        After::Lose => {
            // The server is done only when its answer is.
            let _ = response.into_body().collect().await;
            Err(cut())
        }
        After::Truncate(bytes) => truncated(response, bytes).await,
        After::Hold => {
            until_released(shared).await;
            Ok(response)
        }
    }
}

struct Arrival {
    service: String,
    operation: String,
    protocol: Protocol,
    access_key: String,
    body: String,
}

/// Tells the operation. Bodies of JSON and forms are read; others are left to be streamed.
async fn arrived(request: Request<Body>) -> io::Result<(Request<Body>, Arrival)> {
    // `AWS4-HMAC-SHA256 Credential=KEY/20260101/…`
    let access_key = text(request.headers(), "authorization")
        .and_then(|value| {
            Some(
                value
                    .split_once("Credential=")?
                    .1
                    .split('/')
                    .next()?
                    .to_owned(),
            )
        })
        .unwrap_or_default();
    if let Some(target) = text(request.headers(), "x-amz-target") {
        let (service, operation) = target.split_once('.').unwrap_or(("", &target));
        let (request, body) = with_body(request).await?;
        let arrival = Arrival {
            service: service.to_owned(),
            operation: operation.to_owned(),
            protocol: Protocol::Json,
            access_key,
            body,
        };
        return Ok((request, arrival));
    }
    let headers = request.headers();
    let content_type = text(headers, "content-type").unwrap_or_default();
    // `…/20260101/us-east-1/bedrock/aws4_request`
    let service = text(headers, "authorization")
        .and_then(|value| Some(value.split('/').nth(3)?.to_owned()))
        .unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let (request, body) = with_body(request).await?;
        let mut pairs = url::form_urlencoded::parse(body.as_bytes());
        let action = pairs.find(|(name, _)| name == "Action");
        let arrival = Arrival {
            service,
            operation: action
                .map(|(_, action)| action.into_owned())
                .unwrap_or_default(),
            protocol: Protocol::Query,
            access_key,
            body,
        };
        return Ok((request, arrival));
    }
    let arrival = Arrival {
        operation: format!("{} {}", request.method(), request.uri().path()),
        protocol: match service.as_str() {
            "s3" => Protocol::RestXml,
            _ => Protocol::RestJson,
        },
        service,
        access_key,
        body: String::new(),
    };
    Ok((request, arrival))
}

async fn with_body(request: Request<Body>) -> io::Result<(Request<Body>, String)> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok((Request::from_parts(parts, Body::from(body)), text))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(value.to_str().ok()?.to_owned())
}

fn record(shared: &Shared, arrival: Arrival) -> AwsCall {
    let mut recorded = None;
    shared.calls.send_modify(|calls| {
        let same = calls
            .iter()
            .filter(|call| call.operation == arrival.operation && call.service == arrival.service);
        let call = AwsCall {
            number: calls.len() + 1,
            of_operation: same.count() + 1,
            service: arrival.service,
            operation: arrival.operation,
            protocol: arrival.protocol,
            access_key: arrival.access_key,
            body: arrival.body,
            faulted: false,
        };
        recorded = Some(call.clone());
        calls.push(call);
    });
    recorded.expect("it was just recorded")
}

fn mark(shared: &Shared, call: &AwsCall) {
    shared
        .calls
        .send_modify(|calls| calls[call.number - 1].faulted = true);
}

async fn until_released(shared: &Shared) {
    let mut released = shared.released.subscribe();
    // Fails only when the proxy is gone, and this with it.
    let _ = released.wait_for(|released| *released).await;
}

/// The same request to the server: only what concerns one connection is left out.
fn forwarded(mut request: Request<Body>, upstream: &str) -> Request<Body> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let address = format!("{upstream}{path}");
    *request.uri_mut() = address.parse().expect("an address with a path");
    without_hops(request.headers_mut());
    request.headers_mut().remove(header::EXPECT);
    request
}

fn without_hops(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// The head promises the whole body, as it would where a connection breaks.
async fn truncated(response: Response<Body>, bytes: usize) -> io::Result<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    parts.headers.insert(
        header::CONTENT_LENGTH,
        body.len().to_string().parse().expect("digits"),
    );
    let start = body.slice(..bytes.min(body.len()));
    // Waiting a turn lets the start go out before the end is seen.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err::<Bytes, io::Error>(cut())
    });
    let body = Body::from_stream(stream::iter([Ok(start)]).chain(end));
    Ok(Response::from_parts(parts, body))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut by a test")
}
