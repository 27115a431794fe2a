//! Lists are read to their end in pages of any size: nothing twice, nothing missed.

use t3nets_router::model::{ChannelKind, ConversationOwner, SessionId, TenantId};
use t3nets_router::ports::{Change, PageRequest, StoreError};

use crate::conversations::{key_of, owner_of, said, turn};
use crate::fixture::{
    Fixture, World, assert_same_set, audit, channel, id, key, unique, unique_tenant_id, user, walk,
};

const ITEMS: usize = 23;
/// A page of one, one that leaves a rest, one that fits exactly, and one that holds everything.
const PAGE_SIZES: [usize; 4] = [1, 7, ITEMS, 1000];

/// A tenant with a few of everything that is listed, beside one with the same.
async fn filled_world(fixture: &dyn Fixture) -> World {
    let world = World::new(fixture).await;
    let neighbour = unique_tenant_id();
    world.add_tenant(&neighbour).await;
    for tenant in [&world.tenant, &neighbour] {
        let owner = first_user(tenant);
        for n in 0..ITEMS {
            let user = user(tenant, &format!("user-{n}"));
            let mapped = channel(tenant, kind(n), &format!("{}#{n}", unique()));
            let changes = [
                Change::CreateUser(user.clone()),
                Change::CreateKey(key(tenant, &user.id)),
                Change::MapChannel(mapped),
            ];
            world.commit_to(tenant, &changes).await.unwrap();
            append(&world, &owner, n).await;
        }
    }
    world
}

/// One of the users has conversations.
fn first_user(tenant: &TenantId) -> ConversationOwner {
    ConversationOwner {
        user_id: id("user-0"),
        ..owner_of(tenant)
    }
}

fn kind(n: usize) -> ChannelKind {
    [
        ChannelKind::Slack,
        ChannelKind::Teams,
        ChannelKind::Telegram,
    ][n % 3]
}

async fn append(world: &World, owner: &ConversationOwner, n: usize) {
    let key = key_of(owner, &format!("session-{n}"));
    let now = world.platform.clock.now();
    let messages = [said("question"), said("another")];
    world
        .platform
        .conversations
        .append(&key, &messages, now)
        .await
        .unwrap();
}

pub(crate) async fn every_page_size_walks_each_list_to_its_end(fixture: &dyn Fixture) {
    let world = filled_world(fixture).await;
    let (tenant, owner) = (&world.tenant, first_user(&world.tenant));
    let tenants = &world.platform.tenants;
    let now = world.platform.clock.now();
    for size in PAGE_SIZES {
        let users = walk(size, |page| tenants.users(tenant, page)).await;
        assert!(users.iter().all(|user| user.tenant_id == *tenant));
        assert!(
            users.is_sorted_by_key(|user| user.id.clone()),
            "users come by id"
        );
        let expected = (0..ITEMS).map(|n| id(&format!("user-{n}")));
        assert_same_set(users.into_iter().map(|user| user.id).collect(), expected);

        let channels = walk(size, |page| tenants.channels(tenant, page)).await;
        assert!(channels.iter().all(|mapping| mapping.tenant_id == *tenant));
        assert_eq!(channels.len(), ITEMS);
        assert_same_set(
            channels
                .iter()
                .map(|mapping| mapping.channel_id.as_str().rsplit('#').next().unwrap())
                .collect(),
            (0..ITEMS)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str),
        );

        let keys = walk(size, |page| tenants.keys(tenant, page)).await;
        assert!(keys.iter().all(|key| key.tenant_id == *tenant));
        let expected = (0..ITEMS).map(|n| id(&format!("user-{n}")));
        assert_same_set(keys.into_iter().map(|key| key.user_id).collect(), expected);

        let trail = walk(size, |page| tenants.audit_trail(tenant, page)).await;
        let ids: Vec<_> = trail.iter().map(|entry| entry.id).collect();
        assert_same_set(ids.clone(), ids);
        assert_eq!(trail.len(), ITEMS + 1, "one of each commit");

        let sessions = walk(size, |page| {
            world.platform.conversations.sessions(&owner, page, now)
        })
        .await;
        assert_same_set(
            sessions.into_iter().map(|found| found.session_id).collect(),
            (0..ITEMS).map(|n| id::<SessionId>(&format!("session-{n}"))),
        );
    }
    for size in [1, 1000] {
        let listed = walk(size, |page| tenants.tenants(page)).await;
        let ids: Vec<TenantId> = listed.into_iter().map(|tenant| tenant.id).collect();
        assert!(ids.contains(tenant));
        assert_same_set(ids.clone(), ids);
    }
}

pub(crate) async fn the_audit_trail_is_newest_first(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let mut recorded = Vec::new();
    for milliseconds in [5, 3, 9, 1, 7] {
        let mut entry = audit(&world.tenant);
        entry.id = ulid::Ulid::from_parts(1_700_000_000_000 + milliseconds, entry.id.random());
        world.platform.tenants.record_audit(&entry).await.unwrap();
        recorded.push(entry);
    }
    recorded.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    let trail = walk(2, |page| {
        world.platform.tenants.audit_trail(&world.tenant, page)
    })
    .await;
    // The first is of the tenant's making, which is later than these.
    assert_eq!(trail[1..], recorded);
}

pub(crate) async fn an_item_added_behind_the_cursor_disturbs_no_page(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    for name in ["b", "d", "f", "h"] {
        world.add_user(name).await;
    }
    let tenants = &world.platform.tenants;
    let first = tenants
        .users(&world.tenant, PageRequest::first(2))
        .await
        .unwrap();
    world.add_user("a").await;
    world.add_user("e").await;
    let rest = PageRequest {
        limit: 10,
        after: first.next.clone(),
    };
    let rest = tenants.users(&world.tenant, rest).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&rest.items).collect();
    let names: Vec<_> = names.iter().map(|user| user.id.as_str()).collect();
    assert_eq!(names, ["b", "d", "e", "f", "h"]);
}

pub(crate) async fn a_cursor_that_the_list_did_not_give_out_is_refused(fixture: &dyn Fixture) {
    let world = filled_world(fixture).await;
    let (tenant, owner) = (&world.tenant, first_user(&world.tenant));
    let (tenants, conversations) = (&world.platform.tenants, &world.platform.conversations);
    let now = world.platform.clock.now();
    let session = key_of(&owner, "session-0");
    for garbage in ["", "garbage", "../..", "%00", "\u{1F980}", "e30", "W10"] {
        let page = || PageRequest {
            limit: 5,
            after: Some(garbage.to_owned()),
        };
        let outcomes = [
            tenants.tenants(page()).await.err(),
            tenants.users(tenant, page()).await.err(),
            tenants.channels(tenant, page()).await.err(),
            tenants.keys(tenant, page()).await.err(),
            tenants.audit_trail(tenant, page()).await.err(),
            conversations.sessions(&owner, page(), now).await.err(),
            conversations.history(&session, page(), now).await.err(),
        ];
        for outcome in outcomes {
            assert_eq!(outcome, Some(StoreError::InvalidCursor), "{garbage:?}");
        }
    }
}

/// Also where a platform keeps the older messages of one of them elsewhere.
pub(crate) async fn conversations_are_listed_by_id_from_the_last_on(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    world
        .commit(&[Change::CreateUser(user(&world.tenant, "user-0"))])
        .await
        .unwrap();
    let owner = first_user(&world.tenant);
    let store = &world.platform.conversations;
    let now = world.platform.clock.now();
    let long = "x".repeat(100 * 1024);
    for (session, turns) in [("s_2", 1), ("s_4", 1), ("s_1", 1), ("s_3", 6)] {
        for _ in 0..turns {
            let said = turn("said", &long);
            store
                .append(&key_of(&owner, session), &said, now)
                .await
                .unwrap();
        }
    }
    for limit in [1, 2, 3, 100] {
        let listed = walk(limit, |page| store.sessions(&owner, page, now)).await;
        let ids: Vec<_> = listed.iter().map(|each| each.session_id.as_str()).collect();
        assert_eq!(ids, ["s_4", "s_3", "s_2", "s_1"], "pages of {limit}");
    }
}
