//! What `dev` says once it answers: where, as what, and to whom, with commands that work as they
//! are printed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::admin::Admin;
use t3nets_router::model::{TenantId, UserId, UserRole};
use url::Url;

use super::models::ModelView;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;

/// What `dev` is, as results show it. The names of fields are an interface: programs read the JSON.
#[derive(Debug, Serialize)]
pub(super) struct DevStarted {
    pub(super) url: Url,
    /// Where others reach it, if they do.
    pub(super) addresses: Vec<Url>,
    pub(super) pid: u32,
    pub(super) started_at: Timestamp,
    pub(super) environment: String,
    pub(super) version: &'static str,
    pub(super) git_sha: &'static str,
    #[serde(flatten)]
    pub(super) model: ModelView,
    pub(super) anonymous_tenant: Option<TenantId>,
    pub(super) demo: bool,
    /// A question that is answered.
    #[serde(skip)]
    pub(super) question: &'static str,
    /// The command that asks it.
    #[serde(skip)]
    pub(super) chat: String,
    /// The command that opens the page as a user, where there is one.
    #[serde(skip)]
    pub(super) open: Option<String>,
    /// The command that makes a key, where one is needed.
    #[serde(skip)]
    pub(super) curl_user: Option<String>,
}

impl Output for DevStarted {
    fn text(&self) -> String {
        let mut rows = vec![("web page", self.url.to_string())];
        rows.extend(self.addresses.iter().map(|url| ("", url.to_string())));
        rows.push(("chat", self.chat.clone()));
        rows.extend(self.open.clone().map(|open| ("dashboard", open)));
        rows.extend(self.curl().into_iter().enumerate().map(|(n, line)| {
            let name = if n == 0 { "api" } else { "" };
            (name, line)
        }));
        rows.extend([
            ("callers", self.callers()),
            ("model", self.model.to_string()),
            ("version", format!("{} ({})", self.version, self.git_sha)),
            ("stop", "Ctrl-C".to_owned()),
        ]);
        let rows: Vec<String> = rows
            .into_iter()
            .map(|(name, value)| format!("  {name:<10}{value}"))
            .collect();
        format!("listening on {}\n\n{}\n", self.url, rows.join("\n"))
    }
}

impl DevStarted {
    /// A request that is answered, in lines that a shell takes as they are.
    fn curl(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.curl_user.as_ref().map(|make| format!("KEY=$({make})")));
        lines.push(format!("curl -s {}api/chat \\", self.url));
        if self.curl_user.is_some() {
            lines.push("  -H \"authorization: Bearer $KEY\" \\".to_owned());
        }
        lines.push("  -H 'content-type: application/json' \\".to_owned());
        lines.push(format!("  -d '{{\"message\": \"{}\"}}'", self.question));
        lines
    }

    fn callers(&self) -> String {
        match &self.anonymous_tenant {
            Some(tenant) => format!("without a key: tenant `{tenant}`"),
            None => "only with an API key (`--anonymous-tenant` lets others in)".to_owned(),
        }
    }
}

/// A question that the tenant gets an answer to: about its sprint, if it is connected to a Jira.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn question(admin: &Admin, tenant: &TenantId) -> Result<&'static str, CliError> {
    let secrets = admin.secrets(tenant).await?;
    let has_jira = secrets.iter().any(|secret| {
        secret.name.integration.as_str() == "jira" && secret.deleted_for_good_at.is_none()
    });
    Ok(if has_jira { "sprint status?" } else { "hello" })
}

/// The command that asks a question where `tenant` answers.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn chat_command(
    context: &Context,
    admin: &Admin,
    tenant: &TenantId,
    question: &str,
) -> Result<String, CliError> {
    let flag = flag(admin, tenant).await?;
    let words = format!("chat \"{question}\"{flag}");
    Ok(context.printer.command(&words))
}

/// The command that opens the page as a user, if the tenant has one.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn open_command(
    context: &Context,
    admin: &Admin,
    tenant: &TenantId,
) -> Result<Option<String>, CliError> {
    if admin.users(tenant).await?.is_empty() {
        return Ok(None);
    }
    let words = format!("open{}", flag(admin, tenant).await?);
    Ok(Some(context.printer.command(&words)))
}

/// `-t TENANT`, where the tenant is not the one that is meant without.
async fn flag(admin: &Admin, tenant: &TenantId) -> Result<String, CliError> {
    Ok(match admin.usual_tenant().await? == *tenant {
        true => String::new(),
        false => format!(" -t {tenant}"),
    })
}

/// The command that makes a key for a request, if one is needed: for the first administrator.
///
/// # Errors
/// If the store cannot be read.
pub(super) async fn key_command(
    context: &Context,
    admin: &Admin,
    tenant: &TenantId,
) -> Result<Option<String>, CliError> {
    let users = admin.users(tenant).await?;
    let user: Option<&UserId> = users
        .iter()
        .find(|user| user.role == UserRole::Admin)
        .or(users.first())
        .map(|user| &user.id);
    let Some(user) = user else { return Ok(None) };
    let words = format!(
        "key create {user} --expires 1h{}",
        flag(admin, tenant).await?
    );
    Ok(Some(context.printer.command(&words)))
}

/// Where this machine reaches the address: a router that listens everywhere answers on loopback,
/// too.
///
/// # Errors
/// If the address makes no URL.
pub(super) fn url_of(address: SocketAddr) -> Result<Url, CliError> {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(host, address.port());
    Url::parse(&format!("http://{address}/"))
        .map_err(|error| CliError::failed(format!("`{address}` makes no URL")).caused_by(error))
}

/// Where others reach a router that listens on every address of this machine: at the one by which
/// it reaches them.
///
/// # Errors
/// If the address makes no URL.
pub(super) fn addresses(address: SocketAddr) -> Result<Vec<Url>, CliError> {
    if !address.ip().is_unspecified() {
        return Ok(Vec::new());
    }
    outward(address.ip())
        .map(|ip| url_of(SocketAddr::new(ip, address.port())))
        .into_iter()
        .collect()
}

/// The address that this machine has towards others. Connecting a datagram socket chooses it, and
/// sends nothing.
fn outward(any: IpAddr) -> Option<IpAddr> {
    // Addresses of no machine, kept for documentation (RFC 5737, RFC 3849).
    let elsewhere: IpAddr = match any {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((elsewhere, 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_shown_can_be_reached() {
        for (address, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:81", "http://127.0.0.1:81/"),
            ("[::]:81", "http://[::1]:81/"),
        ] {
            assert_eq!(url_of(address.parse().unwrap()).unwrap().as_str(), url);
        }
    }

    fn started(anonymous_tenant: Option<&str>) -> DevStarted {
        let needs_key = anonymous_tenant.is_none();
        DevStarted {
            url: "http://127.0.0.1:8080/".parse().unwrap(),
            addresses: vec!["http://192.168.1.7:8080/".parse().unwrap()],
            pid: 1,
            started_at: Timestamp::UNIX_EPOCH,
            environment: "local".to_owned(),
            version: "0.1.0",
            git_sha: "abcdef",
            model: ModelView::Offline,
            anonymous_tenant: anonymous_tenant.map(|id| id.parse().unwrap()),
            demo: false,
            question: "sprint status?",
            chat: "t3nets chat \"sprint status?\"".to_owned(),
            open: Some("t3nets open".to_owned()),
            curl_user: needs_key.then(|| "t3nets key create a@b --expires 1h".to_owned()),
        }
    }

    #[test]
    fn a_request_is_shown_with_a_key_where_one_is_needed() {
        let open = started(Some("demo")).text();
        assert!(!open.contains("KEY"), "{open}");
        assert!(open.contains("without a key: tenant `demo`"), "{open}");
        let closed = started(None).text();
        assert!(
            closed.contains("KEY=$(t3nets key create a@b --expires 1h)"),
            "{closed}"
        );
        assert!(closed.contains("only with an API key"), "{closed}");
        assert!(closed.contains("http://192.168.1.7:8080/"), "{closed}");
    }

    #[test]
    fn nothing_that_is_shown_is_wider_than_a_terminal() {
        for line in started(None).text().lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
