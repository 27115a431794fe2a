//! Files that their owner alone may read, and locks between processes.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::ports::{Failure, StoreError};

/// How long to wait for another process that holds a lock. It holds it while it writes a small
/// file.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Creates a folder (mode 0700, parents too) unless it exists.
pub(super) fn create_private_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| failed("make the folder", path, error))?;
    check_folder(path)
}

/// Opens a file for writing, making it with mode 0600 where missing; takes away what others may do
/// with one that is there.
pub(super) fn open_private(path: &Path, options: &mut OpenOptions) -> Result<File, StoreError> {
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options
        .open(path)
        .map_err(|error| failed("open", path, error))?;
    #[cfg(unix)]
    if others_may(&file, path)?.is_some() {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
            .map_err(|error| failed("protect", path, error))?;
    }
    Ok(file)
}

/// The file's mode if anyone but its owner may do anything with it.
#[cfg(unix)]
pub(super) fn others_may(file: &File, path: &Path) -> Result<Option<u32>, StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file
        .metadata()
        .map_err(|error| failed("look at", path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Modes are Unix's; elsewhere the home folder's own protection holds.
#[cfg(not(unix))]
pub(super) fn others_may(_file: &File, _path: &Path) -> Result<Option<u32>, StoreError> {
    Ok(None)
}

/// How much is tried to be written, in bytes: a turn's own rows and the journal's part of them.
const ROOM: usize = 64 * 1024;

/// Whether something can be written in a folder: the disk is not full, no quota is used up. What is
/// free by the system's word is no answer where a quota or another reserve holds.
///
/// # Errors
/// If it cannot.
pub fn check_room(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("room.probe");
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.write(true).create(true).truncate(true).open(&path);
    let outcome = opened.and_then(|mut file| io::Write::write_all(&mut file, &[0; ROOM]));
    let _ = std::fs::remove_file(&path);
    outcome.map_err(|error| failed("write to", folder, error))
}

/// Refuses a folder that belongs to somebody else, or that others may write to: they could put
/// links there that lead elsewhere, or read what is kept. One that does not exist yet is fine.
///
/// # Errors
/// [`StoreError::Denied`].
#[cfg(unix)]
pub fn check_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    // Of a link, both it and what it leads to.
    for look in [std::fs::symlink_metadata, std::fs::metadata] {
        let found = match look(folder) {
            Ok(found) => found,
            // Who makes it says why it cannot be.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(failed("look at", folder, error)),
        };
        let shown = folder.display();
        if found.uid() != own {
            return Err(StoreError::denied(format!(
                "the folder `{shown}` belongs to another user (id {}), who could read and change what is kept in it",
                found.uid()
            )));
        }
        if !found.is_symlink() && found.mode() & 0o022 != 0 {
            return Err(StoreError::denied(format!(
                "others may write to the folder `{shown}` (mode {:04o}); run `chmod 700 {shown}` once you know what is in it",
                found.mode() & 0o7777
            )));
        }
    }
    Ok(())
}

/// Owners and modes are Unix's.
#[cfg(not(unix))]
pub fn check_folder(_folder: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Replaces a file's content so that a crash leaves the old content or the new, never a mixture.
/// The caller holds the lock that keeps other writers away, so one fixed temporary name is enough
/// and what a crash left is written over.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_added_extension("new");
    let mut file = open_private(&temporary, OpenOptions::new().truncate(true))?;
    io::Write::write_all(&mut file, content)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&temporary, path))
        .and_then(|()| sync_folder_of(path))
        .map_err(|error| failed("write", path, error))
}

/// Makes a rename in the file's folder survive a power cut.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // A name alone is in the current folder.
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// A lock that other processes, and other threads of this one, wait for. Released when dropped or
/// when the process ends.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock, at most [`LOCK_PATIENCE`]. Blocks the thread.
    pub(super) fn acquire(path: &Path) -> Result<Self, StoreError> {
        let file = open_private(path, &mut OpenOptions::new())?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_POLL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::unavailable(format!(
                        "another program has held the lock `{}` for {} s",
                        path.display(),
                        LOCK_PATIENCE.as_secs()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(failed("lock", path, error)),
            }
        }
    }
}

/// What went wrong with a file, as a store's error.
pub(super) fn failed(verb: &str, path: &Path, error: io::Error) -> StoreError {
    let kind = error.kind();
    let reason = format!("cannot {verb} `{}`: {error}", path.display());
    let failure = Failure::caused_by(reason, error);
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(failure),
        io::ErrorKind::PermissionDenied => StoreError::Denied(failure),
        _ => StoreError::Unavailable(failure),
    }
}

/// Runs what blocks on a thread of its own, so that the async runtime is never held up.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(StoreError::unavailable(if error.is_panic() {
            "an internal error ended the request"
        } else {
            "the program is ending"
        })),
    }
}
