//! From what a server says of its tools to what a model is offered of them. Pure. All of it is the
//! server's own text: it is bounded, and a tool that a provider would refuse, and every answer with
//! it, is left out.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use rmcp::model::Tool;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::settings::ServerSettings;
use crate::model::ToolSpec;

/// The most tools of one server.
const MOST_TOOLS: usize = 64;
/// The longest description of one, in bytes.
const DESCRIPTION_BYTES: usize = 1024;
/// The longest schema of one, in bytes of JSON.
const SCHEMA_BYTES: usize = 8 * 1024;
/// Descriptions and schemas of all tools of a server together, in bytes: each turn pays for them.
const ALL_BYTES: usize = 64 * 1024;
/// The longest name of a tool that every provider takes
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html>).
const NAME_CHARS: usize = 64;
/// The longest name that a server may give a tool, in bytes.
const OWN_NAME_BYTES: usize = 128;

/// The tools of a server, as the tenant allows them.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// What the model may call.
    pub(crate) offered: Vec<OfferedTool>,
    /// What else the server has and could be allowed.
    pub(super) others: Vec<OtherTool>,
    /// How many were left out for their size or form.
    pub(super) left_out: usize,
}

/// A tool that the model may call.
#[derive(Debug, Clone)]
pub(crate) struct OfferedTool {
    /// Its name on its server.
    pub(crate) own_name: String,
    /// What the server says of it.
    pub(super) description: String,
    /// What the model is told of it, by a name that no other tool has.
    pub(crate) spec: ToolSpec,
    /// Whether it runs without asking the user.
    pub(crate) is_free: bool,
}

/// A tool that the tenant does not allow.
#[derive(Debug, Clone)]
pub(super) struct OtherTool {
    pub(super) own_name: String,
    pub(super) description: String,
    pub(super) is_free: bool,
}

impl Catalogue {
    /// The catalogue of what a server listed.
    pub(super) fn of(settings: &ServerSettings, tools: Vec<Tool>) -> Self {
        let mut catalogue = Self::default();
        let mut names = BTreeSet::new();
        let mut room = ALL_BYTES;
        for tool in tools {
            let own_name = tool.name.to_string();
            let is_known = catalogue.names().any(|name| name == own_name);
            if !is_usable_name(&own_name) || is_known {
                catalogue.left_out += 1;
                continue;
            }
            let hints = tool.annotations.as_ref();
            let says_it_reads = hints.and_then(|hints| hints.read_only_hint) == Some(true);
            let words = words(tool.description.as_deref());
            let is_free = settings.is_free(&own_name, says_it_reads);
            if !settings.offers(&own_name, says_it_reads) {
                match catalogue.others.len() < MOST_TOOLS {
                    true => catalogue.others.push(OtherTool {
                        own_name,
                        description: words,
                        is_free,
                    }),
                    false => catalogue.left_out += 1,
                }
                continue;
            }
            let description = format!("(Tool of the MCP server `{}`.) {words}", settings.label);
            let schema = schema(&tool.input_schema);
            let bytes = |schema: &Value| schema.to_string().len() + description.len();
            let fitting = schema
                .filter(|schema| catalogue.offered.len() < MOST_TOOLS && bytes(schema) <= room);
            let Some(input_schema) = fitting else {
                catalogue.left_out += 1;
                continue;
            };
            room -= bytes(&input_schema);
            let name = model_name(&settings.label, &own_name, &names);
            names.insert(name.clone());
            catalogue.offered.push(OfferedTool {
                own_name,
                description: words,
                spec: ToolSpec {
                    name,
                    description,
                    input_schema,
                },
                is_free,
            });
        }
        catalogue
    }

    /// How much of it is kept, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let offered = self.offered.iter().map(|tool| {
            let spec = &tool.spec;
            let schema = spec.input_schema.to_string().len();
            tool.own_name.len() + spec.name.len() + 2 * spec.description.len() + schema
        });
        let others = self.others.iter();
        let others = others.map(|tool| tool.own_name.len() + tool.description.len());
        offered.chain(others).sum()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let offered = self.offered.iter().map(|tool| tool.own_name.as_str());
        offered.chain(self.others.iter().map(|tool| tool.own_name.as_str()))
    }
}

fn is_usable_name(name: &str) -> bool {
    (1..=OWN_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// What the server says of a tool, in one paragraph.
fn words(own: Option<&str>) -> String {
    let own = own.unwrap_or_default();
    let end = own.floor_char_boundary(DESCRIPTION_BYTES);
    let own = own[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    own.chars().filter(|char| !char.is_control()).collect()
}

/// The schema with what providers take of it at its top; `None` of one that they would refuse.
fn schema(own: &Map<String, Value>) -> Option<Value> {
    if own.get("type").is_some_and(|kind| kind != "object") {
        return None;
    }
    let mut kept = Map::new();
    kept.insert("type".to_owned(), json!("object"));
    let properties = own.get("properties").cloned().unwrap_or_else(|| json!({}));
    // https://docs.anthropic.com/en/api/errors: other names are refused.
    let is_fitting = |name: &String| {
        (1..=NAME_CHARS).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    if !properties.as_object()?.keys().all(is_fitting) {
        return None;
    }
    kept.insert("properties".to_owned(), properties);
    let required = own.get("required").filter(|required| {
        let names = required.as_array();
        names.is_some_and(|names| !names.is_empty() && names.iter().all(Value::is_string))
    });
    let named = ["$defs", "definitions"].map(|name| (name, own.get(name)));
    for (name, value) in [("required", required)].into_iter().chain(named) {
        if let Some(value) = value {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    let schema = Value::Object(kept);
    (schema.to_string().len() <= SCHEMA_BYTES).then_some(schema)
}

/// The name that the model calls: `github__create_issue`. What providers do not take, or another
/// tool of the server has already, ends with a part of the hash of the own name.
fn model_name(label: &str, own: &str, taken: &BTreeSet<String>) -> String {
    let plain: String = own
        .chars()
        .map(|char| match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => char,
            _ => '_',
        })
        .collect();
    let name = format!("{label}__{plain}");
    if plain == own && name.len() <= NAME_CHARS && !taken.contains(&name) {
        return name;
    }
    let hash = HEXLOWER.encode(&Sha256::digest(own));
    let hash = &hash[..8];
    let room = NAME_CHARS - hash.len() - 1;
    format!("{}_{hash}", &name[..name.len().min(room)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretDocument;

    fn settings(fields: Value) -> ServerSettings {
        let mut all = json!({"url": "https://mcp.example.com"});
        for (name, value) in fields.as_object().unwrap() {
            all[name] = value.clone();
        }
        let fields = SecretDocument::new(all.as_object().unwrap().clone());
        ServerSettings::read(&"mcp-docs".parse().unwrap(), &fields).unwrap()
    }

    fn catalogue(fields: Value, tools: Value) -> Catalogue {
        Catalogue::of(&settings(fields), serde_json::from_value(tools).unwrap())
    }

    fn reading(name: &str) -> Value {
        json!({"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}})
    }

    fn names(catalogue: &Catalogue) -> Vec<&str> {
        let offered = catalogue.offered.iter();
        offered.map(|tool| tool.spec.name.as_str()).collect()
    }

    #[test]
    fn without_a_list_of_the_tenants_only_what_says_that_it_reads_is_offered() {
        let tools = json!([
            reading("look"),
            {"name": "change", "inputSchema": {"type": "object"}},
            {"name": "drop", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": false}},
        ]);
        let found = catalogue(json!({}), tools.clone());
        assert_eq!(names(&found), ["docs__look"]);
        assert_eq!(found.others.len(), 2);
        let found = catalogue(json!({"tools": "look, change"}), tools);
        let free: Vec<bool> = found.offered.iter().map(|tool| tool.is_free).collect();
        assert_eq!(names(&found), ["docs__look", "docs__change"]);
        assert_eq!(free, [true, false]);
    }

    #[test]
    fn names_fit_every_provider_and_are_never_the_same() {
        let long = "x".repeat(100);
        let tools = ["a.b", "a/b", "a_b", "a b", "ä", &long, &format!("{long}y")].map(reading);
        let found = catalogue(json!({}), json!(tools));
        let names = names(&found);
        assert_eq!(names.len(), 7);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 7);
        for name in names {
            assert!(name.len() <= 64 && name.starts_with("docs__"), "{name}");
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            assert!(name.bytes().all(fits), "{name}");
        }
    }

    #[test]
    fn what_a_provider_would_refuse_is_left_out_or_taken_off() {
        let with = |name: &str, schema: Value| {
            let mut tool = reading(name);
            tool["inputSchema"] = schema;
            tool
        };
        let found = catalogue(
            json!({}),
            json!([
                with("array", json!({"type": "array"})),
                with(
                    "named",
                    json!({"type": "object", "properties": {"a b": {}}})
                ),
                with(
                    "huge",
                    json!({"type": "object", "properties": {"a": {"description": "x".repeat(9_000)}}})
                ),
                with(
                    "union",
                    json!({"type": "object", "oneOf": [{}], "required": ["a"], "properties": {"a": {}}})
                ),
                with("bare", json!({})),
                reading("\u{7}"),
                reading("bare"),
            ]),
        );
        assert_eq!(names(&found), ["docs__union", "docs__bare"]);
        assert_eq!(found.left_out, 5);
        let union = &found.offered[0].spec.input_schema;
        assert_eq!(
            *union,
            json!({"type": "object", "required": ["a"], "properties": {"a": {}}})
        );
    }

    #[test]
    fn a_flood_of_tools_and_words_is_cut() {
        let mut tools: Vec<Value> = (0..1_000).map(|at| reading(&format!("t{at}"))).collect();
        for tool in &mut tools {
            tool["description"] = json!("é\n".repeat(5_000));
        }
        let found = catalogue(json!({}), json!(tools));
        assert!(found.offered.len() <= MOST_TOOLS);
        assert!(found.bytes() <= 3 * ALL_BYTES, "{}", found.bytes());
        let spec = &found.offered[0].spec;
        assert!(spec.description.len() < DESCRIPTION_BYTES + 64);
        assert!(!spec.description.contains('\n'));
    }
}
