//! The build context: the files that `.dockerignore` does not exclude, as an archive that is the
//! same for the same tree.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::dockerignore::{Dockerignore, Verdict};
use super::{BuildError, DockerBuilder};
use t3nets_router::files;

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
    /// Reads the files under `root`, as the client of this builder would.
    ///
    /// # Errors
    /// If there is no Dockerfile, `.dockerignore` has an invalid pattern, or a file cannot be read.
    pub(super) fn read(root: &Path, builder: DockerBuilder) -> Result<Self, BuildError> {
        if !root.join("Dockerfile").is_file() {
            return Err(BuildError::NoDockerfile(root.to_owned()));
        }
        let ignore = read_dockerignore(root, builder)?;
        let mut archive = ContextArchive {
            root,
            ignore: &ignore,
            tar: Builder::new(Vec::new()),
        };
        archive.add_folder(Path::new(""), &Verdict::default())?;
        let archive = archive.tar.into_inner();
        let archive = archive.map_err(|error| unreadable(Path::new(""), error))?;
        Ok(Self { archive, ignore })
    }
}

/// Whether a file is part of the context, whatever a list says. Docker needs these two itself.
/// <https://docs.docker.com/build/concepts/context/#dockerignore-files>
fn is_always_included(path: &str) -> bool {
    matches!(path, "Dockerfile" | ".dockerignore")
}

/// Whether the file at `path` is part of the context.
///
/// # Errors
/// If a pattern cannot be compared with it.
pub(super) fn is_included(ignore: &Dockerignore, path: &Path) -> Result<bool, BuildError> {
    let path = text(path);
    Ok(is_always_included(&path) || !ignore.excludes(&path)?)
}

/// The list of what is left out of a folder; one that leaves nothing out if there is none. BuildKit
/// prefers the Dockerfile's own to the folder's.
/// <https://docs.docker.com/build/concepts/context/#filename-and-location>
pub(super) fn read_dockerignore(
    root: &Path,
    builder: DockerBuilder,
) -> Result<Dockerignore, BuildError> {
    let names: &[&str] = match builder {
        DockerBuilder::BuildKit => &["Dockerfile.dockerignore", ".dockerignore"],
        DockerBuilder::Classic => &[".dockerignore"],
    };
    for name in names {
        match files::read(&root.join(name), files::USUAL_LIMIT) {
            // A comment may be in any encoding.
            Ok(list) => return Dockerignore::parse(&String::from_utf8_lossy(&list), builder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(Path::new(name), error)),
        }
    }
    Dockerignore::parse("", builder)
}

/// A path as patterns are compared with it: Go takes each byte that is not UTF-8 for one character
/// of its own.
fn text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// The archive while it is written. Names are bytes, as files have them.
struct ContextArchive<'a> {
    root: &'a Path,
    ignore: &'a Dockerignore,
    tar: Builder<Vec<u8>>,
}

impl ContextArchive<'_> {
    fn add_folder(&mut self, folder: &Path, verdict: &Verdict) -> Result<(), BuildError> {
        let mut names = Vec::new();
        let entries = fs::read_dir(self.root.join(folder));
        for entry in entries.map_err(|error| unreadable(folder, error))? {
            let entry = entry.map_err(|error| unreadable(folder, error))?;
            names.push(entry.file_name());
        }
        names.sort();
        for name in names {
            self.add(folder, &name, verdict)?;
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, name: &OsStr, above: &Verdict) -> Result<(), BuildError> {
        let path: PathBuf = folder.join(name);
        let shown = text(&path);
        let verdict = self.ignore.judge(&shown, above)?;
        let is_included = is_always_included(&shown) || !verdict.is_excluded;
        let source = self.root.join(&path);
        let failed = |error: io::Error| unreadable(&path, error);
        let metadata = match fs::symlink_metadata(&source) {
            Ok(metadata) => metadata,
            // Deleted since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        if metadata.is_dir() {
            if is_included {
                let mut header = header(EntryType::Directory, 0o755, 0);
                let added = self.tar.append_data(&mut header, &path, io::empty());
                added.map_err(failed)?;
            }
            if is_included || self.ignore.enters(&shown) {
                self.add_folder(&path, &verdict)?;
            }
        } else if is_included && metadata.is_symlink() {
            let target = fs::read_link(&source).map_err(failed)?;
            let mut header = header(EntryType::Symlink, 0o777, 0);
            let added = self.tar.append_link(&mut header, &path, target);
            added.map_err(failed)?;
        } else if is_included && metadata.is_file() {
            let room = MAX_BYTES.saturating_sub(self.tar.get_ref().len());
            let content = match files::read(&source, room as u64) {
                Ok(content) => content,
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    return Err(BuildError::ContextTooLarge {
                        path: shown,
                        limit_mib: MAX_BYTES >> 20,
                    });
                }
                Err(error) => return Err(failed(error)),
            };
            let mode = if is_executable(&metadata) {
                0o755
            } else {
                0o644
            };
            let mut header = header(EntryType::Regular, mode, content.len() as u64);
            let added = self.tar.append_data(&mut header, &path, content.as_slice());
            added.map_err(failed)?;
        }
        Ok(())
    }
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
fn unreadable(path: &Path, source: io::Error) -> BuildError {
    let path = match path.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => text(path),
    };
    BuildError::Read { path, source }
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

    fn read(root: &tempfile::TempDir) -> BuildContext {
        BuildContext::read(root.path(), DockerBuilder::BuildKit).unwrap()
    }

    fn paths(context: &BuildContext) -> Vec<PathBuf> {
        tar::Archive::new(context.archive.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().into_owned())
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
        let expected = [
            ".dockerignore",
            "Dockerfile",
            "cli/Cargo.toml",
            "router",
            "router/src",
            "router/src/lib.rs",
        ];
        assert_eq!(paths(&read(&root)), expected.map(PathBuf::from));
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_sent_as_it_is() {
        let root = tree(&[("Dockerfile", ""), (".dockerignore", "# caf\u{e9}\n*.tmp")]);
        let name = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        for bytes in [&b"caf\xe9.txt"[..], b"caf\xe9.tmp"] {
            fs::write(root.path().join(name(bytes)), "").unwrap();
        }
        let names = paths(&read(&root));
        assert!(names.contains(&name(b"caf\xe9.txt")), "{names:?}");
        assert!(!names.contains(&name(b"caf\xe9.tmp")), "{names:?}");
    }

    #[test]
    fn a_list_in_another_encoding_is_read() {
        let root = tree(&[("Dockerfile", ""), ("a.tmp", "")]);
        fs::write(root.path().join(".dockerignore"), b"# caf\xe9\n*.tmp").unwrap();
        assert!(!paths(&read(&root)).contains(&PathBuf::from("a.tmp")));
    }

    #[test]
    fn buildkit_prefers_the_dockerfiles_own_list() {
        let root = tree(&[
            ("Dockerfile", ""),
            ("Dockerfile.dockerignore", "a"),
            (".dockerignore", "b"),
            ("a", ""),
            ("b", ""),
        ]);
        for (builder, kept) in [
            (DockerBuilder::BuildKit, "b"),
            (DockerBuilder::Classic, "a"),
        ] {
            let context = BuildContext::read(root.path(), builder).unwrap();
            let names = paths(&context);
            let kept_names: Vec<_> = ["a", "b"]
                .into_iter()
                .filter(|name| names.contains(&PathBuf::from(name)))
                .collect();
            assert_eq!(kept_names, [kept], "{builder:?}");
        }
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
        assert_eq!(read(&one).archive, read(&other).archive);
        fs::write(one.path().join("a"), "3").unwrap();
        assert_ne!(read(&one).archive, read(&other).archive);
    }

    #[test]
    fn a_folder_without_a_dockerfile_cannot_be_built() {
        let root = tree(&[("a", "")]);
        let error = BuildContext::read(root.path(), DockerBuilder::BuildKit).unwrap_err();
        assert!(matches!(error, BuildError::NoDockerfile(_)), "{error:?}");
    }
}
