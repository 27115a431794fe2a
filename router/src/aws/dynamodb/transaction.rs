//! Transactions: their parts, and what their refusal means.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};

use super::attributes::{Item, text_value};
use super::table::Table;
use crate::aws::error::store_error;
use crate::ports::StoreError;

/// The most items of one transaction.
pub(crate) const MAX_ITEMS: usize = 100;

/// On what a write depends; on nothing by default.
#[derive(Default)]
pub(crate) struct Condition {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    fn of(expression: &str) -> Self {
        Self {
            expression: expression.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn absent() -> Self {
        Self::of("attribute_not_exists(pk)")
    }

    pub(crate) fn present() -> Self {
        Self::of("attribute_exists(pk)")
    }

    /// An expression with one value, `:v`.
    pub(crate) fn with(expression: &str, value: AttributeValue) -> Self {
        let mut condition = Self::of(expression);
        condition.values.insert(":v".to_owned(), value);
        condition
    }

    /// An owner's claim.
    pub(crate) fn claimed_by(tenant: &str) -> Self {
        Self::with("tenant_id = :v", text_value(tenant))
    }

    /// The item is there and does not have this attribute yet.
    pub(crate) fn first(attribute: &str) -> Self {
        let mut condition = Self::of("attribute_exists(pk) AND attribute_not_exists(#first)");
        condition
            .names
            .insert("#first".to_owned(), attribute.to_owned());
        condition
    }

    /// The stored item's attributes are, to the byte, as they were read. Other programs write the same values in other ways,
    /// and not all of them count versions.
    pub(crate) fn unchanged(stored: &Item, attributes: &[&str]) -> Self {
        let mut condition = Self::present();
        for (n, attribute) in attributes.iter().enumerate() {
            let name = format!("#c{n}");
            match stored.get(*attribute) {
                Some(value) => {
                    condition.expression += &format!(" AND {name} = :c{n}");
                    condition.values.insert(format!(":c{n}"), value.clone());
                }
                None => condition.expression += &format!(" AND attribute_not_exists({name})"),
            }
            condition.names.insert(name, (*attribute).to_owned());
        }
        condition
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        Some(self.names.clone()).filter(|names| !names.is_empty())
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        Some(self.values.clone()).filter(|values| !values.is_empty())
    }
}

/// Why a transaction did not happen, or may not have.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A condition did not hold. That may be this very transaction's doing, if an earlier attempt's answer was lost.
    Condition,
    /// Others were at the same items, or at too many: it may be tried again.
    Busy(StoreError),
    /// It is not known whether it happened.
    Unknown(StoreError),
    /// It did not happen, and trying again changes nothing.
    Final(StoreError),
}

impl Table {
    pub(crate) fn put(&self, item: Item, condition: Condition) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .set_condition_expression(
                Some(condition.expression).filter(|expression| !expression.is_empty()),
            );
        TransactWriteItem::builder()
            .set_put(put.build().ok())
            .build()
    }

    pub(crate) fn delete(&self, key: Item, condition: Option<Condition>) -> TransactWriteItem {
        let condition = condition.unwrap_or_default();
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .set_condition_expression(
                Some(condition.expression).filter(|expression| !expression.is_empty()),
            );
        TransactWriteItem::builder()
            .set_delete(delete.build().ok())
            .build()
    }

    pub(crate) fn check(&self, key: Item, condition: Condition) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .condition_expression(condition.expression);
        TransactWriteItem::builder()
            .set_condition_check(check.build().ok())
            .build()
    }

    /// Sets what differs between two versions of an item and takes away what the second lacks; only checks the condition if
    /// nothing does. Attributes that neither has stay as they are.
    pub(crate) fn change(
        &self,
        key: Item,
        before: &Item,
        after: &Item,
        condition: Condition,
    ) -> TransactWriteItem {
        let mut sets = Vec::new();
        let mut removes = Vec::new();
        let mut names = condition.names.clone();
        let mut values = condition.values.clone();
        let mut attributes: Vec<&String> = before.keys().chain(after.keys()).collect();
        attributes.sort();
        attributes.dedup();
        for (n, attribute) in attributes.into_iter().enumerate() {
            if before.get(attribute) == after.get(attribute) {
                continue;
            }
            names.insert(format!("#s{n}"), attribute.clone());
            match after.get(attribute) {
                Some(value) => {
                    values.insert(format!(":s{n}"), value.clone());
                    sets.push(format!("#s{n} = :s{n}"));
                }
                None => removes.push(format!("#s{n}")),
            }
        }
        if sets.is_empty() && removes.is_empty() {
            return self.check(key, condition);
        }
        let mut expression = String::new();
        if !sets.is_empty() {
            expression += &format!("SET {} ", sets.join(", "));
        }
        if !removes.is_empty() {
            expression += &format!("REMOVE {}", removes.join(", "));
        }
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .update_expression(expression.trim_end())
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
        TransactWriteItem::builder()
            .set_update(update.build().ok())
            .build()
    }

    /// Does everything or nothing. The SDK repeats it with one token where an answer is lost; what that could not settle
    /// is the caller's.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Refusal> {
        if items.len() > MAX_ITEMS {
            return Err(Refusal::Final(StoreError::TooLarge(
                "a transaction".to_owned(),
            )));
        }
        self.client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| refusal(&error))
    }
}

fn refusal(error: &SdkError<TransactWriteItemsError>) -> Refusal {
    let SdkError::ServiceError(service) = error else {
        let happened_not = matches!(error, SdkError::ConstructionFailure(_));
        let error = store_error(error);
        // Credentials are asked for before anything is sent.
        return if happened_not
            || matches!(
                error,
                StoreError::Denied(_) | StoreError::Unauthenticated(_)
            ) {
            Refusal::Final(error)
        } else {
            Refusal::Unknown(error)
        };
    };
    match service.err() {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancellation(cancelled.cancellation_reasons())
        }
        // An earlier attempt is still under way.
        TransactWriteItemsError::TransactionInProgressException(_) => Refusal::Busy(in_the_way()),
        other => match store_error(error) {
            // An internal error may come after the fact.
            StoreError::Unavailable(said) if other.meta().code() != Some("ValidationException") => {
                Refusal::Unknown(StoreError::Unavailable(said))
            }
            StoreError::Unavailable(said) if said.to_lowercase().contains("size") => {
                Refusal::Final(StoreError::TooLarge("a record".to_owned()))
            }
            StoreError::Throttled => Refusal::Busy(StoreError::Throttled),
            other => Refusal::Final(other),
        },
    }
}

/// What a cancelled transaction's reasons say. A condition that did not hold outweighs the rest: what is read next tells
/// which, and why.
fn cancellation(reasons: &[CancellationReason]) -> Refusal {
    if found(reasons, "ConditionalCheckFailed").is_some() {
        Refusal::Condition
    } else if found(reasons, "TransactionConflict").is_some() {
        Refusal::Busy(in_the_way())
    } else if found(reasons, "ThrottlingError").is_some()
        || found(reasons, "ProvisionedThroughputExceeded").is_some()
    {
        Refusal::Busy(StoreError::Throttled)
    } else if let Some(message) = found(reasons, "ValidationError") {
        Refusal::Final(if message.to_lowercase().contains("size") {
            StoreError::TooLarge("a record".to_owned())
        } else {
            StoreError::Unavailable(format!("the store refused a record: {message}"))
        })
    } else {
        Refusal::Final(StoreError::Unavailable(
            "the store cancelled a transaction without a reason that is known".to_owned(),
        ))
    }
}

/// The message of the first reason with this code; without a message, the code.
fn found<'a>(reasons: &'a [CancellationReason], code: &'a str) -> Option<&'a str> {
    reasons
        .iter()
        .find(|reason| reason.code() == Some(code))
        .map(|reason| reason.message().unwrap_or(code))
}

fn in_the_way() -> StoreError {
    StoreError::Unavailable("other changes of the same records kept getting in the way".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build())
            .collect()
    }

    #[test]
    fn a_failed_condition_outweighs_a_conflict_and_a_conflict_is_tried_again() {
        let refused = cancellation(&reasons(&[
            "None",
            "TransactionConflict",
            "ConditionalCheckFailed",
        ]));
        assert!(matches!(refused, Refusal::Condition), "{refused:?}");
        for code in [
            "TransactionConflict",
            "ThrottlingError",
            "ProvisionedThroughputExceeded",
        ] {
            let refused = cancellation(&reasons(&["None", code]));
            assert!(matches!(refused, Refusal::Busy(_)), "{refused:?}");
        }
        let refused = cancellation(&[]);
        assert!(matches!(refused, Refusal::Final(_)), "{refused:?}");
    }

    #[test]
    fn a_record_that_is_too_large_is_told() {
        let reason = CancellationReason::builder()
            .code("ValidationError")
            .message("Item size has exceeded the maximum allowed size")
            .build();
        let refused = cancellation(&[reason]);
        assert!(
            matches!(refused, Refusal::Final(StoreError::TooLarge(_))),
            "{refused:?}"
        );
    }

    #[test]
    fn only_what_differs_is_written() {
        let table = Table {
            client: aws_sdk_dynamodb::Client::from_conf(
                aws_sdk_dynamodb::Config::builder()
                    .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
                    .build(),
            ),
            name: "tenants".to_owned(),
        };
        let item = |entries: &[(&str, &str)]| -> Item {
            entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), text_value(*value)))
                .collect()
        };
        let before = item(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
        let after = item(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        let change = |before: &Item, after: &Item| {
            let stored = item(&[("same", " 1")]);
            let condition = Condition::unchanged(&stored, &["same", "missing"]);
            table.change(item(&[]), before, after, condition)
        };
        let update = change(&before, &after).update.unwrap();
        assert_eq!(
            update.update_expression,
            "SET #s0 = :s0, #s2 = :s2 REMOVE #s1"
        );
        assert_eq!(
            update.condition_expression.as_deref(),
            Some("attribute_exists(pk) AND #c0 = :c0 AND attribute_not_exists(#c1)")
        );
        assert_eq!(
            update.expression_attribute_values.unwrap()[":c0"],
            text_value(" 1")
        );
        assert!(change(&before, &before).condition_check.is_some());
    }
}
