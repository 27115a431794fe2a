//! Task definitions as the JSON that travels. The SDK's types hold only what this version of it
//! knows; a field that is younger would be dropped from every next revision, without anybody
//! noticing.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::TaskDefinitionField;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use t3nets_router::aws::{AwsError, AwsErrorKind};

use super::error::ecs_error;
use crate::task_definition::{Tags, TaskDefinition};

/// Keeps an answer's body.
#[derive(Clone, Default)]
struct KeptBody(Arc<Mutex<Vec<u8>>>);

impl fmt::Debug for KeptBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptBody(…)")
    }
}

impl Intercept for KeptBody {
    fn name(&self) -> &'static str {
        "KeepBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let Some(body) = context.response().body().bytes() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        }
        Ok(())
    }
}

impl KeptBody {
    fn task_definition(&self, operation: &'static str) -> Result<TaskDefinition, AwsError> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer: Value = serde_json::from_slice(&body).map_err(|_| AwsError {
            service: "ecs",
            operation,
            kind: AwsErrorKind::Unreachable,
            code: None,
            message: "ECS's answer cannot be read".to_owned(),
            request_id: None,
        })?;
        let tags = answer["tags"].as_array();
        let tags: Tags = tags
            .into_iter()
            .flatten()
            .filter_map(|tag| {
                let text = |field: &str| tag[field].as_str().map(str::to_owned);
                Some((text("key")?, text("value").unwrap_or_default()))
            })
            .collect();
        Ok(TaskDefinition {
            definition: answer["taskDefinition"].take(),
            tags,
        })
    }
}

/// A revision; `None` if there is none of that name.
pub(super) async fn describe(
    client: &Client,
    name: &str,
) -> Result<Option<TaskDefinition>, AwsError> {
    const OPERATION: &str = "DescribeTaskDefinition";
    let kept = KeptBody::default();
    let answer = client
        .describe_task_definition()
        .task_definition(name)
        .include(TaskDefinitionField::Tags)
        .customize()
        .interceptor(kept.clone())
        .send()
        .await;
    match answer {
        Ok(_) => kept.task_definition(OPERATION).map(Some),
        Err(error) => {
            // ECS has no code for it: a ClientException says so in a sentence.
            let refused = error.as_service_error();
            let message = refused.and_then(|refused| refused.message());
            let message = message.unwrap_or_default().to_lowercase();
            if message.contains("unable to describe task definition") {
                return Ok(None);
            }
            Err(ecs_error(OPERATION, &error))
        }
    }
}

/// Registers a revision.
pub(super) async fn register(client: &Client, request: &Value) -> Result<TaskDefinition, AwsError> {
    const OPERATION: &str = "RegisterTaskDefinition";
    let kept = KeptBody::default();
    let body = request.to_string();
    client
        .register_task_definition()
        .customize()
        .mutate_request(move |sent| {
            sent.headers_mut()
                .insert("content-length", body.len().to_string());
            *sent.body_mut() = SdkBody::from(body.as_str());
        })
        .interceptor(kept.clone())
        .send()
        .await
        .map_err(|error| ecs_error(OPERATION, &error))?;
    kept.task_definition(OPERATION)
}
