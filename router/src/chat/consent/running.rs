//! Running what the user agreed to.

use serde_json::Value;

use super::{PendingCall, Question, name_shown};
use crate::admin::Admin;
use crate::chat::engine::Engine;
use crate::chat::tools::{self, TurnTools};
use crate::chat::{Caller, OnEvent, TurnEvent};
use crate::model::{ContentBlock, ModelMessage, Role, TenantId};

impl Engine {
    /// Runs what the user agreed to, one after the other, and gives calls and results as if the
    /// model had made them now. The audit trail says of each who agreed, without its arguments.
    pub(in crate::chat) async fn run_agreed(
        &self,
        caller: &Caller,
        question: &Question,
        tools: &TurnTools,
        on_event: &mut OnEvent<'_>,
    ) -> [ModelMessage; 2] {
        let mut calls = Vec::new();
        let mut results = Vec::new();
        let admin = Admin::new(self.platform.clone(), format!("user:{}", caller.user_id()));
        for (at, call) in question.calls.iter().enumerate() {
            on_event(TurnEvent::Tool { name: &call.name });
            tracing::info!(
                integration = %call.integration, tool = %call.tool, question = %question.id,
                "a tool is run that its user agreed to"
            );
            let arguments = Value::Object(call.arguments.clone());
            let running = tools
                .servers
                .call_agreed(&call.integration, &call.tool, &arguments);
            let result = audited(&admin, &caller.tenant.id, call, running).await;
            let id = format!("call_agreed_{at}");
            calls.push(ContentBlock::ToolUse {
                id: id.clone(),
                name: call.name.clone(),
                input: arguments,
            });
            let is_error = result.is_err();
            results.push(ContentBlock::ToolResult {
                id,
                content: tools::bounded(result.unwrap_or_else(|why| why)),
                is_error,
            });
        }
        [(Role::Assistant, calls), (Role::User, results)]
            .map(|(role, content)| ModelMessage { role, content })
    }
}

/// Runs a call that the user agreed to, between the two entries of it in the audit trail: one that
/// cannot be recorded is not run.
async fn audited(
    admin: &Admin,
    tenant: &TenantId,
    call: &PendingCall,
    running: impl Future<Output = Result<Value, Value>>,
) -> Result<Value, Value> {
    let target = format!("{}/{}", call.integration, name_shown(&call.tool));
    let intended = match admin.intend(tenant, "tool.run", &target).await {
        Ok(intended) => intended,
        Err(error) => {
            tracing::error!(%tenant, %target, %error, "a tool is not run: it cannot be recorded");
            return Err("it was not run: the audit trail cannot be written at present".into());
        }
    };
    let result = running.await;
    // The entry from before says already that it may have been done.
    if let Err(error) = intended.ended(result.is_ok()).await {
        tracing::warn!(%tenant, %target, %error, "how a tool's call ended cannot be recorded");
    }
    result
}
