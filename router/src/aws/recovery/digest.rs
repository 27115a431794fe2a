//! What tells one state of an item from another, in few bytes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};

use crate::aws::dynamodb::attributes::Item;

/// The same for two items if they have the same attributes. The order of sets and maps, of which
/// DynamoDB promises none, makes no difference.
pub(super) fn digest(item: &Item) -> String {
    let mut hash = Sha256::new();
    add_map(&mut hash, item);
    data_encoding::BASE64_NOPAD.encode(&hash.finalize())
}

fn add_map(hash: &mut Sha256, map: &HashMap<String, AttributeValue>) {
    let mut names: Vec<&String> = map.keys().collect();
    names.sort_unstable();
    add_length(hash, names.len());
    for name in names {
        add_bytes(hash, name.as_bytes());
        add_value(hash, &map[name]);
    }
}

fn add_value(hash: &mut Sha256, value: &AttributeValue) {
    match value {
        AttributeValue::S(text) => add_tagged(hash, b'S', text.as_bytes()),
        AttributeValue::N(number) => add_tagged(hash, b'N', number.as_bytes()),
        AttributeValue::B(bytes) => add_tagged(hash, b'B', bytes.as_ref()),
        AttributeValue::Bool(is_true) => add_tagged(hash, b'?', &[u8::from(*is_true)]),
        AttributeValue::Ss(set) => add_set(hash, b's', set.iter().map(String::as_bytes)),
        AttributeValue::Ns(set) => add_set(hash, b'n', set.iter().map(String::as_bytes)),
        AttributeValue::Bs(set) => add_set(hash, b'b', set.iter().map(AsRef::as_ref)),
        AttributeValue::L(list) => {
            hash.update(b"L");
            add_length(hash, list.len());
            for value in list {
                add_value(hash, value);
            }
        }
        AttributeValue::M(map) => {
            hash.update(b"M");
            add_map(hash, map);
        }
        // Null, and what newer versions of DynamoDB may add.
        other => add_tagged(hash, b'0', format!("{other:?}").as_bytes()),
    }
}

fn add_set<'a>(hash: &mut Sha256, tag: u8, set: impl Iterator<Item = &'a [u8]>) {
    let mut members: Vec<&[u8]> = set.collect();
    members.sort_unstable();
    hash.update([tag]);
    add_length(hash, members.len());
    for member in members {
        add_bytes(hash, member);
    }
}

fn add_tagged(hash: &mut Sha256, tag: u8, bytes: &[u8]) {
    hash.update([tag]);
    add_bytes(hash, bytes);
}

fn add_bytes(hash: &mut Sha256, bytes: &[u8]) {
    add_length(hash, bytes.len());
    hash.update(bytes);
}

fn add_length(hash: &mut Sha256, length: usize) {
    hash.update((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue::{Bool, L, M, N, Ns, Null, S, Ss};

    use super::*;

    fn of(attributes: &[(&str, AttributeValue)]) -> String {
        let attributes = attributes.iter().cloned();
        digest(
            &attributes
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_order_of_attributes_and_sets_makes_no_difference() {
        let one = [("a", S("1".into())), ("b", Ss(texts(&["x", "y"])))];
        let other = [("b", Ss(texts(&["y", "x"]))), ("a", S("1".into()))];
        assert_eq!(of(&one), of(&other));
    }

    #[test]
    fn everything_else_does() {
        let all = [
            of(&[]),
            of(&[("a", S("1".into()))]),
            of(&[("a", N("1".into()))]),
            of(&[("a1", S(String::new()))]),
            of(&[("a", S("1".into())), ("b", Null(true))]),
            of(&[("a", Bool(true))]),
            of(&[("a", Bool(false))]),
            of(&[("a", Ss(texts(&["1", "2"])))]),
            of(&[("a", Ns(texts(&["1", "2"])))]),
            of(&[("a", L(vec![S("1".into()), S("2".into())]))]),
            of(&[("a", L(vec![S("2".into()), S("1".into())]))]),
            of(&[("a", L(vec![S("12".into())]))]),
            of(&[("a", M([("1".to_owned(), S("2".into()))].into()))]),
        ];
        let mut different = all.to_vec();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), all.len());
    }
}
