//! What `dev` puts into an environment: a tenant with an administrator, unless there is one.

use t3nets_router::admin::Admin;
use t3nets_router::admin::seed::{TenantSeed, UserSeed};
use t3nets_router::model::{TenantId, UserRole};
use t3nets_router::ports::Platform;

use super::demo;
use crate::context::Context;
use crate::error::CliError;

/// The administrator, until somebody adds real people.
const DEFAULT_ADMIN: &str = "admin@example.com";

/// The tenant that callers without a key get, where nobody says: `default`, but the only one there
/// is beside the demo's.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn usual_tenant(admin: &Admin) -> Result<TenantId, CliError> {
    let mut ids: Vec<TenantId> = admin
        .tenants()
        .await?
        .into_iter()
        .map(|one| one.id)
        .collect();
    ids.retain(|id| id.as_str() != demo::TENANT);
    Ok(match <[TenantId; 1]>::try_from(ids) {
        Ok([only]) => only,
        Err(_) => TenantId::usual(),
    })
}

/// Makes the tenant with its administrator, unless it is there: what an operator changed stays as
/// it is.
///
/// # Errors
/// If the store fails, or the tenant's id is reserved.
pub(super) async fn seed(
    context: &Context,
    platform: &Platform,
    id: &TenantId,
) -> Result<(), CliError> {
    if platform.tenants.tenant(id).await?.is_some() {
        return Ok(());
    }
    let admin = Admin::new(platform.clone(), context.actor());
    let seed = TenantSeed {
        users: vec![UserSeed {
            email: DEFAULT_ADMIN.to_owned(),
            id: None,
            display_name: Some("Admin".to_owned()),
            role: UserRole::Admin,
        }],
        ..TenantSeed::new(id.clone())
    };
    for item in admin.seed(&seed).await? {
        context.printer.status(format!(
            "{} `{}` {}",
            item.kind,
            item.name,
            item.outcome.as_str()
        ));
    }
    Ok(())
}
