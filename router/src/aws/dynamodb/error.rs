//! What DynamoDB's refusal of a write means. Nothing else looks at its codes.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::CancellationReason;

use super::attributes::Item;
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::model::Record;
use crate::ports::StoreError;

/// The service's name in errors.
pub(super) const SERVICE: &str = "dynamodb";

/// Why a write did not happen, or may not have.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A condition did not hold. That may be this very write's doing, if an earlier attempt's
    /// answer was lost. With the stored item, if a single write asked for it.
    Condition(Option<Item>),
    /// Another write to the same items was under way. It may be tried again.
    Conflict(AwsError),
    /// Too many requests, of this caller or at these items. It may be tried again.
    Throttled(AwsError),
    /// An item would be larger than DynamoDB takes.
    TooLarge(AwsError),
    /// It is not known whether it happened.
    Unknown(AwsError),
    /// It did not happen, and trying again changes nothing.
    Final(AwsError),
}

impl Refusal {
    /// What DynamoDB answered; `None` if it is only that the condition did not hold.
    pub(crate) fn error(self) -> Option<AwsError> {
        match self {
            Self::Condition(_) => None,
            Self::Conflict(error)
            | Self::Throttled(error)
            | Self::TooLarge(error)
            | Self::Unknown(error)
            | Self::Final(error) => Some(error),
        }
    }

    /// The store's error of a write to a record that is not tried again.
    pub(crate) fn into_store_error(self, record: Record) -> StoreError {
        match self {
            Self::Condition(_) => StoreError::Changed(record),
            Self::TooLarge(_) => StoreError::TooLarge(record.to_string()),
            Self::Conflict(error)
            | Self::Throttled(error)
            | Self::Unknown(error)
            | Self::Final(error) => error.into(),
        }
    }
}

/// What an error of a write to one item means.
pub(super) fn refusal<E>(operation: &'static str, error: &SdkError<E>) -> Refusal
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let described = AwsError::from_sdk(SERVICE, operation, error);
    match described.code.as_deref() {
        Some("ConditionalCheckFailedException") => return Refusal::Condition(None),
        // The second: an earlier attempt with the same token is still under way.
        Some("TransactionConflictException" | "TransactionInProgressException") => {
            return Refusal::Conflict(in_the_way(described));
        }
        Some("ValidationException") => return not_valid(described),
        _ => {}
    }
    match described.kind {
        AwsErrorKind::Throttled => Refusal::Throttled(described),
        AwsErrorKind::Credentials
        | AwsErrorKind::Permission
        | AwsErrorKind::Configuration
        | AwsErrorKind::NotFound => Refusal::Final(described),
        // Nothing was sent.
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Refusal::Final(described),
        // An internal error may come after the fact.
        AwsErrorKind::Unreachable | AwsErrorKind::Rejected | AwsErrorKind::Internal => {
            Refusal::Unknown(described)
        }
    }
}

/// What an error of an update means, with the item that was found instead, if it was asked for.
pub(super) fn refusal_of_update(error: &SdkError<UpdateItemError>) -> Refusal {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            Refusal::Condition(failed.item.clone())
        }
        _ => refusal("UpdateItem", error),
    }
}

/// What an error of a transaction means.
pub(super) fn refusal_of_transaction(error: &SdkError<TransactWriteItemsError>) -> Refusal {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let described = AwsError::from_sdk(SERVICE, "TransactWriteItems", error);
            cancellation(cancelled.cancellation_reasons(), described)
        }
        _ => refusal("TransactWriteItems", error),
    }
}

/// What the reasons of a cancelled transaction say. A condition that did not hold outweighs the
/// rest: what is read next tells which, and why. The codes are those of
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.
fn cancellation(reasons: &[CancellationReason], cancelled: AwsError) -> Refusal {
    let found = |code: &str| reasons.iter().find(|reason| reason.code() == Some(code));
    if found("ConditionalCheckFailed").is_some() {
        Refusal::Condition(None)
    } else if found("TransactionConflict").is_some() {
        Refusal::Conflict(in_the_way(cancelled))
    } else if found("ThrottlingError").is_some() || found("ProvisionedThroughputExceeded").is_some()
    {
        Refusal::Throttled(AwsError {
            kind: AwsErrorKind::Throttled,
            ..cancelled
        })
    } else if let Some(reason) = found("ValidationError") {
        let message = reason
            .message()
            .unwrap_or("an item is not valid")
            .to_owned();
        not_valid(AwsError {
            message,
            ..cancelled
        })
    } else {
        Refusal::Final(cancelled)
    }
}

/// Only the message says that a size is at fault: it has no code of its own.
fn not_valid(error: AwsError) -> Refusal {
    match error.message.to_lowercase().contains("size") {
        true => Refusal::TooLarge(error),
        false => Refusal::Final(error),
    }
}

fn in_the_way(error: AwsError) -> AwsError {
    AwsError {
        code: None,
        message: "other changes of the same records kept getting in the way".to_owned(),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancelled(reasons: &[(&str, Option<&str>)]) -> Refusal {
        let reasons: Vec<CancellationReason> = reasons
            .iter()
            .map(|(code, message)| {
                let reason = CancellationReason::builder().code(*code);
                reason.set_message(message.map(str::to_owned)).build()
            })
            .collect();
        let error = AwsError {
            service: SERVICE,
            operation: "TransactWriteItems",
            kind: AwsErrorKind::Rejected,
            code: Some("TransactionCanceledException".to_owned()),
            message: "cancelled".to_owned(),
            request_id: None,
        };
        cancellation(&reasons, error)
    }

    #[test]
    fn a_failed_condition_outweighs_a_conflict_and_a_conflict_is_tried_again() {
        let refused = cancelled(&[
            ("None", None),
            ("TransactionConflict", None),
            ("ConditionalCheckFailed", None),
        ]);
        assert!(matches!(refused, Refusal::Condition(_)), "{refused:?}");
        let refused = cancelled(&[("None", None), ("TransactionConflict", None)]);
        assert!(matches!(refused, Refusal::Conflict(_)), "{refused:?}");
        for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
            let refused = cancelled(&[("None", None), (code, None)]);
            assert!(matches!(refused, Refusal::Throttled(_)), "{refused:?}");
        }
        let refused = cancelled(&[]);
        assert!(matches!(refused, Refusal::Final(_)), "{refused:?}");
    }

    #[test]
    fn a_record_that_is_too_large_is_told() {
        let message = "Item size has exceeded the maximum allowed size";
        let refused = cancelled(&[("ValidationError", Some(message))]);
        assert!(matches!(refused, Refusal::TooLarge(_)), "{refused:?}");
        let refused = cancelled(&[("ValidationError", Some("an empty key"))]);
        assert!(matches!(refused, Refusal::Final(_)), "{refused:?}");
    }
}
