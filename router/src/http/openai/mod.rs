//! `/v1`: the API for OpenAI's clients, whatever program they are in
//! (<https://developers.openai.com/api/reference/resources/chat>).
//!
//! A request is read in [`body`] (parameters, [`tools`], [`mod@format`]) and [`messages`] (the
//! conversation, which the client holds), answered by [`crate::chat::Engine::complete`], and
//! written by [`mod@answer`], whole or as a [`stream`]. [`repeated`] gives a request that is sent
//! again its first answer. [`models`] says which models there are. Errors are in OpenAI's form,
//! whoever makes them ([`super::error`]).
//!
//! What means something that is not served is refused by its name; what is unknown is left alone,
//! because clients send much.

mod answer;
mod body;
mod format;
mod messages;
pub(super) mod models;
mod repeated;
mod stream;
mod tools;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::FutureExt;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use self::answer::{Answer, ChatCompletion, Head};
use self::body::{ChatCompletionRequest, CompletionBody};
use self::repeated::Claim;
use super::AppState;
use super::auth::Authenticated;
use super::chat::with_deadline;
use super::error::{ApiError, Cause, OpenAiErrors};
use super::extract::JsonBody;
use super::middleware::{Arrived, RequestId};
use crate::chat::{CompletionRequest, TurnError, TurnEvent, admit};
use crate::ports::ModelError;
use crate::telemetry::in_request;

/// Where chat completions are.
pub(super) const COMPLETIONS: &str = "/v1/chat/completions";

/// How an answer is sent.
#[derive(Debug, Clone, Copy)]
struct How {
    streamed: bool,
    /// Whether a stream ends with what was used.
    include_usage: bool,
}

/// What comes of a request while it is answered.
enum Step {
    /// More of the answer's words.
    Words(String),
    /// How it ended.
    End(Result<Answer, ApiError>),
}

/// What is to be answered, and until when.
struct Work {
    request: CompletionRequest,
    arrived: Instant,
    deadline: Duration,
}

/// Answer a conversation
///
/// As OpenAI's chat completions: the client holds the conversation, and nothing of it is stored.
/// The tenant's instructions stand before the client's, its skills beside the client's tools. With
/// `stream`, the answer comes as server-sent events. The same `Idempotency-Key` again gets the
/// first answer again.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "openai",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: 1 to 255 printable ASCII characters")),
    request_body = ChatCompletionRequest,
    responses(
        (status = 200, description = "The answer", content(
            (ChatCompletion = "application/json"),
            (String = "text/event-stream"),
        )),
        OpenAiErrors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn complete(
    State(state): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(Arrived(arrived)): Extension<Arrived>,
    Authenticated(admitted): Authenticated,
    headers: HeaderMap,
    JsonBody(body): JsonBody<CompletionBody>,
) -> Result<Response, ApiError> {
    let key = repeated::key(&headers)?;
    models::require(&state, &admitted.caller.tenant, &body.model).await?;
    let (how, hash) = (body.how, body.hash.clone());
    let head = Head::new(&body.model, state.platform.clock.now());
    let request = body.request(admitted, request_id, state.engine.skills())?;
    admit(&request.turn)?;

    let own = match key {
        None => None,
        Some(key) => {
            let owner = request.turn.caller.owner(request.turn.channel);
            let until = arrived + state.deadlines.answer;
            match repeated::claim(&state, owner, &key, hash, until).await? {
                Claim::Answered(kept) => return kept.response(how).await,
                Claim::Own(own) => Some(own),
            }
        }
    };
    let work = Work {
        request,
        arrived,
        deadline: match how.streamed {
            true => state.deadlines.stream,
            false => state.deadlines.answer,
        },
    };
    let is_kept = own.is_some();
    // Bounded in effect: a turn sends no more than a model's answer, whose length is limited.
    let (steps, mut received) = unbounded_channel();
    let task = {
        let (state, head) = (state.clone(), head.clone());
        async move {
            let answering = answer(&state, &work, &steps);
            let end = match &own {
                None => answering.await,
                Some(own) => own.hold(&state, &head, answering).await,
            };
            if let Err(SendError(Step::End(Err(error)))) = steps.send(Step::End(end)) {
                // Nobody is left whom the middleware could tell.
                error.log();
            }
        }
    };
    let task = state.tasks.spawn(in_request(task));
    // A client that goes away stops the work, unless it can come again for the answer.
    let guard = (!is_kept).then(|| AbortOnDropHandle::new(task));
    if how.streamed {
        return stream::response(head, how, received, guard).await;
    }
    while let Some(step) = received.recv().await {
        if let Step::End(end) = step {
            return Ok(Json(ChatCompletion::new(head, end?)).into_response());
        }
    }
    Err(ApiError::internal(Cause::Panic))
}

async fn answer(
    state: &AppState,
    work: &Work,
    steps: &UnboundedSender<Step>,
) -> Result<Answer, ApiError> {
    let mut on_event = |event: TurnEvent<'_>| {
        if let TurnEvent::Delta(words) = event {
            // Sending fails only once nobody listens.
            let _ = steps.send(Step::Words(words.to_owned()));
        }
    };
    let completed = state.engine.complete(&work.request, &mut on_event);
    // A panic would end a stream without a word.
    let completed = AssertUnwindSafe(completed).catch_unwind();
    let completed = async {
        match completed.await {
            Ok(Ok(completion)) => Ok(Answer::of(completion)),
            Ok(Err(error)) => Err(refusal(error)),
            Err(_) => Err(ApiError::internal(Cause::Panic)),
        }
    };
    with_deadline(work.arrived, work.deadline, completed).await
}

/// Why there is no answer. Of a conversation that is too long, programs know OpenAI's code, and
/// shorten what they hold.
fn refusal(error: TurnError) -> ApiError {
    match error {
        TurnError::Model(error @ ModelError::TooLong) => ApiError::new(
            StatusCode::BAD_REQUEST,
            "context_length_exceeded",
            error.to_string(),
        )
        .about_field("messages")
        .caused_by(Cause::Model(error)),
        error => error.into(),
    }
}

/// The answer for who asks for embeddings: a client that is not told in so many words takes the
/// address for wrong.
pub(super) async fn embed() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "not_served",
        "embeddings are not served here",
    )
    .hint("take them from a provider of embeddings; the router answers chat completions")
}

/// The answer for an unknown path below `/v1`.
pub(super) fn not_served() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "this part of OpenAI's API is not served here",
    )
    .hint(format!(
        "there are {COMPLETIONS} and {}: see /openapi.json",
        models::MODELS
    ))
}

/// What is wrong with a part of a request.
fn invalid(part: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).about_field(part)
}

/// What would mean something, and is not served.
fn unsupported(part: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "unsupported_parameter", message).about_field(part)
}
