//! Tenants, users and what is remembered of them: conditional changes, all or none.

use serde_json::json;
use t3nets_router::model::{
    JsonObject, Tenant, TenantSettings, TenantStatus, UserId, UserMemory, UserRole,
};
use t3nets_router::ports::{Change, Member, StoreError};

use crate::fixture::{
    Fixture, World, at_once, audit, channel, id, key, object, some_time, tenant, unique,
    unique_tenant_id, user,
};

pub(crate) async fn a_tenant_reads_back_as_it_was_made(fixture: &dyn Fixture) {
    let platform = fixture.platform().await;
    let mut made = tenant(&unique_tenant_id());
    assert_eq!(platform.tenants.tenant(&made.id).await, Ok(None));
    made.name = "Équipe “零” \u{1F980}".to_owned();
    made.status = TenantStatus::Onboarding;
    made.settings = TenantSettings {
        ai_model: Some("claude-sonnet".to_owned()),
        enabled_skills: Some(Vec::new()),
        messages_per_day: Some(0),
        other: object(json!({"theme": {"dark": true, "hue": 0.5}})),
        ..TenantSettings::default()
    };
    made.extensions = object(json!({"fallback_model": "nova-lite"}));
    let create = [Change::CreateTenant(made.clone())];
    let audit = audit(&made.id);
    platform
        .tenants
        .commit(&made.id, &create, &audit)
        .await
        .unwrap();
    assert_eq!(platform.tenants.tenant(&made.id).await, Ok(Some(made)));
}

pub(crate) async fn a_tenant_is_made_once(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let before = world.stored().await;
    let mut second = tenant(&world.tenant);
    second.name = "Another".to_owned();
    let again = world.commit(&[Change::CreateTenant(second)]).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists(_))),
        "{again:?}"
    );
    assert_eq!(world.stored().await, before);
}

fn renamed(before: &Tenant, name: &str) -> Change {
    Change::UpdateTenant {
        before: before.clone(),
        after: Tenant {
            name: name.to_owned(),
            ..before.clone()
        },
    }
}

pub(crate) async fn an_update_raises_the_version_by_one(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let before = world.stored().await;
    world.commit(&[renamed(&before, "New")]).await.unwrap();
    let after = world.stored().await;
    assert_eq!(
        (after.name.as_str(), after.version),
        ("New", before.version + 1)
    );
}

pub(crate) async fn of_two_writers_that_read_the_same_the_second_is_told(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let read_by_both = world.stored().await;
    world
        .commit(&[renamed(&read_by_both, "First")])
        .await
        .unwrap();
    let second = world.commit(&[renamed(&read_by_both, "Second")]).await;
    assert!(matches!(second, Err(StoreError::Changed(_))), "{second:?}");
    assert_eq!(world.stored().await.name, "First");
}

pub(crate) async fn a_value_changed_under_the_same_version_is_noticed(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    // Another program changed a setting and left the version alone: what this writer read differs
    // in the value only.
    let mut read_earlier = world.stored().await;
    read_earlier.settings.messages_per_day = Some(7);
    let update = world.commit(&[renamed(&read_earlier, "New")]).await;
    assert!(matches!(update, Err(StoreError::Changed(_))), "{update:?}");
    assert_eq!(world.stored().await, tenant(&world.tenant));
}

/// Two read-modify-write updates at once, a thousand times: fifty rounds in each of twenty tenants.
pub(crate) async fn concurrent_updates_retried_on_conflict_lose_nothing(fixture: &dyn Fixture) {
    const TENANTS: usize = 20;
    const ROUNDS: u64 = 50;

    async fn increment(world: &World, name: &str) {
        loop {
            let before = world.stored().await;
            let mut after = before.clone();
            let count = after.extensions.get(name).and_then(|count| count.as_u64());
            after
                .extensions
                .insert(name.to_owned(), json!(count.unwrap_or(0) + 1));
            match world
                .commit(&[Change::UpdateTenant { before, after }])
                .await
            {
                Ok(()) => return,
                Err(StoreError::Changed(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    let mut worlds = Vec::new();
    for _ in 0..TENANTS {
        worlds.push(World::new(fixture).await);
    }
    let counted = at_once(worlds.into_iter().map(|world| async move {
        for _ in 0..ROUNDS {
            tokio::join!(increment(&world, "shared"), increment(&world, "shared"));
        }
        world.stored().await
    }))
    .await;
    for stored in counted {
        assert_eq!(stored.extensions["shared"], json!(2 * ROUNDS));
        assert_eq!(stored.version, 1 + 2 * ROUNDS);
    }
}

pub(crate) async fn unknown_settings_and_extensions_survive_an_update(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let before = world.stored().await;
    let mut after = before.clone();
    after.settings.other = object(json!({"a setting of another program": [1, null, {"deep": ""}]}));
    after.extensions = object(json!({"mcp": {"servers": ["a", "b"]}, "empty": {}}));
    let written = after.clone();
    world
        .commit(&[Change::UpdateTenant { before, after }])
        .await
        .unwrap();
    let read = world.stored().await;
    world.commit(&[renamed(&read, "New")]).await.unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.settings, written.settings);
    assert_eq!(stored.extensions, written.extensions);
}

pub(crate) async fn nothing_can_be_changed_in_a_tenant_that_does_not_exist(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let absent = unique_tenant_id();
    let ada = user(&absent, "ada");
    let key = key(&absent, &ada.id);
    for change in [
        renamed(&tenant(&absent), "New"),
        Change::CreateUser(ada.clone()),
        Change::UpdateUser {
            before: ada.clone(),
            after: ada.clone(),
        },
        Change::RemoveUser(ada.clone()),
        Change::PutMemory {
            user_id: ada.id.clone(),
            before: None,
            after: UserMemory::default(),
        },
        Change::MapChannel(channel(
            &absent,
            t3nets_router::model::ChannelKind::Slack,
            &unique(),
        )),
        Change::CreateKey(key.clone()),
        Change::RevokeKey(key),
    ] {
        let outcome = world
            .commit_to(&absent, std::slice::from_ref(&change))
            .await;
        assert!(
            matches!(outcome, Err(StoreError::NotFound(_))),
            "{change:?}: {outcome:?}"
        );
    }
    assert_eq!(world.platform.tenants.tenant(&absent).await, Ok(None));
    assert_eq!(
        world.platform.tenants.user(&absent, &ada.id).await,
        Ok(None)
    );
}

pub(crate) async fn a_commit_makes_all_its_changes_or_none(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let before = world.stored().await;
    let refused = world
        .commit(&[
            renamed(&before, "New"),
            Change::CreateUser(user(&world.tenant, "grace")),
            Change::CreateUser(ada),
        ])
        .await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists(_))),
        "{refused:?}"
    );
    assert_eq!(world.stored().await, before);
    let tenants = &world.platform.tenants;
    assert_eq!(tenants.user(&world.tenant, &id("grace")).await, Ok(None));

    // A tenant and its first user can be made together.
    let new = unique_tenant_id();
    world
        .commit_to(
            &new,
            &[
                Change::CreateTenant(tenant(&new)),
                Change::CreateUser(user(&new, "ada")),
            ],
        )
        .await
        .unwrap();
    let ada = world.platform.tenants.user(&new, &id("ada")).await.unwrap();
    assert_eq!(ada, Some(user(&new, "ada")));
}

pub(crate) async fn as_many_changes_as_promised_fit_one_commit_and_no_more(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let users = |count: usize| -> Vec<Change> {
        (0..count)
            .map(|n| Change::CreateUser(user(&world.tenant, &format!("user-{n:03}"))))
            .collect()
    };
    let limit = world.platform.tenants.commit_limit();
    let promised = limit.units / (limit.units_of)(&users(1)[0]);
    let refused = world.commit(&users(promised + 1)).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge(_))),
        "{refused:?}"
    );
    let first: UserId = id("user-000");
    let tenants = &world.platform.tenants;
    assert_eq!(tenants.user(&world.tenant, &first).await, Ok(None));
    world.commit(&users(promised)).await.unwrap();
    assert!(tenants.user(&world.tenant, &first).await.unwrap().is_some());
}

pub(crate) async fn a_commit_cannot_reach_into_another_tenant(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    for change in [
        renamed(&tenant(&other), "Captured"),
        Change::CreateUser(user(&other, "mallory")),
        Change::CreateKey(key(&other, &id("mallory"))),
    ] {
        let outcome = world.commit(std::slice::from_ref(&change)).await;
        assert!(
            matches!(outcome, Err(StoreError::Taken(_))),
            "{change:?}: {outcome:?}"
        );
    }
    let stored = world.platform.tenants.tenant(&other).await.unwrap();
    assert_eq!(stored, Some(tenant(&other)));
    let mallory = world.platform.tenants.user(&other, &id("mallory")).await;
    assert_eq!(mallory, Ok(None));
}

pub(crate) async fn a_user_is_made_changed_and_removed(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    let before = world.add_user("ada").await;
    assert_eq!(
        tenants.user(&world.tenant, &before.id).await,
        Ok(Some(before.clone()))
    );
    let again = world.commit(&[Change::CreateUser(before.clone())]).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists(_))),
        "{again:?}"
    );

    let mut after = before.clone();
    after.role = UserRole::Admin;
    after.channel_identities = object(json!({"teams": "29:1x", "unknown": {"kept": true}}));
    world
        .commit(&[Change::UpdateUser {
            before,
            after: after.clone(),
        }])
        .await
        .unwrap();
    assert_eq!(
        tenants.user(&world.tenant, &after.id).await,
        Ok(Some(after.clone()))
    );

    world
        .commit(&[Change::RemoveUser(after.clone())])
        .await
        .unwrap();
    assert_eq!(tenants.user(&world.tenant, &after.id).await, Ok(None));
    let again = world.commit(&[Change::RemoveUser(after)]).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
}

pub(crate) async fn a_user_changed_by_someone_else_is_neither_updated_nor_removed(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let read_earlier = world.add_user("ada").await;
    let mut stored = read_earlier.clone();
    stored.email = "new@example.com".to_owned();
    let update = |after| Change::UpdateUser {
        before: read_earlier.clone(),
        after,
    };
    world.commit(&[update(stored.clone())]).await.unwrap();

    let mut mine = read_earlier.clone();
    mine.role = UserRole::Admin;
    for late in [update(mine), Change::RemoveUser(read_earlier.clone())] {
        let outcome = world.commit(&[late]).await;
        assert!(
            matches!(outcome, Err(StoreError::Changed(_))),
            "{outcome:?}"
        );
    }
    let found = world.platform.tenants.user(&world.tenant, &stored.id).await;
    assert_eq!(found, Ok(Some(stored)));
}

pub(crate) async fn the_anonymous_user_cannot_be_made(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let anonymous = user(&world.tenant, UserId::ANONYMOUS);
    let outcome = world.commit(&[Change::CreateUser(anonymous)]).await;
    assert!(
        matches!(outcome, Err(StoreError::AlreadyExists(_))),
        "{outcome:?}"
    );
}

fn memory_of_everything() -> UserMemory {
    UserMemory {
        preferences: object(json!({"language": "German"})),
        custom_properties: object(json!({"of another program": [1, 2]})),
        memory_summary: Some("Works on the billing team.".to_owned()),
        memory_updated_at: Some(some_time()),
        other: Default::default(),
    }
}

pub(crate) async fn memory_is_kept_for_a_user_and_goes_with_them(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let tenants = &world.platform.tenants;
    let put = |user_id: &str| Change::PutMemory {
        user_id: id(user_id),
        before: None,
        after: memory_of_everything(),
    };
    assert_eq!(tenants.memory(&world.tenant, &ada.id).await, Ok(None));
    world.commit(&[put("ada")]).await.unwrap();
    assert_eq!(
        tenants.memory(&world.tenant, &ada.id).await,
        Ok(Some(memory_of_everything()))
    );
    let of_nobody = world.commit(&[put("nobody")]).await;
    assert!(
        matches!(of_nobody, Err(StoreError::NotFound(_))),
        "{of_nobody:?}"
    );

    world.commit(&[Change::RemoveUser(ada)]).await.unwrap();
    assert_eq!(tenants.memory(&world.tenant, &id("ada")).await, Ok(None));
    world.add_user("ada").await;
    assert_eq!(tenants.memory(&world.tenant, &id("ada")).await, Ok(None));
}

pub(crate) async fn a_member_is_read_with_tenant_and_memory(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let (tenants, tenant) = (&world.platform.tenants, world.stored().await);
    let member = async |id| tenants.member(&world.tenant, &id).await.unwrap();
    let mut expected = Member {
        tenant,
        user: ada.clone(),
        memory: None,
    };
    assert_eq!(member(id("ada")).await, Some(expected.clone()));
    let put = Change::PutMemory {
        user_id: ada.id.clone(),
        before: None,
        after: memory_of_everything(),
    };
    world.commit(&[put]).await.unwrap();
    expected.memory = Some(memory_of_everything());
    assert_eq!(member(id("ada")).await, Some(expected));
    assert_eq!(member(id("nobody")).await, None);
    let elsewhere = tenants.member(&unique_tenant_id(), &ada.id).await;
    assert_eq!(elsewhere, Ok(None));
}

pub(crate) async fn memory_changed_by_someone_else_is_not_overwritten(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let put = |before, after| Change::PutMemory {
        user_id: id("ada"),
        before,
        after,
    };
    let first = memory_of_everything();
    world.commit(&[put(None, first.clone())]).await.unwrap();
    let late = world.commit(&[put(None, UserMemory::default())]).await;
    assert!(matches!(late, Err(StoreError::Changed(_))), "{late:?}");
    let second = UserMemory {
        preferences: JsonObject::new(),
        ..first.clone()
    };
    world
        .commit(&[put(Some(first), second.clone())])
        .await
        .unwrap();
    let stored = world.platform.tenants.memory(&world.tenant, &ada.id).await;
    assert_eq!(stored, Ok(Some(second)));
}

pub(crate) async fn the_store_answers(fixture: &dyn Fixture) {
    fixture.platform().await.tenants.ping().await.unwrap();
}
