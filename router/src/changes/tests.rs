//! Each change on each kind of what may be stored.

use super::*;
use crate::model::{ChannelMapping, KeyHash, TenantSettings, TenantStatus, UserRole};

fn tenant_id() -> TenantId {
    "default".parse().unwrap()
}

fn other() -> TenantId {
    "other".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn tenant() -> Tenant {
    Tenant {
        id: tenant_id(),
        name: "Default".to_owned(),
        status: TenantStatus::Active,
        created_at: now(),
        settings: TenantSettings::default(),
        extensions: Default::default(),
        version: 3,
        other: Default::default(),
    }
}

fn user() -> User {
    User {
        id: "ada".parse().unwrap(),
        tenant_id: tenant_id(),
        email: "ada@example.com".to_owned(),
        display_name: "Ada".to_owned(),
        role: UserRole::Member,
        channel_identities: Default::default(),
        created_at: None,
        budgets: Default::default(),
        other: Default::default(),
    }
}

fn key() -> ApiKey {
    ApiKey {
        hash: KeyHash::of("t3n_x"),
        tenant_id: tenant_id(),
        user_id: "ada".parse().unwrap(),
        name: String::new(),
        role: UserRole::Member,
        created_at: now(),
        expires_at: None,
        prefix: "t3n_x".to_owned(),
        budgets: Default::default(),
        other: Default::default(),
    }
}

fn channel(kind: ChannelKind) -> ChannelMapping {
    ChannelMapping {
        tenant_id: tenant_id(),
        kind,
        channel_id: "C1".parse().unwrap(),
        other: Default::default(),
    }
}

fn memory(before: Option<UserMemory>) -> Change {
    Change::PutMemory {
        user_id: "ada".parse().unwrap(),
        before,
        after: UserMemory::default(),
    }
}

/// A tenant without any of its records.
fn empty() -> Current {
    Current {
        tenant_exists: true,
        ..Current::default()
    }
}

fn with_user() -> Current {
    Current {
        user_exists: true,
        ..empty()
    }
}

fn stored(stored: Stored) -> Current {
    Current {
        stored: Some(stored),
        ..with_user()
    }
}

fn owned_by(owner: TenantId) -> Current {
    Current {
        owners: vec![owner],
        ..with_user()
    }
}

#[track_caller]
fn assert_is(current: &Current, change: &Change, expected: Result<(), &str>) {
    let checked = check(&tenant_id(), current, change, now());
    let checked = checked.map_err(|error| error.to_string());
    assert_eq!(checked, expected.map_err(str::to_owned), "{change:?}");
}

#[test]
fn a_tenant_is_created_unless_it_exists_or_its_id_is_reserved() {
    let create = Change::CreateTenant(tenant());
    assert_is(&Current::default(), &create, Ok(()));
    assert_is(&empty(), &create, Err("tenant `default` already exists"));
    let reserved = |until: Timestamp| Current {
        reserved_until: Some(until),
        ..Current::default()
    };
    let later = now() + jiff::SignedDuration::from_secs(1);
    let until = "tenant `default` was removed; its id can be used again from 2026-03-01T12:00:01Z";
    assert_is(&reserved(later), &create, Err(until));
    assert_is(&reserved(now()), &create, Ok(()));
}

#[test]
fn nothing_is_changed_in_a_tenant_that_does_not_exist() {
    for change in [
        Change::UpdateTenant {
            before: tenant(),
            after: tenant(),
        },
        Change::CreateUser(user()),
        Change::RemoveUser(user()),
        memory(None),
        Change::MapChannel(channel(ChannelKind::Slack)),
        Change::CreateKey(key()),
        Change::RevokeKey(key()),
        Change::UpdateKey {
            before: key(),
            after: key(),
        },
    ] {
        let refused = Err("tenant `default` does not exist");
        assert_is(&Current::default(), &change, refused);
    }
}

#[test]
fn an_update_needs_the_whole_record_as_it_was_read() {
    let update = Change::UpdateTenant {
        before: tenant(),
        after: tenant(),
    };
    assert_is(&stored(Stored::Tenant(tenant())), &update, Ok(()));
    let mut changed = tenant();
    changed.settings.messages_per_day = Some(7);
    assert_is(
        &stored(Stored::Tenant(changed)),
        &update,
        Err("tenant `default` was changed by someone else in the meantime"),
    );

    let remove = Change::RemoveUser(user());
    assert_is(&stored(Stored::User(user())), &remove, Ok(()));
    let renamed = User {
        display_name: "A.".to_owned(),
        ..user()
    };
    let told = "user `ada` of tenant `default` was changed by someone else in the meantime";
    assert_is(&stored(Stored::User(renamed)), &remove, Err(told));
    let missing = "user `ada` of tenant `default` does not exist";
    assert_is(&empty(), &remove, Err(missing));
}

#[test]
fn a_user_is_created_once_and_never_as_the_anonymous_one() {
    let create = Change::CreateUser(user());
    assert_is(&empty(), &create, Ok(()));
    let told = "user `ada` of tenant `default` already exists";
    assert_is(&with_user(), &create, Err(told));
    let anonymous = Change::CreateUser(User {
        id: UserId::anonymous(),
        ..user()
    });
    let told = "user `anonymous` of tenant `default` already exists";
    assert_is(&empty(), &anonymous, Err(told));
}

#[test]
fn memory_needs_its_user_and_what_was_read() {
    let missing = "user `ada` of tenant `default` does not exist";
    assert_is(&empty(), &memory(None), Err(missing));
    assert_is(&with_user(), &memory(None), Ok(()));
    let remembered = UserMemory {
        memory_summary: Some("billing".to_owned()),
        ..UserMemory::default()
    };
    let current = stored(Stored::Memory(remembered.clone()));
    assert_is(&current, &memory(Some(remembered)), Ok(()));
    let told =
        "the memory of user `ada` of tenant `default` was changed by someone else in the meantime";
    assert_is(&current, &memory(None), Err(told));
}

#[test]
fn a_channel_has_one_tenant_and_is_never_a_key() {
    let map = Change::MapChannel(channel(ChannelKind::Slack));
    let unmap = Change::UnmapChannel(channel(ChannelKind::Slack));
    assert_is(&empty(), &map, Ok(()));
    let mine = owned_by(tenant_id());
    assert_is(&mine, &map, Err("slack channel `C1` already exists"));
    assert_is(&mine, &unmap, Ok(()));
    let theirs = owned_by(other());
    let taken = "slack channel `C1` belongs to another tenant";
    assert_is(&theirs, &map, Err(taken));
    assert_is(&theirs, &unmap, Err("slack channel `C1` does not exist"));
    let forged = Change::MapChannel(channel(ChannelKind::Api));
    let refused = check(&tenant_id(), &empty(), &forged, now());
    assert!(matches!(refused, Err(StoreError::Denied(_))), "{refused:?}");
    let forged = Change::UnmapChannel(channel(ChannelKind::Api));
    assert_is(&mine, &forged, Err("api channel `C1` does not exist"));
}

#[test]
fn a_key_needs_its_user_and_is_not_to_be_seen_by_other_tenants() {
    let create = Change::CreateKey(key());
    assert_is(&with_user(), &create, Ok(()));
    let missing = "user `ada` of tenant `default` does not exist";
    assert_is(&empty(), &create, Err(missing));
    let mine = owned_by(tenant_id());
    assert_is(&mine, &create, Err("key `t3n_x…` already exists"));
    let theirs = owned_by(other());
    assert_is(
        &theirs,
        &create,
        Err("key `t3n_x…` belongs to another tenant"),
    );

    let revoke = Change::RevokeKey(key());
    let current = |name: &str| Current {
        stored: Some(Stored::Key(ApiKey {
            name: name.to_owned(),
            ..key()
        })),
        ..owned_by(tenant_id())
    };
    assert_is(&current(""), &revoke, Ok(()));
    let told = "key `t3n_x…` was changed by someone else in the meantime";
    assert_is(&current("new"), &revoke, Err(told));
    assert_is(&theirs, &revoke, Err("key `t3n_x…` does not exist"));
}

#[test]
fn a_commit_stays_within_its_limit_and_its_tenant() {
    let limit = CommitLimit {
        units: 2,
        units_of: |_| 1,
        bytes: usize::MAX,
    };
    let audit = |tenant_id| AuditEntry {
        id: ulid::Ulid::nil(),
        tenant_id,
        actor: "operator:ada".to_owned(),
        action: "user.add".to_owned(),
        target: "ada".to_owned(),
        at: now(),
    };
    let of = |tenant_id| {
        Change::CreateUser(User {
            tenant_id,
            ..user()
        })
    };
    let checked =
        |changes: &[Change], audited| check_commit(&tenant_id(), changes, &audit(audited), limit);
    let mine = of(tenant_id());
    assert_eq!(checked(&[mine.clone(), mine.clone()], tenant_id()), Ok(()));
    let many = checked(&vec![mine.clone(); 3], tenant_id());
    assert!(matches!(many, Err(StoreError::TooLarge(_))), "{many:?}");
    let theirs = checked(&[of(other())], tenant_id());
    assert!(matches!(theirs, Err(StoreError::Taken(_))), "{theirs:?}");
    let audited = checked(&[mine], other());
    assert!(matches!(audited, Err(StoreError::Taken(_))), "{audited:?}");
}
