//! The copy: DynamoDB's own restore to a point in time, beside the table; and a backup of what the
//! table is now.

use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::primitives::DateTime;
use aws_sdk_dynamodb::types::{
    BackupStatus, PointInTimeRecoveryStatus, TableDescription, TableStatus,
};
use jiff::Timestamp;

use super::TableRecovery;
use crate::aws::error::{AwsError, AwsErrorKind};

const SERVICE: &str = "dynamodb";

/// What became of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyState {
    /// There is none.
    Absent,
    /// DynamoDB is filling it.
    Filling,
    /// It has everything.
    Ready,
    /// A table of its name is there that is not the copy, or of which nothing can become: why.
    Unusable(String),
}

/// The times to which a table can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub earliest: Timestamp,
    /// The last, typically five minutes ago.
    pub latest: Timestamp,
}

impl TableRecovery {
    /// The times to which the table can be restored; `None` if no earlier state of it is kept.
    ///
    /// # Errors
    /// As DynamoDB says; `NotFound` if there is no such table.
    pub async fn window(&self) -> Result<Option<Window>, AwsError> {
        let output = self
            .client
            .describe_continuous_backups()
            .table_name(self.table())
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "DescribeContinuousBackups", &error))?;
        let recovery = output
            .continuous_backups_description
            .and_then(|backups| backups.point_in_time_recovery_description)
            .filter(|recovery| {
                recovery.point_in_time_recovery_status == Some(PointInTimeRecoveryStatus::Enabled)
            });
        Ok(recovery.and_then(|recovery| {
            Some(Window {
                earliest: timestamp(recovery.earliest_restorable_date_time?)?,
                latest: timestamp(recovery.latest_restorable_date_time?)?,
            })
        }))
    }

    /// What became of the copy.
    ///
    /// # Errors
    /// As DynamoDB says.
    pub async fn copy_state(&self) -> Result<CopyState, AwsError> {
        let table = match self.describe(self.copy_name()).await {
            Ok(Some(table)) => table,
            Ok(None) => return Ok(CopyState::Absent),
            Err(error) => return Err(error),
        };
        let restored = table.restore_summary.as_ref();
        let source = restored.and_then(|restored| restored.source_table_arn.as_deref());
        let is_ours = source.and_then(|arn| arn.rsplit('/').next()) == Some(self.table());
        if !is_ours {
            let why = format!("it was not restored from `{}`", self.table());
            return Ok(CopyState::Unusable(why));
        }
        let at = restored.and_then(|restored| timestamp(restored.restore_date_time));
        if at.map(Timestamp::as_second) != Some(self.to.as_second()) {
            let why = format!("it was not restored to {}", self.to);
            return Ok(CopyState::Unusable(why));
        }
        let is_filling = restored.is_some_and(|restored| restored.restore_in_progress);
        Ok(match table.table_status {
            Some(TableStatus::Creating | TableStatus::Updating) => CopyState::Filling,
            Some(TableStatus::Active) if is_filling => CopyState::Filling,
            Some(TableStatus::Active) => CopyState::Ready,
            status => {
                let status = status.as_ref().map_or("unknown", TableStatus::as_str);
                CopyState::Unusable(format!("its status is {status}"))
            }
        })
    }

    async fn describe(&self, table: &str) -> Result<Option<TableDescription>, AwsError> {
        let described = self.client.describe_table().table_name(table).send().await;
        match described {
            Ok(output) => Ok(output.table),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(AwsError::from_sdk(SERVICE, "DescribeTable", &error)),
        }
    }

    /// Has DynamoDB make the copy. It takes minutes to hours; [`copy_state`](Self::copy_state) says
    /// when it is there. Without indexes, which nobody reads: that makes it faster and cheaper.
    ///
    /// # Errors
    /// As DynamoDB says.
    pub async fn make_copy(&self) -> Result<(), AwsError> {
        self.client
            .restore_table_to_point_in_time()
            .source_table_name(self.table())
            .target_table_name(self.copy_name())
            .restore_date_time(DateTime::from_secs(self.to.as_second()))
            .set_global_secondary_index_override(Some(Vec::new()))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::from_sdk(SERVICE, "RestoreTableToPointInTime", &error))
    }

    /// Deletes the copy. One that is not there is no error; a table of its name that is not the
    /// copy is left.
    ///
    /// # Errors
    /// As DynamoDB says.
    pub async fn remove_copy(&self) -> Result<(), AwsError> {
        match self.copy_state().await? {
            CopyState::Absent | CopyState::Unusable(_) => return Ok(()),
            CopyState::Filling | CopyState::Ready => {}
        }
        let deleted = self
            .client
            .delete_table()
            .table_name(self.copy_name())
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "DeleteTable", &error));
        match deleted {
            Err(error) if error.kind != AwsErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Has DynamoDB keep what the table is now, as a backup of this name; returns its ARN.
    ///
    /// # Errors
    /// As DynamoDB says.
    pub async fn back_up(&self, name: &str) -> Result<String, AwsError> {
        let output = self
            .client
            .create_backup()
            .table_name(self.table())
            .backup_name(name)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "CreateBackup", &error))?;
        let details = output.backup_details;
        Ok(details
            .map(|details| details.backup_arn)
            .unwrap_or_default())
    }

    /// Whether a backup can be restored from by now.
    ///
    /// # Errors
    /// As DynamoDB says.
    pub async fn is_backed_up(&self, arn: &str) -> Result<bool, AwsError> {
        let output = self
            .client
            .describe_backup()
            .backup_arn(arn)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(SERVICE, "DescribeBackup", &error))?;
        let details = output
            .backup_description
            .and_then(|described| described.backup_details);
        Ok(details.is_some_and(|details| details.backup_status == BackupStatus::Available))
    }
}

fn timestamp(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
