//! What AWS Backup costs: each backup is all of a table.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CreateBackup.html>

use serde::{Deserialize, Serialize};

use super::prices::Prices;
use super::usage::DAYS_PER_MONTH;

/// The setting `backup`: `infra/aws/backup.tf` describes it, and has the same defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Backups {
    #[serde(default = "a_week")]
    pub(crate) daily_days: u32,
    #[serde(default = "a_year")]
    pub(crate) monthly_days: u32,
    /// The ARN of the vault that they are copied to.
    #[serde(default)]
    pub(crate) copy_to: Option<String>,
}

fn a_week() -> u32 {
    7
}

fn a_year() -> u32 {
    365
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            daily_days: a_week(),
            monthly_days: a_year(),
            copy_to: None,
        }
    }
}

impl Backups {
    /// Whether new ones are made, and not only former ones kept.
    pub(super) fn are_made(&self) -> bool {
        self.daily_days > 0 || self.monthly_days > 0
    }

    /// US dollars a month for tables of so many GB in a region, and what they are made of.
    pub(super) fn cost(&self, prices: &Prices, gb: f64, region: &str) -> (f64, String) {
        let monthly = f64::from(self.monthly_days) / DAYS_PER_MONTH;
        let kept = f64::from(self.daily_days) + monthly;
        let mut usd = prices.backup_gb_month.of(kept * gb);
        let mut made_of = format!("{kept:.0} backups of {gb} GB");
        if let Some(vault) = &self.copy_to {
            usd *= 2.0;
            made_of.push_str(", kept twice");
            if vault.split(':').nth(3) != Some(region) {
                let daily = if self.daily_days > 0 {
                    DAYS_PER_MONTH
                } else {
                    0.0
                };
                let made = daily + f64::from(self.monthly_days.min(1));
                usd += prices.other_region_gb.of(made * gb);
                made_of.push_str(", one of them in another region");
            }
        }
        (usd, made_of)
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::prices;
    use super::*;

    #[test]
    fn each_backup_is_all_of_the_tables_and_a_copy_doubles_it() {
        let prices = prices().prices;
        let cost = |backups: &Backups| {
            let (usd, _) = backups.cost(&prices, 2.0, "us-east-1");
            super::super::cents(usd)
        };
        let mut backups = Backups::default();
        assert_eq!(cost(&backups), 3.8);
        let vault = |region: &str| Some(format!("arn:aws:backup:{region}:1:backup-vault:x"));
        backups.copy_to = vault("us-east-1");
        assert_eq!(cost(&backups), 7.6);
        // 30.4 daily ones and a monthly one of 2 GB each.
        backups.copy_to = vault("eu-west-1");
        assert_eq!(cost(&backups), 8.86);
    }

    #[test]
    fn the_defaults_are_those_of_the_terraform() {
        let text = include_str!("../../../infra/aws/backup.tf");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let Backups {
            daily_days,
            monthly_days,
            ..
        } = Backups::default();
        for (name, days) in [("daily_days", daily_days), ("monthly_days", monthly_days)] {
            let line = format!("{name} = optional(number, {days})");
            assert!(words.contains(&line), "{line}");
        }
    }
}
