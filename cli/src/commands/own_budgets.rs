//! Budgets of one user or one key: how they are typed and shown.

use t3nets_router::admin::own_budgets::OwnBudgetEdit;
use t3nets_router::model::OwnBudgets;

use crate::commands::arguments;
use crate::error::CliError;

/// What changes of them.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct BudgetFlags {
    /// Set a budget for this one alone, such as `usd_per_day=5`; may be repeated
    #[arg(long = "budget", value_name = "BUDGET=VALUE", value_parser = parse)]
    set: Vec<OwnBudgetEdit>,
    /// Remove such a budget, so that the tenant's applies again; may be repeated
    #[arg(long = "unset-budget", value_name = "BUDGET", value_parser = OwnBudgetEdit::unset)]
    unset: Vec<OwnBudgetEdit>,
}

/// Which there are.
pub(crate) const HELP: &str = "\
Budgets for one user or key; each overrides the tenant's default for users or keys:
  messages_per_day, messages_per_month, tokens_per_day, tokens_per_month,
  usd_per_day, usd_per_month
      a number, or `unlimited`";

/// A budget as it is typed: `usd_per_day=5`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<OwnBudgetEdit, String> {
    let (name, value) = arguments::parse_pair(text)?;
    OwnBudgetEdit::set_text(&name, &value).map_err(|error| error.to_string())
}

impl BudgetFlags {
    /// What they ask for.
    ///
    /// # Errors
    /// Usage if one is given twice.
    pub(crate) fn into_edits(self) -> Result<Vec<OwnBudgetEdit>, CliError> {
        once([self.set, self.unset].concat())
    }
}

/// The edits, if each is of another budget.
///
/// # Errors
/// Usage if one is given twice.
pub(crate) fn once(edits: Vec<OwnBudgetEdit>) -> Result<Vec<OwnBudgetEdit>, CliError> {
    let mut names: Vec<&str> = edits.iter().map(OwnBudgetEdit::name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(CliError::usage(format!("`{}` is given twice", twice[0]))),
        None => Ok(edits),
    }
}

/// A table's head and rows, with one more column where somebody has budgets of their own.
pub(crate) fn with_budgets<'a, T>(
    head: &[&'a str],
    items: &[T],
    budgets: impl Fn(&T) -> &OwnBudgets,
    cells: impl Fn(&T) -> Vec<String>,
) -> (Vec<&'a str>, Vec<Vec<String>>) {
    let has_any = items.iter().any(|item| !budgets(item).is_empty());
    let mut head = head.to_vec();
    head.extend(has_any.then_some("budgets"));
    let rows = items.iter().map(|item| {
        let mut row = cells(item);
        row.extend(has_any.then(|| shown(budgets(item))));
        row
    });
    (head, rows.collect())
}

/// `usd_per_day=5, tokens_per_day=unlimited`.
fn shown(budgets: &OwnBudgets) -> String {
    let stored = budgets.stored().iter().map(|(name, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={value}")
    });
    stored.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use t3nets_router::model::JsonObject;

    use super::*;

    #[test]
    fn budgets_are_a_column_where_somebody_has_some() {
        let own =
            |text: &str| -> OwnBudgets { serde_json::from_str::<JsonObject>(text).unwrap().into() };
        let table = |all: &[OwnBudgets]| with_budgets(&["n"], all, |own| own, |_| vec!["x".into()]);
        let none = own("{}");
        assert_eq!(table(std::slice::from_ref(&none)).0, ["n"]);
        let some = own(r#"{"tokens_per_day": "unlimited", "usd_per_day": 2.5}"#);
        let (head, rows) = table(&[none, some]);
        assert_eq!(head, ["n", "budgets"]);
        assert_eq!(
            rows,
            [
                ["x", ""],
                ["x", "tokens_per_day=unlimited, usd_per_day=2.5"]
            ]
        );
    }

    #[test]
    fn one_budget_is_not_given_twice() {
        let edits = ["usd_per_day=5", "usd_per_day=unlimited"].map(|text| parse(text).unwrap());
        assert!(once(edits.to_vec()).is_err());
        assert!(once(edits[..1].to_vec()).is_ok());
        assert!(parse("usd_per_day").is_err());
    }
}
