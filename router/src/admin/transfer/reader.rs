//! Reading a file line by line, and telling what is wrong with it, so that nothing is changed for a
//! file that is not whole.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Read};

use sha2::{Digest, Sha256};

use super::format::{ExportedRecord, Header, Line, MAX_LINE_BYTES, SecretsIn};
use super::{Counts, RecordKind, TransferError};
use crate::model::{TenantId, TokenKind, UserId};

/// How many problems of a file are told before its checking ends.
const MAX_PROBLEMS: usize = 10;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// Which line; the first is 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// A record with where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Which line; the first is 1.
    pub line: u64,
    /// How long it is.
    pub bytes: usize,
    /// Whether what it belongs to (a key's user) is in the file before it.
    pub has_owner: bool,
    /// The record in the line.
    pub record: ExportedRecord,
}

/// A file that was read to its end, and is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whose records it holds.
    pub tenant_id: TenantId,
    /// What it holds of secrets.
    pub secrets: SecretsIn,
    /// How many records of each kind.
    pub counts: Counts,
}

impl Checked {
    /// How many records there are.
    pub fn records(&self) -> usize {
        self.counts.values().sum()
    }
}

/// Reads a file to its end and says what is in it, or what is wrong with it.
pub fn check<R: BufRead>(input: R) -> Result<Checked, TransferError> {
    let mut reader = ExportReader::begin(input)?;
    let mut problems = Vec::new();
    let mut counts = Counts::new();
    loop {
        match reader.next_record() {
            Ok(Some(numbered)) => *counts.entry(numbered.record.kind()).or_default() += 1,
            Ok(None) if problems.is_empty() => {
                return Ok(Checked {
                    tenant_id: reader.header.tenant_id,
                    secrets: reader.header.secrets,
                    counts,
                });
            }
            Ok(None) => {
                return Err(TransferError::File {
                    problems,
                    more: false,
                });
            }
            Err(ReadError::Io(error)) => return Err(TransferError::Read(error)),
            Err(ReadError::Line(problem)) => {
                problems.push(problem);
                if problems.len() == MAX_PROBLEMS || reader.is_over {
                    return Err(TransferError::File {
                        problems,
                        more: !reader.is_over,
                    });
                }
            }
        }
    }
}

#[derive(Debug)]
pub(super) enum ReadError {
    Io(io::Error),
    Line(LineProblem),
}

impl From<ReadError> for TransferError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::Read(error),
            ReadError::Line(problem) => Self::File {
                problems: vec![problem],
                more: false,
            },
        }
    }
}

/// Reads a file's records in turn. Holds one line and, of each record, the few bytes by which a
/// second one is recognised.
pub struct ExportReader<R> {
    input: R,
    line: u64,
    records: u64,
    header: Header,
    seen: HashSet<u128>,
    last_kind: RecordKind,
    last_user: Option<UserId>,
    /// Whether there is nothing more to read.
    is_over: bool,
    /// Whether the last line was right.
    is_whole: bool,
}

impl<R: BufRead> ExportReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// If it is not that of an export, or one of a later form.
    pub fn begin(mut input: R) -> Result<Self, TransferError> {
        let problem = |reason: String| ReadError::Line(LineProblem { line: 1, reason });
        let text = match read_line(&mut input).map_err(ReadError::Io)? {
            RawLine::Text { bytes, .. } => String::from_utf8(bytes).unwrap_or_default(),
            RawLine::TooLong | RawLine::End => String::new(),
        };
        let header = Header::parse(&text).map_err(problem)?;
        Ok(Self {
            input,
            line: 1,
            records: 0,
            header,
            seen: HashSet::new(),
            last_kind: RecordKind::Tenant,
            last_user: None,
            is_over: false,
            is_whole: false,
        })
    }

    /// The next record; `None` after the last, if the file is whole. After a line with a problem,
    /// reading can go on.
    pub(super) fn next_record(&mut self) -> Result<Option<Numbered>, ReadError> {
        if self.is_whole {
            return Ok(None);
        }
        loop {
            self.line += 1;
            let raw = read_line(&mut self.input).map_err(ReadError::Io)?;
            let read = self.read(raw).map_err(|reason| {
                ReadError::Line(LineProblem {
                    line: self.line,
                    reason,
                })
            })?;
            match read {
                Some(numbered) if is_left_out(&numbered.record) => {}
                read => return Ok(read),
            }
        }
    }

    fn read(&mut self, raw: RawLine) -> Result<Option<Numbered>, String> {
        let (bytes, is_whole) = match raw {
            RawLine::Text { bytes, is_whole } => (bytes, is_whole),
            RawLine::TooLong => {
                self.records += 1;
                return Err(format!("it is longer than {} MiB", MAX_LINE_BYTES >> 20));
            }
            RawLine::End => {
                self.is_over = true;
                return Err(
                    "the file is cut off: its last line, which counts the records, is missing"
                        .to_owned(),
                );
            }
        };
        let length = bytes.len();
        let parsed = String::from_utf8(bytes)
            .map_err(|_| "it is not UTF-8".to_owned())
            .and_then(|text| Line::parse(&text));
        let (tenant, record) = match parsed {
            Ok(Line::Record(tenant, record)) => (tenant, record),
            Ok(Line::End(records)) => {
                self.is_over = true;
                return self.end(records).map(|()| None);
            }
            Err(_) if !is_whole => {
                self.is_over = true;
                return Err("the file is cut off in the middle of the line".to_owned());
            }
            Err(reason) => {
                self.records += 1;
                return Err(reason);
            }
        };
        self.records += 1;
        self.check(&tenant, &record)?;
        let has_owner = match &record {
            ExportedRecord::ApiKey(key) => self
                .seen
                .contains(&fingerprint(RecordKind::User, key.user_id.as_str())),
            _ => true,
        };
        Ok(Some(Numbered {
            line: self.line,
            bytes: length,
            has_owner,
            record,
        }))
    }

    /// Whether a record may be where it is.
    fn check(&mut self, tenant: &TenantId, record: &ExportedRecord) -> Result<(), String> {
        let kind = record.kind();
        if *tenant != self.header.tenant_id {
            return Err(format!(
                "it is a record of tenant `{tenant}` in an export of `{}`",
                self.header.tenant_id
            ));
        }
        if (kind == RecordKind::Tenant) != self.seen.is_empty() {
            return Err("the first record, and no other, must be the tenant".to_owned());
        }
        if let ExportedRecord::Memory(user, _) = record {
            if self.last_user.as_ref() != Some(user) {
                return Err("a memory must follow its user".to_owned());
            }
        } else if kind < self.last_kind {
            return Err(format!("a {kind} must not come after a {}", self.last_kind));
        } else {
            // Memories come between users.
            self.last_kind = kind;
            self.last_user = match record {
                ExportedRecord::User(user) => Some(user.id.clone()),
                _ => None,
            };
        }
        if let ExportedRecord::Secret(_, document) = record
            && document.is_some() != (self.header.secrets == SecretsIn::Values)
        {
            return Err("it does not hold of the secret what the first line says".to_owned());
        }
        if !self.seen.insert(fingerprint(kind, &record.identity())) {
            return Err(format!("{kind} `{}` appears twice", record.name()));
        }
        Ok(())
    }

    fn end(&mut self, records: u64) -> Result<(), String> {
        if records != self.records {
            return Err(format!(
                "it counts {records} records, and there are {}",
                self.records
            ));
        }
        match read_line(&mut self.input) {
            Ok(RawLine::End) => {
                self.is_whole = true;
                Ok(())
            }
            Ok(_) => Err("something follows the last line".to_owned()),
            Err(error) => Err(format!(
                "what follows the last line cannot be read: {error}"
            )),
        }
    }
}

/// Whether a record is one that only earlier releases wrote: whoever was signed in signs in again.
fn is_left_out(record: &ExportedRecord) -> bool {
    matches!(record, ExportedRecord::ApiKey(key) if key.kind() != TokenKind::Key)
}

/// Tells records apart in 16 bytes each, whatever their ids' length.
fn fingerprint(kind: RecordKind, identity: &str) -> u128 {
    let digest = Sha256::new()
        .chain_update(kind.as_str())
        .chain_update([0])
        .chain_update(identity)
        .finalize();
    digest
        .iter()
        .take(16)
        .fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

enum RawLine {
    Text {
        bytes: Vec<u8>,
        /// Whether it ended with a line break.
        is_whole: bool,
    },
    TooLong,
    End,
}

/// Reads a line and never more of it than is allowed.
fn read_line(input: &mut impl BufRead) -> io::Result<RawLine> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_LINE_BYTES + 1).unwrap_or(u64::MAX);
    if input.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(RawLine::End);
    }
    let is_whole = bytes.last() == Some(&b'\n');
    if !is_whole && bytes.len() > MAX_LINE_BYTES {
        input.skip_until(b'\n')?;
        return Ok(RawLine::TooLong);
    }
    Ok(RawLine::Text { bytes, is_whole })
}
