//! The keys of what the tenants' table holds.

use ulid::Ulid;

use jiff::civil::Date;

use crate::aws::dynamodb::attributes::{Item, key};
use crate::aws::key_part::{former_key_part, key_part};
pub(crate) use crate::aws::schema::{CHANNEL_INDEX, CHANNEL_INDEX_KEY};
use crate::model::{
    ChannelId, ChannelKind, KeyHash, LedgerAccount, Payer, Route, TenantId, UserId,
};

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

/// How the partitions of the Python program's invitations begin.
pub(crate) const INVITATION: &str = "INVITE#";

/// The longest sort key that DynamoDB takes, in bytes.
pub(crate) const MAX_SORT_KEY: usize = 1024;

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
    format!("{CHANNEL}{kind}#{}", key_part(id.as_str()))
}

/// The names that a channel may have in keys. Which channel an item of such a name is about is said
/// by its attributes: one id, encoded, can be another as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelNames {
    /// The name that it is given.
    pub(crate) current: String,
    /// What it was given before, where that differs.
    former: Option<String>,
    /// What a program gives it that encodes nothing, where that differs.
    unencoded: Option<String>,
}

impl ChannelNames {
    pub(crate) fn of(kind: ChannelKind, id: &ChannelId) -> Self {
        let current = channel_name(kind, id);
        // No key is longer, so nothing is found under such a name.
        let other = |name: String| Some(name).filter(|name| *name != current && fits(name));
        Self {
            former: other(format!("{CHANNEL}{kind}#{}", former_key_part(id.as_str()))),
            unencoded: other(format!("{CHANNEL}{kind}#{id}")),
            current,
        }
    }

    /// Whether a mapping can be stored.
    pub(crate) fn fit(&self) -> bool {
        fits(&self.current)
    }

    /// The names under which a mapping is looked for.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.claimed().chain(self.unencoded.as_deref())
    }

    /// The names on which the channel is claimed, so that a router of an earlier release sees it,
    /// and is seen. Programs that encode nothing know no claims.
    pub(crate) fn claimed(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.current).chain(self.former.as_deref())
    }
}

fn fits(name: &str) -> bool {
    name.len() <= MAX_SORT_KEY
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

/// What the keys of a day's ledger begin with, of one user or of all.
pub(crate) fn ledger_of(day: Date, user: Option<&UserId>) -> String {
    match user {
        Some(user) => format!("USAGE#{day}#BY#{}#", key_part(user.as_str())),
        None => format!("USAGE#{day}#BY#"),
    }
}

/// A line of the ledger. Every part is there, empty or not, so that no two lines have one key.
pub(crate) fn ledger(tenant: &TenantId, day: Date, account: &LedgerAccount) -> Item {
    let since = account.user_since.map(|since| since.to_string());
    let parts = [
        since.as_deref(),
        account.credential.as_deref(),
        account.route.map(Route::as_str),
        account.model.as_deref(),
    ];
    let parts = parts.map(|part| key_part(part.unwrap_or_default()));
    let of_user = ledger_of(day, Some(&account.user_id));
    key(tenant_partition(tenant), of_user + &parts.join("#"))
}

/// What a user or a key used on a day, where they have a budget.
pub(crate) fn usage_of(
    tenant: &TenantId,
    day: Date,
    payer: Payer,
    account: &LedgerAccount,
) -> Item {
    let since = account.user_since.map(|since| since.to_string());
    let of = match payer {
        Payer::Tenant => return usage(tenant, day),
        Payer::User => format!(
            "USER#{}#{}",
            key_part(account.user_id.as_str()),
            key_part(&since.unwrap_or_default())
        ),
        Payer::Key => {
            let name = account.credential.as_deref().unwrap_or_default();
            format!("KEY#{}", key_part(name))
        }
    };
    key(tenant_partition(tenant), format!("USAGE#{day}#OF#{of}"))
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
        assert_eq!(name("29:1x/\u{e4}~-._"), "CHANNEL#slack#29:1x/\u{e4}~-._");
    }

    #[test]
    fn a_channel_is_looked_for_under_every_name_that_it_was_ever_given() {
        let names = |id: &str| ChannelNames::of(ChannelKind::Teams, &id.parse().unwrap());
        let all = |id: &str| names(id).all().map(str::to_owned).collect::<Vec<_>>();
        let claimed = |id: &str| names(id).claimed().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all("bot-1"), ["CHANNEL#teams#bot-1"]);
        let both = ["CHANNEL#teams#28:b", "CHANNEL#teams#28%3Ab"];
        assert_eq!(
            (all("28:b"), claimed("28:b")),
            (
                both.map(str::to_owned).to_vec(),
                both.map(str::to_owned).to_vec()
            )
        );
        assert_eq!(all("a#b"), ["CHANNEL#teams#a%23b", "CHANNEL#teams#a#b"]);
        assert_eq!(claimed("a#b"), ["CHANNEL#teams#a%23b"]);
        // Of letters that took nine bytes each there was never an item.
        let long = "\u{20ac}".repeat(256);
        assert_eq!(all(&long).len(), 1);
        assert!(names(&long).fit());
    }

    #[test]
    fn a_keys_name_is_that_of_a_channel_of_type_api() {
        let hash = KeyHash::of("t3n_x");
        let as_channel = channel_name(ChannelKind::Api, &hash.as_str().parse().unwrap());
        assert_eq!(api_key_name(&hash), as_channel);
    }
}
