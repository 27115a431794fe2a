//! What must hold whatever endpoints and Jira send. The fuzzers (`tests/fuzz`) look for bytes that
//! break it; the ordinary tests try what was found once, and a fixed number of others.
//!
//! `answers` are models' answers, `reports` and `releases` what is made of Jira's; `choices` turns
//! a fuzzer's bytes into something to be sent.

pub mod answers;
mod choices;
pub mod releases;
pub mod reports;

/// Runs what has all that it waits for, but for time, which does not pass.
fn wait_for<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
