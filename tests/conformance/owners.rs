//! Whose a conversation is: nothing is added for someone who is not there any more, and whoever has
//! their id next sees nothing of them.

use jiff::SignedDuration;
use t3nets_router::model::{ConversationOwner, Record, Tenant, TenantStatus, User, UserId};
use t3nets_router::ports::{Change, PageRequest, Platform, StoreError, Window};

use crate::conversations::{key_of, owner_of, turn};
use crate::fixture::{Fixture, World, at_once, audit, id, let_in, some_time, user};

const EVERYTHING: Window = Window {
    messages: usize::MAX,
    bytes: usize::MAX,
};

/// Far more turns than a removal takes.
const MOST_TURNS: usize = 3_000;

/// A later user of the same id.
fn next(owner: &ConversationOwner) -> ConversationOwner {
    ConversationOwner {
        since: Some(some_time() + SignedDuration::from_secs(1)),
        ..owner.clone()
    }
}

async fn remove_user(world: &World, owner: &ConversationOwner) {
    let user = User {
        created_at: owner.since,
        ..user(&owner.tenant_id, owner.user_id.as_str())
    };
    world.commit(&[Change::RemoveUser(user)]).await.unwrap();
}

async fn say(
    platform: &Platform,
    owner: &ConversationOwner,
    session: &str,
) -> Result<(), StoreError> {
    let now = platform.clock.now();
    let turn = turn(&format!("in {session}"), "answer");
    let key = key_of(owner, session);
    platform.conversations.append(&key, &turn, now).await
}

/// What an owner can see, by whichever way.
async fn seen(platform: &Platform, owner: &ConversationOwner, session: &str) -> Vec<String> {
    let (store, now) = (&platform.conversations, platform.clock.now());
    let key = key_of(owner, session);
    let recent = store.recent(&key, EVERYTHING, now).await.unwrap();
    let history = store.history(&key, PageRequest::first(100), now).await;
    let history = history.unwrap().map(|page| page.items).unwrap_or_default();
    let sessions = store.sessions(owner, PageRequest::first(100), now).await;
    let of_messages = recent.into_iter().chain(history);
    let previews = sessions.unwrap().items.into_iter();
    of_messages
        .map(|message| message.content)
        .chain(previews.map(|session| session.preview))
        .collect()
}

pub(crate) async fn nothing_is_added_for_a_user_who_was_removed(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let (platform, owner) = (&world.platform, owner_of(&world.tenant));
    let gone = Err(StoreError::NotFound(Record::user(
        &world.tenant,
        &owner.user_id,
    )));
    assert_eq!(
        say(platform, &owner, "session").await,
        gone,
        "not there yet"
    );

    let_in(platform, &owner).await;
    say(platform, &owner, "session").await.unwrap();
    assert!(!seen(platform, &owner, "session").await.is_empty());
    remove_user(&world, &owner).await;
    let users = [owner.user_id.clone()];
    let removed = platform.conversations.remove_all(&world.tenant, &users);
    removed.await.unwrap();
    // The same credential is known to routers for a moment, and a turn may be under way for longer.
    for session in ["session", "another"] {
        assert_eq!(say(platform, &owner, session).await, gone);
        assert_eq!(seen(platform, &owner, session).await, [""; 0]);
    }

    let next = next(&owner);
    let_in(platform, &next).await;
    for session in ["session", "another"] {
        assert_eq!(say(platform, &owner, session).await, gone);
        assert_eq!(seen(platform, &next, session).await, [""; 0]);
    }
}

pub(crate) async fn another_of_the_same_id_sees_nothing_of_the_first(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let (platform, first) = (&world.platform, owner_of(&world.tenant));
    let next = next(&first);
    let_in(platform, &first).await;
    say(platform, &first, "session").await.unwrap();
    // A removal that is interrupted before it comes to the conversations.
    remove_user(&world, &first).await;
    let_in(platform, &next).await;
    assert_eq!(seen(platform, &next, "session").await, [""; 0]);
    let key = key_of(&next, "session");
    let cleared = platform.conversations.clear(&key, platform.clock.now());
    assert_eq!(cleared.await, Ok(false));

    say(platform, &next, "session").await.unwrap();
    let own = seen(platform, &next, "session").await;
    assert_eq!(own.len(), 5, "a turn twice, and its preview: {own:?}");
    // Nor the first anything of the second, as long as a router knows the old credential.
    assert_eq!(seen(platform, &first, "session").await, [""; 0]);
    assert!(say(platform, &first, "session").await.is_err());
    assert_eq!(seen(platform, &next, "session").await, own);
}

pub(crate) async fn nothing_begins_in_a_tenant_that_is_suspended_or_removed(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let (platform, ada) = (&world.platform, owner_of(&world.tenant));
    let anonymous = ConversationOwner {
        user_id: UserId::anonymous(),
        ..ada.clone()
    };
    let_in(platform, &ada).await;
    let set_status = async |status| {
        let before = world.stored().await;
        let after = Tenant {
            status,
            ..before.clone()
        };
        let change = Change::UpdateTenant { before, after };
        world.commit(&[change]).await.unwrap();
    };
    set_status(TenantStatus::Suspended).await;
    for owner in [&ada, &anonymous] {
        let suspended = Err(StoreError::Suspended(world.tenant.clone()));
        assert_eq!(say(platform, owner, "first").await, suspended);
    }
    set_status(TenantStatus::Onboarding).await;
    for owner in [&ada, &anonymous] {
        say(platform, owner, "second").await.unwrap();
        assert_eq!(seen(platform, owner, "first").await.len(), 1, "the list");
    }
    let conversations = &platform.conversations;
    conversations.remove_tenant(&world.tenant).await.unwrap();
    let (until, entry) = (id("2099-01-01T00:00:00Z"), audit(&world.tenant));
    let removed = platform.tenants.remove_tenant(&world.tenant, until, &entry);
    removed.await.unwrap();
    for owner in [&ada, &anonymous] {
        let gone = Err(StoreError::NotFound((&world.tenant).into()));
        assert_eq!(say(platform, owner, "second").await, gone);
        assert_eq!(seen(platform, owner, "second").await, [""; 0]);
    }
}

pub(crate) async fn turns_under_way_while_their_user_is_removed_leave_nothing(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let (platform, owner) = (&world.platform, owner_of(&world.tenant));
    let_in(platform, &owner).await;
    let talking = (0..8).map(|n| {
        let (platform, owner) = (platform.clone(), owner.clone());
        async move {
            let mut turns = 0;
            // One conversation that goes on, and many that begin. An end of its own, so that a
            // fault is no endless loop.
            while turns < MOST_TURNS
                && say(&platform, &owner, &format!("goes-on-{n}"))
                    .await
                    .is_ok()
                && say(&platform, &owner, &format!("begins-{n}-{turns}"))
                    .await
                    .is_ok()
            {
                turns += 1;
            }
        }
    });
    let removing = async {
        while seen(platform, &owner, "begins-0-1").await.len() < 20 {
            tokio::task::yield_now().await;
        }
        remove_user(&world, &owner).await;
        let users = [owner.user_id.clone()];
        let removed = platform.conversations.remove_all(&world.tenant, &users);
        removed.await.unwrap();
    };
    futures::future::join(at_once(talking), removing).await;
    assert_eq!(seen(platform, &owner, "goes-on-0").await, [""; 0]);
}
