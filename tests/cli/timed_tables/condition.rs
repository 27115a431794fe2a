//! Conditions of writes: comparisons for equality, and whether there is an attribute, all of which
//! must hold.

use serde_json::Value;

/// Whether a write's condition holds of the item that is there.
///
/// # Panics
/// If the condition is none of these.
pub(super) fn holds(asked: &Value, item: Option<&Value>) -> bool {
    let Some(expression) = asked["ConditionExpression"].as_str() else {
        return true;
    };
    let attribute = |word: &str| {
        let name = match word.starts_with('#') {
            true => asked["ExpressionAttributeNames"][word].as_str(),
            false => Some(word),
        };
        item?.get(name.expect("a name for the placeholder"))
    };
    expression.split(" AND ").all(|term| {
        let function = |name: &str| term.strip_prefix(name)?.strip_suffix(')');
        if let Some(word) = function("attribute_exists(") {
            attribute(word).is_some()
        } else if let Some(word) = function("attribute_not_exists(") {
            attribute(word).is_none()
        } else {
            let (word, value) = term.split_once(" = ").expect("a term that is understood");
            attribute(word) == Some(&asked["ExpressionAttributeValues"][value])
        }
    })
}
