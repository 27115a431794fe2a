//! Exporting a tenant.

use std::io::Write;

use futures::{StreamExt, TryStreamExt, stream};

use super::format::{self, ExportedRecord, Header, SecretsIn};
use super::{Counts, RecordKind, TransferError};
use crate::admin::{Admin, AdminError};
use crate::model::{SecretName, TenantId, TokenKind, User, UserMemory};
use crate::ports::{PageRequest, StoreError};

/// How many people or keys are read at once.
const PAGE: usize = 500;
/// How many people's memories are read at once. There is no list of them.
const READS_AT_ONCE: usize = 16;

impl Admin {
    /// Writes a tenant to `output` and says how many records of each kind that were. `on_record` is
    /// told the number of records so far.
    ///
    /// What others change meanwhile is in it or not; each record is as it was at one moment. With
    /// secrets' values, the audit trail says that they were exported.
    pub async fn export_tenant(
        &self,
        id: &TenantId,
        secrets: SecretsIn,
        output: &mut (dyn Write + Send),
        on_record: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Counts, TransferError> {
        let tenant = self.tenant(id).await?;
        let mut writer = Writer {
            tenant: id,
            output,
            on_record,
            counts: Counts::new(),
        };
        writer.raw(format::header_line(&Header::new(id.clone(), secrets)))?;
        writer.record(&ExportedRecord::Tenant(tenant))?;
        self.export_users(id, &mut writer).await?;

        let mut channels = self
            .all(|page| self.platform.tenants.channels(id, page))
            .await?;
        // Each platform has an order of its own for ids that must be encoded.
        channels.sort_by(|a, b| {
            (a.kind.as_str(), &a.channel_id).cmp(&(b.kind.as_str(), &b.channel_id))
        });
        for mapping in channels {
            writer.record(&ExportedRecord::Channel(mapping))?;
        }

        let mut request = Some(PageRequest::first(PAGE));
        while let Some(page) = request {
            let page = self.noted(self.platform.tenants.keys(id, page).await?);
            // Sessions and links are stored as keys, and are this environment's alone.
            let keys = page.items.into_iter();
            for key in keys.filter(|key| key.kind() == TokenKind::Key) {
                writer.record(&ExportedRecord::ApiKey(key))?;
            }
            request = next(page.next);
        }

        self.export_secrets(id, secrets, &mut writer).await?;
        writer.end()
    }

    async fn export_users(
        &self,
        id: &TenantId,
        writer: &mut Writer<'_>,
    ) -> Result<(), TransferError> {
        let mut request = Some(PageRequest::first(PAGE));
        while let Some(page) = request {
            let page = self.noted(self.platform.tenants.users(id, page).await?);
            let mut remembered = stream::iter(page.items)
                .map(|user| self.with_memory(id, user))
                .buffered(READS_AT_ONCE);
            while let Some((user, memory)) = remembered.try_next().await? {
                let user_id = user.id.clone();
                writer.record(&ExportedRecord::User(user))?;
                if let Some(memory) = memory {
                    writer.record(&ExportedRecord::Memory(user_id, memory))?;
                }
            }
            request = next(page.next);
        }
        Ok(())
    }

    async fn with_memory(
        &self,
        id: &TenantId,
        user: User,
    ) -> Result<(User, Option<UserMemory>), StoreError> {
        let memory = self.platform.tenants.memory(id, &user.id).await?;
        Ok((user, memory))
    }

    async fn export_secrets(
        &self,
        id: &TenantId,
        secrets: SecretsIn,
        writer: &mut Writer<'_>,
    ) -> Result<(), TransferError> {
        let names = self.present_secrets(id).await?;
        if secrets == SecretsIn::Values && !names.is_empty() {
            let list: Vec<&str> = names.iter().map(|name| name.integration.as_str()).collect();
            let entry = self.audit(id, "tenant.export", &format!("secrets {}", list.join(", ")));
            self.platform.tenants.record_audit(&entry).await?;
        }
        for SecretName {
            tenant_id,
            integration,
            user_id,
        } in names
        {
            let document = match secrets {
                SecretsIn::Names => None,
                SecretsIn::Values => {
                    let name = SecretName {
                        tenant_id,
                        integration: integration.clone(),
                        user_id,
                    };
                    match self.platform.secrets.get(&name).await? {
                        Some(document) => Some(document),
                        // Someone removed it just now.
                        None => continue,
                    }
                }
            };
            writer.record(&ExportedRecord::Secret(integration, document))?;
        }
        Ok(())
    }
}

fn next(after: Option<String>) -> Option<PageRequest> {
    after.map(|after| PageRequest {
        limit: PAGE,
        after: Some(after),
    })
}

struct Writer<'a> {
    tenant: &'a TenantId,
    output: &'a mut (dyn Write + Send),
    on_record: &'a mut (dyn FnMut(usize) + Send),
    counts: Counts,
}

impl Writer<'_> {
    fn record(&mut self, record: &ExportedRecord) -> Result<(), TransferError> {
        self.raw(format::record_line(self.tenant, record))?;
        *self.counts.entry(record.kind()).or_default() += 1;
        let records = self.records();
        (self.on_record)(records);
        Ok(())
    }

    fn raw(&mut self, line: Result<Vec<u8>, serde_json::Error>) -> Result<(), TransferError> {
        let line = line.map_err(|error| AdminError::invalid("record", error.to_string()))?;
        self.output.write_all(&line).map_err(TransferError::Write)
    }

    fn records(&self) -> usize {
        self.counts.values().sum()
    }

    fn end(mut self) -> Result<Counts, TransferError> {
        let records = u64::try_from(self.records()).unwrap_or(u64::MAX);
        self.raw(format::end_line(records))?;
        self.output.flush().map_err(TransferError::Write)?;
        for kind in [
            RecordKind::User,
            RecordKind::Channel,
            RecordKind::ApiKey,
            RecordKind::Secret,
        ] {
            self.counts.entry(kind).or_default();
        }
        Ok(self.counts)
    }
}
