//! A tenant that is moved from one adapter to another takes along what other programs store with
//! its records.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::json;
use t3nets_router::admin::Admin;
use t3nets_router::admin::transfer::{self, ExportReader, ImportEvent, ImportOptions, SecretsIn};
use t3nets_router::model::{
    ApiKey, ChannelKind, ChannelMapping, OtherAttributes, Tenant, TenantId, User, UserMemory,
};
use t3nets_router::ports::{Change, Platform};

use crate::aws::AwsFixture;
use crate::aws_items::{item, text};
use crate::fixture::{
    Fixture, World, audit, channel, id, key, object, tenant, unique, unique_tenant_id, user,
};

/// One of each type that DynamoDB has.
fn others(mark: &str) -> OtherAttributes {
    let others = json!({
        "cognito_sub": {"S": mark},
        "last_login": {"N": "1767225600.123456789012345678901234567"},
        "is_new": {"BOOL": false},
        "left_at": {"NULL": true},
        "picture": {"B": "AAEC"},
        "groups": {"SS": ["a", "b"]},
        "ranks": {"NS": ["1"]},
        "keys": {"BS": ["AA=="]},
        "logins": {"L": [{"M": {"at": {"S": "2026-01-15T09:30:00"}}}, {"L": []}]},
    });
    serde_json::from_value(others).unwrap()
}

async fn exported(platform: &Platform, tenant: &TenantId) -> String {
    let mut file = Vec::new();
    Admin::new(platform.clone(), "operator:ada")
        .export_tenant(tenant, SecretsIn::Names, &mut file, &mut |_| ())
        .await
        .unwrap();
    String::from_utf8(file).unwrap()
}

async fn import(platform: &Platform, file: &str, into: &TenantId) {
    transfer::check(file.as_bytes()).unwrap();
    let options = ImportOptions {
        into: into.clone(),
        overwrite: false,
        dry_run: false,
    };
    let reader = ExportReader::begin(file.as_bytes()).unwrap();
    Admin::new(platform.clone(), "operator:ada")
        .import_tenant(reader, &options, &mut |event| {
            if let ImportEvent::Failed(problem) = event {
                panic!("{problem:?}");
            }
        })
        .await
        .unwrap();
}

/// So that what only one tenant can have can be another's.
async fn remove(world: &World) {
    let until = world.platform.clock.now() + SignedDuration::from_secs(60);
    let tenants = &world.platform.tenants;
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
}

pub(crate) async fn what_other_programs_store_goes_along_with_a_tenant(fixture: &dyn Fixture) {
    let world = World {
        platform: fixture.platform().await,
        tenant: unique_tenant_id(),
    };
    let ada = User {
        other: others("a user's"),
        budgets: object(json!({"usd_per_day": 5})).into(),
        ..user(&world.tenant, "ada")
    };
    let slack = ChannelMapping {
        other: others("a channel's"),
        ..channel(&world.tenant, ChannelKind::Slack, &unique())
    };
    let ada_key = ApiKey {
        other: others("a key's"),
        budgets: object(json!({"tokens_per_day": "unlimited"})).into(),
        prefix: "t3n_abcdefgh".to_owned(),
        ..key(&world.tenant, &ada.id)
    };
    let changes = [
        Change::CreateTenant(Tenant {
            other: others("a tenant's"),
            extensions: object(
                json!({"settings": {"disabled_triggers": ["ping: ping", "ping: knock"]}}),
            ),
            ..tenant(&world.tenant)
        }),
        Change::CreateUser(ada.clone()),
        Change::PutMemory {
            user_id: ada.id.clone(),
            before: None,
            after: UserMemory {
                other: others("a memory's"),
                ..UserMemory::default()
            },
        },
        Change::MapChannel(slack.clone()),
        Change::CreateKey(ada_key.clone()),
    ];
    for change in &changes {
        world.commit(std::slice::from_ref(change)).await.unwrap();
    }
    // A change of what is known leaves the rest.
    let (before, mut after) = (world.stored().await, world.stored().await);
    after.name = "New".to_owned();
    world
        .commit(&[Change::UpdateTenant { before, after }])
        .await
        .unwrap();
    assert_eq!(world.stored().await.other, others("a tenant's"));

    let file = exported(&world.platform, &world.tenant).await;
    let folder = tempfile::tempdir().unwrap();
    let local = t3nets_router::local::open(folder.path()).unwrap();
    import(&local, &file, &world.tenant).await;
    assert_eq!(exported(&local, &world.tenant).await, file);

    remove(&world).await;
    let next = unique_tenant_id();
    import(&world.platform, &file, &next).await;
    let stored = &world.platform.tenants;
    assert_eq!(
        stored.tenant(&next).await.unwrap().unwrap().other,
        others("a tenant's")
    );
    let user = stored.user(&next, &ada.id).await.unwrap().unwrap();
    assert_eq!((user.other, user.budgets), (ada.other, ada.budgets));
    assert_eq!(
        stored.memory(&next, &ada.id).await.unwrap().unwrap().other,
        others("a memory's")
    );
    let key = stored.key(&ada_key.hash).await.unwrap().unwrap();
    assert_eq!((key.other, key.budgets), (ada_key.other, ada_key.budgets));
    let expected = file.replace(world.tenant.as_str(), next.as_str());
    assert_eq!(exported(&world.platform, &next).await, expected);
}

/// As the Python program has them, where the adapters' own code is not the judge.
#[tokio::test]
async fn attributes_of_another_program_are_items_again_after_an_export_and_an_import() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let pk = format!("TENANT#{}", world.tenant);
    let mut of_ada = item(&[
        ("cognito_sub", "1-2-3"),
        ("avatar_url", "https://example.com/a.png"),
        ("last_login", "2026-01-15T09:30:00.123456"),
    ]);
    of_ada.insert("logins".to_owned(), AttributeValue::N("7".to_owned()));
    of_ada.insert("picture".to_owned(), AttributeValue::B(Blob::new([0, 255])));
    let mut ada = item(&[
        ("pk", &pk),
        ("sk", "USER#ada"),
        ("email", "ada@example.com"),
        ("display_name", "Ada"),
        ("role", "admin"),
    ]);
    ada.extend(of_ada.clone());
    aws.put(ada).await;
    let name = format!("CHANNEL#slack#{}", unique());
    aws.put(item(&[
        ("pk", &pk),
        ("sk", &name),
        ("gsi1pk", &name),
        ("channel_type", "slack"),
        ("channel_specific_id", &name["CHANNEL#slack#".len()..]),
        ("team_name", "Acme"),
    ]))
    .await;

    let file = exported(&world.platform, &world.tenant).await;
    remove(&world).await;
    let next = unique_tenant_id();
    import(&world.platform, &file, &next).await;
    let pk = format!("TENANT#{next}");
    let stored = aws.get(&pk, "USER#ada").await.unwrap();
    for (name, value) in &of_ada {
        assert_eq!(stored.get(name), Some(value), "{name}");
    }
    assert_eq!(stored["tenant_id"], text(next.as_str()));
    assert_eq!(
        aws.get(&pk, &name).await.unwrap()["team_name"],
        text("Acme")
    );
    let user = world
        .platform
        .tenants
        .user(&next, &id("ada"))
        .await
        .unwrap();
    assert_eq!(user.unwrap().email, "ada@example.com");
}
