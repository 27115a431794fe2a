//! What an encrypted file may ask of whoever reads it. Its header comes from whoever wrote it, and
//! the library obeys it: a work factor of 22 takes 4 GB and half a minute, and thousands of
//! recipients take longer with their square, since the whole header is parsed anew at each line.
//! So the header is looked at first, to a bound.
//! <https://c2sp.org/age>

use std::io::{self, BufRead, Read};

/// What an encrypted file begins with.
pub(super) const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// The longest header that is read, in bytes.
const MAX_HEADER: u64 = 64 << 10;
/// The most keys that a file is encrypted to. Beside them a file has a stanza that nobody reads, so
/// that readers stay tolerant.
pub(super) const MAX_RECIPIENTS: usize = 255;
const MAX_STANZAS: usize = MAX_RECIPIENTS + 1;
/// The greatest work factor, as a power of two: 1 GiB and a few seconds. age writes 18, and rage
/// what takes a second on the machine that it runs on.
pub(super) const MAX_WORK_FACTOR: u8 = 20;

/// Why a file is not decrypted.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderProblem {
    #[error("its header cannot be read")]
    Io(#[source] io::Error),
    #[error("its header ends too early")]
    CutOff,
    #[error("its header is longer than {} KiB", MAX_HEADER >> 10)]
    TooLong,
    #[error("it is encrypted to more than {MAX_STANZAS} keys")]
    TooManyKeys,
    #[error("its passphrase needs a work factor of {0}, and at most {MAX_WORK_FACTOR} is accepted")]
    TooMuchWork(u32),
}

/// Reads a file's header to its end, and refuses what no honest file asks for. What is wrong in
/// another way is left to the library.
pub(super) fn check(file: &mut impl BufRead) -> Result<(), HeaderProblem> {
    let mut header = file.take(MAX_HEADER);
    let mut stanzas = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        header
            .read_until(b'\n', &mut line)
            .map_err(HeaderProblem::Io)?;
        if line.last() != Some(&b'\n') {
            return Err(match header.limit() {
                0 => HeaderProblem::TooLong,
                _ => HeaderProblem::CutOff,
            });
        }
        if line.starts_with(b"---") {
            return Ok(());
        }
        let Some(stanza) = line.strip_prefix(b"-> ") else {
            continue;
        };
        stanzas += 1;
        if stanzas > MAX_STANZAS {
            return Err(HeaderProblem::TooManyKeys);
        }
        match work_factor(stanza) {
            Some(factor) if factor > u32::from(MAX_WORK_FACTOR) => {
                return Err(HeaderProblem::TooMuchWork(factor));
            }
            _ => {}
        }
    }
}

/// That of a stanza for a passphrase: `scrypt SALT FACTOR`.
fn work_factor(stanza: &[u8]) -> Option<u32> {
    let stanza = std::str::from_utf8(stanza).ok()?;
    let mut words = stanza.split_whitespace();
    (words.next() == Some("scrypt"))
        .then(|| words.nth(1))??
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(header: &str) -> Result<(), String> {
        let file = format!("age-encryption.org/v1\n{header}");
        check(&mut file.as_bytes()).map_err(|problem| problem.to_string())
    }

    fn keys(count: usize) -> String {
        let stanza = format!("-> X25519 {}\n{}\n", "A".repeat(43), "B".repeat(43));
        stanza.repeat(count)
    }

    #[test]
    fn an_encrypted_file_asks_for_no_more_than_an_honest_one() {
        assert_eq!(checked(&format!("{}--- mac\n", keys(MAX_STANZAS))), Ok(()));
        assert_eq!(checked("-> scrypt SALT 20\nBODY\n--- mac\n"), Ok(()));
        for (header, expected) in [
            (
                keys(MAX_STANZAS + 1),
                "it is encrypted to more than 256 keys",
            ),
            (
                "-> scrypt SALT 21\nBODY\n--- mac\n".to_owned(),
                "its passphrase needs a work factor of 21, and at most 20 is accepted",
            ),
            (
                "-> scrypt SALT 4294967295\n".to_owned(),
                "its passphrase needs a work factor of 4294967295, and at most 20 is accepted",
            ),
            (
                format!("-> X25519 {}", "A".repeat(1 << 20)),
                "its header is longer than 64 KiB",
            ),
            (
                format!("-> X25519 A\n{}", "B\n".repeat(1 << 20)),
                "its header is longer than 64 KiB",
            ),
            (keys(1), "its header ends too early"),
        ] {
            assert_eq!(checked(&header).unwrap_err(), expected);
        }
    }
}
