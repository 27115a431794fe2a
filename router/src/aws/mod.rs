//! AWS behind the ports: DynamoDB for tenants, usage and conversations, Secrets Manager for credentials.
//!
//! Tables, keys, attributes and their types are fixed, since other programs read and write the same items. Not here: which
//! tables and secrets an environment has (the CLI resolves that, the container is told), and the language models.
//!
//! Read [`Names`] and [`Connection`] first, then `error` (what AWS answers, as the ports' errors) and `items` (attributes). `conversations`
//! stands on `heads`, `pages`, `appends`, `backwards` and `sessions`; `secrets` stands alone.

mod appends;
mod backwards;
mod connect;
mod conversations;
mod error;
mod heads;
mod items;
mod locks;
mod names;
mod pages;
mod secrets;
mod sessions;

pub use connect::{Connection, sdk_config};
pub use conversations::DynamoConversations;
pub use error::store_error;
pub use names::{InvalidSecretsPrefix, Names, SecretsPrefix};
pub use secrets::SecretsManager;
