//! An e-mail address is one person's in a tenant, whoever wrote that person, by whichever way
//! another is to get it.

use t3nets_router::admin::seed::{SeedOutcome, TenantSeed, UserSeed};
use t3nets_router::admin::users::{LastAdmin, NewUser, UserEdits};
use t3nets_router::admin::{Admin, AdminError};
use t3nets_router::model::{User, UserRole};
use t3nets_router::ports::Change;

use crate::fixture::{Fixture, World, id, unique, user};

fn person(email: &str, id: Option<&str>) -> NewUser {
    NewUser {
        email: email.to_owned(),
        id: id.map(|id| id.parse().unwrap()),
        display_name: None,
        role: UserRole::Member,
    }
}

fn seeded(email: &str, id: Option<&str>) -> UserSeed {
    UserSeed {
        email: email.to_owned(),
        id: id.map(|id| id.parse().unwrap()),
        display_name: None,
        role: UserRole::Admin,
    }
}

/// A tenant as the Python program's seed.sh left it: its administrator's id is `admin`.
async fn world(fixture: &dyn Fixture) -> (World, Admin, String) {
    let world = World::new(fixture).await;
    let address = format!("ada-{}@example.com", unique().to_lowercase());
    let admin = User {
        email: address.clone(),
        role: UserRole::Admin,
        ..user(&world.tenant, "admin")
    };
    world.commit(&[Change::CreateUser(admin)]).await.unwrap();
    let operations = Admin::new(world.platform.clone(), "operator:test");
    (world, operations, address)
}

fn is_refused_for(result: Result<impl Sized, AdminError>, holder: &str) -> bool {
    let error = result.err().map(|error| error.to_string());
    error.is_some_and(|error| error.ends_with(&format!("already the address of user `{holder}`")))
}

pub(crate) async fn nobody_is_added_with_anothers_address(fixture: &dyn Fixture) {
    let (world, admin, address) = world(fixture).await;
    for spelt in [&address, &address.to_uppercase()] {
        let added = admin.add_user(&world.tenant, person(spelt, None)).await;
        assert!(is_refused_for(added, "admin"), "{spelt}");
        let added = admin
            .add_user(&world.tenant, person(spelt, Some("bob")))
            .await;
        assert!(is_refused_for(added, "admin"), "{spelt}");
    }
    let again = admin
        .add_user(&world.tenant, person("x@example.com", Some("admin")))
        .await;
    assert!(matches!(again, Err(AdminError::AlreadyExists(_))));
    // The same address is free in another tenant, and here once its holder is gone.
    let holder = id("admin");
    let removed = admin.remove_user(&world.tenant, &holder, LastAdmin::MayGo);
    removed.await.unwrap();
    admin
        .add_user(&world.tenant, person(&address, None))
        .await
        .unwrap();
}

pub(crate) async fn nobody_is_given_anothers_address(fixture: &dyn Fixture) {
    let (world, admin, address) = world(fixture).await;
    let bob = admin
        .add_user(&world.tenant, person("bob@example.com", None))
        .await
        .unwrap();
    let edits = |email: &str| UserEdits {
        email: Some(email.to_owned()),
        ..UserEdits::default()
    };
    let theirs = edits(&address);
    let set = admin
        .set_user(&world.tenant, &bob.id, &theirs, LastAdmin::Keep)
        .await;
    assert!(is_refused_for(set, "admin"));
    let own = edits("BOB@example.com");
    let set = admin
        .set_user(&world.tenant, &bob.id, &own, LastAdmin::Keep)
        .await;
    assert_eq!(set.unwrap().changed, ["email"]);
}

pub(crate) async fn a_seed_finds_a_person_by_the_address(fixture: &dyn Fixture) {
    let (world, admin, address) = world(fixture).await;
    let seed = |users: Vec<UserSeed>| TenantSeed {
        users,
        ..TenantSeed::new(world.tenant.clone())
    };
    let done = admin
        .seed(&seed(vec![seeded(&address, None)]))
        .await
        .unwrap();
    assert_eq!(done[1].name, "admin");
    assert_eq!(done[1].found_by.as_deref(), Some(&*address));
    assert_eq!(done[1].outcome, SeedOutcome::Unchanged);
    assert_eq!(admin.users(&world.tenant).await.unwrap().len(), 1);
    for users in [
        vec![seeded(&address, Some("ada"))],
        vec![
            seeded("x@example.com", None),
            seeded("X@example.com", Some("y")),
        ],
    ] {
        let refused = admin.seed(&seed(users)).await;
        assert!(
            matches!(refused, Err(AdminError::Refused { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(admin.users(&world.tenant).await.unwrap().len(), 1);
}

pub(crate) async fn of_two_who_are_given_an_address_at_once_one_gets_it(fixture: &dyn Fixture) {
    let (world, admin, _) = world(fixture).await;
    let add = |id: &'static str| admin.add_user(&world.tenant, person("c@example.com", Some(id)));
    let (one, other) = futures::join!(add("one"), add("other"));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let named = if one.is_ok() { "one" } else { "other" };
    assert!(is_refused_for(one, named) || is_refused_for(other, named));
}
