//! A client's own tools, and which of them it wants called.

use serde_json::{Value, json};

use super::{invalid, unsupported};
use crate::http::error::ApiError;
use crate::model::{JsonObject, ToolChoice, ToolSpec};
use crate::skills::SkillSet;

/// The most tools of a client, as at OpenAI.
const MOST_TOOLS: usize = 128;

/// What is asked of the client's tools.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tools {
    /// Those that the model may call.
    pub(super) offered: Vec<ToolSpec>,
    pub(super) choice: ToolChoice,
    /// Whether there are any, offered or not.
    pub(super) are_given: bool,
}

/// Reads `tools` and `tool_choice`.
///
/// # Errors
/// If one of them cannot be used, or has the name of a skill: which of the two is called would
/// depend on the model.
pub(super) fn read(
    tools: &[Value],
    choice: Option<&Value>,
    skills: &SkillSet,
) -> Result<Tools, ApiError> {
    if tools.len() > MOST_TOOLS {
        let message = format!("there are more than {MOST_TOOLS} `tools`");
        return Err(invalid("tools", message));
    }
    let mut offered: Vec<ToolSpec> = Vec::with_capacity(tools.len());
    for (at, tool) in tools.iter().enumerate() {
        let spec = spec(tool, &format!("tools[{at}]"))?;
        let part = format!("tools[{at}].function.name");
        let name = &spec.name;
        if skills.get(name).is_some() {
            return Err(invalid(
                part,
                format!("`{name}` is a skill of the assistant: give your tool another name"),
            ));
        }
        if offered.iter().any(|other| other.name == *name) {
            return Err(invalid(part, format!("two tools have the name `{name}`")));
        }
        offered.push(spec);
    }
    let are_given = !offered.is_empty();
    let choice = match choice {
        None => ToolChoice::Auto,
        Some(Value::String(word)) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => {
                offered.clear();
                ToolChoice::Auto
            }
            "required" if are_given => ToolChoice::Required,
            "required" => return Err(invalid("tool_choice", "there are no `tools` to call")),
            _ => return Err(other_choice()),
        },
        Some(named) => ToolChoice::Named(named_choice(named, &offered)?),
    };
    Ok(Tools {
        offered,
        choice,
        are_given,
    })
}

fn named_choice(choice: &Value, offered: &[ToolSpec]) -> Result<String, ApiError> {
    if choice.get("type").and_then(Value::as_str) != Some("function") {
        return Err(other_choice());
    }
    let name = choice.get("function").and_then(|named| named.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or_default();
    match offered.iter().find(|spec| spec.name == name) {
        Some(spec) => Ok(spec.name.clone()),
        None => Err(invalid(
            "tool_choice",
            "`tool_choice` names a tool that is not among `tools`",
        )),
    }
}

fn other_choice() -> ApiError {
    unsupported(
        "tool_choice",
        "`tool_choice` must be `auto`, `none`, `required`, or name a function",
    )
}

fn spec(tool: &Value, part: &str) -> Result<ToolSpec, ApiError> {
    require_function(tool, part)?;
    let function = tool.get("function").unwrap_or(&Value::Null);
    let text = |name: &str| function.get(name).and_then(Value::as_str);
    let name = text("name").filter(|name| is_tool_name(name));
    let name = name.ok_or_else(|| invalid_name(&format!("{part}.function.name")))?;
    let input_schema = match function.get("parameters") {
        None | Some(Value::Null) => json!({"type": "object", "properties": {}}),
        Some(Value::Object(schema)) => schema_of(schema),
        Some(_) => {
            let part = format!("{part}.function.parameters");
            let message = format!("`{part}` must be a JSON schema of an object");
            return Err(invalid(part, message));
        }
    };
    // Bedrock takes no empty description.
    let description = text("description").filter(|text| !text.trim().is_empty());
    Ok(ToolSpec {
        name: name.to_owned(),
        description: description.unwrap_or(name).to_owned(),
        input_schema,
    })
}

/// The schema of an object, which Anthropic wants said.
fn schema_of(schema: &JsonObject) -> Value {
    let mut schema = schema.clone();
    schema.entry("type").or_insert_with(|| json!("object"));
    Value::Object(schema)
}

/// Refuses what is no function.
pub(super) fn require_function(tool: &Value, part: &str) -> Result<(), ApiError> {
    match tool.get("type").and_then(Value::as_str) {
        Some("function") => Ok(()),
        Some(_) => Err(unsupported(
            format!("{part}.type"),
            format!("`{part}.type` must be `function`; no other tools are served"),
        )),
        None => Err(invalid(
            format!("{part}.type"),
            format!("`{part}.type` is missing"),
        )),
    }
}

/// Whether a text may be a tool's name, or a call's id: what all providers take.
pub(super) fn is_tool_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

pub(super) fn invalid_name(part: &str) -> ApiError {
    invalid(
        part,
        format!("`{part}` must be 1 to 64 letters, digits, `_` and `-`"),
    )
}
