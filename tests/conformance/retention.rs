//! How long a tenant keeps conversations, where that is less than any is kept.

use jiff::SignedDuration;
use t3nets_router::model::{ConversationKey, ConversationOwner};
use t3nets_router::ports::{PageRequest, Window};

use crate::conversations::{key_of, owner_of, turn};
use crate::fixture::{Fixture, World, let_in};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const ALL: Window = Window {
    messages: usize::MAX,
    bytes: usize::MAX,
};

pub(crate) async fn a_conversation_is_gone_as_soon_as_its_tenant_keeps_none_so_old(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let store = &world.platform.conversations;
    let week = SignedDuration::from_hours(7 * 24);
    let before = owner_of(&world.tenant);
    let_in(&world.platform, &before).await;
    let owner = ConversationOwner {
        retention: Some(week),
        ..before.clone()
    };
    let (key_before, key) = (key_of(&before, "session"), key_of(&owner, "session"));
    let read = async |key: &ConversationKey, at| store.recent(key, ALL, at).await.unwrap();
    let listed = async |at| {
        let page = PageRequest::first(10);
        store.sessions(&owner, page, at).await.unwrap().items.len()
    };

    // Whatever was set when the turn was stored.
    let began = world.platform.clock.now();
    let first = turn("one", "1");
    store.append(&key_before, &first, began).await.unwrap();
    let gone = began + week;
    assert_eq!(read(&key, gone - SECOND).await, first);
    assert_eq!(listed(gone - SECOND).await, 1);
    assert_eq!(read(&key, gone).await, []);
    assert_eq!(listed(gone).await, 0);
    let history = store.history(&key, PageRequest::first(10), gone).await;
    assert_eq!(history, Ok(None));
    assert_eq!(read(&key_before, gone).await, first, "as it was before");

    let second = turn("two", "2");
    store.append(&key, &second, gone).await.unwrap();
    assert_eq!(read(&key, gone).await, second);
    // It was stored to end then, whoever reads it.
    assert_eq!(read(&key_before, gone + week).await, []);
    assert_eq!(store.clear(&key, gone + week).await, Ok(false));
}
