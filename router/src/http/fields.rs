//! What a request names: the fields of a JSON body, or those of a query. Each is taken by its name
//! and checked here, so that an error says in a person's words which one is wrong and what it has
//! to be. (serde's own errors name the types of this program, and a struct takes an array, too.)

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use sha2::{Digest, Sha256};

use super::error::ApiError;
use crate::model::JsonObject;
use crate::nearest::did_you_mean;

/// The names of a message, the other one last.
pub(super) const MESSAGE: [&str; 2] = ["message", "text"];
/// The names of a conversation's id, the older one last.
pub(super) const SESSION: [&str; 2] = ["session_id", "conversation_id"];

/// The fields of a request, as they were sent.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, Value)>);

/// What a request's fields are read into.
pub(super) trait FromFields: Sized {
    /// Reads the fields it knows; others are left alone.
    ///
    /// # Errors
    /// If one is missing or not what it has to be.
    fn from_fields(fields: &Fields) -> Result<Self, ApiError>;
}

impl Fields {
    /// Those of a JSON object.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, ApiError> {
        let parsed: Body = serde_json::from_slice(body).map_err(|error| {
            let error = match error.classify() {
                Category::Eof if body.iter().all(u8::is_ascii_whitespace) => {
                    return ApiError::invalid("the body is empty; it must be a JSON object");
                }
                Category::Eof => "it ends too early".to_owned(),
                _ => error.to_string(),
            };
            ApiError::invalid(format!("the body is not valid JSON: {error}"))
        })?;
        match parsed {
            Body::Object(fields) => Ok(Self(fields)),
            Body::Other(kind) => Err(ApiError::invalid(format!(
                "the body must be a JSON object, not {kind}"
            ))),
        }
    }

    /// Those of a query, whose values are texts.
    pub(super) fn of_query(pairs: Vec<(String, String)>) -> Self {
        let pairs = pairs.into_iter();
        Self(pairs.map(|(name, text)| (name, text.into())).collect())
    }

    /// A text under one of its names.
    ///
    /// # Errors
    /// If it is something else, or given more than once with different values.
    pub(super) fn text(&self, names: &[&'static str]) -> Result<Option<&str>, ApiError> {
        // What is null says nothing: another name may still say it.
        Self::as_text(self.value(names, |value| !value.is_null())?)
    }

    /// A text that has to be there.
    ///
    /// # Errors
    /// If it is missing or something else.
    pub(super) fn required_text(&self, name: &'static str) -> Result<String, ApiError> {
        let text = self.text(&[name])?.map(str::to_owned);
        text.ok_or_else(|| ApiError::invalid(format!("`{name}` is missing")).about_field(name))
    }

    fn as_text<'a>(given: Option<(&str, &'a Value)>) -> Result<Option<&'a str>, ApiError> {
        match given {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text)),
            Some((name, other)) => Err(ApiError::invalid(format!(
                "`{name}` must be text, not {}",
                kind_of(other)
            ))),
        }
    }

    /// An id under one of its names. An empty one is none.
    ///
    /// # Errors
    /// If it is not valid, or given more than once with different values.
    pub(super) fn id<T>(&self, names: &[&'static str]) -> Result<Option<T>, ApiError>
    where
        T: FromStr<Err: Display>,
    {
        let says_something = |value: &Value| !value.is_null() && *value != "";
        match Self::as_text(self.value(names, says_something)?)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|error| {
                let name = names.first().copied().unwrap_or_default();
                ApiError::invalid(format!("`{name}` cannot be used: {error}"))
            }),
        }
    }

    /// A whole number of a query.
    ///
    /// # Errors
    /// If it is none, or not in the range.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.text(&[name])? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(ApiError::invalid(format!(
                "`{name}` must be a whole number from {} to {}",
                range.start(),
                range.end()
            ))),
        }
    }

    /// Refuses fields of other names: of a change, one that is misspelt would be lost silently.
    ///
    /// # Errors
    /// With the first of them.
    pub(super) fn only(&self, names: &[&'static str]) -> Result<(), ApiError> {
        let is_other = |(name, _): &&(String, Value)| !names.contains(&name.as_str());
        let Some((other, _)) = self.0.iter().find(is_other) else {
            return Ok(());
        };
        let shown: String = other.chars().take(64).collect();
        let meant = did_you_mean(&shown, names.iter().copied());
        Err(ApiError::invalid(format!("unknown field `{shown}`{meant}"))
            .hint(format!("the fields are {}", names.join(", "))))
    }

    /// A whole number of a JSON body.
    ///
    /// # Errors
    /// If it is something else, or not in the range.
    pub(super) fn whole_number(
        &self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ApiError> {
        match self.value(&[name], |value| !value.is_null())? {
            None => Ok(None),
            Some((_, value)) => match value.as_u64() {
                Some(number) if range.contains(&number) => Ok(Some(number)),
                _ => Err(ApiError::invalid(format!(
                    "`{name}` must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                ))),
            },
        }
    }

    /// An object's members.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn object(&self, name: &'static str) -> Result<Option<&JsonObject>, ApiError> {
        match self.value(&[name], |value| !value.is_null())? {
            None => Ok(None),
            Some((_, Value::Object(members))) => Ok(Some(members)),
            Some((_, other)) => Err(ApiError::invalid(format!(
                "`{name}` must be an object, not {}",
                kind_of(other)
            ))),
        }
    }

    /// A value of any kind; null is none.
    ///
    /// # Errors
    /// If it is given more than once with different values.
    pub(super) fn json(&self, name: &'static str) -> Result<Option<&Value>, ApiError> {
        let value = self.value(&[name], |value| !value.is_null())?;
        Ok(value.map(|(_, value)| value))
    }

    /// A hash of all fields as they were sent.
    pub(super) fn hash(&self) -> String {
        // What was read from JSON can be written as JSON.
        let text = serde_json::to_vec(&self.0).unwrap_or_default();
        HEXLOWER.encode(&Sha256::digest(text))
    }

    /// What is given under one of the names, with the name. Clients send back all that an answer
    /// had, so more than one may be given where they say the same.
    fn value(
        &self,
        names: &[&'static str],
        says_something: impl Fn(&Value) -> bool,
    ) -> Result<Option<(&str, &Value)>, ApiError> {
        let given = self.0.iter().map(|(name, value)| (name.as_str(), value));
        let mut given = given.filter(|(name, value)| names.contains(name) && says_something(value));
        let Some((name, value)) = given.next() else {
            return Ok(None);
        };
        match given.find(|(_, other)| *other != value) {
            None => Ok(Some((name, value))),
            Some((other, _)) if other == name => Err(ApiError::invalid(format!(
                "`{name}` is given more than once, with different values"
            ))),
            Some((other, _)) => Err(ApiError::invalid(format!(
                "`{name}` and `{other}` are names of the same and differ: send one of them"
            ))),
        }
    }
}

/// A body that is JSON.
enum Body {
    Object(Vec<(String, Value)>),
    /// Anything else, in words.
    Other(&'static str),
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

/// Keeps the fields in their order, those that come twice, too.
struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Body::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Body, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Body::Other("an array"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Body, E> {
        Ok(Body::Other("text"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Body, E> {
        Ok(Body::Other("true or false"))
    }

    fn visit_unit<E>(self) -> Result<Body, E> {
        Ok(Body::Other("null"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Body, E> {
        Ok(Body::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Body, E> {
        Ok(Body::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Body, E> {
        Ok(Body::Other("a number"))
    }
}

/// What a value is, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
