//! Where the keys of `T3NETS_API_KEY` were sent. Whoever checks out a project has its
//! `t3nets.toml`, which says where the router is: a key goes where it went first, and elsewhere
//! only where `--url` says so.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use t3nets_router::files;
use t3nets_router::model::KeyHash;
use url::Url;

use super::home;
use super::keystore::origin_of;
use crate::error::CliError;

const FILE: &str = "key-origins.json";
/// Keys whose origin is kept; beyond it those of the file are forgotten, and learnt again.
const MOST: usize = 1000;

/// Checks that a key of the variable may go to an address that a file names, and remembers it.
///
/// # Errors
/// Denied if it went elsewhere before; not ready if the file cannot be read or written.
pub(crate) fn check(home: &Path, key: &SecretString, url: &Url) -> Result<(), CliError> {
    let path = home.join(FILE);
    let unreadable = |error: std::io::Error| {
        CliError::not_ready(format!("cannot read `{}`", path.display())).caused_by(error)
    };
    let mut known: BTreeMap<String, String> = match files::read(&path, files::USUAL_LIMIT) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(unreadable(error)),
    };
    let (hash, origin) = (
        KeyHash::of(&identity(key.expose_secret()))
            .as_str()
            .to_owned(),
        origin_of(url),
    );
    match known.get(&hash) {
        Some(before) if *before == origin => return Ok(()),
        Some(before) => {
            return Err(CliError::denied(format!(
                "the key in T3NETS_API_KEY belongs to {before}, and is not sent to {origin}"
            ))
            .hint(format!(
                "check `url` in t3nets.toml; `--url {origin}` sends it there all the same"
            )));
        }
        None => {}
    }
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(hash, origin);
    let text = serde_json::to_vec_pretty(&known)
        .map_err(|error| CliError::failed("cannot note where a key belongs").caused_by(error))?;
    home::write_private(&path, &text)
}

/// What stays of a key: a JWT is another one each hour, of the same issuer, audience and caller.
fn identity(key: &str) -> String {
    let claims = || {
        let payload = key.split('.').nth(1)?;
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
        let claims: Value = serde_json::from_slice(&payload).ok()?;
        claims["iss"].as_str()?;
        Some(["iss", "aud", "client_id", "sub"].map(|name| claims[name].to_string()))
    };
    claims().map_or_else(|| key.to_owned(), |claims| claims.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_where_it_went_first() {
        let home = tempfile::tempdir().unwrap();
        let sends = |key: &str, url: &str| {
            let key = SecretString::from(key);
            check(home.path(), &key, &url.parse().unwrap())
        };
        for url in ["https://api.example/a", "https://api.example:443/b"] {
            sends("t3_one", url).unwrap();
        }
        for url in [
            "https://evil.example",
            "https://api.example:8443",
            "http://api.example",
        ] {
            let error = sends("t3_one", url).unwrap_err();
            assert!(error.message.contains("https://api.example"), "{error:?}");
        }
        sends("t3_two", "https://evil.example").unwrap();
        let kept = std::fs::read_to_string(home.path().join(FILE)).unwrap();
        assert!(!kept.contains("t3_"), "{kept}");
    }

    #[test]
    fn a_renewed_jwt_goes_where_the_one_before_it_went() {
        let home = tempfile::tempdir().unwrap();
        let sends = |subject: &str, issued_at: u64, url: &str| {
            let claims = serde_json::json!({"iss": "https://id.example", "aud": "t3nets", "sub": subject, "iat": issued_at});
            let payload = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
            let key = SecretString::from(format!("e30.{payload}.c2ln{issued_at}"));
            check(home.path(), &key, &url.parse().unwrap())
        };
        sends("ada", 1, "https://api.example").unwrap();
        sends("ada", 2, "https://api.example").unwrap();
        sends("ada", 3, "https://evil.example").unwrap_err();
        sends("grace", 3, "https://other.example").unwrap();
    }
}
