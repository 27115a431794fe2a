//! An answer as server-sent events, as OpenAI's clients read them: pieces, and `[DONE]`. An error
//! on the way is an event of its own, behind which nothing comes.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Span;

use super::answer::{Head, Pieces};
use super::{How, Step};
use crate::http::chat::KEEP_ALIVE;
use crate::http::error::{ApiError, Cause};

/// Where a stream is.
enum Left {
    Begin(Option<Step>),
    Rest,
}

/// The steps as events. What fails before the first of them has a status of its own, unless it
/// takes so long that something has to be sent.
///
/// # Errors
/// How the request ended, if that comes first.
pub(super) async fn response(
    head: Head,
    how: How,
    mut steps: UnboundedReceiver<Step>,
    guard: Option<AbortOnDropHandle<()>>,
) -> Result<Response, ApiError> {
    let first = match timeout(KEEP_ALIVE, steps.recv()).await {
        Ok(Some(Step::End(Err(error)))) => return Err(error),
        Ok(None) => return Err(ApiError::internal(Cause::Panic)),
        Ok(first) => first,
        Err(_) => None,
    };
    let span = Span::current();
    let pieces = Pieces::new(head, how.include_usage);
    let begun = (Left::Begin(first), steps, pieces, guard);
    let events = stream::unfold(begun, move |(left, mut steps, pieces, guard)| {
        let span = span.clone();
        async move {
            let events = match left {
                Left::Begin(first) => {
                    let mut events = vec![event(&pieces.first())];
                    events.extend(first.into_iter().flat_map(|step| of(&pieces, step, &span)));
                    events
                }
                Left::Rest => of(&pieces, steps.recv().await?, &span),
            };
            Some((events, (Left::Rest, steps, pieces, guard)))
        }
    });
    let events =
        events.flat_map(|events| stream::iter(events.into_iter().map(Ok::<_, Infallible>)));
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

fn of(pieces: &Pieces, step: Step, span: &Span) -> Vec<Event> {
    match step {
        Step::Words(words) => vec![event(&pieces.words(&words))],
        Step::End(Ok(answer)) => {
            let mut events: Vec<Event> = pieces.last(&answer).iter().map(event).collect();
            events.push(Event::default().data("[DONE]"));
            events
        }
        Step::End(Err(error)) => {
            // The head is long sent, so the middleware never sees this one.
            span.in_scope(|| error.log());
            vec![event(&error.openai_body())]
        }
    }
}

fn event(data: &impl Serialize) -> Event {
    // What is sent always serializes; if it did not, the event would be empty.
    Event::default().json_data(data).unwrap_or_default()
}
