//! The embedded platform, and what only it promises: its files, and several programs on one home at
//! once.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use t3nets_router::local::{FileSecrets, LocalPaths};
use t3nets_router::model::SecretDocument;
use t3nets_router::ports::{
    Change, Clock, Platform, SecretStore, StoreError, SystemClock, Window, all_pages,
};

use crate::conversations::{key_of, owner_of, said};
use crate::fixture::{
    Fixture, ManualClock, World, at_once, audit, id, let_in, object, reserve_message, secret_name,
    settle, tenant, unique_tenant_id, user,
};

/// A home folder of its own, removed with it.
pub(crate) struct LocalFixture {
    home: tempfile::TempDir,
    clock: Arc<ManualClock>,
    platform: Platform,
}

impl LocalFixture {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(id("2026-03-01T12:00:00.5Z"));
        Self {
            platform: t3nets_router::local::open_with_clock(home.path(), clock.clone()).unwrap(),
            home,
            clock,
        }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }
}

#[async_trait]
impl Fixture for LocalFixture {
    async fn platform(&self) -> Platform {
        self.platform.clone()
    }

    fn advance_clock(&self, by: SignedDuration) -> bool {
        self.clock.advance(by);
        true
    }
}

fn document() -> SecretDocument {
    SecretDocument::new(object(json!({"api_token": "s3cr3t-t0ken"})))
}

const ALL: Window = Window {
    messages: 1000,
    bytes: usize::MAX,
};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("made/with/its/parents");
    let id = unique_tenant_id();
    let (session, secret) = (key_of(&owner_of(&id), "s"), secret_name(&id, "jira"));
    let now = Timestamp::now();
    {
        let platform = t3nets_router::local::open(&home).unwrap();
        let create = [Change::CreateTenant(tenant(&id))];
        platform
            .tenants
            .commit(&id, &create, &audit(&id))
            .await
            .unwrap();
        let_in(&platform, &session.owner).await;
        let messages = [said("hello")];
        platform
            .conversations
            .append(&session, &messages, now)
            .await
            .unwrap();
        platform.secrets.put(&secret, &document()).await.unwrap();
    }
    let platform = t3nets_router::local::open(&home).unwrap();
    assert_eq!(platform.tenants.tenant(&id).await, Ok(Some(tenant(&id))));
    let messages = platform.conversations.recent(&session, ALL, now).await;
    assert_eq!(messages, Ok(vec![said("hello")]));
    assert_eq!(platform.secrets.get(&secret).await, Ok(Some(document())));
}

#[tokio::test]
async fn how_long_a_tenant_keeps_conversations_holds_for_those_there_are() {
    let fixture = LocalFixture::new();
    let world = World::new(&fixture).await;
    let key = key_of(&owner_of(&world.tenant), "s");
    let_in(&world.platform, &key.owner).await;
    let store = &world.platform.conversations;
    let now = world.platform.clock.now();
    store.append(&key, &[said("hello")], now).await.unwrap();
    let keep = async |days: u64| {
        let before = world.stored().await;
        let mut after = before.clone();
        after.extensions = object(json!({"settings": {"retention_days": days}}));
        let change = Change::UpdateTenant { before, after };
        world.commit(&[change]).await.unwrap();
    };
    let day = SignedDuration::from_hours(24);
    let is_there = async |days: i32| {
        !store
            .recent(&key, ALL, now + day * days)
            .await
            .unwrap()
            .is_empty()
    };
    assert!(is_there(29).await && !is_there(30).await);
    keep(7).await;
    assert!(is_there(6).await && !is_there(7).await);
    keep(30).await;
    assert!(is_there(29).await);

    // Deleted by whatever is said next.
    keep(7).await;
    let other = key_of(&key.owner, "other");
    store
        .append(&other, &[said("hi")], now + day * 7)
        .await
        .unwrap();
    keep(30).await;
    assert!(!is_there(8).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_on_one_home_see_each_others_writes() {
    let fixture = LocalFixture::new();
    let first = World::new(&fixture).await;
    let second = World {
        platform: t3nets_router::local::open(fixture.home()).unwrap(),
        tenant: first.tenant.clone(),
    };
    for n in 0..20 {
        let (writer, reader) = if n % 2 == 0 {
            (&first, &second)
        } else {
            (&second, &first)
        };
        let user = writer.add_user(&format!("user-{n}")).await;
        let seen = reader.platform.tenants.user(&reader.tenant, &user.id).await;
        assert_eq!(seen, Ok(Some(user)));
        let name = secret_name(&writer.tenant, &format!("integration-{n}"));
        let secrets = &writer.platform.secrets;
        secrets.put(&name, &document()).await.unwrap();
        let seen = reader.platform.secrets.get(&name).await;
        assert_eq!(seen, Ok(Some(document())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_that_write_at_once_lose_nothing() {
    let fixture = LocalFixture::new();
    let world = World::new(&fixture).await;
    let platforms = [
        world.platform.clone(),
        t3nets_router::local::open(fixture.home()).unwrap(),
    ];
    at_once((0..100).map(|n| {
        let world = World {
            platform: platforms[n % 2].clone(),
            tenant: world.tenant.clone(),
        };
        async move {
            let add = [Change::CreateUser(user(
                &world.tenant,
                &format!("user-{n}"),
            ))];
            world.commit(&add).await.unwrap();
        }
    }))
    .await;
    let users = all_pages(|page| world.platform.tenants.users(&world.tenant, page)).await;
    assert_eq!(users.unwrap().len(), 100);
}

#[test]
fn programs_that_open_a_new_home_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| t3nets_router::local::open(&home)))
            .collect();
        for thread in opening {
            assert!(thread.join().unwrap().is_ok());
        }
    });
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(t3nets_router::local::open(home.path()).unwrap());
    let database = LocalPaths::new(home.path()).database();
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    let error = t3nets_router::local::open(home.path()).err().unwrap();
    assert!(error.to_string().contains("newer version"), "{error}");
    let left: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(left, 999, "it was left as it was");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        LocalPaths::new(home.path()).database(),
        "not a database ".repeat(100),
    )
    .unwrap();
    let error = t3nets_router::local::open(home.path()).err().unwrap();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn secrets_are_encrypted_on_disk() {
    let fixture = LocalFixture::new();
    let name = secret_name(&unique_tenant_id(), "jira");
    fixture
        .platform
        .secrets
        .put(&name, &document())
        .await
        .unwrap();
    let paths = LocalPaths::new(fixture.home());
    let stored = std::fs::read(paths.secrets()).unwrap();
    assert!(stored.starts_with(b"age-encryption.org/v1"));
    for plain in ["s3cr3t-t0ken", "api_token", name.tenant_id.as_str()] {
        let found = stored
            .windows(plain.len())
            .any(|window| window == plain.as_bytes());
        assert!(!found, "`{plain}` can be read in the file");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn everything_in_the_home_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let platform = t3nets_router::local::open(&home).unwrap();
    let name = secret_name(&unique_tenant_id(), "jira");
    platform.secrets.put(&name, &document()).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&home).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "the database, its log, the secrets, their key");
}

/// Opens the secrets again after `harm` was done to their files, and returns the refusal.
async fn refusal_after(harm: impl FnOnce(&LocalPaths)) -> StoreError {
    let home = tempfile::tempdir().unwrap();
    let secrets = FileSecrets::open(home.path(), "secrets", Arc::new(SystemClock)).unwrap();
    let name = secret_name(&unique_tenant_id(), "jira");
    secrets.put(&name, &document()).await.unwrap();
    harm(&LocalPaths::new(home.path()));
    let get = secrets.get(&name).await.unwrap_err();
    let put = secrets.put(&name, &document()).await.unwrap_err();
    let open = t3nets_router::local::open(home.path()).err().unwrap();
    assert_eq!((&get, &put), (&open, &open));
    let shown = format!("{open} {open:?}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("AGE-SECRET-KEY-1Q"));
    open
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let error = refusal_after(|paths| {
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(paths.secrets_key(), mode).unwrap();
    })
    .await;
    assert!(matches!(error, StoreError::Denied(_)), "{error}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test]
async fn secrets_without_their_key_are_refused_and_not_overwritten() {
    let error = refusal_after(|paths| std::fs::remove_file(paths.secrets_key()).unwrap()).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("is missing"), "{error}");
}

#[tokio::test]
async fn secrets_with_another_key_are_refused() {
    let other = tempfile::tempdir().unwrap();
    let secrets = FileSecrets::open(other.path(), "secrets", Arc::new(SystemClock)).unwrap();
    let name = secret_name(&unique_tenant_id(), "jira");
    secrets.put(&name, &document()).await.unwrap();
    let error = refusal_after(|paths| {
        let other_key = LocalPaths::new(other.path()).secrets_key();
        std::fs::copy(other_key, paths.secrets_key()).unwrap();
    })
    .await;
    assert!(matches!(error, StoreError::Denied(_)), "{error}");
    assert!(error.to_string().contains("another key"), "{error}");
}

#[tokio::test]
async fn damaged_secrets_are_refused() {
    for damage in [
        |data: &mut Vec<u8>| data.truncate(data.len() / 2),
        |data: &mut Vec<u8>| data.clear(),
        |data: &mut Vec<u8>| {
            if let Some(last) = data.last_mut() {
                *last ^= 1;
            }
        },
    ] {
        let error = refusal_after(|paths| {
            let mut data = std::fs::read(paths.secrets()).unwrap();
            damage(&mut data);
            std::fs::write(paths.secrets(), data).unwrap();
        })
        .await;
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
}

#[tokio::test]
async fn opening_and_reading_secrets_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = FileSecrets::open(folder.path(), "operator", Arc::new(SystemClock)).unwrap();
    let name = secret_name(&unique_tenant_id(), "dev");
    assert_eq!(secrets.get(&name).await, Ok(None));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn expired_conversations_are_cleared_away_by_later_turns() {
    let fixture = LocalFixture::new();
    let owner = owner_of(&unique_tenant_id());
    let_in(&fixture.platform, &owner).await;
    let store = &fixture.platform.conversations;
    let append = |session: String, now| {
        let key = key_of(&owner, &session);
        async move { store.append(&key, &[said("hello")], now).await.unwrap() }
    };
    let began = fixture.clock.now();
    for n in 0..10 {
        append(format!("old-{n}"), began).await;
    }
    let later = began + SignedDuration::from_hours(31 * 24);
    for n in 0..3 {
        append(format!("new-{n}"), later).await;
    }
    let database = LocalPaths::new(fixture.home()).database();
    let connection = rusqlite::Connection::open(database).unwrap();
    for table in ["conversations", "messages"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let left: i64 = connection.query_row(&sql, (), |row| row.get(0)).unwrap();
        assert_eq!(left, 3, "{table}");
    }
}

#[tokio::test]
async fn counters_end_at_their_largest_value() {
    let fixture = LocalFixture::new();
    let tenant = unique_tenant_id();
    let (usage, day) = (&fixture.platform.usage, id("2026-03-01"));
    let most = t3nets_router::model::UsageDelta {
        input_tokens: u64::MAX,
        output_tokens: 1,
        cost: t3nets_router::model::NanoUsd(u64::MAX),
        unpriced_tokens: u64::MAX,
        estimated_tokens: 7,
    };
    for _ in 0..2 {
        let reservation = ulid::Ulid::generate();
        let granted = reserve_message(usage, &tenant, day, reservation, u64::MAX);
        assert_eq!(granted.await, Ok(true));
        let turn = crate::ledger::turn(most);
        settle(usage, &tenant, day, reservation, &turn)
            .await
            .unwrap();
    }
    let used = usage.usage(&tenant, day, day).await.unwrap();
    let largest = u64::try_from(i64::MAX).unwrap();
    assert_eq!((used[0].input_tokens, used[0].output_tokens), (largest, 2));
    assert_eq!(used[0].cost.0, largest);
    let ledger = usage.ledger(&tenant, day, day, None).await.unwrap();
    let counts = ledger[0].counts;
    assert_eq!((counts.turns, counts.used.output_tokens), (2, 2));
    assert_eq!(counts.used.input_tokens, largest);
    assert_eq!(counts.used.cost.0, largest);
}
