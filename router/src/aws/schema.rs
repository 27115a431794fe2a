//! The keys and the index of both tables: the router reads and writes by them, and `t3nets doctor`
//! checks that a table has them. Other programs share the tables, so the names are fixed.

/// The partition key's attribute, a string.
pub const PARTITION_KEY: &str = "pk";
/// The sort key's attribute, a string.
pub const SORT_KEY: &str = "sk";
/// The attribute with the second, since the epoch, from which on DynamoDB may delete an item.
pub const EXPIRY: &str = "ttl";
/// The tenants' table's index from a channel to its mappings.
pub const CHANNEL_INDEX: &str = "channel-mapping";
/// The index's partition key, a string.
pub const CHANNEL_INDEX_KEY: &str = "gsi1pk";
