//! The calls of this machine's stores as the metrics count them.

use std::future::Future;

use crate::ports::StoreError;
use crate::telemetry::calls::StoreCall;

/// Measures a call of a store.
pub(super) async fn measured<T>(
    store: &'static str,
    operation: &'static str,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let call = StoreCall::begin(store, operation);
    let outcome = work.await;
    call.end(outcome.as_ref().err().map(|_| "error".to_owned()));
    outcome
}

/// Measures a read that waits for nothing.
pub(super) fn measured_read<T>(
    store: &'static str,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let call = StoreCall::begin(store, "read");
    let outcome = read();
    call.end(outcome.as_ref().err().map(|_| "error".to_owned()));
    outcome
}
