//! AWS behind the ports: DynamoDB for tenants, usage and conversations, Secrets Manager for credentials.
//!
//! Tables, keys, attributes and their types are fixed, since other programs read and write the same items. Not here: which
//! tables and secrets an environment has (the CLI resolves that, the container is told).
//!
//! Read [`Names`] and [`Connection`] first, then `error` (what AWS answers, as the ports' errors) and `items` (attributes).
//! `bedrock` stands alone: the language models, behind [`ChatModel`](crate::ports::ChatModel).

mod bedrock;
mod connect;
mod error;
mod items;
mod names;
mod unjoined;

pub use bedrock::Bedrock;
pub use connect::{Connection, sdk_config};
pub use error::store_error;
pub use names::{InvalidSecretsPrefix, Names, SecretsPrefix};
pub use unjoined::open;
