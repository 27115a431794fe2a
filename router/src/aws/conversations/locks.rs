//! Locks by key, inside one process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// One fair lock for each key that someone holds or waits for: whoever comes first is first.
pub(super) struct KeyedLocks<K: Eq + Hash + Clone> {
    locks: Mutex<HashMap<K, Lock>>,
}

/// Holds a key's lock.
pub(super) struct KeyedGuard<'a, K: Eq + Hash + Clone> {
    // In this order: the lock is given up before its use ends.
    _held: OwnedMutexGuard<()>,
    _use: LockUse<'a, K>,
}

impl<K: Eq + Hash + Clone> KeyedLocks<K> {
    pub(super) fn new() -> Self {
        Self {
            locks: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for the key's lock.
    pub(super) async fn lock(&self, key: &K) -> KeyedGuard<'_, K> {
        let lock = Arc::clone(self.map().entry(key.clone()).or_default());
        let lock_use = LockUse {
            locks: self,
            key: key.clone(),
            lock: Arc::clone(&lock),
        };
        KeyedGuard {
            _held: lock.lock_owned().await,
            _use: lock_use,
        }
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<K, Lock>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Someone who holds a lock or waits for it; the last takes it out of the map.
struct LockUse<'a, K: Eq + Hash + Clone> {
    locks: &'a KeyedLocks<K>,
    key: K,
    lock: Lock,
}

impl<K: Eq + Hash + Clone> Drop for LockUse<'_, K> {
    fn drop(&mut self) {
        let mut map = self.locks.map();
        // The map's and this one.
        if Arc::strong_count(&self.lock) <= 2 {
            map.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_key_is_held_once_and_forgotten_after() {
        let locks = KeyedLocks::new();
        let held = locks.lock(&"a").await;
        assert!(locks.lock(&"b").now_or_never().is_some());
        assert!(locks.lock(&"a").now_or_never().is_none(), "held twice");
        drop(held);
        assert!(locks.lock(&"a").now_or_never().is_some());
        assert!(locks.map().is_empty(), "a lock is kept for nobody");
    }
}
