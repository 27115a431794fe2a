//! How requests and answers are written, by protocol.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use super::Protocol;
use super::request::Answer;

/// An operation's input as headers and body.
///
/// # Errors
/// If the input is not an object of scalars, lists and objects.
pub(super) fn input(
    protocol: Protocol,
    operation: &str,
    input: &impl Serialize,
) -> Result<(HeaderMap, String), String> {
    let mut headers = HeaderMap::new();
    let (kind, body) = match protocol {
        Protocol::Json(target) => {
            let target = HeaderValue::from_str(&format!("{target}.{operation}"));
            let target = target.map_err(|error| error.to_string())?;
            headers.insert(HeaderName::from_static("x-amz-target"), target);
            let body = serde_json::to_string(input);
            ("application/x-amz-json-1.1", body)
        }
        Protocol::Query(version) => {
            let form = serde_json::to_value(input).map(|input| {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("Action", operation);
                form.append_pair("Version", version);
                flatten(&mut form, "", &input);
                form.finish()
            });
            ("application/x-www-form-urlencoded", form)
        }
        Protocol::RestXml => return Err("this service has no operations by name".to_owned()),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok((headers, body.map_err(|error| error.to_string())?))
}

/// Adds a value to a form: members of objects as `Name.Member`, those of lists as `Name.member.1`.
/// Null is left out.
fn flatten(form: &mut form_urlencoded::Serializer<'_, String>, name: &str, value: &Value) {
    let below = |member: &str| match name {
        "" => member.to_owned(),
        name => format!("{name}.{member}"),
    };
    match value {
        Value::Null => {}
        Value::Bool(value) => {
            form.append_pair(name, if *value { "true" } else { "false" });
        }
        Value::Number(value) => {
            form.append_pair(name, &value.to_string());
        }
        Value::String(value) => {
            form.append_pair(name, value);
        }
        Value::Array(values) => {
            for (value, number) in values.iter().zip(1..) {
                flatten(form, &below(&format!("member.{number}")), value);
            }
        }
        Value::Object(members) => {
            for (member, value) in members {
                flatten(form, &below(member), value);
            }
        }
    }
}

/// What an operation answered.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn output<T: DeserializeOwned>(
    protocol: Protocol,
    operation: &str,
    body: &[u8],
) -> Result<T, String> {
    match protocol {
        Protocol::Json(_) => serde_json::from_slice(body).map_err(|error| error.to_string()),
        Protocol::Query(_) | Protocol::RestXml => {
            let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
            let result = element(text, &format!("{operation}Result"))?;
            quick_xml::de::from_str(result).map_err(|error| error.to_string())
        }
    }
}

/// The first element of a name, with its tags. The whole document is read, so that one that ends
/// early is refused.
fn element<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    let mut reader = Reader::from_str(text);
    let mut found = None;
    let mut depth = 0_usize;
    loop {
        let begins_at = position(&reader);
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if found.is_none() && tag.local_name().as_ref() == name => {
                let end = tag.to_end().into_owned();
                reader
                    .read_to_end(end.name())
                    .map_err(|error| error.to_string())?;
                found = text.get(begins_at..position(&reader));
            }
            Event::Empty(tag) if found.is_none() && tag.local_name().as_ref() == name => {
                found = text.get(begins_at..position(&reader));
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof if depth > 0 => return Err("the document ends early".to_owned()),
            Event::Eof => return found.ok_or_else(|| format!("there is no element {name}")),
            _ => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// Why AWS refuses, as far as it says so.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

/// Reads an answer that is no success. One that nobody of AWS wrote (a proxy's page) has nothing
/// but its status.
pub(super) fn refusal(protocol: Protocol, answer: &Answer) -> Refusal {
    let mut refusal = match protocol {
        Protocol::Json(_) => json_refusal(answer),
        Protocol::Query(_) | Protocol::RestXml => xml_refusal(&answer.body),
    };
    refusal.request_id = request_id(&answer.headers)
        .map(str::to_owned)
        .or(refusal.request_id);
    refusal
}

/// The id that AWS gave a request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let of = |name| headers.get(name)?.to_str().ok();
    of("x-amzn-requestid").or_else(|| of("x-amz-request-id"))
}

/// When AWS answered.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let date = headers.get(DATE)?.to_str().ok()?;
    DateTime::from_str(date, Format::HttpDate)
        .ok()?
        .try_into()
        .ok()
}

fn json_refusal(answer: &Answer) -> Refusal {
    #[derive(Default, Deserialize)]
    struct Body {
        #[serde(rename = "__type")]
        kind: Option<String>,
        code: Option<String>,
        #[serde(alias = "Message", alias = "errorMessage")]
        message: Option<String>,
    }
    let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
    let header = answer.headers.get("x-amzn-errortype");
    let code = header
        .and_then(|code| code.to_str().ok().map(str::to_owned))
        .or(body.code)
        .or(body.kind);
    Refusal {
        code: code.map(|code| bare(&code).to_owned()),
        message: body.message,
        request_id: None,
    }
}

/// A code without the namespace before it and the page after it:
/// `com.amazonaws.logs#ResourceNotFoundException:http://…`.
fn bare(code: &str) -> &str {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.rsplit_once('#').map_or(code, |(_, code)| code)
}

fn xml_refusal(body: &[u8]) -> Refusal {
    /// `<ErrorResponse>` with an `<Error>` in it; S3's is an `<Error>` alone.
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Body {
        error: Option<Inner>,
        code: Option<String>,
        message: Option<String>,
        request_id: Option<String>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Inner {
        code: Option<String>,
        message: Option<String>,
    }
    let body: Body = std::str::from_utf8(body)
        .ok()
        .and_then(|text| quick_xml::de::from_str(text).ok())
        .unwrap_or_default();
    let inner = body.error.unwrap_or_default();
    Refusal {
        code: inner.code.or(body.code),
        message: inner.message.or(body.message),
        request_id: body.request_id,
    }
}
