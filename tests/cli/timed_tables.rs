//! DynamoDB with a memory: tables whose items are kept as they were at every time, so that
//! RestoreTableToPointInTime does what it says. (What stands in for AWS elsewhere restores to the
//! present, whatever time is asked for.)
//!
//! A test sets the clock, which stands still, writes items and reads them; a program finds the
//! tables at [`TimedTables::url`]. What is answered beside the tables' own operations is who calls.
//! Shapes and codes are those of DynamoDB's API reference; a scan gives few items a page, and a
//! batch leaves some keys out, so that a caller has to ask again.

mod answers;
mod condition;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use serde_json::{Value, json};

use support::TestServer;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

/// A partition key and a sort key.
pub(crate) type ItemKey = (String, String);

/// What happens at a call, before it is answered; it may be refused with a code.
type Event = Box<dyn FnOnce(&mut Tables) -> Option<&'static str> + Send>;

/// The tables, as a test and an [`TimedTables::at_call`] see them.
#[derive(Default)]
pub(crate) struct Tables {
    /// The time, in seconds since the epoch.
    now: i64,
    tables: BTreeMap<String, Table>,
    /// The backups that were made: each one's table, and what it had.
    backups: BTreeMap<String, (String, BTreeMap<ItemKey, Value>)>,
    /// How often each operation was called.
    calls: BTreeMap<String, usize>,
    events: Vec<(&'static str, usize, Event)>,
}

#[derive(Default)]
struct Table {
    /// What each item was, from which second on; nothing where it was deleted.
    items: BTreeMap<ItemKey, Vec<(i64, Option<Value>)>>,
    /// Whether earlier states are kept.
    has_recovery: bool,
    /// What it was restored from, and to which time.
    restored: Option<(String, f64)>,
    /// Looks at it before it is there.
    looks_left: usize,
}

impl Tables {
    /// Sets the clock.
    pub(crate) fn set_clock(&mut self, now: i64) {
        self.now = now;
    }

    /// Makes an empty table, of which earlier states are kept or not.
    pub(crate) fn create(&mut self, name: &str, has_recovery: bool) {
        let table = Table {
            has_recovery,
            ..Table::default()
        };
        self.tables.insert(name.to_owned(), table);
    }

    /// Writes an item, in DynamoDB's JSON.
    pub(crate) fn put(&mut self, table: &str, item: Value) {
        let key = key_of(&item);
        self.write(table, key, Some(item));
    }

    /// Deletes an item.
    pub(crate) fn delete(&mut self, table: &str, pk: &str, sk: &str) {
        self.write(table, (pk.to_owned(), sk.to_owned()), None);
    }

    fn write(&mut self, table: &str, key: ItemKey, item: Option<Value>) {
        let now = self.now;
        let table = self.tables.get_mut(table).expect("a table of this name");
        table.items.entry(key).or_default().push((now, item));
    }

    /// What a table has.
    pub(crate) fn items(&self, table: &str) -> BTreeMap<ItemKey, Value> {
        self.tables[table].at(i64::MAX)
    }

    /// The names of all tables.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tables.keys().map(String::as_str).collect()
    }

    /// What the backups have, by their ARNs.
    pub(crate) fn backups(&self) -> impl Iterator<Item = &BTreeMap<ItemKey, Value>> {
        self.backups.values().map(|(_, items)| items)
    }

    /// How often an operation was called.
    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or(0)
    }
}

impl Table {
    fn at(&self, time: i64) -> BTreeMap<ItemKey, Value> {
        let items = self.items.iter().filter_map(|(key, versions)| {
            let version = versions.iter().rev().find(|(since, _)| *since <= time);
            Some((key.clone(), version?.1.clone()?))
        });
        items.collect()
    }

    fn item(&self, key: &ItemKey) -> Option<&Value> {
        self.items.get(key)?.last()?.1.as_ref()
    }
}

/// The key of an item in DynamoDB's JSON.
fn key_of(item: &Value) -> ItemKey {
    let part = |name: &str| item[name]["S"].as_str().expect("a key").to_owned();
    (part("pk"), part("sk"))
}

fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
}

/// A server of such tables.
pub(crate) struct TimedTables {
    server: TestServer,
    tables: Arc<Mutex<Tables>>,
}

impl TimedTables {
    /// Serves no table yet.
    pub(crate) async fn start() -> Self {
        let tables = Arc::new(Mutex::new(Tables::default()));
        let routes = Router::new()
            .fallback(answers::answer)
            .with_state(tables.clone());
        Self {
            server: TestServer::start(routes).await,
            tables,
        }
    }

    /// Its address, which answers for who calls as well.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The tables, which nobody else reads or writes meanwhile.
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("no answer panics")
    }

    /// Does something once, when an operation is called for the so-manyth time (1 is the first)
    /// from now on, before that is answered; a code that it returns is the answer instead.
    pub(crate) fn at_call(
        &self,
        operation: &'static str,
        number: usize,
        event: impl FnOnce(&mut Tables) -> Option<&'static str> + Send + 'static,
    ) {
        let mut tables = self.tables();
        let number = tables.calls(operation) + number;
        tables.events.push((operation, number, Box::new(event)));
    }
}

/// An item in DynamoDB's JSON, of texts.
pub(crate) fn item(pk: &str, sk: &str, attributes: &[(&str, &str)]) -> Value {
    let mut item = json!({"pk": {"S": pk}, "sk": {"S": sk}});
    for (name, value) in attributes {
        item[*name] = json!({"S": value});
    }
    item
}
