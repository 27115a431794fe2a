//! A conversation's head: what its item holds, and what it becomes by an append. Pure.
//!
//! The head holds the newest messages; past [`HEAD_BYTES`] its oldest move to pages
//! ([`super::pages`]). Messages are kept as the JSON that was read, so that what other programs put
//! into them survives whatever it is.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::aws::dynamodb::Condition;
use crate::aws::dynamodb::attributes::{
    Item, corrupt, counter, key as item_key, number, number_value, text_if_set, text_value,
    time_if_set,
};
use crate::aws::key_part::key_part;
use crate::aws::schema;
use crate::model::{
    ConversationKey, ConversationOwner, Message, Role, SessionId, SessionSummary, TenantId,
};
use crate::ports::{CONVERSATION_LIFE, StoreError};

/// The most bytes of messages in a head: each turn writes all of it, a unit for each kilobyte.
pub(super) const HEAD_BYTES: usize = 3 * 1024;
/// How many bytes of messages stay in a head whose oldest move: few, so that they move rarely.
const KEPT_BYTES: usize = 1024;
/// The bytes of messages in a page, if none of them alone is longer.
pub(super) const PAGE_BYTES: usize = 64 * 1024;
/// The most bytes of an item, names and all
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>).
const ITEM_BYTES: usize = 400 * 1024;
/// What a page's item holds beside its messages, at most.
const PAGE_OVERHEAD: usize = 1024;
/// What a head's item holds beside its messages and other programs' attributes, at most.
const HEAD_OVERHEAD: usize = 4096;
/// The most bytes of messages that one append may write, old ones that move included; a transaction
/// takes 4 MB.
const APPEND_BYTES: usize = 3_500_000;
/// How many appends a head remembers by their ids.
const REMEMBERED: usize = 12;
/// How much longer than the head its pages live, at least: each renewal writes all of them.
const PAGES_SLACK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How close to the pages' end the head's may come before theirs is moved on.
const PAGES_MARGIN: i64 = 24 * 60 * 60;

/// The attributes of a head that T3nets writes. The first four are every program's.
pub(super) const MESSAGES: &str = "messages";
pub(super) const UPDATED_AT: &str = "updated_at";
pub(super) const TTL: &str = schema::EXPIRY;
pub(super) const VERSION: &str = "version";
/// Tells a conversation from a later one of the same key, for its pages.
pub(super) const GENERATION: &str = "generation";
/// The number of the first message in the item, counted from the conversation's beginning. In pages
/// too.
pub(super) const FIRST: &str = "first_message";
pub(super) const PAGE_COUNT: &str = "page_count";
/// What the `ttl` of every page is at least.
pub(super) const PAGES_TTL: &str = "pages_ttl";
pub(super) const PREVIEW: &str = "preview";
/// What the conversation began with, for lists.
pub(super) const TITLE: &str = "title";
/// When the owner was made, as [`ConversationOwner::since`] says.
pub(super) const OWNER_SINCE: &str = "owner_since";
/// The ids of the last appends, so that one whose answer was lost is recognised.
const APPENDS: &str = "recent_appends";

/// The partition key of an owner's conversations.
pub(in crate::aws) fn partition(owner: &ConversationOwner) -> String {
    format!("{}#{}#{}", owner.tenant_id, owner.channel, owner.user_id)
}

/// What the partition keys of a tenant's conversations begin with.
pub(super) fn partitions_of(tenant: &TenantId) -> String {
    format!("{tenant}#")
}

/// The sort key of a session's head: its id, with what has a meaning in keys percent-encoded.
pub(super) fn sort_key(session: &SessionId) -> String {
    key_part(session.as_str()).into_owned()
}

/// The session whose head has this sort key; `None` if none has.
pub(super) fn session_of(key: &str) -> Option<SessionId> {
    let id = percent_decode_str(key).decode_utf8().ok()?;
    let session: SessionId = id.parse().ok()?;
    (sort_key(&session) == key).then_some(session)
}

/// The key of a conversation's head.
pub(super) fn head_key(key: &ConversationKey) -> Item {
    item_key(partition(&key.owner), sort_key(&key.session_id))
}

/// A head as it was read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) messages: Vec<Box<RawValue>>,
    pub(super) first: u64,
    pub(super) page_count: u64,
    /// Empty in heads of older programs, which have no pages.
    pub(super) generation: String,
    pages_ttl: i64,
    updated_at: Timestamp,
    ttl: Option<i64>,
    version: u64,
    preview: Option<String>,
    appends: Vec<AttributeValue>,
    owner_since: Option<String>,
    /// That the item is as it was read. Older programs write messages and leave the version as it
    /// was.
    pub(super) unchanged: Condition,
    /// The size of other programs' attributes.
    other_bytes: usize,
}

impl Head {
    pub(super) fn read(item: &Item) -> Result<Self, StoreError> {
        let known = [
            MESSAGES,
            UPDATED_AT,
            TTL,
            VERSION,
            GENERATION,
            FIRST,
            PAGE_COUNT,
            PAGES_TTL,
            PREVIEW,
            TITLE,
            OWNER_SINCE,
            APPENDS,
        ];
        let ttl = ttl_of(item)?;
        Ok(Self {
            messages: messages_of(item)?,
            first: counter(item, FIRST)?,
            page_count: counter(item, PAGE_COUNT)?,
            generation: generation_of(item)?.to_owned(),
            pages_ttl: number(item, PAGES_TTL)?.unwrap_or_default(),
            updated_at: updated_at(item, ttl)?,
            ttl,
            version: counter(item, VERSION)?,
            preview: text_if_set(item, PREVIEW)?.map(str::to_owned),
            appends: match item.get(APPENDS) {
                Some(AttributeValue::L(ids)) => ids.clone(),
                _ => Vec::new(),
            },
            owner_since: owner_since(item)?.map(str::to_owned),
            unchanged: Condition::unchanged(item, &[VERSION, MESSAGES]),
            other_bytes: item
                .iter()
                .filter(|(name, _)| !known.contains(&name.as_str()))
                .map(|(name, value)| name.len() + size(value))
                .sum(),
        })
    }

    /// Whether it is the conversation of this very owner, and not over.
    pub(super) fn is_live(&self, owner: &ConversationOwner, now: Timestamp) -> bool {
        is_live(self.ttl, now)
            && owner.keeps(self.updated_at, now)
            && is_of(self.owner_since.as_deref(), owner)
    }

    /// Whether an append of this id is in it.
    pub(super) fn has_append(&self, id: &str) -> bool {
        self.appends
            .iter()
            .any(|known| matches!(known, AttributeValue::S(known) if known == id))
    }
}

/// Whether an item that ends at `ttl` is not over.
pub(super) fn is_live(ttl: Option<i64>, now: Timestamp) -> bool {
    ttl.is_none_or(|ttl| ttl > now.as_second())
}

/// Whether a conversation is this owner's, and not of an earlier one of the same id. Items of older
/// programs do not say.
pub(super) fn is_of(owner_since: Option<&str>, owner: &ConversationOwner) -> bool {
    owner_since.is_none_or(|since| since_text(owner).is_some_and(|own| own == since))
}

fn since_text(owner: &ConversationOwner) -> Option<String> {
    owner.since.map(|since| since.to_string())
}

pub(super) fn owner_since(item: &Item) -> Result<Option<&str>, StoreError> {
    text_if_set(item, OWNER_SINCE)
}

pub(super) fn ttl_of(item: &Item) -> Result<Option<i64>, StoreError> {
    number(item, TTL)
}

pub(super) fn generation_of(item: &Item) -> Result<&str, StoreError> {
    Ok(text_if_set(item, GENERATION)?.unwrap_or_default())
}

/// When the last turn ended. Older programs wrote the time without its offset, in UTC, or not at
/// all.
pub(super) fn updated_at(item: &Item, ttl: Option<i64>) -> Result<Timestamp, StoreError> {
    if let Some(at) = time_if_set(item, UPDATED_AT)? {
        return Ok(at);
    }
    let began_life = ttl.unwrap_or_default() - CONVERSATION_LIFE.as_secs();
    Ok(Timestamp::from_second(began_life).unwrap_or_default())
}

/// The messages of a head or page, as they are stored.
pub(super) fn messages_of(item: &Item) -> Result<Vec<Box<RawValue>>, StoreError> {
    match text_if_set(item, MESSAGES)? {
        None | Some("") => Ok(Vec::new()),
        Some(json) => {
            serde_json::from_str(json).map_err(|_| corrupt(MESSAGES, &"it is not an array"))
        }
    }
}

/// A stored message. What was said is not repeated in the error.
pub(super) fn parse(raw: &RawValue) -> Result<Message, StoreError> {
    serde_json::from_str(raw.get()).map_err(|error| StoreError::Corrupt {
        what: "a message".to_owned(),
        detail: match error.classify() {
            serde_json::error::Category::Data => {
                "it lacks a `role` (`user` or `assistant`) or a text `content`".to_owned()
            }
            _ => "it is not JSON".to_owned(),
        },
    })
}

/// The last thing that the person said, of messages that need not all be readable.
pub(super) fn preview_of(messages: &[Box<RawValue>]) -> String {
    messages
        .iter()
        .rev()
        .filter_map(|raw| parse(raw).ok())
        .find(|message| message.role == Role::User)
        .map(|message| SessionSummary::preview_of(&[message]))
        .unwrap_or_default()
}

/// What an attribute's value takes of an item's size, or a little more.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            texts.iter().map(|text| text.len() + 1).sum()
        }
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len() + 1).sum(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| size(value) + 1).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map
                .iter()
                .map(|(name, value)| name.len() + size(value) + 1)
                .sum::<usize>()
        }
        _ => 1,
    }
}

/// Messages that are to be added.
#[derive(Debug)]
pub(super) struct Append {
    /// No other append has it.
    pub(super) id: String,
    messages: Vec<Box<RawValue>>,
    preview: String,
    title: Option<String>,
}

impl Append {
    /// # Errors
    /// [`StoreError::TooLarge`] if a message fits no item.
    pub(super) fn new(id: String, messages: &[Message]) -> Result<Self, StoreError> {
        let raw = messages
            .iter()
            .map(|message| {
                let raw = serde_json::value::to_raw_value(message)
                    .map_err(|error| corrupt(MESSAGES, &error))?;
                check_fits(&raw)?;
                Ok(raw)
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Self {
            id,
            messages: raw,
            preview: SessionSummary::preview_of(messages),
            title: SessionSummary::title_of(messages),
        })
    }
}

/// What an append makes of a conversation.
#[derive(Debug)]
pub(super) struct Plan {
    /// Whether a conversation goes on; otherwise a new one starts and replaces what is stored.
    pub(super) goes_on: bool,
    /// The attributes of the head that are written.
    pub(super) head: Vec<(&'static str, AttributeValue)>,
    /// The pages that are added.
    pub(super) pages: Vec<NewPage>,
    /// The generation to which the pages belong.
    pub(super) generation: String,
    /// Set if all pages there are must live until then before the head is written.
    pub(super) renew_pages_until: Option<i64>,
}

/// A page to be added.
#[derive(Debug)]
pub(super) struct NewPage {
    pub(super) number: u64,
    pub(super) first: u64,
    pub(super) messages: Vec<Box<RawValue>>,
    pub(super) ttl: i64,
}

impl NewPage {
    /// Its messages, as they are stored.
    pub(super) fn json(&self) -> String {
        let messages: Vec<&RawValue> = self.messages.iter().map(AsRef::as_ref).collect();
        array(&messages)
    }
}

/// Plans an append to what was read. An expired conversation, or one of an earlier owner of the
/// same id, is replaced by a new one.
pub(super) fn plan(
    read: Option<&Head>,
    append: &Append,
    owner: &ConversationOwner,
    now: Timestamp,
) -> Result<Plan, StoreError> {
    let live = read.filter(|head| head.is_live(owner, now));
    // Turns that end at once are stored in any order: the later time holds.
    let updated_at = live.map_or(now, |head| head.updated_at.max(now));
    let life = owner.retention.unwrap_or(CONVERSATION_LIFE);
    // Another program's may be later. Where the tenant keeps them for less, that holds.
    let longer = live.filter(|_| owner.retention.is_none());
    let ttl = updated_at
        .as_second()
        .saturating_add(life.as_secs())
        .max(longer.and_then(|head| head.ttl).unwrap_or_default());
    let generation = match live {
        Some(head) if !head.generation.is_empty() => head.generation.clone(),
        _ => append.id.clone(),
    };
    let (first, page_count) = live.map_or((0, 0), |head| (head.first, head.page_count));
    let old = live.map_or(&[][..], |head| &head.messages);
    let messages: Vec<&RawValue> = old
        .iter()
        .chain(&append.messages)
        .map(AsRef::as_ref)
        .collect();
    let other_bytes = live.map_or(0, |head| head.other_bytes);

    let (moved, kept) = messages.split_at(moving(&messages, other_bytes));
    let page_ttl = ttl.saturating_add(life.max(PAGES_SLACK).as_secs());
    let mut pages = Vec::new();
    let mut next = first;
    for group in groups(moved) {
        for message in group {
            check_fits(message)?;
        }
        pages.push(NewPage {
            number: page_count + pages.len() as u64,
            first: next,
            messages: group.iter().map(|message| (*message).to_owned()).collect(),
            ttl: page_ttl,
        });
        next += group.len() as u64;
    }
    if total(&messages) > APPEND_BYTES {
        return Err(StoreError::TooLarge("the turn".to_owned()));
    }

    let old_pages_ttl = live.filter(|_| page_count > 0).map(|head| head.pages_ttl);
    let renew_pages_until = old_pages_ttl
        .filter(|&old| old < ttl.saturating_add(PAGES_MARGIN))
        .map(|_| page_ttl);
    let pages_ttl = match (old_pages_ttl, renew_pages_until) {
        (Some(old), None) => old.min(page_ttl),
        _ => page_ttl,
    };
    let preview = match &*append.preview {
        // A turn in which the person said nothing leaves the preview as it is.
        "" => live.map_or_else(String::new, |head| {
            let stored = head.preview.clone();
            stored.unwrap_or_else(|| preview_of(&head.messages))
        }),
        preview => preview.to_owned(),
    };
    let mut appends = live.map_or_else(Vec::new, |head| head.appends.clone());
    appends.push(text_value(&append.id));
    let forgotten = appends.len().saturating_sub(REMEMBERED);
    appends.drain(..forgotten);

    let mut head = vec![
        (MESSAGES, text_value(array(kept))),
        (UPDATED_AT, text_value(updated_at.to_string())),
        (TTL, number_value(ttl)),
        // Counted on across an expired conversation too, so that no version comes twice.
        (
            VERSION,
            number_value(read.map_or(0, |head| head.version) + 1),
        ),
        (GENERATION, text_value(&generation)),
        (FIRST, number_value(next)),
        (PAGE_COUNT, number_value(page_count + pages.len() as u64)),
        (PAGES_TTL, number_value(pages_ttl)),
        (PREVIEW, text_value(preview)),
        (APPENDS, AttributeValue::L(appends)),
    ];
    if let (None, Some(title)) = (live, &append.title) {
        head.push((TITLE, text_value(title)));
    }
    head.extend(since_text(owner).map(|since| (OWNER_SINCE, text_value(since))));
    Ok(Plan {
        goes_on: live.is_some(),
        head,
        pages,
        generation,
        renew_pages_until,
    })
}

/// How many of a head's messages, the oldest, must move to pages.
fn moving(messages: &[&RawValue], other_bytes: usize) -> usize {
    let mut left = total(messages);
    if left <= HEAD_BYTES {
        return 0;
    }
    let room = ITEM_BYTES.saturating_sub(HEAD_OVERHEAD + other_bytes);
    let mut moved = 0;
    for message in messages {
        // The newest stays for older programs, which know the head alone, if an item has room for
        // it.
        let is_newest = moved + 1 == messages.len();
        if left <= KEPT_BYTES || (is_newest && left <= room) {
            break;
        }
        left -= message.get().len() + 1;
        moved += 1;
    }
    moved
}

/// Shares messages out to pages in their order.
fn groups<'a, 'b>(messages: &'a [&'b RawValue]) -> Vec<&'a [&'b RawValue]> {
    let mut groups = Vec::new();
    let mut rest = messages;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest
            .iter()
            .take_while(|message| {
                bytes += message.get().len() + 1;
                bytes <= PAGE_BYTES
            })
            .count();
        let (group, others) = rest.split_at(fit.max(1));
        groups.push(group);
        rest = others;
    }
    groups
}

fn check_fits(message: &RawValue) -> Result<(), StoreError> {
    if message.get().len() > ITEM_BYTES - PAGE_OVERHEAD {
        return Err(StoreError::TooLarge("a message".to_owned()));
    }
    Ok(())
}

fn total(messages: &[&RawValue]) -> usize {
    messages.iter().map(|message| message.get().len() + 1).sum()
}

fn array(messages: &[&RawValue]) -> String {
    let mut json = String::with_capacity(total(messages) + 2);
    json.push('[');
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(message.get());
    }
    json.push(']');
    json
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
