//! Whether a setting can name a model that the table does not list: one that is newer than this
//! program, or that only an endpoint knows. A slip is told from either.

use super::ProviderKind;
use super::table::{self, find};
use crate::nearest::did_you_mean;

/// How alike a word is to a known one for it to be a slip of it.
const SLIP: f64 = 0.8;

/// Whether a tenant can have this model.
///
/// # Errors
/// Why it cannot, as a fragment after the setting's name, with the model that was probably meant.
pub(crate) fn check_model(provider: Option<ProviderKind>, model: &str) -> Result<(), String> {
    let known = find(model);
    let is_fine = match (provider, known) {
        // An endpoint of one's own has the names that it has.
        (Some(ProviderKind::OpenAi | ProviderKind::Offline), _) | (None, Some(_)) => true,
        (Some(provider), Some(info)) => {
            if info.id(provider).is_none() {
                return Err(format!("names a model that `{provider}` does not offer"));
            }
            true
        }
        (Some(ProviderKind::Bedrock), None) => is_bedrock_id(model) || is_new_release(model),
        (Some(ProviderKind::Anthropic), None) => is_new_release(model),
        (None, None) => is_bedrock_id(model) || is_new_release(model),
    };
    if is_fine {
        return Ok(());
    }
    let names = table::all_names(provider);
    Err(format!(
        "names no model that is known{}{}",
        did_you_mean(model, names),
        match provider {
            None => "; the own name of an OpenAI-compatible endpoint needs `ai_provider=openai`",
            Some(_) => "",
        }
    ))
}

/// An ARN, or an id as Bedrock forms them: `us.vendor.model-v1:0`.
fn is_bedrock_id(model: &str) -> bool {
    let is_vendor = |text: &str| text.len() > 1 && text.bytes().all(|b| b.is_ascii_lowercase());
    model.starts_with("arn:")
        || model
            .split_once('.')
            .is_some_and(|(vendor, rest)| is_vendor(vendor) && rest.len() > 2)
}

/// A name like those that are known, but of another version or another member of the family.
fn is_new_release(model: &str) -> bool {
    let has_version = model.bytes().any(|byte| byte.is_ascii_digit());
    let known: Vec<&str> = table::all_names(None).into_iter().flat_map(words).collect();
    let mut typed = words(model);
    let family = typed.next();
    let mut members = typed.peekable();
    has_version
        && family.is_some_and(|family| known.contains(&family))
        && members.peek().is_some()
        && members.all(|word| {
            known.contains(&word) || known.iter().all(|one| strsim::jaro(one, word) <= SLIP)
        })
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(provider: Option<ProviderKind>, model: &str) -> bool {
        check_model(provider, model).is_ok()
    }

    #[test]
    fn a_slip_is_refused_with_the_model_that_was_meant() {
        for provider in [None, Some(ProviderKind::Anthropic)] {
            for slip in ["claude", "claude-sonet-4-5", "claude-4", "cluade-opus"] {
                let error = check_model(provider, slip).unwrap_err();
                assert!(error.contains("did you mean `claude-"), "{slip}: {error}");
            }
        }
    }

    #[test]
    fn models_that_are_newer_than_this_program_can_be_set() {
        for model in [
            "claude-sonnet-9",
            "claude-opus-5-5-20271101",
            "claude-mythos-6",
        ] {
            assert!(accepts(None, model), "{model}");
            assert!(accepts(Some(ProviderKind::Anthropic), model), "{model}");
        }
        for model in [
            "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/x",
            "eu.anthropic.claude-sonnet-9-v1:0",
            "qwen.qwen3-32b-v1:0",
        ] {
            assert!(accepts(None, model), "{model}");
            assert!(accepts(Some(ProviderKind::Bedrock), model), "{model}");
        }
    }

    #[test]
    fn an_endpoints_own_names_can_be_set_with_its_provider_alone() {
        for model in ["llama3.3", "qwen3:8b", "my/finetune", "claude"] {
            assert!(accepts(Some(ProviderKind::OpenAi), model), "{model}");
            let error = check_model(None, model).unwrap_err();
            assert!(error.contains("`ai_provider=openai`"), "{model}: {error}");
        }
    }

    #[test]
    fn a_known_model_of_another_provider_is_refused() {
        assert!(accepts(Some(ProviderKind::Bedrock), "claude-sonnet-4-5"));
        let error = check_model(Some(ProviderKind::Anthropic), "nova-lite").unwrap_err();
        assert!(error.contains("does not offer"), "{error}");
    }
}
