//! Secrets in Secrets Manager, and what only this adapter promises: names, tags, and other
//! programs' secrets.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use serde_json::json;
use t3nets_router::aws::SecretsManager;
use t3nets_router::model::{SecretDocument, SecretName};
use t3nets_router::ports::{PutOutcome, SecretStore, StoreError};

use crate::aws::AwsFixture;
use crate::fixture::{at_once, object, secret_name, unique_tenant_id};

struct Secrets {
    client: Client,
    store: SecretsManager,
    name: SecretName,
    id: String,
}

impl Secrets {
    async fn new() -> Option<Self> {
        let fixture = AwsFixture::on_ministack().await?;
        let client = Client::new(&fixture.sdk);
        let name = secret_name(&unique_tenant_id(), "jira");
        Some(Self {
            store: SecretsManager::new(client.clone(), AwsFixture::prefix()),
            id: format!("/t3nets/conformance/tenants/{}/jira", name.tenant_id),
            client,
            name,
        })
    }

    async fn create(&self, value: &str) {
        let create = self.client.create_secret().name(&self.id);
        create.secret_string(value).send().await.unwrap();
    }

    async fn tags(&self) -> Vec<Tag> {
        let described = self.client.describe_secret().secret_id(&self.id).send();
        let mut tags = described.await.unwrap().tags.unwrap_or_default();
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        tags
    }

    fn expected_tags(&self) -> Vec<Tag> {
        [
            ("Integration", "jira"),
            ("Project", "t3nets"),
            ("TenantId", self.name.tenant_id.as_str()),
        ]
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .to_vec()
    }
}

fn document(token: &str) -> SecretDocument {
    SecretDocument::new(object(json!({"api_token": token})))
}

#[tokio::test]
async fn a_secret_has_its_name_its_tags_and_json() {
    let Some(secrets) = Secrets::new().await else {
        return;
    };
    secrets
        .store
        .put(&secrets.name, &document("one"))
        .await
        .unwrap();
    let stored = secrets.client.get_secret_value().secret_id(&secrets.id);
    let stored = stored.send().await.unwrap();
    assert_eq!(stored.secret_string(), Some(r#"{"api_token":"one"}"#));
    assert_eq!(secrets.tags().await, secrets.expected_tags());
}

#[tokio::test]
async fn a_foreign_secret_is_taken_over_with_its_tags_completed() {
    let Some(secrets) = Secrets::new().await else {
        return;
    };
    secrets.create(r#"{ "api_token" : "one" }"#).await;
    let (store, name) = (&secrets.store, &secrets.name);
    assert_eq!(store.get(name).await, Ok(Some(document("one"))));
    assert_eq!(
        store.put(name, &document("one")).await,
        Ok(PutOutcome::Unchanged)
    );
    assert_eq!(secrets.tags().await, secrets.expected_tags());
    assert_eq!(
        store.put(name, &document("two")).await,
        Ok(PutOutcome::Updated)
    );
}

#[tokio::test]
async fn a_value_that_is_no_object_is_not_repeated_and_can_be_replaced() {
    let Some(secrets) = Secrets::new().await else {
        return;
    };
    secrets.create("hunter2").await;
    let (store, name) = (&secrets.store, &secrets.name);
    let Err(error @ StoreError::Corrupt { .. }) = store.get(name).await else {
        panic!("it was read");
    };
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(
        store.put(name, &document("one")).await,
        Ok(PutOutcome::Updated)
    );
    assert_eq!(store.get(name).await, Ok(Some(document("one"))));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_the_call() {
    let Some(secrets) = Secrets::new().await else {
        return;
    };
    let too_large = document(&"x".repeat(65_536));
    let refused = secrets.store.put(&secrets.name, &too_large).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge(_))),
        "{refused:?}"
    );
    let fits = document(&"x".repeat(65_000));
    assert_eq!(
        secrets.store.put(&secrets.name, &fits).await,
        Ok(PutOutcome::Created)
    );
}

#[tokio::test]
async fn creators_at_once_end_well() {
    let Some(secrets) = Secrets::new().await else {
        return;
    };
    let puts = (0..8).map(|n| {
        let store = SecretsManager::new(secrets.client.clone(), AwsFixture::prefix());
        let name = secrets.name.clone();
        async move { store.put(&name, &document(&n.to_string())).await.unwrap() }
    });
    let outcomes = at_once(puts).await;
    let created = outcomes
        .iter()
        .filter(|&&outcome| outcome == PutOutcome::Created);
    assert_eq!(created.count(), 1, "{outcomes:?}");
}
