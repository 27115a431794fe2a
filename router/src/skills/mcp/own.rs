//! Users' own tokens of a server, where the tenant wants each user to have one. Pure.
//!
//! A token is the user's of that moment, and is for the server as it was then: another user of the
//! same id does not get it, and neither does another host, to which an administrator could
//! otherwise have everybody's sent.

use serde_json::json;
use url::Url;

use super::oauth::grant;
use crate::model::{JsonObject, SecretDocument, User};

/// The field of a server's settings that says whose token it is called with.
pub(crate) const CREDENTIALS: &str = "credentials";
/// Its value where all users share the tenant's.
pub(crate) const TENANT: &str = "tenant";
/// Its value where each user has their own.
pub(crate) const USER: &str = "user";
/// The field of the token, in the server's settings and in a user's own.
const TOKEN: &str = "token";
/// When the user was made whose own it is.
const SINCE: &str = "user_since";
/// Scheme, host and port of the server that it is for.
const SERVER: &str = "server";

/// Whether the server is called with each user's own token.
pub(crate) fn is_wanted(settings: &SecretDocument) -> bool {
    settings.text(CREDENTIALS).as_deref() == Some(USER)
}

/// What is stored of a user's token.
pub(crate) fn document(settings: &SecretDocument, user: &User, token: &str) -> SecretDocument {
    let mut fields = JsonObject::new();
    fields.insert(TOKEN.to_owned(), json!(token));
    fields.insert(SINCE.to_owned(), json!(user.created_at));
    fields.insert(SERVER.to_owned(), json!(server(settings)));
    SecretDocument::new(fields)
}

/// Whether what is stored is this very user's, whatever server it is for.
pub(crate) fn is_of(own: &SecretDocument, user: &User) -> bool {
    own.fields().get(SINCE) == Some(&json!(user.created_at))
}

/// Whether what is stored is this very user's, and for this server.
pub(crate) fn is_for(settings: &SecretDocument, own: &SecretDocument, user: &User) -> bool {
    own.text(SERVER).is_some() && own.text(SERVER) == server(settings) && is_of(own, user)
}

/// The server's settings with the user's own token in place of any other; `None` where the stored
/// one is not this user's, or for another server, or there is none any more.
pub(crate) fn applied(
    settings: &SecretDocument,
    own: &SecretDocument,
    user: &User,
) -> Option<SecretDocument> {
    let token = own.text(TOKEN).filter(|_| is_for(settings, own, user))?;
    let mut fields = settings.fields().clone();
    match own.fields().get(grant::FIELD) {
        Some(grant) => fields.insert(grant::FIELD.to_owned(), grant.clone()),
        None => fields.remove(grant::FIELD),
    };
    fields.insert(TOKEN.to_owned(), json!(token));
    Some(SecretDocument::new(fields))
}

/// Scheme, host and port of the server.
pub(crate) fn server(settings: &SecretDocument) -> Option<String> {
    let url = Url::parse(&settings.text("url")?).ok()?;
    Some(url.origin().ascii_serialization())
}
