//! A copy of all that the embedded platform keeps, in one file, and back from it.
//!
//! The file is an SQLite database: the tables as they were at one moment, and one more,
//! `backup_files`, with the encrypted files and their keys. It is made while other processes write.
//! Going back is checked first, in a folder of its own beside what is there; then what is there
//! makes room under another name, file by file. A list says which files those are, so that a
//! restore that was cut off is finished by whoever opens the platform next.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, params};

use super::database::{self, Database};
use super::files::{self, FileLock, failed};
use super::{FileSecrets, LocalPaths, secrets};
use crate::files::{USUAL_LIMIT, read};
use crate::ports::{StoreError, SystemClock};

/// The table of a backup that the platform does not have.
const TABLE: &str = "backup_files";
/// The folder in which a backup is unpacked.
const STAGING: &str = "restore.new";
/// In that folder, once all is there: the names of what is to be moved, a line each.
const LIST: &str = "complete";
/// Behind the names of what was there before.
const BEFORE: &str = "before-restore";

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// How many tenants it has.
    pub tenants: usize,
    /// The names of the files with credentials in it.
    pub files: Vec<String>,
    /// Its length, in bytes.
    pub bytes: u64,
}

/// Writes all that is in `home` to `file` (mode 0600): the database, and the credentials under the
/// names `stems`. A reader of `file` sees what was there before, or all of the new one.
///
/// # Errors
/// There is nothing to back up, or something cannot be read or written.
pub fn back_up(home: &Path, file: &Path, stems: &[&str]) -> Result<BackupReport, StoreError> {
    let source = LocalPaths::new(home).database();
    if !source.exists() {
        return Err(StoreError::unavailable(format!(
            "there is nothing in `{}` to back up",
            home.display()
        )));
    }
    let new = file.with_added_extension("new");
    let made = copy(home, &source, &new, stems).and_then(|report| {
        std::fs::rename(&new, file)
            .and_then(|()| files::sync_folder_of(file))
            .map_err(|error| failed("write", file, error))?;
        Ok(report)
    });
    if made.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    made
}

fn copy(
    home: &Path,
    source: &Path,
    new: &Path,
    stems: &[&str],
) -> Result<BackupReport, StoreError> {
    // Nobody changes credentials between the two copies.
    let mut locks = Vec::new();
    for stem in stems {
        locks.push(FileLock::acquire(&home.join(format!("{stem}.lock")))?);
    }
    files::open_private(new, OpenOptions::new().truncate(true))?;
    // Not read-only: the last connection removes the journal, and only if it may write.
    let from = database::connect(source, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy_database(&from, new)?;
    drop(from);
    let to = database::connect(new, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    to.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         CREATE TABLE {TABLE} (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT"
    ))?;
    for name in stems.iter().flat_map(|stem| names_of(stem)) {
        let path = home.join(&name);
        let content = match read(&path, USUAL_LIMIT) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("read", &path, error)),
        };
        let insert = format!("INSERT INTO {TABLE} (name, content) VALUES (?, ?)");
        to.execute(&insert, params![name, content])?;
    }
    drop(to);
    File::open(new)
        .and_then(|file| file.sync_all())
        .map_err(|error| failed("write", new, error))?;
    check(new)
}

/// One moment of a database, whoever writes to it meanwhile, into an empty file
/// (<https://www.sqlite.org/lang_vacuum.html#vacuuminto>).
fn copy_database(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let Some(name) = to.to_str() else {
        return Err(StoreError::unavailable(format!(
            "the name of `{}` is not UTF-8",
            to.display()
        )));
    };
    from.execute("VACUUM INTO ?", [name])?;
    Ok(())
}

/// Looks at a backup without changing anything.
///
/// # Errors
/// If it is none, is damaged, or was made by a newer version.
pub fn check(file: &Path) -> Result<BackupReport, StoreError> {
    look_into(file).map_err(|error| match error {
        StoreError::Corrupt { detail, .. } => StoreError::Corrupt {
            what: format!("`{}`", file.display()),
            detail,
        },
        other => other,
    })
}

fn look_into(file: &Path) -> Result<BackupReport, StoreError> {
    let bytes = crate::files::open(file)
        .and_then(|file| file.metadata())
        .map_err(|error| failed("read", file, error))?
        .len();
    let backup = database::connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let corrupt = |detail: String| StoreError::Corrupt {
        what: format!("`{}`", file.display()),
        detail,
    };
    let is_backup = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?";
    let found: i64 = backup.query_row(is_backup, [TABLE], |row| row.get(0))?;
    if found == 0 {
        return Err(corrupt("`t3nets backup` did not write it".to_owned()));
    }
    let version: i64 = backup.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if usize::try_from(version).unwrap_or(usize::MAX) > database::MIGRATIONS.len() {
        return Err(StoreError::unavailable(format!(
            "`{}` was made by a newer version of T3nets; use that version or a later one",
            file.display()
        )));
    }
    let sound: String = backup.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if sound != "ok" {
        return Err(corrupt(format!("it is damaged: {sound}")));
    }
    let tenants = backup.query_row("SELECT count(*) FROM tenants", (), |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(BackupReport {
        tenants: usize::try_from(tenants).unwrap_or_default(),
        files: contents(&backup)?
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
        bytes,
    })
}

fn contents(backup: &Connection) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut read = backup.prepare(&format!("SELECT name, content FROM {TABLE} ORDER BY name"))?;
    let rows = read.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Puts a backup in the place of all that is in `home`, credentials under the names `stems`
/// included. What was there is kept beside it, with `.before-restore` behind its name.
///
/// # Errors
/// If another process has the database open, the backup cannot be used, or something cannot be
/// written; nothing is changed then.
pub fn restore(home: &Path, file: &Path, stems: &[&str]) -> Result<BackupReport, StoreError> {
    files::create_private_folder(home)?;
    let report = check(file)?;
    let mut locks = vec![FileLock::acquire(&home.join("t3nets.lock"))?];
    for stem in stems {
        locks.push(FileLock::acquire(&home.join(format!("{stem}.lock")))?);
    }
    let current = LocalPaths::new(home).database();
    ensure_unused(&current)?;
    let staging = home.join(STAGING);
    remove_folder(&staging)?;
    files::create_private_folder(&staging)?;
    let staged = unpack(file, &staging, stems).inspect_err(|_| {
        let _ = remove_folder(&staging);
    })?;
    let mut list: Vec<String> = staged.iter().map(|name| format!("+{name}")).collect();
    // What the backup does not have is gone after it, too.
    for name in stems.iter().flat_map(|stem| names_of(stem)) {
        if !staged.contains(&name) {
            list.push(format!("-{name}"));
        }
    }
    files::replace(&staging.join(LIST), list.join("\n").as_bytes())?;
    move_all(home)?;
    Ok(report)
}

/// Unpacks a backup and opens it, as the platform will.
fn unpack(file: &Path, staging: &Path, stems: &[&str]) -> Result<Vec<String>, StoreError> {
    let backup = database::connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let path = LocalPaths::new(staging).database();
    files::open_private(&path, &mut OpenOptions::new())?;
    copy_database(&backup, &path)?;
    let copy = database::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.execute_batch(&format!("DROP TABLE {TABLE}"))?;
    drop(copy);
    drop(Database::open(&path)?);
    let mut names = vec!["t3nets.db".to_owned()];
    for (name, content) in contents(&backup)? {
        if !stems.iter().any(|stem| names_of(stem).contains(&name)) {
            return Err(StoreError::Corrupt {
                what: format!("`{}`", file.display()),
                detail: "it has a file that T3nets does not know".to_owned(),
            });
        }
        files::replace(&staging.join(&name), &content)?;
        names.push(name);
    }
    for stem in stems {
        FileSecrets::open(staging, stem, Arc::new(SystemClock))?;
    }
    Ok(names)
}

/// Refuses while another process has the database open: it would go on with what is no longer
/// there. Empties the journal.
fn ensure_unused(path: &Path) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    // A damaged one is what a backup is for.
    let Ok(connection) = database::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) else {
        return Ok(());
    };
    // Only the last connection may leave the write-ahead log
    // (<https://www.sqlite.org/pragma.html#pragma_journal_mode>).
    let left = connection.query_row("PRAGMA journal_mode = DELETE", (), |row| {
        row.get::<_, String>(0)
    });
    match left {
        Ok(mode) if mode == "wal" => Err(in_use()),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
            ) =>
        {
            Err(in_use())
        }
        _ => Ok(()),
    }
}

fn in_use() -> StoreError {
    StoreError::unavailable("another program is using the database; end it first")
}

/// Finishes a restore that was cut off, if one was.
pub(super) fn finish(home: &Path) -> Result<(), StoreError> {
    if !home.join(STAGING).join(LIST).exists() {
        return Ok(());
    }
    let _lock = FileLock::acquire(&home.join("t3nets.lock"))?;
    move_all(home)
}

/// Moves what was unpacked to its place. Safe to repeat; the caller holds the database's lock.
fn move_all(home: &Path) -> Result<(), StoreError> {
    let staging = home.join(STAGING);
    let list = staging.join(LIST);
    let names = match crate::files::read_text(&list, USUAL_LIMIT) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", &list, error)),
    };
    for line in names.lines() {
        let (is_new, name) = match (line.strip_prefix('+'), line.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (None, Some(name)) => (false, name),
            (None, None) => continue,
        };
        let (from, to) = (staging.join(name), home.join(name));
        if is_new && !from.exists() {
            // It was moved before a restore was cut off.
            continue;
        }
        move_away(&to)?;
        if is_new {
            std::fs::rename(&from, &to).map_err(|error| failed("write", &to, error))?;
        }
    }
    files::sync_folder_of(&staging).map_err(|error| failed("write", home, error))?;
    remove_folder(&staging)
}

/// Keeps what is at a place, and SQLite's files beside it, under another name.
fn move_away(path: &Path) -> Result<(), StoreError> {
    let kept = path.with_added_extension(BEFORE);
    for suffix in ["", "-wal", "-shm"] {
        let with_suffix = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match std::fs::rename(with_suffix(path), with_suffix(&kept)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(failed("move away", path, error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The files of the credentials named so: the key, and what it opens.
fn names_of(stem: &str) -> [String; 2] {
    [secrets::key_path, secrets::data_path].map(|place| {
        let path = place(Path::new(""), stem);
        path.to_string_lossy().into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local;
    use crate::model::{SecretDocument, SecretName};

    const STEMS: [&str; 2] = ["secrets", "operator-keys"];

    async fn home_with_a_secret(value: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let platform = local::open(home.path()).unwrap();
        let fields = serde_json::json!({"value": value});
        let document = SecretDocument::new(fields.as_object().unwrap().clone());
        platform.secrets.put(&name(), &document).await.unwrap();
        home
    }

    fn name() -> SecretName {
        SecretName {
            tenant_id: "acme".parse().unwrap(),
            integration: "jira".parse().unwrap(),
            user_id: None,
        }
    }

    async fn secret(home: &Path) -> Option<String> {
        let platform = local::open(home).unwrap();
        let found = platform.secrets.get(&name()).await.unwrap();
        found.and_then(|document| document.text("value"))
    }

    #[tokio::test]
    async fn what_was_backed_up_while_it_was_in_use_is_there_again() {
        let home = home_with_a_secret("first").await;
        let file = home.path().join("copy.backup");
        let in_use = local::open(home.path()).unwrap();
        let report = back_up(home.path(), &file, &STEMS).unwrap();
        assert_eq!(report.files, ["secrets.age", "secrets.key"]);
        assert_eq!(check(&file).unwrap(), report);
        let changed = serde_json::json!({"value": "second"});
        let document = SecretDocument::new(changed.as_object().unwrap().clone());
        in_use.secrets.put(&name(), &document).await.unwrap();

        let refused = restore(home.path(), &file, &STEMS).unwrap_err();
        assert!(refused.to_string().contains("end it first"), "{refused}");
        drop(in_use);
        restore(home.path(), &file, &STEMS).unwrap();
        assert_eq!(secret(home.path()).await.as_deref(), Some("first"));
        assert!(home.path().join("secrets.age.before-restore").exists());

        let elsewhere = tempfile::tempdir().unwrap();
        restore(elsewhere.path(), &file, &STEMS).unwrap();
        assert_eq!(secret(elsewhere.path()).await.as_deref(), Some("first"));
    }

    #[tokio::test]
    async fn what_is_no_backup_changes_nothing() {
        let home = home_with_a_secret("kept").await;
        let good = home.path().join("good.backup");
        back_up(home.path(), &good, &STEMS).unwrap();
        let bad = home.path().join("bad.backup");
        let mut damaged = std::fs::read(&good).unwrap();
        let half = damaged.len() / 2;
        for content in [
            b"no database".to_vec(),
            std::fs::read(LocalPaths::new(home.path()).database()).unwrap(),
            damaged[..half].to_vec(),
            {
                damaged[half..].fill(7);
                damaged.clone()
            },
        ] {
            std::fs::write(&bad, content).unwrap();
            restore(home.path(), &bad, &STEMS).unwrap_err();
            assert_eq!(secret(home.path()).await.as_deref(), Some("kept"));
        }
        assert!(!home.path().join(STAGING).exists());
    }

    #[tokio::test]
    async fn a_restore_that_was_cut_off_is_finished_by_whoever_comes_next() {
        let home = home_with_a_secret("first").await;
        let file = home.path().join("copy.backup");
        back_up(home.path(), &file, &STEMS).unwrap();
        for moved in 0..3 {
            let other = home_with_a_secret("other").await;
            let staging = other.path().join(STAGING);
            files::create_private_folder(&staging).unwrap();
            let names = unpack(&file, &staging, &STEMS).unwrap();
            let list: Vec<String> = names.iter().map(|name| format!("+{name}")).collect();
            std::fs::write(staging.join(LIST), list.join("\n")).unwrap();
            for name in &names[..moved] {
                let to = other.path().join(name);
                move_away(&to).unwrap();
                std::fs::rename(staging.join(name), to).unwrap();
            }
            assert_eq!(secret(other.path()).await.as_deref(), Some("first"));
            assert!(!staging.exists());
        }
    }
}
