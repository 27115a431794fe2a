//! The capacity that calls of DynamoDB consume, which is what they cost.

use aws_sdk_dynamodb::operation as called;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef, Input, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::telemetry::{Capacity, capacity_consumed};

/// Has each answer say what it consumed, and counts that.
///
/// An answer that is an error does not say: a write whose condition does not hold consumes capacity
/// too (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>),
/// and is not counted.
#[derive(Debug)]
pub(crate) struct CapacityInterceptor;

#[dyn_dispatch_hint]
impl Intercept for CapacityInterceptor {
    fn name(&self) -> &'static str {
        "CapacityInterceptor"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask(context.input_mut());
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Ok(output)) = context.output_or_error()
            && let Some((capacity, units)) = consumed(output)
        {
            let operation = bag.load::<Metadata>().map_or("", |called| called.name());
            capacity_consumed(operation, capacity, units);
        }
        Ok(())
    }
}

/// What [`super::Table`] calls. The SDK has no type that is common to the requests of operations.
macro_rules! operations {
    ($($operation:ident $input:ident $output:ident $capacity:ident;)*) => {
        fn ask(input: &mut Input) {
            $(if let Some(input) = input.downcast_mut::<called::$operation::$input>() {
                input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
            })*
        }

        fn consumed(output: &Output) -> Option<(Capacity, f64)> {
            $(if let Some(output) = output.downcast_ref::<called::$operation::$output>() {
                return Some((Capacity::$capacity, output.consumed_capacity.units()));
            })*
            None
        }
    };
}

operations! {
    get_item GetItemInput GetItemOutput Read;
    batch_get_item BatchGetItemInput BatchGetItemOutput Read;
    query QueryInput QueryOutput Read;
    scan ScanInput ScanOutput Read;
    put_item PutItemInput PutItemOutput Write;
    update_item UpdateItemInput UpdateItemOutput Write;
    delete_item DeleteItemInput DeleteItemOutput Write;
    batch_get_item BatchGetItemInput BatchGetItemOutput Read;
    batch_write_item BatchWriteItemInput BatchWriteItemOutput Write;
    transact_write_items TransactWriteItemsInput TransactWriteItemsOutput Write;
}

/// Units of all tables and their indexes.
trait Units {
    fn units(&self) -> f64;
}

impl Units for Option<ConsumedCapacity> {
    fn units(&self) -> f64 {
        let units = self.as_ref().and_then(ConsumedCapacity::capacity_units);
        units.unwrap_or_default()
    }
}

impl Units for Option<Vec<ConsumedCapacity>> {
    fn units(&self) -> f64 {
        let tables = self.iter().flatten();
        tables.filter_map(ConsumedCapacity::capacity_units).sum()
    }
}
