//! The T3nets chat service as a library: what the container runs, and what the operator's CLI
//! shares with it.
//!
//! Read it in this order:
//!
//! 1. [`model`]: plain data with validated ids. No I/O.
//! 2. [`ports`]: the few traits that a platform implements (stores, secrets, chat model, clock).
//! 3. [`chat`]: one turn, from a message to its answer; [`skills`] are what the assistant can do,
//!    [`ai`] the language models.
//! 4. [`admin`]: what an operator changes (tenants, users, keys, secrets), as plans that are pure
//!    and then applied.
//! 5. [`http`]: routes, authentication, errors, streaming. [`outbound`] builds the clients for
//!    requests to others; [`errors`] walks from an error to its causes.
//! 6. The two platforms behind the ports: `local`, embedded, and [`aws`]; [`secrets_cache`] keeps
//!    what a remote store answers.
//!
//! The library never touches the terminal: it reports through return values and `tracing`.

pub mod admin;
pub mod ai;
pub mod aws;
mod changes;
pub mod chat;
pub mod config;
mod cursor;
pub mod errors;
pub mod files;
pub mod http;
pub mod lenient;
#[cfg(feature = "local")]
pub mod local;
pub mod model;
pub mod nearest;
pub mod oidc;
pub mod outbound;
pub mod ports;
pub mod secrets_cache;
pub mod skills;
pub mod telemetry;
pub mod token;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit this build was made from; `unknown` for a build outside a git checkout.
pub const GIT_SHA: &str = env!("T3NETS_GIT_SHA");
