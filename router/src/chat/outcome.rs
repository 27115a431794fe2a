//! The result of a turn, before it is stored.

use serde_json::Value;

use super::consent::Question;
use super::{OnEvent, Route, TurnEvent};
use crate::ai::{NO_MODEL_NOTE, SelectedModel};
use crate::model::{ContentBlock, NanoUsd, StopReason, TokenUsage};

const FILTERED: &str = "(The model's content filter stopped this answer.)";
const GUARDRAIL: &str = "(A guardrail blocked or changed this answer.)";
const CUT_OFF: &str = "(The answer reached its longest length and was cut off.)";
const NO_ANSWER: &str = "(The model gave no answer.)";

/// The notes of earlier programs, which did not mark them where they stored them.
pub(super) const NOTES: [&str; 4] = [FILTERED, CUT_OFF, NO_ANSWER, NO_MODEL_NOTE];

/// The result of a turn while it is gathered: see [`TurnAnswer`](super::TurnAnswer) for the fields.
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) route: Route,
    pub(super) skills: Vec<String>,
    pub(super) model: Option<String>,
    pub(super) usage: TokenUsage,
    pub(super) cost: Option<NanoUsd>,
    pub(super) raw: bool,
    /// What was said at the end of the text that is not the answer's own.
    pub(super) note: Option<String>,
    /// Why the model stopped.
    pub(super) stop: StopReason,
    /// The calls of a client's own tools, which it is to make.
    pub(super) calls: Vec<ContentBlock>,
    /// What the user is asked.
    pub(super) question: Option<Question>,
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
            note: None,
            stop: StopReason::EndTurn,
            calls: Vec::new(),
            question: None,
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

    /// Says so where the text does not end by the model's own choice.
    pub(super) fn finish(&mut self, stop: StopReason, on_event: &mut OnEvent<'_>) {
        match stop {
            StopReason::Filtered => self.add_note(FILTERED, on_event),
            StopReason::Guardrail => self.add_note(GUARDRAIL, on_event),
            StopReason::MaxTokens => self.add_note(CUT_OFF, on_event),
            StopReason::ToolUse | StopReason::EndTurn if self.text.trim().is_empty() => {
                self.add_note(NO_ANSWER, on_event);
            }
            StopReason::ToolUse | StopReason::EndTurn => {}
        }
    }

    /// Adds a note behind the text, in a paragraph of its own.
    pub(super) fn add_note(&mut self, note: &str, on_event: &mut OnEvent<'_>) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
            on_event(TurnEvent::Delta("\n\n"));
        }
        self.text.push_str(note);
        on_event(TurnEvent::Delta(note));
        self.note = Some(match self.note.take() {
            Some(before) => format!("{before}\n\n{note}"),
            None => note.to_owned(),
        });
    }
}

/// A skill's result, for people who asked for its JSON.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
