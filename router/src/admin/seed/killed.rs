//! Seeding that is killed at any of its calls, and done again.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::admin::faults::{Death, Mortal};
use crate::admin::settings::SettingKey;
use crate::admin::transfer::SecretsIn;
use crate::ports::{Clock, Platform};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }
}

/// All kinds of items, in more than one batch.
fn seed() -> TenantSeed {
    let mut seed = TenantSeed::new("default".parse().unwrap());
    seed.name = Some("Team".to_owned());
    seed.settings = vec![SettingEdit::set_text(SettingKey::MessagesPerDay, "7").unwrap()];
    seed.users = (0..USERS_AT_ONCE + 3)
        .map(|n| UserSeed {
            email: format!("u{n}@example.com"),
            id: None,
            display_name: None,
            role: UserRole::Admin,
        })
        .collect();
    seed.channels = vec![(ChannelKind::Slack, "T1".parse().unwrap())];
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
        .export_tenant(&seed().id, SecretsIn::Values, &mut file, &mut |_| ())
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

#[tokio::test]
async fn seeding_that_is_killed_anywhere_ends_the_same_when_it_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let clean = platform(&folder);
    let (counted, mortal) = Mortal::over(&clean, usize::MAX, Death::Before);
    let admin = Admin::new(counted, "operator:test");
    admin.seed(&seed()).await.unwrap();
    let wanted = state(&clean).await;
    let calls = mortal.calls();

    // Reads change nothing, so only the calls near a change differ; a few of the many reads are enough.
    let reads_apart = 17;
    let mut changed = 0;
    let mut last = String::new();
    for call in 1..=calls {
        for death in [Death::Before, Death::After] {
            let is_read = !mortal.is_change(call);
            if is_read && (death == Death::After || call % reads_apart != 0) {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let platform = platform(&folder);
            let (dying, _) = Mortal::over(&platform, call, death);
            let killed = Admin::new(dying, "operator:test").seed(&seed()).await;
            assert!(killed.is_err(), "{death:?} {call}");
            let admin = Admin::new(platform.clone(), "operator:test");
            admin.seed(&seed()).await.unwrap();
            last = state(&platform).await;
            assert_eq!(last, wanted, "{death:?} {call}");
            let again = admin.seed(&seed()).await.unwrap();
            assert!(
                again
                    .iter()
                    .all(|item| item.outcome == SeedOutcome::Unchanged),
                "{death:?} {call}: {again:?}"
            );
            changed += usize::from(!is_read);
        }
    }
    assert!(changed > 10, "only {changed} deaths at a change");
    assert_eq!(last, wanted);
}
