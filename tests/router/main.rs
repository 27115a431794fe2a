//! The router in-process, its parts against scripted servers, and the built binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation fails the test"
)]

mod clients;
mod fuzzed;
mod http;
mod mcp_server;
mod process;
mod providers;
mod release_notes;
mod rules;
mod schemathesis;
mod sprint_status;
mod traces;
mod two_routers;
