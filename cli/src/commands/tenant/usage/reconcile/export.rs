//! The bill in a file: an export of AWS Data Exports (CUR 2.0) as CSV, compressed or not.
//! <https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-line-item.html>

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use jiff::ToSpan;
use jiff::civil::Date;
use t3nets_router::ai::table::application_profile;

use super::bill::{Bill, Line};
use super::whose::{Share, Tag};

/// The most that is read of a file, uncompressed, in bytes.
const MOST: u64 = 16 << 30;

/// Why a file is no bill that can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("it is Parquet: export as text/csv")]
    Parquet,
    #[error("it has no column `{0}`")]
    NoColumn(&'static str),
    #[error("line {line}: {why}")]
    Line { line: u64, why: String },
    #[error("its lines are of whole months: export by the day or by the hour")]
    Monthly,
    #[error("it is longer than {MOST} bytes")]
    TooLong,
}

/// Adds what a file has of a share, in these days, to a bill.
///
/// # Errors
/// If the file is none of CUR 2.0 by the day or the hour.
pub(super) fn read(path: &Path, wanted: &Wanted<'_>, bill: &mut Bill) -> Result<(), ExportError> {
    let mut file = BufReader::new(File::open(path)?);
    match file.fill_buf()? {
        [0x1f, 0x8b, ..] => read_from(MultiGzDecoder::new(file), wanted, bill),
        [b'P', b'A', b'R', b'1', ..] => Err(ExportError::Parquet),
        _ => read_from(file, wanted, bill),
    }
}

/// What is read of it.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) share: &'a Share,
    /// The account that the environment is in.
    pub(super) account: &'a str,
    pub(super) first: Date,
    pub(super) last: Date,
}

fn read_from(from: impl Read, wanted: &Wanted<'_>, bill: &mut Bill) -> Result<(), ExportError> {
    let mut reader = csv::Reader::from_reader(from.take(MOST));
    let columns = Columns::of(reader.headers().map_err(|error| broken(0, error))?)?;
    let mut record = StringRecord::new();
    let mut line = 1;
    while reader
        .read_record(&mut record)
        .map_err(|error| broken(line, error))?
    {
        line = record.position().map_or(line, csv::Position::line);
        columns
            .take(&record, wanted, bill)
            .map_err(|problem| match problem {
                ExportError::Line { why, .. } => ExportError::Line { line, why },
                other => other,
            })?;
    }
    match reader.into_inner().limit() {
        0 => Err(ExportError::TooLong),
        _ => Ok(()),
    }
}

fn broken(line: u64, error: csv::Error) -> ExportError {
    let line = error.position().map_or(line, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ExportError::Io(error),
        csv::ErrorKind::Utf8 { .. } => unreadable(line, "it is no UTF-8"),
        _ => unreadable(line, "it has not as many cells as the first"),
    }
}

fn unreadable(line: u64, why: impl Into<String>) -> ExportError {
    let why = why.into();
    ExportError::Line { line, why }
}

/// Where the columns are.
struct Columns {
    start: usize,
    cost: usize,
    usage_type: usize,
    product_code: usize,
    end: Option<usize>,
    amount: Option<usize>,
    unit: Option<usize>,
    kind: Option<usize>,
    account: Option<usize>,
    currency: Option<usize>,
    resource: Option<usize>,
    /// The product's name: in a map, or a column of its own.
    product: Option<usize>,
    product_name: Option<usize>,
    /// Maps of tags.
    tags: Vec<usize>,
}

impl Columns {
    fn of(head: &StringRecord) -> Result<Self, ExportError> {
        let find = |name: &str| head.iter().position(|column| column == name);
        let need = |name| find(name).ok_or(ExportError::NoColumn(name));
        let maps = ["resource_tags", "tags"];
        Ok(Self {
            start: need("line_item_usage_start_date")?,
            cost: need("line_item_unblended_cost")?,
            usage_type: need("line_item_usage_type")?,
            product_code: need("line_item_product_code")?,
            end: find("line_item_usage_end_date"),
            amount: find("line_item_usage_amount"),
            unit: find("pricing_unit"),
            kind: find("line_item_line_item_type"),
            account: find("line_item_usage_account_id"),
            currency: find("line_item_currency_code"),
            resource: find("line_item_resource_id"),
            product: find("product"),
            product_name: find("product_product_name"),
            tags: maps.into_iter().filter_map(find).collect(),
        })
    }

    /// Adds a line, if it is one that is wanted.
    fn take(
        &self,
        record: &StringRecord,
        wanted: &Wanted<'_>,
        bill: &mut Bill,
    ) -> Result<(), ExportError> {
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let optional = |column: Option<usize>| column.map_or("", cell);
        // Discounts, credits and taxes are no usage.
        if !matches!(optional(self.kind), "" | "Usage") {
            return Ok(());
        }
        let account = optional(self.account);
        if !account.is_empty() && account != wanted.account {
            return Ok(());
        }
        let day = day(cell(self.start))?;
        if let Some(end) = self.end.map(cell).filter(|end| !end.is_empty())
            && self::day(end)? > day.saturating_add(1.day())
        {
            return Err(ExportError::Monthly);
        }
        if !(wanted.first..=wanted.last).contains(&day) {
            return Ok(());
        }
        bill.covers(day);
        let resource = optional(self.resource);
        let product = self.product_of(record);
        let is_bedrock = [cell(self.product_code), &*product]
            .iter()
            .any(|name| name.contains("Bedrock"))
            || resource.contains(":bedrock:");
        let profile = application_profile(resource);
        let is_wanted = match wanted.share {
            Share::Environment => true,
            Share::Profiles(profiles) => profile.is_some_and(|one| profiles.contains(one)),
            Share::Tag(tag) => self.has_tag(record, tag),
        };
        if !is_bedrock || !is_wanted {
            return Ok(());
        }
        let currency = optional(self.currency);
        if !matches!(currency, "" | "USD") {
            return Err(unreadable(
                0,
                format!("it is in {currency}, and the ledger in USD"),
            ));
        }
        bill.add(Line {
            day,
            product: &product,
            usage_type: cell(self.usage_type),
            usd: number(cell(self.cost))?,
            amount: match optional(self.amount) {
                "" => 0.0,
                text => number(text)?,
            },
            unit: optional(self.unit),
            profile,
        });
        Ok(())
    }

    /// What AWS calls the product: of models of AWS Marketplace, whose product code says nothing.
    fn product_of(&self, record: &StringRecord) -> String {
        let cell = |column: usize| record.get(column).filter(|cell| !cell.is_empty());
        let from_map = || map(cell(self.product?)?).remove("product_name");
        let named = self.product_name.and_then(cell).map(str::to_owned);
        let code = || cell(self.product_code).unwrap_or_default().to_owned();
        named.or_else(from_map).unwrap_or_else(code)
    }

    fn has_tag(&self, record: &StringRecord, tag: &Tag) -> bool {
        let cells = self.tags.iter().filter_map(|column| record.get(*column));
        cells
            .flat_map(map)
            .any(|(key, value)| tag_key(&key) == tag_key(&tag.key) && value == tag.value)
    }
}

/// A column of keys and values, which is a JSON object in CSV.
fn map(cell: &str) -> BTreeMap<String, String> {
    serde_json::from_str(cell).unwrap_or_default()
}

/// A tag's key without what an export adds: `TenantId` is `user_tenant_id` among the resource tags,
/// `resourceTags/TenantId` among all.
/// <https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-tag-columns.html>
fn tag_key(key: &str) -> String {
    let key = key.rsplit('/').next().unwrap_or(key);
    let bare = ["user_", "user:"]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix));
    let letters = bare.unwrap_or(key).chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn day(text: &str) -> Result<Date, ExportError> {
    let day = text.get(..10).and_then(|day| day.parse().ok());
    day.ok_or_else(|| unreadable(0, "a date cannot be read"))
}

fn number(text: &str) -> Result<f64, ExportError> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| unreadable(0, "a number cannot be read"))
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
