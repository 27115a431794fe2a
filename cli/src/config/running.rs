//! How `dev` says that it runs, and how `chat` and `doctor` find it: a lock that ends with the
//! process, and beside it a file with the address.

use std::fmt;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use t3nets_router::files;
use t3nets_router::token::random_token;

use super::home;
use crate::error::CliError;

/// A router that `dev` runs. Its file can be read by the user who runs it alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningDev {
    pub(crate) url: url::Url,
    /// The id of its process.
    pub(crate) pid: u32,
    pub(crate) started_at: Timestamp,
    /// Whether it serves the sample board. An earlier version does not say.
    #[serde(default)]
    pub(crate) demo: bool,
    /// Shows it that who asks can read its file.
    #[serde(default)]
    pub(crate) token: String,
}

impl RunningDev {
    /// The router that this process runs.
    ///
    /// # Errors
    /// If there is no randomness for its token.
    pub(crate) fn new(url: url::Url, demo: bool, started_at: Timestamp) -> Result<Self, CliError> {
        Ok(Self {
            url,
            pid: std::process::id(),
            started_at,
            demo,
            token: random_token("dev_")
                .map_err(|error| CliError::failed("cannot generate a token").caused_by(error))?,
        })
    }
}

impl fmt::Debug for RunningDev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningDev")
            .field("url", &self.url)
            .field("pid", &self.pid)
            .field("demo", &self.demo)
            .finish_non_exhaustive()
    }
}

/// The right to be the one `dev` of an environment. Ends with its value, or with the process,
/// however that ends.
#[derive(Debug)]
pub(crate) struct DevLock {
    _lock: File,
    info: PathBuf,
}

impl DevLock {
    /// Takes the lock; `None` while another process has it.
    ///
    /// # Errors
    /// If the lock file cannot be made.
    pub(crate) fn take(home: &Path) -> Result<Option<Self>, CliError> {
        home::make_private_folder(home)?;
        let lock = open_lock(home, true)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self {
                _lock: lock,
                info: info_path(home),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot_lock(home, error)),
        }
    }

    /// Tells other processes where this one answers.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn announce(&self, running: &RunningDev) -> Result<(), CliError> {
        let text = serde_json::to_vec_pretty(running)
            .map_err(|error| CliError::failed("cannot describe this router").caused_by(error))?;
        home::write_private(&self.info, &text)
    }
}

impl Drop for DevLock {
    fn drop(&mut self) {
        // Whoever finds the file without the lock ignores it, so a failure to remove it harms
        // nobody.
        let _ = std::fs::remove_file(&self.info);
    }
}

/// The `dev` that runs on an environment's home folder, if one does. A file that a killed process
/// left is ignored.
///
/// # Errors
/// If the files are there and cannot be read.
pub(crate) fn find(home: &Path) -> Result<Option<RunningDev>, CliError> {
    let path = info_path(home);
    let text = match files::read(&path, files::USUAL_LIMIT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(
                CliError::not_ready(format!("cannot read `{}`", path.display())).caused_by(error),
            );
        }
    };
    if !is_locked(home)? {
        return Ok(None);
    }
    // A file of another version says nothing that could be used.
    Ok(serde_json::from_slice(&text).ok())
}

fn is_locked(home: &Path) -> Result<bool, CliError> {
    if !lock_path(home).exists() {
        return Ok(false);
    }
    let lock = open_lock(home, false)?;
    // Shared, so that two who look at once do not take each other for a running `dev`.
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(cannot_lock(home, error)),
    }
}

fn open_lock(home: &Path, create: bool) -> Result<File, CliError> {
    File::options()
        .read(true)
        .write(create)
        .create(create)
        .truncate(false)
        .mode(0o600)
        .open(lock_path(home))
        .map_err(|error| cannot_lock(home, error))
}

fn cannot_lock(home: &Path, error: std::io::Error) -> CliError {
    CliError::not_ready(format!("cannot lock `{}`", lock_path(home).display())).caused_by(error)
}

fn lock_path(home: &Path) -> PathBuf {
    home.join("dev.lock")
}

fn info_path(home: &Path) -> PathBuf {
    home.join("dev.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> RunningDev {
        RunningDev {
            url: "http://127.0.0.1:8080".parse().unwrap(),
            pid: 1,
            started_at: Timestamp::UNIX_EPOCH,
            demo: false,
            token: "dev_secret".to_owned(),
        }
    }

    #[test]
    fn a_running_dev_is_found_until_it_ends() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(find(home.path()).unwrap(), None);
        let lock = DevLock::take(home.path()).unwrap().unwrap();
        lock.announce(&running()).unwrap();
        assert_eq!(find(home.path()).unwrap(), Some(running()));
        assert!(DevLock::take(home.path()).unwrap().is_none());
        drop(lock);
        assert_eq!(find(home.path()).unwrap(), None);
        assert!(DevLock::take(home.path()).unwrap().is_some());
    }

    #[test]
    fn the_token_is_in_no_debug_output() {
        assert!(!format!("{:?}", running()).contains("secret"));
    }

    #[test]
    fn the_file_of_a_killed_dev_is_ignored() {
        let home = tempfile::tempdir().unwrap();
        let text = serde_json::to_vec(&running()).unwrap();
        home::write_private(&info_path(home.path()), &text).unwrap();
        assert_eq!(find(home.path()).unwrap(), None);
    }
}
