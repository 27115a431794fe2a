//! The OpenAPI document, made from the handlers.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "T3nets", description = "The API of the T3nets router."),
    modifiers(&Key),
    tags(
        (name = "chat", description = "Messages to the assistant"),
        (name = "conversations", description = "The caller's own conversations"),
        (name = "settings", description = "How the caller's tenant is set up"),
        (name = "administration", description = "The tenant's own administration, for its admins"),
        (name = "health", description = "Health and version of the router"),
    ),
)]
struct Document;

/// Adds the security scheme: an API key as bearer token.
struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A tenant's API key, made by `t3nets key create`."))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The document without paths, which are added from the routes.
pub(super) fn document() -> OpenApi {
    let mut document = Document::openapi();
    crate::VERSION.clone_into(&mut document.info.version);
    document
}
