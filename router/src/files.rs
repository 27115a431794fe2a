//! Reading files that somebody else may have put there: to a bound, and never waiting.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// More than any file has that is read whole, in bytes.
pub const USUAL_LIMIT: u64 = 16 << 20;

/// Opens a file to read it. A named pipe is refused, since opening one waits for whoever writes to
/// it; `/dev/stdin` and a shell's `<(…)` are pipes that somebody writes to.
///
/// # Errors
/// If it cannot be opened, or is a named pipe.
pub fn open(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let is_stream = ["/dev", "/proc"].iter().any(|top| path.starts_with(top));
        if !is_stream && std::fs::metadata(path)?.file_type().is_fifo() {
            let reason = "it is a named pipe, not a file";
            return Err(io::Error::new(ErrorKind::InvalidInput, reason));
        }
    }
    File::open(path)
}

/// A whole file of at most `limit` bytes.
///
/// # Errors
/// As [`open`]; if it cannot be read, or is longer, as `/dev/zero` is.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    match content.len() as u64 > limit {
        false => Ok(content),
        true => {
            let reason = format!("it is larger than {} KiB", limit / 1024);
            Err(io::Error::new(ErrorKind::FileTooLarge, reason))
        }
    }
}

/// A whole text of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; if it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_pipe_and_a_file_without_an_end_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let error = read(&pipe, 10).unwrap_err().to_string();
        assert!(error.contains("pipe"), "{error}");
        let endless = folder.path().join("endless");
        std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
        let error = read(&endless, 4096).unwrap_err().to_string();
        assert_eq!(error, "it is larger than 4 KiB");
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
        let file = folder.path().join("file");
        std::fs::write(&file, "ten bytes.").unwrap();
        assert_eq!(read_text(&file, 10).unwrap(), "ten bytes.");
        assert!(read_text(&file, 9).is_err());
        std::fs::write(&file, [0xff]).unwrap();
        assert_eq!(
            read_text(&file, 9).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    }
}
