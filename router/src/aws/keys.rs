//! The keys of what the tenants' table holds.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ulid::Ulid;

use jiff::civil::Date;

use super::items::{self, Item};
use crate::model::{ChannelId, ChannelKind, KeyHash, TenantId, UserId};

/// A tenant's own item.
pub(super) const META: &str = "META";
/// What keeps a removed tenant's id unusable.
pub(super) const REMOVED: &str = "REMOVED";
/// Who owns a channel.
pub(super) const OWNER: &str = "OWNER";

pub(super) const TENANT: &str = "TENANT#";
pub(super) const USER: &str = "USER#";
pub(super) const CHANNEL: &str = "CHANNEL#";
pub(super) const API_KEY: &str = "CHANNEL#api#";
pub(super) const AUDIT: &str = "AUDIT#";

/// The index from a channel to its mappings, and its key.
pub(super) const CHANNEL_INDEX: &str = "channel-mapping";
pub(super) const CHANNEL_INDEX_KEY: &str = "gsi1pk";

/// The longest sort key that DynamoDB takes, in bytes.
pub(super) const MAX_SORT_KEY: usize = 1024;

/// What RFC 3986 reserves for no other use stands for itself, everything else is encoded: so `#` separates and does nothing else.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The partition of a tenant.
pub(super) fn tenant_partition(tenant: &TenantId) -> String {
    format!("{TENANT}{tenant}")
}

/// The partition of what is remembered of a tenant's users.
pub(super) fn memory_partition(tenant: &TenantId) -> String {
    format!("{USER}{tenant}")
}

pub(super) fn tenant(tenant: &TenantId) -> Item {
    items::key(tenant_partition(tenant), META)
}

pub(super) fn tombstone(tenant: &TenantId) -> Item {
    items::key(tenant_partition(tenant), REMOVED)
}

pub(super) fn user(tenant: &TenantId, user: &UserId) -> Item {
    items::key(tenant_partition(tenant), format!("{USER}{user}"))
}

pub(super) fn memory(tenant: &TenantId, user: &UserId) -> Item {
    items::key(memory_partition(tenant), format!("{USER}{user}"))
}

pub(super) fn audit(tenant: &TenantId, id: Ulid) -> Item {
    items::key(tenant_partition(tenant), format!("{AUDIT}{id}"))
}

/// The name of a channel in keys: the sort key of its mapping, the partition of its claim, and its key in the index.
pub(super) fn channel_name(kind: ChannelKind, id: &ChannelId) -> String {
    let id = utf8_percent_encode(id.as_str(), ENCODED);
    format!("{CHANNEL}{kind}#{id}")
}

/// The name of an API key in keys: it is a channel of type `api`.
pub(super) fn api_key_name(hash: &KeyHash) -> String {
    format!("{API_KEY}{}", hash.as_str())
}

pub(super) fn mapping(tenant: &TenantId, name: &str) -> Item {
    items::key(tenant_partition(tenant), name)
}

pub(super) fn claim(name: &str) -> Item {
    items::key(name, OWNER)
}

/// What a tenant used on a day.
pub(super) fn usage(tenant: &TenantId, day: Date) -> Item {
    items::key(tenant_partition(tenant), format!("USAGE#{day}#TOTAL"))
}

/// That a message of a day was counted.
pub(super) fn reservation(tenant: &TenantId, day: Date, reservation: Ulid) -> Item {
    items::key(
        tenant_partition(tenant),
        format!("USAGE#{day}#RESERVATION#{reservation}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_name_keeps_its_parts_apart() {
        let name = |id: &str| channel_name(ChannelKind::Slack, &id.parse().unwrap());
        assert_eq!(name("C024BE7LH"), "CHANNEL#slack#C024BE7LH");
        assert_eq!(name("a#b"), "CHANNEL#slack#a%23b");
        assert_eq!(name("a%23b"), "CHANNEL#slack#a%2523b");
        assert_eq!(
            name("29:1x/\u{e4}~-._"),
            "CHANNEL#slack#29%3A1x%2F%C3%A4~-._"
        );
    }

    #[test]
    fn a_keys_name_is_that_of_a_channel_of_type_api() {
        let hash = KeyHash::of("t3n_x");
        let as_channel = channel_name(ChannelKind::Api, &hash.as_str().parse().unwrap());
        assert_eq!(api_key_name(&hash), as_channel);
    }
}
