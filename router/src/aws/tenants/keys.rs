//! The keys of what the tenants' table holds.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ulid::Ulid;

use jiff::civil::Date;

use crate::aws::dynamodb::attributes::{Item, key};
pub(crate) use crate::aws::schema::{CHANNEL_INDEX, CHANNEL_INDEX_KEY};
use crate::model::{ChannelId, ChannelKind, KeyHash, TenantId, UserId};

/// A tenant's own item.
pub(crate) const META: &str = "META";
/// What keeps a removed tenant's id unusable.
pub(crate) const REMOVED: &str = "REMOVED";
/// Who owns a channel.
pub(crate) const OWNER: &str = "OWNER";

pub(crate) const TENANT: &str = "TENANT#";
pub(crate) const USER: &str = "USER#";
pub(crate) const CHANNEL: &str = "CHANNEL#";
pub(crate) const API_KEY: &str = "CHANNEL#api#";
pub(crate) const AUDIT: &str = "AUDIT#";
/// Sort keys behind the audit trail: `$` follows `#`.
pub(crate) const BEHIND_AUDIT: &str = "AUDIT$";
/// Sort keys from behind the API keys, which come first of the channels, to behind the last
/// channel.
pub(crate) const MAPPED_CHANNELS: (&str, &str) = ("CHANNEL#api$", "CHANNEL$");

/// The longest sort key that DynamoDB takes, in bytes.
pub(crate) const MAX_SORT_KEY: usize = 1024;

/// What RFC 3986 reserves for no other use stands for itself, everything else is encoded: so `#`
/// separates and does nothing else.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The partition of a tenant.
pub(crate) fn tenant_partition(tenant: &TenantId) -> String {
    format!("{TENANT}{tenant}")
}

/// The partition of what is remembered of a tenant's users.
pub(crate) fn memory_partition(tenant: &TenantId) -> String {
    format!("{USER}{tenant}")
}

pub(crate) fn tenant(tenant: &TenantId) -> Item {
    key(tenant_partition(tenant), META)
}

pub(crate) fn tombstone(tenant: &TenantId) -> Item {
    key(tenant_partition(tenant), REMOVED)
}

pub(crate) fn user(tenant: &TenantId, user: &UserId) -> Item {
    key(tenant_partition(tenant), format!("{USER}{user}"))
}

pub(crate) fn memory(tenant: &TenantId, user: &UserId) -> Item {
    key(memory_partition(tenant), format!("{USER}{user}"))
}

pub(crate) fn audit(tenant: &TenantId, id: Ulid) -> Item {
    key(tenant_partition(tenant), format!("{AUDIT}{id}"))
}

/// The name of a channel in keys: the sort key of its mapping, the partition of its claim, and its
/// key in the index.
pub(crate) fn channel_name(kind: ChannelKind, id: &ChannelId) -> String {
    let id = utf8_percent_encode(id.as_str(), ENCODED);
    format!("{CHANNEL}{kind}#{id}")
}

/// The name of an API key in keys: it is a channel of type `api`.
pub(crate) fn api_key_name(hash: &KeyHash) -> String {
    format!("{API_KEY}{}", hash.as_str())
}

pub(crate) fn mapping(tenant: &TenantId, name: &str) -> Item {
    key(tenant_partition(tenant), name)
}

pub(crate) fn claim(name: &str) -> Item {
    key(name, OWNER)
}

/// What a tenant used on a day.
pub(crate) fn usage(tenant: &TenantId, day: Date) -> Item {
    key(tenant_partition(tenant), format!("USAGE#{day}#TOTAL"))
}

/// That a message of a day was counted.
pub(crate) fn reservation(tenant: &TenantId, day: Date, reservation: Ulid) -> Item {
    key(
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
