//! `t3nets tenant usage`.

use serde::Serialize;
use t3nets_router::admin::views::{DayView, UsageView};
use t3nets_router::model::{NanoUsd, TenantId};

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
    #[serde(flatten)]
    usage: UsageView,
}

/// What the last column counts, where there is one.
const ESTIMATED: &str = "estimated: tokens that no provider counted, because its endpoint does not, or the answer broke off;\n\
                         their cost is estimated, too";

impl Output for Usage {
    fn text(&self) -> String {
        if self.usage.days.is_empty() {
            return "no usage".to_owned();
        }
        let total = &self.usage.total;
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
        let days = self.usage.days.iter().map(|DayView { day, used }| {
            cells(
                day.to_string(),
                used.messages,
                [used.input_tokens, used.output_tokens, used.estimated_tokens],
                shown_cost(used.priced_cost_usd, used.unpriced_tokens),
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
        usage: UsageView::new(&days),
    })
}

#[cfg(test)]
mod tests {
    use t3nets_router::model::DailyUsage;

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
                usage: UsageView::new(&days),
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
        let sum = UsageView::new(&[day(5, 0), day(0, 9)]).total;
        assert_eq!((sum.messages, sum.cost_usd), (2, None));
        assert_eq!((sum.priced_cost_usd, sum.unpriced_tokens), (NanoUsd(5), 9));
        assert_eq!(
            UsageView::new(&[day(5, 0)]).total.cost_usd,
            Some(NanoUsd(5))
        );
    }
}
