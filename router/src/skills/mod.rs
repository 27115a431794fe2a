//! What the assistant can do. A skill fetches data; it never words an answer for a model and never sees the conversation.
//!
//! [`Skill`] is what each one is, [`SkillSet`] all of them. [`rules`] decides from a message alone whether a skill is
//! meant. One file or folder per skill.

mod ping;
pub mod rules;
pub mod sprint_status;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::model::{IntegrationName, SecretDocument, ToolSpec};
use crate::outbound::ClientError;
use rules::Trigger;

/// Something the assistant can do.
#[async_trait]
pub trait Skill: Send + Sync {
    /// Its name, also the tool's: `sprint_status`.
    fn name(&self) -> &'static str;
    /// One line for people.
    fn summary(&self) -> &'static str;
    /// The integration whose credentials it needs.
    fn integration(&self) -> Option<&'static str>;
    /// What a model is told of it.
    fn tool(&self) -> ToolSpec;
    /// Messages that mean it.
    fn triggers(&self) -> &[Trigger];
    /// Does it. `input` is an object of the tool's schema, by a model or a [`Trigger`]; anything may be in it.
    async fn run(&self, call: &SkillCall, input: &Value) -> Result<Value, SkillError>;
    /// Words a result of [`Skill::run`] without a model, for people.
    fn describe(&self, result: &Value) -> String;
}

/// For whom a skill runs.
#[derive(Debug, Clone)]
pub struct SkillCall {
    /// The caller's e-mail address; `None` for anonymous callers.
    pub email: Option<String>,
    /// The credentials of the skill's integration; present if it needs one.
    pub credentials: Option<SecretDocument>,
    /// Now.
    pub now: Timestamp,
}

/// Why a skill gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SkillError {
    /// The kind, which decides the HTTP status.
    pub kind: SkillErrorKind,
    /// What failed and why, for the caller; holds no secret.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// Kinds of [`SkillError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkillErrorKind {
    /// The input or the request makes no sense (an anonymous caller asks for "mine").
    Input,
    /// The integration's settings are incomplete or wrong.
    Configuration,
    /// The outside system refused the credentials (401) or the permission (403).
    Denied,
    /// The outside system has no such thing (404).
    NotFound,
    /// The outside system limits the rate of requests (429).
    Throttled {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The outside system did not answer in time.
    TimedOut,
    /// The outside system cannot be reached, is broken, or answers in an unknown form.
    Unavailable,
}

/// All skills of a router.
#[derive(Clone)]
pub struct SkillSet {
    skills: Arc<[Arc<dyn Skill>]>,
}

impl SkillSet {
    /// The skills that T3nets ships.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn built_in() -> Result<Self, ClientError> {
        Ok(Self::new(vec![
            Arc::new(ping::Ping::new()),
            Arc::new(sprint_status::SprintStatus::new()?),
        ]))
    }

    /// These skills.
    pub fn new(skills: Vec<Arc<dyn Skill>>) -> Self {
        Self {
            skills: skills.into(),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Skill>> {
        self.skills.iter()
    }

    /// The one with this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Skill>> {
        self.skills.iter().find(|skill| skill.name() == name)
    }

    /// The integrations that skills need, each once.
    pub fn integrations(&self) -> Vec<IntegrationName> {
        let mut names: Vec<IntegrationName> = self
            .skills
            .iter()
            .filter_map(|skill| skill.integration()?.parse().ok())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
