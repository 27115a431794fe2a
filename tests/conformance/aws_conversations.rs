//! Conversations in DynamoDB, and what only this adapter promises: the items that other programs
//! read and write, and pages.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use t3nets_router::aws::DynamoConversations;
use t3nets_router::model::{ConversationKey, ConversationOwner, Message};
use t3nets_router::ports::{
    CONVERSATION_LIFE, Change, ConversationStore, PageRequest, Platform, StoreError, Window,
    all_pages,
};

use crate::aws::AwsFixture;
use crate::conversations::{key_of, owner_of, said, turn};
use crate::fixture::{Fixture, at_once, audit, let_in, unique_tenant_id};

type Item = HashMap<String, AttributeValue>;

const EVERYTHING: Window = Window {
    messages: usize::MAX,
    bytes: usize::MAX,
};
/// A message of which two fill a page.
const LONG: usize = 32 * 1024;

/// A store, the table behind it, and one conversation's key.
struct Table {
    client: Client,
    name: String,
    tenants: String,
    platform: Platform,
    store: Arc<DynamoConversations>,
    key: ConversationKey,
    began: Timestamp,
}

impl Table {
    async fn new() -> Option<Self> {
        let fixture = AwsFixture::on_ministack().await?;
        let client = Client::new(&fixture.sdk);
        let (name, tenants) = (
            fixture.tables.conversations.clone(),
            fixture.tables.tenants.clone(),
        );
        let key = key_of(&owner_of(&unique_tenant_id()), "session");
        let platform = fixture.platform().await;
        let_in(&platform, &key.owner).await;
        Some(Self {
            store: Arc::new(DynamoConversations::new(client.clone(), &name, &tenants)),
            key,
            began: Timestamp::now(),
            client,
            name,
            tenants,
            platform,
        })
    }

    fn pk(&self) -> AttributeValue {
        let ConversationOwner {
            tenant_id, user_id, ..
        } = &self.key.owner;
        text(&format!("{tenant_id}#dashboard#{user_id}"))
    }

    /// Everything that is stored of the owner, by sort key.
    async fn items(&self) -> Vec<(String, Item)> {
        let found: Vec<Item> = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", self.pk())
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        found
            .into_iter()
            .map(|item| (item["sk"].as_s().unwrap().clone(), item))
            .collect()
    }

    async fn head(&self) -> Item {
        let mut items = self.items().await;
        items.retain(|(sk, _)| sk == self.key.session_id.as_str());
        items.pop().expect("the head is there").1
    }

    async fn put(&self, attributes: impl IntoIterator<Item = (&str, AttributeValue)>) {
        let mut put = self.client.put_item().table_name(&self.name);
        put = put
            .item("pk", self.pk())
            .item("sk", text(self.key.session_id.as_str()));
        for (name, value) in attributes {
            put = put.item(name, value);
        }
        put.send().await.unwrap();
    }

    async fn append(&self, messages: &[Message], now: Timestamp) {
        self.store.append(&self.key, messages, now).await.unwrap();
    }

    /// Appends turns until there are pages; returns everything that was said.
    async fn fill(&self, now: Timestamp) -> Vec<Message> {
        let mut all = Vec::new();
        for n in 0..4 {
            let turn = turn(&format!("{n:<LONG$}"), "short");
            self.append(&turn, now).await;
            all.extend(turn);
        }
        assert!(self.pages().await.len() > 1, "there are pages");
        all
    }

    async fn pages(&self) -> Vec<(String, Item)> {
        let mut items = self.items().await;
        items.retain(|(sk, _)| sk.contains('#'));
        items
    }

    async fn read(&self, now: Timestamp) -> Vec<Message> {
        self.store.recent(&self.key, EVERYTHING, now).await.unwrap()
    }

    async fn sessions(&self, now: Timestamp) -> Vec<(String, String)> {
        let owner = &self.key.owner;
        let sessions = all_pages(|page| self.store.sessions(owner, page, now)).await;
        sessions
            .unwrap()
            .into_iter()
            .map(|session| (session.session_id.to_string(), session.preview))
            .collect()
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn number_of(item: &Item, name: &str) -> i64 {
    item[name].as_n().unwrap().parse().unwrap()
}

#[tokio::test]
async fn items_have_the_names_and_types_that_other_programs_know() {
    let Some(table) = Table::new().await else {
        return;
    };
    table.append(&turn("question", "answer"), table.began).await;
    let head = table.head().await;
    let messages: Value = serde_json::from_str(head["messages"].as_s().unwrap()).unwrap();
    assert_eq!(
        messages,
        json!([{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}])
    );
    assert_eq!(head["updated_at"], text(&table.began.to_string()));
    let ttl = table.began.as_second() + 30 * 24 * 60 * 60;
    assert_eq!(number_of(&head, "ttl"), ttl);
    assert_eq!(number_of(&head, "version"), 1);
    table.append(&turn("again", "yes"), table.began).await;
    assert_eq!(number_of(&table.head().await, "version"), 2);
}

#[tokio::test]
async fn an_item_of_the_older_program_is_read_and_keeps_what_we_do_not_know() {
    let Some(table) = Table::new().await else {
        return;
    };
    let later = table.began + SignedDuration::from_secs(60);
    let old = r#"[ {"role": "user",  "content": "caf\u00e9", "tokens": 12345678901234567890123.50, "meta": {"a": [1]}} ,
        {"content":"hi","role":"assistant"} ]"#;
    table
        .put([
            ("messages", text(old)),
            ("updated_at", text("2026-01-15T09:30:00.123456")),
            ("ttl", number(table.began.as_second() + 1000)),
            (
                "metadata",
                AttributeValue::M(HashMap::from([("x".to_owned(), number(1))])),
            ),
        ])
        .await;
    let read = table.read(table.began).await;
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].content, "caf\u{e9}");
    let listed = ("session".to_owned(), "caf\u{e9}".to_owned());
    assert_eq!(table.sessions(table.began).await, [listed]);

    table.append(&turn("", "by itself")[1..], later).await;
    let head = table.head().await;
    let messages = head["messages"].as_s().unwrap();
    assert!(
        messages.contains("12345678901234567890123.50"),
        "{messages}"
    );
    assert!(messages.contains(r#""meta": {"a": [1]}"#), "{messages}");
    assert_eq!(head["metadata"].as_m().unwrap()["x"], number(1));
    assert_eq!(number_of(&head, "version"), 1);
    assert_eq!(table.read(later).await.len(), 3);
    let listed = ("session".to_owned(), "caf\u{e9}".to_owned());
    assert_eq!(table.sessions(later).await, [listed]);
}

#[tokio::test]
async fn a_full_item_of_the_older_program_moves_to_pages() {
    let Some(table) = Table::new().await else {
        return;
    };
    let old: Vec<Message> = (0..24).map(|n| said(&format!("{n:<15000}"))).collect();
    table
        .put([
            ("messages", text(&serde_json::to_string(&old).unwrap())),
            ("updated_at", text("2026-01-15T09:30:00Z")),
        ])
        .await;
    table.append(&turn("new", "answer"), table.began).await;
    let all = [old, turn("new", "answer").to_vec()].concat();
    assert!(table.read(table.began).await == all);
    assert!(table.head().await["messages"].as_s().unwrap().len() <= 64 * 1024);
    assert_eq!(table.sessions(table.began).await.len(), 1);
}

#[tokio::test]
async fn pages_outlive_their_head_and_are_never_listed() {
    let Some(table) = Table::new().await else {
        return;
    };
    let mut all = table.fill(table.began).await;
    let mut now = table.began;
    for _ in 0..5 {
        now += SignedDuration::from_hours(20 * 24);
        table.append(&turn("still", "here"), now).await;
        all.extend(turn("still", "here"));
        let ttl = number_of(&table.head().await, "ttl");
        for (sk, page) in table.pages().await {
            assert!(number_of(&page, "ttl") > ttl, "{sk}");
            assert!(page["messages"].as_s().unwrap().len() < 400_000, "{sk}");
        }
    }
    assert!(table.read(now).await == all);
    let other = key_of(&table.key.owner, "session-2");
    table
        .store
        .append(&other, &turn("o", "o"), now)
        .await
        .unwrap();
    let sessions = table.sessions(now).await;
    let ids: Vec<_> = sessions.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["session-2", "session"]);
    let first = table
        .store
        .sessions(&table.key.owner, PageRequest::first(1), now);
    let first = first.await.unwrap();
    assert_eq!(first.items.len(), 1);
    let request = PageRequest {
        limit: 1,
        after: first.next,
    };
    let second = table.store.sessions(&table.key.owner, request, now);
    let second = second.await.unwrap();
    assert_eq!(second.items[0].session_id, table.key.session_id);
}

#[tokio::test]
async fn pages_of_a_head_that_dynamodb_deleted_are_never_seen_again() {
    let Some(table) = Table::new().await else {
        return;
    };
    table.fill(table.began).await;
    let orphans = table.pages().await;
    table
        .client
        .delete_item()
        .table_name(&table.name)
        .key("pk", table.pk())
        .key("sk", text("session"))
        .send()
        .await
        .unwrap();
    assert_eq!(table.sessions(table.began).await, []);
    table.append(&turn("new", "1"), table.began).await;
    assert_eq!(table.read(table.began).await, turn("new", "1"));
    let newer = table.fill(table.began).await;
    let all = [turn("new", "1").to_vec(), newer].concat();
    assert!(table.read(table.began).await == all);
    let history = all_pages(|page| async {
        let page = table.store.history(&table.key, page, table.began).await?;
        page.ok_or(StoreError::InvalidCursor)
    });
    assert_eq!(history.await.unwrap().len(), all.len());

    // A page that is left of the earlier one, behind all of the present ones, goes with a clearing
    // too.
    let mut orphan = orphans[0].1.clone();
    orphan.insert("sk".to_owned(), text("session#page#0000009999"));
    let put = table.client.put_item().table_name(&table.name);
    put.set_item(Some(orphan)).send().await.unwrap();
    assert_eq!(table.store.clear(&table.key, table.began).await, Ok(true));
    assert_eq!(table.items().await, []);
}

#[tokio::test]
async fn an_expired_conversations_pages_do_not_come_back() {
    let Some(table) = Table::new().await else {
        return;
    };
    table.fill(table.began).await;
    let later = table.began + CONVERSATION_LIFE;
    table.append(&turn("new", "1"), later).await;
    assert_eq!(table.read(later).await, turn("new", "1"));
    assert_eq!(table.store.clear(&table.key, later).await, Ok(true));
    assert_eq!(table.items().await, []);
}

#[tokio::test]
async fn a_cursor_stays_right_while_its_messages_move_to_pages() {
    let Some(table) = Table::new().await else {
        return;
    };
    let mut all = Vec::new();
    for n in 0..10 {
        let turn = turn(&format!("q{n}"), &format!("a{n}"));
        table.append(&turn, table.began).await;
        all.extend(turn);
    }
    let read = |request| table.store.history(&table.key, request, table.began);
    let newest = read(PageRequest::first(4)).await.unwrap().unwrap();
    assert_eq!(newest.items, all[16..]);
    table.fill(table.began).await;
    table.fill(table.began).await;
    let mut after = newest.next;
    let mut found = Vec::new();
    while let Some(cursor) = after {
        let request = PageRequest {
            limit: 5,
            after: Some(cursor),
        };
        let page = read(request).await.unwrap().unwrap();
        found.splice(0..0, page.items);
        after = page.next;
    }
    assert_eq!(found, all[..16]);
}

#[tokio::test]
async fn what_fits_no_item_is_refused_and_what_fits_just_is_kept() {
    let Some(table) = Table::new().await else {
        return;
    };
    table.append(&turn("first", "1"), table.began).await;
    let before = table.items().await;
    let too_large = [said(&"x".repeat(420_000))];
    let refused = table
        .store
        .append(&table.key, &too_large, table.began)
        .await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge(_))),
        "{refused:?}"
    );
    // Each of its characters takes six bytes in JSON.
    let escaped = [said(&"\u{1}".repeat(70_000))];
    let refused = table.store.append(&table.key, &escaped, table.began).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge(_))),
        "{refused:?}"
    );
    assert_eq!(table.items().await, before);

    let large = turn(&"x".repeat(400_000), &"y".repeat(404_000));
    table.append(&large, table.began).await;
    table.append(&turn("last", "2"), table.began).await;
    let all = [turn("first", "1"), large, turn("last", "2")].concat();
    assert!(table.read(table.began).await == all);
}

#[tokio::test]
async fn several_processes_append_at_once() {
    let Some(table) = Table::new().await else {
        return;
    };
    // Each store has locks of its own, as a process has.
    let tasks = (0..4).map(|process| {
        let store = DynamoConversations::new(table.client.clone(), &table.name, &table.tenants);
        let (key, now) = (table.key.clone(), table.began);
        async move {
            for n in 0..10 {
                let turn = turn(&format!("{process}-{n:<10000}"), "answer");
                store.append(&key, &turn, now).await.unwrap();
            }
        }
    });
    at_once(tasks).await;
    let all = table.read(table.began).await;
    assert_eq!(all.len(), 80);
    for process in 0..4 {
        let theirs = all
            .iter()
            .filter(|message| message.content.starts_with(&format!("{process}-")));
        let order: Vec<usize> = theirs
            .map(|message| message.content[2..].trim().parse().unwrap())
            .collect();
        assert_eq!(order, (0..10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_user_who_is_removed_while_talking_leaves_no_item() {
    let Some(table) = Table::new().await else {
        return;
    };
    let owner = &table.key.owner;
    let (tenants, user) = (&table.platform.tenants, &owner.user_id);
    let user = tenants.user(&owner.tenant_id, user).await.unwrap().unwrap();
    let talking = (0..8).map(|n| {
        let (store, began) = (table.store.clone(), table.began);
        let key = key_of(owner, &format!("session-{n}"));
        async move {
            let turn = turn(&"x".repeat(LONG), "answer");
            for _ in 0..1_000 {
                if store.append(&key, &turn, began).await.is_err() {
                    break;
                }
            }
        }
    });
    let removing = async {
        while table.pages().await.len() < 16 {
            tokio::task::yield_now().await;
        }
        let audit = audit(&owner.tenant_id);
        let removal = [Change::RemoveUser(user.clone())];
        let commit = tenants.commit(&owner.tenant_id, &removal, &audit);
        commit.await.unwrap();
        let users = [user.id.clone()];
        let removed = table.store.remove_all(&owner.tenant_id, &users);
        removed.await.unwrap();
    };
    futures::future::join(at_once(talking), removing).await;
    assert_eq!(table.items().await, []);
}
