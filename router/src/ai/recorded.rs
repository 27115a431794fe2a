//! What the adapters make of answers that were recorded or made up: they are read as those that
//! come from the network are, without asking anybody. This is what `tests/fuzz` throws bytes at.

use reqwest::Response;

use super::{anthropic, openai};
use crate::model::{ModelReply, ModelRequest};
use crate::ports::{Listener, ModelError};

/// Reads a successful response of chat completions, as OpenAI and compatible endpoints give it.
///
/// # Errors
/// If it is no whole answer.
pub async fn chat_completions(
    response: Response,
    request: &ModelRequest,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    openai::read(response, None, request, listen).await
}

/// Reads a successful response of Anthropic's Messages API.
///
/// # Errors
/// If it is no whole answer.
pub async fn messages(
    response: Response,
    request: &ModelRequest,
    listen: &mut Listener<'_>,
) -> Result<ModelReply, ModelError> {
    anthropic::read(response, None, request, listen).await
}
