//! AWS behind the ports: DynamoDB for tenants, usage and conversations, Secrets Manager for credentials.
//!
//! Tables, keys, attributes and their types are fixed, since other programs read and write the same items. Not here: which
//! tables and secrets an environment has (the CLI resolves that, the container is told), and the language models.
//!
//! Read [`Names`] and [`Connection`] first, then `error` (what AWS answers, as the ports' errors) and `items` (attributes).

mod connect;
mod error;
mod items;
mod names;
mod not_there;

pub use connect::{Connection, sdk_config};
pub use error::store_error;
pub use names::{InvalidSecretsPrefix, Names, SecretsPrefix};
pub use not_there::open;
