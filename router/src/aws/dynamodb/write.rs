//! One write to one item, as data: it can be sent alone, or as a part of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::Item;
use super::condition::{Condition, Expression};
use super::table::Table;

/// A write to one item on a condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    pub(super) action: Action,
    pub(super) condition: Condition,
    /// Whether the answer should hold the item: as it became by an update, as it was before another
    /// write, and as it is where the condition does not hold.
    pub(super) returns_item: bool,
    /// The table, where it is not the transaction's own.
    pub(super) table: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Replaces the whole item.
    Put(Item),
    /// Changes attributes of the item with this key and leaves the others, making it where it is
    /// missing.
    Update(Item, Update),
    /// Deletes the item with this key, if it exists.
    Delete(Item),
    /// Does nothing but check the condition. Only in a transaction.
    Check(Item),
}

/// What an update does to attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Update {
    sets: Vec<(String, AttributeValue)>,
    removes: Vec<String>,
    additions: Vec<(String, AttributeValue)>,
}

impl Write {
    fn new(action: Action) -> Self {
        Self {
            action,
            condition: Condition::default(),
            returns_item: false,
            table: None,
        }
    }

    /// Replaces the whole item.
    pub(crate) fn put(item: Item) -> Self {
        Self::new(Action::Put(item))
    }

    /// Changes some attributes of an item.
    pub(crate) fn update(key: Item, update: Update) -> Self {
        Self::new(Action::Update(key, update))
    }

    /// Deletes an item, if it exists.
    pub(crate) fn delete(key: Item) -> Self {
        Self::new(Action::Delete(key))
    }

    /// Makes the other writes of a transaction depend on an item that it does not write.
    pub(crate) fn check(key: Item, condition: Condition) -> Self {
        Self::new(Action::Check(key)).when(condition)
    }

    /// Sets what differs between two versions of an item and removes what the second lacks; only
    /// checks the condition if nothing differs. Attributes that neither has stay as they are.
    pub(crate) fn change(key: Item, before: &Item, after: &Item, condition: Condition) -> Self {
        let mut attributes: Vec<&String> = before.keys().chain(after.keys()).collect();
        attributes.sort();
        attributes.dedup();
        let mut update = Update::default();
        for attribute in attributes {
            match (before.get(attribute), after.get(attribute)) {
                (before, after) if before == after => {}
                (_, Some(value)) => update = update.set(attribute, value.clone()),
                (_, None) => update = update.remove(attribute),
            }
        }
        match update == Update::default() {
            true => Self::check(key, condition),
            false => Self::update(key, update).when(condition),
        }
    }

    /// Setting one more attribute. Only of an update.
    pub(crate) fn setting(mut self, attribute: &str, value: AttributeValue) -> Self {
        if let Action::Update(_, update) = &mut self.action {
            update.sets.push((attribute.to_owned(), value));
        }
        self
    }

    /// Only if this holds.
    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// In another table than the rest of the transaction.
    pub(crate) fn in_table(mut self, table: &Table) -> Self {
        self.table = Some(table.name().to_owned());
        self
    }

    /// With the item in the answer.
    pub(crate) fn returning_item(mut self) -> Self {
        self.returns_item = true;
        self
    }
}

impl Update {
    /// Sets an attribute to a value.
    pub(crate) fn set(mut self, attribute: &str, value: AttributeValue) -> Self {
        self.sets.push((attribute.to_owned(), value));
        self
    }

    /// Removes an attribute from the item.
    pub(crate) fn remove(mut self, attribute: &str) -> Self {
        self.removes.push(attribute.to_owned());
        self
    }

    /// Adds to a number, which is 0 where it is missing.
    pub(crate) fn add(mut self, attribute: &str, number: AttributeValue) -> Self {
        self.additions.push((attribute.to_owned(), number));
        self
    }

    pub(super) fn expression(&self) -> Expression {
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        let mut name = |attribute: &String| {
            let placeholder = format!("#u{}", names.len());
            names.insert(placeholder.clone(), attribute.clone());
            placeholder
        };
        let mut value = |value: &AttributeValue| {
            let placeholder = format!(":u{}", values.len());
            values.insert(placeholder.clone(), value.clone());
            placeholder
        };
        let sets = self
            .sets
            .iter()
            .map(|(attribute, set)| format!("{} = {}", name(attribute), value(set)))
            .collect::<Vec<_>>();
        let removes = self.removes.iter().map(&mut name).collect::<Vec<_>>();
        let additions = self
            .additions
            .iter()
            .map(|(attribute, added)| format!("{} {}", name(attribute), value(added)))
            .collect::<Vec<_>>();
        let clauses = [("SET", sets), ("REMOVE", removes), ("ADD", additions)];
        let clauses: Vec<String> = clauses
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect();
        Expression {
            text: clauses.join(" "),
            names,
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attributes::{number_value, text_value};
    use super::*;

    fn item(entries: &[(&str, &str)]) -> Item {
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text_value(*value)))
            .collect()
    }

    #[test]
    fn only_what_differs_is_written() {
        let before = item(&[("same", "1"), ("changed", "1"), ("removed", "1")]);
        let after = item(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        let condition = Condition::present();
        let write = Write::change(item(&[]), &before, &after, condition.clone());
        let expected = Update::default()
            .set("changed", text_value("2"))
            .set("new", text_value("1"))
            .remove("removed");
        assert_eq!(write.action, Action::Update(item(&[]), expected));
        assert_eq!(write.condition, condition);
        let unchanged = Write::change(item(&[]), &before, &before, condition);
        assert_eq!(unchanged.action, Action::Check(item(&[])));
    }

    #[test]
    fn an_update_names_each_attribute_by_a_placeholder() {
        let update = Update::default()
            .set("status", text_value("on"))
            .remove("name")
            .add("count", number_value(2));
        let expression = update.expression();
        assert_eq!(expression.text, "SET #u0 = :u0 REMOVE #u1 ADD #u2 :u1");
        assert_eq!(expression.names["#u2"], "count");
        assert_eq!(expression.values[":u1"], number_value(2));
    }
}
