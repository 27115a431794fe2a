//! Callers by JWT: whether a token of the environment's OpenID Connect issuer is one, and of whom.
//!
//! [`settings`](OidcSettings) says which issuer and for what audience; `discovery` fetches what the
//! issuer publishes; `keys` reads its keys; [`Issuer`] keeps them, and decides when they are
//! fetched again; `token` verifies a token with them, and says what is claimed in it.
//!
//! Not here: who the member is that a token names, which is [`crate::http`]'s; signing in to MCP
//! servers, where this program is the client ([`crate::skills`]).

mod discovery;
mod issuer;
mod keys;
mod settings;
mod token;

pub use discovery::{Found, NotFetched, ask};
pub(crate) use issuer::{Issuer, NotVerified};
pub use settings::{AUDIENCE_VARIABLE, ISSUER_VARIABLE, InvalidOidc, OidcSettings};
pub(crate) use token::{Claimed, Refused, is_jwt};
