//! One call of a model: what each attempt may come to is held before it is made, attempts that
//! failed for a transient reason are repeated, and the next model is asked where the first is
//! throttled or down and has said nothing yet.

use super::ledger::Reservation;
use super::outcome::Outcome;
use super::{OnEvent, TurnError, TurnEvent};
use crate::ai::{Attempt, PATIENCE, Retries, SelectedModel};
use crate::model::{ContentBlock, ModelReply, ModelRequest};
use crate::ports::{ModelError, ModelEvent};

/// The models of a turn, in order. The one that answers stays for the rest of the turn.
pub(super) struct Asking<'turn> {
    models: &'turn [SelectedModel],
    current: &'turn SelectedModel,
    reservation: &'turn Reservation,
    /// Hears of each failure after which the next model is asked.
    on_failure: &'turn (dyn Fn(&SelectedModel, &ModelError) + Sync),
}

impl<'turn> Asking<'turn> {
    /// Begins with `first`; `others` are asked in its place.
    pub(super) fn new(
        first: &'turn SelectedModel,
        others: &'turn [SelectedModel],
        reservation: &'turn Reservation,
        on_failure: &'turn (dyn Fn(&SelectedModel, &ModelError) + Sync),
    ) -> Self {
        Self {
            models: others,
            current: first,
            reservation,
            on_failure,
        }
    }

    /// The model that was asked last.
    pub(super) fn model(&self) -> &'turn SelectedModel {
        self.current
    }

    /// Asks once. The words of a later round begin a new paragraph.
    pub(super) async fn ask(
        &mut self,
        request: &mut ModelRequest,
        outcome: &mut Outcome,
        on_event: &mut OnEvent<'_>,
    ) -> Result<ModelReply, TurnError> {
        let mut reply = loop {
            let said = outcome.text.len();
            let error = match self.attempts(request, outcome, on_event).await {
                Ok(reply) => break reply,
                Err(TurnError::Model(error)) => error,
                Err(error) => return Err(error),
            };
            let has_text = outcome.text.len() > said;
            match self.models.split_first() {
                Some((next, others)) if !has_text && is_of_the_model(&error) => {
                    (self.on_failure)(self.current, &error);
                    (self.current, self.models) = (next, others);
                    self.turn_to_next(request, outcome);
                }
                _ => return Err(error.into()),
            }
        };
        let cost = self
            .reservation
            .note(&mut reply, |reply| self.current.cost(reply));
        outcome.add(reply.usage, cost);
        Ok(reply)
    }

    /// What the next model is asked instead.
    fn turn_to_next(&self, request: &mut ModelRequest, outcome: &mut Outcome) {
        let next = self.current;
        request.model.clone_from(&next.id);
        request.max_tokens = next.max_tokens(request.max_tokens);
        // What a model thought is its own: others refuse it.
        for message in &mut request.messages {
            let is_thought = |block: &ContentBlock| matches!(block, ContentBlock::Reasoning(_));
            message.content.retain(|block| !is_thought(block));
        }
        outcome.model = Some(next.name.clone());
        self.reservation.routed(outcome.route, Some(&next.name));
    }

    /// The attempts at a call of one model.
    async fn attempts(
        &self,
        request: &ModelRequest,
        outcome: &mut Outcome,
        on_event: &mut OnEvent<'_>,
    ) -> Result<ModelReply, TurnError> {
        let model = self.current;
        let mut has_begun = false;
        let text = &mut outcome.text;
        let mut hear = |event: ModelEvent<'_>| {
            if !model.is_offline() {
                self.reservation.hear(event, model.info, request);
            }
            let ModelEvent::Text(words) = event else {
                return false;
            };
            if !words.is_empty() {
                if !has_begun && !text.is_empty() {
                    text.push_str("\n\n");
                    on_event(TurnEvent::Delta("\n\n"));
                }
                has_begun = true;
                text.push_str(words);
                on_event(TurnEvent::Delta(words));
            }
            has_begun
        };
        let mut retries = Retries::new();
        let mut failed = None;
        loop {
            let attempt = match (model.admit(), failed) {
                (Ok(attempt), _) => attempt,
                (Err(paused), None) => return Err(paused.into()),
                // It failed for others, too, while this waited.
                (Err(_), Some(error)) => return Err(TurnError::Model(error)),
            };
            // An attempt that failed may have cost something.
            self.reservation.cover(model, request).await?;
            let mut has_text = false;
            let listen = &mut |event: ModelEvent<'_>| {
                attempt.begins();
                has_text |= hear(event);
            };
            let reply = model.reply(request, listen);
            let result = patiently(reply, &attempt, !self.models.is_empty()).await;
            attempt.ended(&result);
            let error = match result {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if has_text || model.paused_for().is_some() || !retries.again(&error).await {
                return Err(error.into());
            }
            failed = Some(error);
        }
    }
}

/// The reply; where another model can be asked, one that does not begin is not waited for.
async fn patiently(
    reply: impl Future<Output = Result<ModelReply, ModelError>>,
    attempt: &Attempt,
    has_other: bool,
) -> Result<ModelReply, ModelError> {
    if !has_other {
        return reply.await;
    }
    let mut reply = std::pin::pin!(reply);
    match tokio::time::timeout(PATIENCE, &mut reply).await {
        Ok(result) => result,
        Err(_) if attempt.has_begun() => reply.await,
        Err(_) => Err(ModelError::TimedOut),
    }
}

/// Whether an error is the model's and says nothing of what it was asked.
fn is_of_the_model(error: &ModelError) -> bool {
    matches!(
        error,
        ModelError::Throttled { .. }
            | ModelError::Unavailable(_)
            | ModelError::TimedOut
            | ModelError::Paused { .. }
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ai::{AiDefaults, Models};
    use crate::outbound::Reach;
    use crate::skills::SkillSet;

    /// What a provider that answers after so many seconds comes to.
    async fn after(seconds: u64, begins: bool, has_other: bool) -> Result<ModelReply, ModelError> {
        let skills = SkillSet::new(Vec::new());
        let models = Models::new(AiDefaults::default(), skills, Reach::Anywhere).unwrap();
        let attempt = models.offline().admit().unwrap();
        let reply = async {
            if begins {
                attempt.begins();
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Err(ModelError::TooLong)
        };
        patiently(reply, &attempt, has_other).await
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_waited_for_only_where_nobody_else_can_be_asked() {
        assert_eq!(after(11, false, true).await, Err(ModelError::TimedOut));
        assert_eq!(after(9, false, true).await, Err(ModelError::TooLong));
        assert_eq!(after(60, true, true).await, Err(ModelError::TooLong));
        assert_eq!(after(60, false, false).await, Err(ModelError::TooLong));
    }
}
