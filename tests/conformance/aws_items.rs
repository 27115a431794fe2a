//! What is stored in DynamoDB, where the adapters' own code is not the judge: items as older
//! programs write them, and items as other programs find them.

use std::collections::BTreeMap;
use std::process::Command;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use support::aws::AwsServer;
use t3nets_router::model::{
    ChannelKind, Hold, NanoUsd, Reserved, TenantStatus, UsageDelta, UserMemory, UserRole,
};
use t3nets_router::ports::{Change, StoreError, all_pages};
use ulid::Ulid;

use crate::aws::AwsFixture;
use crate::fixture::{
    World, audit, channel, hold, id, key, object, reserve_message, settle, some_time, tenant,
    unique, unique_tenant_id, user,
};

pub(crate) type Item = std::collections::HashMap<String, AttributeValue>;

/// What an older program wrote: JSON with its own spacing, two settings of which one is unknown, no
/// version, a time without its zone, and an attribute of its own.
const OLD_SETTINGS: &str = r#"{"ai_model": "claude-sonnet", "theme": {"dark": true}}"#;

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn item(entries: &[(&str, &str)]) -> Item {
    entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), text(value)))
        .collect()
}

impl AwsFixture {
    pub(crate) async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.tables.tenants);
        put.set_item(Some(item)).send().await.unwrap();
    }

    pub(crate) async fn get(&self, pk: &str, sk: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(&self.tables.tenants);
        let get = get.key("pk", text(pk)).key("sk", text(sk));
        get.consistent_read(true).send().await.unwrap().item
    }

    /// A tenant as an older program made it.
    async fn world_of_an_older_program(&self) -> World {
        let world = World {
            platform: self.platform.clone(),
            tenant: unique_tenant_id(),
        };
        self.put(item(&[
            ("pk", &format!("TENANT#{}", world.tenant)),
            ("sk", "META"),
            ("tenant_id", world.tenant.as_str()),
            ("name", "Old team"),
            ("status", "active"),
            ("created_at", "2024-05-06T07:08:09.123456"),
            ("settings", OLD_SETTINGS),
            ("billing_code", "42"),
        ]))
        .await;
        world
    }

    /// A channel as an older program mapped it, without a claim.
    async fn map_without_claim(&self, tenant: &t3nets_router::model::TenantId, channel_id: &str) {
        let name = format!("CHANNEL#slack#{channel_id}");
        self.put(item(&[
            ("pk", &format!("TENANT#{tenant}")),
            ("sk", &name),
            ("gsi1pk", &name),
            ("channel_type", "slack"),
            ("channel_specific_id", channel_id),
        ]))
        .await;
    }
}

#[tokio::test]
async fn a_tenant_of_an_older_program_is_updated_and_keeps_what_is_unknown() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = aws.world_of_an_older_program().await;
    let before = world.stored().await;
    assert_eq!(before.version, 0);
    assert_eq!(before.created_at, id("2024-05-06T07:08:09.123456Z"));
    assert_eq!(before.settings.ai_model.as_deref(), Some("claude-sonnet"));

    let mut after = before.clone();
    after.status = TenantStatus::Suspended;
    after.extensions = object(json!({"fallback_model": "nova-lite"}));
    let update = Change::UpdateTenant { before, after };
    world.commit(&[update]).await.unwrap();
    let pk = format!("TENANT#{}", world.tenant);
    let stored = aws.get(&pk, "META").await.unwrap();
    let expected = item(&[
        ("status", "suspended"),
        ("created_at", "2024-05-06T07:08:09.123456"),
        ("settings", OLD_SETTINGS),
        ("billing_code", "42"),
        ("extensions", r#"{"fallback_model":"nova-lite"}"#),
    ]);
    for (name, value) in &expected {
        assert_eq!(stored.get(name), Some(value), "{name}");
    }
    assert_eq!(stored["version"], AttributeValue::N("1".to_owned()));

    let before = world.stored().await;
    let mut after = before.clone();
    after.settings.messages_per_day = Some(5);
    let update = Change::UpdateTenant { before, after };
    world.commit(&[update]).await.unwrap();
    let stored = aws.get(&pk, "META").await.unwrap();
    let settings: Value = serde_json::from_str(stored["settings"].as_s().unwrap()).unwrap();
    assert_eq!(
        settings,
        json!({"ai_model": "claude-sonnet", "theme": {"dark": true}, "messages_per_day": 5})
    );
    assert_eq!(stored["billing_code"], text("42"));
}

#[tokio::test]
async fn calls_that_a_router_of_the_release_before_gave_back_make_room() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let day = id("2026-01-15");
    let call = || Hold {
        most_calls: Some(1),
        ..hold(&world.tenant, day, Ulid::generate(), 9)
    };
    let usage = &world.platform.usage;
    let lost = call();
    usage.reserve(&lost).await.unwrap();
    let refused = usage.reserve(&call()).await.unwrap();
    assert_eq!(refused, Reserved::TooManyCalls(1));
    // It takes the hold away, and knows of no count of calls.
    let pk = format!("TENANT#{}", world.tenant);
    let mut stored = aws.get(&pk, "USAGE#2026-01-15#TOTAL").await.unwrap();
    stored.remove(&format!("hold#{}", lost.id)).unwrap();
    aws.put(stored).await;
    let outcome = usage.reserve(&call()).await.unwrap();
    assert!(matches!(outcome, Reserved::Held(_)), "{outcome:?}");
    let refused = usage.reserve(&call()).await.unwrap();
    assert_eq!(refused, Reserved::TooManyCalls(1));
}

#[tokio::test]
async fn an_older_program_that_leaves_the_version_alone_is_not_overwritten() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = aws.world_of_an_older_program().await;
    let before = world.stored().await;
    let update = aws
        .client
        .update_item()
        .table_name(&aws.tables.tenants)
        .key("pk", text(&format!("TENANT#{}", world.tenant)))
        .key("sk", text("META"))
        .update_expression("SET settings = :s")
        .expression_attribute_values(":s", text(r#"{"ai_model": "nova-lite"}"#));
    update.send().await.unwrap();
    let mut after = before.clone();
    after.name = "New".to_owned();
    let update = Change::UpdateTenant { before, after };
    let late = world.commit(&[update]).await;
    assert!(matches!(late, Err(StoreError::Changed(_))), "{late:?}");
    let stored = world.stored().await;
    assert_eq!(stored.name, "Old team");
    assert_eq!(stored.settings.ai_model.as_deref(), Some("nova-lite"));
}

#[tokio::test]
async fn a_channel_without_a_claim_is_found_taken_and_given_up() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let name = unique();
    aws.map_without_claim(&world.tenant, &name).await;
    let tenants = &world.platform.tenants;
    let mine = channel(&world.tenant, ChannelKind::Slack, &name);
    let theirs = channel(&other, ChannelKind::Slack, &name);
    let owner = || tenants.channel_owner(ChannelKind::Slack, &mine.channel_id);
    assert_eq!(owner().await, Ok(Some(world.tenant.clone())));
    let map_theirs = [Change::MapChannel(theirs)];
    let taken = world.commit_to(&other, &map_theirs).await;
    assert!(matches!(taken, Err(StoreError::Taken(_))), "{taken:?}");
    let again = world.commit(&[Change::MapChannel(mine.clone())]).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists(_))),
        "{again:?}"
    );
    let unmap = [Change::UnmapChannel(mine.clone())];
    world.commit(&unmap).await.unwrap();
    assert_eq!(owner().await, Ok(None));
    world.commit_to(&other, &map_theirs).await.unwrap();
    assert_eq!(owner().await, Ok(Some(other)));

    // The older program maps it again, though it is claimed by then: neither is believed.
    aws.map_without_claim(&world.tenant, &name).await;
    let two = owner().await;
    assert!(matches!(two, Err(StoreError::Corrupt { .. })), "{two:?}");
    world.commit(&unmap).await.unwrap();
    assert!(matches!(owner().await, Ok(Some(_))));
}

#[tokio::test]
async fn a_claim_that_an_older_program_left_behind_keeps_nobody_out() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let name = unique();
    let mine = channel(&world.tenant, ChannelKind::Slack, &name);
    let theirs = channel(&other, ChannelKind::Slack, &name);
    world.commit(&[Change::MapChannel(mine)]).await.unwrap();
    let delete = aws.client.delete_item().table_name(&aws.tables.tenants);
    let delete = delete
        .key("pk", text(&format!("TENANT#{}", world.tenant)))
        .key("sk", text(&format!("CHANNEL#slack#{name}")));
    delete.send().await.unwrap();
    let owner = || {
        let tenants = &world.platform.tenants;
        tenants.channel_owner(ChannelKind::Slack, &theirs.channel_id)
    };
    assert_eq!(owner().await, Ok(None));
    let map = [Change::MapChannel(theirs.clone())];
    world.commit_to(&other, &map).await.unwrap();
    assert_eq!(owner().await, Ok(Some(other.clone())));
}

/// A removal that was cut off after its first transaction: everything but the tenant itself is
/// still stored.
#[tokio::test]
async fn an_interrupted_removal_shows_nothing_and_is_finished_by_the_next() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let ada = world.add_user("ada").await;
    let ada_key = key(&world.tenant, &ada.id);
    let slack = channel(&world.tenant, ChannelKind::Slack, &unique());
    world
        .commit(&[
            Change::CreateKey(ada_key.clone()),
            Change::MapChannel(slack.clone()),
        ])
        .await
        .unwrap();
    let pk = format!("TENANT#{}", world.tenant);
    let until = world.platform.clock.now() + SignedDuration::from_secs(60);
    let delete = aws.client.delete_item().table_name(&aws.tables.tenants);
    let delete = delete.key("pk", text(&pk)).key("sk", text("META"));
    delete.send().await.unwrap();
    let tombstone = [
        ("pk", pk.as_str()),
        ("sk", "REMOVED"),
        ("reserved_until", &until.to_string()),
    ];
    aws.put(item(&tombstone)).await;

    let tenants = &world.platform.tenants;
    let nothing_is_seen = async || {
        assert_eq!(tenants.user(&world.tenant, &ada.id).await, Ok(None));
        assert_eq!(tenants.key(&ada_key.hash).await, Ok(None));
        let owner = tenants.channel_owner(slack.kind, &slack.channel_id);
        assert_eq!(owner.await, Ok(None));
        let users = all_pages(|page| tenants.users(&world.tenant, page)).await;
        assert_eq!(users, Ok(Vec::new()));
        let keys = all_pages(|page| tenants.keys(&world.tenant, page)).await;
        assert_eq!(keys, Ok(Vec::new()));
    };
    nothing_is_seen().await;
    let user_sk = "USER#ada";
    assert!(aws.get(&pk, user_sk).await.is_some());
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    nothing_is_seen().await;
    assert_eq!(aws.get(&pk, user_sk).await, None);
    let claim = format!("CHANNEL#slack#{}", slack.channel_id);
    assert_eq!(aws.get(&claim, "OWNER").await, None);

    // What comes afterwards, from a turn that was under way, is not the next tenant's.
    aws.put(item(&[("pk", &pk), ("sk", user_sk)])).await;
    crate::fixture::Fixture::advance_clock(&aws, SignedDuration::from_secs(61));
    world.add_tenant(&world.tenant).await;
    nothing_is_seen().await;
}

/// Every kind of item, made through the adapters, as boto3 finds it: name and type of each
/// attribute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_have_the_attributes_that_other_programs_expect() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let ada = user(&world.tenant, "ada");
    let mut ada_key = key(&world.tenant, &ada.id);
    ada_key.expires_at = Some(some_time());
    ada_key.role = UserRole::Member;
    let slack = channel(
        &world.tenant,
        ChannelKind::Slack,
        &format!("{}#1", unique()),
    );
    let memory = UserMemory {
        memory_summary: Some("Likes short answers.".to_owned()),
        memory_updated_at: Some(some_time()),
        ..UserMemory::default()
    };
    world
        .commit(&[
            Change::CreateUser(ada.clone()),
            Change::PutMemory {
                user_id: ada.id.clone(),
                before: None,
                after: memory,
            },
            Change::CreateKey(ada_key.clone()),
            Change::MapChannel(slack.clone()),
        ])
        .await
        .unwrap();
    let (usage, reservation) = (&world.platform.usage, Ulid::generate());
    let today = id("2026-01-15");
    let reserved = reserve_message(usage, &world.tenant, today, reservation, 5);
    assert_eq!(reserved.await, Ok(true));
    let delta = UsageDelta {
        input_tokens: 1,
        output_tokens: 2,
        cost: NanoUsd(3),
        unpriced_tokens: 0,
        estimated_tokens: 0,
    };
    settle(
        usage,
        &world.tenant,
        today,
        reservation,
        &crate::ledger::turn(delta),
    )
    .await
    .unwrap();

    let encoded = slack.channel_id.as_str().replace('#', "%23");
    let (slack_sk, key_sk) = (
        format!("CHANNEL#slack#{encoded}"),
        format!("CHANNEL#api#{}", ada_key.hash.as_str()),
    );
    let pk = format!("TENANT#{}", world.tenant);
    let memory_pk = format!("USER#{}", world.tenant);
    let Some(found) = dump(&aws, &[&pk, &memory_pk, &slack_sk, &key_sk]) else {
        return;
    };
    let mapping = "channel_specific_id:S channel_type:S gsi1pk:S pk:S sk:S";
    let audit = "action:S actor:S at:S pk:S sk:S target:S";
    let expected = BTreeMap::from([
        (
            format!("{pk} META"),
            "created_at:S name:S pk:S settings:S sk:S status:S tenant_id:S version:N".to_owned(),
        ),
        (
            format!("{pk} USER#ada"),
            "channel_identities:S display_name:S email:S made_at:S pk:S role:S sk:S tenant_id:S user_id:S"
                .to_owned(),
        ),
        (
            format!("{memory_pk} USER#ada"),
            "custom_properties:S memory_summary:S memory_updated_at:S pk:S preferences:S sk:S"
                .to_owned(),
        ),
        (format!("{pk} {slack_sk}"), mapping.to_owned()),
        (
            format!("{pk} {key_sk}"),
            "channel_specific_id:S channel_type:S created_at:S expires_at:S gsi1pk:S name:S pk:S \
             prefix:S role:S sk:S user_id:S"
                .to_owned(),
        ),
        (
            format!("{slack_sk} OWNER"),
            "pk:S sk:S tenant_id:S".to_owned(),
        ),
        (
            format!("{key_sk} OWNER"),
            "pk:S sk:S tenant_id:S".to_owned(),
        ),
        (
            format!("{pk} USAGE#2026-01-15#TOTAL"),
            "cost_nano_usd:N input_tokens:N messages:N output_tokens:N pk:S sk:S taken_nano_usd:N taken_tokens:N"
                .to_owned(),
        ),
        (
            format!(
                "{pk} USAGE#2026-01-15#BY#ada#2026-01-15T09:30:00.123456789Z#t3n_abcdefgh#ai#Claude Sonnet 4.5"
            ),
            "cost_nano_usd:N credential:S input_tokens:N last_turn:S model:S output_tokens:N pk:S route:S sk:S turns:N user_id:S user_since:S"
                .to_owned(),
        ),
    ]);
    let (trail, found): (BTreeMap<_, _>, BTreeMap<_, _>) = found
        .into_iter()
        .partition(|(key, _)| key.contains(" AUDIT#"));
    assert_eq!(found, expected);
    assert_eq!(
        trail.values().map(String::as_str).collect::<Vec<_>>(),
        [audit, audit]
    );

    // And what they hold, where the contract says it.
    let stored = aws.get(&pk, &slack_sk).await.unwrap();
    assert_eq!(stored["gsi1pk"], text(&slack_sk));
    assert_eq!(
        stored["channel_specific_id"],
        text(slack.channel_id.as_str())
    );
    let stored = aws.get(&pk, "META").await.unwrap();
    assert_eq!(stored["settings"], text("{}"));
    assert_eq!(stored["tenant_id"], text(tenant(&world.tenant).id.as_str()));
}

/// The items of some partitions, each with its attributes and their types, as another program's SDK
/// reads them.
fn dump(aws: &AwsFixture, partitions: &[&str]) -> Option<BTreeMap<String, String>> {
    let server = AwsServer::shared_ministack()?;
    let python = support::python_venv("boto3==1.43.11")?;
    let output = Command::new(python.join("bin/python"))
        .arg(support::aws::root().join("tests/conformance/dump_items.py"))
        .arg(&aws.tables.tenants)
        .args(partitions)
        .envs(server.variables())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
