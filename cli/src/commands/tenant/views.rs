//! Tenants and changes as results show them. The names of fields are an interface: programs read
//! the JSON.

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::admin::Edited;
use t3nets_router::model::{JsonObject, Tenant, TenantId, TenantStatus};

use crate::terminal::printer::Output;
use crate::terminal::text::strip_control_chars;

#[derive(Debug, Serialize)]
pub(crate) struct TenantView {
    pub(super) tenant_id: TenantId,
    pub(super) name: String,
    pub(super) status: TenantStatus,
    pub(super) created_at: Timestamp,
    /// What is set. What is not has its default.
    pub(super) settings: JsonObject,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            settings: t3nets_router::admin::settings::of(&tenant),
            tenant_id: tenant.id,
            name: tenant.name,
            status: tenant.status,
            created_at: tenant.created_at,
        }
    }
}

/// What was changed.
#[derive(Debug, Serialize)]
pub(crate) struct Changed<View> {
    /// The fields that changed; none if everything was so already.
    changed: Vec<String>,
    #[serde(flatten)]
    view: View,
    #[serde(skip)]
    what: String,
}

impl<View> Changed<View> {
    /// What an edit of `what` changed.
    pub(crate) fn new<T>(what: String, edited: Edited<T>) -> Self
    where
        View: From<T>,
    {
        Self {
            changed: edited.changed,
            view: edited.value.into(),
            what,
        }
    }
}

impl<View: Serialize> Output for Changed<View> {
    fn text(&self) -> String {
        if self.changed.is_empty() {
            format!("{}: unchanged", self.what)
        } else {
            strip_control_chars(&format!(
                "{}: changed {}",
                self.what,
                self.changed.join(", ")
            ))
            .into_owned()
        }
    }
}
