//! Between JSON and the SDK's document type.

use aws_smithy_types::{Document, Number};
use serde_json::Value;

/// How deeply a model's JSON may be nested: as deeply as `serde_json` reads it.
const MAX_DEPTH: usize = 128;

/// A JSON value as a document.
pub(super) fn to_document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(*value),
        Value::Number(number) => {
            if let Some(number) = number.as_u64() {
                Document::Number(Number::PosInt(number))
            } else if let Some(number) = number.as_i64() {
                Document::Number(Number::NegInt(number))
            } else {
                number.as_f64().map_or(Document::Null, |number| {
                    Document::Number(Number::Float(number))
                })
            }
        }
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(to_document).collect()),
        Value::Object(fields) => Document::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), to_document(value)))
                .collect(),
        ),
    }
}

/// A document as JSON; `None` if it is nested too deeply. Numbers that JSON does not have become
/// null.
pub(super) fn to_value(document: &Document) -> Option<Value> {
    value_within(document, MAX_DEPTH)
}

fn value_within(document: &Document, depth: usize) -> Option<Value> {
    Some(match document {
        Document::Null => Value::Null,
        Document::Bool(value) => Value::Bool(*value),
        Document::Number(Number::PosInt(number)) => Value::from(*number),
        Document::Number(Number::NegInt(number)) => Value::from(*number),
        // No number is `NaN`, which becomes null.
        Document::Number(Number::Float(number)) => Value::from(*number),
        Document::String(text) => Value::String(text.clone()),
        Document::Array(items) => {
            let depth = depth.checked_sub(1)?;
            let items = items.iter().map(|item| value_within(item, depth));
            Value::Array(items.collect::<Option<_>>()?)
        }
        Document::Object(fields) => {
            let depth = depth.checked_sub(1)?;
            let fields = fields
                .iter()
                .map(|(name, field)| Some((name.clone(), value_within(field, depth)?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_comes_back_as_it_was(value in json_values()) {
            prop_assert_eq!(to_value(&to_document(&value)), Some(value));
        }
    }

    #[test]
    fn what_json_does_not_have_is_null_and_what_is_too_deep_is_nothing() {
        for number in [f64::NAN, f64::INFINITY] {
            let document = Document::Array(vec![Document::Number(Number::Float(number))]);
            assert_eq!(to_value(&document), Some(json!([null])));
        }
        let nested =
            |depth| (0..depth).fold(Document::Null, |inner, _| Document::Array(vec![inner]));
        assert!(to_value(&nested(MAX_DEPTH)).is_some());
        assert_eq!(to_value(&nested(MAX_DEPTH + 1)), None);
    }
}
