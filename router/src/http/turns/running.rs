//! The turns that this process answers, each in a task that outlives the request that asked for it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::super::AppState;
use super::super::chat::{ChatAnswer, with_deadline};
use super::super::error::{ApiError, Cause};
use super::branch::{self, Branch};
use crate::chat::{TurnEvent, TurnRequest};
use crate::model::{
    ConversationKey, ConversationOwner, JsonObject, StoredTurn, TurnId, TurnProgress, TurnState,
};
use crate::ports::StoreError;
use crate::telemetry::in_request;

/// How often the end of a turn is tried to be stored.
const END_ATTEMPTS: u32 = 5;
const END_PAUSE: Duration = Duration::from_millis(200);

/// The turns of this process that go on.
#[derive(Default)]
pub(in crate::http) struct Running {
    turns: Mutex<HashMap<(ConversationOwner, TurnId), Arc<Live>>>,
    tasks: TaskTracker,
}

/// A turn that this process answers.
pub(super) struct Live {
    /// As it began.
    pub(super) turn: StoredTurn,
    pub(super) progress: watch::Sender<TurnProgress>,
    pub(super) stop: CancellationToken,
}

impl Running {
    pub(super) fn get(&self, owner: &ConversationOwner, id: &TurnId) -> Option<Arc<Live>> {
        self.locked().get(&(owner.clone(), id.clone())).cloned()
    }

    /// Waits until none goes on. Call it once no more requests come.
    pub(in crate::http) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The ids of those that go on.
    pub(in crate::http) fn ids(&self) -> Vec<String> {
        let turns = self.locked();
        turns.keys().map(|(_, id)| id.to_string()).collect()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<(ConversationOwner, TurnId), Arc<Live>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a turn out of the ones that go on, however its task ends.
struct Entry<'a> {
    running: &'a Running,
    live: &'a Live,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let turn = &self.live.turn;
        self.running
            .locked()
            .remove(&(turn.owner.clone(), turn.id.clone()));
    }
}

/// What a turn's task is given.
pub(super) struct Work {
    pub(super) key: ConversationKey,
    pub(super) request: TurnRequest,
    /// What is copied into the conversation first.
    pub(super) branch: Option<Branch>,
    pub(super) arrived: Instant,
}

/// How a turn ended.
enum End {
    Answered(Box<ChatAnswer>),
    Failed(ApiError),
    Stopped,
    /// Its owner was removed.
    Gone,
}

/// Begins to answer a turn that was stored.
pub(super) fn start(state: &AppState, turn: StoredTurn, work: Work) {
    let live = Arc::new(Live {
        progress: watch::Sender::new(turn.progress.clone()),
        stop: CancellationToken::new(),
        turn,
    });
    let place = (live.turn.owner.clone(), live.turn.id.clone());
    state.running.locked().insert(place, live.clone());
    let span = tracing::info_span!("turn", request_id = %work.request.request_id);
    let state = state.clone();
    let running = state.running.clone();
    running.tasks.spawn(in_request(
        async move { run(&state, &live, work).await }.instrument(span),
    ));
}

async fn run(state: &AppState, live: &Live, work: Work) {
    let _entry = Entry {
        running: &state.running,
        live,
    };
    let is_storing = AtomicBool::new(false);
    let end = tokio::select! {
        biased;
        () = stopped(live, &is_storing) => End::Stopped,
        end = answer(state, live, &work, &is_storing) => end,
        () = keep(state, live) => End::Gone,
    };
    let (turn_state, end) = match end {
        End::Answered(answer) => (TurnState::Done, object_of(&answer)),
        End::Failed(error) => {
            error.log();
            (TurnState::Failed, Some(error_of(&error)))
        }
        End::Stopped => {
            store_stopped(state, live, &work).await;
            (TurnState::Stopped, None)
        }
        End::Gone => (TurnState::Stopped, None),
    };
    let end = TurnProgress {
        state: turn_state,
        end,
        saved_at: state.platform.clock.now(),
        ..live.progress.borrow().clone()
    };
    // Before it is told: whoever knows that a turn is over may go on at another process at once.
    let stored = store_end(state, &live.turn, &end).await;
    live.progress.send_replace(end.clone());
    if let Err(error) = stored {
        store_end_again(state, &live.turn, &end, error).await;
    }
}

/// Ends when the turn is to be stopped. An answer that is being stored is not: it would be in the
/// conversation twice.
async fn stopped(live: &Live, is_storing: &AtomicBool) {
    live.stop.cancelled().await;
    if is_storing.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

async fn answer(state: &AppState, live: &Live, work: &Work, is_storing: &AtomicBool) -> End {
    let started = Instant::now();
    let mut on_event = |event: TurnEvent<'_>| match event {
        TurnEvent::Delta(text) => live
            .progress
            .send_modify(|progress| progress.text.push_str(text)),
        TurnEvent::Tool { name } => live
            .progress
            .send_modify(|progress| progress.tools.push(name.to_owned())),
        TurnEvent::Storing => is_storing.store(true, Ordering::Relaxed),
    };
    let answer = async {
        if let Some(branch) = &work.branch {
            branch::copy(
                &*state.platform.conversations,
                branch,
                &work.key,
                &state.platform.clock,
            )
            .await?;
        }
        let engine = &state.engine;
        Ok(engine
            .answer_in(work.key.clone(), &work.request, &mut on_event)
            .await?)
    };
    // A panic would leave a turn that goes on for ever.
    let answer = AssertUnwindSafe(answer)
        .catch_unwind()
        .map(|answer| match answer {
            Ok(answer) => answer,
            Err(_) => Err(ApiError::internal(Cause::Panic)),
        });
    match with_deadline(work.arrived, state.deadlines.stream, answer).await {
        Ok(answer) => {
            let request_id = work.request.request_id.clone();
            End::Answered(Box::new(ChatAnswer::new(
                answer,
                request_id,
                started.elapsed(),
            )))
        }
        Err(error) => End::Failed(error),
    }
}

/// Stores how far the turn is, again and again, and hears whether another process was asked to stop
/// it. Ends only if the turn is gone from the store.
async fn keep(state: &AppState, live: &Live) {
    let so_far = || live.progress.borrow().clone();
    save_again_and_again(state, &live.turn, so_far, || live.stop.cancel()).await;
}

/// Stores that a turn goes on, again and again, without how far it is. Ends only if the turn is
/// gone from the store.
pub(in crate::http) async fn keep_stored(state: &AppState, turn: &StoredTurn) {
    save_again_and_again(state, turn, || turn.progress.clone(), || {}).await;
}

async fn save_again_and_again(
    state: &AppState,
    turn: &StoredTurn,
    so_far: impl Fn() -> TurnProgress,
    stop: impl Fn(),
) {
    let every = Duration::try_from(StoredTurn::SAVED_WITHIN).unwrap_or_default();
    let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
    loop {
        ticks.tick().await;
        let progress = TurnProgress {
            saved_at: state.platform.clock.now(),
            ..so_far()
        };
        let turns = &state.platform.turns;
        match turns.save(&turn.owner, &turn.id, &progress).await {
            Ok(false) => {}
            Ok(true) => stop(),
            Err(StoreError::NotFound(_)) => return,
            Err(error) => tracing::warn!(%error, "how far a turn is was not stored"),
        }
    }
}

/// What was answered until a turn was stopped is the conversation's.
async fn store_stopped(state: &AppState, live: &Live, work: &Work) {
    if work.request.raw {
        return;
    }
    let text = live.progress.borrow().text.clone();
    let asked_at = live.turn.started_at;
    let stored = state
        .engine
        .store_stopped(&work.key, &work.request, text, asked_at)
        .await;
    if let Err(error) = stored {
        tracing::warn!(%error, "a turn that was stopped was not stored");
    }
}

/// Stores the end of a turn, again if that fails.
pub(in crate::http) async fn store_end_surely(
    state: &AppState,
    turn: &StoredTurn,
    end: &TurnProgress,
) {
    if let Err(error) = store_end(state, turn, end).await {
        store_end_again(state, turn, end, error).await;
    }
}

async fn store_end(
    state: &AppState,
    turn: &StoredTurn,
    end: &TurnProgress,
) -> Result<(), StoreError> {
    match state.platform.turns.save(&turn.owner, &turn.id, end).await {
        Ok(_) | Err(StoreError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn store_end_again(
    state: &AppState,
    turn: &StoredTurn,
    end: &TurnProgress,
    error: StoreError,
) {
    let mut last = error;
    for attempt in 1..END_ATTEMPTS {
        tokio::time::sleep(END_PAUSE * attempt).await;
        match store_end(state, turn, end).await {
            Ok(()) => return,
            Err(error) => last = error,
        }
    }
    tracing::warn!(error = %last, "the end of a turn was not stored");
}

fn object_of(answer: &ChatAnswer) -> Option<JsonObject> {
    match serde_json::to_value(answer) {
        Ok(Value::Object(answer)) => Some(answer),
        _ => None,
    }
}

/// An error as a turn has it: what callers get of it, and its status.
fn error_of(error: &ApiError) -> JsonObject {
    let mut object = JsonObject::new();
    let body = serde_json::to_value(error.body("")).unwrap_or_default();
    if let Some(detail) = body.get("error").and_then(Value::as_object) {
        object.clone_from(detail);
    }
    object.insert("status".to_owned(), json!(error.status().as_u16()));
    if let Some(seconds) = error.retry_after_seconds() {
        object.insert("retry_after_seconds".to_owned(), json!(seconds));
    }
    object
}
