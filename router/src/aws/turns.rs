//! Turns that are answered apart from the request that asked for them: an item beside their owner's
//! conversations. Its sort key is no session's, so that no reader takes it for one: in those, `#`
//! is percent-encoded.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::conversations::partition;
use super::dynamodb::attributes::{
    Item, json_value, key, number, number_value, parsed, text, text_if_set, text_value, time,
};
use super::dynamodb::{Condition, Query, Refusal, SortKeys, Table, Update, Write};
use super::schema;
use crate::model::{ConversationOwner, Record, StoredTurn, TurnId, TurnProgress};
use crate::ports::{StoreError, TurnStore};

/// What the sort keys of turns begin with.
const PREFIX: &str = "#turn#";

const TTL: &str = schema::EXPIRY;
const PROGRESS: &str = "progress";
const STOP: &str = "stop";
const OWNER_SINCE: &str = "owner_since";

/// The turns' store in DynamoDB.
pub struct DynamoTurns {
    table: Table,
}

impl DynamoTurns {
    /// Turns in the conversations' `table`. The caller of each method says what time it is.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table),
        }
    }

    async fn find(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        now: Timestamp,
    ) -> Result<Option<StoredTurn>, StoreError> {
        match self.table.get(key_of(owner, id)).await? {
            Some(item) => read(&item, owner, now),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl TurnStore for DynamoTurns {
    async fn begin(&self, turn: &StoredTurn) -> Result<Option<StoredTurn>, StoreError> {
        let now = turn.progress.saved_at;
        let mut item = key_of(&turn.owner, &turn.id);
        item.extend([
            (
                "session_id".to_owned(),
                text_value(turn.session_id.as_str()),
            ),
            ("message".to_owned(), text_value(&turn.message)),
            (
                "started_at".to_owned(),
                text_value(turn.started_at.to_string()),
            ),
            (PROGRESS.to_owned(), json_value(&turn.progress)?),
            (
                TTL.to_owned(),
                number_value(StoredTurn::expires_at(&turn.progress)),
            ),
        ]);
        if let Some(since) = turn.owner.since {
            item.insert(OWNER_SINCE.to_owned(), text_value(since.to_string()));
        }
        // DynamoDB deletes what is over days later.
        let is_free = Condition::absent().or(Condition::less(TTL, number_value(now.as_second())));
        let begun = self.table.write(Write::put(item).when(is_free)).await;
        match begun {
            Ok(_) => Ok(None),
            Err(Refusal::Condition(_)) => match self.find(&turn.owner, &turn.id, now).await? {
                Some(there) => Ok(Some(there)),
                None => Err(StoreError::unavailable("a turn of the same id just ended")),
            },
            // Of one whose answer was lost it cannot be told whether it is this one's own: its
            // client asks again.
            Err(refusal) => Err(refusal.into_store_error(Record::Turn(turn.id.clone()))),
        }
    }

    async fn save(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        progress: &TurnProgress,
    ) -> Result<bool, StoreError> {
        let update = Update::default()
            .set(PROGRESS, json_value(&progress.cut())?)
            .set(TTL, number_value(StoredTurn::expires_at(progress)));
        let is_there = Condition::present().and(Condition::same(
            OWNER_SINCE,
            owner.since.map(|since| text_value(since.to_string())),
        ));
        let write = Write::update(key_of(owner, id), update)
            .when(is_there)
            .returning_item();
        match self.table.write(write).await {
            Ok(item) => Ok(item.is_some_and(|item| item.contains_key(STOP))),
            Err(Refusal::Condition(_)) => Err(StoreError::NotFound(Record::Turn(id.clone()))),
            Err(refusal) => Err(refusal.into_store_error(Record::Turn(id.clone()))),
        }
    }

    async fn turn(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        now: Timestamp,
    ) -> Result<Option<StoredTurn>, StoreError> {
        self.find(owner, id, now).await
    }

    async fn turns(
        &self,
        owner: &ConversationOwner,
        now: Timestamp,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let partition = partition(owner);
        let query = Query::new(&partition, SortKeys::BeginningWith(PREFIX));
        self.table
            .query(query, usize::MAX, |item| read(&item, owner, now))
            .await
    }

    async fn ask_to_stop(&self, owner: &ConversationOwner, id: &TurnId) -> Result<(), StoreError> {
        let ask = Update::default().set(STOP, AttributeValue::Bool(true));
        let ask = Write::update(key_of(owner, id), ask).when(Condition::present());
        match self.table.write_if(ask).await? {
            true => Ok(()),
            false => Err(StoreError::NotFound(Record::Turn(id.clone()))),
        }
    }
}

fn key_of(owner: &ConversationOwner, id: &TurnId) -> Item {
    key(partition(owner), format!("{PREFIX}{id}"))
}

/// A turn; `None` of one that is over, or of an earlier user of the same id.
fn read(
    item: &Item,
    owner: &ConversationOwner,
    now: Timestamp,
) -> Result<Option<StoredTurn>, StoreError> {
    let since = owner.since.map(|since| since.to_string());
    let is_live = number(item, TTL)?.is_none_or(|ttl: i64| ttl > now.as_second());
    if !is_live || text_if_set(item, OWNER_SINCE)? != since.as_deref() {
        return Ok(None);
    }
    let id = text(item, schema::SORT_KEY)?;
    let id = id.strip_prefix(PREFIX).unwrap_or(id);
    let corrupt = |detail: String| StoreError::Corrupt {
        what: "a turn".to_owned(),
        detail,
    };
    let progress: TurnProgress = serde_json::from_str(text(item, PROGRESS)?)
        .map_err(|error| corrupt(format!("its progress is not valid JSON: {error}")))?;
    Ok(Some(StoredTurn {
        id: id
            .parse()
            .map_err(|error: crate::model::InvalidId| corrupt(error.to_string()))?,
        owner: owner.clone(),
        session_id: parsed(item, "session_id")?,
        message: text(item, "message")?.to_owned(),
        started_at: time(item, "started_at")?,
        progress,
        is_stopping: item.contains_key(STOP),
    }))
}
