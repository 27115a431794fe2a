//! `t3nets secret show`.

use serde::Serialize;
use serde_json::{Map, Value};
use t3nets_router::admin::views::SecretView;

use super::SecretArgs;
use super::list::state;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::table::table;

/// What stands for a value that must not be shown.
const SET: &str = "(set)";

#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    secret: SecretView,
    /// Values, `(set)` for those that must not be shown.
    fields: Map<String, Value>,
}

impl Output for Shown {
    fn text(&self) -> String {
        let state = ("state", state(&self.secret));
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or(SET).to_owned()));
        table(
            &["field", "value"],
            fields
                .chain([state])
                .map(|(name, value)| [name.to_owned(), value]),
        )
    }
}

/// Shows a secret's fields.
///
/// # Errors
/// If there is no such secret.
pub(crate) async fn run(context: &Context, args: SecretArgs) -> Result<Shown, CliError> {
    let admin = context.admin().await?;
    let name = args.into_name(context, &admin).await?;
    let secret = admin.secret(&name).await?;
    Ok(Shown {
        secret: secret.description.into(),
        fields: secret
            .fields
            .into_iter()
            .map(|field| {
                let value = field.value.unwrap_or_else(|| SET.to_owned());
                (field.name, Value::from(value))
            })
            .collect(),
    })
}
