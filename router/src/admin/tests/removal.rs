//! What removing users and tenants leaves behind: nothing.

use std::sync::atomic::Ordering;

use jiff::civil::Date;

use serde_json::json;

use super::*;
use crate::model::{Amounts, Hold, LedgerAccount};
use crate::ports::UsageStore;

/// A conversation of a user as they are now.
async fn conversation(setting: &Setting, user: UserId) -> ConversationKey {
    let store = &setting.platform.tenants;
    let now = store.user(&tenant(), &user).await.unwrap();
    let tenant_now = store.tenant(&tenant()).await.unwrap();
    let tenant_since = tenant_now.map(|tenant| tenant.created_at);
    ConversationKey {
        owner: ConversationOwner {
            tenant_id: tenant(),
            channel: ChannelKind::Api,
            user_id: user,
            since: now.map_or(tenant_since, |user| user.created_at),
            retention: None,
        },
        session_id: id("s"),
    }
}

#[tokio::test]
async fn removing_a_user_forgets_their_conversations_and_no_one_elses() {
    let setting = setting(&["ada@example.com", "grace@example.com"]).await;
    let key = async |user: UserId| conversation(&setting, user).await;
    let message: Message =
        serde_json::from_value(json!({"role": "user", "content": "hi"})).unwrap();
    let now = setting.admin.now();
    let conversations = &setting.platform.conversations;
    let users = [
        id("ada@example.com"),
        id("grace@example.com"),
        UserId::anonymous(),
    ];
    for user in users.clone() {
        let said = std::slice::from_ref(&message);
        conversations
            .append(&key(user).await, said, now)
            .await
            .unwrap();
    }
    let keys = [
        key(users[0].clone()).await,
        key(users[1].clone()).await,
        key(users[2].clone()).await,
    ];
    setting
        .admin
        .remove_user(&tenant(), &users[0], LastAdmin::Keep)
        .await
        .unwrap();
    let late = std::slice::from_ref(&message);
    let refused = conversations.append(&keys[0], late, now).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound(_))),
        "{refused:?}"
    );
    let window = Window {
        messages: 10,
        bytes: 1000,
    };
    let mut left = Vec::new();
    for key in keys {
        let said = conversations.recent(&key, window, now).await.unwrap();
        left.push(said.len());
    }
    assert_eq!(left, [0, 1, 1]);
}

#[tokio::test]
async fn a_removal_of_a_tenant_that_was_interrupted_is_finished_by_the_next() {
    let setting = setting(&["ada@example.com"]).await;
    let jira = SecretName {
        tenant_id: tenant(),
        integration: id("pager"),
        user_id: None,
    };
    let document = SecretDocument::new(json!({"key": "hunter2"}).as_object().unwrap().clone());
    setting.admin.set_secret(&jira, &document).await.unwrap();

    setting.store.removals_to_fail.store(1, Ordering::Relaxed);
    setting.admin.remove_tenant(&tenant()).await.unwrap_err();
    let status = setting.other.tenant(&tenant()).await.unwrap().status;
    assert_eq!(status, TenantStatus::Suspended);

    let removed = setting.admin.remove_tenant(&tenant()).await.unwrap();
    assert_eq!(removed.holdings.users, 1);
    assert_eq!(setting.platform.secrets.get(&jira).await, Ok(None));
    let gone = setting.admin.remove_tenant(&tenant()).await.unwrap_err();
    assert!(matches!(gone, AdminError::NotFound(_)), "{gone}");
    let again = NewTenant {
        id: tenant(),
        name: None,
        status: TenantStatus::Active,
        settings: Vec::new(),
    };
    assert_eq!(setting.actions().await[0], "tenant.remove");
    setting.admin.add_tenant(again).await.unwrap();
    let restored = setting.admin.restore_secret(&jira).await.unwrap_err();
    assert!(matches!(restored, AdminError::NotFound(_)), "{restored}");
}

#[tokio::test]
async fn a_removed_tenants_id_is_free_at_once_and_nothing_of_it_is_left() {
    let setting = setting(&["ada@example.com"]).await;
    let jira = SecretName {
        tenant_id: tenant(),
        integration: id("jira"),
        user_id: None,
    };
    let fields = json!({"url": "https://t", "email": "a@b", "api_token": "t", "board_id": 7});
    let document = SecretDocument::new(fields.as_object().unwrap().clone());
    setting.admin.set_secret(&jira, &document).await.unwrap();
    let usage = &setting.platform.usage;
    let today: jiff::civil::Date = id("2026-01-15");
    let id_of = tenant();
    let reserve = || message(&**usage, &id_of, today);
    reserve().await;

    let key = conversation(&setting, id("ada@example.com")).await;
    setting.admin.remove_tenant(&tenant()).await.unwrap();
    // A turn under way writes after the removal.
    reserve().await;
    let asked = setting.admin.now();
    let said = Message {
        at: Some(asked),
        ..serde_json::from_value(json!({"role": "user", "content": "hi"})).unwrap()
    };
    let conversations = &setting.platform.conversations;
    let late = std::slice::from_ref(&said);
    let refused = conversations.append(&key, late, asked).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound(_))),
        "{refused:?}"
    );

    let seed = TenantSeed {
        users: vec![user_seed("ada@example.com", UserRole::Admin)],
        ..TenantSeed::new(tenant())
    };
    setting.admin.seed(&seed).await.unwrap();
    let window = Window {
        messages: 10,
        bytes: 1000,
    };
    // One more, of a user whose id is another's by now.
    let refused = conversations.append(&key, late, setting.admin.now()).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound(_))),
        "{refused:?}"
    );
    let new = conversation(&setting, id("ada@example.com")).await;
    let left = conversations
        .recent(&new, window, setting.admin.now())
        .await;
    assert_eq!(left, Ok(Vec::new()));
    assert_eq!(usage.usage(&tenant(), today, today).await, Ok(Vec::new()));
    assert_eq!(setting.platform.secrets.describe(&jira).await, Ok(None));
}

#[tokio::test]
async fn an_id_that_an_earlier_version_reserved_can_be_freed() {
    let setting = setting(&["ada@example.com"]).await;
    let until = setting.admin.now() + jiff::SignedDuration::from_hours(1);
    let audit = setting.admin.audit(&tenant(), "tenant.remove", "default");
    let store = &setting.platform.tenants;
    store.remove_tenant(&tenant(), until, &audit).await.unwrap();
    assert_eq!(
        setting.admin.reserved_until(&tenant()).await.unwrap(),
        Some(until)
    );
    let refused = setting.admin.seed(&TenantSeed::new(tenant())).await;
    assert!(matches!(
        refused,
        Err(AdminError::Store(StoreError::Reserved { .. }))
    ));
    setting.admin.purge_tenant(&tenant()).await.unwrap();
    let again = setting.admin.purge_tenant(&tenant()).await;
    assert!(matches!(again, Err(AdminError::NotFound(_))), "{again:?}");
    setting
        .admin
        .seed(&TenantSeed::new(tenant()))
        .await
        .unwrap();
    assert_eq!(setting.actions().await[1], "tenant.purge");
}

/// So many seconds from now.
struct Later(i64);

impl crate::ports::Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.0)
    }
}

#[tokio::test]
async fn where_ids_rest_a_purge_waits_for_late_writes_and_deletes_them() {
    let setting = setting(&["ada@example.com"]).await;
    setting.store.ids_rest.store(true, Ordering::Relaxed);
    let pager = SecretName {
        tenant_id: tenant(),
        integration: id("pager"),
        user_id: None,
    };
    let document = SecretDocument::new(json!({"key": "x"}).as_object().unwrap().clone());
    setting.admin.set_secret(&pager, &document).await.unwrap();
    let removed = setting.admin.remove_tenant(&tenant()).await.unwrap();
    assert!(removed.id_free_at > Some(setting.admin.now()));
    assert!(removed.secrets_gone_at.is_some());

    // A router that still knows the tenant from its cache.
    let (usage, today, tenant_id) = (&setting.platform.usage, id("2026-01-15"), tenant());
    let late = message(&**usage, &tenant_id, today);
    late.await;

    let early = setting.admin.purge_tenant(&tenant()).await;
    assert!(
        matches!(early, Err(AdminError::Refused { .. })),
        "{early:?}"
    );
    let later = Platform {
        tenants: Arc::clone(&setting.store) as Arc<dyn TenantStore>,
        clock: Arc::new(Later(131)),
        ..setting.platform.clone()
    };
    let later = Admin::new(later, "operator:ada");
    later.purge_tenant(&tenant()).await.unwrap();
    assert_eq!(setting.platform.secrets.describe(&pager).await, Ok(None));
    later.seed(&TenantSeed::new(tenant())).await.unwrap();
    assert_eq!(usage.usage(&tenant(), today, today).await, Ok(Vec::new()));
}

/// A message of somebody of the tenant.
async fn message(usage: &dyn UsageStore, tenant: &TenantId, day: Date) {
    let nobody = LedgerAccount::of(UserId::anonymous(), None, None);
    let now = Timestamp::now();
    let hold = Hold {
        day,
        ..Hold::new(tenant.clone(), nobody, Amounts::MESSAGE, Vec::new(), now)
    };
    usage.reserve(&hold).await.unwrap();
}
