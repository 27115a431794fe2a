//! What a case is given: a platform, ids of its own, and records to put into it.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use t3nets_router::model::{
    Amounts, ApiKey, AuditEntry, Budget, BudgetKey, ChannelId, ChannelKind, ChannelMapping,
    ConversationOwner, Hold, IntegrationName, JsonObject, KeyHash, LedgerAccount, Reserved,
    SecretName, SettledTurn, Tenant, TenantId, TenantSettings, TenantStatus, User, UserId,
    UserRole,
};
use t3nets_router::ports::{Change, Clock, Page, PageRequest, Platform, StoreError, UsageStore};
use ulid::Ulid;

/// An adapter, set up for one case.
#[async_trait]
pub(crate) trait Fixture: Send + Sync {
    /// The platform. May be shared with other cases, so cases use ids of their own.
    async fn platform(&self) -> Platform;

    /// Moves the platform's clock on. `false` if the service behind it keeps its own time.
    fn advance_clock(&self, by: SignedDuration) -> bool;

    /// The same for the secrets' store, which may be a service of its own.
    fn advance_secrets_clock(&self, by: SignedDuration) -> bool {
        self.advance_clock(by)
    }
}

/// A clock that stands until it is moved.
pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(crate) fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A platform with one tenant in it.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) tenant: TenantId,
}

impl World {
    pub(crate) async fn new(fixture: &dyn Fixture) -> Self {
        let world = Self {
            platform: fixture.platform().await,
            tenant: unique_tenant_id(),
        };
        world.add_tenant(&world.tenant).await;
        world
    }

    /// Makes another tenant.
    pub(crate) async fn add_tenant(&self, id: &TenantId) {
        self.commit_to(id, &[Change::CreateTenant(tenant(id))])
            .await
            .unwrap();
    }

    /// Commits changes of the world's tenant.
    pub(crate) async fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.commit_to(&self.tenant, changes).await
    }

    /// Commits changes of any tenant.
    pub(crate) async fn commit_to(
        &self,
        tenant: &TenantId,
        changes: &[Change],
    ) -> Result<(), StoreError> {
        self.platform
            .tenants
            .commit(tenant, changes, &audit(tenant))
            .await
    }

    /// The world's tenant as stored.
    pub(crate) async fn stored(&self) -> Tenant {
        let stored = self.platform.tenants.tenant(&self.tenant).await.unwrap();
        stored.expect("the tenant is there")
    }

    pub(crate) async fn add_user(&self, id: &str) -> User {
        let user = user(&self.tenant, id);
        self.commit(&[Change::CreateUser(user.clone())])
            .await
            .unwrap();
        user
    }
}

/// An id that no other case uses, whatever it shares a table with.
pub(crate) fn unique_tenant_id() -> TenantId {
    format!("t-{}", unique()).parse().unwrap()
}

/// A text that no other case uses.
pub(crate) fn unique() -> String {
    Ulid::generate().to_string().to_lowercase()
}

pub(crate) fn id<T: std::str::FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

/// A time with more digits than a careless store would keep.
pub(crate) fn some_time() -> Timestamp {
    id("2026-01-15T09:30:00.123456789Z")
}

pub(crate) fn tenant(id: &TenantId) -> Tenant {
    Tenant {
        id: id.clone(),
        name: format!("Team of {id}"),
        status: TenantStatus::Active,
        created_at: some_time(),
        settings: TenantSettings::default(),
        extensions: JsonObject::new(),
        version: 1,
        other: Default::default(),
    }
}

pub(crate) fn user(tenant: &TenantId, user_id: &str) -> User {
    User {
        id: id(user_id),
        tenant_id: tenant.clone(),
        email: format!("{user_id}@example.com"),
        display_name: "Ada Lovelace".to_owned(),
        role: UserRole::Member,
        channel_identities: object(serde_json::json!({"slack": "U024BE7LH"})),
        created_at: Some(some_time()),
        budgets: Default::default(),
        other: Default::default(),
    }
}

/// Makes an owner's tenant and user, where they are missing.
pub(crate) async fn let_in(platform: &Platform, owner: &ConversationOwner) {
    let (store, id) = (&platform.tenants, &owner.tenant_id);
    let mut missing = Vec::new();
    // Looked up before: a transaction that is refused takes others' writes with it on moto.
    if store.tenant(id).await.unwrap().is_none() {
        missing.push(Change::CreateTenant(tenant(id)));
    }
    let is_anonymous = owner.user_id == UserId::anonymous();
    if !is_anonymous && store.user(id, &owner.user_id).await.unwrap().is_none() {
        missing.push(Change::CreateUser(User {
            created_at: owner.since,
            ..user(id, owner.user_id.as_str())
        }));
    }
    if !missing.is_empty() {
        store.commit(id, &missing, &audit(id)).await.unwrap();
    }
}

pub(crate) fn channel(tenant: &TenantId, kind: ChannelKind, channel_id: &str) -> ChannelMapping {
    ChannelMapping {
        tenant_id: tenant.clone(),
        kind,
        channel_id: id::<ChannelId>(channel_id),
        other: Default::default(),
    }
}

/// A key made from a text that no other case uses.
pub(crate) fn key(tenant: &TenantId, user_id: &UserId) -> ApiKey {
    ApiKey {
        hash: KeyHash::of(&unique()),
        tenant_id: tenant.clone(),
        user_id: user_id.clone(),
        name: "continuous integration".to_owned(),
        role: UserRole::Admin,
        created_at: some_time(),
        expires_at: None,
        prefix: "t3_abcdef".to_owned(),
        budgets: Default::default(),
        other: Default::default(),
    }
}

pub(crate) fn audit(tenant: &TenantId) -> AuditEntry {
    AuditEntry {
        id: Ulid::generate(),
        tenant_id: tenant.clone(),
        actor: "operator:ada".to_owned(),
        action: "test.change".to_owned(),
        target: "something".to_owned(),
        at: some_time(),
    }
}

pub(crate) fn secret_name(tenant: &TenantId, integration: &str) -> SecretName {
    SecretName {
        tenant_id: tenant.clone(),
        integration: id::<IntegrationName>(integration),
        user_id: None,
    }
}

/// Reads a list to its end in pages of `limit`, checking that no page is larger and that the list
/// ends.
pub(crate) async fn walk<T, F, Fut>(limit: usize, mut read: F) -> Vec<T>
where
    F: FnMut(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page<T>, StoreError>>,
{
    let mut items = Vec::new();
    let mut request = PageRequest::first(limit);
    for _ in 0..10_000 {
        let page = read(request).await.unwrap();
        assert!(page.items.len() <= limit, "a page holds more than {limit}");
        items.extend(page.items);
        match page.next {
            Some(next) => {
                request = PageRequest {
                    limit,
                    after: Some(next),
                }
            }
            None => return items,
        }
    }
    panic!("the list has no end");
}

/// Checks that two lists hold the same, each item once, in whatever order.
pub(crate) fn assert_same_set<T: Debug + Eq + Hash>(
    found: Vec<T>,
    expected: impl IntoIterator<Item = T>,
) {
    let count = found.len();
    let found: HashSet<T> = found.into_iter().collect();
    assert_eq!(found.len(), count, "an item was returned twice");
    assert_eq!(found, expected.into_iter().collect::<HashSet<T>>());
}

/// Runs tasks in parallel and returns what they did, in whatever order they ended.
pub(crate) async fn at_once<T, Fut>(tasks: impl IntoIterator<Item = Fut>) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let set: tokio::task::JoinSet<T> = tasks.into_iter().collect();
    set.join_all().await
}

/// A message of nobody known, held to a limit of messages a day.
pub(crate) fn hold(tenant: &TenantId, day: Date, id: Ulid, limit: u64) -> Hold {
    let nobody = LedgerAccount::of(UserId::anonymous(), None, None);
    let budgets = vec![Budget {
        key: BudgetKey::MESSAGES_PER_DAY,
        most: limit,
        is_own: false,
    }];
    let (amounts, now) = (Amounts::MESSAGE, Timestamp::now());
    Hold {
        day,
        id,
        ..Hold::new(tenant.clone(), nobody, amounts, budgets, now)
    }
}

/// Whether such a message was held.
pub(crate) async fn reserve_message(
    usage: &Arc<dyn UsageStore>,
    tenant: &TenantId,
    day: Date,
    id: Ulid,
    limit: u64,
) -> Result<bool, StoreError> {
    let reserved = usage.reserve(&hold(tenant, day, id, limit)).await?;
    Ok(matches!(reserved, Reserved::Held(_)))
}

/// Settles it.
pub(crate) async fn settle(
    usage: &Arc<dyn UsageStore>,
    tenant: &TenantId,
    day: Date,
    id: Ulid,
    turn: &SettledTurn,
) -> Result<(), StoreError> {
    let settled = usage.settle(&hold(tenant, day, id, 0), turn).await;
    settled.map(|_| ())
}
