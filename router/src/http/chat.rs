//! `POST /api/chat`: a turn, answered as one JSON object or as server-sent events.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::Span;
use utoipa::ToSchema;

use super::AppState;
use super::auth::Authenticated;
use super::error::{ApiError, Cause, Errors};
use super::extract::JsonBody;
use super::fields::{Fields, FromFields, MESSAGE, SESSION};
use super::middleware::{Arrived, RequestId};
use crate::admin::usage::BudgetView;
use crate::chat::{Engine, Question, Route, TurnAnswer, TurnEvent, TurnRequest, split_raw};
use crate::model::SessionId;
use crate::telemetry::in_request;

/// The limit of a message, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 32 * 1024;
/// How often a comment is sent in a silent stream, so that proxies keep it open.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A message to the assistant.
#[derive(Debug, ToSchema)]
pub(super) struct ChatBody {
    /// The message, at most 32 KiB in UTF-8; also accepted as `text`. With `--raw` in it, a skill's
    /// JSON is answered and nothing is stored; one of nothing but `--raw` is refused.
    #[schema(
        min_length = 1,
        max_length = 32768,
        // Something that is no white space.
        pattern = r"[^\s\u0085\uFEFF]",
        example = "sprint status?"
    )]
    message: String,
    /// The conversation to go on with; also accepted as `conversation_id`, and as both where they
    /// are equal. Without it, or where it is empty, a new one begins.
    #[schema(value_type = Option<String>, pattern = "^[!-~]{0,128}$")]
    session_id: Option<SessionId>,
}

impl FromFields for ChatBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        let message = fields
            .text(&MESSAGE)?
            .ok_or_else(|| ApiError::invalid("`message` is missing"))?;
        Ok(Self {
            message: message.to_owned(),
            session_id: fields.id(&SESSION)?,
        })
    }
}

/// The assistant's answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChatAnswer {
    /// The answer's text, or a skill's JSON as text if `raw`.
    text: String,
    /// The conversation: send it with the next message.
    session_id: String,
    /// What decided how it was answered.
    route: Route,
    /// The skill that ran, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    skill: Option<String>,
    /// The model that worded it; `null` if none was asked.
    model: Option<String>,
    /// Tokens and cost of all calls of the model.
    usage: ChatUsage,
    /// How long it took, in milliseconds.
    timing_ms: u64,
    /// Whether `text` is a skill's JSON.
    raw: bool,
    /// What the answer asks, if it ends with the question whether a tool may be run: its `calls`
    /// are run if the next message of the conversation is `yes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    question: Option<Question>,
    /// Whether a guardrail blocked or changed it; absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    guardrail_intervened: bool,
    /// The budgets of which 80 % is used, or more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budget_warnings: Vec<BudgetView>,
    /// The request, as in `x-request-id`.
    request_id: String,
    /// The older name of `text`.
    response: String,
    /// The older name of `session_id`.
    conversation_id: String,
    /// The older form of `usage`: input and output tokens together.
    tokens: u64,
}

/// Tokens and cost of an answer.
#[derive(Debug, Serialize, ToSchema)]
struct ChatUsage {
    /// Tokens sent to models.
    input_tokens: u64,
    /// Tokens that models answered.
    output_tokens: u64,
    /// The cost in US dollars; `null` if the model's price is unknown.
    cost_usd: Option<f64>,
}

impl ChatAnswer {
    pub(super) fn new(answer: TurnAnswer, request_id: String, took: Duration) -> Self {
        let input_tokens = answer.usage.all_input();
        let output_tokens = answer.usage.output;
        Self {
            response: answer.text.clone(),
            conversation_id: answer.session_id.to_string(),
            tokens: input_tokens + output_tokens,
            text: answer.text,
            session_id: answer.session_id.into(),
            route: answer.route,
            skill: answer.skills.into_iter().next(),
            model: answer.model,
            usage: ChatUsage {
                input_tokens,
                output_tokens,
                cost_usd: answer.cost.map(|cost| cost.as_usd()),
            },
            question: answer.question,
            budget_warnings: answer
                .warnings
                .iter()
                .map(|(standing, day)| BudgetView::new(standing, None, *day))
                .collect(),
            timing_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            raw: answer.raw,
            guardrail_intervened: answer.guardrail_intervened,
            request_id,
        }
    }
}

/// Answer a message
///
/// With `Accept: text/event-stream` the answer comes as server-sent events: `delta` (`{"text"}`,
/// more words), `tool` (`{"name"}`, a skill begins), and at the end `done` (the whole answer) or
/// `error` (the error's JSON).
#[utoipa::path(
    post,
    path = "/api/chat",
    tag = "chat",
    request_body = ChatBody,
    responses(
        (status = 200, description = "The answer", content(
            (ChatAnswer = "application/json"),
            (String = "text/event-stream"),
        )),
        Errors,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn chat(
    State(state): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(Arrived(arrived)): Extension<Arrived>,
    Authenticated(admitted): Authenticated,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ChatBody>,
) -> Result<Response, ApiError> {
    let (message, raw) = accepted(&body.message)?;
    let turn = TurnRequest {
        channel: admitted.channel(),
        caller: admitted.caller,
        session_id: body.session_id,
        message,
        raw,
        request_id,
    };
    if wants_stream(&headers) {
        as_event_stream(&state, turn, arrived).await
    } else {
        as_json(&state, turn, arrived).await
    }
}

/// A message that is neither empty nor too long, without `--raw`, and whether that was in it.
pub(super) fn accepted(message: &str) -> Result<(String, bool), ApiError> {
    if message.len() > MAX_MESSAGE_BYTES {
        let limit = format!(
            "the message is longer than {} KiB",
            MAX_MESSAGE_BYTES / 1024
        );
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "message_too_long",
            limit,
        ));
    }
    let (message, raw) = split_raw(message);
    if message.chars().all(is_space) {
        return Err(ApiError::invalid("`message` is empty"));
    }
    Ok((message, raw))
}

/// White space, by Unicode or by JavaScript: the pattern in the document is read by both.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}

pub(super) fn wants_stream(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|kind| {
            kind.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .eq_ignore_ascii_case("text/event-stream")
        })
}

async fn as_json(
    state: &AppState,
    turn: TurnRequest,
    arrived: Instant,
) -> Result<Response, ApiError> {
    let started = Instant::now();
    let deadline = state.deadlines.answer;
    let answer = async { Ok(state.engine.answer(&turn, &mut |_| {}).await?) };
    let answer = with_deadline(arrived, deadline, answer).await?;
    Ok(Json(ChatAnswer::new(answer, turn.request_id, started.elapsed())).into_response())
}

/// Cancels a turn that takes too long; nothing of it is stored.
pub(super) async fn with_deadline<T>(
    arrived: Instant,
    deadline: Duration,
    turn: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match timeout_at(arrived + deadline, turn).await {
        Ok(answer) => answer,
        Err(_) => {
            let message = format!("no answer within {} s", deadline.as_secs());
            Err(ApiError::new(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline_exceeded",
                message,
            ))
        }
    }
}

/// What the task that answers sends to the stream.
enum Step {
    Event(Event),
    Failed(ApiError),
}

async fn as_event_stream(
    state: &AppState,
    turn: TurnRequest,
    arrived: Instant,
) -> Result<Response, ApiError> {
    let request_id = turn.request_id.clone();
    // Bounded in effect: a turn sends no more than a model's answer, whose length is limited.
    let (steps, mut received) = mpsc::unbounded_channel();
    let (engine, deadline) = (state.engine.clone(), state.deadlines.stream);
    let task = send_answer(engine, arrived, deadline, turn, steps);
    // The task ends with the stream, so a client that goes away stops the work.
    let span = Span::current();
    let task = AbortOnDropHandle::new(state.tasks.spawn(in_request(task)));

    // A turn that fails before its first event is answered with an error status.
    let first = match received.recv().await {
        Some(Step::Failed(error)) => return Err(error),
        first => first,
    };
    let steps = stream::unfold(
        (first, received, task),
        |(next, mut received, task)| async move {
            let step = match next {
                Some(step) => step,
                None => received.recv().await?,
            };
            Some((step, (None, received, task)))
        },
    );
    let events = steps.map(move |step| {
        Ok::<_, Infallible>(match step {
            Step::Event(event) => event,
            Step::Failed(error) => {
                // The head is long sent, so the middleware never sees this one.
                span.in_scope(|| error.log());
                event("error", &error.body(&request_id))
            }
        })
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

async fn send_answer(
    engine: Arc<Engine>,
    arrived: Instant,
    deadline: Duration,
    turn: TurnRequest,
    steps: mpsc::UnboundedSender<Step>,
) {
    let started = Instant::now();
    let mut on_event = |turn_event: TurnEvent<'_>| {
        let event = match turn_event {
            TurnEvent::Delta(text) => event("delta", &json!({"text": text})),
            TurnEvent::Tool { name } => event("tool", &json!({"name": name})),
            TurnEvent::Storing => return,
        };
        // Sending fails only once the stream is dropped, and this task with it.
        let _ = steps.send(Step::Event(event));
    };
    // A panic would end the stream without a word.
    let answer = AssertUnwindSafe(engine.answer(&turn, &mut on_event)).catch_unwind();
    let answer = async {
        match answer.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(ApiError::internal(Cause::Panic)),
        }
    };
    let last = match with_deadline(arrived, deadline, answer).await {
        Ok(answer) => Step::Event(event(
            "done",
            &ChatAnswer::new(answer, turn.request_id, started.elapsed()),
        )),
        Err(error) => Step::Failed(error),
    };
    let _ = steps.send(last);
}

pub(super) fn event(name: &str, data: &impl Serialize) -> Event {
    // The types of this module always serialize; if one did not, the event would be empty.
    Event::default()
        .event(name)
        .json_data(data)
        .unwrap_or_default()
}
