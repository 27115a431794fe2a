//! What reads ask for, as data.

use std::collections::HashMap;

use super::attributes::{Item, text_value};
use super::condition::Expression;

/// Which items of a partition a query reads.
#[derive(Debug, Clone)]
pub(crate) struct Query<'a> {
    pub(crate) partition: &'a str,
    pub(crate) sort_keys: SortKeys<'a>,
    /// In descending order of sort keys.
    pub(crate) newest_first: bool,
    /// The only attributes to read; all if there are none.
    pub(crate) attributes: &'a [&'a str],
    /// The key of the item to begin behind.
    pub(crate) after: Option<Item>,
}

/// A range of sort keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SortKeys<'a> {
    All,
    BeginningWith(&'a str),
    /// From the first to the second, both included.
    Between(&'a str, &'a str),
    Above(&'a str),
    Below(&'a str),
}

impl<'a> Query<'a> {
    /// All of these items of a partition, in ascending order.
    pub(crate) fn new(partition: &'a str, sort_keys: SortKeys<'a>) -> Self {
        Self {
            partition,
            sort_keys,
            newest_first: false,
            attributes: &[],
            after: None,
        }
    }

    /// What DynamoDB is asked.
    pub(super) fn expression(&self) -> Expression {
        let mut expression = Expression {
            text: "pk = :pk".to_owned(),
            ..Expression::default()
        };
        let (condition, values) = match self.sort_keys {
            SortKeys::All => ("", [None, None]),
            SortKeys::BeginningWith(prefix) => (" AND begins_with(sk, :a)", [Some(prefix), None]),
            SortKeys::Between(a, b) => (" AND sk BETWEEN :a AND :b", [Some(a), Some(b)]),
            SortKeys::Above(bound) => (" AND sk > :a", [Some(bound), None]),
            SortKeys::Below(bound) => (" AND sk < :a", [Some(bound), None]),
        };
        expression.text += condition;
        let values = [":pk", ":a", ":b"]
            .into_iter()
            .zip([Some(self.partition)].into_iter().chain(values));
        for (name, value) in values {
            if let Some(value) = value {
                expression.values.insert(name.to_owned(), text_value(value));
            }
        }
        expression
    }
}

/// Which items of the whole table a scan finds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scan<'a> {
    /// What their partition keys begin with.
    pub(crate) partition: &'a str,
    /// Their sort key; any if there is none.
    pub(crate) sort_key: Option<&'a str>,
    /// The only attributes to read; all if there are none.
    pub(crate) attributes: &'a [&'a str],
    /// How many items are looked at in one request; as many as DynamoDB takes if it is not said.
    pub(crate) read: Option<usize>,
}

/// A request for some attributes only, by placeholders.
pub(super) fn projection(attributes: &[&str]) -> Option<(String, HashMap<String, String>)> {
    let names: HashMap<String, String> = attributes
        .iter()
        .enumerate()
        .map(|(n, attribute)| (format!("#p{n}"), (*attribute).to_owned()))
        .collect();
    let placeholders: Vec<String> = (0..attributes.len()).map(|n| format!("#p{n}")).collect();
    (!names.is_empty()).then(|| (placeholders.join(", "), names))
}
