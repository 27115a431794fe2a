//! Attributes that T3nets does not know, as DynamoDB's JSON has them and as the SDK does.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::attributes::{Item, corrupt};
use crate::model::{JsonObject, OtherAttributes, is_known};
use crate::ports::StoreError;

/// What an item holds beside the attributes of its record.
pub(crate) fn other_attributes(
    item: &Item,
    of_record: &[&str],
) -> Result<OtherAttributes, StoreError> {
    let others = item.iter().filter(|(name, _)| !is_known(name, of_record));
    let others: JsonObject = others
        .map(|(name, value)| (name.clone(), to_json(value)))
        .collect();
    OtherAttributes::try_from(others).map_err(|error| corrupt("item", &error))
}

/// The same, of an item. What is of the record itself is never among them.
pub(crate) fn other_items(attributes: &OtherAttributes, of_record: &[&str]) -> Item {
    let others = attributes
        .iter()
        .filter(|(name, _)| !is_known(name, of_record));
    others
        .filter_map(|(name, value)| Some((name.clone(), from_json(value)?)))
        .collect()
}

fn to_json(value: &AttributeValue) -> Value {
    let base64 = |bytes: &Blob| BASE64.encode(bytes.as_ref());
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": base64(bytes) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(all) => json!({ "BS": all.iter().map(base64).collect::<Vec<_>>() }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(to_json).collect::<Vec<_>>() }),
        AttributeValue::M(map) => {
            let members = map
                .iter()
                .map(|(name, value)| (name.clone(), to_json(value)));
            json!({ "M": members.collect::<JsonObject>() })
        }
        // Null, and what DynamoDB may have one day.
        _ => json!({ "NULL": true }),
    }
}

/// `None` for what [`OtherAttributes`] never holds.
fn from_json(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let blob = |value: &Value| {
        let bytes = BASE64.decode(value.as_str()?.as_bytes()).ok()?;
        Some(Blob::new(bytes))
    };
    let list = || value.as_array().map(|list| list.iter());
    Some(match kind.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(blob(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(list()?.map(text).collect::<Option<_>>()?),
        "NS" => AttributeValue::Ns(list()?.map(text).collect::<Option<_>>()?),
        "BS" => AttributeValue::Bs(list()?.map(blob).collect::<Option<_>>()?),
        "L" => AttributeValue::L(list()?.map(from_json).collect::<Option<_>>()?),
        "M" => {
            let members = value.as_object()?.iter();
            let members = members.map(|(name, value)| Some((name.clone(), from_json(value)?)));
            AttributeValue::M(members.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_attribute_of_any_type_is_what_it_was() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let blob = |bytes: &[u8]| Blob::new(bytes.to_vec());
        let others = HashMap::from([
            ("s".to_owned(), text("ä")),
            (
                "n".to_owned(),
                AttributeValue::N("1.00000000000000000000000000000000000001".to_owned()),
            ),
            ("b".to_owned(), AttributeValue::B(blob(&[0, 255]))),
            ("t".to_owned(), AttributeValue::Bool(true)),
            ("0".to_owned(), AttributeValue::Null(true)),
            (
                "ss".to_owned(),
                AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]),
            ),
            ("ns".to_owned(), AttributeValue::Ns(vec!["1".to_owned()])),
            ("bs".to_owned(), AttributeValue::Bs(vec![blob(b"x")])),
            (
                "l".to_owned(),
                AttributeValue::L(vec![text(""), AttributeValue::L(Vec::new())]),
            ),
            (
                "m".to_owned(),
                AttributeValue::M(HashMap::from([("k".to_owned(), text("v"))])),
            ),
        ]);
        let mut item = others.clone();
        item.insert("pk".to_owned(), text("TENANT#x"));
        item.insert("role".to_owned(), text("admin"));
        let attributes = other_attributes(&item, &["role"]).unwrap();
        assert_eq!(other_items(&attributes, &["role"]), others);
        let written = serde_json::to_string(&attributes).unwrap();
        let read: OtherAttributes = serde_json::from_str(&written).unwrap();
        assert_eq!(read, attributes);
    }
}
