//! The OpenAPI document, made from the handlers.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::{Modify, OpenApi as _};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "T3nets", description = "The API of the T3nets router."),
    modifiers(&Schemes),
    tags(
        (name = "chat", description = "Messages to the assistant"),
        (name = "turns", description = "Messages that are answered whether their caller stays or not"),
        (name = "openai", description = "The API of OpenAI's clients, which hold their conversations themselves"),
        (name = "conversations", description = "The caller's own conversations"),
        (name = "session", description = "Signing in and out on the web page"),
        (name = "settings", description = "How the caller's tenant is set up"),
        (name = "administration", description = "The tenant's own administration, for its admins"),
        (name = "health", description = "Health and version of the router"),
    ),
)]
struct Document;

/// How callers prove who they are.
const KEY: &str = "key";
const SESSION: &str = "session";

/// Adds the security schemes: an API key as bearer token, and the cookie of a session.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A tenant's API key, made by `t3nets key create`; or a JWT of the environment's \
                 OpenID Connect issuer, if it has one.",
            ))
            .build();
        let session = ApiKeyValue::with_description(
            "__Host-t3nets",
            "A session of the web page; `t3nets` on the platform `local`. What changes something \
             needs the header `x-csrf-token`, too.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY, SecurityScheme::Http(key));
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

/// The document with sessions beside keys: whatever takes one takes the other.
pub(super) fn with_sessions(mut document: OpenApi) -> OpenApi {
    let key = SecurityRequirement::new::<_, _, &str>(KEY, []);
    for path in document.paths.paths.values_mut() {
        let operations = [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.patch,
            &mut path.delete,
        ];
        for security in operations
            .into_iter()
            .flatten()
            .filter_map(|operation| operation.security.as_mut())
        {
            if security.contains(&key) {
                security.push(SecurityRequirement::new::<_, _, &str>(SESSION, []));
            }
        }
    }
    document
}

/// The document without paths, which are added from the routes.
pub(super) fn document() -> OpenApi {
    let mut document = Document::openapi();
    crate::VERSION.clone_into(&mut document.info.version);
    document
}
