//! Secrets: what each call did, recovery, and tenants apart.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;
use t3nets_router::model::{SecretDocument, SecretName};
use t3nets_router::ports::{PutOutcome, StoreError};

use crate::fixture::{Fixture, at_once, id, object, secret_name, unique_tenant_id};

const RECOVERY_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

fn document(token: &str) -> SecretDocument {
    SecretDocument::new(object(
        json!({"url": "https://x.example", "api_token": token}),
    ))
}

pub(crate) async fn putting_says_what_it_did(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let name = secret_name(&unique_tenant_id(), "jira");
    for (token, outcome) in [
        ("one", PutOutcome::Created),
        ("one", PutOutcome::Unchanged),
        ("two", PutOutcome::Updated),
        ("two", PutOutcome::Unchanged),
    ] {
        assert_eq!(secrets.put(&name, &document(token)).await, Ok(outcome));
        assert_eq!(secrets.get(&name).await, Ok(Some(document(token))));
    }
}

pub(crate) async fn a_secret_reads_back_whole(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let name = secret_name(&unique_tenant_id(), "a.b_c@d+e-f");
    assert_eq!(secrets.get(&name).await, Ok(None));
    let document = SecretDocument::new(object(json!({
        "board_id": 42,
        "api_token": "quote \" backslash \\ newline \n \u{1F980}",
        "of another program": {"nested": [null, 1.5, true, ""]},
    })));
    secrets.put(&name, &document).await.unwrap();
    assert_eq!(secrets.get(&name).await, Ok(Some(document)));
    let another = secret_name(&name.tenant_id, "a.b_c@d+e");
    assert_eq!(secrets.get(&another).await, Ok(None));
}

pub(crate) async fn a_removed_secret_can_be_restored(fixture: &dyn Fixture) {
    let platform = fixture.platform().await;
    let secrets = platform.secrets;
    let name = secret_name(&unique_tenant_id(), "jira");
    secrets.put(&name, &document("one")).await.unwrap();
    let before = platform.clock.now();
    let gone_at = secrets.remove(&name).await.unwrap();
    let window = gone_at.duration_since(before);
    assert!(
        window >= RECOVERY_WINDOW - SignedDuration::from_hours(1),
        "{window:?}"
    );
    assert_eq!(secrets.get(&name).await, Ok(None));
    let described = secrets.describe(&name).await.unwrap().unwrap();
    assert_eq!(described.deleted_for_good_at, Some(gone_at));
    let again = secrets.remove(&name).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");

    secrets.restore(&name).await.unwrap();
    assert_eq!(secrets.get(&name).await, Ok(Some(document("one"))));
    let described = secrets.describe(&name).await.unwrap().unwrap();
    assert_eq!(described.deleted_for_good_at, None);
}

pub(crate) async fn putting_restores_what_was_removed(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let name = secret_name(&unique_tenant_id(), "jira");
    secrets.put(&name, &document("one")).await.unwrap();
    for token in ["one", "two"] {
        secrets.remove(&name).await.unwrap();
        assert_eq!(
            secrets.put(&name, &document(token)).await,
            Ok(PutOutcome::Restored)
        );
        assert_eq!(secrets.get(&name).await, Ok(Some(document(token))));
    }
}

pub(crate) async fn what_is_absent_can_be_neither_removed_nor_restored(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let name = secret_name(&unique_tenant_id(), "jira");
    assert_eq!(secrets.describe(&name).await, Ok(None));
    let removed = secrets.remove(&name).await;
    assert!(
        matches!(removed, Err(StoreError::NotFound(_))),
        "{removed:?}"
    );
    let restored = secrets.restore(&name).await;
    assert!(
        matches!(restored, Err(StoreError::NotFound(_))),
        "{restored:?}"
    );
    secrets.put(&name, &document("one")).await.unwrap();
    let restored = secrets.restore(&name).await;
    assert!(
        matches!(restored, Err(StoreError::NotFound(_))),
        "there is nothing to bring back: {restored:?}"
    );
}

pub(crate) async fn a_deleted_secret_cannot_be_restored(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    for is_removed_first in [true, false] {
        let name = secret_name(&unique_tenant_id(), "jira");
        secrets.put(&name, &document("one")).await.unwrap();
        if is_removed_first {
            secrets.remove(&name).await.unwrap();
        }
        for _ in 0..2 {
            secrets.delete(&name).await.unwrap();
        }
        let restored = secrets.restore(&name).await;
        assert!(
            matches!(restored, Err(StoreError::NotFound(_))),
            "{restored:?}"
        );
        assert_eq!(secrets.get(&name).await, Ok(None));
    }
}

pub(crate) async fn a_removed_secret_is_gone_after_its_recovery_window(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let name = secret_name(&unique_tenant_id(), "jira");
    secrets.put(&name, &document("one")).await.unwrap();
    secrets.remove(&name).await.unwrap();
    if !fixture.advance_secrets_clock(RECOVERY_WINDOW - SignedDuration::from_secs(1)) {
        return;
    }
    assert!(secrets.describe(&name).await.unwrap().is_some());
    fixture.advance_secrets_clock(SignedDuration::from_secs(1));
    assert_eq!(secrets.describe(&name).await, Ok(None));
    assert_eq!(secrets.list(&name.tenant_id).await, Ok(Vec::new()));
    let restored = secrets.restore(&name).await;
    assert!(
        matches!(restored, Err(StoreError::NotFound(_))),
        "{restored:?}"
    );
    assert_eq!(
        secrets.put(&name, &document("one")).await,
        Ok(PutOutcome::Created)
    );
}

pub(crate) async fn a_description_tells_the_times_and_no_value(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let name = secret_name(&unique_tenant_id(), "jira");
    secrets.put(&name, &document("s3cr3t")).await.unwrap();
    let made = secrets.describe(&name).await.unwrap().unwrap();
    assert_eq!(made.name, name);
    assert_eq!(made.deleted_for_good_at, None);
    assert!(!format!("{made:?}").contains("s3cr3t"));
    let read = secrets.get(&name).await.unwrap();
    assert!(!format!("{read:?}").contains("s3cr3t"));

    let time_passed = fixture.advance_secrets_clock(SignedDuration::from_hours(1));
    secrets.put(&name, &document("s3cr3t")).await.unwrap();
    assert_eq!(secrets.describe(&name).await, Ok(Some(made.clone())));
    secrets.put(&name, &document("other")).await.unwrap();
    let changed = secrets.describe(&name).await.unwrap().unwrap();
    assert_eq!(changed.created_at, made.created_at);
    assert!(changed.updated_at >= made.updated_at);
    if time_passed {
        assert!(changed.updated_at > made.updated_at);
    }
}

pub(crate) async fn tenants_see_only_their_own_secrets(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let mine = unique_tenant_id();
    let theirs = format!("{mine}-b").parse().unwrap();
    for integration in ["slack", "jira"] {
        let name = secret_name(&mine, integration);
        secrets.put(&name, &document("mine")).await.unwrap();
    }
    let theirs = secret_name(&theirs, "jira");
    assert_eq!(secrets.get(&theirs).await, Ok(None));
    secrets.put(&theirs, &document("theirs")).await.unwrap();
    secrets.remove(&secret_name(&mine, "slack")).await.unwrap();

    let listed = secrets.list(&mine).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|secret| {
            (
                secret.name.integration.as_str(),
                secret.deleted_for_good_at.is_some(),
            )
        })
        .collect();
    assert_eq!(listed, [("jira", false), ("slack", true)]);
    assert_eq!(secrets.get(&theirs).await, Ok(Some(document("theirs"))));
}

pub(crate) async fn users_own_secrets_are_beside_the_tenants(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let shared = secret_name(&unique_tenant_id(), "mcp-docs");
    let of = |user: &str| SecretName {
        user_id: Some(id(user)),
        ..shared.clone()
    };
    let (ada, bob) = (of("ada@example.com"), of("bob+1_x.y-z@example.com"));
    for (name, value) in [(&shared, "shared"), (&ada, "hers"), (&bob, "his")] {
        let put = secrets.put(name, &document(value)).await;
        assert_eq!(put, Ok(PutOutcome::Created));
    }
    let listed = secrets.list(&shared.tenant_id).await.unwrap();
    let listed: BTreeSet<SecretName> = listed.into_iter().map(|secret| secret.name).collect();
    assert_eq!(
        listed,
        BTreeSet::from([shared.clone(), ada.clone(), bob.clone()])
    );
    secrets.delete(&ada).await.unwrap();
    assert_eq!(secrets.describe(&ada).await, Ok(None));
    assert_eq!(secrets.get(&bob).await, Ok(Some(document("his"))));
    assert_eq!(secrets.get(&shared).await, Ok(Some(document("shared"))));
}

pub(crate) async fn changes_at_once_are_all_kept(fixture: &dyn Fixture) {
    let secrets = fixture.platform().await.secrets;
    let tenant = unique_tenant_id();
    let outcomes = at_once((0..20).map(|n| {
        let secrets = secrets.clone();
        let name = secret_name(&tenant, &format!("integration-{n:02}"));
        async move { secrets.put(&name, &document(&n.to_string())).await }
    }))
    .await;
    assert_eq!(outcomes, [const { Ok(PutOutcome::Created) }; 20]);
    for n in 0..20 {
        let name = secret_name(&tenant, &format!("integration-{n:02}"));
        let stored = secrets.get(&name).await.unwrap();
        assert_eq!(stored, Some(document(&n.to_string())));
    }
}

pub(crate) async fn the_store_answers(fixture: &dyn Fixture) {
    fixture.platform().await.secrets.ping().await.unwrap();
}
