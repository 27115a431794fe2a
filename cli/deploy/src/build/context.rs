//! The build context: the files that `.dockerignore` does not exclude, as an archive that is the
//! same for the same tree.

use std::fs;
use std::io;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::BuildError;
use super::dockerignore::Dockerignore;

/// With more, something is sent that nobody meant to send: the sources have a few MiB.
const MAX_BYTES: usize = 256 << 20;

/// What is sent to Docker.
#[derive(Debug)]
pub(super) struct BuildContext {
    /// The files as a tar archive, sorted by their names, without times and owners.
    pub(super) archive: Vec<u8>,
    /// What was left out.
    pub(super) ignore: Dockerignore,
}

impl BuildContext {
    /// Reads the files under `root`.
    ///
    /// # Errors
    /// If there is no Dockerfile, `.dockerignore` has an invalid pattern, or a file cannot be read.
    pub(super) fn read(root: &Path) -> Result<Self, BuildError> {
        if !root.join("Dockerfile").is_file() {
            return Err(BuildError::NoDockerfile(root.to_owned()));
        }
        let ignore = read_dockerignore(root)?;
        let mut archive = Builder::new(Vec::new());
        add_folder(&mut archive, root, "", &ignore)?;
        let archive = archive
            .into_inner()
            .map_err(|error| unreadable("", error))?;
        Ok(Self { archive, ignore })
    }
}

/// Whether a file is part of the context. Dockerfile and .dockerignore always are: Docker needs
/// them itself.
/// <https://docs.docker.com/build/concepts/context/#dockerignore-files>
pub(super) fn is_included(ignore: &Dockerignore, path: &str) -> bool {
    matches!(path, "Dockerfile" | ".dockerignore") || !ignore.excludes(path)
}

/// The `.dockerignore` of a folder; one that excludes nothing if there is none.
pub(super) fn read_dockerignore(root: &Path) -> Result<Dockerignore, BuildError> {
    match fs::read_to_string(root.join(".dockerignore")) {
        Ok(text) => Dockerignore::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Dockerignore::default()),
        Err(error) => Err(unreadable(".dockerignore", error)),
    }
}

fn add_folder(
    archive: &mut Builder<Vec<u8>>,
    root: &Path,
    folder: &str,
    ignore: &Dockerignore,
) -> Result<(), BuildError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder)).map_err(|error| unreadable(folder, error))? {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        names.push(entry.file_name().into_string());
    }
    names.sort();
    for name in names {
        let name = match name {
            Ok(name) => name,
            // What is left out may have any name.
            Err(name) => {
                let path = join(folder, &name.to_string_lossy());
                if is_included(ignore, &path) {
                    return Err(BuildError::NotUtf8(path));
                }
                continue;
            }
        };
        add(archive, root, &join(folder, &name), ignore)?;
    }
    Ok(())
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn add(
    archive: &mut Builder<Vec<u8>>,
    root: &Path,
    path: &str,
    ignore: &Dockerignore,
) -> Result<(), BuildError> {
    let source = root.join(path);
    let is_included = is_included(ignore, path);
    let failed = |error: io::Error| unreadable(path, error);
    let metadata = match fs::symlink_metadata(&source) {
        Ok(metadata) => metadata,
        // Deleted since the folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if metadata.is_dir() {
        if is_included {
            let mut header = header(EntryType::Directory, 0o755, 0);
            archive
                .append_data(&mut header, path, io::empty())
                .map_err(failed)?;
        }
        if is_included || ignore.may_include_below(path) {
            add_folder(archive, root, path, ignore)?;
        }
    } else if is_included && metadata.is_symlink() {
        let target = fs::read_link(&source).map_err(failed)?;
        let mut header = header(EntryType::Symlink, 0o777, 0);
        archive
            .append_link(&mut header, path, target)
            .map_err(failed)?;
    } else if is_included && metadata.is_file() {
        let content = fs::read(&source).map_err(failed)?;
        if archive.get_ref().len() + content.len() > MAX_BYTES {
            return Err(BuildError::ContextTooLarge {
                path: path.to_owned(),
                limit_mib: MAX_BYTES >> 20,
            });
        }
        let mode = if is_executable(&metadata) {
            0o755
        } else {
            0o644
        };
        let mut header = header(EntryType::Regular, mode, content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_slice())
            .map_err(failed)?;
    }
    Ok(())
}

/// Only what a checkout determines: no time, no owner, and of the mode whether the file can be run.
/// Docker's cache compares all of these but the time.
/// <https://docs.docker.com/build/cache/invalidation/#adding-and-copying-files>
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn is_executable(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o100 != 0
}

/// A file that cannot be read; the whole folder has the empty path.
fn unreadable(path: &str, source: io::Error) -> BuildError {
    let path = if path.is_empty() { "." } else { path };
    BuildError::Read {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn paths(context: &BuildContext) -> Vec<String> {
        tar::Archive::new(context.archive.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn only_what_dockerignore_leaves_is_sent() {
        let root = tree(&[
            ("Dockerfile", ""),
            (".dockerignore", "**\n!router\n!cli/Cargo.toml\n**/*.tmp"),
            ("router/src/lib.rs", ""),
            ("router/a.tmp", ""),
            ("cli/Cargo.toml", ""),
            ("cli/src/main.rs", ""),
            ("target/big", ""),
        ]);
        assert_eq!(
            paths(&BuildContext::read(root.path()).unwrap()),
            [
                ".dockerignore",
                "Dockerfile",
                "cli/Cargo.toml",
                "router",
                "router/src",
                "router/src/lib.rs"
            ]
        );
    }

    #[test]
    fn the_same_tree_gives_the_same_archive_and_a_change_another() {
        let files = [("Dockerfile", "FROM scratch"), ("b/x", "1"), ("a", "2")];
        let one = tree(&files);
        let mut reversed = files;
        reversed.reverse();
        let other = tree(&reversed);
        for root in [&one, &other] {
            symlink("b/x", root.path().join("link")).unwrap();
        }
        let read = |root: &tempfile::TempDir| BuildContext::read(root.path()).unwrap().archive;
        assert_eq!(read(&one), read(&other));
        fs::write(one.path().join("a"), "3").unwrap();
        assert_ne!(read(&one), read(&other));
    }

    #[test]
    fn a_folder_without_a_dockerfile_cannot_be_built() {
        let error = BuildContext::read(tree(&[("a", "")]).path()).unwrap_err();
        assert!(matches!(error, BuildError::NoDockerfile(_)), "{error:?}");
    }
}
