//! The result of a turn, before it is stored.

use serde_json::Value;

use super::{OnEvent, Route, TurnEvent};
use crate::ai::SelectedModel;
use crate::model::{NanoUsd, StopReason, TokenUsage};

/// The result of a turn while it is gathered: see [`TurnAnswer`](super::TurnAnswer) for the fields.
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) route: Route,
    pub(super) skills: Vec<String>,
    pub(super) model: Option<String>,
    pub(super) usage: TokenUsage,
    pub(super) cost: Option<NanoUsd>,
    pub(super) raw: bool,
}

impl Outcome {
    pub(super) fn without_model(
        text: String,
        route: Route,
        skills: Vec<String>,
        raw: bool,
    ) -> Self {
        Self {
            text,
            route,
            skills,
            model: None,
            usage: TokenUsage::default(),
            cost: Some(NanoUsd(0)),
            raw,
        }
    }

    pub(super) fn with_model(route: Route, skills: Vec<String>, selected: &SelectedModel) -> Self {
        let model = Some(selected.name.clone());
        Self {
            model,
            ..Self::without_model(String::new(), route, skills, false)
        }
    }

    pub(super) fn add(&mut self, usage: TokenUsage, cost: Option<NanoUsd>) {
        self.usage += usage;
        self.cost = match (self.cost, cost) {
            (Some(mut sum), Some(cost)) => {
                sum += cost;
                Some(sum)
            }
            _ => None,
        };
    }

    /// Adds a note where the text does not end by the model's own choice.
    pub(super) fn finish(&mut self, stop: StopReason, on_event: &mut OnEvent<'_>) {
        let note = match stop {
            StopReason::Filtered => "(The model's content filter stopped this answer.)",
            StopReason::MaxTokens => "(The answer reached its longest length and was cut off.)",
            StopReason::ToolUse | StopReason::EndTurn if self.text.trim().is_empty() => {
                "(The model gave no answer.)"
            }
            StopReason::ToolUse | StopReason::EndTurn => return,
        };
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
            on_event(TurnEvent::Delta("\n\n"));
        }
        self.text.push_str(note);
        on_event(TurnEvent::Delta(note));
    }
}

/// A skill's result, for people who asked for its JSON.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
