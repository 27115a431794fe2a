//! What is sent to the engine: the files that `.dockerignore` leaves, as an archive that is the same for the same tree.

use std::fs;
use std::io;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::ignore::Ignore;
use crate::error::DeployError;

/// Beyond it, something is sent that nobody meant to.
const MAX_BYTES: usize = 256 << 20;

/// A build's context.
#[derive(Debug)]
pub(crate) struct BuildContext {
    /// The archive: entries in order, without times and owners.
    pub(crate) archive: Vec<u8>,
    /// The archive's SHA-256, in hexadecimal: the same for the same files.
    pub(crate) digest: String,
    /// Which files are left out.
    pub(crate) ignore: Ignore,
}

impl BuildContext {
    /// Reads the files under `root`.
    ///
    /// # Errors
    /// Not ready if there is no Dockerfile or `.dockerignore` makes no sense; failed if a file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self, DeployError> {
        if !root.join("Dockerfile").is_file() {
            return Err(DeployError::not_ready(format!(
                "there is no `Dockerfile` in `{}`",
                root.display()
            ))
            .hint("run it inside a checkout of T3nets, or deploy what is already pushed with `--image REF`"));
        }
        let ignore = read_ignore(root)?;
        let mut archive = Builder::new(Vec::new());
        add_folder(&mut archive, root, "", &ignore)?;
        let archive = archive
            .into_inner()
            .map_err(|error| unreadable("the build context", &error))?;
        Ok(Self {
            digest: HEXLOWER.encode(&Sha256::digest(&archive)),
            archive,
            ignore,
        })
    }
}

/// The two that Docker needs itself, whatever `.dockerignore` says.
pub(crate) fn is_sent(ignore: &Ignore, path: &str) -> bool {
    matches!(path, "Dockerfile" | ".dockerignore") || !ignore.excludes(path)
}

/// What `.dockerignore` says is not sent.
pub(super) fn read_ignore(root: &Path) -> Result<Ignore, DeployError> {
    match fs::read_to_string(root.join(".dockerignore")) {
        Ok(text) => Ignore::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ignore::default()),
        Err(error) => Err(unreadable(".dockerignore", &error)),
    }
}

fn add_folder(
    archive: &mut Builder<Vec<u8>>,
    root: &Path,
    folder: &str,
    ignore: &Ignore,
) -> Result<(), DeployError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder)).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        names.push(entry.file_name().into_string());
    }
    names.sort();
    for name in names {
        let name = match name {
            Ok(name) => name,
            // What is left out may be named in any way.
            Err(name) => {
                let path = join(folder, &name.to_string_lossy());
                if is_sent(ignore, &path) {
                    return Err(DeployError::failed(format!(
                        "`{path}` is not named in UTF-8"
                    )));
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
    ignore: &Ignore,
) -> Result<(), DeployError> {
    let place = root.join(path);
    let sent = is_sent(ignore, path);
    let failed = |error: io::Error| unreadable(path, &error);
    let kind = match fs::symlink_metadata(&place) {
        Ok(found) => found,
        // Gone since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if kind.is_dir() {
        if sent {
            let mut header = header(EntryType::Directory, 0o755, 0);
            archive
                .append_data(&mut header, path, io::empty())
                .map_err(failed)?;
        }
        if sent || ignore.may_let_in_below(path) {
            add_folder(archive, root, path, ignore)?;
        }
    } else if sent && kind.is_symlink() {
        let target = fs::read_link(&place).map_err(failed)?;
        let mut header = header(EntryType::Symlink, 0o777, 0);
        archive
            .append_link(&mut header, path, target)
            .map_err(failed)?;
    } else if sent && kind.is_file() {
        let content = fs::read(&place).map_err(failed)?;
        if archive.get_ref().len() + content.len() > MAX_BYTES {
            return Err(DeployError::failed(format!(
                "the build context is larger than {} MiB with `{path}`",
                MAX_BYTES >> 20
            ))
            .hint("leave out in `.dockerignore` what the image does not need"));
        }
        let mode = if is_executable(&kind) { 0o755 } else { 0o644 };
        let mut header = header(EntryType::Regular, mode, content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_slice())
            .map_err(failed)?;
    }
    Ok(())
}

/// Nothing in it but what a checkout fixes: no time, no owner, and of the mode whether it can be run.
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

fn unreadable(what: &str, error: &io::Error) -> DeployError {
    DeployError::failed(format!(
        "cannot read `{what}`, which the image is built from"
    ))
    .caused_by(error)
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
    fn only_what_is_needed_is_sent() {
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
        let read = |root: &tempfile::TempDir| BuildContext::read(root.path()).unwrap().digest;
        assert_eq!(read(&one), read(&other));
        fs::write(one.path().join("a"), "3").unwrap();
        assert_ne!(read(&one), read(&other));
    }

    #[test]
    fn a_folder_without_a_dockerfile_is_not_ready() {
        let error = BuildContext::read(tree(&[("a", "")]).path()).unwrap_err();
        assert_eq!(error.kind, crate::error::ErrorKind::NotReady);
    }
}
