//! `t3nets tenant usage`.

use serde::Serialize;
use t3nets_router::model::{DailyUsage, NanoUsd, TenantId};

use crate::commands::arguments::TenantName;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;

/// Arguments of `t3nets tenant usage`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    tenant: TenantName,
    /// The number of days to show, ending today (UTC)
    #[arg(long, default_value_t = 30)]
    days: u32,
}

/// What a tenant used.
#[derive(Debug, Serialize)]
pub(crate) struct Usage {
    tenant_id: TenantId,
    /// The days on which something was used, oldest first.
    days: Vec<DayView>,
    total: TotalView,
}

#[derive(Debug, Serialize)]
struct DayView {
    #[serde(flatten)]
    usage: DailyUsage,
    /// What all of it cost; `null` if the price of a part is not known.
    cost_usd: Option<NanoUsd>,
}

#[derive(Debug, Default, Serialize)]
struct TotalView {
    messages: u64,
    input_tokens: u64,
    output_tokens: u64,
    cost_usd: Option<NanoUsd>,
    priced_cost_usd: NanoUsd,
    unpriced_tokens: u64,
    estimated_tokens: u64,
}

/// What the last column counts, where there is one.
const ESTIMATED: &str = "estimated: tokens that no provider counted, because its endpoint does not, or the answer broke off;\n\
                         their cost is estimated, too";

impl Output for Usage {
    fn text(&self) -> String {
        if self.days.is_empty() {
            return "no usage".to_owned();
        }
        let total = &self.total;
        let has_estimates = total.estimated_tokens > 0;
        let cells = |first: String, messages: u64, tokens: [u64; 3], cost: String| {
            let [input, output, estimated] = tokens;
            let cells = [
                first,
                messages.to_string(),
                input.to_string(),
                output.to_string(),
            ];
            cells
                .into_iter()
                .chain(has_estimates.then(|| estimated.to_string()))
                .chain([cost])
                .collect::<Vec<_>>()
        };
        let days = self.days.iter().map(|DayView { usage, .. }| {
            cells(
                usage.day.to_string(),
                usage.messages,
                [
                    usage.input_tokens,
                    usage.output_tokens,
                    usage.estimated_tokens,
                ],
                shown_cost(usage.cost, usage.unpriced_tokens),
            )
        });
        let total = cells(
            "total".to_owned(),
            total.messages,
            [
                total.input_tokens,
                total.output_tokens,
                total.estimated_tokens,
            ],
            shown_cost(total.priced_cost_usd, total.unpriced_tokens),
        );
        let mut head = vec!["day", "messages", "tokens in", "tokens out"];
        head.extend(has_estimates.then_some("estimated"));
        head.push("cost");
        let table = table(&head, days.chain([total]));
        match has_estimates {
            true => format!("{table}\n\n{ESTIMATED}"),
            false => table,
        }
    }
}

/// A cost, of which a part may not be known.
fn shown_cost(priced: NanoUsd, unpriced_tokens: u64) -> String {
    match (priced, unpriced_tokens) {
        (priced, 0) => priced.to_string(),
        (NanoUsd(0), _) => "unknown".to_owned(),
        (priced, _) => format!("{priced} + unknown"),
    }
}

/// Shows what a tenant used.
///
/// # Errors
/// If there is no such tenant.
pub(crate) async fn run(context: &Context, args: UsageArgs) -> Result<Usage, CliError> {
    let admin = context.admin().await?;
    let tenant_id = args.tenant.resolve(context, &admin).await?;
    let days = admin.usage(&tenant_id, args.days).await?;
    Ok(Usage {
        tenant_id,
        total: total(&days),
        days: days
            .into_iter()
            .map(|usage| DayView {
                cost_usd: usage.whole_cost(),
                usage,
            })
            .collect(),
    })
}

fn total(days: &[DailyUsage]) -> TotalView {
    let Some(mut sum) = days.first().map(|first| DailyUsage::none(first.day)) else {
        return TotalView {
            cost_usd: Some(NanoUsd(0)),
            ..TotalView::default()
        };
    };
    for day in days {
        sum.add(day);
    }
    TotalView {
        messages: sum.messages,
        input_tokens: sum.input_tokens,
        output_tokens: sum.output_tokens,
        cost_usd: sum.whole_cost(),
        priced_cost_usd: sum.cost,
        unpriced_tokens: sum.unpriced_tokens,
        estimated_tokens: sum.estimated_tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_that_is_not_known_is_not_shown_as_nothing() {
        for (priced, unpriced, shown) in [
            (0, 0, "$0.0000"),
            (2_100_000, 0, "$0.0021"),
            (0, 7, "unknown"),
            (2_100_000, 7, "$0.0021 + unknown"),
        ] {
            assert_eq!(shown_cost(NanoUsd(priced), unpriced), shown);
        }
    }

    #[test]
    fn estimated_tokens_are_shown_apart_where_there_are_any() {
        let usage = |estimated: [u64; 2]| {
            let days = estimated.map(|estimated_tokens| DailyUsage {
                messages: 1,
                input_tokens: 120,
                output_tokens: 30,
                cost: NanoUsd(2_100_000),
                estimated_tokens,
                ..DailyUsage::none("2026-01-15".parse().unwrap())
            });
            Usage {
                tenant_id: "default".parse().unwrap(),
                total: total(&days),
                days: days
                    .into_iter()
                    .map(|usage| DayView {
                        cost_usd: usage.whole_cost(),
                        usage,
                    })
                    .collect(),
            }
        };
        let text = usage([7, 5]).text();
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let lines: Vec<_> = text.lines().map(words).collect();
        assert_eq!(
            lines[0],
            [
                "DAY",
                "MESSAGES",
                "TOKENS",
                "IN",
                "TOKENS",
                "OUT",
                "ESTIMATED",
                "COST"
            ]
        );
        assert_eq!(lines[1], ["2026-01-15", "1", "120", "30", "7", "$0.0021"]);
        assert_eq!(lines[3], ["total", "2", "240", "60", "12", "$0.0042"]);
        assert!(text.ends_with(ESTIMATED), "{text}");
        assert!(!usage([0, 0]).text().to_lowercase().contains("estimated"));
    }

    #[test]
    fn the_total_of_days_is_unknown_if_one_of_them_is() {
        let day = |cost, unpriced_tokens| DailyUsage {
            messages: 1,
            cost: NanoUsd(cost),
            unpriced_tokens,
            ..DailyUsage::none("2026-01-15".parse().unwrap())
        };
        let sum = total(&[day(5, 0), day(0, 9)]);
        assert_eq!((sum.messages, sum.cost_usd), (2, None));
        assert_eq!((sum.priced_cost_usd, sum.unpriced_tokens), (NanoUsd(5), 9));
        assert_eq!(total(&[day(5, 0)]).cost_usd, Some(NanoUsd(5)));
    }
}
