//! Who answers which tenant.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::ai::Bedrock;
use crate::model::{
    JsonObject, SecretDescription, SecretDocument, SecretName, StopReason, TenantId,
    TenantSettings, TenantStatus, TokenUsage,
};
use crate::ports::{PutOutcome, StoreError};

/// A tenant's secrets by integration.
struct Secrets(Vec<(&'static str, serde_json::Value)>);

#[async_trait]
impl SecretStore for Secrets {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        let found = self
            .0
            .iter()
            .find(|(integration, _)| *integration == name.integration.as_str());
        Ok(found.map(|(_, fields)| SecretDocument::new(fields.as_object().unwrap().clone())))
    }
    async fn put(&self, _: &SecretName, _: &SecretDocument) -> Result<PutOutcome, StoreError> {
        unreachable!("nothing is written")
    }
    async fn describe(&self, _: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        unreachable!("nothing is described")
    }
    async fn list(&self, _: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        unreachable!("nothing is decided by a list")
    }
    async fn remove(&self, _: &SecretName) -> Result<Timestamp, StoreError> {
        unreachable!("nothing is removed")
    }
    async fn delete(&self, _: &SecretName) -> Result<(), StoreError> {
        unreachable!("nothing is removed")
    }
    async fn restore(&self, _: &SecretName) -> Result<(), StoreError> {
        unreachable!("nothing is restored")
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn tenant(provider: Option<&str>, model: Option<&str>) -> Tenant {
    Tenant {
        id: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        status: TenantStatus::Active,
        created_at: Timestamp::UNIX_EPOCH,
        settings: stored(provider, model),
        extensions: JsonObject::new(),
        version: 1,
        other: Default::default(),
    }
}

/// Settings as they are read.
fn stored(provider: Option<&str>, model: Option<&str>) -> TenantSettings {
    serde_json::from_value(json!({"ai_provider": provider, "ai_model": model})).unwrap()
}

async fn select(
    environment: &[(&str, &str)],
    tenant: Tenant,
    secrets: Vec<(&'static str, serde_json::Value)>,
) -> Result<SelectedModel, SelectError> {
    select_by(from_env(environment), tenant, secrets).await
}

fn from_env(environment: &[(&str, &str)]) -> AiDefaults {
    AiDefaults::from_env(|name| {
        let (_, value) = environment.iter().find(|(variable, _)| *variable == name)?;
        Some((*value).to_owned())
    })
    .unwrap()
}

async fn select_by(
    defaults: AiDefaults,
    tenant: Tenant,
    secrets: Vec<(&'static str, serde_json::Value)>,
) -> Result<SelectedModel, SelectError> {
    let models = Models::new(defaults, SkillSet::new(Vec::new()), Reach::Anywhere).unwrap();
    models.select(&tenant, &Secrets(secrets)).await
}

fn summary(selected: Result<SelectedModel, SelectError>) -> String {
    match selected {
        Ok(model) => format!("{} {} {}", model.provider, model.name, model.id),
        Err(error) => format!("{error} / {}", error.hint().unwrap_or_default()),
    }
}

/// An answer to a question of this many tokens.
fn reply(input: u64) -> ModelReply {
    ModelReply {
        content: Vec::new(),
        stop: StopReason::EndTurn,
        usage: TokenUsage {
            input,
            ..TokenUsage::default()
        },
        answered_by: None,
        without_tools: false,
    }
}

const ANTHROPIC: &[(&str, &str)] = &[("ANTHROPIC_API_KEY", "sk-a")];
const OLLAMA: &[(&str, &str)] = &[
    ("OPENAI_BASE_URL", "http://localhost:11434/v1"),
    ("T3NETS_MODEL", "llama3.2"),
];

#[tokio::test]
async fn without_keys_templates_answer() {
    let model = select(&[], tenant(None, Some("claude-sonnet")), vec![])
        .await
        .unwrap();
    assert!(model.is_offline());
    assert_eq!(model.cost(&reply(5)), Some(NanoUsd(0)));
    let chosen = select(ANTHROPIC, tenant(Some("offline"), None), vec![]).await;
    assert_eq!(summary(chosen), "offline offline offline");
}

#[tokio::test]
async fn only_a_tenants_own_address_must_be_on_the_internet() {
    let request = ModelRequest {
        model: "m".to_owned(),
        system: String::new(),
        messages: Vec::new(),
        tools: Vec::new(),
        max_tokens: 1,
        options: Default::default(),
        origin: None,
    };
    // Nobody listens on port 9.
    let (tenants, shared) = ("https://127.0.0.1:9/v1", "http://127.0.0.1:9/v1");
    let own = json!({"api_key": "sk-o", "base_url": tenants});
    let defaults = from_env(&[("OPENAI_BASE_URL", shared)]);
    let reach = Reach::Internet(crate::outbound::Allowed::default());
    let models = Models::new(defaults, SkillSet::new(Vec::new()), reach).unwrap();
    for (secrets, reason) in [
        (vec![("openai", own)], "a private network"),
        (vec![], "refused"),
    ] {
        let asked = tenant(Some("openai"), Some("m"));
        let selected = models.select(&asked, &Secrets(secrets)).await.unwrap();
        let error = selected.chat.reply(&request, &mut |_| {}).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn settings_decide_before_what_the_process_was_started_with() {
    for (environment, settings, expected) in [
        (
            ANTHROPIC,
            (None, None),
            "anthropic claude-sonnet-5-5 claude-sonnet-5-5",
        ),
        (
            ANTHROPIC,
            (None, Some("claude-haiku-4-5")),
            "anthropic claude-haiku-4-5 claude-haiku-4-5-20251001",
        ),
        (
            ANTHROPIC,
            (Some("Anthropic"), Some("claude-next-9")),
            "anthropic claude-next-9 claude-next-9",
        ),
        (OLLAMA, (Some(""), Some(" ")), "openai llama3.2 llama3.2"),
        (OLLAMA, (None, None), "openai llama3.2 llama3.2"),
        (OLLAMA, (None, Some("qwen3:8b")), "openai qwen3:8b qwen3:8b"),
    ] {
        let selected = select(environment, tenant(settings.0, settings.1), vec![]).await;
        assert_eq!(summary(selected), expected);
    }
}

#[tokio::test]
async fn bedrock_answers_where_there_is_one_unless_settings_say_otherwise() {
    let region = aws_config::Region::new("eu-west-1");
    let sdk = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(region)
        .build();
    let on_aws =
        from_env(ANTHROPIC).with_bedrock(Bedrock::new(&sdk, "dev"), "nova-lite".to_owned());
    let profile = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";
    for (settings, expected) in [
        (
            (None, None),
            "bedrock nova-lite eu.amazon.nova-lite-v1:0".to_owned(),
        ),
        (
            (Some("bedrock"), Some("claude-haiku-4-5")),
            format!("bedrock claude-haiku-4-5 {profile}"),
        ),
        (
            (None, Some("amazon.nova-micro-v1:0")),
            "bedrock nova-micro eu.amazon.nova-micro-v1:0".to_owned(),
        ),
        (
            (Some("anthropic"), None),
            "anthropic claude-sonnet-5-5 claude-sonnet-5-5".to_owned(),
        ),
    ] {
        let selected = select_by(on_aws.clone(), tenant(settings.0, settings.1), vec![]).await;
        assert_eq!(summary(selected), expected);
    }
    let unknown = select_by(on_aws, tenant(None, Some("gpt-5.6-luna")), vec![]).await;
    assert!(matches!(unknown, Err(SelectError::UnknownModel { .. })));
}

#[tokio::test]
async fn a_tenants_own_secret_is_enough() {
    let own = |name, fields| vec![(name, fields)];
    let selected = select(
        &[],
        tenant(None, None),
        own("anthropic", json!({"api_key": "sk-own"})),
    )
    .await;
    assert_eq!(
        summary(selected),
        "anthropic claude-sonnet-5-5 claude-sonnet-5-5"
    );
    let selected = select(
        &[],
        tenant(None, None),
        own("openai", json!({"api_key": "sk-own"})),
    )
    .await;
    assert_eq!(summary(selected), "openai gpt-5.6-luna gpt-5.6-luna");
    // The process's model is not another provider's.
    let selected = select(
        OLLAMA,
        tenant(Some("anthropic"), None),
        own("anthropic", json!({"api_key": "sk-own"})),
    )
    .await;
    assert_eq!(
        summary(selected),
        "anthropic claude-sonnet-5-5 claude-sonnet-5-5"
    );
}

#[tokio::test]
async fn a_price_is_known_only_for_models_of_the_table() {
    let used = reply(1_000_000);
    let known = select(ANTHROPIC, tenant(None, Some("claude-haiku-4-5")), vec![])
        .await
        .unwrap();
    assert_eq!(known.cost(&used), Some(NanoUsd(1_000_000_000)));
    assert_eq!(known.max_tokens(1_000_000), 64_000);
    let unknown = select(OLLAMA, tenant(None, None), vec![]).await.unwrap();
    assert_eq!(unknown.cost(&used), None);
    assert_eq!(unknown.max_tokens(1_000_000), 1_000_000);
}

#[tokio::test]
async fn a_profiles_price_is_that_of_the_model_that_a_setting_names() {
    let sdk = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("us-east-1"))
        .build();
    let on_aws = from_env(&[]).with_bedrock(Bedrock::new(&sdk, "dev"), "nova-lite".to_owned());
    let resource = "application-inference-profile/a1b2";
    let arn = format!("arn:aws:bedrock:us-east-1:111122223333:{resource}");
    for (behind, price) in [
        (None, None),
        (Some("claude-haiku-4-5"), Some(NanoUsd(1_100_000_000))),
    ] {
        let mut tenant = tenant(None, Some(&arn));
        let settings = behind.map(|model| ("profile_model".to_owned(), json!(model)));
        tenant.store_newer(settings.into_iter().collect());
        let selected = select_by(on_aws.clone(), tenant, vec![]).await.unwrap();
        assert_eq!(selected.cost(&reply(1_000_000)), price);
        // It is the profile that is called, and that the ledger names.
        assert_eq!((&selected.id, &*selected.name), (&arn, resource));
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_come_with_a_hint() {
    let secret = |fields| vec![("anthropic", fields)];
    let cases = [
        select(ANTHROPIC, tenant(Some("azure"), None), vec![]).await,
        select(ANTHROPIC, tenant(Some("bedrock"), None), vec![]).await,
        select(&[], tenant(Some("anthropic"), None), vec![]).await,
        select(ANTHROPIC, tenant(None, Some("nova-pro")), vec![]).await,
        select(ANTHROPIC, tenant(None, Some("two words")), vec![]).await,
        select(&OLLAMA[..1], tenant(None, None), vec![]).await,
        // The process's key never goes to the tenant's address.
        select(
            ANTHROPIC,
            tenant(None, None),
            secret(json!({"base_url": "https://a.example"})),
        )
        .await,
        select(
            &[],
            tenant(None, None),
            secret(json!({"api_key": "sk secret"})),
        )
        .await,
        select(
            &[],
            tenant(None, None),
            secret(json!({"api_key": "sk-own", "base_url": "http://10.0.0.1"})),
        )
        .await,
    ];
    let errors: Vec<String> = cases.into_iter().map(summary).collect();
    insta::assert_snapshot!(errors.join("\n"));
    assert!(!errors.concat().contains("sk"), "a key is in {errors:?}");
}

#[tokio::test]
async fn the_results_of_skills_are_worded_by_a_model_of_their_own_where_it_is_the_providers() {
    for (provider, wording, expected) in [
        ("anthropic", "claude-haiku-4-5", "claude-haiku-4-5"),
        // As an older program stored it for another provider.
        ("anthropic", "llama3.2:3b", "claude-sonnet-4-5"),
        ("anthropic", " ", "claude-sonnet-4-5"),
        ("openai", "llama3.2:3b", "llama3.2:3b"),
        ("offline", "claude-haiku-4-5", "offline"),
    ] {
        let mut tenant = tenant(Some(provider), Some("claude-sonnet-4-5"));
        let other = &mut tenant.settings.other;
        other.insert("tier1_formatting_model".to_owned(), json!(wording));
        let defaults = from_env(&[ANTHROPIC, OLLAMA].concat());
        let models = Models::new(defaults, SkillSet::new(Vec::new()), Reach::Anywhere).unwrap();
        let secrets = Secrets(Vec::new());
        let selected = async |tier| {
            let all = models.all_of(&tenant, &secrets).await.unwrap();
            all.for_tier(tier).first
        };
        assert_eq!(selected(Tier::Wording).await.name, expected, "{wording}");
        let selected = selected(Tier::Ai).await;
        let ai = if provider == "offline" {
            "offline"
        } else {
            "claude-sonnet-4-5"
        };
        assert_eq!(selected.name, ai, "{wording}");
    }
}

/// A tenant of Bedrock's with these settings of its own.
fn falling_back(settings: serde_json::Value) -> Tenant {
    let mut tenant = tenant(None, None);
    let newer = settings.as_object().unwrap().clone();
    tenant.store_newer(newer);
    tenant
}

#[test]
fn a_provider_before_a_fallbacks_name_is_told_from_the_ids_of_bedrock() {
    let anthropic = Some(ProviderKind::Anthropic);
    for (named, expected) in [
        (
            "anthropic/claude-haiku-4-5",
            (anthropic, "claude-haiku-4-5"),
        ),
        (
            "openai/openai/gpt-oss-120b",
            (Some(ProviderKind::OpenAi), "openai/gpt-oss-120b"),
        ),
        (
            "bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/x",
            (
                Some(ProviderKind::Bedrock),
                "arn:aws:bedrock:us-east-1:1:inference-profile/x",
            ),
        ),
    ] {
        assert_eq!(by_provider(named), expected);
    }
    for own in [
        "claude-haiku-4-5",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/anthropic/x",
        "meta/llama",
        "offline/x",
        "anthropic/",
    ] {
        assert_eq!(by_provider(own), (None, own));
    }
}

#[tokio::test]
async fn a_fallback_of_another_provider_is_asked_only_with_a_key_and_without_a_guardrail() {
    let config = aws_config::SdkConfig::builder()
        .region(aws_config::Region::new("eu-central-1"))
        .behavior_version(aws_config::BehaviorVersion::latest())
        .build();
    let bedrock = Bedrock::new(&config, "dev");
    let chosen = async |settings: serde_json::Value, environment: &[(&str, &str)]| {
        let defaults = from_env(environment).with_bedrock(bedrock.clone(), "nova-lite".to_owned());
        let models = Models::new(defaults, SkillSet::new(Vec::new()), Reach::Anywhere).unwrap();
        let tenant = falling_back(settings);
        let all = models.all_of(&tenant, &Secrets(Vec::new())).await.unwrap();
        let named = |model: SelectedModel| format!("{} as {}", model.id, model.name);
        let problem = all.fallback_problem.as_ref().map(ToString::to_string);
        (all.for_tier(Tier::Ai).fallback.map(named), problem)
    };
    let elsewhere = "anthropic/claude-haiku-4-5";
    let settings = || json!({"fallback_model": elsewhere});
    let expected = format!("claude-haiku-4-5-20251001 as {elsewhere}");
    assert_eq!(chosen(settings(), ANTHROPIC).await, (Some(expected), None));
    let none = "there is no API key for the AI provider `anthropic`";
    assert_eq!(chosen(settings(), &[]).await, (None, Some(none.to_owned())));
    let mut guarded = settings();
    guarded["guardrail_identifier"] = json!("gr1a2b3c4d5e");
    let (fallback, problem) = chosen(guarded, ANTHROPIC).await;
    assert_eq!(fallback, None);
    assert!(problem.unwrap().contains("has no guardrails"));
    // The same provider, by its name or without.
    for own in ["bedrock/nova-pro", "nova-pro"] {
        let come = chosen(json!({"fallback_model": own}), &[]).await;
        assert_eq!(
            come,
            (Some("eu.amazon.nova-pro-v1:0 as nova-pro".to_owned()), None)
        );
    }
    let slip = chosen(json!({"fallback_model": "anthropic/nova-lite"}), ANTHROPIC).await;
    assert!(slip.0.is_none() && slip.1.unwrap().contains("does not offer"));
}
