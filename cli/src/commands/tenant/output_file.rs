//! A file that a command writes whole or not at all, and that only its owner can read.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::CliError;

/// The file while it is written, beside the place where it will be.
pub(super) struct OutputFile {
    path: PathBuf,
    /// With mode 0600, and removed unless it is completed.
    file: NamedTempFile,
}

impl OutputFile {
    /// Begins it. A file that is there stays as it is until this one is complete.
    ///
    /// # Errors
    /// Usage if something else than a file is there: it would be replaced by one. A failure if
    /// nothing can be written there.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let path = match std::fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                let what = format!("`{}` is not a regular file", path.display());
                return Err(
                    CliError::usage(what).hint("without `--output` the export goes to stdout")
                );
            }
            // Behind a link is the file that is meant.
            Ok(_) => std::fs::canonicalize(path).map_err(|error| unwritten(path, error))?,
            Err(_) => path.to_owned(),
        };
        let file =
            NamedTempFile::new_in(folder_of(&path)).map_err(|error| unwritten(&path, error))?;
        Ok(Self { path, file })
    }

    /// Where it will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn writer(&mut self) -> BufWriter<&mut NamedTempFile> {
        BufWriter::new(&mut self.file)
    }

    /// Puts it in its place, once everything in it is on the disk.
    ///
    /// # Errors
    /// If that fails: then what was there before is there.
    pub(super) fn complete(self) -> Result<PathBuf, CliError> {
        let Self { path, file } = self;
        let completed = file.as_file().sync_all().and_then(|()| {
            file.persist(&path).map_err(|error| error.error)?;
            std::fs::File::open(folder_of(&path))?.sync_all()
        });
        match completed {
            Ok(()) => Ok(path),
            Err(error) => Err(unwritten(&path, error)),
        }
    }
}

/// Why a file is not there.
pub(super) fn unwritten(path: &Path, error: io::Error) -> CliError {
    CliError::failed(format!("cannot write `{}`", path.display())).caused_by(error)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
