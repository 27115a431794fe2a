//! Conversations: nothing that was acknowledged is lost, nobody sees another's, and they end thirty
//! days after their last turn.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use t3nets_router::model::{
    ChannelKind, ConversationKey, ConversationOwner, Message, Role, TenantId, UserId,
};
use t3nets_router::ports::{CONVERSATION_LIFE, PageRequest, Platform, Window};

use crate::fixture::{
    Fixture, assert_same_set, at_once, id, let_in, object, some_time, unique_tenant_id, walk,
};

const EVERYTHING: Window = Window {
    messages: usize::MAX,
    bytes: usize::MAX,
};
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Ada on the dashboard.
pub(crate) fn owner_of(tenant: &TenantId) -> ConversationOwner {
    ConversationOwner {
        tenant_id: tenant.clone(),
        channel: ChannelKind::Dashboard,
        user_id: id("ada"),
        since: Some(some_time()),
        retention: None,
    }
}

pub(crate) fn key_of(owner: &ConversationOwner, session: &str) -> ConversationKey {
    ConversationKey {
        owner: owner.clone(),
        session_id: id(session),
    }
}

/// What the person said.
pub(crate) fn said(content: &str) -> Message {
    Message {
        role: Role::User,
        content: content.to_owned(),
        at: None,
        other: object(json!({})),
    }
}

pub(crate) fn turn(question: &str, answer: &str) -> [Message; 2] {
    let answer = Message {
        role: Role::Assistant,
        ..said(answer)
    };
    [said(question), answer]
}

/// A platform and one conversation's key.
struct Talk {
    platform: Platform,
    key: ConversationKey,
    began: Timestamp,
}

impl Talk {
    async fn new(fixture: &dyn Fixture) -> Self {
        let platform = fixture.platform().await;
        let key = key_of(&owner_of(&unique_tenant_id()), "session");
        let_in(&platform, &key.owner).await;
        Self {
            key,
            // The service's own time: what is long past there is deleted by it.
            began: platform.clock.now(),
            platform,
        }
    }

    async fn append(&self, key: &ConversationKey, messages: &[Message], now: Timestamp) {
        if key.owner != self.key.owner {
            let_in(&self.platform, &key.owner).await;
        }
        let store = &self.platform.conversations;
        store.append(key, messages, now).await.unwrap();
    }

    async fn read(&self, key: &ConversationKey, now: Timestamp) -> Vec<Message> {
        self.recent(key, EVERYTHING, now).await
    }

    async fn recent(&self, key: &ConversationKey, window: Window, now: Timestamp) -> Vec<Message> {
        let store = &self.platform.conversations;
        store.recent(key, window, now).await.unwrap()
    }

    /// All pages of the history put together.
    async fn history(&self, limit: usize) -> Vec<Message> {
        let mut newest_first = Vec::new();
        let mut request = PageRequest::first(limit);
        loop {
            let page = self
                .platform
                .conversations
                .history(&self.key, request, self.began)
                .await
                .unwrap()
                .expect("the conversation is there");
            assert!(page.items.len() <= limit && !page.items.is_empty());
            newest_first.extend(page.items.into_iter().rev());
            let Some(next) = page.next else { break };
            request = PageRequest {
                limit,
                after: Some(next),
            };
        }
        newest_first.reverse();
        newest_first
    }

    async fn sessions(&self, owner: &ConversationOwner, now: Timestamp) -> Vec<String> {
        let page = PageRequest::first(100);
        let page = self.platform.conversations.sessions(owner, page, now);
        let sessions = page.await.unwrap().items;
        sessions
            .into_iter()
            .map(|session| session.session_id.to_string())
            .collect()
    }
}

pub(crate) async fn an_absent_conversation_reads_as_empty(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let store = &talk.platform.conversations;
    assert_eq!(talk.read(&talk.key, talk.began).await, []);
    let history = store.history(&talk.key, PageRequest::first(10), talk.began);
    assert_eq!(history.await, Ok(None));
    assert!(talk.sessions(&talk.key.owner, talk.began).await.is_empty());
    assert_eq!(store.clear(&talk.key, talk.began).await, Ok(false));
}

pub(crate) async fn messages_read_back_with_what_else_is_stored_with_them(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let mut messages = turn("How is the sprint? \u{1F980}\0\r\n", "").to_vec();
    messages[1].at = Some(id("2026-01-15T09:30:00.123456789Z"));
    messages[1].other = object(json!({"route": "rule", "of another program": {"a": [1.5, null]}}));
    talk.append(&talk.key, &messages, talk.began).await;
    assert_eq!(talk.read(&talk.key, talk.began).await, messages);
    assert_eq!(talk.history(10).await, messages);
}

pub(crate) async fn two_hundred_turns_at_once_are_all_kept_each_together(fixture: &dyn Fixture) {
    const TURNS: usize = 200;
    let talk = Talk::new(fixture).await;
    at_once((0..TURNS).map(|n| {
        let (store, key, now) = (
            talk.platform.conversations.clone(),
            talk.key.clone(),
            talk.began,
        );
        async move {
            let turn = turn(&n.to_string(), &n.to_string());
            store.append(&key, &turn, now).await.unwrap();
        }
    }))
    .await;
    let messages = talk.read(&talk.key, talk.began).await;
    assert_eq!(messages.len(), 2 * TURNS);
    let mut seen = vec![false; TURNS];
    for pair in messages.chunks(2) {
        assert_eq!((pair[0].role, pair[1].role), (Role::User, Role::Assistant));
        assert_eq!(pair[0].content, pair[1].content, "two turns were mixed");
        seen[pair[0].content.parse::<usize>().unwrap()] = true;
    }
    assert!(seen.into_iter().all(|seen| seen), "a turn was lost");
    assert_eq!(talk.history(64).await, messages);
}

pub(crate) async fn the_window_is_bounded_by_messages_and_by_bytes(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    for contents in [["aa", "bb"], ["cc", "dd"], ["\u{1F980}", "ffffffff"]] {
        let turn = turn(contents[0], contents[1]);
        talk.append(&talk.key, &turn, talk.began).await;
    }
    for (messages, bytes, expected) in [
        (6, 100, "aa bb cc dd \u{1F980} ffffffff"),
        (3, 100, "dd \u{1F980} ffffffff"),
        (6, 14, "dd \u{1F980} ffffffff"),
        (6, 13, "\u{1F980} ffffffff"),
        (6, 11, "ffffffff"),
        (6, 1, "ffffffff"),
        (1, 0, "ffffffff"),
        (0, 100, ""),
    ] {
        let window = Window { messages, bytes };
        let given = talk.recent(&talk.key, window, talk.began).await;
        let given: Vec<_> = given.into_iter().map(|message| message.content).collect();
        assert_eq!(given.join(" "), expected, "{window:?}");
    }
}

pub(crate) async fn a_conversation_of_five_megabytes_is_kept_whole(fixture: &dyn Fixture) {
    const MESSAGE: usize = 32 * 1024;
    let talk = Talk::new(fixture).await;
    let mut all = Vec::new();
    for n in 0..80 {
        let turn = turn(&format!("{n:<MESSAGE$}"), &format!("answer {n:<MESSAGE$}"));
        talk.append(&talk.key, &turn, talk.began).await;
        all.extend(turn);
    }
    let total: usize = all.iter().map(|message| message.content.len()).sum();
    assert!(total > 5_000_000);

    let window = Window {
        messages: 40,
        bytes: 10 * MESSAGE,
    };
    let recent = talk.recent(&talk.key, window, talk.began).await;
    assert!(recent.len() >= 8, "{} messages", recent.len());
    assert!(
        recent
            .iter()
            .map(|message| message.content.len())
            .sum::<usize>()
            <= window.bytes
    );
    assert_eq!(recent, all[all.len() - recent.len()..]);
    for limit in [7, 1000] {
        assert!(talk.history(limit).await == all, "pages of {limit}");
    }
    assert_eq!(
        talk.sessions(&talk.key.owner, talk.began).await,
        ["session"]
    );
}

pub(crate) async fn history_pages_from_the_newest_while_turns_are_added(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let read = |request| {
        talk.platform
            .conversations
            .history(&talk.key, request, talk.began)
    };
    for n in 0..3 {
        let turn = turn(&format!("q{n}"), &format!("a{n}"));
        talk.append(&talk.key, &turn, talk.began).await;
    }
    let newest = read(PageRequest::first(2)).await.unwrap().unwrap();
    assert_eq!(newest.items, turn("q2", "a2"));
    talk.append(&talk.key, &turn("q3", "a3"), talk.began).await;
    let older = PageRequest {
        limit: 10,
        after: newest.next,
    };
    let older = read(older).await.unwrap().unwrap();
    assert_eq!(older.items, [turn("q0", "a0"), turn("q1", "a1")].concat());
    assert_eq!(older.next, None);
}

pub(crate) async fn a_conversation_is_gone_thirty_days_after_its_last_turn(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let store = &talk.platform.conversations;
    talk.append(&talk.key, &turn("one", "1"), talk.began).await;
    let second_turn = talk.began + CONVERSATION_LIFE - SECOND;
    talk.append(&talk.key, &turn("two", "2"), second_turn).await;

    let last_moment = second_turn + CONVERSATION_LIFE - SECOND;
    assert_eq!(
        talk.read(&talk.key, last_moment).await.len(),
        4,
        "each turn renews the whole conversation"
    );
    let gone = second_turn + CONVERSATION_LIFE;
    assert_eq!(talk.read(&talk.key, gone).await, []);
    let history = store.history(&talk.key, PageRequest::first(10), gone);
    assert_eq!(history.await, Ok(None));
    assert!(talk.sessions(&talk.key.owner, gone).await.is_empty());
    assert_eq!(store.clear(&talk.key, gone).await, Ok(false));
}

pub(crate) async fn a_turn_in_an_expired_conversation_starts_a_new_one(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let untouched = key_of(&talk.key.owner, "untouched");
    talk.append(&talk.key, &turn("old", "1"), talk.began).await;
    talk.append(&untouched, &turn("old", "1"), talk.began).await;
    let later = talk.began + CONVERSATION_LIFE + SECOND;
    talk.append(&talk.key, &turn("new", "2"), later).await;
    assert_eq!(talk.read(&talk.key, later).await, turn("new", "2"));
    assert_eq!(talk.sessions(&talk.key.owner, later).await, ["session"]);
}

pub(crate) async fn a_turn_stored_late_does_not_shorten_the_conversations_life(
    fixture: &dyn Fixture,
) {
    let talk = Talk::new(fixture).await;
    let later = talk.began + SignedDuration::from_hours(24);
    talk.append(&talk.key, &turn("one", "1"), later).await;
    talk.append(&talk.key, &turn("two", "2"), talk.began).await;
    let in_between = talk.began + CONVERSATION_LIFE + SECOND;
    assert_eq!(talk.read(&talk.key, in_between).await.len(), 4);
}

pub(crate) async fn sessions_are_listed_once_with_what_was_last_asked(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let long = "\u{1F980}".repeat(100);
    talk.append(&talk.key, &turn("first", "1"), talk.began)
        .await;
    let updated = talk.began + SECOND;
    talk.append(&talk.key, &turn(&long, "2"), updated).await;
    let other = key_of(&talk.key.owner, "other");
    talk.append(&other, &turn("short", "3"), talk.began).await;
    // What the assistant adds by itself leaves what was asked.
    talk.append(&other, &turn("", "4")[1..], talk.began).await;

    let page = PageRequest::first(10);
    let store = &talk.platform.conversations;
    let page = store.sessions(&talk.key.owner, page, updated).await;
    let mut sessions = page.unwrap().items;
    sessions.sort_by(|a, b| a.session_id.cmp(&b.session_id));
    let shown: Vec<_> = sessions
        .iter()
        .map(|session| (session.session_id.as_str(), session.preview.as_str()))
        .collect();
    let preview = "\u{1F980}".repeat(80);
    assert_eq!(shown, [("other", "short"), ("session", preview.as_str())]);
    let titles: Vec<_> = sessions.iter().map(|session| &session.title).collect();
    let titled = |title: &str| Some(title.to_owned());
    assert_eq!(titles, [&titled("short"), &titled("first")]);
    assert_eq!(sessions[1].updated_at, updated);
}

pub(crate) async fn clearing_removes_one_conversation(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let store = &talk.platform.conversations;
    let other = key_of(&talk.key.owner, "session-2");
    talk.append(&talk.key, &turn("one", "1"), talk.began).await;
    talk.append(&other, &turn("two", "2"), talk.began).await;
    assert_eq!(store.clear(&talk.key, talk.began).await, Ok(true));
    assert_eq!(store.clear(&talk.key, talk.began).await, Ok(false));
    assert_eq!(talk.read(&talk.key, talk.began).await, []);
    assert_eq!(
        talk.sessions(&talk.key.owner, talk.began).await,
        ["session-2"]
    );

    talk.append(&talk.key, &turn("new", "3"), talk.began).await;
    assert_eq!(talk.history(10).await, turn("new", "3"));
    assert_eq!(talk.read(&other, talk.began).await, turn("two", "2"));
}

pub(crate) async fn sessions_named_like_keys_and_threads_stay_apart(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let owner = &talk.key.owner;
    let sessions = [
        "a",
        "a!",
        "a\"",
        "a#page#0000000000",
        "a%23page%230000000000",
        "a$",
        "a%",
        "C024BE7LH:1712345678.123456",
        "19:abc@thread.v2;messageid=1",
    ];
    // So long that on some platforms older messages are moved elsewhere.
    let long = "x".repeat(40 * 1024);
    for session in sessions {
        for _ in 0..4 {
            let key = key_of(owner, session);
            talk.append(&key, &turn(session, &long), talk.began).await;
        }
    }
    let store = &talk.platform.conversations;
    for limit in [1, 2, 100] {
        let listed = walk(limit, |page| store.sessions(owner, page, talk.began)).await;
        let listed = listed.into_iter().map(|session| session.session_id);
        assert_same_set(listed.collect(), sessions.map(id));
    }
    let cleared = key_of(owner, "a");
    assert_eq!(store.clear(&cleared, talk.began).await, Ok(true));
    assert_eq!(talk.read(&cleared, talk.began).await, []);
    for session in &sessions[1..] {
        let messages = talk.read(&key_of(owner, session), talk.began).await;
        assert_eq!(messages.len(), 8, "{session}");
        assert_eq!(messages[0].content, *session);
    }
}

pub(crate) async fn the_same_session_id_of_another_owner_is_another_conversation(
    fixture: &dyn Fixture,
) {
    let talk = Talk::new(fixture).await;
    let mine = talk.key.owner.clone();
    let others = [
        ConversationOwner {
            tenant_id: format!("{}-b", mine.tenant_id).parse().unwrap(),
            ..mine.clone()
        },
        ConversationOwner {
            channel: ChannelKind::Api,
            ..mine.clone()
        },
        ConversationOwner {
            user_id: id("ada.l@example+x"),
            ..mine.clone()
        },
    ];
    talk.append(&talk.key, &turn("mine", "1"), talk.began).await;
    for owner in &others {
        let same_session = key_of(owner, "session");
        assert_eq!(talk.read(&same_session, talk.began).await, []);
        assert!(talk.sessions(owner, talk.began).await.is_empty());
        let store = &talk.platform.conversations;
        assert_eq!(store.clear(&same_session, talk.began).await, Ok(false));
        let theirs = turn("theirs", "2");
        talk.append(&same_session, &theirs, talk.began).await;
        assert_eq!(talk.read(&same_session, talk.began).await, theirs);
    }
    assert_eq!(talk.read(&talk.key, talk.began).await, turn("mine", "1"));
}

pub(crate) async fn removing_users_conversations_leaves_the_others(fixture: &dyn Fixture) {
    let talk = Talk::new(fixture).await;
    let tenant = talk.key.owner.tenant_id.clone();
    let key = |tenant: &TenantId, channel, user: &str| {
        let owner = ConversationOwner {
            tenant_id: tenant.clone(),
            channel,
            user_id: id(user),
            since: Some(some_time()),
            retention: None,
        };
        key_of(&owner, "session")
    };
    let neighbour = unique_tenant_id();
    let (removed, kept) = (
        [
            key(&tenant, ChannelKind::Dashboard, "ada"),
            key(&tenant, ChannelKind::Slack, "ada"),
            key(&tenant, ChannelKind::Api, "grace"),
            key(&tenant, ChannelKind::Dashboard, UserId::ANONYMOUS),
        ],
        [
            key(&tenant, ChannelKind::Dashboard, "ada2"),
            key(&neighbour, ChannelKind::Dashboard, "ada"),
            key(&neighbour, ChannelKind::Dashboard, UserId::ANONYMOUS),
        ],
    );
    for key in removed.iter().chain(&kept) {
        talk.append(key, &turn("hello", "hi"), talk.began).await;
    }
    let store = &talk.platform.conversations;
    store
        .remove_all(&tenant, &[id("ada"), id("grace"), UserId::anonymous()])
        .await
        .unwrap();
    for key in &removed {
        assert_eq!(talk.read(key, talk.began).await, [], "{key:?}");
    }
    for key in &kept {
        assert_eq!(talk.read(key, talk.began).await.len(), 2, "{key:?}");
    }
}

pub(crate) async fn the_store_answers(fixture: &dyn Fixture) {
    fixture.platform().await.conversations.ping().await.unwrap();
}

pub(crate) async fn removing_a_tenants_conversations_leaves_the_other_tenants(
    fixture: &dyn Fixture,
) {
    let talk = Talk::new(fixture).await;
    let tenant = talk.key.owner.tenant_id.clone();
    // One id begins with the other, as a careless prefix would match.
    let longer: TenantId = format!("{tenant}-b").parse().unwrap();
    let kept = key_of(&owner_of(&longer), "session");
    let other_user = ConversationOwner {
        user_id: id("grace"),
        channel: ChannelKind::Api,
        tenant_id: tenant.clone(),
        since: Some(some_time()),
        retention: None,
    };
    let removed = [talk.key.clone(), key_of(&other_user, "session")];
    for key in removed.iter().chain([&kept]) {
        talk.append(key, &turn("hello", "hi"), talk.began).await;
    }
    let store = &talk.platform.conversations;
    store.remove_tenant(&tenant).await.unwrap();
    for key in &removed {
        assert_eq!(talk.read(key, talk.began).await, [], "{key:?}");
    }
    assert_eq!(talk.read(&kept, talk.began).await.len(), 2);
}
