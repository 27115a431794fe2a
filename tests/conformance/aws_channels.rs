//! Channels of ids that hold what other programs do not encode: whoever wrote the mapping, it is
//! found, taken and given up, and no second tenant gets it.

use t3nets_router::model::{ChannelKind, TenantId};
use t3nets_router::ports::{Change, StoreError};

use crate::aws::AwsFixture;
use crate::aws_items::{item, text};
use crate::fixture::{World, audit, channel, id, unique, unique_tenant_id};

impl AwsFixture {
    /// A channel as another program mapped it, by a name of its own making, without a claim.
    async fn map_as(&self, tenant: &TenantId, name: &str, channel_id: &str) {
        self.put(item(&[
            ("pk", &format!("TENANT#{tenant}")),
            ("sk", name),
            ("gsi1pk", name),
            ("channel_type", "teams"),
            ("channel_specific_id", channel_id),
        ]))
        .await;
    }
}

/// The same id as earlier releases wrote it.
fn formerly(channel_id: &str) -> String {
    format!("CHANNEL#teams#{}", channel_id.replace(':', "%3A"))
}

#[tokio::test]
async fn a_channel_is_found_and_taken_whoever_wrote_its_name() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let other = unique_tenant_id();
    world.add_tenant(&other).await;
    let tenants = &world.platform.tenants;
    for spelt in [
        |channel_id: &str| format!("CHANNEL#teams#{channel_id}"),
        formerly,
    ] {
        let bot = format!("28:{}", unique());
        aws.map_as(&world.tenant, &spelt(&bot), &bot).await;
        let mine = channel(&world.tenant, ChannelKind::Teams, &bot);
        let owner = || tenants.channel_owner(ChannelKind::Teams, &mine.channel_id);
        assert_eq!(owner().await, Ok(Some(world.tenant.clone())));
        let map_theirs = [Change::MapChannel(channel(
            &other,
            ChannelKind::Teams,
            &bot,
        ))];
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
        assert_eq!(owner().await, Ok(Some(other.clone())));
    }
}

#[tokio::test]
async fn a_channel_is_written_as_other_programs_look_for_it_and_claimed_under_both_names() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let bot = format!("28:{}", unique());
    let mine = channel(&world.tenant, ChannelKind::Teams, &bot);
    world.commit(&[Change::MapChannel(mine)]).await.unwrap();
    let raw = format!("CHANNEL#teams#{bot}");
    let stored = aws.get(&format!("TENANT#{}", world.tenant), &raw).await;
    assert_eq!(stored.unwrap()["gsi1pk"], text(&raw));
    for name in [&raw, &formerly(&bot)] {
        let claim = aws.get(name, "OWNER").await.unwrap();
        assert_eq!(claim["tenant_id"], text(world.tenant.as_str()));
    }
    // Nothing of either stays with a tenant that is removed.
    let until = world.platform.clock.now();
    let tenants = &world.platform.tenants;
    tenants
        .remove_tenant(&world.tenant, until, &audit(&world.tenant))
        .await
        .unwrap();
    for name in [&raw, &formerly(&bot)] {
        assert_eq!(aws.get(name, "OWNER").await, None);
    }
}

/// One id, encoded, is another as it is: their items are told apart by their attributes.
#[tokio::test]
async fn an_id_that_reads_as_another_encoded_is_not_that_channel() {
    let Some(aws) = AwsFixture::on_ministack().await else {
        return;
    };
    let world = World::new(&aws).await;
    let (hash, literal) = (format!("{}#1", unique()), unique());
    let encoded = hash.replace('#', "%23");
    // Another program maps the id `…%231`, which it does not encode.
    let name = format!("CHANNEL#teams#{encoded}");
    aws.map_as(&world.tenant, &name, &encoded).await;
    let tenants = &world.platform.tenants;
    let owner = async |channel_id: &str| {
        let channel_id = id(channel_id);
        let owner = tenants.channel_owner(ChannelKind::Teams, &channel_id);
        owner.await.unwrap()
    };
    assert_eq!(owner(&encoded).await, Some(world.tenant.clone()));
    assert_eq!(owner(&hash).await, None);
    assert_eq!(owner(&literal).await, None);
}
