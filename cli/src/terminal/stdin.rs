//! What is piped in: to a bound, and not waiting for ever for a program that sends nothing. A
//! person at a terminal may take as long as they like.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long nothing may come. What is piped in may be made elsewhere meanwhile, as an export is.
const PATIENCE: Duration = Duration::from_secs(600);

/// Standard input. Nothing else may have read from it: it keeps nothing of its own.
#[derive(Debug)]
pub(crate) struct Stdin(Waiting<io::Stdin>);

impl Stdin {
    pub(crate) fn new() -> Self {
        let input = io::stdin();
        let patience = (!input.is_terminal()).then_some(PATIENCE);
        Self(Waiting { input, patience })
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// All of it, of at most `limit` bytes.
///
/// # Errors
/// If it is longer, or nothing comes for too long.
pub(crate) fn read(limit: u64) -> io::Result<Vec<u8>> {
    read_whole(&mut Stdin::new(), limit)
}

/// All of it as text, of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; if it is not UTF-8.
pub(crate) fn read_text(limit: u64) -> io::Result<String> {
    String::from_utf8(read(limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn read_whole(input: &mut impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    input
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    match content.len() as u64 > limit {
        false => Ok(content),
        true => {
            let reason = format!("it is longer than {} KiB", limit >> 10);
            Err(io::Error::new(io::ErrorKind::FileTooLarge, reason))
        }
    }
}

#[derive(Debug)]
struct Waiting<F> {
    input: F,
    patience: Option<Duration>,
}

impl<F: AsFd> Read for Waiting<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(patience) = self.patience {
            let mut inputs = [PollFd::new(&self.input, PollFlags::IN)];
            let time = Timespec::try_from(patience).map_err(io::Error::other)?;
            if poll(&mut inputs, Some(&time))? == 0 {
                let reason = format!("nothing came from stdin for {} s", patience.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
            }
        }
        Ok(rustix::io::read(&self.input, buffer)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_pipe_that_nothing_comes_from_is_given_up() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut input = Waiting {
            input: reader,
            patience: Some(Duration::from_millis(10)),
        };
        writer.write_all(b"half").unwrap();
        let error = read_whole(&mut input, 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        writer.write_all(b"whole").unwrap();
        drop(writer);
        assert_eq!(read_whole(&mut input, 100).unwrap(), b"whole");
    }

    #[test]
    fn what_is_piped_in_is_read_to_a_bound_and_never_cut_off_silently() {
        let endless = || Waiting {
            input: std::fs::File::open("/dev/zero").unwrap(),
            patience: Some(Duration::from_secs(60)),
        };
        let error = read_whole(&mut endless(), 64 << 10).unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 64 KiB");
    }
}
