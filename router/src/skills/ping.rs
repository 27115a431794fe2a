//! `ping`: checks that the assistant responds. Needs no integration and no model.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::rules::Trigger;
use super::{Skill, SkillCall, SkillError};
use crate::model::ToolSpec;

/// Answers `pong` with the time.
pub(super) struct Ping {
    triggers: Vec<Trigger>,
}

impl Ping {
    pub(super) fn new() -> Self {
        Self {
            triggers: triggers(),
        }
    }
}

/// Every trigger.
pub(super) fn triggers() -> Vec<Trigger> {
    vec![Trigger::new("ping", json!({}))]
}

#[async_trait]
impl Skill for Ping {
    fn name(&self) -> &'static str {
        "ping"
    }

    fn summary(&self) -> &'static str {
        "check that the assistant responds"
    }

    fn integration(&self) -> Option<&'static str> {
        None
    }

    fn tool(&self) -> ToolSpec {
        ToolSpec {
            name: self.name().to_owned(),
            description: "Checks that the assistant responds. Call it only when asked to ping."
                .to_owned(),
            input_schema: json!({"type": "object", "properties": {}}),
        }
    }

    fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    async fn run(&self, call: &SkillCall, _input: &Value) -> Result<Value, SkillError> {
        Ok(json!({"pong": true, "at": call.now}))
    }

    fn describe(&self, _result: &Value) -> String {
        "Pong.".to_owned()
    }
}
