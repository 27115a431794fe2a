//! One call, from its arrival to the end of its answer.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::Value;

use super::{
    Answer, Ending, Frames, Instead, ModelCall, Script, Shared, anthropic, bedrock, openai,
};

pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is no JSON").into_response();
    };
    let call = ModelCall {
        path: uri.path().to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        body,
    };
    // The answer is taken with the call, so that scripts are followed in the order that the record
    // shows.
    let mut next = None;
    shared.calls.send_modify(|calls| {
        next = match &shared.script {
            Script::Answers(answers) => answers.lock().expect("no test panics here").pop_front(),
            Script::Function(answer) => Some(answer(&call)),
        };
        calls.push(call.clone());
    });
    let Some(answer) = next else {
        return (StatusCode::BAD_REQUEST, "the script is over").into_response();
    };
    let mut unfinished = Unfinished(Some(shared.clone()));
    tokio::time::sleep(answer.delay).await;
    let mut response = respond(&call, &answer, shared, &mut unfinished);
    for (name, value) in &answer.headers {
        let name: axum::http::HeaderName = name.parse().expect("a header's name");
        response
            .headers_mut()
            .insert(name, value.parse().expect("a header's value"));
    }
    response
}

fn respond(
    call: &ModelCall,
    answer: &Answer,
    shared: Arc<Shared>,
    unfinished: &mut Unfinished,
) -> Response {
    let content_type = |kind: &str| [("content-type", kind.to_owned())];
    match &answer.instead {
        Some(Instead::Failure(status, body)) => {
            unfinished.finish();
            let status = StatusCode::from_u16(*status).expect("a status");
            return (status, body.clone()).into_response();
        }
        Some(Instead::Raw(kind, body)) => {
            unfinished.finish();
            return (content_type(kind), body.clone()).into_response();
        }
        Some(Instead::RawThenHeld(kind, body)) => {
            let body = futures::stream::iter([Ok::<_, io::Error>(body.clone())]);
            let body = Body::from_stream(body.chain(futures::stream::pending()));
            return (content_type(kind), body).into_response();
        }
        None => {}
    }
    let is_anthropic = call.path == "/v1/messages";
    let is_bedrock = call.path.starts_with("/model/");
    if call.body["stream"] != true && !call.path.ends_with("/converse-stream") {
        unfinished.finish();
        let whole = if is_anthropic {
            anthropic::whole(answer)
        } else if is_bedrock {
            bedrock::whole(answer)
        } else {
            openai::whole(answer)
        };
        return axum::Json(whole).into_response();
    }
    let frames = if is_anthropic {
        anthropic::frames(answer)
    } else if is_bedrock {
        bedrock::frames(answer)
    } else {
        let wants_usage = call.body["stream_options"]["include_usage"] == true;
        openai::frames(answer, wants_usage)
    };
    let kind = content_type(frames.content_type);
    let unfinished = std::mem::replace(unfinished, Unfinished(None));
    let body = Body::from_stream(stream(frames, answer.ending.clone(), shared, unfinished));
    (kind, body).into_response()
}

enum Step {
    Frame(Vec<u8>),
    Hold,
    Cut,
}

fn stream(
    frames: Frames,
    ending: Ending,
    shared: Arc<Shared>,
    unfinished: Unfinished,
) -> impl futures::Stream<Item = io::Result<Vec<u8>>> {
    let mut steps: VecDeque<Step> = frames.content.into_iter().map(Step::Frame).collect();
    match ending {
        Ending::Complete => steps.extend(frames.end.into_iter().map(Step::Frame)),
        Ending::Error { kind, message } => {
            steps.push_back(Step::Frame((frames.error)(&kind, &message)));
        }
        Ending::Cut => steps.push_back(Step::Cut),
        Ending::Truncated => {}
        Ending::Held => {
            steps.push_back(Step::Hold);
            steps.extend(frames.end.into_iter().map(Step::Frame));
        }
    }
    futures::stream::unfold(
        (steps, shared, unfinished),
        async |(mut steps, shared, mut unfinished)| {
            // Each event is its own write, as far as the network goes along.
            tokio::task::yield_now().await;
            if let Some(Step::Hold) = steps.front() {
                // Closed is released; there are no permits.
                let _ = shared.held.acquire().await;
                steps.pop_front();
            }
            let step = steps.pop_front();
            // Whoever has the last event may leave.
            if steps.is_empty() {
                unfinished.finish();
            }
            let item = match step? {
                Step::Frame(frame) => Ok(frame),
                Step::Hold | Step::Cut => Err(io::Error::other("cut")),
            };
            Some((item, (steps, shared, unfinished)))
        },
    )
}

/// Counts the call as cancelled if it is dropped before it is finished.
struct Unfinished(Option<Arc<Shared>>);

impl Unfinished {
    fn finish(&mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.cancelled.send_modify(|cancelled| *cancelled += 1);
        }
    }
}
