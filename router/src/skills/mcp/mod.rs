//! MCP servers that tenants connect (<https://modelcontextprotocol.io>, streamable HTTP), as tools
//! of the model.
//!
//! A server is others' program: what it says is bounded in time and size, and that it does not
//! answer costs a turn no more than a short wait. [`Servers`] keeps what each listed; `settings` is
//! what the tenant allows, `catalogue` what a model is offered of a list; `session` speaks with a
//! server through the SDK, `transport` carries its messages; `oauth` signs users in.
//!
//! Not here: which calls run, and which ask the user first ([`crate::chat`]).

mod catalogue;
pub(crate) mod oauth;
pub(crate) mod own;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

pub(crate) use self::catalogue::{Catalogue, OfferedTool};
use self::oauth::{Begun, KnownClient, Patience, SignIns};
use self::session::Session;
pub(crate) use self::session::ToolResult;
use self::settings::ServerSettings;
pub(crate) use self::settings::{MOST_SECONDS, NONE};
use super::{SkillError, SkillErrorKind};
use crate::model::{IntegrationName, JsonObject, SecretDocument, TenantId};
use crate::outbound::{self, Client, ClientError, Options, Reach};

/// How long a list that is not fresh is used while it is asked for anew in the background.
const USABLE: Duration = Duration::from_secs(60 * 60);
/// What the lists of all tenants may take, in bytes.
const ALL_LISTS_BYTES: u64 = 16 << 20;

/// How long servers are waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a list is used as it is.
    pub(crate) fresh: Duration,
    /// How long a server that did not answer is not asked again.
    pub(crate) pause: Duration,
    /// How long a turn waits for a list that nobody has.
    pub(crate) turn: Duration,
    /// The longest time in which a list may come.
    pub(crate) list: Duration,
}

impl Limits {
    /// Those of a router.
    pub(crate) const USUAL: Self = Self {
        fresh: Duration::from_secs(5 * 60),
        pause: Duration::from_secs(60),
        turn: Duration::from_secs(3),
        list: Duration::from_secs(10),
    };
}

/// Tenants' servers, as far as they are known, and the way to them.
pub(crate) struct Servers {
    client: Client,
    sign_ins: Arc<SignIns>,
    limits: Limits,
    lists: Cache<Key, Listed>,
    under_way: Mutex<HashMap<Key, watch::Receiver<Option<Listed>>>>,
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// A server as one tenant connected it: other fields are another server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    integration: IntegrationName,
    fields: [u8; 32],
}

/// What came of asking a server for its tools.
#[derive(Debug, Clone)]
struct Listed {
    at: Instant,
    catalogue: Result<Arc<Catalogue>, SkillError>,
}

impl Listed {
    fn is_fresh(&self, limits: &Limits) -> bool {
        let life = match self.catalogue {
            Ok(_) => limits.fresh,
            Err(_) => limits.pause,
        };
        self.at.elapsed() < life
    }
}

/// A server of a tenant's, for one turn.
pub(crate) struct Server {
    settings: ServerSettings,
    key: Key,
    /// Begun by the first call: what the server keeps of a session is one turn's.
    session: OnceCell<Session>,
    pub(crate) catalogue: Arc<Catalogue>,
}

impl Server {
    /// The integration that it is connected by.
    pub(crate) fn integration(&self) -> &IntegrationName {
        &self.settings.integration
    }
}

impl Servers {
    /// `reach` is where tenants' addresses may lead.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub(crate) fn new(reach: Reach, limits: Limits) -> Result<Self, ClientError> {
        let client = outbound::client(Options {
            read_timeout: Duration::from_secs(MOST_SECONDS),
            total_timeout: Some(Duration::from_secs(2 * MOST_SECONDS)),
            reach: reach.clone(),
            ..Options::default()
        })?;
        Ok(Self {
            client,
            sign_ins: Arc::new(SignIns::new(reach, Patience::USUAL)?),
            limits,
            lists: Cache::builder()
                .max_capacity(ALL_LISTS_BYTES)
                .weigher(|_, listed: &Listed| {
                    let bytes = listed.catalogue.as_ref().map_or(0, |list| list.bytes());
                    u32::try_from(bytes + 512).unwrap_or(u32::MAX)
                })
                .time_to_live(USABLE)
                .build(),
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        })
    }

    /// The server with its tools. Of one whose tools nobody knows yet they are waited for, but not
    /// for long.
    pub(crate) async fn ready(
        self: &Arc<Self>,
        tenant: &TenantId,
        integration: &IntegrationName,
        fields: &SecretDocument,
    ) -> Result<Server, SkillError> {
        let settings = ServerSettings::read(integration, fields)?;
        let json = serde_json::to_vec(fields.fields()).unwrap_or_default();
        let key = Key {
            tenant: tenant.clone(),
            integration: integration.clone(),
            fields: Sha256::digest(json).into(),
        };
        let catalogue = match self.lists.get(&key) {
            Some(listed) if listed.is_fresh(&self.limits) => listed.catalogue,
            Some(Listed {
                catalogue: Ok(catalogue),
                ..
            }) => {
                self.ask(&key, &settings);
                Ok(catalogue)
            }
            _ => {
                let mut coming = self.ask(&key, &settings);
                let come = timeout(self.limits.turn, coming.wait_for(Option::is_some)).await;
                match come {
                    Ok(Ok(listed)) => match &*listed {
                        Some(listed) => listed.catalogue.clone(),
                        None => Err(too_slow(integration, self.limits.turn)),
                    },
                    _ => Err(too_slow(integration, self.limits.turn)),
                }
            }
        };
        Ok(Server {
            settings,
            key,
            session: OnceCell::new(),
            catalogue: catalogue?,
        })
    }

    /// Asks a server for its tools in the background, unless that is under way.
    fn ask(
        self: &Arc<Self>,
        key: &Key,
        settings: &ServerSettings,
    ) -> watch::Receiver<Option<Listed>> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(coming) = under_way.get(key) {
            return coming.clone();
        }
        let (tell, coming) = watch::channel(None);
        under_way.insert(key.clone(), coming.clone());
        drop(under_way);
        let asking = Asking {
            servers: self.clone(),
            key: key.clone(),
        };
        let settings = settings.clone();
        self.tasks.spawn(async move {
            let servers = &asking.servers;
            let listing = in_time(&settings.integration, servers.limits.list, async {
                let session = Session::begin(&servers.client, &settings).await?;
                session.tools().await
            });
            let tools = tokio::select! {
                tools = listing => tools,
                () = servers.ending.cancelled() => return,
            };
            let catalogue = tools.map(|tools| Arc::new(Catalogue::of(&settings, tools)));
            match &catalogue {
                Ok(list) if list.left_out > 0 => tracing::info!(
                    tenant = %asking.key.tenant, integration = %settings.integration,
                    left_out = list.left_out, "some tools of an MCP server cannot be offered"
                ),
                Ok(_) => {}
                Err(error) => tracing::warn!(
                    tenant = %asking.key.tenant, integration = %settings.integration, %error,
                    "an MCP server does not tell its tools"
                ),
            }
            let listed = Listed {
                at: Instant::now(),
                catalogue,
            };
            // A list that could be used a moment ago is not given up for one failure.
            let is_better = listed.catalogue.is_ok()
                || !matches!(
                    servers.lists.get(&asking.key),
                    Some(Listed {
                        catalogue: Ok(_),
                        ..
                    })
                );
            if is_better {
                servers.lists.insert(asking.key.clone(), listed.clone());
            }
            // Nobody may wait for it any more.
            let _ = tell.send(Some(listed));
        });
        coming
    }

    /// Calls a tool of a server. Whether it may be called is the caller's to know.
    pub(crate) async fn call(
        &self,
        server: &Server,
        tool: &OfferedTool,
        arguments: JsonObject,
    ) -> Result<ToolResult, SkillError> {
        let settings = &server.settings;
        in_time(&settings.integration, settings.timeout, async {
            let begin = || Session::begin(&self.client, settings);
            let session = server.session.get_or_try_init(begin).await?;
            let result = session.call(&tool.own_name, arguments).await;
            if session.has_changed() {
                self.lists.invalidate(&server.key);
            }
            result
        })
        .await
    }

    /// Tries a server, and tells its tools and what becomes of each.
    pub(super) async fn check(
        &self,
        integration: &IntegrationName,
        fields: &SecretDocument,
    ) -> Result<Value, SkillError> {
        let settings = ServerSettings::read(integration, fields)?;
        in_time(integration, self.limits.list, async {
            let session = Session::begin(&self.client, &settings).await?;
            let found = Catalogue::of(&settings, session.tools().await?);
            let (name, version) = session.server().unwrap_or_default();
            let offered = found.offered.iter().map(|tool| {
                let becomes = if tool.is_free { "runs" } else { "asks" };
                json!({"name": tool.own_name, "use": becomes, "description": tool.description})
            });
            let others = found.others.iter().map(|tool| {
                let reads = tool.is_free;
                json!({"name": tool.own_name, "use": "off", "reads": reads, "description": tool.description})
            });
            Ok(json!({
                "server": name,
                "version": version,
                "host": settings.url.host_str(),
                "tools": offered.chain(others).collect::<Vec<_>>(),
                "left_out": found.left_out,
            }))
        })
        .await
    }

    /// The way to the servers' sign-ins.
    pub(crate) fn sign_ins(&self) -> &Arc<SignIns> {
        &self.sign_ins
    }

    /// Finds a server's sign-in, and makes the address to which a user is sent. `more_scopes` are
    /// asked for beside what is usual.
    pub(crate) async fn begin_sign_in(
        &self,
        integration: &IntegrationName,
        fields: &SecretDocument,
        more_scopes: Option<String>,
        redirect_uri: &Url,
        state: &str,
    ) -> Result<Begun, SkillError> {
        let settings = ServerSettings::read(integration, fields)?;
        let known = KnownClient {
            id: fields.text("client_id"),
            scopes: fields.text("scopes"),
            more_scopes,
        };
        let begun = self
            .sign_ins
            .begin(&settings.url, &known, redirect_uri, state);
        begun.await.map_err(|problem| problem.of(integration))
    }

    /// Ends what is asked in the background, and waits for it.
    pub(crate) async fn drained(&self) {
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.sign_ins.drained().await;
    }
}

/// A server that is being asked, until it is not, however that ends.
struct Asking {
    servers: Arc<Servers>,
    key: Key,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let under_way = self.servers.under_way.lock();
        let mut under_way = under_way.unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
    }
}

async fn in_time<T>(
    integration: &IntegrationName,
    limit: Duration,
    work: impl Future<Output = Result<T, SkillError>>,
) -> Result<T, SkillError> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(too_slow(integration, limit)))
}

fn too_slow(integration: &IntegrationName, limit: Duration) -> SkillError {
    SkillError {
        kind: SkillErrorKind::TimedOut,
        message: format!(
            "the MCP server of `{integration}` did not answer within {} s",
            limit.as_secs()
        ),
        hint: None,
    }
}
