//! Where what is kept of a person is read.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::records::UserRecord;
use super::{Source, conversations};
use crate::admin::usage::MAX_USAGE_DAYS;
use crate::model::{ApiKey, AuditEntry, ChannelKind, SecretName, User};
use crate::ports::{Page, PageRequest, StoreError};
use crate::skills::mcp::own;

/// How many items of a list are read at once.
const PAGE: usize = 500;
/// How many days of the ledger are read at once.
const DAYS: i64 = 32;

/// All of it, in the order of [`RecordKind`](super::RecordKind): what can be long comes last.
pub(super) fn all(
    source: Arc<Source>,
    now: Timestamp,
) -> BoxStream<'static, Result<UserRecord, StoreError>> {
    let user = source.user.clone();
    let of = || Arc::clone(&source);
    let conversations = {
        let source = of();
        stream::iter(ChannelKind::ALL)
            .flat_map(move |channel| conversations::on_channel(Arc::clone(&source), channel, now))
    };
    stream::once(async move { Ok(user.into()) })
        .chain(memory(of()))
        .chain(keys(of()))
        .chain(integrations(of()))
        .chain(usage(of(), now))
        .chain(audit(of()))
        .chain(turns(of(), now))
        .chain(conversations)
        .boxed()
}

fn memory(source: Arc<Source>) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    stream::once(async move {
        let User { id, tenant_id, .. } = &source.user;
        let memory = source.platform.tenants.memory(tenant_id, id).await?;
        Ok::<_, StoreError>(stream::iter(memory.map(|memory| Ok(memory.into()))))
    })
    .try_flatten()
}

fn keys(source: Arc<Source>) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    let id = source.user.id.clone();
    let of = Arc::clone(&source);
    pages(of, move |page| {
        let source = Arc::clone(&source);
        async move {
            source
                .platform
                .tenants
                .keys(&source.user.tenant_id, page)
                .await
        }
    })
    .try_filter_map(move |key: ApiKey| {
        let own = (key.user_id == id).then(|| key.into());
        async move { Ok(own) }
    })
}

/// Those of the tenant's present servers, by exact name: nothing is listed.
fn integrations(source: Arc<Source>) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    stream::once(async move {
        let User { id, tenant_id, .. } = &source.user;
        let secrets = &source.platform.secrets;
        let tenant = source.platform.tenants.tenant(tenant_id).await?;
        let servers = tenant.map(|tenant| tenant.mcp_servers());
        let mut own = Vec::new();
        for integration in servers.unwrap_or_default() {
            let name = SecretName {
                tenant_id: tenant_id.clone(),
                integration,
                user_id: Some(id.clone()),
            };
            let stored = secrets.get(&name).await?;
            if stored.is_some_and(|stored| own::is_of(&stored, &source.user)) {
                own.extend(secrets.describe(&name).await?);
            }
        }
        let records = own.into_iter().map(|secret| Ok(secret.into()));
        Ok::<_, StoreError>(stream::iter(records))
    })
    .try_flatten()
}

/// What they used since they were made, as far as the ledger is shown at all.
fn usage(
    source: Arc<Source>,
    now: Timestamp,
) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let last = day(now);
    let first_shown = last.saturating_sub((i64::from(MAX_USAGE_DAYS) - 1).days());
    let first = source
        .user
        .created_at
        .map_or(first_shown, |since| day(since).max(first_shown));
    stream::try_unfold((source, first), move |(source, from)| async move {
        if from > last {
            return Ok::<_, StoreError>(None);
        }
        let to = from.saturating_add((DAYS - 1).days()).min(last);
        let User {
            id,
            tenant_id,
            created_at,
            ..
        } = &source.user;
        let ledger = &source.platform.usage;
        let mut lines = ledger.ledger(tenant_id, from, to, Some(id)).await?;
        // Not those of another who had the id before.
        lines.retain(|line| line.account.user_since == *created_at);
        let records = stream::iter(lines.into_iter().map(|line| Ok(line.into())));
        Ok(Some((records, (source, to.saturating_add(1.day())))))
    })
    .try_flatten()
}

fn audit(source: Arc<Source>) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    let user = source.user.clone();
    let of = Arc::clone(&source);
    pages(of, move |page| {
        let source = Arc::clone(&source);
        async move {
            let store = &source.platform.tenants;
            store.audit_trail(&source.user.tenant_id, page).await
        }
    })
    .try_filter_map(move |entry: AuditEntry| {
        let theirs = is_about(&entry, &user).then(|| UserRecord::Audit(entry.into()));
        async move { Ok(theirs) }
    })
}

fn turns(
    source: Arc<Source>,
    now: Timestamp,
) -> impl Stream<Item = Result<UserRecord, StoreError>> + Send {
    stream::iter(ChannelKind::ALL)
        .then(move |channel| {
            let source = Arc::clone(&source);
            async move {
                let owner = conversations::owner(&source, channel);
                let turns = source.platform.turns.turns(&owner, now).await?;
                Ok::<_, StoreError>(stream::iter(turns.into_iter().map(|turn| Ok(turn.into()))))
            }
        })
        .try_flatten()
}

/// A list, page by page.
pub(super) fn pages<T, F, Fut>(
    source: Arc<Source>,
    read: F,
) -> impl Stream<Item = Result<T, StoreError>> + Send
where
    T: Send + 'static,
    F: Fn(PageRequest) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Page<T>, StoreError>> + Send,
{
    let first = Some(PageRequest::first(PAGE));
    stream::try_unfold(
        (source, read, first),
        |(source, read, request)| async move {
            let Some(request) = request else {
                return Ok::<_, StoreError>(None);
            };
            let page = read(request).await?;
            source.unreadable.add(page.unreadable);
            let next = page.next.map(|after| PageRequest {
                limit: PAGE,
                after: Some(after),
            });
            let items = stream::iter(page.items.into_iter().map(Ok));
            Ok(Some((items, (source, read, next))))
        },
    )
    .try_flatten()
}

/// What the names of the operations begin with whose targets name people.
const ON_PEOPLE: [&str; 6] = [
    "user.",
    "user_secret.",
    "key.",
    "link.",
    "session.",
    "recovery_code.",
];

/// Whether an entry is of something that the person did, or that was done to what is theirs: since
/// they were made, before which another may have had the id.
fn is_about(entry: &AuditEntry, user: &User) -> bool {
    if user.created_at.is_some_and(|since| entry.at < since) {
        return false;
    }
    let id = user.id.as_str();
    let is_theirs = entry.actor.strip_prefix("user:") == Some(id);
    // `t3n_abc for ada@example.com`, `ada@example.com (email, role)`
    let named = entry.target.split([',', '(']).next().unwrap_or_default();
    let is_on_them = ON_PEOPLE.iter().any(|kind| entry.action.starts_with(kind))
        && named.split_whitespace().any(|word| word == id);
    is_theirs || is_on_them
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::model::{JsonObject, OtherAttributes, UserRole};

    #[test]
    fn an_entry_is_about_who_did_it_and_about_whom_it_names() {
        let since: Timestamp = "2026-01-15T09:30:00Z".parse().unwrap();
        let user = User {
            id: "ada@example.com".parse().unwrap(),
            tenant_id: "default".parse().unwrap(),
            email: "ada@example.com".to_owned(),
            display_name: "Ada".to_owned(),
            role: UserRole::Member,
            channel_identities: JsonObject::new(),
            budgets: Default::default(),
            created_at: Some(since),
            other: OtherAttributes::default(),
        };
        let is_about_at = |at, actor: &str, action: &str, target: &str| {
            let entry = AuditEntry {
                id: Ulid::nil(),
                tenant_id: user.tenant_id.clone(),
                actor: actor.to_owned(),
                action: action.to_owned(),
                target: target.to_owned(),
                at,
            };
            is_about(&entry, &user)
        };
        let is_about = |actor, action, target| is_about_at(since, actor, action, target);
        assert!(is_about("user:ada@example.com", "tenant.set", "default"));
        assert!(is_about("operator:root", "user.add", "ada@example.com"));
        assert!(is_about(
            "operator:root",
            "user.set",
            "ada@example.com (email, role)"
        ));
        assert!(is_about(
            "operator:root",
            "key.create",
            "t3n_abc for ada@example.com"
        ));
        assert!(is_about(
            "user:bob",
            "key.revoke",
            "t3n_abc of ada@example.com"
        ));
        assert!(is_about(
            "x",
            "session.open",
            "t3s_a of ada@example.com, signed in with a link"
        ));
        assert!(!is_about(
            "operator:ada@example.com",
            "tenant.set",
            "default"
        ));
        assert!(!is_about(
            "operator:root",
            "user.add",
            "ada@example.com.evil"
        ));
        assert!(!is_about(
            "operator:root",
            "user.set",
            "bob (ada@example.com)"
        ));
        assert!(!is_about("operator:root", "secret.put", "ada@example.com"));
        let before = since - jiff::SignedDuration::from_secs(1);
        assert!(!is_about_at(
            before,
            "operator:root",
            "user.remove",
            "ada@example.com"
        ));
    }
}
