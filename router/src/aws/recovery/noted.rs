//! What differs, noted in a file: as many keys as there are, and no more in memory than a batch.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use serde::{Deserialize, Serialize};

use crate::aws::dynamodb::attributes::{Item, key};

/// An item that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    pub(super) pk: String,
    pub(super) sk: String,
    /// What the item in the table was, by its digest; `None` if there was none.
    pub(super) was: Option<String>,
}

impl Noted {
    pub(super) fn key(&self) -> Item {
        key(&self.pk, &self.sk)
    }
}

/// The file, while it is written.
#[derive(Debug)]
pub(super) struct Notes(BufWriter<File>);

impl Notes {
    pub(super) fn new(file: File) -> Self {
        Self(BufWriter::new(file))
    }

    pub(super) fn add(&mut self, noted: &Noted) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, noted)?;
        self.0.write_all(b"\n")
    }

    /// Everything was noted.
    pub(super) fn finish(self) -> io::Result<NotedItems> {
        let mut file = self
            .0
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(NotedItems(BufReader::new(file)))
    }
}

/// The file, while it is read.
#[derive(Debug)]
pub(super) struct NotedItems(BufReader<File>);

impl NotedItems {
    /// The next so many, or fewer at the end; none behind it.
    pub(super) fn next(&mut self, count: usize) -> io::Result<Vec<Noted>> {
        let mut batch = Vec::new();
        let mut line = String::new();
        while batch.len() < count {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                break;
            }
            batch.push(serde_json::from_str(&line)?);
        }
        Ok(batch)
    }
}
