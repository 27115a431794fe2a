//! Reading what models send, field by field: what is not needed cannot fail an answer. Shared by
//! the adapters of every provider.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use crate::model::{ContentBlock, TokenUsage};
use crate::ports::ModelError;

/// How long an answer that has given its reason to stop is waited for to end: what may still come
/// is the count of its tokens.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The most that an answer says, thinks and calls tools with, in bytes: twice what the longest
/// output of any model takes. An endpoint may be a tenant's own, and what it sends is held until
/// the end of the turn, several times over.
const MOST_CONTENT: usize = 1 << 20;

/// How much an answer may still say.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MOST_CONTENT)
    }
}

impl Room {
    /// Takes what a piece of the answer needs.
    ///
    /// # Errors
    /// If the answer is too long.
    pub(super) fn take(&mut self, piece: &str) -> Result<(), ModelError> {
        let left = self.0.checked_sub(piece.len());
        self.0 = left.ok_or_else(|| ModelError::Protocol("the answer is too long".to_owned()))?;
        Ok(())
    }
}

/// The text of a field, if it is one.
pub(super) fn text<'value>(value: &'value Value, field: &str) -> Option<&'value str> {
    value.get(field).and_then(Value::as_str)
}

/// The text of a field that names something: numbers count, too, and an empty one is none.
pub(super) fn name(value: &Value, field: &str) -> Option<String> {
    match value.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A count of tokens: whole or not, as a number or as text. One that is negative is none.
pub(super) fn count(value: &Value, field: &str) -> Option<u64> {
    /// More than any model reads or writes.
    const MOST: f64 = 1e12;
    let value = value.get(field)?;
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    // In range, so that nothing is lost but a fraction.
    (0.0..=MOST).contains(&number).then_some(number as u64)
}

/// The position of a part of an answer: a number, or a text that is one.
pub(super) fn index(value: &Value, field: &str) -> Option<i64> {
    match value.get(field)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Counts are cumulative, and some endpoints send zeros behind them: the larger one stays.
pub(super) fn raise(usage: &mut TokenUsage, new: TokenUsage) {
    usage.input = usage.input.max(new.input);
    usage.output = usage.output.max(new.output);
    usage.cache_read = usage.cache_read.max(new.cache_read);
    usage.cache_write = usage.cache_write.max(new.cache_write);
}

/// Gives every call an id of its own: results are told apart by it, and some endpoints send none,
/// or the same for several. `turn` makes new ones unique in the conversation.
pub(super) fn with_own_ids(content: &mut [ContentBlock], turn: usize) {
    let mut taken = HashSet::new();
    for (at, block) in content.iter_mut().enumerate() {
        if let ContentBlock::ToolUse { id, .. } = block {
            if id.is_empty() || taken.contains(id) {
                *id = format!("call_{turn}_{at}");
            }
            taken.insert(id.clone());
        }
    }
}

/// What a model wants a tool called with, from the text it wrote: no text is an empty object. What
/// is plainly meant is taken: within a fence, encoded twice, with an empty object beside it. Text
/// that is no object even so stays a string (see [`crate::ai`]).
pub(crate) fn tool_input(text: &str) -> Value {
    let written = text.trim();
    if written.is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    object_in(written, 2).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The object that a text holds, which may be encoded as a text itself a few times.
fn object_in(text: &str, deeper: usize) -> Option<Value> {
    let text = without_fence(text.trim());
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        values.push(value.ok()?);
    }
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    if values.len() > 1 {
        values.retain(|value| !is_empty(value));
    }
    match <[Value; 1]>::try_from(values).ok()? {
        [value @ Value::Object(_)] => Some(value),
        [Value::String(inner)] if deeper > 0 => object_in(&inner, deeper - 1),
        _ => None,
    }
}

/// The text between three backticks, whose first line may name a language.
fn without_fence(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```") else {
        return text;
    };
    let Some(inner) = inner.trim_end().strip_suffix("```") else {
        return text;
    };
    let inner = inner.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
    inner.trim()
}

/// Whether a text is a whole JSON value.
pub(super) fn is_whole_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_in_every_form_that_endpoints_give_them() {
        for (value, expected) in [
            (json!(100), Some(100)),
            (json!(99.6), Some(99)),
            (json!("42"), Some(42)),
            (json!(-3), None),
            (json!("many"), None),
            (json!(null), None),
            (json!(1e300), None),
        ] {
            assert_eq!(count(&json!({"n": value}), "n"), expected, "{value}");
        }
        assert_eq!(count(&json!({}), "n"), None);
    }

    #[test]
    fn what_a_tool_is_plainly_called_with_is_taken() {
        let meant = json!({"action": "blockers"});
        for text in [
            r#"{"action": "blockers"}"#,
            "```json\n{\"action\": \"blockers\"}\n```",
            "```{\"action\": \"blockers\"}```",
            r#"{"action": "blockers"}{}"#,
            r#"{}{"action": "blockers"}"#,
            r#""{\"action\": \"blockers\"}""#,
            " {\"action\": \"blockers\"}\n",
        ] {
            assert_eq!(tool_input(text), meant, "{text}");
        }
        for text in ["", " \n", "{}", "{}{}"] {
            let input = tool_input(text);
            assert!(
                input == json!({}) || input == json!(text),
                "{text}: {input}"
            );
        }
    }

    #[test]
    fn what_is_no_object_stays_as_it_was_written() {
        for text in [
            r#"{"action": "blockers""#,
            "[]",
            "blockers",
            "3",
            "null",
            r#"{"a": 1}{"b": 2}"#,
            "```json\n{\n```",
        ] {
            assert_eq!(tool_input(text), json!(text), "{text}");
        }
    }

    #[test]
    fn every_call_gets_an_id_of_its_own() {
        let call = |id: &str| ContentBlock::ToolUse {
            id: id.to_owned(),
            name: "ping".to_owned(),
            input: json!({}),
        };
        let mut content = [call("a"), call(""), call("a"), call("")];
        with_own_ids(&mut content, 3);
        assert_eq!(
            content,
            [
                call("a"),
                call("call_3_1"),
                call("call_3_2"),
                call("call_3_3")
            ]
        );
    }
}
