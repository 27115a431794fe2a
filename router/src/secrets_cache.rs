//! Secrets kept in memory for a few seconds, so that a turn does not wait for a remote store that
//! charges by the call. For the router; an operator's commands read the store itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moka::future::Cache;

use crate::model::{SecretDescription, SecretDocument, SecretName, TenantId};
use crate::ports::{PutOutcome, SecretStore, StoreError};

/// How long another process's change may go unnoticed.
const CACHE_TTL: Duration = Duration::from_secs(5);
const MAX_CACHED_SECRETS: u64 = 10_000;

/// A cache in front of a secret store. Concurrent reads of one secret become one; errors are not
/// cached.
pub struct CachedSecrets {
    store: Arc<dyn SecretStore>,
    /// By name and by how many changes this process had made: a read that began before a change is
    /// cached under the older number, where nobody looks for it.
    cached: Cache<(SecretName, u64), Option<SecretDocument>>,
    changes: AtomicU64,
}

impl CachedSecrets {
    /// A cache in front of `store`.
    pub fn new(store: Arc<dyn SecretStore>) -> Self {
        Self {
            store,
            cached: Cache::builder()
                .max_capacity(MAX_CACHED_SECRETS)
                .time_to_live(CACHE_TTL)
                .build(),
            changes: AtomicU64::new(0),
        }
    }

    /// Guards a change by this process: when it has succeeded, failed or been dropped, nothing that
    /// was cached before is used.
    fn changing(&self) -> Changing<'_> {
        Changing(&self.changes)
    }
}

struct Changing<'a>(&'a AtomicU64);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl SecretStore for CachedSecrets {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        let key = (name.clone(), self.changes.load(Ordering::SeqCst));
        self.cached
            .try_get_with(key, self.store.get(name))
            .await
            .map_err(|error: Arc<StoreError>| StoreError::clone(&error))
    }

    async fn get_now(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        self.store.get_now(name).await
    }

    async fn put(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError> {
        let _changing = self.changing();
        self.store.put(name, document).await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        self.store.describe(name).await
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        self.store.list(tenant).await
    }

    async fn remove(&self, name: &SecretName) -> Result<Timestamp, StoreError> {
        let _changing = self.changing();
        self.store.remove(name).await
    }

    async fn delete(&self, name: &SecretName) -> Result<(), StoreError> {
        let _changing = self.changing();
        self.store.delete(name).await
    }

    async fn restore(&self, name: &SecretName) -> Result<(), StoreError> {
        let _changing = self.changing();
        self.store.restore(name).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::future::join_all;
    use serde_json::json;
    use tokio::sync::Notify;

    use super::*;

    /// Counts reads; each waits until it may go on, and has what was stored when it began.
    #[derive(Default)]
    struct Counting {
        reads: AtomicU64,
        stored: Mutex<Option<SecretDocument>>,
        is_broken: Mutex<bool>,
        slow: Mutex<Option<Arc<Notify>>>,
    }

    #[async_trait]
    impl SecretStore for Counting {
        async fn get(&self, _: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let found = self.stored.lock().unwrap().clone();
            let slow = self.slow.lock().unwrap().take();
            match slow {
                Some(slow) => slow.notified().await,
                None => tokio::task::yield_now().await,
            }
            match *self.is_broken.lock().unwrap() {
                true => Err(StoreError::Throttled),
                false => Ok(found),
            }
        }

        async fn put(
            &self,
            _: &SecretName,
            document: &SecretDocument,
        ) -> Result<PutOutcome, StoreError> {
            *self.stored.lock().unwrap() = Some(document.clone());
            Ok(PutOutcome::Updated)
        }

        async fn describe(&self, _: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
            Ok(None)
        }

        async fn list(&self, _: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
            Ok(Vec::new())
        }

        async fn remove(&self, _: &SecretName) -> Result<Timestamp, StoreError> {
            *self.stored.lock().unwrap() = None;
            Ok(Timestamp::MAX)
        }

        async fn delete(&self, _: &SecretName) -> Result<(), StoreError> {
            *self.stored.lock().unwrap() = None;
            Ok(())
        }

        async fn restore(&self, _: &SecretName) -> Result<(), StoreError> {
            Ok(())
        }

        async fn ping(&self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn cached() -> (Arc<Counting>, Arc<CachedSecrets>) {
        let counting = Arc::new(Counting::default());
        let cached = CachedSecrets::new(counting.clone());
        (counting, Arc::new(cached))
    }

    fn name(integration: &str) -> SecretName {
        SecretName {
            tenant_id: "default".parse().unwrap(),
            integration: integration.parse().unwrap(),
            user_id: None,
        }
    }

    fn document(token: &str) -> SecretDocument {
        let fields = json!({"api_token": token});
        SecretDocument::new(fields.as_object().unwrap().clone())
    }

    #[tokio::test]
    async fn what_is_read_at_once_or_again_is_read_once() {
        let (counting, cached) = cached();
        let jira = name("jira");
        let read = join_all((0..20).map(|_| cached.get(&jira))).await;
        assert!(read.iter().all(|read| *read == Ok(None)));
        assert_eq!(cached.get(&jira).await, Ok(None));
        assert_eq!(counting.reads.load(Ordering::SeqCst), 1);
        assert_eq!(cached.get(&name("slack")).await, Ok(None));
        assert_eq!(counting.reads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_change_by_this_process_is_seen_at_once() {
        let (_, cached) = cached();
        let jira = name("jira");
        assert_eq!(cached.get(&jira).await, Ok(None));
        cached.put(&jira, &document("one")).await.unwrap();
        assert_eq!(cached.get(&jira).await, Ok(Some(document("one"))));
        cached.remove(&jira).await.unwrap();
        assert_eq!(cached.get(&jira).await, Ok(None));
    }

    #[tokio::test]
    async fn a_read_that_a_change_overtook_is_not_kept() {
        let (counting, cached) = cached();
        let jira = name("jira");
        let go_on = Arc::new(Notify::new());
        *counting.slow.lock().unwrap() = Some(go_on.clone());
        let mut reading = Box::pin(cached.get(&jira));
        assert!(futures::poll!(&mut reading).is_pending());
        cached.put(&jira, &document("one")).await.unwrap();
        go_on.notify_one();
        assert_eq!(reading.await, Ok(None));
        assert_eq!(cached.get(&jira).await, Ok(Some(document("one"))));
    }

    #[tokio::test]
    async fn errors_are_not_kept() {
        let (counting, cached) = cached();
        let jira = name("jira");
        *counting.is_broken.lock().unwrap() = true;
        assert_eq!(cached.get(&jira).await, Err(StoreError::Throttled));
        *counting.is_broken.lock().unwrap() = false;
        assert_eq!(cached.get(&jira).await, Ok(None));
    }
}
