//! Notes, each an item beside its user's conversations, with which it goes. Its sort key is no
//! session's, so that no reader takes it for one: in those, `#` is percent-encoded.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::conversations::partition;
use super::dynamodb::attributes::{Item, json, json_value, key, number, number_value};
use super::dynamodb::{Condition, Refusal, Table, Write};
use super::schema;
use crate::model::{ChannelKind, ConversationOwner, JsonObject, NoteName, SecretDocument};
use crate::ports::{NoteStore, StoreError};

/// What the sort keys of notes begin with.
const PREFIX: &str = "#note#";

const TTL: &str = schema::EXPIRY;
const VALUE: &str = "value";

/// The notes' store in DynamoDB.
pub struct DynamoNotes {
    table: Table,
}

impl DynamoNotes {
    /// Notes in the conversations' `table`. The caller of each method says what time it is.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table),
        }
    }
}

#[async_trait]
impl NoteStore for DynamoNotes {
    async fn leave(
        &self,
        name: &NoteName,
        value: &SecretDocument,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut item = key_of(name);
        item.insert(VALUE.to_owned(), json_value(value.fields())?);
        item.insert(TTL.to_owned(), number_value(expires_at.as_second()));
        // DynamoDB deletes what is over days later.
        let is_over = Condition::less(TTL, number_value(now.as_second() + 1));
        let is_free = Condition::absent().or(is_over);
        Ok(self.table.write_if(Write::put(item).when(is_free)).await?)
    }

    async fn take(
        &self,
        name: &NoteName,
        now: Timestamp,
    ) -> Result<Option<SecretDocument>, StoreError> {
        let delete = Write::delete(key_of(name)).returning_item();
        let taken = match self.table.write(delete).await.map_err(Refusal::error) {
            Ok(taken) => taken,
            Err(None) => None,
            Err(Some(error)) => return Err(error.into()),
        };
        let Some(item) = taken else { return Ok(None) };
        let expires_at: i64 = number(&item, TTL)?.unwrap_or_default();
        if expires_at <= now.as_second() {
            return Ok(None);
        }
        let value: JsonObject = json(&item, VALUE)?;
        Ok(Some(SecretDocument::new(value)))
    }
}

fn key_of(name: &NoteName) -> Item {
    let owner = ConversationOwner {
        tenant_id: name.tenant_id.clone(),
        channel: ChannelKind::Dashboard,
        user_id: name.user_id.clone(),
        since: None,
        retention: None,
    };
    key(partition(&owner), format!("{PREFIX}{}", name.name))
}
