//! The form that a client wants the answer in: `response_format`.

use serde_json::Value;

use super::tools::{invalid_name, is_tool_name};
use super::{invalid, unsupported};
use crate::http::error::ApiError;
use crate::http::fields::kind_of;
use crate::model::{JsonObject, ResponseFormat, ResponseSchema};

/// The longest schema, in bytes of JSON, and how deep its values may be nested.
const MOST_BYTES: usize = 64 * 1024;
const MOST_DEPTH: usize = 64;
/// The longest description of what the answer is, in bytes.
const MOST_DESCRIPTION: usize = 4 * 1024;

/// Reads `response_format`; none for words.
///
/// # Errors
/// If it is no form that is served, or its schema cannot be used.
pub(super) fn read(format: &JsonObject) -> Result<Option<ResponseFormat>, ApiError> {
    const TYPE: &str = "response_format.type";
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(ResponseFormat::Object)),
        Some("json_schema") => schema(format).map(|of| Some(ResponseFormat::Schema(of))),
        Some(_) => Err(unsupported(
            TYPE,
            format!("`{TYPE}` must be `text`, `json_object` or `json_schema`"),
        )),
        None => Err(invalid(TYPE, format!("`{TYPE}` is missing"))),
    }
}

fn schema(format: &JsonObject) -> Result<ResponseSchema, ApiError> {
    const AT: &str = "response_format.json_schema";
    let part = |name: &str| format!("{AT}.{name}");
    let Some(Value::Object(given)) = format.get("json_schema") else {
        return Err(invalid(AT, format!("`{AT}` must be an object")));
    };
    let name = given.get("name").and_then(Value::as_str);
    let name = name.filter(|name| is_tool_name(name));
    let name = name.ok_or_else(|| invalid_name(&part("name")))?;
    let description = match given.get("description") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.len() <= MOST_DESCRIPTION => Some(text.clone()),
        Some(_) => {
            let part = part("description");
            let message = format!("`{part}` must be text of at most {MOST_DESCRIPTION} bytes");
            return Err(invalid(part, message));
        }
    };
    let strict = match given.get("strict") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(is_strict)) => Some(*is_strict),
        Some(other) => {
            let part = part("strict");
            let message = format!("`{part}` must be true or false, not {}", kind_of(other));
            return Err(invalid(part, message));
        }
    };
    let schema = given.get("schema").unwrap_or(&Value::Null);
    if let Some(wrong) = wrong_with(schema) {
        let part = part("schema");
        let message = format!("`{part}` {wrong}");
        return Err(invalid(part, message));
    }
    Ok(ResponseSchema {
        name: name.to_owned(),
        description,
        schema: schema.clone(),
        strict,
    })
}

/// Why a schema cannot be used, behind its name.
fn wrong_with(schema: &Value) -> Option<String> {
    let is_of_object = |of: &JsonObject| of.get("type").is_none_or(|kind| kind == "object");
    match schema {
        Value::Object(of) if !is_of_object(of) => {
            Some("must be the schema of an object".to_owned())
        }
        Value::Object(_) if schema.to_string().len() > MOST_BYTES => {
            Some(format!("is longer than {} KiB", MOST_BYTES / 1024))
        }
        Value::Object(_) if is_deeper(schema, MOST_DEPTH) => {
            Some(format!("is nested more than {MOST_DEPTH} deep"))
        }
        Value::Object(_) => None,
        _ => Some("must be a JSON schema of an object".to_owned()),
    }
}

/// Whether values are nested deeper than so many levels. A body's own depth is limited.
fn is_deeper(value: &Value, most: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(members) => Box::new(members.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => return false,
    };
    most == 0 || inner.any(|value| is_deeper(value, most - 1))
}
