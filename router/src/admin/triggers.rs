//! The triggers of a tenant: the built-in ones, of which it may switch some off, and its own.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::settings::{SettingEdit, SettingKey};
use super::tenants::TenantEdits;
use super::{Admin, AdminError, Edited};
use crate::model::{Tenant, TenantId};
use crate::skills::built_in_triggers::{BuiltInTrigger, Name, rules_of};
use crate::skills::own_triggers::OwnTrigger;

/// A phrase that means a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TriggerView {
    /// By which it is named: `sprint board`.
    pub phrase: String,
    /// The skill that it means; `null` of one that is not known here.
    pub skill: Option<&'static str>,
    /// What the skill is then asked for, if there is a choice.
    pub action: Option<String>,
    /// Where it comes from.
    pub origin: TriggerOrigin,
    /// Whether it takes messages.
    pub state: TriggerState,
    /// The words that a message must have, each with its alternatives.
    pub words: Vec<String>,
}

/// Where a trigger comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOrigin {
    /// From T3nets.
    BuiltIn,
    /// From the tenant (`skill_triggers`).
    Own,
}

/// Whether a trigger takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerState {
    /// It does.
    Enabled,
    /// The tenant switched it off.
    Disabled,
    /// The tenant switched it off, and this release does not have it: it takes none in any case.
    Unknown,
}

impl TriggerOrigin {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Own => "own",
        }
    }
}

impl TriggerState {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
        }
    }
}

/// A tenant's triggers: its own, the built-in ones by skill, and what it switched off and is not
/// known here.
pub fn triggers_of(tenant: &Tenant) -> Vec<TriggerView> {
    let stored = tenant.disabled_triggers();
    let off: Vec<Name<'_>> = stored.iter().map(|stored| Name::read(stored)).collect();
    let own = tenant.skill_triggers();
    let own = own.iter().filter_map(|text| OwnTrigger::parse(text).ok());
    let own = own.map(|own| TriggerView {
        phrase: own.phrase.clone(),
        skill: Some(own.skill),
        action: own.action.map(str::to_owned),
        origin: TriggerOrigin::Own,
        state: TriggerState::Enabled,
        words: vec![own.trigger().words().to_owned()],
    });
    let built_in = BuiltInTrigger::all().iter().map(|one| TriggerView {
        phrase: one.phrase.clone(),
        skill: Some(one.skill),
        action: one.action.clone(),
        origin: TriggerOrigin::BuiltIn,
        state: match off.iter().any(|name| name.is_of(one.skill, &one.phrase)) {
            true => TriggerState::Disabled,
            false => TriggerState::Enabled,
        },
        words: one.words.clone(),
    });
    let is_known = |name: &Name<'_>| {
        let mut all = BuiltInTrigger::all().iter();
        all.any(|one| name.is_of(one.skill, &one.phrase))
    };
    let named = stored.iter().zip(&off);
    let unknown = named.filter(|(_, name)| !is_known(name));
    let unknown = unknown.map(|(stored, _)| TriggerView {
        phrase: stored.clone(),
        skill: None,
        action: None,
        origin: TriggerOrigin::BuiltIn,
        state: TriggerState::Unknown,
        words: Vec::new(),
    });
    own.chain(built_in).chain(unknown).collect()
}

/// The one of a tenant's triggers that takes a message, if one does.
pub fn taking(tenant: &Tenant, message: &str) -> Option<TriggerView> {
    let allows = |name: &str| tenant.settings.allows_skill(name);
    let found = rules_of(tenant).best_match(message, allows)?;
    let mut all = triggers_of(tenant).into_iter();
    all.find(|one| {
        let is_own = one.origin == TriggerOrigin::Own;
        is_own == found.is_own && one.skill == Some(found.skill) && one.phrase == found.trigger
    })
}

impl Admin {
    /// Switches built-in triggers of a tenant off, and others on again.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] for a text that names no built-in trigger;
    /// [`AdminError::Changed`] if someone else changes the same at the same moment.
    pub async fn switch_triggers(
        &self,
        tenant: &TenantId,
        off: &[String],
        on: &[String],
    ) -> Result<Edited<Tenant>, AdminError> {
        let seen = self.tenant(tenant).await?;
        let mut stored = seen.disabled_triggers();
        for text in on {
            enable(&mut stored, text)?;
        }
        for text in off {
            let found = named(text)?;
            if !stored.iter().any(|stored| names(stored, found)) {
                stored.push(found.name());
            }
        }
        let edit = match stored.is_empty() {
            true => SettingEdit::unset(SettingKey::DisabledTriggers),
            false => SettingEdit::set(
                SettingKey::DisabledTriggers,
                stored.into_iter().map(Value::from).collect(),
            )?,
        };
        let edits = TenantEdits {
            name: None,
            settings: vec![edit],
        };
        self.set_tenant_as_seen(&seen, &edits).await
    }
}

/// Takes a trigger from those that are switched off, also one that is not known here.
fn enable(stored: &mut Vec<String>, text: &str) -> Result<(), AdminError> {
    let before = stored.len();
    let typed = text.trim();
    stored.retain(|stored| stored != typed);
    if stored.len() == before {
        let found = named(text)?;
        stored.retain(|stored| !names(stored, found));
    }
    Ok(())
}

fn names(stored: &str, trigger: &BuiltInTrigger) -> bool {
    Name::read(stored).is_of(trigger.skill, &trigger.phrase)
}

fn named(text: &str) -> Result<&'static BuiltInTrigger, AdminError> {
    BuiltInTrigger::find(text).map_err(|reason| {
        let text: String = text.chars().take(64).collect();
        let reason = format!("must be the phrase of a built-in trigger: `{text}` {reason}");
        AdminError::invalid("trigger", reason)
    })
}
