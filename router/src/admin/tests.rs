//! The operations on the embedded platform, with others who are faster and removals that are
//! interrupted.

mod removal;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use tempfile::TempDir;

use super::keys::NewKey;
use super::seed::{SeedOutcome, TenantSeed, UserSeed};
use super::settings::{SettingEdit, SettingKey};
use super::tenants::{NewTenant, TenantEdits};
use super::users::{LastAdmin, NewUser, UserEdits};
use super::*;
use crate::model::*;
use crate::ports::{CommitLimit, Page, TenantStore, Window};

type Interference = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// A store on which something else happens between an operation's read and its commit.
struct Contended {
    inner: Arc<dyn TenantStore>,
    before_commit: Mutex<Vec<Interference>>,
    commits: AtomicUsize,
    removals_to_fail: AtomicUsize,
    /// Whether a removed tenant's id rests, as on AWS.
    ids_rest: AtomicBool,
}

#[async_trait]
impl TenantStore for Contended {
    fn commit_limit(&self) -> CommitLimit {
        self.inner.commit_limit()
    }
    fn id_reservation(&self) -> SignedDuration {
        match self.ids_rest.load(Ordering::Relaxed) {
            true => SignedDuration::from_hours(30 * 24),
            false => self.inner.id_reservation(),
        }
    }
    async fn reserved_until(&self, id: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        self.inner.reserved_until(id).await
    }
    async fn free_id(&self, id: &TenantId, audit: &AuditEntry) -> Result<(), StoreError> {
        self.inner.free_id(id, audit).await
    }
    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let interference = self.before_commit.lock().unwrap().pop();
        if let Some(interference) = interference {
            interference().await;
        }
        self.inner.commit(tenant, changes, audit).await
    }

    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        if self.removals_to_fail.swap(0, Ordering::Relaxed) > 0 {
            return Err(StoreError::unavailable("interrupted"));
        }
        self.inner
            .remove_tenant(tenant, reserved_until, audit)
            .await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        self.inner.tenant(id).await
    }
    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        self.inner.tenants(page).await
    }
    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError> {
        self.inner.user(tenant, id).await
    }
    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError> {
        self.inner.users(tenant, page).await
    }
    async fn memory(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError> {
        self.inner.memory(tenant, user).await
    }
    async fn channels(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError> {
        self.inner.channels(tenant, page).await
    }
    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError> {
        self.inner.channel_owner(kind, id).await
    }
    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.inner.key(hash).await
    }
    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        self.inner.keys(tenant, page).await
    }
    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        self.inner.audit_trail(tenant, page).await
    }
    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.inner.record_audit(entry).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
}

/// An embedded platform with the tenant `default` and its administrators.
struct Setting {
    admin: Arc<Admin>,
    /// Someone else on the same platform, whom nothing gets in the way of.
    other: Arc<Admin>,
    store: Arc<Contended>,
    platform: Platform,
    _home: TempDir,
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn tenant() -> TenantId {
    id("default")
}

fn user_seed(email: &str, role: UserRole) -> UserSeed {
    UserSeed {
        email: email.to_owned(),
        id: None,
        display_name: None,
        role,
    }
}

async fn setting(admins: &[&str]) -> Setting {
    let home = tempfile::tempdir().unwrap();
    let platform = crate::local::open(home.path()).unwrap();
    let store = Arc::new(Contended {
        inner: Arc::clone(&platform.tenants),
        before_commit: Mutex::default(),
        commits: AtomicUsize::new(0),
        removals_to_fail: AtomicUsize::new(0),
        ids_rest: AtomicBool::new(false),
    });
    let contended = Platform {
        tenants: Arc::clone(&store) as Arc<dyn TenantStore>,
        ..platform.clone()
    };
    let other = Arc::new(Admin::new(platform.clone(), "operator:grace"));
    let seed = TenantSeed {
        users: admins
            .iter()
            .map(|email| user_seed(email, UserRole::Admin))
            .collect(),
        ..TenantSeed::new(tenant())
    };
    other.seed(&seed).await.unwrap();
    Setting {
        admin: Arc::new(Admin::new(contended, "operator:ada")),
        other,
        store,
        platform,
        _home: home,
    }
}

impl Setting {
    /// Lets someone else do something just before the next commit.
    fn meanwhile<F>(&self, act: impl FnOnce(Arc<Admin>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let other = Arc::clone(&self.other);
        self.store
            .before_commit
            .lock()
            .unwrap()
            .push(Box::new(move || Box::pin(act(other))));
    }

    async fn actions(&self) -> Vec<String> {
        let trail = self.other.audit_trail(&tenant(), 1000).await.unwrap();
        trail.into_iter().map(|entry| entry.action).collect()
    }
}

fn edits(key: SettingKey, value: &str) -> TenantEdits {
    TenantEdits {
        name: None,
        settings: vec![SettingEdit::set_text(key, value).unwrap()],
    }
}

async fn create_key(admin: &Admin, user: &str) -> ApiKey {
    let new = NewKey {
        user_id: id(user),
        name: None,
        role: None,
        expires_in: None,
        budgets: Vec::new(),
    };
    admin.create_key(&tenant(), new).await.unwrap().stored
}

#[tokio::test]
async fn changes_to_different_fields_at_once_are_both_kept() {
    let setting = setting(&["ada@example.com"]).await;
    setting.meanwhile(|other| async move {
        let edits = edits(SettingKey::MessagesPerDay, "7");
        other.set_tenant(&tenant(), &edits).await.unwrap();
    });
    let mine = edits(SettingKey::MaxConversationHistory, "3");
    let edited = setting.admin.set_tenant(&tenant(), &mine).await.unwrap();
    let stored = setting.other.tenant(&tenant()).await.unwrap();
    assert_eq!(stored.settings.messages_per_day, Some(7));
    assert_eq!(stored.settings.max_conversation_history, Some(3));
    assert_eq!(edited.value, stored);
}

#[tokio::test]
async fn a_change_to_the_same_field_is_told_and_not_overwritten() {
    let setting = setting(&["ada@example.com"]).await;
    setting.meanwhile(|other| async move {
        let edits = edits(SettingKey::MessagesPerDay, "7");
        other.set_tenant(&tenant(), &edits).await.unwrap();
    });
    let mine = edits(SettingKey::MessagesPerDay, "9");
    let error = setting.admin.set_tenant(&tenant(), &mine).await;
    let error = error.unwrap_err();
    assert!(matches!(error, AdminError::Changed { .. }), "{error}");
    let stored = setting.other.tenant(&tenant()).await.unwrap();
    assert_eq!(stored.settings.messages_per_day, Some(7));
}

#[tokio::test]
async fn whoever_is_always_slower_gives_up() {
    let setting = setting(&["ada@example.com"]).await;
    for n in 0..100_u32 {
        setting.meanwhile(move |other| async move {
            let edits = edits(SettingKey::MessagesPerDay, &n.to_string());
            other.set_tenant(&tenant(), &edits).await.unwrap();
        });
    }
    let error = setting.admin.suspend_tenant(&tenant()).await.unwrap_err();
    assert!(
        matches!(error, AdminError::Store(StoreError::Changed(_))),
        "{error}"
    );
    assert_eq!(setting.store.commits.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn two_administrators_who_remove_each_other_leave_one() {
    let setting = setting(&["ada@example.com", "grace@example.com"]).await;
    setting.meanwhile(|other| async move {
        let ada = id("ada@example.com");
        other
            .remove_user(&tenant(), &ada, LastAdmin::Keep)
            .await
            .unwrap();
    });
    let grace = id("grace@example.com");
    let refused = setting
        .admin
        .remove_user(&tenant(), &grace, LastAdmin::Keep)
        .await;
    assert!(
        matches!(refused, Err(AdminError::Refused { .. })),
        "{refused:?}"
    );
    assert_eq!(setting.other.users(&tenant()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn two_administrators_who_demote_each_other_leave_one() {
    let setting = setting(&["ada@example.com", "grace@example.com"]).await;
    let demotion = UserEdits {
        role: Some(UserRole::Member),
        ..UserEdits::default()
    };
    let theirs = demotion.clone();
    setting.meanwhile(|other| async move {
        let ada = id("ada@example.com");
        other
            .set_user(&tenant(), &ada, &theirs, LastAdmin::Keep)
            .await
            .unwrap();
    });
    let grace = id("grace@example.com");
    let refused = setting
        .admin
        .set_user(&tenant(), &grace, &demotion, LastAdmin::Keep)
        .await;
    assert!(
        matches!(refused, Err(AdminError::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_user_goes_with_more_keys_than_fit_one_commit_and_one_made_meanwhile() {
    let setting = setting(&["ada@example.com", "grace@example.com"]).await;
    for _ in 0..120 {
        create_key(&setting.other, "ada@example.com").await;
    }
    let kept = create_key(&setting.other, "grace@example.com").await;
    setting.meanwhile(|other| async move {
        create_key(&other, "ada@example.com").await;
    });
    let removed = setting
        .admin
        .remove_user(&tenant(), &id("ada@example.com"), LastAdmin::Keep)
        .await;
    assert_eq!(removed.unwrap().keys, 120);
    assert_eq!(setting.other.keys(&tenant()).await.unwrap(), [kept]);
}

#[tokio::test]
async fn a_large_seed_reports_each_item_once_and_is_repeatable() {
    let setting = setting(&["ada@example.com"]).await;
    let seed = TenantSeed {
        name: Some("Large".to_owned()),
        users: (0..120)
            .map(|n| user_seed(&format!("u{n}@example.com"), UserRole::Member))
            .collect(),
        ..TenantSeed::new(tenant())
    };
    setting.meanwhile(|other| async move {
        let edits = edits(SettingKey::MessagesPerDay, "7");
        other.set_tenant(&tenant(), &edits).await.unwrap();
    });
    let items = setting.admin.seed(&seed).await.unwrap();
    assert_eq!(items.len(), 121);
    assert_eq!(
        items[0].outcome,
        SeedOutcome::Changed(vec!["name".to_owned()])
    );
    assert!(
        items[1..]
            .iter()
            .all(|item| item.outcome == SeedOutcome::Created)
    );
    let again = setting.admin.seed(&seed).await.unwrap();
    assert!(
        again
            .iter()
            .all(|item| item.outcome == SeedOutcome::Unchanged)
    );
    let stored = setting.other.tenant(&tenant()).await.unwrap();
    assert_eq!(stored.settings.messages_per_day, Some(7));
}

#[tokio::test]
async fn a_change_of_a_secret_that_fails_is_put_down_as_failed() {
    let setting = setting(&["ada@example.com"]).await;
    let jira = SecretName {
        tenant_id: tenant(),
        integration: id("jira"),
        user_id: None,
    };
    let error = setting.admin.remove_secret(&jira).await.unwrap_err();
    assert!(matches!(error, AdminError::NotFound(_)), "{error}");
    assert_eq!(
        setting.actions().await[..2],
        ["secret.remove:failed", "secret.remove:intended"]
    );
}

#[tokio::test]
async fn every_change_is_put_down_under_its_actors_name() {
    let setting = setting(&["ada@example.com"]).await;
    let admin = &setting.admin;
    let bob = NewUser {
        email: "bob@example.com".to_owned(),
        id: None,
        display_name: None,
        role: UserRole::Member,
    };
    admin.add_user(&tenant(), bob).await.unwrap();
    let key = create_key(admin, "bob@example.com").await;
    admin.revoke_key(&key).await.unwrap();
    admin.suspend_tenant(&tenant()).await.unwrap();
    let slack = id("T1");
    admin
        .map_channel(&tenant(), ChannelKind::Dashboard, &slack)
        .await
        .unwrap();
    assert_eq!(
        setting.actions().await,
        [
            "channel.map",
            "tenant.suspend",
            "key.revoke",
            "key.create",
            "user.add",
            "tenant.seed"
        ]
    );
    let trail = admin.audit_trail(&tenant(), 2).await.unwrap();
    assert!(trail.iter().all(|entry| entry.actor == "operator:ada"));
    assert_eq!(trail.len(), 2);
}

/// An HTTP server needs its handlers' futures to be movable between threads.
#[test]
fn operations_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn check(admin: &Admin, seed: &TenantSeed, user: &UserId) {
        is_send(&admin.seed(seed));
        is_send(&admin.set_tenant(&seed.id, &TenantEdits::default()));
        is_send(&admin.remove_user(&seed.id, user, LastAdmin::Keep));
        is_send(&admin.remove_tenant(&seed.id));
    }
    let _ = check;
}
