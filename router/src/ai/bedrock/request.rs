//! A model's request in the form of Converse.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::error::BuildError;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    AnyToolChoice, ContentBlock as Block, ConversationRole, GuardrailConfiguration,
    GuardrailConverseContentBlock, GuardrailConverseTextBlock, GuardrailStreamConfiguration,
    GuardrailStreamProcessingMode, InferenceConfiguration, JsonSchemaDefinition, Message,
    OutputConfig, OutputFormat, OutputFormatStructure, OutputFormatType, ReasoningContentBlock,
    ReasoningTextBlock, SpecificToolChoice, SystemContentBlock, Tool, ToolChoice as Choice,
    ToolConfiguration, ToolInputSchema, ToolResultBlock, ToolResultContentBlock, ToolResultStatus,
    ToolSpecification, ToolUseBlock,
};
use aws_smithy_types::Document;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::document::to_document;
use crate::ai::{result_text, tool_arguments};
use crate::model::{
    ContentBlock, Guardrail, ModelMessage, ModelRequest, ResponseFormat, Role, ToolChoice, ToolSpec,
};
use crate::ports::ModelError;

/// The parts of a request, the same whether the answer is streamed or not.
pub(super) struct Parts {
    pub(super) messages: Vec<Message>,
    pub(super) system: Option<Vec<SystemContentBlock>>,
    pub(super) limits: InferenceConfiguration,
    pub(super) tools: Option<ToolConfiguration>,
    /// The form that the answer is to have.
    pub(super) output: Option<OutputConfig>,
    /// Parameters that only the model's own API has.
    pub(super) more: Option<Document>,
}

/// What AWS's log of calls keeps with this one, so that a tenant's share can be told:
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-request-metadata.html>.
pub(super) fn metadata(
    request: &ModelRequest,
    environment: &str,
) -> Option<HashMap<String, String>> {
    let origin = request.origin.as_ref()?;
    let known = [
        ("environment", Some(environment.to_owned())),
        ("tenant", Some(origin.tenant.to_string())),
        ("request_id", origin.request_id.clone()),
    ];
    let known = known.into_iter();
    Some(
        known
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect(),
    )
}

/// The parts of a request; `effort` is asked for if the model knows it. What a guardrail is to
/// assess is marked.
pub(super) fn parts(
    request: &ModelRequest,
    effort: Option<&str>,
    is_guarded: bool,
) -> Result<Parts, ModelError> {
    let invalid = |error: BuildError| ModelError::Rejected(error.to_string());
    let system = Some(request.system.as_str()).filter(|text| !text.trim().is_empty());
    Ok(Parts {
        messages: messages(&request.messages, is_guarded).map_err(invalid)?,
        system: system.map(|text| vec![SystemContentBlock::Text(text.to_owned())]),
        limits: limits(request),
        tools: tools(&request.tools, &request.options.tool_choice).map_err(invalid)?,
        output: output(request.options.format.as_ref()).map_err(invalid)?,
        // The parameter is Claude's; no other model of Bedrock has an effort in the table.
        more: effort.map(|effort| to_document(&json!({"output_config": {"effort": effort}}))),
    })
}

/// The question of the turn as a guardrail assesses it. Without a mark it would assess the whole
/// conversation each time, and block all that follows a question which it once blocked
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html>).
fn assessed(text: String) -> Result<GuardrailConverseContentBlock, BuildError> {
    let text = GuardrailConverseTextBlock::builder().text(text).build()?;
    Ok(GuardrailConverseContentBlock::Text(text))
}

pub(super) fn guardrail(guardrail: &Guardrail) -> GuardrailConfiguration {
    GuardrailConfiguration::builder()
        .guardrail_identifier(&guardrail.identifier)
        .guardrail_version(&guardrail.version)
        .build()
}

/// The same for a stream, of which nothing is sent on before it was assessed.
pub(super) fn streamed_guardrail(guardrail: &Guardrail) -> GuardrailStreamConfiguration {
    GuardrailStreamConfiguration::builder()
        .guardrail_identifier(&guardrail.identifier)
        .guardrail_version(&guardrail.version)
        .stream_processing_mode(GuardrailStreamProcessingMode::Sync)
        .build()
}

fn limits(request: &ModelRequest) -> InferenceConfiguration {
    let options = &request.options;
    let mut limits = InferenceConfiguration::builder()
        .max_tokens(i32::try_from(request.max_tokens).unwrap_or(i32::MAX))
        // The range ends at 1, and single precision is the API's own:
        // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
        .set_temperature(options.temperature.map(|heat| heat.min(1.0) as f32))
        .set_top_p(options.top_p.map(|share| share as f32));
    for text in &options.stop {
        limits = limits.stop_sequences(text);
    }
    limits.build()
}

/// What has to be a schema's
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>).
fn output(format: Option<&ResponseFormat>) -> Result<Option<OutputConfig>, BuildError> {
    let Some(ResponseFormat::Schema(of)) = format else {
        return Ok(None);
    };
    let schema = JsonSchemaDefinition::builder()
        .name(&of.name)
        .set_description(of.description.clone())
        .schema(of.schema.to_string())
        .build()?;
    let format = OutputFormat::builder()
        .r#type(OutputFormatType::JsonSchema)
        .structure(OutputFormatStructure::JsonSchema(schema))
        .build()?;
    Ok(Some(OutputConfig::builder().text_format(format).build()))
}

/// The messages without empty ones, which are refused; neighbours of one role are merged, since
/// roles must alternate
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html>).
fn messages(messages: &[ModelMessage], is_guarded: bool) -> Result<Vec<Message>, BuildError> {
    let mut merged: Vec<(Role, Vec<Block>)> = Vec::with_capacity(messages.len());
    let question = messages.iter().rposition(ModelMessage::begins_turn);
    for (at, message) in messages.iter().enumerate() {
        let mut blocks = Vec::with_capacity(message.content.len());
        for content in &message.content {
            blocks.extend(match block(content)? {
                Some(Block::Text(text)) if is_guarded && question == Some(at) => {
                    Some(Block::GuardContent(assessed(text)?))
                }
                other => other,
            });
        }
        match merged.last_mut() {
            _ if blocks.is_empty() => {}
            Some((role, before)) if *role == message.role => before.extend(blocks),
            _ => merged.push((message.role, blocks)),
        }
    }
    merged
        .into_iter()
        .map(|(role, mut blocks)| {
            // Claude refuses text before a tool's result:
            // https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use
            blocks.sort_by_key(|block| !matches!(block, Block::ToolResult(_)));
            Message::builder()
                .role(match role {
                    Role::User => ConversationRole::User,
                    Role::Assistant => ConversationRole::Assistant,
                })
                .set_content(Some(blocks))
                .build()
        })
        .collect()
}

fn block(block: &ContentBlock) -> Result<Option<Block>, BuildError> {
    Ok(match block {
        ContentBlock::Text(text) if text.trim().is_empty() => None,
        ContentBlock::Text(text) => Some(Block::Text(text.clone())),
        ContentBlock::ToolUse { id, name, input } => {
            let tool_use = ToolUseBlock::builder()
                .tool_use_id(id)
                .name(name)
                .input(to_document(&tool_arguments(input)))
                .build()?;
            Some(Block::ToolUse(tool_use))
        }
        ContentBlock::ToolResult {
            id,
            content,
            is_error,
        } => {
            let result = ToolResultBlock::builder()
                .tool_use_id(id)
                .content(ToolResultContentBlock::Text(result_text(content)))
                .set_status(is_error.then_some(ToolResultStatus::Error))
                .build()?;
            Some(Block::ToolResult(result))
        }
        ContentBlock::Reasoning(value) => reasoning(value)?.map(Block::ReasoningContent),
    })
}

/// The model's reasoning, as `answer` kept it. Another provider's form is left out.
fn reasoning(value: &Value) -> Result<Option<ReasoningContentBlock>, BuildError> {
    let redacted = value["redactedContent"]
        .as_str()
        .and_then(|text| BASE64.decode(text.as_bytes()).ok());
    if let Some(bytes) = redacted {
        return Ok(Some(ReasoningContentBlock::RedactedContent(Blob::new(
            bytes,
        ))));
    }
    let Some(text) = value["reasoningText"]["text"].as_str() else {
        return Ok(None);
    };
    let signature = value["reasoningText"]["signature"].as_str();
    let block = ReasoningTextBlock::builder()
        .text(text)
        .set_signature(signature.map(str::to_owned))
        .build()?;
    Ok(Some(ReasoningContentBlock::ReasoningText(block)))
}

fn tools(specs: &[ToolSpec], choice: &ToolChoice) -> Result<Option<ToolConfiguration>, BuildError> {
    if specs.is_empty() {
        return Ok(None);
    }
    let mut configuration = ToolConfiguration::builder();
    for spec in specs {
        let tool = ToolSpecification::builder()
            .name(&spec.name)
            .description(&spec.description)
            .input_schema(ToolInputSchema::Json(to_document(&spec.input_schema)))
            .build()?;
        configuration = configuration.tools(Tool::ToolSpec(tool));
    }
    let choice = match choice {
        ToolChoice::Auto => None,
        ToolChoice::Required => Some(Choice::Any(AnyToolChoice::builder().build())),
        ToolChoice::Named(name) => Some(Choice::Tool(
            SpecificToolChoice::builder().name(name).build()?,
        )),
    };
    Ok(Some(configuration.set_tool_choice(choice).build()?))
}
