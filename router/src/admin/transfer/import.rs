//! Importing a tenant.

use std::collections::BTreeMap;
use std::io::BufRead;

use futures::future::{BoxFuture, FutureExt};
use futures::{StreamExt, TryStreamExt, stream};

use super::format::ExportedRecord;
use super::plan::{Outcome, Planned, Stored, creation, plan, plan_secret};
use super::reader::{ExportReader, Numbered, ReadError};
use super::{RecordKind, TransferError};
use crate::admin::addresses::{Addresses, taken};
use crate::admin::{Admin, AdminError, until_unchanged};
use crate::model::{IntegrationName, SecretDocument, SecretName, TenantId, UserId};
use crate::ports::{Change, CommitLimit, StoreError};

/// How many batches are under way at once.
const BATCHES_AT_ONCE: usize = 4;
/// How many records of a batch are read at once, where it is compared.
const READS_AT_ONCE: usize = 16;

/// How a tenant is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// The id that the tenant gets.
    pub into: TenantId,
    /// Whether what differs is made as the file has it. Without it, it is left as it is and
    /// reported.
    pub overwrite: bool,
    /// Whether nothing is changed, and what would change is only reported.
    pub dry_run: bool,
}

/// What became of the records of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// They did not exist.
    pub created: usize,
    /// They were stored just so.
    pub unchanged: usize,
    /// They differed.
    pub overwritten: usize,
    /// They could not be imported: each is a [`Problem`].
    pub failed: usize,
}

/// A record that was not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, from 1 on.
    pub line: u64,
    /// The kind of record.
    pub kind: RecordKind,
    /// What people call it.
    pub name: String,
    /// Why it was not imported.
    pub reason: String,
}

/// What an import reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportEvent {
    /// So many more records were dealt with.
    Done(usize),
    /// A record was not imported.
    Failed(Problem),
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// By kind.
    pub tallies: BTreeMap<RecordKind, Tally>,
    /// The secrets that the file names without their values, and that do not exist.
    pub missing_secrets: Vec<IntegrationName>,
}

impl ImportSummary {
    /// How many records were not imported.
    pub fn failed(&self) -> usize {
        self.tallies.values().map(|tally| tally.failed).sum()
    }
}

impl Admin {
    /// Imports what `reader` reads, which should be [checked](super::check) before. Safe to repeat:
    /// what exists already is compared and left.
    ///
    /// # Errors
    /// What ends the whole: the file, the store, an id that is [reserved](StoreError::Reserved).
    /// What is imported by then stays. A record that cannot be imported is not an error but a
    /// [`Problem`].
    pub async fn import_tenant<R: BufRead>(
        &self,
        reader: ExportReader<R>,
        options: &ImportOptions,
        on_event: &mut dyn FnMut(ImportEvent),
    ) -> Result<ImportSummary, TransferError> {
        let addresses = self.addresses(&options.into).await?;
        let mut source = Source {
            reader,
            waiting: None,
            addresses,
            options,
            limit: self.platform.tenants.commit_limit(),
        };
        let mut report = Report {
            summary: ImportSummary::default(),
            on_event,
        };
        // Each of these is done before the next begins: a key needs its user.
        for section in [
            RecordKind::Tenant,
            RecordKind::User,
            RecordKind::Channel,
            RecordKind::ApiKey,
        ] {
            let batches = std::iter::from_fn(|| source.next_batch(section).transpose());
            let mut applied = stream::iter(batches)
                .map(|batch| async move { self.apply_batch(options, batch?).await })
                .buffered(BATCHES_AT_ONCE);
            while let Some(outcomes) = applied.try_next().await? {
                outcomes.into_iter().for_each(|outcome| report.add(outcome));
            }
        }
        while let Some(numbered) = source.next(RecordKind::Secret)? {
            let outcome = self.apply_secret(options, &numbered).await?;
            report.add((numbered, outcome));
        }
        Ok(report.summary)
    }

    /// The records of a batch, and what is remembered of its users once these are there.
    async fn apply_batch(
        &self,
        options: &ImportOptions,
        batch: Batch,
    ) -> Result<Vec<(Numbered, Outcome)>, TransferError> {
        let mut outcomes = self.apply(options, batch.records).await?;
        outcomes.extend(batch.refused);
        let limit = self.platform.tenants.commit_limit();
        for memories in limit.split(batch.memories, |numbered| size(limit, numbered)) {
            outcomes.extend(self.apply(options, memories).await?);
        }
        outcomes.sort_by_key(|(numbered, _)| numbered.line);
        Ok(outcomes)
    }

    /// What fits one commit: as if nothing of it was there, and only if that is refused by
    /// comparing.
    fn apply<'a>(
        &'a self,
        options: &'a ImportOptions,
        mut records: Vec<Numbered>,
    ) -> BoxFuture<'a, Result<Vec<(Numbered, Outcome)>, TransferError>> {
        async move {
            if records.is_empty() {
                return Ok(Vec::new());
            }
            if !options.dry_run && records.iter().all(|numbered| numbered.has_owner) {
                let changes: Vec<Change> = records
                    .iter()
                    .filter_map(|numbered| creation(&numbered.record))
                    .collect();
                match self.commit_import(options, &changes, &records).await {
                    Ok(()) => {
                        let created = |numbered| (numbered, Outcome::Created);
                        return Ok(records.into_iter().map(created).collect());
                    }
                    Err(error) if is_about_records(&error) => {}
                    Err(StoreError::TooLarge(_)) if records.len() > 1 => {
                        let rest = records.split_off(records.len() / 2);
                        let mut outcomes = self.apply(options, records).await?;
                        outcomes.extend(self.apply(options, rest).await?);
                        return Ok(outcomes);
                    }
                    Err(error @ StoreError::TooLarge(_)) => {
                        let failed = |numbered| (numbered, Outcome::Failed(error.to_string()));
                        return Ok(records.into_iter().map(failed).collect());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let outcomes = until_unchanged(|| self.compare_and_apply(options, &records)).await?;
            Ok(records.into_iter().zip(outcomes).collect())
        }
        .boxed()
    }

    async fn compare_and_apply(
        &self,
        options: &ImportOptions,
        records: &[Numbered],
    ) -> Result<Vec<Outcome>, AdminError> {
        let plans: Vec<_> = records
            .iter()
            .map(|numbered| self.compare(options, numbered))
            .collect();
        let planned: Vec<Planned> = stream::iter(plans)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        let (outcomes, changes): (Vec<Outcome>, Vec<Option<Change>>) = planned
            .into_iter()
            .map(|planned| (planned.outcome, planned.change))
            .unzip();
        let changes: Vec<Change> = changes.into_iter().flatten().collect();
        if !changes.is_empty() && !options.dry_run {
            self.commit_import(options, &changes, records)
                .await
                .map_err(|error| match error {
                    // Someone else was faster: what is stored is read again.
                    StoreError::AlreadyExists(what)
                    | StoreError::NotFound(what)
                    | StoreError::Taken(what) => StoreError::Changed(what),
                    other => other,
                })?;
        }
        Ok(outcomes)
    }

    async fn compare(
        &self,
        options: &ImportOptions,
        numbered: &Numbered,
    ) -> Result<Planned, StoreError> {
        let stored = self.stored(options, numbered).await?;
        let record = &numbered.record;
        Ok(plan(&options.into, record, stored, options.overwrite))
    }

    async fn commit_import(
        &self,
        options: &ImportOptions,
        changes: &[Change],
        records: &[Numbered],
    ) -> Result<(), StoreError> {
        let name = |numbered: Option<&Numbered>| {
            numbered.map_or_else(String::new, |numbered| numbered.record.name())
        };
        let kind = records
            .first()
            .map_or("", |first| first.record.kind().as_str());
        let target = match records {
            [only] => format!("{kind} {}", only.record.name()),
            _ => format!(
                "{} {kind} records, {} to {}",
                changes.len(),
                name(records.first()),
                name(records.last())
            ),
        };
        let audit = self.audit(&options.into, "tenant.import", &target);
        self.commit_all(&options.into, changes, &audit).await
    }

    async fn stored(
        &self,
        options: &ImportOptions,
        numbered: &Numbered,
    ) -> Result<Stored, StoreError> {
        let (id, store) = (&options.into, &self.platform.tenants);
        let found = match &numbered.record {
            ExportedRecord::Tenant(_) => store.tenant(id).await?.map(Stored::Tenant),
            ExportedRecord::User(user) => store.user(id, &user.id).await?.map(Stored::User),
            ExportedRecord::Memory(user, _) => {
                match store.memory(id, user).await?.map(Stored::Memory) {
                    None if !options.dry_run => self.without_user(id, user).await?,
                    found => found,
                }
            }
            ExportedRecord::Channel(mapping) => store
                .channel_owner(mapping.kind, &mapping.channel_id)
                .await?
                .map(Stored::Owner),
            ExportedRecord::ApiKey(key) => match store.key(&key.hash).await?.map(Stored::ApiKey) {
                None if !options.dry_run || !numbered.has_owner => {
                    self.without_user(id, &key.user_id).await?
                }
                found => found,
            },
            ExportedRecord::Secret(..) => None,
        };
        Ok(found.unwrap_or(Stored::Nothing))
    }

    /// [`Stored::NoUser`] if the user does not exist; nothing if the user merely has none yet.
    async fn without_user(
        &self,
        id: &TenantId,
        user: &UserId,
    ) -> Result<Option<Stored>, StoreError> {
        let user = self.platform.tenants.user(id, user).await?;
        Ok(user.is_none().then_some(Stored::NoUser))
    }

    async fn apply_secret(
        &self,
        options: &ImportOptions,
        numbered: &Numbered,
    ) -> Result<Outcome, TransferError> {
        let ExportedRecord::Secret(integration, wanted) = &numbered.record else {
            return Ok(Outcome::Unchanged);
        };
        let name = SecretName {
            tenant_id: options.into.clone(),
            integration: integration.clone(),
            user_id: None,
        };
        let stored = self.platform.secrets.get(&name).await?;
        let (outcome, is_written) =
            plan_secret(wanted.as_ref(), stored.as_ref(), options.overwrite);
        if is_written && !options.dry_run {
            let empty = SecretDocument::default();
            self.put_secret(&name, wanted.as_ref().unwrap_or(&empty))
                .await?;
        }
        Ok(outcome)
    }
}

/// Whether the store refused a commit for what is stored of its records, which comparing tells
/// apart.
fn is_about_records(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::AlreadyExists(_)
            | StoreError::NotFound(_)
            | StoreError::Changed(_)
            | StoreError::Taken(_)
    )
}

/// What is applied together: what fits one commit, and what is remembered of its users.
struct Batch {
    records: Vec<Numbered>,
    /// What is not even tried.
    refused: Vec<(Numbered, Outcome)>,
    memories: Vec<Numbered>,
}

/// The file's records, as those of the tenant that they become.
struct Source<'a, R> {
    reader: ExportReader<R>,
    waiting: Option<Numbered>,
    /// Of the people who are stored, and of those in the file so far.
    addresses: Addresses,
    options: &'a ImportOptions,
    limit: CommitLimit,
}

impl<R: BufRead> Source<'_, R> {
    /// The next record, if it is of this section.
    fn next(&mut self, section: RecordKind) -> Result<Option<Numbered>, ReadError> {
        if self.waiting.is_none() {
            let next = self.reader.next_record()?;
            self.waiting = next.map(|numbered| Numbered {
                record: numbered.record.of(&self.options.into),
                ..numbered
            });
        }
        Ok(self
            .waiting
            .take_if(|waiting| section_of(waiting) == section))
    }

    fn next_batch(&mut self, section: RecordKind) -> Result<Option<Batch>, ReadError> {
        let mut batch = Batch {
            records: Vec::new(),
            refused: Vec::new(),
            memories: Vec::new(),
        };
        let mut room = self.limit.room();
        while let Some(numbered) = self.next(section)? {
            if numbered.record.kind() == RecordKind::Memory {
                batch.memories.push(numbered);
                continue;
            }
            if let ExportedRecord::User(user) = &numbered.record {
                if let Some(other) = self.addresses.other_holder(&user.email, &user.id) {
                    let reason = taken(&user.email, other);
                    batch.refused.push((numbered, Outcome::Failed(reason)));
                    continue;
                }
                self.addresses.add(&user.email, &user.id);
            }
            let (units, bytes) = size(self.limit, &numbered);
            if !room.take(units, bytes) {
                self.waiting = Some(numbered);
                break;
            }
            batch.records.push(numbered);
        }
        let is_empty = batch.records.is_empty() && batch.memories.is_empty();
        Ok(Some(batch).filter(|batch| !is_empty || !batch.refused.is_empty()))
    }
}

/// In which section of the file a record is: memories are among the users.
fn section_of(numbered: &Numbered) -> RecordKind {
    match numbered.record.kind() {
        RecordKind::Memory => RecordKind::User,
        kind => kind,
    }
}

/// How many units and bytes of a commit a record takes.
fn size(limit: CommitLimit, numbered: &Numbered) -> (usize, usize) {
    let change = creation(&numbered.record);
    let units = change.map_or(1, |change| (limit.units_of)(&change));
    (units, numbered.bytes)
}

struct Report<'a> {
    summary: ImportSummary,
    on_event: &'a mut dyn FnMut(ImportEvent),
}

impl Report<'_> {
    fn add(&mut self, (numbered, outcome): (Numbered, Outcome)) {
        let record = &numbered.record;
        let tally = self.summary.tallies.entry(record.kind()).or_default();
        match outcome {
            Outcome::Created => tally.created += 1,
            Outcome::Unchanged => tally.unchanged += 1,
            Outcome::Overwritten => tally.overwritten += 1,
            Outcome::Missing => {
                if let ExportedRecord::Secret(integration, _) = record {
                    self.summary.missing_secrets.push(integration.clone());
                }
            }
            Outcome::Failed(reason) => {
                tally.failed += 1;
                (self.on_event)(ImportEvent::Failed(Problem {
                    line: numbered.line,
                    kind: record.kind(),
                    name: record.name(),
                    reason,
                }));
            }
        }
        (self.on_event)(ImportEvent::Done(1));
    }
}
