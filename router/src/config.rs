//! The configuration of a router: by a caller in the same process, or by the container's
//! environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ai::{AiDefaults, InvalidAiSetting, SelectError, table};
use crate::aws::{InvalidSecretsPrefix, Names, is_region};
use crate::model::{InvalidId, TenantId};
use crate::oidc::OidcSettings;
use crate::outbound::{Allowed, InvalidWebhookUrl, RANGES_VARIABLE, Reach, WebhookUrl};

mod public_url;
mod traces;

pub use public_url::{InvalidPublicUrl, PUBLIC_URL_VARIABLE, PublicUrl};
pub use traces::TracesConfig;

/// The variable that names the webhook for budgets.
pub const BUDGET_WEBHOOK_VARIABLE: &str = "T3NETS_BUDGET_WEBHOOK";

/// The configuration of a router, whoever starts it.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// What `/api/health` says of this router.
    pub identity: Identity,
    /// The tenant of callers without a credential; `None` refuses them.
    pub anonymous_tenant: Option<TenantId>,
    /// Whether admins of tenants may administer them over HTTP.
    pub admin_api: bool,
    /// The models for tenants without AI settings.
    pub ai: AiDefaults,
    /// Where the addresses that tenants choose may lead.
    pub reach: Reach,
    /// Where people reach this router; without it nobody can sign in to an MCP server.
    pub public_url: Option<PublicUrl>,
    /// Whose tokens let callers in; without it API keys alone do.
    pub oidc: Option<OidcSettings>,
    /// Whom to tell when much of a budget is used.
    pub budget_webhook: Option<WebhookUrl>,
    /// Time limits of a turn.
    pub deadlines: Deadlines,
    /// The sample board that this process serves.
    pub sample_board: Option<SampleBoard>,
}

/// A made-up Jira, and the tenant that is connected to it at first.
#[derive(Debug, Clone)]
pub struct SampleBoard {
    /// The tenant.
    pub tenant: TenantId,
    /// Where it answers, as it stands in the tenant's credentials.
    pub url: String,
}

/// What `/api/health` reports of a router's environment.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `local` or `aws`.
    pub platform: &'static str,
    /// The environment's name: `local`, `dev`, `prod`.
    pub environment: String,
    /// The release that `t3nets deploy` rolled out: image digest and revision.
    pub release: Option<String>,
}

/// How long a turn may take before it is cancelled.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For an answer as JSON. Below the 30 s after which API Gateway's HTTP API ends a request
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
    pub answer: Duration,
    /// For an answer as an event stream.
    pub stream: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(25),
            stream: Duration::from_secs(120),
        }
    }
}

/// The container's configuration, from environment variables.
#[derive(Debug, Clone)]
pub struct ContainerConfig {
    /// The port to listen on.
    pub port: u16,
    /// Where Prometheus reads the metrics; `None` counts nothing.
    pub metrics: Option<SocketAddr>,
    /// How traces are sent; `None` sends none.
    pub traces: Option<TracesConfig>,
    /// The adapters behind the ports.
    pub platform: PlatformConfig,
    /// What does not depend on the platform.
    pub server: ServerConfig,
}

/// The platform a container runs on, and where its data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformConfig {
    /// SQLite and a file of secrets.
    Local {
        /// The directory that holds them.
        home: PathBuf,
    },
    /// DynamoDB, Secrets Manager and Bedrock.
    Aws {
        /// The region of everything the router uses.
        region: String,
        /// The names of the tables and the prefix of the secrets.
        names: Names,
        /// The model for tenants that choose none.
        bedrock_model: String,
    },
}

/// A variable that is missing or cannot be used. Each message names the variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// `T3NETS_ENV` does not name a platform.
    #[error("`T3NETS_ENV` is `{0}`; it must be `aws` or `local`")]
    UnknownPlatform(String),
    /// The platform was left out of this build.
    #[error("`T3NETS_ENV` is `{0}`, a platform that this build does not contain")]
    PlatformNotBuilt(&'static str),
    /// Variables that are not set, all of them at once.
    #[error("{} not set", listed(.0))]
    Missing(Vec<&'static str>),
    /// A variable's value cannot be used.
    #[error("`{name}` cannot be used: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value, as a fragment.
        reason: String,
    },
    /// The model that is configured cannot be used.
    #[error("the model settings cannot be used: {error}{}", hinted(.error))]
    Model {
        /// Why not.
        error: SelectError,
    },
    /// An API key or address of a model provider cannot be used.
    #[error(transparent)]
    Ai(#[from] InvalidAiSetting),
}

/// What to do about it, behind the error.
fn hinted(error: &SelectError) -> String {
    let hint = error.hint_at_start();
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}

/// "`A` is", "`A`, `B` and `C` are".
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing is".to_owned(),
        Some((last, [])) => format!("{last} is"),
        Some((last, others)) => format!("{} and {last} are", others.join(", ")),
    }
}

impl ContainerConfig {
    /// Reads the variables through `lookup`.
    ///
    /// # Errors
    /// All variables that are missing, or the first that is wrong.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let (platform, word) = match get("T3NETS_ENV").as_deref() {
            None => return Err(ConfigError::Missing(vec!["T3NETS_ENV"])),
            Some("local") if cfg!(feature = "local") => (local(get)?, "local"),
            Some("local") => return Err(ConfigError::PlatformNotBuilt("local")),
            Some("aws") => (aws(get)?, "aws"),
            Some(other) => return Err(ConfigError::UnknownPlatform(other.to_owned())),
        };
        let port = match get("PORT") {
            None => 8080,
            Some(text) => text.parse().map_err(|_| ConfigError::Invalid {
                name: "PORT",
                reason: format!("`{text}` is not a port (0 to 65535)"),
            })?,
        };
        let anonymous_tenant = get("T3NETS_ANONYMOUS_TENANT")
            .map(|text| {
                text.parse()
                    .map_err(|error: InvalidId| ConfigError::Invalid {
                        name: "T3NETS_ANONYMOUS_TENANT",
                        reason: error.to_string(),
                    })
            })
            .transpose()?;
        // On AWS it takes more of the task role than chats do.
        let admin_api = switch(get, "T3NETS_ADMIN_API")?
            .unwrap_or(matches!(platform, PlatformConfig::Local { .. }));
        let identity = Identity {
            platform: word,
            environment: match &platform {
                PlatformConfig::Local { .. } => "local".to_owned(),
                PlatformConfig::Aws { names, .. } => names.secrets.environment.clone(),
            },
            release: get("T3NETS_RELEASE"),
        };
        let is_production = switch(get, "T3NETS_PRODUCTION")?.unwrap_or_default()
            || matches!(&*identity.environment, "prod" | "production");
        if is_production && anonymous_tenant.is_some() {
            return Err(ConfigError::Invalid {
                name: "T3NETS_ANONYMOUS_TENANT",
                reason: format!(
                    "environment `{}` is production, which takes no anonymous callers",
                    identity.environment
                ),
            });
        }
        let ai = AiDefaults::from_env(get)?;
        let is_local = matches!(platform, PlatformConfig::Local { .. });
        let ranges = get(RANGES_VARIABLE);
        let reach =
            Allowed::parse(is_local, ranges.as_deref()).map_err(|error| ConfigError::Invalid {
                name: RANGES_VARIABLE,
                reason: error.to_string(),
            })?;
        let budget_webhook = get(BUDGET_WEBHOOK_VARIABLE).map(|text| text.parse());
        let budget_webhook = budget_webhook
            .transpose()
            .map_err(|error: InvalidWebhookUrl| ConfigError::Invalid {
                name: BUDGET_WEBHOOK_VARIABLE,
                reason: error.to_string(),
            })?;
        let public_url = get(PUBLIC_URL_VARIABLE).map(|text| text.parse());
        let public_url =
            public_url
                .transpose()
                .map_err(|error: InvalidPublicUrl| ConfigError::Invalid {
                    name: PUBLIC_URL_VARIABLE,
                    reason: error.to_string(),
                })?;
        let oidc = OidcSettings::from_env(get, is_local);
        let oidc = oidc.map_err(|error| ConfigError::Invalid {
            name: error.variable,
            reason: error.reason,
        })?;
        let deadlines = Deadlines::default();
        Ok(Self {
            port,
            metrics: metrics_address(port, get)?,
            traces: TracesConfig::from_env(get)?,
            platform,
            server: ServerConfig {
                sample_board: None,
                identity,
                anonymous_tenant,
                admin_api,
                ai,
                reach: Reach::Internet(reach),
                public_url,
                oidc,
                budget_webhook,
                deadlines,
            },
        })
    }
}

fn metrics_address(
    port: u16,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Option<SocketAddr>, ConfigError> {
    let name = "T3NETS_METRICS_ADDR";
    let Some(text) = get(name) else {
        return Ok(None);
    };
    let invalid = |reason| ConfigError::Invalid { name, reason };
    let address: SocketAddr = text.parse().map_err(|_| {
        invalid(format!(
            "`{text}` is not an address and port such as 127.0.0.1:9464"
        ))
    })?;
    match address.port() == port && port != 0 {
        false => Ok(Some(address)),
        true => Err(invalid(format!("callers use port {port}; choose another"))),
    }
}

fn local(get: impl Fn(&str) -> Option<String>) -> Result<PlatformConfig, ConfigError> {
    let [home] = required(["T3NETS_HOME"], get)?;
    Ok(PlatformConfig::Local { home: home.into() })
}

fn aws(get: impl Fn(&str) -> Option<String>) -> Result<PlatformConfig, ConfigError> {
    let variables = [
        "AWS_REGION",
        "BEDROCK_MODEL_ID",
        "DYNAMODB_CONVERSATIONS_TABLE",
        "DYNAMODB_TENANTS_TABLE",
        "SECRETS_PREFIX",
    ];
    let [
        region,
        bedrock_model,
        conversations_table,
        tenants_table,
        prefix,
    ] = required(variables, get)?;
    let invalid = |name, reason| Err(ConfigError::Invalid { name, reason });
    if !is_region(&region) {
        return invalid("AWS_REGION", format!("`{region}` is not an AWS region"));
    }
    if table::bedrock_model(&bedrock_model, &region).is_none() {
        let reason = format!("`{bedrock_model}` is not a model that Bedrock offers");
        return invalid("BEDROCK_MODEL_ID", reason);
    }
    for (name, table) in [
        ("DYNAMODB_CONVERSATIONS_TABLE", &conversations_table),
        ("DYNAMODB_TENANTS_TABLE", &tenants_table),
    ] {
        if !is_table(table) {
            return invalid(name, format!("`{table}` is not a table name"));
        }
    }
    let secrets = prefix
        .parse()
        .map_err(|error: InvalidSecretsPrefix| ConfigError::Invalid {
            name: "SECRETS_PREFIX",
            reason: error.to_string(),
        })?;
    Ok(PlatformConfig::Aws {
        region,
        names: Names {
            tenants_table,
            conversations_table,
            secrets,
        },
        bedrock_model,
    })
}

/// The values of variables that must be set. All that are missing are reported together.
fn required<const N: usize>(
    names: [&'static str; N],
    get: impl Fn(&str) -> Option<String>,
) -> Result<[String; N], ConfigError> {
    let values = names.map(|name| get(name).unwrap_or_default());
    let missing: Vec<&'static str> = names
        .into_iter()
        .zip(&values)
        .filter(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(ConfigError::Missing(missing))
    }
}

/// Whether a text can be a table's name
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
fn is_table(text: &str) -> bool {
    (3..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A variable that is `true`, `false` or not set.
fn switch(
    get: impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<bool>, ConfigError> {
    match get(name).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(ConfigError::Invalid {
            name,
            reason: format!("`{other}` is neither `true` nor `false`"),
        }),
    }
}

#[cfg(test)]
mod tests;
