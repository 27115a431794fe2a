//! Answers of a form that a client asks for, by models that have it and by those that do not.

use serde_json::{Value, json};
use support::model::{Answer, ModelServer};
use t3nets_router::ai::{ProviderKind, SelectedModel};
use t3nets_router::model::{
    ContentBlock, ModelReply, ModelRequest, ResponseFormat, ResponseSchema, StopReason,
};
use t3nets_router::ports::{ModelError, ModelEvent};

use super::ask::{CITY, PROVIDERS, ask, bedrock_at, model_at, question, schema};

/// The question, to be answered by a city.
fn asked(strict: Option<bool>) -> ModelRequest {
    let mut request = question();
    request.tools.clear();
    request.options.format = Some(ResponseFormat::Schema(ResponseSchema {
        name: "place".to_owned(),
        description: Some("Where it is.".to_owned()),
        schema: schema(),
        strict,
    }));
    request
}

/// One attempt as a turn makes it, and what was heard.
async fn come(
    model: &SelectedModel,
    request: &ModelRequest,
) -> (Result<ModelReply, ModelError>, Vec<String>) {
    let mut heard = Vec::new();
    let mut listen = |event: ModelEvent<'_>| {
        if let ModelEvent::Text(words) = event {
            heard.push(words.to_owned());
        }
    };
    (model.reply(request, &mut listen).await, heard)
}

#[tokio::test]
async fn a_schema_is_sent_as_each_provider_takes_it() {
    for provider in PROVIDERS {
        let server = ModelServer::answering(|_| Answer::text(CITY)).await;
        let model = model_at(provider, &server.url()).await;
        ask(&model, &asked(Some(true))).await.0.unwrap();
        let body = server.requests()[0].body.clone();
        let written = schema().to_string();
        let (at, expected) = match provider {
            ProviderKind::Bedrock => (
                "/outputConfig",
                json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
                    "name": "place", "description": "Where it is.", "schema": written,
                }}}}),
            ),
            ProviderKind::Anthropic => (
                "/output_config",
                json!({"format": {"type": "json_schema", "schema": schema()}}),
            ),
            _ => (
                "/response_format",
                json!({"type": "json_schema", "json_schema": {
                    "name": "place", "description": "Where it is.", "schema": schema(), "strict": true,
                }}),
            ),
        };
        assert_eq!(body.pointer(at), Some(&expected), "{provider}: {body}");
    }
}

#[tokio::test]
async fn a_model_that_is_held_to_a_schema_streams_its_json() {
    let server = ModelServer::answering(|_| Answer::text(CITY).in_chunks(3)).await;
    let model = bedrock_at(&server.url(), "us-east-1", "claude-sonnet-4-5").await;
    let (reply, heard) = come(&model, &asked(Some(true))).await;
    assert_eq!((heard.len(), &*heard.concat()), (3, CITY));
    assert_eq!(reply.unwrap().text(), CITY);
    let body = server.requests()[0].body.clone();
    assert!(body["outputConfig"].is_object() && body.get("toolConfig").is_none());
}

#[tokio::test]
async fn a_model_that_is_not_is_given_a_tool_whose_input_is_the_text() {
    // Who is not strict may go beyond what the provider takes.
    for (name, strict, choice) in [
        (
            "claude-sonnet-4-5",
            None,
            json!({"tool": {"name": "give_answer"}}),
        ),
        (
            "nova-lite",
            Some(true),
            json!({"tool": {"name": "give_answer"}}),
        ),
        ("llama-4-scout", Some(true), Value::Null),
        ("claude-sonnet-5-5", Some(true), Value::Null),
    ] {
        let server = ModelServer::answering(|_| {
            Answer::text("Here it is.").and_tool("t1", "give_answer", json!({"city": "Bern"}))
        })
        .await;
        let model = bedrock_at(&server.url(), "us-east-1", name).await;
        let (reply, heard) = come(&model, &asked(strict)).await;
        let reply = reply.unwrap();
        assert_eq!(
            reply.content,
            [ContentBlock::Text(CITY.to_owned())],
            "{name}"
        );
        assert_eq!(
            (reply.stop, heard),
            (StopReason::EndTurn, vec![CITY.to_owned()])
        );
        let body = server.requests()[0].body.clone();
        assert!(body.get("outputConfig").is_none());
        assert_eq!(body["toolConfig"]["toolChoice"], choice, "{name}");
        let tool = &body["toolConfig"]["tools"][0]["toolSpec"];
        assert_eq!(tool["inputSchema"]["json"], schema());
        assert_eq!(
            tool["description"],
            "Gives the answer, `place`. Where it is."
        );
        assert!(
            body["system"].to_string().contains("`give_answer`"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_object_is_asked_for_in_words_and_read_out_of_them() {
    let fenced = "```json\n{\"city\": \"Bern\"}\n```";
    for (said, expected) in [
        (fenced, Some(CITY)),
        (CITY, Some(CITY)),
        ("It is Bern.", None),
    ] {
        let server = ModelServer::answering(move |_| Answer::text(said).in_chunks(4)).await;
        let mut request = question();
        request.options.format = Some(ResponseFormat::Object);
        let model = model_at(ProviderKind::Anthropic, &server.url()).await;
        let (reply, heard) = come(&model, &request).await;
        let text = reply.as_ref().ok().map(ModelReply::text);
        assert_eq!(text.as_deref(), expected, "{said}: {reply:?}");
        assert_eq!(heard.concat(), expected.unwrap_or_default());
        let body = server.requests()[0].body.clone();
        assert!(body["system"].to_string().contains("one JSON object"));
    }
    let server = ModelServer::answering(|_| Answer::text(CITY)).await;
    let mut request = question();
    request.options.format = Some(ResponseFormat::Object);
    let model = model_at(ProviderKind::OpenAi, &server.url()).await;
    come(&model, &request).await.0.unwrap();
    let body = server.requests()[0].body.clone();
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
}
