//! The one toolkit for DynamoDB: attributes of items, reading a table, transactions. It knows no record of T3nets; which
//! items there are is said by whoever uses it.

pub(crate) mod attributes;
pub(crate) mod table;
pub(crate) mod transaction;
