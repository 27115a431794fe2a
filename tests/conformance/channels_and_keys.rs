//! Channels, API keys and ids that are hard on a store: what leads a request to its tenant.

use jiff::SignedDuration;
use jiff::Timestamp;
use t3nets_router::model::{ApiKey, ChannelKind, TenantId};
use t3nets_router::ports::{Change, StoreError, all_pages};

use crate::fixture::{
    Fixture, World, at_once, channel, id, key, some_time, unique, unique_tenant_id, user,
};

pub(crate) async fn a_channel_leads_to_its_tenant(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    let mapping = channel(&world.tenant, ChannelKind::Slack, &unique());
    let owner = || tenants.channel_owner(ChannelKind::Slack, &mapping.channel_id);
    assert_eq!(owner().await, Ok(None));
    let map = [Change::MapChannel(mapping.clone())];
    world.commit(&map).await.unwrap();
    assert_eq!(owner().await, Ok(Some(world.tenant.clone())));
    let on_another_kind = tenants.channel_owner(ChannelKind::Teams, &mapping.channel_id);
    assert_eq!(on_another_kind.await, Ok(None));

    let again = world.commit(&map).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists(_))),
        "{again:?}"
    );
}

pub(crate) async fn of_two_tenants_that_claim_a_channel_at_once_one_gets_it(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let contenders = [world.tenant.clone(), other];
    for _ in 0..20 {
        let contested = unique();
        let outcomes = at_once(contenders.clone().map(|tenant: TenantId| {
            let world = World {
                platform: world.platform.clone(),
                tenant,
            };
            let mapping = channel(&world.tenant, ChannelKind::Telegram, &contested);
            async move {
                let outcome = world.commit(&[Change::MapChannel(mapping)]).await;
                (world.tenant, outcome)
            }
        }))
        .await;
        let (winners, losers): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .partition(|(_, outcome)| outcome.is_ok());
        assert_eq!(winners.len(), 1, "{losers:?}");
        assert!(
            matches!(losers[0].1, Err(StoreError::Taken(_))),
            "{losers:?}"
        );
        let owner = world
            .platform
            .tenants
            .channel_owner(ChannelKind::Telegram, &id(&contested))
            .await;
        assert_eq!(owner, Ok(Some(winners[0].0.clone())));
    }
}

pub(crate) async fn a_channel_given_up_is_free_for_anyone(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let (mine, theirs) = {
        let name = unique();
        let of = |tenant| channel(tenant, ChannelKind::Teams, &name);
        (of(&world.tenant), of(&other))
    };
    world
        .commit(&[Change::MapChannel(mine.clone())])
        .await
        .unwrap();
    let not_theirs = world
        .commit_to(&other, &[Change::UnmapChannel(theirs.clone())])
        .await;
    assert!(
        matches!(not_theirs, Err(StoreError::NotFound(_))),
        "{not_theirs:?}"
    );

    let unmap = [Change::UnmapChannel(mine)];
    world.commit(&unmap).await.unwrap();
    let again = world.commit(&unmap).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
    world
        .commit_to(&other, &[Change::MapChannel(theirs.clone())])
        .await
        .unwrap();
    let owner = world
        .platform
        .tenants
        .channel_owner(theirs.kind, &theirs.channel_id)
        .await;
    assert_eq!(owner, Ok(Some(other)));
}

pub(crate) async fn an_api_channel_is_no_mapping(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let key = key(&world.tenant, &id("ada"));
    let forged = channel(&world.tenant, ChannelKind::Api, key.hash.as_str());
    let outcome = world.commit(&[Change::MapChannel(forged)]).await;
    assert!(matches!(outcome, Err(StoreError::Denied(_))), "{outcome:?}");
    assert_eq!(world.platform.tenants.key(&key.hash).await, Ok(None));
}

pub(crate) async fn a_key_is_found_by_its_hash(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let key = key(&world.tenant, &ada.id);
    let tenants = &world.platform.tenants;
    assert_eq!(tenants.key(&key.hash).await, Ok(None));
    world
        .commit(&[Change::CreateKey(key.clone())])
        .await
        .unwrap();
    assert_eq!(tenants.key(&key.hash).await, Ok(Some(key)));
    // Keys are stored as channels on some platforms; they are never listed as such.
    let channels = all_pages(|page| tenants.channels(&world.tenant, page)).await;
    assert_eq!(channels, Ok(Vec::new()));
}

pub(crate) async fn an_expired_key_is_still_found(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let mut key = key(&world.tenant, &ada.id);
    key.expires_at = Some(some_time() - SignedDuration::from_hours(24 * 365));
    world
        .commit(&[Change::CreateKey(key.clone())])
        .await
        .unwrap();
    assert_eq!(world.platform.tenants.key(&key.hash).await, Ok(Some(key)));
}

pub(crate) async fn a_key_is_made_only_for_a_user_who_is_there(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    world
        .commit(&[Change::RemoveUser(ada.clone())])
        .await
        .unwrap();
    let key = key(&world.tenant, &ada.id);
    let of_nobody = world.commit(&[Change::CreateKey(key.clone())]).await;
    assert!(
        matches!(of_nobody, Err(StoreError::NotFound(_))),
        "{of_nobody:?}"
    );
    assert_eq!(world.platform.tenants.key(&key.hash).await, Ok(None));
}

pub(crate) async fn a_key_is_made_once_and_revoked_as_it_was_read(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let key = key(&world.tenant, &ada.id);
    let create = [Change::CreateKey(key.clone())];
    world.commit(&create).await.unwrap();
    let again = world.commit(&create).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists(_))),
        "{again:?}"
    );

    let mut read_earlier = key.clone();
    read_earlier.name = "an older name".to_owned();
    let late = world.commit(&[Change::RevokeKey(read_earlier)]).await;
    assert!(matches!(late, Err(StoreError::Changed(_))), "{late:?}");

    let revoke = [Change::RevokeKey(key.clone())];
    world.commit(&revoke).await.unwrap();
    assert_eq!(world.platform.tenants.key(&key.hash).await, Ok(None));
    let again = world.commit(&revoke).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
}

pub(crate) async fn a_key_is_renewed_as_it_was_read_and_opens_nothing_of_another_tenant(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let key = key(&world.tenant, &ada.id);
    let expires_at: Timestamp = "2027-01-15T12:00:00Z".parse().unwrap();
    let renew = |before: &ApiKey| {
        [Change::UpdateKey {
            before: before.clone(),
            after: ApiKey {
                expires_at: Some(expires_at),
                ..before.clone()
            },
        }]
    };
    let absent = world.commit(&renew(&key)).await;
    assert!(matches!(absent, Err(StoreError::NotFound(_))), "{absent:?}");

    world
        .commit(&[Change::CreateKey(key.clone())])
        .await
        .unwrap();
    let mut claimed = key.clone();
    claimed.tenant_id = other.clone();
    let of_other = world.commit_to(&other, &renew(&claimed)).await;
    assert!(
        matches!(of_other, Err(StoreError::NotFound(_))),
        "{of_other:?}"
    );
    world.commit(&renew(&key)).await.unwrap();
    let renewed = ApiKey {
        expires_at: Some(expires_at),
        ..key.clone()
    };
    let tenants = &world.platform.tenants;
    assert_eq!(tenants.key(&key.hash).await, Ok(Some(renewed.clone())));

    let late = world.commit(&renew(&key)).await;
    assert!(matches!(late, Err(StoreError::Changed(_))), "{late:?}");
    let revoke = [Change::RevokeKey(renewed.clone())];
    world.commit(&revoke).await.unwrap();
    let revoked = world.commit(&renew(&renewed)).await;
    assert!(
        matches!(revoked, Err(StoreError::NotFound(_))),
        "{revoked:?}"
    );
}

pub(crate) async fn a_tenant_cannot_revoke_anothers_key(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let ada = world.add_user("ada").await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let key = key(&world.tenant, &ada.id);
    world
        .commit(&[Change::CreateKey(key.clone())])
        .await
        .unwrap();
    let mut claimed = key.clone();
    claimed.tenant_id = other.clone();
    let revoked = world.commit_to(&other, &[Change::RevokeKey(claimed)]).await;
    assert!(
        matches!(revoked, Err(StoreError::NotFound(_))),
        "{revoked:?}"
    );
    assert_eq!(world.platform.tenants.key(&key.hash).await, Ok(Some(key)));
}

/// Ids that are valid and would run together, or break out, where a store joins them into keys
/// without care.
pub(crate) async fn hostile_but_valid_ids_stay_apart(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let tenants = &world.platform.tenants;
    let unique = unique();
    let hostile = [
        "#",
        "%23",
        "%2523",
        "/",
        "%2F",
        "..",
        ".",
        "a#b",
        "a%23b",
        "a b",
        "a+b",
        "a%20b",
        "'; --",
        "\"",
        "\\",
        "*",
        "?",
        "ä",
        "a\u{308}",
        "\u{1F980}",
        "\u{202E}",
        "TENANT#x",
        "%",
        "%%",
    ];
    let mappings = hostile.map(|text| {
        channel(
            &world.tenant,
            ChannelKind::Slack,
            &format!("{unique}{text}"),
        )
    });
    for mapping in &mappings {
        world
            .commit(&[Change::MapChannel(mapping.clone())])
            .await
            .unwrap();
    }
    for mapping in &mappings {
        let owner = tenants.channel_owner(mapping.kind, &mapping.channel_id);
        assert_eq!(owner.await, Ok(Some(world.tenant.clone())), "{mapping:?}");
    }
    let mut listed = all_pages(|page| tenants.channels(&world.tenant, page))
        .await
        .unwrap();
    let mut expected = mappings.to_vec();
    listed.sort_by(|a, b| a.channel_id.cmp(&b.channel_id));
    expected.sort_by(|a, b| a.channel_id.cmp(&b.channel_id));
    assert_eq!(listed, expected);

    for user_id in [
        "..", ".", "a.b", "a+b", "a@b", "-", "_", "META", "meta", "USER", "A", "a",
    ] {
        let made = world.add_user(user_id).await;
        assert_eq!(
            tenants.user(&world.tenant, &made.id).await,
            Ok(Some(made)),
            "{user_id}"
        );
    }
}

pub(crate) async fn the_same_ids_in_two_tenants_are_different_users(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let tenants = &world.platform.tenants;
    let mine = world.add_user("ada").await;
    assert_eq!(tenants.user(&other, &mine.id).await, Ok(None));
    assert_eq!(
        all_pages(|page| tenants.users(&other, page)).await,
        Ok(Vec::new())
    );

    let mut theirs = user(&other, "ada");
    theirs.email = "another@example.com".to_owned();
    world
        .commit_to(&other, &[Change::CreateUser(theirs.clone())])
        .await
        .unwrap();
    world
        .commit(&[Change::RemoveUser(mine.clone())])
        .await
        .unwrap();
    assert_eq!(tenants.user(&other, &mine.id).await, Ok(Some(theirs)));
}
