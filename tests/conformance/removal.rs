//! The audit trail, and removing tenants.

use jiff::SignedDuration;
use t3nets_router::model::{AuditEntry, ChannelKind, TenantId, UserMemory};
use t3nets_router::ports::{Change, Platform, StoreError, all_pages};
use ulid::Ulid;

use crate::fixture::{
    Fixture, World, audit, channel, id, key, reserve_message, tenant, unique, unique_tenant_id,
    user,
};

async fn trail(platform: &Platform, tenant: &TenantId) -> Vec<AuditEntry> {
    all_pages(|page| platform.tenants.audit_trail(tenant, page))
        .await
        .unwrap()
}

pub(crate) async fn an_audit_entry_goes_with_its_change_and_not_without(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    let made = trail(&world.platform, &world.tenant).await;
    assert_eq!(made.len(), 1, "making the tenant was recorded");

    let create = [Change::CreateUser(user(&world.tenant, "ada"))];
    let mut entry = audit(&world.tenant);
    entry.actor = "user:grace@example.com".to_owned();
    entry.action = "user.add".to_owned();
    entry.target = "ada \u{1F980}".to_owned();
    tenants
        .commit(&world.tenant, &create, &entry)
        .await
        .unwrap();
    let refused = audit(&world.tenant);
    tenants
        .commit(&world.tenant, &create, &refused)
        .await
        .unwrap_err();

    let recorded = trail(&world.platform, &world.tenant).await;
    assert_eq!(recorded.len(), 2);
    assert!(recorded.contains(&entry));
    assert!(!recorded.contains(&refused));
}

pub(crate) async fn an_audit_entry_can_stand_alone(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let entry = audit(&world.tenant);
    world.platform.tenants.record_audit(&entry).await.unwrap();
    assert!(trail(&world.platform, &world.tenant).await.contains(&entry));
}

pub(crate) async fn a_removed_tenant_leaves_nothing_but_its_audit_trail(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    let ada = user(&world.tenant, "ada");
    let key = key(&world.tenant, &ada.id);
    let slack = channel(&world.tenant, ChannelKind::Slack, &unique());
    world
        .commit(&[
            Change::CreateUser(ada.clone()),
            Change::PutMemory {
                user_id: ada.id.clone(),
                before: None,
                after: UserMemory::default(),
            },
            Change::CreateKey(key.clone()),
            Change::MapChannel(slack.clone()),
        ])
        .await
        .unwrap();
    let today = id("2026-01-15");
    let usage = &world.platform.usage;
    assert!(
        reserve_message(usage, &world.tenant, today, Ulid::generate(), 5)
            .await
            .unwrap()
    );

    let removal = audit(&world.tenant);
    let until = world.platform.clock.now() + SignedDuration::from_hours(30 * 24);
    tenants
        .remove_tenant(&world.tenant, until, &removal)
        .await
        .unwrap();

    assert_eq!(tenants.tenant(&world.tenant).await, Ok(None));
    assert_eq!(tenants.user(&world.tenant, &ada.id).await, Ok(None));
    assert_eq!(tenants.memory(&world.tenant, &ada.id).await, Ok(None));
    assert_eq!(tenants.key(&key.hash).await, Ok(None));
    let owner = tenants.channel_owner(slack.kind, &slack.channel_id);
    assert_eq!(owner.await, Ok(None));
    let used = usage.usage(&world.tenant, today, today).await;
    assert_eq!(used, Ok(Vec::new()));
    let listed = all_pages(|page| tenants.tenants(page)).await.unwrap();
    assert!(listed.iter().all(|tenant| tenant.id != world.tenant));
    let recorded = trail(&world.platform, &world.tenant).await;
    assert_eq!(recorded.len(), 3);
    assert!(recorded.contains(&removal));

    let again = world
        .commit(&[Change::CreateTenant(tenant(&world.tenant))])
        .await;
    let Err(StoreError::Reserved { id, until: told }) = again else {
        panic!("the id of a removed tenant was usable: {again:?}");
    };
    assert_eq!((id, told), (world.tenant.clone(), until));
}

pub(crate) async fn a_removed_tenants_id_is_free_again_after_its_reservation(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    world.add_user("ada").await;
    let until = world.platform.clock.now() + SignedDuration::from_secs(60);
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    let create = [Change::CreateTenant(tenant(&world.tenant))];

    if !fixture.advance_clock(SignedDuration::from_secs(59)) {
        return;
    }
    let early = world.commit(&create).await;
    assert!(
        matches!(early, Err(StoreError::Reserved { .. })),
        "{early:?}"
    );
    fixture.advance_clock(SignedDuration::from_secs(1));
    world.commit(&create).await.unwrap();
    assert_eq!(world.stored().await, tenant(&world.tenant));
    let users = all_pages(|page| tenants.users(&world.tenant, page)).await;
    assert_eq!(users, Ok(Vec::new()));
}

pub(crate) async fn a_reserved_id_is_told_and_can_be_freed(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    world.add_user("ada").await;
    let none = tenants.free_id(&world.tenant, &audit(&world.tenant)).await;
    assert!(matches!(none, Err(StoreError::NotFound(_))), "{none:?}");
    let until = world.platform.clock.now() + SignedDuration::from_hours(1);
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    let reserved = tenants.reserved_until(&world.tenant).await;
    assert_eq!(reserved, Ok(Some(until)));
    let freed = audit(&world.tenant);
    tenants.free_id(&world.tenant, &freed).await.unwrap();
    assert_eq!(tenants.reserved_until(&world.tenant).await, Ok(None));
    assert!(trail(&world.platform, &world.tenant).await.contains(&freed));
    world
        .commit(&[Change::CreateTenant(tenant(&world.tenant))])
        .await
        .unwrap();
    let users = all_pages(|page| tenants.users(&world.tenant, page)).await;
    assert_eq!(users, Ok(Vec::new()));
    assert_eq!(tenants.reserved_until(&world.tenant).await, Ok(None));
}

pub(crate) async fn removing_twice_is_safe_and_removing_nothing_is_told(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    let until = world.platform.clock.now() + SignedDuration::from_hours(30 * 24);
    for _ in 0..2 {
        tenants
            .remove_tenant(&world.tenant, until, &audit(&world.tenant))
            .await
            .unwrap();
    }
    assert_eq!(tenants.tenant(&world.tenant).await, Ok(None));

    let never = unique_tenant_id();
    let nothing = tenants.remove_tenant(&never, until, &audit(&never)).await;
    assert!(
        matches!(nothing, Err(StoreError::NotFound(_))),
        "{nothing:?}"
    );
    assert_eq!(trail(&world.platform, &never).await, []);
    world.add_tenant(&never).await;
}

pub(crate) async fn removing_a_tenant_leaves_the_others_alone(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    // One id begins with the other, as a careless prefix would match.
    let longer: TenantId = format!("{}-b", world.tenant).parse().unwrap();
    world.add_tenant(&longer).await;
    let ada = user(&longer, "ada");
    let key = key(&longer, &ada.id);
    world
        .commit_to(
            &longer,
            &[
                Change::CreateUser(ada.clone()),
                Change::CreateKey(key.clone()),
            ],
        )
        .await
        .unwrap();
    let tenants = &world.platform.tenants;
    let until = world.platform.clock.now() + SignedDuration::from_hours(1);
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    assert_eq!(tenants.tenant(&longer).await, Ok(Some(tenant(&longer))));
    assert_eq!(tenants.user(&longer, &ada.id).await, Ok(Some(ada)));
    assert_eq!(tenants.key(&key.hash).await, Ok(Some(key)));
}
