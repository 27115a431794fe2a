//! What `dev` puts into a fresh environment: the tenant `default` with an admin.

use t3nets_router::admin::Admin;
use t3nets_router::admin::seed::{TenantSeed, UserSeed};
use t3nets_router::model::{TenantId, UserRole};
use t3nets_router::ports::Platform;

use crate::context::Context;
use crate::error::CliError;

/// The tenant of a fresh environment.
const DEFAULT_TENANT: &str = "default";
/// Its admin, until somebody adds real people.
const DEFAULT_ADMIN: &str = "admin@example.com";

/// Makes the tenant with its admin, unless it is there: what an operator changed stays as it is.
/// Returns the tenant.
///
/// # Errors
/// If the store fails, or the tenant was removed lately.
pub(super) async fn seed(context: &Context, platform: &Platform) -> Result<TenantId, CliError> {
    let id: TenantId = DEFAULT_TENANT
        .parse()
        .map_err(|error| CliError::failed("the tenant's id is not valid").caused_by(error))?;
    if platform.tenants.tenant(&id).await?.is_some() {
        return Ok(id);
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
    Ok(id)
}
