//! What was used, as CSV (RFC 4180): a line for each day, or for each group of a day.

use csv::Writer;
use t3nets_router::admin::usage::{CountsView, GroupState, UsageView};
use t3nets_router::model::TenantId;

/// The columns of what was counted.
const COUNTS: [&str; 9] = [
    "messages",
    "turns",
    "failed",
    "refusals",
    "input_tokens",
    "output_tokens",
    "estimated_tokens",
    "unpriced_tokens",
    "priced_cost_usd",
];

/// Of some tenants, without a line break at the end.
pub(super) fn csv<'a>(tenants: impl IntoIterator<Item = (&'a TenantId, &'a UsageView)>) -> String {
    let mut lines = Writer::from_writer(Vec::new());
    let mut has_head = false;
    // Writing to memory does not fail.
    for (tenant, usage) in tenants {
        let tenant = text(tenant.as_str());
        if !has_head {
            let group: &[&str] = usage.by.map_or(&[], |_| &["id", "label", "state"]);
            let head = ["tenant_id", "day"].iter().chain(group).chain(&COUNTS);
            let _ = lines.write_record(head);
            has_head = true;
        }
        for row in usage.rows.iter().flatten() {
            let group = &row.group;
            let state = match group.state {
                GroupState::Current => "current",
                GroupState::Former => "former",
                GroupState::None => "none",
                GroupState::NotAttributed => "not_attributed",
            };
            let id = text(group.id.as_deref().unwrap_or_default());
            let first = [tenant.clone(), row.day.to_string(), id];
            let group = [text(&group.label), state.to_owned()];
            // A group's messages are its turns: those under way belong to none yet.
            let counted = counts(row.counts.turns, &row.counts);
            let _ = lines.write_record(first.into_iter().chain(group).chain(counted));
        }
        if usage.by.is_none() {
            for day in &usage.days {
                let first = [tenant.clone(), day.day.to_string()];
                let counted = counts(day.used.messages, &day.used.counts);
                let _ = lines.write_record(first.into_iter().chain(counted));
            }
        }
    }
    let bytes = lines.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

fn counts(messages: u64, counts: &CountsView) -> [String; 9] {
    let whole = [
        messages,
        counts.turns,
        counts.failed,
        counts.refusals,
        counts.input_tokens,
        counts.output_tokens,
        counts.estimated_tokens,
        counts.unpriced_tokens,
    ];
    let cost = counts.priced_cost_usd.as_usd().to_string();
    let mut cells = whole.map(|count| count.to_string()).into_iter();
    std::array::from_fn(|_| cells.next().unwrap_or_else(|| cost.clone()))
}

/// A text that no spreadsheet takes for a formula, which somebody's name must not become
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
pub(super) fn text(text: &str) -> String {
    match text.trim_start().starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_a_text() {
        for (given, cell) in [
            ("Ada", "Ada"),
            ("=1+1", "'=1+1"),
            (" @x", "' @x"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(text(given), cell);
        }
    }
}
