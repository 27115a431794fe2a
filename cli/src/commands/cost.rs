//! `t3nets cost`: the monthly estimate, next to the documented one, and what each option would
//! change. Shows what [`crate::cost`] computes.

use serde::{Serialize, Serializer};

use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::cost::documented::{self, Range};
use crate::cost::environment::PricedSettings;
use crate::cost::estimate::{Estimate, Row, estimate};
use crate::cost::options::{OptionEffect, options};
use crate::cost::prices::PriceTable;
use crate::cost::usage::Usage;
use crate::cost::{cents, dollars};
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;
use crate::terraform::folder::InfraFolder;

/// Arguments of `t3nets cost`.
#[derive(Debug, clap::Args)]
pub(crate) struct CostArgs {
    #[command(flatten)]
    usage: Usage,
}

/// What an environment costs a month.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum CostOutput {
    /// It lives on this machine.
    Nothing {
        environment: String,
        #[serde(rename = "total_usd")]
        total: u8,
    },
    /// It lives on AWS.
    OnAws(Box<OnAws>),
}

/// The estimate of an environment on AWS.
#[derive(Debug, Serialize)]
pub(crate) struct OnAws {
    environment: String,
    settings: PricedSettings,
    assumptions: Usage,
    #[serde(flatten)]
    estimate: Estimate,
    #[serde(rename = "without_model_usd", serialize_with = "as_cents")]
    without_model: f64,
    #[serde(rename = "total_usd", serialize_with = "as_cents")]
    total: f64,
    #[serde(rename = "reference_total")]
    documented_total: Range,
    #[serde(rename = "reference_sum_of_rows")]
    documented_sum: Range,
    options: Vec<OptionEffect>,
    price_table: PriceTable,
}

impl Output for CostOutput {
    fn text(&self) -> String {
        match self {
            Self::Nothing { environment, .. } => {
                format!("environment `{environment}` is on this machine and costs nothing")
            }
            Self::OnAws(estimate) => estimate.text(),
        }
    }
}

impl OnAws {
    fn text(&self) -> String {
        [
            self.heading(),
            self.services(),
            self.notes().join("\n"),
            self.changes(),
        ]
        .join("\n\n")
    }

    fn heading(&self) -> String {
        let prices = &self.price_table;
        format!(
            "{}: US dollars per month of {} hours, on-demand list prices of {} as of {}",
            self.environment, prices.hours_per_month, prices.region, prices.date
        )
    }

    fn services(&self) -> String {
        let documented_of = |row: &Row| match row.documented {
            Some(range) => range.written,
            None if row.not_included => "not included",
            None => "",
        };
        let mut rows: Vec<[String; 4]> = self
            .estimate
            .rows
            .iter()
            .map(|row| {
                [
                    row.name.to_owned(),
                    row.usd.map_or_else(|| "?".to_owned(), dollars),
                    documented_of(row).to_owned(),
                    row.made_of.clone(),
                ]
            })
            .collect();
        let without_model = [
            "total without Bedrock".to_owned(),
            dollars(self.without_model),
            documented::TOTAL.written.to_owned(),
            String::new(),
        ];
        let total = [
            "total".to_owned(),
            dollars(self.total),
            String::new(),
            String::new(),
        ];
        rows.push(without_model);
        rows.push(total);
        table(
            &["service", "per month", "documented", "calculated from"],
            rows,
        )
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            self.note_on_the_documented_estimate(),
            "The number of tasks is `desired_count`. Traffic is assumed: `--help` lists the assumptions.".to_owned(),
            "No price was read from AWS's own list on that date: `--json` names where each is published.".to_owned(),
        ];
        if self.settings.region != self.price_table.region {
            notes.push(format!(
                "The environment is in {}, where prices differ.",
                self.settings.region
            ));
        }
        notes
    }

    fn note_on_the_documented_estimate(&self) -> String {
        let rows = documented::sum_of_rows();
        if self.environment != documented::ENVIRONMENT {
            return format!(
                "The documented estimate is for {}; it does not include the load balancer and public addresses.",
                documented::ENVIRONMENT
            );
        }
        let (named, amounts): (Vec<_>, Vec<_>) = self
            .estimate
            .rows
            .iter()
            .filter(|row| row.not_included)
            .map(|row| {
                let usd = row.usd.unwrap_or_default();
                (format!("{} ({})", row.name, dollars(usd)), usd)
            })
            .unzip();
        let left_out: f64 = amounts.iter().sum();
        format!(
            "The documented estimate without Bedrock adds up to {}, not including: {}. With these it is {} to {}.",
            rows.written,
            named.join(", "),
            dollars(rows.low + left_out),
            dollars(rows.high + left_out)
        )
    }

    fn changes(&self) -> String {
        table(
            &["option", "per month", "effect"],
            self.options.iter().map(|option| {
                let sign = if option.usd > 0.0 { "+" } else { "" };
                [
                    option.setting.clone(),
                    format!("{sign}{}", dollars(option.usd)),
                    option.means.to_owned(),
                ]
            }),
        )
    }
}

fn as_cents<S: Serializer>(usd: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(cents(*usd))
}

/// Estimates the environment in use.
///
/// # Errors
/// Not ready if there are no settings for it, or they cannot be understood.
pub(crate) fn run(context: &Context, args: &CostArgs) -> Result<CostOutput, CliError> {
    let settings = &context.settings;
    if let Ok(environment) = settings.environment()
        && environment.platform == PlatformKind::Local
    {
        return Ok(CostOutput::Nothing {
            environment: environment.name.clone(),
            total: 0,
        });
    }
    let folder = InfraFolder::find(settings)?;
    let environment = folder.environment(settings)?;
    let priced = PricedSettings::from_values(folder.values(&environment)?)?;
    let price_table = PriceTable::built_in()?;
    let estimate = estimate(&price_table, &priced, &args.usage);
    Ok(CostOutput::OnAws(Box::new(OnAws {
        environment: environment.name,
        without_model: estimate.without_model(),
        total: estimate.total(),
        documented_total: documented::TOTAL,
        documented_sum: documented::sum_of_rows(),
        options: options(&price_table, &priced, &args.usage),
        assumptions: args.usage.clone(),
        settings: priced,
        estimate,
        price_table,
    })))
}
