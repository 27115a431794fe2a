//! What a person who doubts the database wants to know, found out without changing it.

use std::path::Path;

use rusqlite::OpenFlags;

use super::{LocalPaths, database};
use crate::ports::StoreError;

/// The state of a database file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReport {
    /// The version of its tables.
    pub schema_version: usize,
    /// The newest version that this program knows. Opening the database brings older tables up to
    /// it.
    pub newest_version: usize,
    /// What SQLite's own check found; empty for a sound database.
    pub damage: Vec<String>,
}

/// Looks at the database in `home`; `None` if there is none. Blocks while it reads the whole of it.
///
/// # Errors
/// If it cannot be read, or is not a database.
pub fn inspect_database(home: &Path) -> Result<Option<DatabaseReport>, StoreError> {
    let path = LocalPaths::new(home).database();
    if !path.exists() {
        return Ok(None);
    }
    let connection = database::connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let schema_version =
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    let mut check = connection.prepare("PRAGMA quick_check(10)")?;
    let findings = check.query_map([], |row| row.get::<_, String>(0))?;
    let damage = findings
        .filter(|finding| !finding.as_deref().is_ok_and(|text| text == "ok"))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(DatabaseReport {
        schema_version: usize::try_from(schema_version).unwrap_or_default(),
        newest_version: database::MIGRATIONS.len(),
        damage,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_database_is_told_from_a_missing_and_a_broken_one() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(inspect_database(home.path()), Ok(None));

        drop(super::super::open(home.path()).unwrap());
        let report = inspect_database(home.path()).unwrap().unwrap();
        assert_eq!(report.schema_version, report.newest_version);
        assert!(report.damage.is_empty());

        let other = tempfile::tempdir().unwrap();
        std::fs::write(LocalPaths::new(other.path()).database(), "no database").unwrap();
        assert!(inspect_database(other.path()).is_err());
    }
}
