//! Turns that are answered apart from their request: each is begun once, and gone when its time is
//! over or its owner is.

use jiff::SignedDuration;
use serde_json::json;
use t3nets_router::model::{
    ConversationOwner, Record, StoredTurn, TurnId, TurnProgress, TurnState,
};
use t3nets_router::ports::StoreError;

use crate::conversations::{key_of, owner_of, turn as said};
use crate::fixture::{Fixture, World, at_once, id, let_in, object, some_time};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn turn(owner: &ConversationOwner, name: &str, message: &str) -> StoredTurn {
    let now = some_time();
    StoredTurn {
        id: TurnId::of_key(name),
        owner: owner.clone(),
        session_id: id("session"),
        message: message.to_owned(),
        started_at: now,
        progress: TurnProgress::begun(now),
        is_stopping: false,
    }
}

pub(crate) async fn of_many_that_begin_a_turn_at_once_one_does(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let owner = owner_of(&world.tenant);
    let turns = &world.platform.turns;
    let begun = at_once((0..20).map(|number| {
        let (turns, turn) = (
            turns.clone(),
            turn(&owner, "same", &format!("try {number}")),
        );
        async move { (turns.begin(&turn).await.unwrap(), turn) }
    }))
    .await;
    let (first, others): (Vec<_>, Vec<_>) =
        begun.into_iter().partition(|(there, _)| there.is_none());
    assert_eq!(first.len(), 1);
    let (_, stored) = &first[0];
    for (there, _) in others {
        assert_eq!(there.as_ref(), Some(stored));
    }
    let found = turns.turns(&owner, some_time()).await.unwrap();
    assert_eq!(found, std::slice::from_ref(stored));
}

pub(crate) async fn how_far_a_turn_is_reads_back_as_it_was_stored(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let owner = owner_of(&world.tenant);
    let turns = &world.platform.turns;
    let stored = turn(&owner, "one", "Grüezi 👋\n'quoted' \"twice\"");
    turns.begin(&stored).await.unwrap();
    for (state, end) in [
        (TurnState::Running, None),
        (
            TurnState::Failed,
            Some(object(json!({"code": "x", "n": 1}))),
        ),
        (
            TurnState::Done,
            Some(object(json!({"text": "é", "cost": 0.25}))),
        ),
        (TurnState::Stopped, None),
    ] {
        let progress = TurnProgress {
            state,
            text: "Half\u{0} of it 🙂".to_owned(),
            tools: vec!["ping".to_owned(), "sprint_status".to_owned()],
            end,
            saved_at: some_time() + SECOND,
            is_completion: state == TurnState::Done,
        };
        let stop = turns.save(&owner, &stored.id, &progress).await.unwrap();
        assert!(!stop);
        let found = turns.turn(&owner, &stored.id, some_time()).await.unwrap();
        let expected = StoredTurn {
            progress,
            ..stored.clone()
        };
        assert_eq!(found, Some(expected));
    }
    let absent = TurnId::of_key("another");
    assert_eq!(turns.turn(&owner, &absent, some_time()).await, Ok(None));
}

pub(crate) async fn a_long_answer_is_kept_as_far_as_there_is_room(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let owner = owner_of(&world.tenant);
    let turns = &world.platform.turns;
    let stored = turn(&owner, "long", &"x".repeat(32 * 1024));
    turns.begin(&stored).await.unwrap();
    let progress = TurnProgress {
        text: "日本".repeat(100_000),
        ..stored.progress.clone()
    };
    turns.save(&owner, &stored.id, &progress).await.unwrap();
    let found = turns.turn(&owner, &stored.id, some_time()).await.unwrap();
    let text = found.unwrap().progress.text;
    assert!(progress.text.starts_with(&text));
    assert!(text.len() > StoredTurn::TEXT_BYTES - 4, "{}", text.len());
}

pub(crate) async fn who_stores_a_turn_hears_that_it_is_to_stop(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let owner = owner_of(&world.tenant);
    let turns = &world.platform.turns;
    let stored = turn(&owner, "one", "think");
    let absent = Err(StoreError::NotFound(Record::Turn(stored.id.clone())));
    assert_eq!(turns.ask_to_stop(&owner, &stored.id).await, absent);
    turns.begin(&stored).await.unwrap();
    for stop in [false, true, true] {
        let saved = turns.save(&owner, &stored.id, &stored.progress).await;
        assert_eq!(saved, Ok(stop));
        let found = turns.turns(&owner, some_time()).await.unwrap();
        assert_eq!(found[0].is_stopping, stop);
        turns.ask_to_stop(&owner, &stored.id).await.unwrap();
    }
}

pub(crate) async fn a_turn_is_gone_when_its_time_is_over(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let owner = owner_of(&world.tenant);
    let turns = &world.platform.turns;
    let stored = turn(&owner, "one", "think");
    turns.begin(&stored).await.unwrap();
    let last = some_time() + StoredTurn::LIFE - SECOND;
    let over = some_time() + StoredTurn::LIFE + SECOND;
    assert!(
        turns
            .turn(&owner, &stored.id, last)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(turns.turn(&owner, &stored.id, over).await, Ok(None));
    assert_eq!(turns.turns(&owner, over).await.unwrap(), []);
    let next = StoredTurn {
        message: "again".to_owned(),
        progress: TurnProgress::begun(over),
        ..stored
    };
    assert_eq!(turns.begin(&next).await, Ok(None));
    let found = turns.turn(&owner, &next.id, over).await.unwrap();
    assert_eq!(found, Some(next));
}

pub(crate) async fn turns_go_with_their_owner_and_are_nobody_elses(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let owner = owner_of(&world.tenant);
    let (turns, conversations) = (&world.platform.turns, &world.platform.conversations);
    let next = ConversationOwner {
        since: Some(some_time() + SECOND),
        ..owner.clone()
    };
    let other = ConversationOwner {
        user_id: id("bob"),
        ..owner.clone()
    };
    let stored = turn(&owner, "one", "think");
    for owner in [&owner, &other] {
        turns.begin(&turn(owner, "one", "think")).await.unwrap();
    }
    // A turn is no conversation.
    let_in(&world.platform, &owner).await;
    let key = key_of(&owner, "session");
    let now = some_time();
    conversations
        .append(&key, &said("q", "a"), now)
        .await
        .unwrap();
    let first = t3nets_router::ports::PageRequest::first(10);
    let sessions = conversations.sessions(&owner, first, now).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
    assert_eq!(sessions.unreadable, []);

    assert_eq!(turns.turns(&next, now).await.unwrap(), []);
    assert_eq!(turns.turn(&next, &stored.id, now).await, Ok(None));
    let gone = Err(StoreError::NotFound(Record::Turn(stored.id.clone())));
    let saved = turns.save(&next, &stored.id, &stored.progress).await;
    assert_eq!(saved, gone);

    let users = [owner.user_id.clone()];
    conversations
        .remove_all(&world.tenant, &users)
        .await
        .unwrap();
    assert_eq!(turns.turns(&owner, now).await.unwrap(), []);
    let saved = turns.save(&owner, &stored.id, &stored.progress).await;
    assert_eq!(saved, gone, "what was removed does not come back");
    assert_eq!(turns.turns(&other, now).await.unwrap().len(), 1);
    conversations.remove_tenant(&world.tenant).await.unwrap();
    assert_eq!(turns.turns(&other, now).await.unwrap(), []);
}
