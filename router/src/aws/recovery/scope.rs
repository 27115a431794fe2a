//! Which items a recovery is about. Pure.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::Selection;
use crate::aws::dynamodb::attributes::{Item, identity, number};
use crate::aws::schema::EXPIRY;
use crate::aws::tenants::keys::{AUDIT, META, TENANT, USER};
use crate::model::TenantId;

/// The attribute that says whose an item is, where its key does not.
pub(super) const TENANT_ID: &str = "tenant_id";

/// How the partitions of deploy locks and verified releases begin. They say what the service runs,
/// which no table brings back.
const DEPLOYS: &str = "DEPLOY#";

/// Which items a recovery is about.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    tenant: Option<TenantId>,
    now: i64,
}

impl Scope {
    pub(super) fn new(selection: &Selection, now: Timestamp) -> Self {
        Self {
            tenant: selection.tenant.clone(),
            now: now.as_second(),
        }
    }

    /// Whether it is about an item. What has expired counts as gone, in the table and in its copy:
    /// DynamoDB deletes it within days, and everybody who reads takes it for none.
    pub(super) fn has(&self, item: &Item) -> bool {
        self.is_about(item) && !self.has_expired(item)
    }

    /// Whether an item that is there now, and was not then, goes. What was done stays in the audit
    /// trail, a mistake that is undone as well.
    pub(super) fn removes(&self, item: &Item) -> bool {
        let (pk, sk) = identity(item);
        self.has(item) && !(pk.starts_with(TENANT) && sk.starts_with(AUDIT))
    }

    /// Whether an item that is there now may be replaced: not another tenant's, who took a channel
    /// meanwhile.
    pub(super) fn is_about(&self, item: &Item) -> bool {
        let (pk, _) = identity(item);
        let is_ours = match &self.tenant {
            None => true,
            Some(tenant) => is_of(item, &pk, tenant.as_str()),
        };
        is_ours && !pk.starts_with(DEPLOYS)
    }

    fn has_expired(&self, item: &Item) -> bool {
        let expiry: Option<i64> = number(item, EXPIRY).unwrap_or_default();
        expiry.is_some_and(|expiry| expiry <= self.now)
    }
}

/// Whether an item is a tenant's. Conversations have the tenant at the beginning of their key, the
/// items of a tenant and of its users at the end; a channel's claim says it in an attribute.
fn is_of(item: &Item, pk: &str, tenant: &str) -> bool {
    let named = |prefix| pk.strip_prefix(prefix) == Some(tenant);
    let conversation = pk.split_once('#').map(|(first, _)| first);
    let said = match item.get(TENANT_ID) {
        Some(AttributeValue::S(id)) => id == tenant,
        _ => false,
    };
    said || named(TENANT) || named(USER) || conversation == Some(tenant)
}

/// The tenant whose own item this is.
pub(super) fn tenant_itself(item: &Item) -> Option<String> {
    let (pk, sk) = identity(item);
    (sk == META).then(|| pk.strip_prefix(TENANT).map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::dynamodb::attributes::{key, number_value, text_value};

    const NOW: i64 = 1_800_000_000;

    fn scope(tenant: Option<&str>) -> Scope {
        let selection = Selection {
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        };
        Scope::new(&selection, Timestamp::from_second(NOW).unwrap())
    }

    fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
        item.insert(name.to_owned(), value);
        item
    }

    #[test]
    fn a_tenants_items_are_known_by_key_or_attribute() {
        let acme = scope(Some("acme"));
        for (pk, sk) in [
            ("TENANT#acme", "META"),
            ("USER#acme", "USER#ada"),
            ("acme#api#ada", "s-1"),
        ] {
            assert!(acme.has(&key(pk, sk)), "{pk}");
        }
        let claim = |of: &str| with(key("CHANNEL#slack#C1", "OWNER"), TENANT_ID, text_value(of));
        assert!(acme.has(&claim("acme")));
        assert!(!acme.is_about(&claim("acme-2")));
        for pk in [
            "TENANT#acme-2",
            "USER#acme-2",
            "acme-2#api#ada",
            "DEPLOY#acme",
        ] {
            assert!(!acme.has(&key(pk, "META")), "{pk}");
        }
    }

    #[test]
    fn what_has_expired_is_gone_and_deploys_and_audit_entries_stay() {
        let all = scope(None);
        let until = |second: i64| with(key("a#api#b", "s"), EXPIRY, number_value(second));
        assert!(all.has(&until(NOW + 1)) && !all.has(&until(NOW)));
        assert!(!all.has(&key("DEPLOY#router", "LOCK")));
        let entry = key("TENANT#acme", "AUDIT#01");
        assert!(all.has(&entry) && !all.removes(&entry));
        // A session may be called anything.
        assert!(all.removes(&key("acme#api#ada", "AUDIT#01")));
    }
}
