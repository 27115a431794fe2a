//! What a stored record holds that T3nets does not know: other programs' attributes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::JsonObject;

/// Levels of maps and lists in each other
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MAX_DEPTH: usize = 32;

/// What tells a record's item from others in DynamoDB, or repeats that. No program has attributes
/// of these names for anything else.
const IDENTITY: &[&str] = &[
    "pk",
    "sk",
    "gsi1pk",
    "tenant_id",
    "user_id",
    "channel_type",
    "channel_specific_id",
    USER_CREATED_AT,
];
/// When a user was made. Its name is such that no other program has it: it is compared to the byte.
pub(crate) const USER_CREATED_AT: &str = "made_at";

/// The attributes of each record that T3nets compares and writes. Keys and repeated ids never
/// change.
pub(crate) const TENANT_ATTRIBUTES: &[&str] = &[
    "name",
    "status",
    "created_at",
    "settings",
    "extensions",
    "version",
];
pub(crate) const USER_ATTRIBUTES: &[&str] = &[
    "email",
    "display_name",
    "role",
    "channel_identities",
    "budgets",
];
pub(crate) const MEMORY_ATTRIBUTES: &[&str] = &[
    "preferences",
    "custom_properties",
    "memory_summary",
    "memory_updated_at",
];
pub(crate) const MAPPING_ATTRIBUTES: &[&str] = &[];
pub(crate) const KEY_ATTRIBUTES: &[&str] = &[
    "name",
    "user_id",
    "role",
    "created_at",
    "expires_at",
    "prefix",
    "budgets",
];

/// Whether an attribute is one that T3nets itself reads and writes, given those of the record.
pub(crate) fn is_known(name: &str, of_record: &[&str]) -> bool {
    IDENTITY.contains(&name) || of_record.contains(&name)
}

/// Attributes that T3nets does not know: kept through every read and write, and where a record is
/// moved. Each is written as DynamoDB's own JSON has it, with its type, so that it is afterwards
/// what it was: `{"last_login": {"N": "1767225600"}}`
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "JsonObject", into = "JsonObject")]
pub struct OtherAttributes(JsonObject);

/// Why something is no attribute of DynamoDB's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute `{name}` {reason}")]
pub struct InvalidAttribute {
    name: String,
    reason: &'static str,
}

impl OtherAttributes {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each by its name, as DynamoDB's JSON has it.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Those of the names that `other` has with another value, or alone.
    pub(crate) fn differing(&self, other: &Self) -> Vec<String> {
        let differ = other
            .0
            .iter()
            .filter(|(name, value)| self.0.get(*name) != Some(*value));
        differ.map(|(name, _)| name.clone()).collect()
    }

    /// These, and `other`'s in their place where both have one.
    pub(crate) fn overlaid(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// # Errors
    /// If one is an attribute that T3nets itself reads.
    pub(crate) fn require_unknown(&self, of_record: &[&str]) -> Result<(), InvalidAttribute> {
        match self.0.keys().find(|name| is_known(name, of_record)) {
            Some(known) => Err(invalid(known, "is a field of the record itself")),
            None => Ok(()),
        }
    }
}

impl From<OtherAttributes> for JsonObject {
    fn from(attributes: OtherAttributes) -> Self {
        attributes.0
    }
}

impl TryFrom<JsonObject> for OtherAttributes {
    type Error = InvalidAttribute;

    fn try_from(object: JsonObject) -> Result<Self, InvalidAttribute> {
        for (name, value) in &object {
            if name.is_empty() || name.len() > usize::from(u16::MAX) {
                return Err(invalid("", "has no name, or one longer than 64 KiB"));
            }
            check(value, MAX_DEPTH).map_err(|reason| invalid(name, reason))?;
        }
        Ok(Self(object))
    }
}

/// The name is shown as far as a line has room for it.
fn invalid(name: &str, reason: &'static str) -> InvalidAttribute {
    let name = name
        .chars()
        .take(100)
        .flat_map(char::escape_debug)
        .collect();
    InvalidAttribute { name, reason }
}

const UNTYPED: &str = "is not written as DynamoDB's JSON has it, such as {\"S\": \"text\"}";

fn check(value: &Value, depth: usize) -> Result<(), &'static str> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err("has more than 32 levels");
    };
    let typed = value.as_object().filter(|object| object.len() == 1);
    let (kind, value) = typed
        .and_then(|object| object.iter().next())
        .ok_or(UNTYPED)?;
    let is_right = match (kind.as_str(), value) {
        ("S", Value::String(_)) | ("BOOL", Value::Bool(_)) | ("NULL", Value::Bool(true)) => true,
        ("N", Value::String(number)) => is_number(number),
        ("B", Value::String(bytes)) => is_base64(bytes),
        ("SS", Value::Array(members)) => is_set(members, |_| true),
        ("NS", Value::Array(members)) => is_set(members, is_number),
        ("BS", Value::Array(members)) => is_set(members, is_base64),
        ("L", Value::Array(members)) => {
            return members.iter().try_for_each(|member| check(member, depth));
        }
        ("M", Value::Object(members)) => {
            return members.values().try_for_each(|member| check(member, depth));
        }
        _ => false,
    };
    if is_right { Ok(()) } else { Err(UNTYPED) }
}

fn is_number(text: &str) -> bool {
    // Up to 38 digits, with sign, point and exponent.
    text.len() <= 50 && text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_base64(text: &str) -> bool {
    data_encoding::BASE64.decode(text.as_bytes()).is_ok()
}

/// A set has members, all of one type.
fn is_set(members: &[Value], is_member: impl Fn(&str) -> bool) -> bool {
    !members.is_empty()
        && members
            .iter()
            .all(|member| member.as_str().is_some_and(&is_member))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<OtherAttributes, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn attributes_are_what_dynamodb_stores() {
        let all = json!({
            "s": {"S": ""}, "n": {"N": "-1.50e3"}, "b": {"B": "AAE="}, "t": {"BOOL": false},
            "0": {"NULL": true}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2.0"]},
            "bs": {"BS": ["AA=="]}, "l": {"L": [{"S": "x"}, {"L": []}]}, "m": {"M": {"k": {"N": "1"}}},
        });
        let attributes = read(all.clone()).unwrap();
        assert_eq!(serde_json::to_value(attributes).unwrap(), all);
    }

    #[test]
    fn what_dynamodb_would_refuse_is_none() {
        let mut deep = json!({"S": "x"});
        for _ in 0..32 {
            deep = json!({"L": [deep]});
        }
        for bad in [
            json!("text"),
            json!(7),
            json!({}),
            json!({"S": "a", "N": "1"}),
            json!({"S": 1}),
            json!({"N": 1}),
            json!({"N": "inf"}),
            json!({"N": "seven"}),
            json!({"B": "?"}),
            json!({"NULL": false}),
            json!({"SS": []}),
            json!({"NS": ["1", "x"]}),
            json!({"L": ["x"]}),
            json!({"M": {"k": 1}}),
            json!({"Q": "x"}),
            deep,
        ] {
            let error = read(json!({"a\n": bad})).expect_err(&bad.to_string());
            assert!(error.starts_with("attribute `a\\n` "), "{error}");
        }
        assert!(read(json!({"": {"S": "x"}})).is_err());
    }

    #[test]
    fn an_attribute_that_is_known_is_no_other() {
        let role = read(json!({"role": {"S": "admin"}})).unwrap();
        assert!(role.require_unknown(USER_ATTRIBUTES).is_err());
        assert!(role.require_unknown(TENANT_ATTRIBUTES).is_ok());
        for name in IDENTITY {
            let attributes = read(json!({*name: {"S": "x"}})).unwrap();
            assert!(attributes.require_unknown(&[]).is_err(), "{name}");
        }
    }
}
