//! What the assistant can do. A skill fetches data; it never words an answer for a model and never
//! sees the conversation.
//!
//! [`Skill`] is the trait, [`SkillSet`] holds all of them. [`rules`] decides from a message alone
//! whether a skill is meant; `addressing` takes off the name by which the assistant is addressed.
//! One file or folder per skill: `ping`, [`sprint_status`], [`release_notes`]; `jira` is what those
//! that read Jira share. `own_triggers` are the phrases that a tenant adds, `built_in_triggers` all
//! others, by the names with which it switches them off. `mcp` is anything else: the tools of
//! servers that tenants connect.

pub(crate) mod addressing;
pub(crate) mod built_in_triggers;
mod jira;
pub(crate) mod mcp;
pub(crate) mod own_triggers;
mod ping;
pub mod release_notes;
pub mod rules;
pub mod sprint_status;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moka::sync::Cache;
use serde_json::Value;

use self::built_in_triggers::Name;
pub(crate) use self::jira::settings::is_project_key;
pub use self::jira::{Access, Limits, Recording};
use self::mcp::Servers;
use self::own_triggers::OwnTrigger;
use self::rules::{Rules, Trigger};
use crate::config::PublicUrl;
use crate::model::{IntegrationName, SecretDocument, Tenant, ToolSpec};
use crate::outbound::{ClientError, Reach};

/// Something the assistant can do for a caller, by a rule or as a model's tool.
#[async_trait]
pub trait Skill: Send + Sync {
    /// The name in settings and of the tool: `sprint_status`.
    fn name(&self) -> &'static str;
    /// What it reports, in one line of help.
    fn summary(&self) -> &'static str;
    /// The integration whose credentials it needs.
    fn integration(&self) -> Option<&'static str>;
    /// The tool's description and JSON schema for a model.
    fn tool(&self) -> ToolSpec;
    /// Questions to begin with, each of which a rule answers with it.
    fn examples(&self) -> &'static [&'static str] {
        &[]
    }
    /// The same, of callers about themselves: who is not signed in gets no answer to them.
    fn own_examples(&self) -> &'static [&'static str] {
        &[]
    }
    /// The messages that a rule answers with it.
    fn triggers(&self) -> &[Trigger];
    /// Tries credentials on the integration, and tells what they reach; `None` if there is no way
    /// to try them.
    async fn check(&self, _credentials: &SecretDocument) -> Option<Result<Value, SkillError>> {
        None
    }
    /// Runs it. `input` comes from a model or a [`Trigger`] and must be checked: models do not keep
    /// to the schema.
    async fn run(&self, call: &SkillCall, input: &Value) -> Result<Value, SkillError>;
    /// Describes a result of [`Skill::run`] in words, for tenants without a model.
    fn describe(&self, result: &Value) -> String;
}

/// The caller and the credentials a skill runs with.
#[derive(Debug, Clone)]
pub struct SkillCall {
    /// The caller's e-mail address; `None` for anonymous callers.
    pub email: Option<String>,
    /// The credentials of [`Skill::integration`]; `None` if it has none.
    pub credentials: Option<SecretDocument>,
    /// The time the turn began.
    pub now: Timestamp,
}

/// Why a skill gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SkillError {
    /// Decides the HTTP status and code.
    pub kind: SkillErrorKind,
    /// What failed and why, for the caller; holds no secret.
    pub message: String,
    /// What the caller can do about it.
    pub hint: Option<String>,
}

/// What kind of failure a [`SkillError`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillErrorKind {
    /// The input is not valid, or does not apply to the caller (an anonymous caller asks for
    /// "mine").
    Input,
    /// The integration's settings are incomplete or wrong.
    Configuration,
    /// The external system refused the credentials (401) or the permission (403).
    Denied,
    /// The external system wants more than the account that was connected granted.
    MoreAccess {
        /// What it asks for: OAuth's scopes, with spaces between them.
        scopes: String,
    },
    /// The external system has no such thing (404).
    NotFound,
    /// The external system limits the rate of requests (429).
    Throttled {
        /// How long it asks to wait; `None` if it does not say.
        retry_after: Option<Duration>,
    },
    /// The external system did not answer in time.
    TimedOut,
    /// The external system cannot be reached, is broken, or answers in an unknown form.
    Unavailable,
}

/// The names of the skills that T3nets ships, as settings hold them.
pub const NAMES: [&str; 3] = ["ping", "sprint_status", "release_notes"];

/// What each of them can be asked for, what is meant without a word of it first.
pub(crate) const ACTIONS: [(&str, &[&str]); 3] = [
    ("ping", &[]),
    ("sprint_status", &["status", "blockers", "mine"]),
    ("release_notes", &["list_releases", "summarize"]),
];

/// How many tenants' own rules are kept: making some takes about a millisecond.
const KEPT_RULES: u64 = 256;

/// All skills of a router.
#[derive(Clone)]
pub struct SkillSet {
    skills: Arc<[Arc<dyn Skill>]>,
    rules: Arc<Rules>,
    /// The rules with tenants' own triggers, and without those that they switched off, by both.
    own_rules: Cache<TenantTriggers, Arc<Rules>>,
    servers: Option<Arc<Servers>>,
    public_url: Option<PublicUrl>,
}

impl SkillSet {
    /// The skills that T3nets ships; `reach` is where tenants' addresses may lead.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn built_in(reach: Reach) -> Result<Self, ClientError> {
        let jira = Access::new(Limits::default(), reach.clone())?;
        let built_in = Self::new(vec![
            Arc::new(ping::Ping::new()),
            Arc::new(sprint_status::SprintStatus::through(jira.clone())),
            Arc::new(release_notes::ReleaseNotes::through(jira)),
        ]);
        Ok(Self {
            servers: Some(Arc::new(Servers::new(reach, mcp::Limits::USUAL)?)),
            ..built_in
        })
    }

    /// A set of the given skills, in order, and no MCP servers.
    pub fn new(skills: Vec<Arc<dyn Skill>>) -> Self {
        let rules = Arc::new(Rules::of(&skills));
        Self {
            skills: skills.into(),
            rules,
            own_rules: Cache::new(KEPT_RULES),
            servers: None,
            public_url: None,
        }
    }

    /// The same in a router whose page is at this address.
    #[must_use]
    pub fn reached_at(self, public_url: Option<PublicUrl>) -> Self {
        Self { public_url, ..self }
    }

    /// Where the router's page is.
    pub(crate) fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref()
    }

    /// All skills, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Skill>> {
        self.skills.iter()
    }

    /// The way to tenants' MCP servers.
    pub(crate) fn servers(&self) -> Option<&Arc<Servers>> {
        self.servers.as_ref()
    }

    /// By which messages the skills are meant.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// By which messages a tenant means them: its own triggers come first, and those that it
    /// switched off take none.
    pub fn rules_of(&self, tenant: &Tenant) -> Arc<Rules> {
        let triggers = TenantTriggers::of(tenant);
        if triggers.own.is_empty() && triggers.off.is_empty() {
            return Arc::clone(&self.rules);
        }
        let made = || {
            let built_in = self.iter().flat_map(|skill| {
                let triggers = skill.triggers().iter();
                triggers.map(|trigger| (skill.name(), trigger))
            });
            Arc::new(triggers.rules(built_in, |name| self.get(name).is_some()))
        };
        self.own_rules.get_with_by_ref(&triggers, made)
    }

    /// The one with this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Skill>> {
        self.skills.iter().find(|skill| skill.name() == name)
    }

    /// Tries credentials on an integration, and tells what they reach, with the skill that tried;
    /// `None` if no skill can.
    pub async fn check(
        &self,
        integration: &IntegrationName,
        credentials: &SecretDocument,
    ) -> Option<(&'static str, Result<Value, SkillError>)> {
        if let (true, Some(servers)) = (integration.is_mcp_server(), &self.servers) {
            return Some(("mcp", servers.check(integration, credentials).await));
        }
        let name = Some(integration.as_str());
        for skill in self.iter().filter(|skill| skill.integration() == name) {
            if let Some(checked) = skill.check(credentials).await {
                return Some((skill.name(), checked));
            }
        }
        None
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

/// The triggers that a tenant added, and the built-in ones that it switched off.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TenantTriggers {
    own: Vec<String>,
    off: Vec<String>,
}

impl TenantTriggers {
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self {
            own: tenant.skill_triggers(),
            off: tenant.disabled_triggers(),
        }
    }

    /// The rules of these built-in triggers for the tenant.
    pub(crate) fn rules<'t>(
        &self,
        built_in: impl Iterator<Item = (&'static str, &'t Trigger)>,
        is_there: impl Fn(&str) -> bool,
    ) -> Rules {
        // What another release took and this one does not is left out.
        let own = self.own.iter().filter_map(|text| {
            let own = OwnTrigger::parse(text).ok()?;
            is_there(own.skill).then(|| (own.skill, own.trigger()))
        });
        let own: Vec<(&'static str, Trigger)> = own.collect();
        let off: Vec<Name<'_>> = self.off.iter().map(|stored| Name::read(stored)).collect();
        let is_off = |skill: &str, phrase: &str| off.iter().any(|name| name.is_of(skill, phrase));
        let on = built_in.filter(|(skill, trigger)| !is_off(skill, trigger.phrase()));
        let on: Vec<(&'static str, &Trigger)> = on.collect();
        let own = own.iter().map(|(skill, trigger)| (*skill, trigger));
        Rules::of_triggers(own.chain(on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_skills_there_are() {
        let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
        let names: Vec<&str> = skills.iter().map(|skill| skill.name()).collect();
        assert_eq!(names, NAMES);
    }

    #[test]
    fn the_actions_are_those_that_triggers_ask_for() {
        let skills = SkillSet::built_in(Reach::Anywhere).unwrap();
        for (skill, (name, actions)) in skills.iter().zip(ACTIONS) {
            assert_eq!(skill.name(), name);
            let asked = skill.triggers().iter();
            let asked = asked.filter_map(|trigger| trigger.input.get("action")?.as_str());
            let asked: std::collections::BTreeSet<&str> = asked.collect();
            assert_eq!(asked, actions.iter().copied().collect(), "{name}");
        }
    }
}
