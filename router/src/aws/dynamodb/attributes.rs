//! Reading and writing the attributes of DynamoDB items. Names and types of what T3nets stores are
//! fixed; what else an item holds belongs to other programs and is left alone by writing only
//! T3nets' own attributes.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::schema::{PARTITION_KEY, SORT_KEY};
use crate::ports::StoreError;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A text as an attribute of type `S`.
pub(crate) fn text_value(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number as an attribute of type `N`.
pub(crate) fn number_value(number: impl Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// JSON in a text (`S`), as the other programs of this schema store it.
pub(crate) fn json_value(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_json::to_string(value)
        .map(AttributeValue::S)
        .map_err(|error| corrupt("json", &error))
}

/// The key of an item in a table whose keys are `pk` and `sk`.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([
        (PARTITION_KEY.to_owned(), text_value(pk)),
        (SORT_KEY.to_owned(), text_value(sk)),
    ])
}

/// A partition key and a sort key.
pub(crate) type Identity = (String, String);

/// What tells an item from every other.
pub(crate) fn identity(item: &Item) -> Identity {
    let part = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    };
    (part(PARTITION_KEY), part(SORT_KEY))
}

/// An item's key alone.
pub(crate) fn key_of(item: &Item) -> Item {
    let (pk, sk) = identity(item);
    key(pk, sk)
}

/// A text that may be absent, or null.
pub(crate) fn text_if_set<'a>(
    item: &'a Item,
    attribute: &str,
) -> Result<Option<&'a str>, StoreError> {
    match item.get(attribute) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(corrupt(attribute, &"it is not a text")),
    }
}

/// A text that must be set.
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

/// A time that may be absent or empty; older programs write UTC without saying so.
pub(crate) fn time_if_set(item: &Item, attribute: &str) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = text_if_set(item, attribute)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse()
        .or_else(|error| {
            let without_zone: DateTime = text.parse().map_err(|_| error)?;
            let zoned = without_zone.to_zoned(TimeZone::UTC)?;
            Ok(zoned.timestamp())
        })
        .map(Some)
        .map_err(|error: jiff::Error| corrupt(attribute, &error))
}

/// A time that must be set.
pub(crate) fn time(item: &Item, attribute: &str) -> Result<Timestamp, StoreError> {
    time_if_set(item, attribute)?.ok_or_else(|| corrupt(attribute, &"it is missing"))
}

/// A whole number that may be absent. Of a fraction, as Python's floats are, what is behind the
/// point is cut off.
pub(crate) fn number<T>(item: &Item, attribute: &str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Display>,
{
    match item.get(attribute) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::N(number)) => number
            .split('.')
            .next()
            .unwrap_or_default()
            .parse()
            .map(Some)
            .map_err(|error| corrupt(attribute, &error)),
        Some(_) => Err(corrupt(attribute, &"it is not a number")),
    }
}

/// A counter; 0 where it is absent. DynamoDB lets a sum grow to 38 digits: what is larger reads as
/// the largest number.
pub(crate) fn counter(item: &Item, attribute: &str) -> Result<u64, StoreError> {
    let sum: u128 = number(item, attribute)?.unwrap_or_default();
    Ok(u64::try_from(sum).unwrap_or(u64::MAX))
}

/// What an attribute holds cannot be understood.
pub(crate) fn corrupt(attribute: &str, error: &impl Display) -> StoreError {
    StoreError::Corrupt {
        what: format!("attribute `{attribute}`"),
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: AttributeValue) -> Item {
        Item::from([("it".to_owned(), value)])
    }

    #[test]
    fn times_are_read_as_other_programs_write_them() {
        let expected = "2026-01-15T09:30:00.123456Z".parse().unwrap();
        for text in [
            "2026-01-15T09:30:00.123456",
            "2026-01-15T09:30:00.123456+00:00",
            "2026-01-15T10:30:00.123456+01:00",
            "2026-01-15 09:30:00.123456",
        ] {
            assert_eq!(time(&item(text_value(text)), "it"), Ok(expected), "{text}");
        }
        for bad in ["", "yesterday", "1768469400"] {
            let read = time(&item(text_value(bad)), "it");
            assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{bad}");
        }
        assert_eq!(time_if_set(&Item::new(), "it"), Ok(None));
    }

    #[test]
    fn a_sum_that_is_too_large_reads_as_the_largest() {
        let read = |number: &str| counter(&item(number_value(number)), "it");
        assert_eq!(read("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(read("99999999999999999999999999999999999999"), Ok(u64::MAX));
        assert_eq!(read("7"), Ok(7));
        assert!(matches!(read("-1"), Err(StoreError::Corrupt { .. })));
    }
}
