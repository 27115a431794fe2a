//! What is shown of restored tables.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use t3nets_router::aws::recovery::{Differences, PutBack};
use t3nets_router::model::TenantId;

use super::RestorableTable;
use crate::hint::Hint;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terminal::text::strip_control_chars;

/// What differs between a table and what it was, and what was done about it.
#[derive(Debug, Serialize)]
pub(super) struct RestoredTable {
    pub(super) table: RestorableTable,
    pub(super) name: String,
    /// The copy, if it is still there.
    pub(super) copy: Option<String>,
    items_then: u64,
    items_now: u64,
    missing: u64,
    changed: u64,
    newer: u64,
    tenants_missing: BTreeSet<String>,
    tenants_newer: BTreeSet<String>,
    pub(super) done: Option<Done>,
}

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) backup_arn: String,
    pub(super) written: u64,
    pub(super) deleted: u64,
    /// Items that were written meanwhile, and stay so.
    pub(super) kept: u64,
    /// Items that differ afterwards from what they were.
    pub(super) differing: u64,
}

impl Done {
    pub(super) fn new(backup_arn: String, put_back: PutBack, differing: u64) -> Self {
        Self {
            backup_arn,
            written: put_back.written,
            deleted: put_back.deleted,
            kept: put_back.kept,
            differing,
        }
    }
}

impl RestoredTable {
    pub(super) fn new(table: RestorableTable, name: &str, copy: &str, found: &Differences) -> Self {
        Self {
            table,
            name: name.to_owned(),
            copy: Some(copy.to_owned()),
            items_then: found.then,
            items_now: found.now,
            missing: found.missing,
            changed: found.changed,
            newer: found.newer,
            tenants_missing: found.tenants_missing.clone(),
            tenants_newer: found.tenants_newer.clone(),
            done: None,
        }
    }

    pub(super) fn differences(&self) -> u64 {
        self.missing + self.changed + self.newer
    }
}

/// What became of the tables.
#[derive(Debug, Serialize)]
pub(crate) struct RestoredTables {
    pub(super) environment: String,
    pub(super) to: Timestamp,
    pub(super) tenant: Option<TenantId>,
    pub(super) dry_run: bool,
    pub(super) tables: Vec<RestoredTable>,
    /// The command that takes it back.
    #[serde(skip)]
    pub(super) undo: Option<Hint>,
}

impl RestoredTables {
    pub(super) fn differences(&self) -> u64 {
        self.tables.iter().map(RestoredTable::differences).sum()
    }

    /// What differs, for people.
    pub(super) fn compared(&self) -> String {
        let rows = self.tables.iter().map(|compared| {
            let counts = [
                compared.items_then,
                compared.items_now,
                compared.missing,
                compared.changed,
                compared.newer,
            ];
            let name = compared.table.as_str().to_owned();
            std::iter::once(name).chain(counts.map(|count| count.to_string()))
        });
        let header = ["table", "then", "now", "missing", "changed", "newer"];
        let mut text = table(&header, rows);
        for (what, tenants) in [
            (
                "tenants that will be restored",
                self.tenants(|table| &table.tenants_missing),
            ),
            (
                "tenants that will be removed",
                self.tenants(|table| &table.tenants_newer),
            ),
        ] {
            if !tenants.is_empty() {
                text.push_str(&format!("\n{what}: {}", strip_control_chars(&tenants)));
            }
        }
        text
    }

    fn tenants(&self, of: fn(&RestoredTable) -> &BTreeSet<String>) -> String {
        let tenants = self.tables.iter().flat_map(of).map(String::as_str);
        tenants.collect::<Vec<_>>().join(", ")
    }

    fn restored(&self) -> String {
        let rows = self.tables.iter().filter_map(|restored| {
            let done = restored.done.as_ref()?;
            let counts = [done.written, done.deleted, done.kept, done.differing];
            let name = restored.table.as_str().to_owned();
            Some(std::iter::once(name).chain(counts.map(|count| count.to_string())))
        });
        let header = ["table", "put back", "removed", "kept", "differing"];
        let mut text = table(&header, rows);
        for restored in &self.tables {
            if let Some(done) = &restored.done {
                let (table, arn) = (restored.table.as_str(), &done.backup_arn);
                text.push_str(&format!("\nbackup of {table} as it was before: {arn}"));
            }
        }
        text
    }
}

impl Output for RestoredTables {
    fn text(&self) -> String {
        let (environment, to) = (&self.environment, self.to);
        let of = match &self.tenant {
            Some(tenant) => format!("tenant `{tenant}` of environment `{environment}`"),
            None => format!("environment `{environment}`"),
        };
        let is_restored = self.tables.iter().any(|table| table.done.is_some());
        let mut text = match is_restored {
            true => format!("restored {of} to {to}\n{}", self.restored()),
            false if self.differences() == 0 => {
                format!(
                    "nothing differs: {of} is as it was at {to}\n{}",
                    self.compared()
                )
            }
            false => format!("{of}, now and at {to}\n{}", self.compared()),
        };
        for copy in self.tables.iter().filter_map(|table| table.copy.as_ref()) {
            text.push_str(&format!("\nkept the copy: table {copy}"));
        }
        text
    }

    fn hints(&self) -> Vec<Hint> {
        self.undo.iter().cloned().collect()
    }
}
