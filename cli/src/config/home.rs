//! The folder that holds this machine's state: `$T3NETS_HOME`, else a folder in the user's data
//! directory. Readable by its owner alone.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::error::CliError;
use t3nets_router::files;

/// Where the state lives if `T3NETS_HOME` does not say.
///
/// # Errors
/// If the user has no home directory.
pub(crate) fn default_home() -> Result<PathBuf, CliError> {
    etcetera::choose_base_strategy()
        .map(|folders| folders.data_dir().join("t3nets"))
        .map_err(|error| {
            CliError::not_ready("cannot tell where your home directory is")
                .caused_by(error)
                .hint("set T3NETS_HOME to a folder of yours")
        })
}

/// Makes the folder, with those above it, readable by its owner alone. One that exists stays as it
/// is.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), CliError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            CliError::not_ready(format!("cannot create the folder `{}`", folder.display()))
                .caused_by(error)
                .hint("T3NETS_HOME chooses another folder")
        })
}

/// Writes a file that its owner alone can read, making its folder if need be. A reader sees the old
/// content or the new one, never a part.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private_folder(folder)?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| {
        CliError::not_ready(format!("cannot write `{}`", path.display())).caused_by(error)
    })
}

/// Whether others than the owner can get at a file or folder.
///
/// # Errors
/// If it is not there or cannot be looked at.
pub(crate) fn is_open_to_others(path: &Path) -> std::io::Result<bool> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

fn environment_in_use_path(home: &Path) -> PathBuf {
    home.join("environment")
}

/// The environment that was remembered, if one was.
///
/// # Errors
/// Not ready if that cannot be read.
pub(crate) fn environment_in_use(home: &Path) -> Result<Option<String>, CliError> {
    let path = environment_in_use_path(home);
    match files::read_text(&path, files::USUAL_LIMIT) {
        Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => {
            Err(CliError::not_ready(format!("cannot read `{}`", path.display())).caused_by(error))
        }
    }
}

/// Remembers which environment to use from now on.
///
/// # Errors
/// If the home folder cannot be written to.
pub(crate) fn remember_environment(home: &Path, name: &str) -> Result<(), CliError> {
    write_private(
        &environment_in_use_path(home),
        format!("{name}\n").as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home/dev.json");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert!(!is_open_to_others(&path).unwrap());
        assert!(!is_open_to_others(path.parent().unwrap()).unwrap());
    }
}
