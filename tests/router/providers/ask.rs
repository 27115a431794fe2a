//! A request and how it is put to each provider.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::config::{Credentials, SharedCredentialsProvider};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::model::{Answer, ModelServer};
use t3nets_router::ai::Bedrock;
use t3nets_router::ai::{AiDefaults, Models, ProviderKind, SelectedModel};
use t3nets_router::aws::{Connection, sdk_config};
use t3nets_router::model::{
    ContentBlock, JsonObject, ModelMessage, ModelReply, ModelRequest, Role, SecretDescription,
    SecretDocument, SecretName, Tenant, TenantId, TenantSettings, TenantStatus, ToolSpec,
};
use t3nets_router::outbound::Reach;
use t3nets_router::ports::{ModelError, ModelEvent, PutOutcome, SecretStore, StoreError};
use t3nets_router::skills::SkillSet;

pub(super) const KEY: &str = "sk-very-secret";
pub(super) const PROVIDERS: [ProviderKind; 3] = [
    ProviderKind::Anthropic,
    ProviderKind::OpenAi,
    ProviderKind::Bedrock,
];

/// A tenant without secrets.
struct NoSecrets;

#[async_trait]
impl SecretStore for NoSecrets {
    async fn get(&self, _: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        Ok(None)
    }
    async fn put(&self, _: &SecretName, _: &SecretDocument) -> Result<PutOutcome, StoreError> {
        unreachable!("providers write no secrets")
    }
    async fn describe(&self, _: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        Ok(None)
    }
    async fn list(&self, _: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        Ok(Vec::new())
    }
    async fn remove(&self, _: &SecretName) -> Result<Timestamp, StoreError> {
        unreachable!("providers remove no secrets")
    }
    async fn delete(&self, _: &SecretName) -> Result<(), StoreError> {
        unreachable!("providers remove no secrets")
    }
    async fn restore(&self, _: &SecretName) -> Result<(), StoreError> {
        unreachable!("providers restore no secrets")
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The provider's adapter, pointed at the server.
pub(super) async fn model_at(provider: ProviderKind, url: &str) -> SelectedModel {
    if provider == ProviderKind::Bedrock {
        return bedrock_at(url, "us-east-1", "some-model").await;
    }
    let defaults = AiDefaults::from_env(|name| {
        let value = match (provider, name) {
            (ProviderKind::Anthropic, "ANTHROPIC_API_KEY")
            | (ProviderKind::OpenAi, "OPENAI_API_KEY") => KEY.to_owned(),
            (ProviderKind::Anthropic, "ANTHROPIC_BASE_URL") => url.to_owned(),
            (ProviderKind::OpenAi, "OPENAI_BASE_URL") => format!("{url}/v1"),
            (_, "T3NETS_MODEL") => "some-model".to_owned(),
            _ => return None,
        };
        Some(value)
    })
    .unwrap();
    let selected = select(defaults).await;
    assert_eq!(selected.provider, provider);
    selected
}

/// Bedrock in a region, pointed at the server, with a model that is named in this way.
pub(super) async fn bedrock_at(url: &str, region: &str, model: &str) -> SelectedModel {
    bedrock_by(&aws_at(url, region).await, model).await
}

/// Bedrock as this configuration reaches it.
pub(super) async fn bedrock_by(sdk: &SdkConfig, model: &str) -> SelectedModel {
    let defaults = AiDefaults::default().with_bedrock(Bedrock::new(sdk, "dev"), model.to_owned());
    let selected = select(defaults).await;
    assert_eq!(selected.provider, ProviderKind::Bedrock);
    selected
}

/// AWS in a region, pointed at the server.
pub(crate) async fn aws_at(url: &str, region: &str) -> SdkConfig {
    let connection = Connection {
        region: Some(region.to_owned()),
        ..Connection::default()
    };
    let credentials = Credentials::new("AKIATEST", KEY, None, None, "test");
    sdk_config(&connection)
        .await
        .unwrap()
        .into_builder()
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// An answer of the form that [`schema`] asks for.
pub(crate) const CITY: &str = r#"{"city":"Bern"}"#;

/// A form that all providers take.
pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": false,
    })
}

/// Who answers a tenant without settings and secrets.
pub(super) async fn select(defaults: AiDefaults) -> SelectedModel {
    let models = Models::new(defaults, SkillSet::new(Vec::new()), Reach::Anywhere).unwrap();
    select_from(&models).await
}

/// The same, of models that are there already.
pub(super) async fn select_from(models: &Models) -> SelectedModel {
    let tenant = Tenant {
        id: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        status: TenantStatus::Active,
        created_at: Timestamp::UNIX_EPOCH,
        settings: TenantSettings::default(),
        extensions: JsonObject::new(),
        version: 1,
        other: Default::default(),
    };
    models.select(&tenant, &NoSecrets).await.unwrap()
}

pub(super) fn message(role: Role, content: Vec<ContentBlock>) -> ModelMessage {
    ModelMessage { role, content }
}

pub(super) fn text(words: &str) -> ContentBlock {
    ContentBlock::Text(words.to_owned())
}

pub(super) fn tool_use(id: &str, name: &str, input: Value) -> ContentBlock {
    ContentBlock::ToolUse {
        id: id.to_owned(),
        name: name.to_owned(),
        input,
    }
}

pub(super) fn tool_result(id: &str, content: Value, is_error: bool) -> ContentBlock {
    ContentBlock::ToolResult {
        id: id.to_owned(),
        content,
        is_error,
    }
}

pub(super) fn question() -> ModelRequest {
    ModelRequest {
        model: "some-model".to_owned(),
        system: "Be brief.".to_owned(),
        messages: vec![message(Role::User, vec![text("How is the sprint?")])],
        tools: vec![ToolSpec {
            name: "sprint_status".to_owned(),
            description: "Reads the sprint.".to_owned(),
            input_schema: json!({"type": "object", "properties": {"action": {"type": "string"}}}),
        }],
        max_tokens: 512,
        options: Default::default(),
        origin: None,
    }
}

/// One attempt, and the pieces that were heard.
pub(super) async fn ask(
    model: &SelectedModel,
    request: &ModelRequest,
) -> (Result<ModelReply, ModelError>, Vec<String>) {
    let mut heard = Vec::new();
    let reply = model
        .chat
        .reply(request, &mut |event: ModelEvent<'_>| {
            if let ModelEvent::Text(words) = event {
                heard.push(words.to_owned());
            }
        })
        .await;
    (reply, heard)
}

/// One attempt at the question, answered by this.
pub(super) async fn answered_by(
    provider: ProviderKind,
    answer: Answer,
) -> (Result<ModelReply, ModelError>, Vec<String>) {
    let server = ModelServer::scripted([answer]).await;
    ask(&model_at(provider, &server.url()).await, &question()).await
}

pub(super) async fn error_of(provider: ProviderKind, answer: Answer) -> ModelError {
    match answered_by(provider, answer.clone()).await.0 {
        Err(error) => error,
        Ok(reply) => panic!("{provider} took {answer:?} for {reply:?}"),
    }
}
