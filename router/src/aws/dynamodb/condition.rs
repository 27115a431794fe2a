//! Conditions of writes, as data. They become an expression only where a request is made.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::Item;

/// What must hold of the stored item for a write to happen. The default is no condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Condition {
    /// At least one of these must hold, each of them with all of its terms.
    alternatives: Vec<Vec<Term>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    /// The item exists. Every item has a `pk`.
    Present,
    Absent,
    Equals(String, AttributeValue),
    Differs(String, AttributeValue),
    Less(String, AttributeValue),
    Missing(String),
}

/// An expression with its placeholders, as the SDK takes it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expression {
    pub(super) text: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Condition {
    fn of(term: Term) -> Self {
        Self {
            alternatives: vec![vec![term]],
        }
    }

    /// No item has this key.
    pub(crate) fn absent() -> Self {
        Self::of(Term::Absent)
    }

    /// An item has this key.
    pub(crate) fn present() -> Self {
        Self::of(Term::Present)
    }

    /// An attribute has this value.
    pub(crate) fn equals(attribute: &str, value: AttributeValue) -> Self {
        Self::of(Term::Equals(attribute.to_owned(), value))
    }

    /// An attribute has another value.
    pub(crate) fn differs(attribute: &str, value: AttributeValue) -> Self {
        Self::of(Term::Differs(attribute.to_owned(), value))
    }

    /// An attribute has a smaller value. An absent one has not.
    pub(crate) fn less(attribute: &str, value: AttributeValue) -> Self {
        Self::of(Term::Less(attribute.to_owned(), value))
    }

    /// The item lacks an attribute, or does not exist.
    pub(crate) fn missing(attribute: &str) -> Self {
        Self::of(Term::Missing(attribute.to_owned()))
    }

    /// An attribute is as it was read: of this value, or missing.
    pub(crate) fn same(attribute: &str, seen: Option<AttributeValue>) -> Self {
        match seen {
            Some(value) => Self::equals(attribute, value),
            None => Self::missing(attribute),
        }
    }

    /// The item exists, and these attributes are, to the byte, as they were read. Other programs
    /// write the same values in other ways, and not all of them count versions.
    pub(crate) fn unchanged(stored: &Item, attributes: &[&str]) -> Self {
        attributes
            .iter()
            .fold(Self::present(), |condition, attribute| {
                condition.and(Self::same(attribute, stored.get(*attribute).cloned()))
            })
    }

    /// Both conditions hold.
    pub(crate) fn and(self, other: Self) -> Self {
        if self.alternatives.is_empty() {
            return other;
        }
        if other.alternatives.is_empty() {
            return self;
        }
        let both = |a: &Vec<Term>, b: &Vec<Term>| a.iter().chain(b).cloned().collect();
        Self {
            alternatives: self
                .alternatives
                .iter()
                .flat_map(|a| other.alternatives.iter().map(move |b| both(a, b)))
                .collect(),
        }
    }

    /// At least one of the conditions holds.
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.alternatives.extend(other.alternatives);
        self
    }

    /// The condition as an expression; `None` if there is none. Attributes go by placeholders,
    /// since many of their names are reserved words
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>).
    pub(super) fn expression(&self) -> Option<Expression> {
        if self.alternatives.is_empty() {
            return None;
        }
        let mut expression = Expression::default();
        let alternatives: Vec<String> = self
            .alternatives
            .iter()
            .map(|terms| {
                let terms: Vec<String> = terms.iter().map(|term| expression.term(term)).collect();
                terms.join(" AND ")
            })
            .collect();
        // AND binds tighter than OR.
        expression.text = alternatives.join(" OR ");
        Some(expression)
    }
}

impl Expression {
    fn term(&mut self, term: &Term) -> String {
        match term {
            Term::Present => "attribute_exists(pk)".to_owned(),
            Term::Absent => "attribute_not_exists(pk)".to_owned(),
            Term::Equals(attribute, value) => self.comparison(attribute, "=", value),
            Term::Differs(attribute, value) => self.comparison(attribute, "<>", value),
            Term::Less(attribute, value) => self.comparison(attribute, "<", value),
            Term::Missing(attribute) => format!("attribute_not_exists({})", self.name(attribute)),
        }
    }

    fn comparison(&mut self, attribute: &str, operator: &str, value: &AttributeValue) -> String {
        let name = self.name(attribute);
        let placeholder = format!(":c{}", self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        format!("{name} {operator} {placeholder}")
    }

    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#c{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::super::attributes::{number_value, text_value};
    use super::*;

    fn text(condition: &Condition) -> String {
        condition.expression().unwrap_or_default().text
    }

    #[test]
    fn an_unchanged_item_has_what_was_read_and_lacks_what_was_missing() {
        let stored = Item::from([("same".to_owned(), text_value(" 1"))]);
        let condition = Condition::unchanged(&stored, &["same", "missing"]);
        assert_eq!(
            text(&condition),
            "attribute_exists(pk) AND #c0 = :c0 AND attribute_not_exists(#c1)"
        );
        let expression = condition.expression().unwrap();
        assert_eq!(expression.names["#c1"], "missing");
        assert_eq!(expression.values[":c0"], text_value(" 1"));
    }

    #[test]
    fn alternatives_keep_their_terms_together() {
        let free = Condition::absent().or(Condition::less("until", number_value(7)));
        assert_eq!(text(&free), "attribute_not_exists(pk) OR #c0 < :c0");
        let also = free.and(Condition::missing("held"));
        assert_eq!(
            text(&also),
            "attribute_not_exists(pk) AND attribute_not_exists(#c0) OR #c1 < :c0 AND attribute_not_exists(#c2)"
        );
        assert_eq!(Condition::default().expression(), None);
    }
}
