//! What AWS charges for Bedrock, by day, and what of it is for which model: pure.
//!
//! AWS names a model in two ways. Amazon's own, and others of late, are in the usage type
//! (`USE1-NovaLite-input-tokens`, `USE1-Claude4.6Sonnet-output-tokens`); what is sold through AWS
//! Marketplace is a product of its own (`Claude Sonnet 4.5 (Amazon Bedrock Edition)`), whose usage
//! types name the kind of token alone (`USE1-MP:USE1_InputTokenCount-Units`). Every kind of token
//! counts: input, output, and what is written to the cache and read from it.
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html>

use std::collections::{BTreeMap, BTreeSet};
use std::iter::once;

use jiff::civil::Date;
use t3nets_router::ai::{ProviderKind, table};

/// Where the kind of token begins in a usage type that names its model.
const KINDS: [&str; 7] = [
    "-mantle-",
    "-input-token",
    "-output-token",
    "-cache-read",
    "-cache-write",
    "-cacheread",
    "-cachewrite",
];

/// One line of a bill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) day: Date,
    /// What AWS calls the service or the product.
    pub(super) product: &'a str,
    pub(super) usage_type: &'a str,
    pub(super) usd: f64,
    pub(super) amount: f64,
    /// What the amount counts, if the bill says so: `1K tokens`.
    pub(super) unit: &'a str,
    /// The application inference profile that was called, without its account.
    pub(super) profile: Option<&'a str>,
}

/// What is charged for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Charge {
    /// Tokens of a model, by its name here, or by AWS's where it is not known here.
    Tokens(String),
    /// Something else of Bedrock's, such as guardrails, by its usage type without the region.
    Other(String),
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Charged {
    pub(super) usd: f64,
    /// `None` where the bill does not say what its amounts count.
    pub(super) tokens: Option<u64>,
}

/// What AWS charges for Bedrock.
#[derive(Debug, Default)]
pub(super) struct Bill {
    pub(super) charges: BTreeMap<(Date, Charge), Charged>,
    /// The first and the last day that it tells of, of whichever service.
    pub(super) days: Option<(Date, Date)>,
    /// The models that were called by each application inference profile.
    profiles: BTreeMap<String, BTreeSet<String>>,
}

impl Bill {
    /// Notes that it tells of a day.
    pub(super) fn covers(&mut self, day: Date) {
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), last.max(day)));
    }

    /// Adds a line of Bedrock's.
    pub(super) fn add(&mut self, line: Line<'_>) {
        let charge = charge_of(line.product, line.usage_type);
        if let (Some(profile), Charge::Tokens(model)) = (line.profile, &charge) {
            let models = self.profiles.entry(profile.to_owned()).or_default();
            models.insert(model.clone());
        }
        let tokens = tokens(line.amount, line.unit);
        let sum = self.charges.entry((line.day, charge)).or_insert(Charged {
            usd: 0.0,
            tokens: Some(0),
        });
        sum.usd += line.usd;
        sum.tokens = sum.tokens.zip(tokens).map(|(a, b)| a.saturating_add(b));
    }

    /// The model behind an application inference profile: a profile is of one model.
    pub(super) fn model_behind(&self, profile: &str) -> Option<&str> {
        let models = self.profiles.get(profile)?;
        let [model] = &models.iter().collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(model)
    }

    /// The one model that it has tokens of, if it is one.
    pub(super) fn only_model(&self) -> Option<&str> {
        let mut models = self.charges.keys().filter_map(|(_, charge)| match charge {
            Charge::Tokens(model) => Some(model.as_str()),
            Charge::Other(_) => None,
        });
        let first = models.next()?;
        models.all(|model| model == first).then_some(first)
    }
}

fn charge_of(product: &str, usage_type: &str) -> Charge {
    let bare = match usage_type.split_once('-') {
        Some((region, rest)) if region.bytes().all(|c| c.is_ascii_alphanumeric()) => rest,
        _ => usage_type,
    };
    if !bare.to_lowercase().contains("token") {
        return Charge::Other(bare.to_owned());
    }
    let begin = KINDS.iter().filter_map(|kind| bare.find(kind)).min();
    let named = match begin {
        Some(begin) if !bare.starts_with("MP:") => bare.get(..begin).unwrap_or(bare),
        _ => product.split('(').next().unwrap_or(product).trim(),
    };
    Charge::Tokens(model_named(named).unwrap_or(named).to_owned())
}

/// The name here of the model that AWS calls so.
fn model_named(text: &str) -> Option<&'static str> {
    let known = table::find(text).or_else(|| table::model_of_id(text));
    if let Some(info) = known {
        return Some(&info.name);
    }
    let wanted = words(text);
    let mut names = table::names(ProviderKind::Bedrock).into_iter();
    names.find(|name| words(name) == wanted)
}

/// The words and numbers of a model's name, in an order that does not depend on AWS's:
/// `Claude4.5Sonnet`, `Claude Sonnet 4.5` and `claude-sonnet-4-5` have the same.
fn words(text: &str) -> Vec<String> {
    /// Those that one name has and another of the same model lacks.
    const LEFT_OUT: [&str; 7] = ["anthropic", "amazon", "meta", "instruct", "v", "b", "0"];
    let mut words = vec![String::new()];
    let pairs = once(None).chain(text.chars().map(Some)).zip(text.chars());
    for (before, letter) in pairs {
        let begins = match before {
            Some(before) => {
                before.is_ascii_digit() != letter.is_ascii_digit()
                    || (before.is_lowercase() && letter.is_uppercase())
            }
            None => true,
        };
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    // The billions of parameters are said or not.
    let sizes: Vec<usize> = words
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[1] == "b")
        .map(|(at, _)| at)
        .collect();
    let mut kept: Vec<String> = words
        .into_iter()
        .enumerate()
        .filter(|(at, word)| !sizes.contains(at) && !word.is_empty())
        .map(|(_, word)| word)
        .filter(|word| !LEFT_OUT.contains(&word.as_str()))
        .collect();
    kept.sort();
    kept
}

/// How many tokens an amount is, where its unit says that it counts some.
fn tokens(amount: f64, unit: &str) -> Option<u64> {
    let unit = unit.to_lowercase();
    let each = match unit.trim() {
        "token" | "tokens" => 1.0,
        text if text.starts_with("1k token") => 1e3,
        text if text.starts_with("1m token") => 1e6,
        _ => return None,
    };
    Some((amount * each).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_the_model_that_its_usage_type_or_its_product_names() {
        for (product, usage_type, model) in [
            ("Amazon Bedrock", "USE1-NovaLite-input-tokens", "nova-lite"),
            ("Amazon Bedrock", "EUC1-NovaPro-output-tokens", "nova-pro"),
            (
                "Amazon Bedrock",
                "USE1-NovaMicro-cache-read-input-token-count",
                "nova-micro",
            ),
            (
                "Amazon Bedrock Service",
                "USE1-Claude4.6Sonnet-input-tokens-cross-region-global",
                "claude-sonnet-4-6",
            ),
            (
                "Amazon Bedrock Service",
                "USW2-anthropic.claude-opus-5-5-mantle-cache-write-tokens-global-standard",
                "claude-opus-5-5",
            ),
            (
                "Claude Sonnet 4.5 (Amazon Bedrock Edition)",
                "USE1-MP:USE1_InputTokenCount-Units",
                "claude-sonnet-4-5",
            ),
            (
                "Claude Haiku 4.5 (Amazon Bedrock Edition)",
                "USW2-MP:USW2_output_tokens_standard-Units",
                "claude-haiku-4-5",
            ),
            (
                "Amazon Bedrock",
                "USE1-Llama3-3-70B-input-tokens",
                "llama-3-3-70b",
            ),
            (
                "Amazon Bedrock",
                "USE1-Llama4-Scout-17B-input-tokens",
                "llama-4-scout",
            ),
            // Not the older one, whose name it has in it.
            (
                "Amazon Bedrock",
                "USE1-Nova2.0Lite-input-tokens",
                "Nova2.0Lite",
            ),
            (
                "Claude 3 Haiku (Amazon Bedrock Edition)",
                "USE1-MP:USE1_InputTokenCount-Units",
                "Claude 3 Haiku",
            ),
        ] {
            assert_eq!(
                charge_of(product, usage_type),
                Charge::Tokens(model.to_owned()),
                "{usage_type}"
            );
        }
        assert_eq!(
            charge_of(
                "Amazon Bedrock",
                "USE1-Guardrail-ContentPolicyUnitsConsumed"
            ),
            Charge::Other("Guardrail-ContentPolicyUnitsConsumed".to_owned())
        );
    }

    #[test]
    fn no_two_models_of_the_table_are_taken_for_each_other() {
        let names = table::names(ProviderKind::Bedrock);
        let known: BTreeSet<Vec<String>> = names.iter().map(|name| words(name)).collect();
        assert_eq!(known.len(), names.len());
    }

    #[test]
    fn tokens_are_counted_where_the_bill_says_what_an_amount_is() {
        for (amount, unit, counted) in [
            (1.5, "1K tokens", Some(1_500)),
            (0.25, "1M Tokens", Some(250_000)),
            (7.0, "Tokens", Some(7)),
            (7.0, "Units", None),
            (7.0, "", None),
        ] {
            assert_eq!(tokens(amount, unit), counted, "{unit}");
        }
    }
}
