//! `t3nets tenant usage --reconcile`: the ledger beside AWS's own bill.
//!
//! [`cost_explorer`] and [`export`] are where the bill is from, [`whose`] says whose share of it is
//! compared, [`bill`] tells which model each of its lines is of, and [`mod@compare`] puts the two
//! beside each other; [`output`] shows them. The ledger is what `tenant usage --by model` shows.

mod bill;
mod compare;
mod cost_explorer;
mod export;
mod output;
mod whose;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::ToSpan;
use jiff::civil::Date;
use t3nets_router::admin::Admin;
use t3nets_router::admin::usage::{GroupState, UsageBy};
use t3nets_router::ai::{ProviderKind, by_provider, table};
use t3nets_router::model::{Tenant, TenantId};

use self::bill::Bill;
use self::compare::{By, Ledger, Ours, Scope, compare, price_profiles};
use self::cost_explorer::Question;
use self::export::Wanted;
use self::output::{FoundBy, Source};
use self::whose::{NamedTag, Share};
use super::{UsageArgs, today};
use crate::config::environment::PlatformKind;
use crate::context::Context;
use crate::error::CliError;

pub(super) use self::output::Reconciliation;

/// How far the bill lags behind: a day is whole once this many have passed.
/// <https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html>
const LAG_DAYS: i64 = 2;

/// What the ledger calls what no model is known of.
const NOT_ATTRIBUTED: &str = "(not attributed)";

/// Arguments that go with `--reconcile`.
#[derive(Debug, clap::Args)]
pub(super) struct ReconcileArgs {
    /// Compare with AWS's bill: what Cost Explorer says ($0.01 a request, two or more are made),
    /// or an export in a file. With `--by model`, models instead of days
    #[arg(long, conflicts_with = "chart")]
    pub(super) reconcile: bool,
    /// Read the bill from an export of AWS Data Exports: CUR 2.0 as CSV, or that compressed by
    /// gzip; may be repeated
    #[arg(long, value_name = "FILE", requires = "reconcile")]
    bill: Vec<PathBuf>,
    /// Find the tenant's share by a cost allocation tag [default value: the tenant's id]
    #[arg(
        long,
        value_name = "KEY[=VALUE]",
        requires = "reconcile",
        conflicts_with = "all"
    )]
    tag: Option<NamedTag>,
    /// Exit with code 1 if the two differ by more than this, in percent of the bill
    #[arg(long, value_name = "PERCENT", requires = "reconcile", value_parser = percent)]
    fail_over: Option<f64>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok();
    let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "it is no percentage".to_owned())
}

/// Compares.
///
/// # Errors
/// Not ready on this machine; usage if rows are asked for by what no bill knows; if the bill cannot
/// be read.
pub(super) async fn run(context: &Context, args: UsageArgs) -> Result<Reconciliation, CliError> {
    let environment = context.settings.environment()?;
    if environment.platform == PlatformKind::Local {
        return Err(CliError::not_ready(format!(
            "environment `{}` is on this machine, and on no bill of AWS's",
            environment.name
        ))
        .hint("its models are paid for where their keys are from")
        .hint("`--env NAME` chooses an environment on AWS"));
    }
    let by = match args.by {
        None => By::Day,
        Some(UsageBy::Model) => By::Model,
        Some(other) => {
            return Err(CliError::usage(format!(
                "AWS's bill knows days and models, and no {other}"
            ))
            .hint("`--by model` compares models"));
        }
    };
    let last = today();
    let first = last.saturating_sub((i64::from(args.days) - 1).days());
    let admin = context.admin().await?;
    let tenant = match args.all {
        true => None,
        false => Some(args.tenant.resolve(context, &admin).await?),
    };
    let mut notes = Vec::new();
    let counted = Counted::of(&admin, args.days, tenant.as_ref()).await?;
    let reads_file = !args.reconcile.bill.is_empty();
    let share = share(&args.reconcile, tenant.as_ref(), &counted, &mut notes);
    // Where the tenant's share cannot be told, it is all tenants against all of the account.
    let (tenant, counted) = match (&share, tenant) {
        (Share::Environment, Some(_)) => (None, Counted::of(&admin, args.days, None).await?),
        (_, tenant) => (tenant, counted),
    };
    let ledger = counted.ledger_of(&share, &mut notes);
    let account = context.account().await?;
    let (bill, requests) = match reads_file {
        true => {
            let wanted = Wanted {
                share: &share,
                account,
                first,
                last,
            };
            (from_files(&args.reconcile.bill, &wanted)?, 0)
        }
        false => {
            context
                .printer
                .status("asking Cost Explorer, which costs $0.01 a request");
            let question = Question {
                account,
                share: &share,
                first,
                last,
            };
            let answer = cost_explorer::ask(&context.aws().await?.sdk, question).await?;
            (answer.bill, answer.requests)
        }
    };
    let (begin, end) = bill.days.ok_or_else(|| {
        CliError::failed(format!("the bill has no line from {first} to {last}"))
            .hint("an export is written once a day, into a folder for each month")
    })?;
    let settled_until = end.min(last.saturating_sub(LAG_DAYS.days()));
    let is_settled = |day: Date| (begin..=settled_until).contains(&day);
    let scope = match share {
        Share::Environment => Scope::Account,
        Share::Profiles(_) | Share::Tag(_) => Scope::Tenant,
    };
    let mut ledger = price_profiles(ledger, &bill, scope);
    // What the file does not tell of is on neither side.
    ledger.retain(|(day, _), _| (begin..=end).contains(day));
    let compared = compare(&ledger, &bill, by, scope, is_settled);
    let mut reconciliation = Reconciliation {
        tenant_id: tenant,
        source: match reads_file {
            true => Source::Export,
            false => Source::CostExplorer,
        },
        found_by: match share {
            Share::Environment => FoundBy::Account,
            Share::Profiles(_) => FoundBy::Profile,
            Share::Tag(_) => FoundBy::Tag,
        },
        first_day: begin,
        last_day: end,
        settled_day: (begin <= settled_until).then_some(settled_until),
        rows: Vec::new(),
        total: compared.total.clone(),
        other_usd: 0.0,
        notes,
        requests: 0,
        requests_usd: 0.0,
        by,
        fail_over: args.reconcile.fail_over,
    };
    reconciliation.take(compared, requests);
    Ok(reconciliation)
}

fn from_files(files: &[PathBuf], wanted: &Wanted<'_>) -> Result<Bill, CliError> {
    let mut bill = Bill::default();
    for file in files {
        export::read(file, wanted, &mut bill).map_err(|error| {
            CliError::failed(format!("the bill in {} cannot be compared", file.display()))
                .caused_by(error)
                .hint("`docs/cost.md` says which export it has to be")
        })?;
    }
    Ok(bill)
}

/// How the tenant's share is found on the bill, if it can be.
fn share(
    args: &ReconcileArgs,
    tenant: Option<&TenantId>,
    counted: &Counted,
    notes: &mut Vec<String>,
) -> Share {
    let Some(tenant) = tenant else {
        return Share::Environment;
    };
    if let Some(tag) = &args.tag {
        return Share::Tag(tag.of_tenant(tenant.as_str()));
    }
    let has_profiles = !counted.profiles.is_empty();
    if has_profiles && !args.bill.is_empty() {
        return Share::Profiles(counted.profiles.clone());
    }
    let how = match has_profiles {
        true => {
            "Cost Explorer tells application inference profiles apart by a cost allocation tag: `--tag KEY`, or `--bill FILE`"
        }
        false => "it has no application inference profile of its own, and no `--tag` was given",
    };
    notes.push(format!(
        "compared is the whole environment with the whole account, since `{tenant}` cannot be told on the bill: {how}"
    ));
    Share::Environment
}

/// What the ledger has, of one tenant or of all.
#[derive(Default)]
struct Counted {
    ledger: Ledger,
    /// The application inference profiles that settings or the ledger name.
    profiles: BTreeSet<String>,
    /// What is on no bill of AWS's.
    elsewhere: BTreeSet<String>,
}

impl Counted {
    async fn of(admin: &Admin, days: u32, one: Option<&TenantId>) -> Result<Self, CliError> {
        let tenants = match one {
            Some(id) => vec![admin.tenant(id).await?],
            None => admin.tenants().await?,
        };
        let mut counted = Self::default();
        for tenant in &tenants {
            let usage = admin.usage(&tenant.id, days, Some(UsageBy::Model)).await?;
            let profiles = table::application_profiles(tenant).into_iter();
            counted.profiles.extend(profiles.map(str::to_owned));
            for row in usage.rows.into_iter().flatten() {
                let ours = Ours {
                    usd: row.counts.priced_cost_usd.as_usd(),
                    input_tokens: row.counts.input_tokens,
                    output_tokens: row.counts.output_tokens,
                    unpriced_tokens: row.counts.unpriced_tokens,
                };
                let model = match (row.group.id, row.group.state) {
                    (Some(model), _) => model,
                    (None, GroupState::NotAttributed) => NOT_ATTRIBUTED.to_owned(),
                    (None, _) => continue,
                };
                if ours != Ours::default() {
                    counted.add(tenant, row.day, model, ours);
                }
            }
        }
        Ok(counted)
    }

    fn add(&mut self, tenant: &Tenant, day: Date, model: String, ours: Ours) {
        let (is_of_bedrock, model) = match by_provider(&model) {
            // It stood in for another provider's.
            (Some(ProviderKind::Bedrock), own) => (true, own.to_owned()),
            _ => (is_of_bedrock(tenant, &model), model),
        };
        if let Some(profile) = table::application_profile(&model) {
            self.profiles.insert(profile.to_owned());
        }
        if !is_of_bedrock {
            self.elsewhere.insert(model);
            return;
        }
        self.ledger.entry((day, model)).or_default().add(ours);
    }

    /// What of it is in a share of the bill.
    fn ledger_of(self, share: &Share, notes: &mut Vec<String>) -> Ledger {
        let Self {
            mut ledger,
            profiles,
            elsewhere,
        } = self;
        if !elsewhere.is_empty() {
            let models: Vec<_> = elsewhere.into_iter().collect();
            notes.push(format!(
                "not compared: models of other providers than Bedrock: {}",
                models.join(", ")
            ));
        }
        if *share != Share::Environment && !profiles.is_empty() {
            let all = ledger.len();
            ledger.retain(|(_, model), _| profiles.contains(model));
            if ledger.len() < all {
                notes.push(
                    "not compared: what the tenant called by no application inference profile"
                        .to_owned(),
                );
            }
        }
        ledger
    }
}

/// Whether AWS charges for a tenant's calls of a model, as far as its settings say.
fn is_of_bedrock(tenant: &Tenant, model: &str) -> bool {
    let provider = tenant.settings.ai_provider.as_deref();
    let provider = provider.map(|word| word.trim().to_lowercase());
    let is_set_to_bedrock =
        provider.is_none_or(|word| word.is_empty() || word.parse() == Ok(ProviderKind::Bedrock));
    is_set_to_bedrock
        && by_provider(model).0.is_none()
        && model != ProviderKind::Offline.as_str()
        && table::find(model).is_none_or(|info| info.bedrock.is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use t3nets_router::model::TenantStatus;

    use super::*;

    fn tenant(provider: Value) -> Tenant {
        Tenant {
            id: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            status: TenantStatus::Active,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            settings: serde_json::from_value(json!({ "ai_provider": provider })).unwrap(),
            extensions: Default::default(),
            version: 1,
            other: Default::default(),
        }
    }

    #[test]
    fn models_that_stood_in_for_another_providers_are_compared_where_aws_charges_for_them() {
        let models = [
            "nova-lite",
            "anthropic/claude-haiku-4-5",
            "bedrock/nova-pro",
            "meta/llama",
        ];
        for (provider, expected) in [
            (
                json!("bedrock"),
                ["meta/llama", "nova-lite", "nova-pro"].as_slice(),
            ),
            (json!("anthropic"), &["nova-pro"]),
        ] {
            let mut counted = Counted::default();
            for model in models {
                let day = Date::constant(2026, 11, 24);
                counted.add(
                    &tenant(provider.clone()),
                    day,
                    model.to_owned(),
                    Ours::default(),
                );
            }
            let compared: Vec<&str> = counted.ledger.keys().map(|(_, model)| &**model).collect();
            assert_eq!(compared, expected);
        }
    }
}
