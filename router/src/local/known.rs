//! What was read of files that have not changed since.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::files::failed;
use crate::ports::StoreError;

/// Systems tell times of files in steps of some milliseconds, some file systems of a second or two:
/// a change within the same step cannot be told from what was there before.
const STEP: Duration = Duration::from_secs(2);

/// What the system says of files, which any change of theirs changes. `None` of one that is not
/// there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<FileStamp>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct FileStamp {
    bytes: u64,
    modified: SystemTime,
    /// A file that replaces another one is another file, and a change of the mode counts.
    #[cfg(unix)]
    file: (u64, u64, i64, i64),
}

impl Stamp {
    /// # Errors
    /// If the system does not say.
    pub(super) fn of(paths: &[&Path]) -> Result<Self, StoreError> {
        let stamps = paths.iter().map(|path| {
            let found = match std::fs::metadata(path) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed("look at", path, error)),
            };
            let modified = found.modified();
            Ok(Some(FileStamp {
                bytes: found.len(),
                modified: modified.map_err(|error| failed("look at", path, error))?,
                #[cfg(unix)]
                file: {
                    use std::os::unix::fs::MetadataExt;
                    (found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
                },
            }))
        });
        Ok(Self(stamps.collect::<Result<_, _>>()?))
    }

    /// Whether every later change would show.
    fn is_settled(&self, now: SystemTime) -> bool {
        let stamps = self.0.iter().flatten();
        stamps.map(|stamp| stamp.modified).all(|modified| {
            let age = now.duration_since(modified);
            age.is_ok_and(|age| age > STEP)
        })
    }
}

/// What was read last, with the stamp that the files had before.
pub(super) struct Known<T>(Mutex<Option<(Stamp, Arc<T>)>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Known<T> {
    /// What was read of files that still have this stamp.
    pub(super) fn get(&self, stamp: &Stamp) -> Option<Arc<T>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, content) = known.as_ref()?;
        (of == stamp).then(|| content.clone())
    }

    pub(super) fn keep(&self, stamp: Stamp, content: Arc<T>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = stamp
            .is_settled(SystemTime::now())
            .then_some((stamp, content));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_was_read_is_known_until_the_file_changes_and_never_of_a_fresh_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, missing) = (folder.path().join("a"), folder.path().join("b"));
        let stamp = || Stamp::of(&[&path, &missing]).unwrap();
        let write = |text: &str, age: Duration| {
            std::fs::write(&path, text).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        let known = Known::default();
        let keep = |text: &'static str| known.keep(stamp(), Arc::new(text));
        write("one", Duration::ZERO);
        keep("one");
        assert_eq!(known.get(&stamp()), None);
        write("one", 2 * STEP);
        keep("one");
        assert_eq!(known.get(&stamp()).as_deref(), Some(&"one"));
        // As long as before, and by its own word as old.
        write("two", 2 * STEP);
        assert_eq!(known.get(&stamp()), None);
        keep("two");
        std::fs::write(&missing, "").unwrap();
        assert_eq!(known.get(&stamp()), None);
    }
}
