//! The calls of a seed: how many there are, and what is left if it is killed at any of them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::admin::faults::{Crash, CrashingStore};
use crate::admin::settings::SettingKey;
use crate::admin::transfer::SecretsIn;
use crate::ports::{Clock, Platform};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }
}

/// More people than fit one commit.
const MANY: usize = 103;

/// All kinds of items.
fn seed(users: usize) -> TenantSeed {
    let mut seed = TenantSeed::new("default".parse().unwrap());
    seed.name = Some("Team".to_owned());
    seed.settings = vec![SettingEdit::set_text(SettingKey::MessagesPerDay, "7").unwrap()];
    seed.users = (0..users)
        .map(|n| UserSeed {
            email: format!("u{n}@example.com"),
            id: None,
            display_name: None,
            role: UserRole::Admin,
        })
        .collect();
    seed.channels = vec![(ChannelKind::Dashboard, "T1".parse().unwrap())];
    for name in ["pager", "wiki"] {
        let fields = json!({"token": name}).as_object().unwrap().clone();
        let document = SecretDocument::new(fields);
        seed.secrets.insert(name.parse().unwrap(), document);
    }
    seed
}

/// All that is stored of the tenant, as an export has it.
async fn state(platform: &Platform) -> String {
    let mut file = Vec::new();
    Admin::new(platform.clone(), "operator:test")
        .export_tenant(&seed(0).id, SecretsIn::Values, &mut file, &mut |_| ())
        .await
        .unwrap();
    String::from_utf8(file).unwrap()
}

fn platform(folder: &tempfile::TempDir) -> Platform {
    Platform {
        clock: Arc::new(Noon),
        ..crate::local::open(folder.path()).unwrap()
    }
}

/// How many calls a seed makes of the stores, on a new platform and repeated.
async fn calls(users: usize) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (counted, stores) = CrashingStore::over(&platform(&folder), usize::MAX, Crash::Before);
    let admin = Admin::new(counted, "operator:test");
    admin.seed(&seed(users)).await.unwrap();
    let first = stores.calls();
    admin.seed(&seed(users)).await.unwrap();
    (first, stores.calls() - first)
}

#[tokio::test]
async fn a_seed_reads_what_is_stored_once_however_many_people_it_names() {
    // The tenant, its people, the channel; two reads of each secret that does not exist, and one of
    // each that does.
    let (reads, reads_again) = (7, 5);
    // Both secrets, with an audit entry before and after.
    let secrets = 6;
    for (users, commits) in [(1, 1), (90, 1), (MANY, 2), (450, 5)] {
        let expected = (reads + commits + secrets, reads_again);
        assert_eq!(calls(users).await, expected, "{users}");
    }
}

#[tokio::test]
async fn seeding_that_is_killed_anywhere_ends_the_same_when_it_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let clean = platform(&folder);
    let (counted, stores) = CrashingStore::over(&clean, usize::MAX, Crash::Before);
    let admin = Admin::new(counted, "operator:test");
    admin.seed(&seed(MANY)).await.unwrap();
    let wanted = state(&clean).await;

    let mut changed = 0;
    for call in 1..=stores.calls() {
        for crash in [Crash::Before, Crash::After] {
            let is_read = !stores.is_change(call);
            if is_read && crash == Crash::After {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let platform = platform(&folder);
            let (crashing, _) = CrashingStore::over(&platform, call, crash);
            let killed = Admin::new(crashing, "operator:test")
                .seed(&seed(MANY))
                .await;
            assert!(killed.is_err(), "{crash:?} {call}");
            let admin = Admin::new(platform.clone(), "operator:test");
            admin.seed(&seed(MANY)).await.unwrap();
            assert_eq!(state(&platform).await, wanted, "{crash:?} {call}");
            let again = admin.seed(&seed(MANY)).await.unwrap();
            assert!(
                again
                    .iter()
                    .all(|item| item.outcome == SeedOutcome::Unchanged),
                "{crash:?} {call}: {again:?}"
            );
            changed += usize::from(!is_read);
        }
    }
    assert!(changed > 10, "only {changed} crashes at a change");
}
