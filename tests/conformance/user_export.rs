//! What is kept of a user: exported, and deleted with them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use t3nets_router::admin::Admin;
use t3nets_router::admin::keys::NewKey;
use t3nets_router::admin::user_export::RecordKind;
use t3nets_router::admin::users::{LastAdmin, NewUser, UserEdits};
use t3nets_router::model::{
    ChannelKind, ConversationOwner, LedgerAccount, Message, Route, SecretDocument, SettledTurn,
    StoredTurn, TurnId, TurnProgress, User, UserRole,
};
use t3nets_router::ports::Change;
use ulid::Ulid;

use crate::conversations::{key_of, said, turn};
use crate::fixture::{Fixture, World, id, object, reserve_message, secret_name, settle};
use crate::ledger::USED;

/// More messages than a page of the export has.
const LONG: usize = 401;

fn owner(user: &User, channel: ChannelKind) -> ConversationOwner {
    ConversationOwner {
        tenant_id: user.tenant_id.clone(),
        channel,
        user_id: user.id.clone(),
        since: user.created_at,
        retention: None,
    }
}

/// A user of whom there is something of every kind, each with a mark.
async fn filled(world: &World, admin: &Admin, name: &str, mark: &str) -> User {
    let new = NewUser {
        email: format!("{name}@example.com"),
        id: None,
        display_name: Some(format!("{name} {mark}")),
        role: UserRole::Member,
    };
    let added = admin.add_user(&world.tenant, new).await.unwrap();
    let edits = UserEdits {
        preferences: vec![("language".to_owned(), Some(mark.to_owned()))],
        ..UserEdits::default()
    };
    let tenant = &world.tenant;
    let edited = admin.set_user(tenant, &added.id, &edits, LastAdmin::Keep);
    edited.await.unwrap();
    let user = admin.user(tenant, &added.id).await.unwrap();
    let key = NewKey {
        user_id: user.id.clone(),
        name: Some(mark.to_owned()),
        role: None,
        expires_in: None,
        budgets: Vec::new(),
    };
    let key = admin.create_key(tenant, key).await.unwrap();
    admin.open_session(&key.stored).await.unwrap();
    let week = jiff::SignedDuration::from_hours(7 * 24);
    admin.invite(tenant, &user.id, week).await.unwrap();

    let server = object(json!({"url": "https://mcp.example.com", "credentials": "user"}));
    let server_name = secret_name(tenant, "mcp-docs");
    let server = SecretDocument::new(server);
    admin.set_secret(&server_name, &server).await.unwrap();
    let own = Admin::new(world.platform.clone(), format!("user:{}", user.id));
    own.set_own_token(tenant, &user.id, &server_name.integration, mark)
        .await
        .unwrap();

    let now = world.platform.clock.now();
    let store = &world.platform.conversations;
    let long: Vec<Message> = (0..LONG).map(|n| said(&format!("{mark} {n}"))).collect();
    let api = key_of(&owner(&user, ChannelKind::Api), "long");
    store.append(&api, &long, now).await.unwrap();
    let short = key_of(&owner(&user, ChannelKind::Dashboard), "short");
    store.append(&short, &turn(mark, "yes"), now).await.unwrap();
    let running = StoredTurn {
        id: TurnId::of_key(name),
        owner: owner(&user, ChannelKind::Api),
        session_id: id("long"),
        message: mark.to_owned(),
        started_at: now,
        progress: TurnProgress::begun(now),
        is_stopping: false,
    };
    world.platform.turns.begin(&running).await.unwrap();

    let mut account = LedgerAccount::of(user.id.clone(), user.created_at, Some("t3n_abcdefgh"));
    account.route = Some(Route::Ai);
    account.set_model(Some(mark));
    let settled = SettledTurn {
        account,
        is_answered: true,
        used: USED,
    };
    let (usage, today) = (&world.platform.usage, now.to_zoned(TimeZone::UTC).date());
    let turn = Ulid::generate();
    let reserved = reserve_message(usage, tenant, today, turn, 100).await;
    assert_eq!(reserved, Ok(true));
    settle(usage, tenant, today, turn, &settled).await.unwrap();
    user
}

/// The lines of a user's export between the first and the last.
async fn exported(admin: &Admin, user: &User) -> Vec<Value> {
    let mut export = admin
        .export_user(&user.tenant_id, &user.id, None)
        .await
        .unwrap();
    let mut lines: Vec<Value> = Vec::new();
    while let Some(line) = export.next_line().await.unwrap() {
        assert_eq!(line.last(), Some(&b'\n'));
        lines.push(serde_json::from_slice(&line).unwrap());
    }
    let last = lines.pop().unwrap();
    let count = lines.len() - 1;
    assert_eq!(
        last,
        json!({"type": "end", "records": count, "is_complete": true})
    );
    assert_eq!(export.counts().values().sum::<usize>(), count);
    assert_eq!(lines.remove(0)["format"], "t3nets-user");
    lines
}

fn by_kind(lines: &[Value]) -> BTreeMap<&str, Vec<&Value>> {
    let mut kinds = BTreeMap::<_, Vec<_>>::new();
    for line in lines {
        let kind = line["type"].as_str().unwrap();
        kinds.entry(kind).or_default().push(line);
    }
    kinds
}

pub(crate) async fn what_is_kept_of_a_user_is_exported_and_goes_with_them(fixture: &dyn Fixture) {
    let world = World::new(fixture).await;
    let admin = Admin::new(world.platform.clone(), "operator:root");
    let ada = filled(&world, &admin, "ada", "FIRSTMARK").await;
    let bob = filled(&world, &admin, "bob", "SECONDMARK").await;

    let lines = exported(&admin, &ada).await;
    let kinds = by_kind(&lines);
    let expected = RecordKind::ALL.map(RecordKind::as_str);
    assert_eq!(
        kinds.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(expected)
    );
    let text = Value::from(lines.clone()).to_string();
    assert!(!text.contains("SECONDMARK"));
    let keys = world.platform.tenants.keys(&world.tenant, page()).await;
    for key in keys.unwrap().items {
        assert!(!text.contains(key.hash.as_str()), "{key:?}");
    }
    let of_keys: BTreeSet<&str> = kinds["key"]
        .iter()
        .map(|key| key["kind"].as_str().unwrap())
        .collect();
    assert_eq!(of_keys, BTreeSet::from(["key", "session", "link"]));
    let said: Vec<&str> = kinds["message"]
        .iter()
        .filter(|message| message["session_id"] == "long")
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (0..LONG).map(|n| format!("FIRSTMARK {n}")).collect();
    assert_eq!(said, expected);
    assert_eq!(kinds["message"].len(), LONG + 2);
    assert_eq!(kinds["memory"][0]["preferences"]["language"], "FIRSTMARK");
    assert_eq!(kinds["integration"][0]["integration"], "mcp-docs");
    assert_eq!(kinds["integration"][0].get("token"), None);
    assert_eq!(kinds["usage"][0]["input_tokens"], 1200);
    assert_eq!(kinds["turn"][0]["message"], "FIRSTMARK");
    let actions: BTreeSet<&str> = kinds["audit"]
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    let expected = [
        "user.add",
        "user.set",
        "key.create",
        "session.open",
        "link.create",
        "user_secret.set:intended",
        "user_secret.set:done",
        "user.export",
    ];
    assert_eq!(actions, BTreeSet::from(expected));

    let tenant = &world.tenant;
    let removed = admin.remove_user(tenant, &ada.id, LastAdmin::Keep).await;
    removed.unwrap();
    let gone = admin.export_user(tenant, &ada.id, None).await;
    assert!(gone.is_err());
    // The very same again, to whom belongs whatever is left.
    let again = [Change::CreateUser(ada.clone())];
    world.commit(&again).await.unwrap();
    let lines = exported(&admin, &ada).await;
    let left = by_kind(&lines);
    for kind in RecordKind::ALL {
        let is_left = left.contains_key(kind.as_str());
        let stays = kind == RecordKind::User || !kind.goes_with_the_user();
        assert_eq!(is_left, stays, "{kind}: {left:?}");
    }
    assert_eq!(left["user"].len(), 1);

    let lines = exported(&admin, &bob).await;
    assert_eq!(by_kind(&lines)["message"].len(), LONG + 2);
}

fn page() -> t3nets_router::ports::PageRequest {
    t3nets_router::ports::PageRequest::first(500)
}
