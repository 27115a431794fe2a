//! Budgets of one user or key: what may be set, and how edits of them are planned.

use serde_json::Value;

use super::{AdminError, FieldConflict};
use crate::model::own_budgets::UNLIMITED;
use crate::model::{BudgetKey, OwnBudgets, Unit};
use crate::nearest::nearest;

/// One of them to be changed, with a value that it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBudgetEdit {
    key: BudgetKey,
    value: Option<Value>,
}

impl OwnBudgetEdit {
    /// Sets one, by its name: a number, or [`UNLIMITED`].
    ///
    /// # Errors
    /// [`AdminError::Invalid`] if there is no such budget, or it does not accept the value.
    pub fn set(name: &str, value: Value) -> Result<Self, AdminError> {
        let key = named(name)?;
        if OwnBudgets::read(key, &value).is_none() {
            let reason = format!("{}, or `{UNLIMITED}`", key.rule());
            return Err(AdminError::invalid(key.as_str(), reason));
        }
        Ok(Self {
            key,
            value: Some(value),
        })
    }

    /// Sets one to what people type.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_text(name: &str, text: &str) -> Result<Self, AdminError> {
        let key = named(name)?;
        let value = match text.trim() {
            UNLIMITED => Value::from(UNLIMITED),
            text => typed(key, text),
        };
        Self::set(name, value)
    }

    /// Takes one away, so that what all have holds.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] if there is no such budget.
    pub fn unset(name: &str) -> Result<Self, AdminError> {
        let key = named(name)?;
        Ok(Self { key, value: None })
    }

    /// Which one.
    pub fn name(&self) -> &'static str {
        self.key.as_str()
    }
}

/// A budget's value as it is typed; null if it is none.
pub(super) fn typed(key: BudgetKey, text: &str) -> Value {
    let whole = text.trim().parse::<u64>().map_or(Value::Null, Value::from);
    match (key.unit, whole) {
        // A whole number of dollars stays one.
        (Unit::Usd, Value::Null) => text.trim().parse::<f64>().map_or(Value::Null, Value::from),
        (_, whole) => whole,
    }
}

fn named(name: &str) -> Result<BudgetKey, AdminError> {
    let found = OwnBudgets::keys().find(|key| key.as_str() == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = OwnBudgets::keys().map(BudgetKey::as_str).collect();
        // Of all users or keys they have longer names.
        let short = name.trim_start_matches("user_").trim_start_matches("key_");
        let reason = match nearest(short, known.iter().copied()) {
            Some(meant) => format!("is not a budget for one user or key; did you mean `{meant}`?"),
            None => format!(
                "is not a budget for one user or key; those are {}",
                known.join(", ")
            ),
        };
        AdminError::invalid(name.chars().take(64).collect::<String>(), reason)
    })
}

/// What becomes of them.
pub(super) struct Planned {
    pub(super) value: OwnBudgets,
    /// Those that change, as people call them.
    pub(super) changed: Vec<String>,
    /// Those that are no longer what the caller saw.
    pub(super) conflicts: Vec<FieldConflict>,
}

/// What they become, given what the caller saw and what is stored now.
pub(super) fn planned(seen: &OwnBudgets, now: &OwnBudgets, edits: &[OwnBudgetEdit]) -> Planned {
    let (mut value, mut changed, mut conflicts) = (now.clone(), Vec::new(), Vec::new());
    for edit in edits {
        let name = edit.key.as_str();
        let current = now.stored().get(name);
        if current == edit.value.as_ref() {
            continue;
        }
        let field = format!("budget {name}");
        if !same(edit.key, current, seen.stored().get(name)) {
            conflicts.push(FieldConflict {
                field: field.clone(),
                now: current.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`")),
            });
        }
        changed.push(field);
        value.set(edit.key, edit.value.clone());
    }
    Planned {
        value,
        changed,
        conflicts,
    }
}

/// Whether both say the same: a number may be written in several ways.
fn same(key: BudgetKey, one: Option<&Value>, other: Option<&Value>) -> bool {
    let read = |value: Option<&Value>| OwnBudgets::read(key, value?);
    one == other || (read(one).is_some() && read(one) == read(other))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own(stored: Value) -> OwnBudgets {
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn a_budget_is_a_number_or_unlimited() {
        for (name, typed, stored) in [
            ("usd_per_day", "5", json!(5)),
            ("usd_per_month", " 2.5", json!(2.5)),
            ("messages_per_day", "0", json!(0)),
            ("tokens_per_month", "unlimited", json!("unlimited")),
        ] {
            let edit = OwnBudgetEdit::set_text(name, typed).unwrap();
            let planned = planned(&own(json!({})), &own(json!({})), &[edit]);
            assert_eq!(planned.value, own(json!({ name: stored })));
            assert_eq!(planned.changed, [format!("budget {name}")]);
        }
        let refused = |name, text| OwnBudgetEdit::set_text(name, text).unwrap_err().to_string();
        assert_eq!(
            refused("messages_per_day", "2.5"),
            "`messages_per_day` must be a whole number from 0 to 1000000000, or `unlimited`"
        );
        for (name, meant) in [
            ("user_usd_per_day", "usd_per_day"),
            ("tokens_day", "tokens_per_day"),
        ] {
            let refused = refused(name, "5");
            assert!(
                refused.contains(&format!("did you mean `{meant}`?")),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_someone_else_set_meanwhile_is_not_overwritten() {
        let (seen, now) = (
            own(json!({"usd_per_day": 1})),
            own(json!({"usd_per_day": 2})),
        );
        let wanted = |text| [OwnBudgetEdit::set_text("usd_per_day", text).unwrap()];
        let lost = planned(&seen, &now, &wanted("3"));
        assert_eq!(
            lost.conflicts[0].to_string(),
            "`budget usd_per_day` is now `2`"
        );
        let same = planned(&seen, &now, &wanted("2"));
        assert!(same.conflicts.is_empty() && same.changed.is_empty());
        let otherwise_written = own(json!({"usd_per_day": 2.0}));
        assert!(
            planned(&otherwise_written, &now, &wanted("3"))
                .conflicts
                .is_empty()
        );
        let away = [OwnBudgetEdit::unset("usd_per_day").unwrap()];
        assert_eq!(planned(&now, &now, &away).value, OwnBudgets::default());
    }
}
