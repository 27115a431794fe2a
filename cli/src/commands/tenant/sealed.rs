//! Encrypted files: age's format, so that `age` and `rage` read and write them too. The key is a
//! passphrase, or someone's age key.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use age::stream::StreamWriter;
use age::{Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use secrecy::SecretString;

use super::sealed_header::{self, HeaderProblem, MAGIC, MAX_RECIPIENTS, MAX_WORK_FACTOR};
use crate::error::CliError;
use crate::terminal::prompt::Question;
use crate::terminal::stdin;
use t3nets_router::files;

/// The most that is read of a passphrase or a file of keys, in bytes.
const MAX_INPUT_BYTES: u64 = 1 << 16;

/// Where a passphrase comes from. In a terminal it is asked for.
#[derive(Debug, Default, clap::Args)]
#[group(id = "passphrase_source", multiple = false)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    passphrase_env: Option<String>,
    /// Read the passphrase from the first line of stdin
    #[arg(long)]
    passphrase_stdin: bool,
}

impl PassphraseArgs {
    /// Whether a flag says where the passphrase comes from.
    pub(crate) fn is_given(&self) -> bool {
        self.passphrase_file.is_some() || self.passphrase_env.is_some() || self.passphrase_stdin
    }

    /// Whether stdin is the passphrase's.
    pub(crate) fn takes_stdin(&self) -> bool {
        self.passphrase_stdin
    }

    /// A passphrase for a new file: where it is typed, it is typed twice.
    pub(crate) fn choose(&self) -> Result<SecretString, CliError> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        Question::new("passphrase for the file", "--passphrase-file")
            .hidden_twice("repeat passphrase")
    }

    /// The passphrase of a file that there is.
    fn recall(&self) -> Result<SecretString, CliError> {
        match self.given()? {
            Some(given) => Ok(given),
            None => Question::new("passphrase of the file", "--passphrase-file").hidden(),
        }
    }

    fn given(&self) -> Result<Option<SecretString>, CliError> {
        let text = if let Some(path) = &self.passphrase_file {
            read_text(path)?
        } else if let Some(variable) = &self.passphrase_env {
            std::env::var(variable).map_err(|_| {
                CliError::usage(format!(
                    "the variable `{variable}` for the passphrase is not set"
                ))
            })?
        } else if self.passphrase_stdin {
            stdin::read_text(MAX_INPUT_BYTES).map_err(|error| {
                CliError::usage("the passphrase cannot be read from stdin").caused_by(error)
            })?
        } else {
            return Ok(None);
        };
        match text.lines().next() {
            Some(line) if !line.trim().is_empty() => Ok(Some(SecretString::from(line))),
            _ => Err(CliError::usage("the passphrase is empty")),
        }
    }
}

/// An age key that may read a file: `age1…`.
///
/// # Errors
/// If it is none. It is not repeated: it may be the secret half.
pub(crate) fn parse_recipient(text: &str) -> Result<x25519::Recipient, String> {
    text.parse()
        .map_err(|_| "must be an age key's public half, `age1…`".to_owned())
}

/// Encrypts what is written, for whoever has one of the keys, or the passphrase if there are none.
///
/// # Errors
/// If there is no passphrase, or the file cannot be written.
pub(crate) fn seal<W: Write>(
    output: W,
    recipients: &[x25519::Recipient],
    passphrase: &PassphraseArgs,
) -> Result<StreamWriter<W>, CliError> {
    if recipients.len() > MAX_RECIPIENTS {
        return Err(CliError::usage(format!(
            "a file can be encrypted to at most {MAX_RECIPIENTS} keys, not {}",
            recipients.len()
        )));
    }
    let encryptor = if recipients.is_empty() {
        Encryptor::with_user_passphrase(passphrase.choose()?)
    } else {
        let recipients = recipients
            .iter()
            .map(|recipient| recipient as &dyn Recipient);
        Encryptor::with_recipients(recipients)
            .map_err(|error| CliError::failed("cannot encrypt the file").caused_by(error))?
    };
    encryptor
        .wrap_output(output)
        .map_err(|error| CliError::failed("cannot write the file").caused_by(error))
}

/// What can be read line by line, and again from its beginning.
pub(super) trait Rereadable: BufRead + Seek {}
impl<T: BufRead + Seek> Rereadable for T {}

/// Reads a file that may be encrypted.
///
/// # Errors
/// If it is, and there is neither its passphrase nor a key to it, or reading it would take more
/// work or memory than an honest file does.
pub(crate) fn open(
    file: File,
    identities: &[PathBuf],
    passphrase: &PassphraseArgs,
) -> Result<Box<dyn Rereadable>, CliError> {
    let unreadable =
        |error: std::io::Error| CliError::failed("cannot read the file").caused_by(error);
    let mut file = BufReader::new(file);
    if !file.fill_buf().map_err(unreadable)?.starts_with(MAGIC) {
        return Ok(Box::new(file));
    }
    // Before the library reads it, and before a passphrase is asked for.
    sealed_header::check(&mut file).map_err(|problem| match problem {
        HeaderProblem::Io(error) => unreadable(error),
        problem => CliError::failed("cannot decrypt the file").caused_by(problem),
    })?;
    file.rewind().map_err(unreadable)?;
    let undecryptable =
        |error: age::DecryptError| CliError::failed("cannot decrypt the file").caused_by(error);
    let decryptor = Decryptor::new_buffered(file).map_err(undecryptable)?;
    let keys: Vec<Box<dyn Identity>> = if decryptor.is_scrypt() {
        let mut identity = scrypt::Identity::new(passphrase.recall()?);
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        vec![Box::new(identity)]
    } else if identities.is_empty() {
        return Err(
            CliError::usage("the file is encrypted to an age key, and none is given")
                .hint("`--identity FILE` names the file that holds it"),
        );
    } else {
        let mut keys: Vec<Box<dyn Identity>> = Vec::new();
        for path in identities {
            keys.extend(read_identities(path)?);
        }
        keys
    };
    let is_passphrase = decryptor.is_scrypt();
    let reader = decryptor
        .decrypt(keys.iter().map(|key| &**key))
        .map_err(|error| match error {
            age::DecryptError::NoMatchingKeys | age::DecryptError::DecryptionFailed
                if !is_passphrase =>
            {
                CliError::failed(
                    "cannot decrypt the file: none of the keys is one that it was encrypted to",
                )
            }
            age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed => {
                CliError::failed("cannot decrypt the file: the passphrase is not the right one")
            }
            other => undecryptable(other),
        })?;
    Ok(Box::new(BufReader::new(reader)))
}

/// The keys in a file that `age-keygen` wrote.
fn read_identities(path: &Path) -> Result<Vec<Box<dyn Identity>>, CliError> {
    let text = read_text(path)?;
    let mut keys: Vec<Box<dyn Identity>> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key: x25519::Identity = line.parse().map_err(|_| {
            CliError::usage(format!(
                "`{}` contains something other than age keys (`AGE-SECRET-KEY-1…`)",
                path.display()
            ))
        })?;
        keys.push(Box::new(key));
    }
    if keys.is_empty() {
        return Err(CliError::usage(format!(
            "`{}` holds no age key",
            path.display()
        )));
    }
    Ok(keys)
}

fn read_text(path: &Path) -> Result<String, CliError> {
    files::read_text(path, MAX_INPUT_BYTES).map_err(|error| {
        CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error)
    })
}
