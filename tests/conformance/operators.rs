//! Two operators at work on one tenant at once, by the operations that the command line and the
//! HTTP administration call.

use t3nets_router::admin::settings::{SettingEdit, SettingKey};
use t3nets_router::admin::tenants::TenantEdits;
use t3nets_router::admin::{Admin, AdminError, Edited};
use t3nets_router::model::{Tenant, TenantId};
use t3nets_router::ports::{Change, Platform};

use crate::fixture::{Fixture, World, at_once};
use serde_json::json;

const TENANTS: u64 = 20;
/// With every tenant's, a thousand interleavings.
const ROUNDS: u64 = 50;

type Outcome = Result<Edited<Tenant>, AdminError>;

fn set(key: SettingKey, value: u64) -> TenantEdits {
    let edit = SettingEdit::set(key, value.into()).unwrap();
    TenantEdits {
        name: None,
        settings: vec![edit],
    }
}

/// Both see the tenant as it is, then both change it.
async fn edit_at_once(
    platform: &Platform,
    tenant: &TenantId,
    edits: [TenantEdits; 2],
) -> [Outcome; 2] {
    let [ada, grace] =
        ["operator:ada", "operator:grace"].map(|operator| Admin::new(platform.clone(), operator));
    let seen = ada.tenant(tenant).await.unwrap();
    let [first, second] = &edits;
    let (first, second) = tokio::join!(
        ada.set_tenant_as_seen(&seen, first),
        grace.set_tenant_as_seen(&seen, second)
    );
    [first, second]
}

async fn in_every_tenant<F, Fut>(fixture: &dyn Fixture, rounds: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut tasks = Vec::new();
    for _ in 0..TENANTS {
        tasks.push(rounds(World::new(fixture).await));
    }
    at_once(tasks).await;
}

pub(crate) async fn changes_of_different_settings_at_once_are_both_kept(fixture: &dyn Fixture) {
    in_every_tenant(fixture, |world| async move {
        for round in 1..=ROUNDS {
            let edits = [
                set(SettingKey::MessagesPerDay, round),
                set(SettingKey::MaxConversationHistory, round),
            ];
            let outcomes = edit_at_once(&world.platform, &world.tenant, edits).await;
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            let stored = world.stored().await.settings;
            assert_eq!(stored.daily_messages(), round);
            assert_eq!(u64::from(stored.history_turns()), round);
        }
    })
    .await;
}

pub(crate) async fn of_two_who_change_one_setting_at_once_the_second_is_told_what_it_is_now(
    fixture: &dyn Fixture,
) {
    in_every_tenant(fixture, |world| async move {
        for round in 1..=ROUNDS {
            let values = [2 * round, 2 * round + 1];
            let edits = values.map(|value| set(SettingKey::MessagesPerDay, value));
            let outcomes = edit_at_once(&world.platform, &world.tenant, edits).await;
            let stored = world.stored().await.settings.daily_messages();
            let winner = match &outcomes {
                [Ok(_), Err(told)] | [Err(told), Ok(_)] => {
                    let AdminError::Changed { fields, .. } = told else {
                        panic!("not told what changed: {told}");
                    };
                    assert_eq!(fields[0].field, "messages_per_day");
                    assert_eq!(fields[0].now, format!("`{stored}`"));
                    values[usize::from(outcomes[0].is_err())]
                }
                other => panic!("not exactly one was kept: {other:?}"),
            };
            assert_eq!(stored, winner);
        }
    })
    .await;
}

pub(crate) async fn a_built_in_trigger_is_switched_off_and_on_beside_what_another_release_had(
    fixture: &dyn Fixture,
) {
    let world = World::new(fixture).await;
    let before = world.stored().await;
    let mut after = before.clone();
    let stored = json!({"disabled_triggers": ["ping: knock"], "newest": 7});
    after.extensions.insert("settings".to_owned(), stored);
    let change = Change::UpdateTenant { before, after };
    world.commit(&[change]).await.unwrap();

    let admin = Admin::new(world.platform.clone(), "operator:ada");
    let off = ["sprint board".to_owned(), "ping".to_owned()];
    let edited = admin.switch_triggers(&world.tenant, &off, &[]).await;
    assert_eq!(edited.unwrap().changed, ["disabled_triggers"]);
    let all = ["ping: knock", "sprint_status: sprint board", "ping: ping"];
    assert_eq!(world.stored().await.disabled_triggers(), all);
    let on = ["ping: ping".to_owned(), "ping: knock".to_owned()];
    admin
        .switch_triggers(&world.tenant, &[], &on)
        .await
        .unwrap();
    let stored = world.stored().await;
    assert_eq!(stored.disabled_triggers(), ["sprint_status: sprint board"]);
    let on = ["sprint board".to_owned()];
    admin
        .switch_triggers(&world.tenant, &[], &on)
        .await
        .unwrap();
    let settings = &world.stored().await.extensions["settings"];
    assert_eq!(*settings, json!({"newest": 7}));
}
