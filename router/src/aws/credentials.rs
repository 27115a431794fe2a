//! Credentials that are asked for once and kept.
//!
//! The SDK's clients keep what they were given; [`signed`](super::signed)'s do not. Behind this
//! both use the same credentials: a program that a profile names as their source
//! (`credential_process`) is run once, and single sign-on or a role is asked once until they
//! expire.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::sync::Mutex;

/// How long before their end credentials are renewed. More than the ten seconds before which the
/// SDK's own cache asks, which would otherwise get the old ones back.
const BEFORE_END: Duration = Duration::from_secs(60);

/// How long credentials without an end are kept, as the SDK's own cache does: a file may be
/// changed.
const WITHOUT_END: Duration = Duration::from_secs(15 * 60);

/// A source of credentials that is asked again only when they are about to expire.
#[derive(Debug)]
pub(super) struct Kept<P> {
    source: P,
    /// The last ones, and until when they are used.
    last: Mutex<Option<(Credentials, SystemTime)>>,
}

impl<P> Kept<P> {
    pub(super) fn new(source: P) -> Self {
        Self {
            source,
            last: Mutex::new(None),
        }
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Kept<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let mut last = self.last.lock().await;
            let now = SystemTime::now();
            if let Some((credentials, until)) = &*last
                && now < *until
            {
                return Ok(credentials.clone());
            }
            let credentials = self.source.provide_credentials().await?;
            let until = match credentials.expiry() {
                Some(end) => end.checked_sub(BEFORE_END).unwrap_or(now),
                None => now + WITHOUT_END,
            };
            *last = Some((credentials.clone(), until));
            Ok(credentials)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Gives credentials that expire in so many seconds, and counts.
    #[derive(Debug)]
    struct Source {
        expires_in: u64,
        asked: AtomicU64,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let end = SystemTime::now() + Duration::from_secs(self.expires_in);
            self.asked.fetch_add(1, Ordering::Relaxed);
            future::ProvideCredentials::ready(Ok(Credentials::new("a", "s", None, Some(end), "t")))
        }
    }

    #[tokio::test]
    async fn credentials_are_asked_for_again_shortly_before_they_expire() {
        for (expires_in, asked) in [(3600, 1), (30, 3)] {
            let kept = Kept::new(Source {
                expires_in,
                asked: AtomicU64::new(0),
            });
            for _ in 0..3 {
                kept.provide_credentials().await.unwrap();
            }
            assert_eq!(kept.source.asked.load(Ordering::Relaxed), asked);
        }
    }
}
