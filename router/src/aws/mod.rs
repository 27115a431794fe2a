//! AWS behind the ports: DynamoDB for tenants, usage and conversations, Secrets Manager for
//! credentials.
//!
//! Tables, keys, attributes and their types are fixed, since other programs read and write the same
//! items. Not here: which tables and secrets an environment has (the CLI resolves that, the
//! container is told).
//!
//! Read [`Names`] and [`Connection`] first, then `error` (what AWS answers, as the ports' errors)
//! and `dynamodb` (how items are read and written). On these stand `tenants` with `usage` and
//! `ledger` and `conversations`, and what is the CLI's alone: `deploys`, the deploy lock and the
//! verified releases, and [`recovery`], a table as it was at an earlier time. `secrets` stands
//! alone; [`signed`] is for services that are called rarely. Bedrock, which is not a store but a
//! language model, is in [`ai`](crate::ai).

mod attempts;
mod bounded;
mod connect;
mod conversations;
mod credentials;
mod deploys;
mod dynamodb;
mod error;
mod holds;
pub(crate) mod key_part;
mod ledger;
mod names;
mod notes;
mod permissions;
mod profile;
pub mod recovery;
pub mod schema;
mod secrets;
mod settings;
pub mod signed;
mod tenants;
mod turns;
mod usage;

use std::sync::Arc;

use aws_config::SdkConfig;

use crate::ports::{Clock, Platform};

pub use connect::{AssumedRole, Connection, CredentialFiles, StaticKeys, sdk_config};
pub use conversations::DynamoConversations;
pub use deploys::{DeployLock, Deploys, Lease, LockAttempt, VerifiedRelease, WatchedDeployment};
pub use error::{AwsError, AwsErrorKind};
pub use names::{InvalidSecretsPrefix, Names, SecretsPrefix, is_region};
pub use notes::DynamoNotes;
pub(crate) use permissions::GUARDRAIL_ACTION;
pub use permissions::{ADMIN_ACTIONS, TASK_ACTIONS};
pub use profile::{ProfileFacts, ProfileSource};
pub use secrets::SecretsManager;
pub use tenants::DynamoTenants;
pub use turns::DynamoTurns;
pub use usage::DynamoUsage;

/// AWS's services behind the ports. Asks nothing of them: what is missing or not allowed shows at
/// the first call that needs it.
pub fn open(sdk: &SdkConfig, names: &Names, clock: Arc<dyn Clock>) -> Platform {
    let dynamodb = connect::dynamodb(sdk);
    let tenants = &names.tenants_table;
    Platform {
        tenants: Arc::new(DynamoTenants::new(dynamodb.clone(), tenants, clock.clone())),
        usage: Arc::new(DynamoUsage::new(dynamodb.clone(), tenants, clock.clone())),
        turns: Arc::new(DynamoTurns::new(
            dynamodb.clone(),
            &names.conversations_table,
        )),
        notes: Arc::new(DynamoNotes::new(
            dynamodb.clone(),
            &names.conversations_table,
        )),
        conversations: Arc::new(DynamoConversations::new(
            dynamodb,
            &names.conversations_table,
            tenants,
        )),
        secrets: Arc::new(SecretsManager::new(
            connect::secrets_manager(sdk),
            names.secrets.clone(),
        )),
        clock,
    }
}
