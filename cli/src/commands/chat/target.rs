//! Which router is asked, and with which key. A key is sent only where it belongs: to the
//! environment's own router, or to the address that was given together with it.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use t3nets_router::admin::Admin;
use t3nets_router::admin::keys::NewKey;
use t3nets_router::model::{KeyHash, TenantId};
use url::Url;

use super::client::{Client, KeySource};
use crate::commands::arguments::TenantFlag;
use crate::commands::page_link::usual_user;
use crate::commands::router_url::{self, is_readable_on_the_way, own_url};
use crate::config::environment::PlatformKind;
use crate::config::key_origins;
use crate::config::keystore::{Keystore, StoredKey, origin_of};
use crate::context::Context;
use crate::error::{CliError, ErrorKind};

/// How long a key lives that the program makes for itself.
const MADE_KEY_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// A key with less life than this is replaced before it is used: a streamed answer may take two
/// minutes.
const LEAST_LIFE: SignedDuration = SignedDuration::from_mins(3);

/// A router and the right to ask it.
#[derive(Debug)]
pub(super) struct Target {
    url: Url,
    credential: Credential,
}

#[derive(Debug)]
enum Credential {
    /// What `T3NETS_API_KEY` holds.
    Given(SecretString),
    /// A key of the environment in use, stored or made when it is needed.
    OfEnvironment(TenantFlag),
    /// None: the router may let anonymous callers in.
    None,
}

impl Target {
    /// Decides which router to ask, and with which key.
    ///
    /// # Errors
    /// Not ready if the environment has no router that runs.
    pub(super) async fn choose(
        context: &Context,
        url: Option<Url>,
        tenant: TenantFlag,
    ) -> Result<Self, CliError> {
        let given = context.settings.api_key.clone();
        if given.is_some()
            && let Some(tenant) = &tenant.id
        {
            return Err(CliError::usage(format!(
                "`--tenant {tenant}` has no effect: whose tenant is asked is decided by the key in T3NETS_API_KEY"
            ))
            .hint("leave out `--tenant`, or unset T3NETS_API_KEY to use a key of that tenant"));
        }
        let Some(url) = url else {
            let url = own_url(context).await?;
            let credential = match given {
                Some(key) => {
                    // A `dev` on this machine is found by its own files, at another port each time.
                    if context.settings.environment()?.platform != PlatformKind::Local {
                        key_origins::check(&context.settings.home, &key, &url)?;
                    }
                    given_for(context, &url, key)
                }
                None => Credential::OfEnvironment(tenant),
            };
            return Ok(Self { url, credential });
        };
        let url = router_url::checked(url)?;
        let credential = match given {
            Some(key) => given_for(context, &url, key),
            None if own_url(context)
                .await
                .is_ok_and(|own| own.origin() == url.origin()) =>
            {
                Credential::OfEnvironment(tenant)
            }
            None => {
                if let Some(tenant) = &tenant.id {
                    return Err(CliError::usage(format!(
                        "`--tenant {tenant}` has no effect at {url}, which is no router of the environment: without a key \
                         its anonymous tenant answers"
                    ))
                    .hint("set T3NETS_API_KEY to a key of that tenant"));
                }
                Credential::None
            }
        };
        Ok(Self { url, credential })
    }

    /// A client with a key that is valid for the next question.
    ///
    /// # Errors
    /// If a key is needed and can be neither found nor made.
    pub(super) async fn client(&mut self, context: &Context) -> Result<Client, CliError> {
        match &self.credential {
            Credential::Given(key) => Client::new(self.url.clone(), Some(key), KeySource::Variable),
            Credential::None => Client::new(self.url.clone(), None, KeySource::None),
            Credential::OfEnvironment(tenant) => {
                let key = environment_key(context, &self.url, tenant.clone()).await?;
                Client::new(self.url.clone(), Some(&key), KeySource::Saved)
            }
        }
    }
}

/// A key that was given together with an address, wherever that is.
fn given_for(context: &Context, url: &Url, key: SecretString) -> Credential {
    if is_readable_on_the_way(url) {
        context.printer.warning(format!(
            "{url} is not encrypted: others on the network can read the key"
        ));
    }
    Credential::Given(key)
}

/// The key stored for the tenant and this router, or one that is made, recorded in the audit trail,
/// and stored for the next questions.
async fn environment_key(
    context: &Context,
    url: &Url,
    tenant: TenantFlag,
) -> Result<SecretString, CliError> {
    let environment = context.settings.environment()?;
    let origin = match environment.platform {
        PlatformKind::Local => None,
        PlatformKind::Aws if is_readable_on_the_way(url) => {
            return Err(CliError::not_ready(format!(
                "{url} is not encrypted, so no key of the environment is sent there"
            ))
            .hint("use an `https` address, or set T3NETS_API_KEY to send a key anyway"));
        }
        PlatformKind::Aws => Some(origin_of(url)),
    };
    let keys = Keystore::open(environment)?;
    let is_aws = environment.platform == PlatformKind::Aws;
    // On AWS a stored key spares the credentials that looking for the tenant takes.
    if let Some(tenant) = tenant.id.clone().or(is_aws.then(TenantId::usual))
        && let Some(key) = stored_key(context, &keys, &tenant, &origin).await?
    {
        return Ok(key);
    }
    let denied = |error: CliError| match is_aws && error.kind == ErrorKind::Denied {
        true => error.hint("without AWS credentials, set T3NETS_API_KEY to a key"),
        false => error,
    };
    if is_aws {
        context.show_environment().await.map_err(denied)?;
    }
    let admin = context.admin().await.map_err(denied)?;
    let is_named = tenant.id.is_some();
    let tenant = tenant.quietly(&admin).await.map_err(denied)?;
    if !is_named && let Some(key) = stored_key(context, &keys, &tenant, &origin).await? {
        return Ok(key);
    }
    let made = make_key(context, &admin, &tenant).await.map_err(denied)?;
    let made = StoredKey { origin, ..made };
    keys.put(&tenant, &made).await?;
    Ok(made.key)
}

/// The key that is stored for a tenant, if it works.
async fn stored_key(
    context: &Context,
    keys: &Keystore,
    tenant: &TenantId,
    origin: &Option<String>,
) -> Result<Option<SecretString>, CliError> {
    let Some(stored) = keys.get(tenant).await? else {
        return Ok(None);
    };
    if stored.origin != *origin || !stored.lives_until(Timestamp::now() + LEAST_LIFE) {
        return Ok(None);
    }
    // Here the store can be asked: the key may have been revoked, or its tenant removed.
    if context.settings.environment()?.platform == PlatformKind::Local {
        let hash = KeyHash::of(stored.key.expose_secret());
        if context
            .platform()
            .await?
            .tenants
            .key(&hash)
            .await?
            .is_none()
        {
            return Ok(None);
        }
    }
    Ok(Some(stored.key))
}

async fn make_key(
    context: &Context,
    admin: &Admin,
    tenant: &TenantId,
) -> Result<StoredKey, CliError> {
    let user = usual_user(admin, tenant).await?;
    let created = admin
        .create_key(
            tenant,
            NewKey {
                user_id: user.id.clone(),
                name: Some("t3nets chat".to_owned()),
                role: None,
                expires_in: Some(MADE_KEY_LIFE),
                budgets: Vec::new(),
            },
        )
        .await?;
    context.printer.detail(format!(
        "asking as `{}` of tenant `{tenant}` with a temporary key, valid for 15 minutes",
        user.id
    ));
    Ok(StoredKey {
        key: SecretString::from(created.key.expose_secret()),
        expires_at: created.stored.expires_at,
        origin: None,
    })
}
