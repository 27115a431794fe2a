//! Repeats calls that failed for a transient reason.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::model::{ModelReply, ModelRequest};
use crate::ports::{ChatModel, Listener, ModelError, ModelEvent};

/// How many times a call is made at most.
const MAX_ATTEMPTS: usize = 3;
/// The longest `Retry-After` that is waited for: somebody is waiting for the answer.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Calls the model, again if the provider limits the rate or is unavailable: at most three times,
/// with growing, jittered waits, and not after text was passed on (it cannot be taken back). A
/// provider that asks to wait more than five seconds is not waited for. Dropping the future stops
/// it all.
///
/// # Errors
/// The error of the last attempt.
pub async fn with_retries(
    chat: &dyn ChatModel,
    request: &ModelRequest,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    let mut retries = Retries::new();
    loop {
        let mut has_text = false;
        let mut hear = |event: ModelEvent<'_>| {
            has_text |= matches!(event, ModelEvent::Text(words) if !words.is_empty());
            listen(event);
        };
        let error = match chat.reply(request, &mut hear).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        if has_text || !retries.again(&error).await {
            return Err(error);
        }
    }
}

/// The attempts at one call, for a caller that has to do something before each of them.
pub(crate) struct Retries {
    waits: ExponentialBackoff,
}

impl Retries {
    /// Before the first attempt.
    pub(crate) fn new() -> Self {
        let waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(MAX_ATTEMPTS - 1)
            .with_jitter();
        Self {
            waits: waits.build(),
        }
    }

    /// Waits for the next attempt; `false`, without waiting, if an error is no reason for one or
    /// there were enough.
    pub(crate) async fn again(&mut self, error: &ModelError) -> bool {
        let asked = match error {
            ModelError::Throttled { retry_after } => retry_after.unwrap_or_default(),
            ModelError::Unavailable(_) => Duration::ZERO,
            _ => return false,
        };
        match self.waits.next() {
            Some(wait) if asked <= MAX_WAIT => {
                tracing::debug!(%error, "retrying the model");
                tokio::time::sleep(asked + wait).await;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::model::{ContentBlock, StopReason, TokenUsage};

    /// Fails with each of these errors, after saying the word; then answers.
    struct Failing {
        errors: Mutex<Vec<(&'static str, ModelError)>>,
        calls: Mutex<usize>,
    }

    #[async_trait]
    impl ChatModel for Failing {
        async fn reply(
            &self,
            _request: &ModelRequest,
            listen: &mut Listener<'_>,
        ) -> Result<ModelReply, ModelError> {
            *self.calls.lock().unwrap() += 1;
            if let Some((word, error)) = self.errors.lock().unwrap().pop() {
                listen(ModelEvent::Text(word));
                return Err(error);
            }
            listen(ModelEvent::Text("done"));
            Ok(ModelReply {
                content: vec![ContentBlock::Text("done".to_owned())],
                stop: StopReason::EndTurn,
                usage: TokenUsage::default(),
                answered_by: None,
                without_tools: false,
            })
        }
    }

    async fn run(errors: Vec<(&'static str, ModelError)>) -> (Result<String, ModelError>, usize) {
        let chat = Failing {
            errors: Mutex::new(errors.into_iter().rev().collect()),
            calls: Mutex::new(0),
        };
        let request = ModelRequest {
            model: "m".to_owned(),
            system: String::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            max_tokens: 1,
            options: Default::default(),
            origin: None,
        };
        let reply = with_retries(&chat, &request, &mut |_| {}).await;
        let calls = *chat.calls.lock().unwrap();
        (reply.map(|reply| reply.text()), calls)
    }

    fn throttled(seconds: u64) -> ModelError {
        ModelError::Throttled {
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    fn unavailable() -> ModelError {
        ModelError::Unavailable("overloaded".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn transient_failures_are_retried_up_to_three_times() {
        let (reply, calls) = run(vec![("", throttled(5)), ("", unavailable())]).await;
        assert_eq!((reply, calls), (Ok("done".to_owned()), 3));
        let (reply, calls) = run(vec![("", unavailable()); 5]).await;
        assert_eq!((reply, calls), (Err(unavailable()), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_gets_the_time_it_asks_for() {
        let start = tokio::time::Instant::now();
        let (reply, _) = run(vec![("", throttled(4))]).await;
        assert_eq!(reply, Ok("done".to_owned()));
        // The clock is paused, so this is what was asked for, not what passed.
        assert!(start.elapsed() >= Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn permanent_failures_and_answers_that_have_begun_are_not_retried() {
        for (word, error) in [
            ("", throttled(6)),
            ("half an ans", unavailable()),
            ("", ModelError::TimedOut),
            ("", ModelError::TooLong),
            ("", ModelError::Denied("no".to_owned())),
        ] {
            let (reply, calls) = run(vec![(word, error.clone())]).await;
            assert_eq!((reply, calls), (Err(error), 1));
        }
    }
}
