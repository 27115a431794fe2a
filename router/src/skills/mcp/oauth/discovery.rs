//! Who signs people in for a server: what the server says (RFC 9728), and what that authorization
//! server says of itself (RFC 8414, or OpenID Connect's discovery). What does not name each other
//! is refused: a code must go to whom the user signed in with, and a token to the server that it
//! is for.

use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::challenge::{Challenge, scopes_of};
use super::{MOST_BYTES, Problem, answered, is_safe};
use crate::outbound::{Client, read_start};

const OF_RESOURCE: &str = "/.well-known/oauth-protected-resource";
const OF_SERVER: &str = "/.well-known/oauth-authorization-server";
const OF_OPENID: &str = "/.well-known/openid-configuration";

/// A server's sign-in, as far as it is used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Authority {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(super) registration_endpoint: Option<Url>,
    /// What the tokens are for, as the server calls itself.
    pub(crate) resource: String,
    /// What to ask for, where the server says.
    pub(super) scopes: Option<String>,
    /// Whether it always says in its answers who it is.
    pub(crate) names_itself: bool,
    /// Whether a client's secret is sent in the form, and not in the head.
    pub(super) takes_secret_in_form: bool,
}

/// <https://www.rfc-editor.org/rfc/rfc9728#section-2>
#[derive(Deserialize)]
struct ResourceMetadata {
    resource: Option<String>,
    #[serde(default)]
    authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

/// <https://www.rfc-editor.org/rfc/rfc8414#section-2>
#[derive(Deserialize)]
struct ServerMetadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    registration_endpoint: Option<Url>,
    response_types_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Finds who signs people in for the server.
pub(super) async fn find(client: &Client, server: &Url) -> Result<Authority, Problem> {
    let challenge = challenged(client, server).await?;
    let named = of_resource(client, server, challenge.metadata.as_ref()).await?;
    let (resource, issuer, scopes) = match named {
        Some(found) => {
            let issuer = found.authorization_servers.into_iter().next();
            let issuer = issuer.ok_or(Problem::NotOffered)?;
            (found.resource, issuer, found.scopes_supported)
        }
        // Before 2025-06-18 a server was its own authorization server, and said nothing of itself.
        None => (None, server.origin().ascii_serialization(), Vec::new()),
    };
    let resource = match resource {
        Some(resource) if is_of(&resource, server) => resource,
        Some(_) => return Err(Problem::Unusable("it is for another server")),
        None => server.to_string(),
    };
    let found = of_server(client, &issuer).await?;
    let asked = challenge.scopes.as_deref();
    let mut scopes = asked.map_or(scopes, |asked| {
        asked.split(' ').map(str::to_owned).collect()
    });
    // Without it many give no token that can be renewed.
    let offline = "offline_access".to_owned();
    let is_asked = !scopes.is_empty() && !scopes.contains(&offline);
    if is_asked && found.scopes_supported.contains(&offline) {
        scopes.push(offline);
    }
    checked(found, resource, scopes_of(&scopes.join(" ")))
}

/// What the metadata comes to, if it can be used.
fn checked(
    found: ServerMetadata,
    resource: String,
    scopes: Option<String>,
) -> Result<Authority, Problem> {
    let endpoints = [&found.authorization_endpoint, &found.token_endpoint];
    let others = found.registration_endpoint.iter();
    if !endpoints.into_iter().chain(others).all(is_safe) {
        return Err(Problem::Unusable(
            "one of its addresses is no https address",
        ));
    }
    // https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization: without it, the
    // code is not protected, and a client must not go on.
    let methods = &found.code_challenge_methods_supported;
    if !methods.iter().any(|method| method == "S256") {
        return Err(Problem::Unusable(
            "it does not protect codes (PKCE, `S256`)",
        ));
    }
    let types = found.response_types_supported;
    if types.is_some_and(|types| !types.iter().any(|kind| kind == "code")) {
        return Err(Problem::Unusable("it gives no codes"));
    }
    let methods = found.token_endpoint_auth_methods_supported;
    let takes = |method: &str| {
        let methods = methods.as_ref();
        methods.is_some_and(|methods| methods.iter().any(|one| one == method))
    };
    Ok(Authority {
        issuer: found.issuer,
        authorization_endpoint: found.authorization_endpoint,
        token_endpoint: found.token_endpoint,
        registration_endpoint: found.registration_endpoint,
        resource,
        scopes,
        names_itself: found.authorization_response_iss_parameter_supported,
        takes_secret_in_form: takes("client_secret_post") && !takes("client_secret_basic"),
    })
}

/// What the server says to a request without a token.
async fn challenged(client: &Client, server: &Url) -> Result<Challenge, Problem> {
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "t3nets", "version": env!("CARGO_PKG_VERSION")},
        },
    });
    let request = client
        .post(server.clone())
        .header(ACCEPT, "application/json, text/event-stream")
        .json(&hello);
    let answer = client.send(request).await?;
    if answer.status() != StatusCode::UNAUTHORIZED {
        return Ok(Challenge::default());
    }
    let challenge = Challenge::of(answer.headers());
    // The connection can then be used again.
    read_start(answer, MOST_BYTES).await;
    Ok(challenge)
}

/// What the server says of itself, where it said that this is, or where that stands by itself.
async fn of_resource(
    client: &Client,
    server: &Url,
    named: Option<&Url>,
) -> Result<Option<ResourceMetadata>, Problem> {
    let places = match named {
        Some(place) if is_safe(place) => vec![place.clone()],
        Some(_) => {
            return Err(Problem::Unusable(
                "one of its addresses is no https address",
            ));
        }
        None => {
            let path = server.path().trim_end_matches('/');
            let mut paths = vec![format!("{OF_RESOURCE}{path}"), OF_RESOURCE.to_owned()];
            paths.dedup();
            paths.iter().map(|path| at(server, path)).collect()
        }
    };
    for place in places {
        let (status, found) = answered::<ResourceMetadata>(client, client.get(place)).await?;
        match found {
            Some(found) if status.is_success() => return Ok(Some(found)),
            _ if status.is_server_error() => return Err(Problem::Status(status)),
            _ => {}
        }
    }
    match named {
        Some(_) => Err(Problem::Unusable("what it says of itself cannot be read")),
        None => Ok(None),
    }
}

/// What an authorization server says of itself.
async fn of_server(client: &Client, issuer: &str) -> Result<ServerMetadata, Problem> {
    let url = Url::parse(issuer).ok().filter(is_safe);
    let url = url.filter(|url| url.query().is_none());
    let Some(url) = url else {
        return Err(Problem::Unusable(
            "one of its addresses is no https address",
        ));
    };
    let path = url.path().trim_end_matches('/');
    let mut paths = vec![format!("{OF_SERVER}{path}"), format!("{OF_OPENID}{path}")];
    if !path.is_empty() {
        paths.push(format!("{path}{OF_OPENID}"));
    }
    for path in paths {
        let request = client.get(at(&url, &path));
        let (status, found) = answered::<ServerMetadata>(client, request).await?;
        match found {
            // https://www.rfc-editor.org/rfc/rfc8414#section-3.3: or somebody poses as another.
            Some(found) if status.is_success() => {
                let same = found.issuer.trim_end_matches('/') == issuer.trim_end_matches('/');
                return match same {
                    true => Ok(found),
                    false => Err(Problem::Unusable("it says that it is another")),
                };
            }
            _ if status.is_server_error() => return Err(Problem::Status(status)),
            _ => {}
        }
    }
    Err(Problem::NotOffered)
}

fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_path(path);
    url
}

/// Whether what calls itself so is this server, or a part of the site that it is in.
fn is_of(resource: &str, server: &Url) -> bool {
    let Ok(resource) = Url::parse(resource) else {
        return false;
    };
    let within = resource.path().trim_end_matches('/');
    let rest = server.path().strip_prefix(within);
    resource.origin() == server.origin()
        && resource.fragment().is_none()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_the_server_or_the_site_that_it_is_in() {
        let server = Url::parse("https://mcp.example.com/team/mcp").unwrap();
        for good in [
            "https://mcp.example.com/team/mcp",
            "https://mcp.example.com/team/mcp/",
            "https://mcp.example.com/team",
            "https://mcp.example.com",
            "https://mcp.example.com:443/",
        ] {
            assert!(is_of(good, &server), "{good}");
        }
        for bad in [
            "https://mcp.example.com/te",
            "https://mcp.example.com/team/mcp/other",
            "https://other.example.com/team/mcp",
            "http://mcp.example.com/team/mcp",
            "https://mcp.example.com/team/mcp#a",
            "mcp",
        ] {
            assert!(!is_of(bad, &server), "{bad}");
        }
    }

    #[test]
    fn metadata_without_pkce_or_with_addresses_in_clear_is_refused() {
        let found = |change: fn(&mut serde_json::Value)| {
            let mut json = serde_json::json!({
                "issuer": "https://a.example", "authorization_endpoint": "https://a.example/authorize",
                "token_endpoint": "https://a.example/token",
                "code_challenge_methods_supported": ["S256"],
            });
            change(&mut json);
            let found = serde_json::from_value(json).unwrap();
            checked(found, "https://mcp.example".to_owned(), None)
        };
        assert!(found(|_| ()).is_ok());
        for change in [
            (|json| json["code_challenge_methods_supported"] = serde_json::json!(["plain"]))
                as fn(&mut serde_json::Value),
            |json| json["code_challenge_methods_supported"] = serde_json::json!([]),
            |json| json["token_endpoint"] = "http://a.example/token".into(),
            |json| json["authorization_endpoint"] = "javascript:alert(1)".into(),
            |json| json["authorization_endpoint"] = "https://u:p@a.example/".into(),
            |json| json["registration_endpoint"] = "ftp://a.example/".into(),
            |json| json["response_types_supported"] = serde_json::json!(["token"]),
        ] {
            assert!(matches!(found(change), Err(Problem::Unusable(_))));
        }
    }
}
