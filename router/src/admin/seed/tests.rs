//! What a seed plans on what is stored.

use super::*;
use crate::admin::settings::SettingKey;
use serde_json::json;

fn document(value: serde_json::Value) -> SecretDocument {
    SecretDocument::new(value.as_object().unwrap().clone())
}

fn jira(token: &str) -> SecretDocument {
    document(json!({"url": "https://t", "email": "a@b", "api_token": token, "board_id": "7"}))
}

fn user(email: &str, role: UserRole) -> UserSeed {
    UserSeed {
        email: email.to_owned(),
        id: None,
        display_name: None,
        role,
    }
}

fn seed() -> TenantSeed {
    TenantSeed {
        settings: vec![SettingEdit::set_text(SettingKey::MessagesPerDay, "50").unwrap()],
        users: vec![user("ada@example.com", UserRole::Admin)],
        channels: vec![(ChannelKind::Dashboard, "T1".parse().unwrap())],
        secrets: BTreeMap::from([("jira".parse().unwrap(), jira("hunter2"))]),
        ..TenantSeed::new("default".parse().unwrap())
    }
}

/// What there is after a plan was applied to nothing.
fn applied(plan: &SeedPlan) -> Current {
    let mut current = Current::default();
    for change in &plan.changes {
        match change.clone() {
            Change::CreateTenant(tenant) => current.tenant = Some(tenant),
            Change::CreateUser(user) => {
                current.users.insert(user.id.clone(), user);
            }
            Change::MapChannel(mapping) => {
                let channel = (mapping.kind, mapping.channel_id);
                current.channels.insert(channel, mapping.tenant_id);
            }
            other => panic!("{other:?} on an empty store"),
        }
    }
    for (name, document) in &plan.secrets {
        let present = CurrentSecret::Present(document.clone());
        current.secrets.insert(name.integration.clone(), present);
    }
    current
}

fn planned(current: &Current, seed: &TenantSeed) -> SeedPlan {
    plan(current, seed, Timestamp::UNIX_EPOCH).unwrap()
}

fn outcomes(plan: &SeedPlan) -> Vec<&SeedOutcome> {
    plan.items.iter().map(|item| &item.outcome).collect()
}

fn fields(names: &[&str]) -> SeedOutcome {
    SeedOutcome::Changed(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn seeding_twice_creates_then_changes_nothing() {
    let first = planned(&Current::default(), &seed());
    assert!(outcomes(&first).iter().all(|o| **o == SeedOutcome::Created));
    let second = planned(&applied(&first), &seed());
    assert!(
        outcomes(&second)
            .iter()
            .all(|o| **o == SeedOutcome::Unchanged)
    );
    assert!(second.changes.is_empty() && second.secrets.is_empty());
}

#[test]
fn what_differs_is_named_by_field() {
    let current = applied(&planned(&Current::default(), &seed()));
    let mut wanted = seed();
    wanted.name = Some("Team".to_owned());
    wanted.users[0].display_name = Some("Ada".to_owned());
    wanted.secrets = BTreeMap::from([("jira".parse().unwrap(), jira("swordfish"))]);
    let plan = planned(&current, &wanted);
    assert_eq!(
        outcomes(&plan),
        [
            &fields(&["name"]),
            &fields(&["display_name"]),
            &SeedOutcome::Unchanged,
            &fields(&["api_token"])
        ]
    );
    let text = format!("{plan:?}");
    assert!(!text.contains("swordfish") && !text.contains("hunter2"));
}

#[test]
fn what_an_operator_did_since_is_not_taken_back() {
    let mut current = applied(&planned(&Current::default(), &seed()));
    let tenant = current.tenant.as_mut().unwrap();
    tenant.settings.messages_per_day = Some(9);
    tenant.status = TenantStatus::Suspended;
    let mut wanted = seed();
    wanted.users[0].role = UserRole::Member;
    let plan = planned(&current, &wanted);
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);

    current.tenant.as_mut().unwrap().settings.messages_per_day = None;
    let plan = planned(&current, &wanted);
    assert_eq!(plan.items[0].outcome, fields(&["messages_per_day"]));
}

#[test]
fn a_role_is_raised_and_never_lowered() {
    let mut current = applied(&planned(&Current::default(), &seed()));
    for user in current.users.values_mut() {
        user.role = UserRole::Member;
    }
    assert_eq!(
        planned(&current, &seed()).items[1].outcome,
        fields(&["role"])
    );
}

#[test]
fn fields_of_a_secret_that_the_seed_does_not_name_stay() {
    let mut current = applied(&planned(&Current::default(), &seed()));
    let mut stored = jira("hunter2").fields().clone();
    stored.insert("project_key".to_owned(), json!("T3"));
    let present = CurrentSecret::Present(SecretDocument::new(stored));
    current.secrets.insert("jira".parse().unwrap(), present);
    assert_eq!(
        planned(&current, &seed()).items[3].outcome,
        SeedOutcome::Unchanged
    );

    let mut wanted = seed();
    wanted.secrets = BTreeMap::from([("jira".parse().unwrap(), jira("new"))]);
    let (_, written) = &planned(&current, &wanted).secrets[0];
    assert_eq!(written.text("project_key").as_deref(), Some("T3"));
}

#[test]
fn a_removed_secret_comes_back() {
    let mut current = applied(&planned(&Current::default(), &seed()));
    current
        .secrets
        .insert("jira".parse().unwrap(), CurrentSecret::Removed);
    assert_eq!(
        planned(&current, &seed()).items[3].outcome,
        SeedOutcome::Restored
    );
}

#[test]
fn another_tenants_channel_is_refused() {
    let mut current = Current::default();
    let other: TenantId = "other".parse().unwrap();
    current
        .channels
        .insert((ChannelKind::Dashboard, "T1".parse().unwrap()), other);
    let refused = plan(&current, &seed(), Timestamp::UNIX_EPOCH);
    assert!(matches!(
        refused,
        Err(AdminError::Store(StoreError::Taken(_)))
    ));
}

#[test]
fn an_item_named_twice_is_refused() {
    let mut twice = seed();
    twice.users.push(user("ADA@example.com", UserRole::Member));
    assert!(plan(&Current::default(), &twice, Timestamp::UNIX_EPOCH).is_err());
    let mut twice = seed();
    twice.channels.push(twice.channels[0].clone());
    assert!(plan(&Current::default(), &twice, Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn each_change_belongs_to_an_item() {
    let plan = planned(&Current::default(), &seed());
    let items: Vec<String> = plan.items.iter().map(SeedItem::target).collect();
    let changed: Vec<String> = plan.changes.iter().map(target).collect();
    assert_eq!(items[..3], changed[..]);
}
