//! AWS behind the ports: DynamoDB for tenants, usage and conversations, Secrets Manager for credentials.
//!
//! Tables, keys, attributes and their types are fixed, since other programs read and write the same items. Not here: which
//! tables and secrets an environment has (the CLI resolves that, the container is told), and the language models.
//!
//! Read [`Names`] and [`Connection`] first, then `error` (what AWS answers, as the ports' errors) and `items` (attributes).
//! Of the tenants' table: `keys` and `records` (what is stored), `table` and `transaction` (how it is read and written), then
//! `tenants` with `lookup` (from a channel or a key to its tenant), `changes` (a commit as a plan), `commit`, `removal`; and
//! `usage`.

mod changes;
mod commit;
mod connect;
mod error;
mod items;
mod keys;
mod lookup;
mod names;
mod records;
mod removal;
mod table;
mod tenants;
mod transaction;
mod usage;

pub use connect::{Connection, sdk_config};
pub use error::store_error;
pub use names::{InvalidSecretsPrefix, Names, SecretsPrefix};
pub use tenants::DynamoTenants;
pub use usage::DynamoUsage;
