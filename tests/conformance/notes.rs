//! What is remembered of a user for minutes: each note is left once, taken once, and gone when its
//! time is over or its user is.

use jiff::SignedDuration;
use serde_json::json;
use t3nets_router::model::{NoteName, SecretDocument};

use crate::fixture::{Fixture, World, at_once, id, object, some_time};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn name(world: &World, user: &str, name: &str) -> NoteName {
    NoteName {
        tenant_id: world.tenant.clone(),
        user_id: id(user),
        name: name.to_owned(),
    }
}

fn value(text: &str) -> SecretDocument {
    SecretDocument::new(object(json!({"a": text, "b": {"c": 1}})))
}

pub(crate) async fn of_many_one_leaves_a_note_and_one_takes_it(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let (now, notes) = (some_time(), &world.platform.notes);
    let left = at_once((0..20).map(|number| {
        let (notes, name) = (notes.clone(), name(&world, "ada", "x/y"));
        async move {
            let value = value(&format!("Grüezi {number}"));
            let left = notes.leave(&name, &value, now + MINUTE, now).await.unwrap();
            left.then_some(value)
        }
    }))
    .await;
    let left: Vec<_> = left.into_iter().flatten().collect();
    assert_eq!(left.len(), 1);
    // Neither another user's nor another name.
    for other in [name(&world, "bob", "x/y"), name(&world, "ada", "x")] {
        assert_eq!(notes.take(&other, now).await, Ok(None));
    }
    let taken = at_once((0..20).map(|_| {
        let (notes, name) = (notes.clone(), name(&world, "ada", "x/y"));
        async move { notes.take(&name, now).await.unwrap() }
    }))
    .await;
    assert_eq!(taken.into_iter().flatten().collect::<Vec<_>>(), left);
}

pub(crate) async fn a_note_is_over_after_its_time_and_goes_with_its_user(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let (now, notes) = (some_time(), &world.platform.notes);
    let one = name(&world, "ada", "one");
    assert!(
        notes
            .leave(&one, &value("a"), now + MINUTE, now)
            .await
            .unwrap()
    );
    assert_eq!(notes.take(&one, now + MINUTE).await, Ok(None));
    assert!(
        notes
            .leave(&one, &value("b"), now + MINUTE, now)
            .await
            .unwrap()
    );
    let later = now + MINUTE;
    let left = notes.leave(&one, &value("c"), later + MINUTE, later).await;
    assert_eq!(left, Ok(true), "one that is over is in nobody's way");
    assert_eq!(notes.take(&one, later).await, Ok(Some(value("c"))));

    notes
        .leave(&one, &value("d"), now + MINUTE, now)
        .await
        .unwrap();
    let conversations = &world.platform.conversations;
    let users = [one.user_id.clone()];
    conversations
        .remove_all(&world.tenant, &users)
        .await
        .unwrap();
    assert_eq!(notes.take(&one, now).await, Ok(None));
}
