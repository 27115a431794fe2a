//! Reading and writing the attributes of DynamoDB items. Names and types of what T3nets stores are fixed; what else an item
//! holds belongs to other programs and is left alone by writing only what is ours.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::StoreError;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A text (`S`).
pub(crate) fn text_value(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number (`N`).
pub(crate) fn number_value(number: impl Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// JSON in a text (`S`), as the other programs of this schema store it.
pub(crate) fn json_value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_json::to_string(value)
        .map(AttributeValue::S)
        .map_err(|error| corrupt("json", &error))
}

/// The key of an item.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([
        ("pk".to_owned(), text_value(pk)),
        ("sk".to_owned(), text_value(sk)),
    ])
}

/// A text that may be absent, or null.
pub(crate) fn text_if_set<'a>(
    item: &'a Item,
    attribute: &str,
) -> Result<Option<&'a str>, StoreError> {
    match item.get(attribute) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(corrupt(attribute, &"it is no text")),
    }
}

/// A text.
pub(crate) fn text<'a>(item: &'a Item, attribute: &str) -> Result<&'a str, StoreError> {
    text_if_set(item, attribute)?.ok_or_else(|| corrupt(attribute, &"it is missing"))
}

/// A text whose type checks what it reads.
pub(crate) fn parsed<T>(item: &Item, attribute: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: Display>,
{
    text(item, attribute)?
        .parse()
        .map_err(|error| corrupt(attribute, &error))
}

/// A text that may be absent, whose type checks what it reads.
pub(crate) fn parsed_if_set<T>(item: &Item, attribute: &str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Display>,
{
    text_if_set(item, attribute)?
        .map(|text| text.parse().map_err(|error| corrupt(attribute, &error)))
        .transpose()
}

/// JSON in a text; the default where it is absent or empty, as in items of older programs.
pub(crate) fn json<T: DeserializeOwned + Default>(
    item: &Item,
    attribute: &str,
) -> Result<T, StoreError> {
    match text_if_set(item, attribute)? {
        None | Some("") => Ok(T::default()),
        Some(text) => serde_json::from_str(text).map_err(|error| corrupt(attribute, &error)),
    }
}

/// A counter; 0 where it is absent.
pub(crate) fn counter(item: &Item, attribute: &str) -> Result<u64, StoreError> {
    match item.get(attribute) {
        None | Some(AttributeValue::Null(_)) => Ok(0),
        Some(AttributeValue::N(number)) => {
            number.parse().map_err(|error| corrupt(attribute, &error))
        }
        Some(_) => Err(corrupt(attribute, &"it is no number")),
    }
}

/// What an attribute holds cannot be understood.
pub(crate) fn corrupt(attribute: &str, error: &impl Display) -> StoreError {
    StoreError::Corrupt {
        what: format!("attribute `{attribute}`"),
        detail: error.to_string(),
    }
}
