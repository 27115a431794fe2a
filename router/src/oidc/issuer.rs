//! The issuer as a router knows it: its keys, kept for hours and fetched again as they change.
//!
//! What a request needs is decided purely ([`State::decide`]). A fetch is a task of its own, of
//! which there is one at a time: callers who go away neither end it nor begin another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::discovery::{self, NotFetched};
use super::keys::KeySet;
use super::settings::OidcSettings;
use super::token::{Claimed, Head, Refused, verify};
use crate::outbound::{Client, ClientError};
use crate::ports::Clock;

/// Keys of this age are fetched again, while they go on being used: a key that the issuer withdrew
/// is not accepted for longer.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// How long keys are used while the issuer cannot be reached.
const KEPT: SignedDuration = SignedDuration::from_hours(6);

/// Keys that tokens name and that are not known are looked for once in this time. Known keys are
/// renewed no more often than that where the issuer cannot be reached.
const BETWEEN_SEARCHES: SignedDuration = SignedDuration::from_secs(60);

/// After a fetch failed, the next waits so long.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(5);

/// The issuer of the tokens that are accepted.
pub(crate) struct Issuer {
    settings: OidcSettings,
    client: Client,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    state: Mutex<State>,
}

/// Why a token was not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotVerified {
    /// It is no valid token.
    Refused(Refused),
    /// The issuer's keys are not to be had, so nobody can say.
    Unavailable {
        /// When it is asked again.
        retry_after: Duration,
    },
}

impl From<Refused> for NotVerified {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    /// When the last fetch ended without keys; `None` if it had some.
    failed_at: Option<Timestamp>,
    /// When an unknown key was looked for.
    searched_at: Option<Timestamp>,
    /// Ends with the fetch under way.
    under_way: Option<watch::Receiver<()>>,
}

/// What to do with a token.
enum Decision {
    /// Verify it; and begin a fetch, if the keys are no longer fresh.
    Verify { keys: Arc<KeySet>, renew: bool },
    /// Wait for keys: of the fetch under way, or of one that begins.
    Fetch { is_search: bool },
    /// There will be no keys now.
    Unavailable,
}

impl State {
    /// What to do with a token whose key is or is not among those of `keys`; `has_waited` once a
    /// fetch has ended for it.
    fn decide(&self, head: &Head, now: Timestamp, has_waited: bool) -> Decision {
        let age = |since: Timestamp| now.duration_since(since);
        let failed_lately = self.failed_at.is_some_and(|at| age(at) < AFTER_FAILURE);
        let kept = self.keys.as_ref().filter(|(_, at)| age(*at) < KEPT);
        let Some((keys, fetched_at)) = kept else {
            return match failed_lately || has_waited {
                true => Decision::Unavailable,
                false => Decision::Fetch { is_search: false },
            };
        };
        let is_unknown = || {
            let found = keys.key(head.key_id.as_deref(), head.algorithm);
            matches!(found, Err(Refused::UnknownKey))
        };
        if !has_waited && is_unknown() {
            let searched_lately = |at: &Timestamp| age(*at) < BETWEEN_SEARCHES;
            let is_due = !self.searched_at.as_ref().is_some_and(searched_lately);
            if is_due || self.is_under_way() {
                return Decision::Fetch { is_search: is_due };
            }
        }
        // It may have been signed by a newer key.
        if self.failed_at.is_some() && is_unknown() {
            return Decision::Unavailable;
        }
        let has_failed = self.failed_at.is_some_and(|at| age(at) < BETWEEN_SEARCHES);
        Decision::Verify {
            keys: keys.clone(),
            renew: age(*fetched_at) >= FRESH && !has_failed,
        }
    }

    fn is_under_way(&self) -> bool {
        let under_way = self.under_way.as_ref();
        under_way.is_some_and(|under_way| under_way.has_changed().is_ok())
    }
}

impl Issuer {
    /// Nothing is fetched before the first token comes.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub(crate) fn new(
        settings: OidcSettings,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            settings,
            client: discovery::issuers_client()?,
            clock,
            tasks,
            state: Mutex::default(),
        })
    }

    /// The issuer, as tokens have it.
    pub(crate) fn name(&self) -> &str {
        self.settings.issuer()
    }

    /// Verifies a token, and tells what it says.
    pub(crate) async fn verified(self: &Arc<Self>, token: &str) -> Result<Claimed, NotVerified> {
        let head = Head::read(token)?;
        let keys = self.keys_for(&head).await?;
        let now = self.clock.now();
        Ok(verify(token, &head, &keys, &self.settings, now)?)
    }

    async fn keys_for(self: &Arc<Self>, head: &Head) -> Result<Arc<KeySet>, NotVerified> {
        let mut has_waited = false;
        loop {
            let mut ended = {
                let mut state = self.state();
                let now = self.clock.now();
                match state.decide(head, now, has_waited) {
                    Decision::Verify { keys, renew } => {
                        if renew {
                            self.fetching(&mut state);
                        }
                        return Ok(keys);
                    }
                    Decision::Fetch { is_search } => {
                        if is_search {
                            state.searched_at = Some(now);
                        }
                        self.fetching(&mut state)
                    }
                    Decision::Unavailable => {
                        return Err(NotVerified::Unavailable {
                            retry_after: AFTER_FAILURE.unsigned_abs(),
                        });
                    }
                }
            };
            // The sender says nothing: it is dropped as the fetch ends.
            let _ = ended.changed().await;
            has_waited = true;
        }
    }

    /// The fetch under way, or one that begins.
    fn fetching(self: &Arc<Self>, state: &mut State) -> watch::Receiver<()> {
        if state.is_under_way()
            && let Some(under_way) = &state.under_way
        {
            return under_way.clone();
        }
        let (ends, under_way) = watch::channel(());
        state.under_way = Some(under_way.clone());
        let issuer = self.clone();
        self.tasks.spawn(crate::telemetry::in_request(async move {
            let found = discovery::fetch(&issuer.client, &issuer.settings).await;
            issuer.note(found.map(|found| found.keys));
            drop(ends);
        }));
        under_way
    }

    fn note(&self, fetched: Result<KeySet, NotFetched>) {
        let now = self.clock.now();
        let mut state = self.state();
        match fetched {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the OIDC issuer's keys were fetched");
                state.keys = Some((Arc::new(keys), now));
                state.failed_at = None;
            }
            Err(error) => {
                let issuer = self.settings.issuer();
                tracing::warn!(%error, issuer, "the OIDC issuer's keys were not fetched");
                state.failed_at = Some(now);
            }
        }
    }

    /// No code panics while it holds the state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
