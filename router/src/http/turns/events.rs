//! What comes of a turn, as server-sent events.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::json;
use tokio::time::Instant;

use super::super::chat::{KEEP_ALIVE, event};
use super::follow::{Follower, Seen};
use super::{LONG_POLL, Turn};

/// What is left to send.
enum Left {
    Start(Follower),
    Rest(Follower),
}

/// What comes of a turn, as server-sent events.
pub(super) fn of(follower: Follower) -> Response {
    let events = stream::unfold(Some(Left::Start(follower)), async |left| match left? {
        Left::Start(follower) => {
            let state = Seen::of(follower.turn.progress.state);
            let start = event("start", &Turn::new(&follower.turn, state));
            Some((vec![start], Some(Left::Rest(follower))))
        }
        Left::Rest(mut follower) => {
            let more = loop {
                match follower.more(Instant::now() + LONG_POLL).await {
                    Ok(more) if more.is_nothing() => {}
                    Ok(more) => break more,
                    // The caller comes again, and is told then.
                    Err(_) => return None,
                }
            };
            let mut events: Vec<Event> = more
                .tools
                .iter()
                .map(|name| event("tool", &json!({"name": name})))
                .collect();
            if !more.text.is_empty() {
                let delta = event("delta", &json!({"text": more.text}));
                events.push(delta.id(follower.at.to_string()));
            }
            let end = more.end.unwrap_or_default();
            match more.state {
                Seen::Running => return Some((events, Some(Left::Rest(follower)))),
                Seen::Done => events.push(event("done", &end)),
                Seen::Failed => events.push(event("failed", &json!({"error": end}))),
                Seen::Stopped => events.push(event("stopped", &json!({}))),
                Seen::BrokenOff => events.push(event("broken_off", &json!({}))),
            }
            Some((events, None))
        }
    });
    let events = futures::StreamExt::flat_map(events, |events| {
        stream::iter(events.into_iter().map(Ok::<_, Infallible>))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}
