//! Writes that AWS made and whose answer never came.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use jiff::Timestamp;
use serde_json::json;
use t3nets_router::aws::{DynamoConversations, SecretsManager};
use t3nets_router::model::SecretDocument;
use t3nets_router::ports::{ConversationStore, PutOutcome, SecretStore, StoreError, Window};

use crate::aws::AwsFixture;
use crate::conversations::{key_of, owner_of, turn};
use crate::fixture::{Fixture, let_in, object, secret_name, unique_tenant_id};

/// Turns answers to writes that were made into a server's failure. For calls that follow each
/// other.
#[derive(Debug, Clone)]
struct LosesAnswers {
    operation: &'static str,
    left: Arc<AtomicUsize>,
    is_meant: Arc<AtomicBool>,
}

impl LosesAnswers {
    fn to(operation: &'static str) -> Self {
        Self {
            operation,
            left: Arc::new(AtomicUsize::new(1)),
            is_meant: Arc::default(),
        }
    }

    fn has_lost(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

impl Intercept for LosesAnswers {
    fn name(&self) -> &'static str {
        "LosesAnswers"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target");
        let is_meant = target.is_some_and(|target| target.ends_with(self.operation));
        self.is_meant.store(is_meant, Ordering::SeqCst);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let was_made =
            self.is_meant.load(Ordering::SeqCst) && context.response().status().is_success();
        let take = |left: usize| left.checked_sub(1);
        if was_made
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
        {
            *context.response_mut().status_mut() = 500.try_into()?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_double_a_turn() {
    let Some(fixture) = AwsFixture::on_ministack().await else {
        return;
    };
    let table = &fixture.tables.conversations;
    let config = fixture.sdk.clone();
    for sdk_repeats in [true, false] {
        let store_with = |losing: &LosesAnswers| {
            let config = aws_sdk_dynamodb::Config::from(&config).to_builder();
            let mut config = config.interceptor(losing.clone());
            if !sdk_repeats {
                config = config.retry_config(RetryConfig::disabled());
            }
            let client = aws_sdk_dynamodb::Client::from_conf(config.build());
            DynamoConversations::new(client, table, &fixture.tables.tenants)
        };
        let (key, now) = (
            key_of(&owner_of(&unique_tenant_id()), "session"),
            Timestamp::now(),
        );
        let_in(&fixture.platform().await, &key.owner).await;
        let read = async |store: &DynamoConversations| {
            let window = Window {
                messages: 100,
                bytes: usize::MAX,
            };
            store.recent(&key, window, now).await.unwrap()
        };
        let mut all = Vec::new();
        for (operation, question) in [
            (".TransactWriteItems", "short".to_owned()),
            (".UpdateItem", "short".to_owned()),
            (".TransactWriteItems", "x".repeat(80_000)),
        ] {
            let losing = LosesAnswers::to(operation);
            let store = store_with(&losing);
            let turn = turn(&question, operation);
            store.append(&key, &turn, now).await.unwrap();
            assert!(losing.has_lost(), "{operation}");
            all.extend(turn);
            assert!(read(&store).await == all, "{operation}");
        }
        let losing = LosesAnswers::to(".DeleteItem");
        let store = store_with(&losing);
        let cleared = store.clear(&key, now).await;
        match sdk_repeats {
            true => assert_eq!(cleared, Ok(true)),
            false => assert!(matches!(cleared, Err(StoreError::Unavailable(_)))),
        }
        assert!(losing.has_lost());
        assert_eq!(read(&store).await, []);
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_change_what_was_done_to_a_secret() {
    let Some(fixture) = AwsFixture::on_ministack().await else {
        return;
    };
    let config = fixture.sdk.clone();
    let name = secret_name(&unique_tenant_id(), "jira");
    let losing_to = |operation| {
        let losing = LosesAnswers::to(operation);
        let config = aws_sdk_secretsmanager::Config::from(&config).to_builder();
        let config = config.interceptor(losing.clone()).build();
        let client = aws_sdk_secretsmanager::Client::from_conf(config);
        (SecretsManager::new(client, AwsFixture::prefix()), losing)
    };
    // On AWS the first is told to have been created: the call's token is its version's id there,
    // but not on ministack.
    for (operation, token, outcomes) in [
        (
            ".CreateSecret",
            "one",
            [PutOutcome::Created, PutOutcome::Unchanged],
        ),
        (".UpdateSecret", "two", [PutOutcome::Updated; 2]),
    ] {
        let (store, losing) = losing_to(operation);
        let document = SecretDocument::new(object(json!({"api_token": token})));
        let outcome = store.put(&name, &document).await.unwrap();
        assert!(outcomes.contains(&outcome), "{operation}: {outcome:?}");
        assert!(losing.has_lost(), "{operation}");
        assert_eq!(store.get(&name).await, Ok(Some(document)));
    }
    let (store, losing) = losing_to(".DeleteSecret");
    let gone_at = store.remove(&name).await.unwrap();
    assert!(losing.has_lost());
    let described = store.describe(&name).await.unwrap().unwrap();
    assert_eq!(described.deleted_for_good_at, Some(gone_at));
    let (store, losing) = losing_to(".RestoreSecret");
    store.restore(&name).await.unwrap();
    assert!(losing.has_lost());
    assert!(store.get(&name).await.unwrap().is_some());
}
