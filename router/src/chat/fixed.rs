//! Answers that need neither a skill nor a model: small talk, and where a rule knows the skill that
//! is meant, but the tenant cannot use it, who can change that, and where. Pure.
//!
//! A person gets the latter as the answer; a program that asks for a skill's JSON gets an error.

use super::outcome::Outcome;
use super::{Caller, OnEvent, Route, TurnError, TurnEvent, TurnRequest, conversational};
use crate::model::UserRole;
use crate::skills::SkillSet;

/// The fixed answer to the message, if there is one.
pub(super) fn answer(request: &TurnRequest, skills: &SkillSet) -> Option<(Route, String)> {
    match conversational::classify(&request.message) {
        Some(kind) => Some((Route::Conversational, conversational::answer(kind, skills))),
        None => Some((Route::Rule, switched_off(request, skills)?)),
    }
}

/// The answer to a message that means a skill which the tenant switched off, and none that it has.
fn switched_off(request: &TurnRequest, skills: &SkillSet) -> Option<String> {
    let tenant = &request.caller.tenant;
    let is_on = |name: &str| tenant.settings.allows_skill(name);
    if request.raw || skills.iter().all(|skill| is_on(skill.name())) {
        return None;
    }
    let rules = skills.rules_of(tenant);
    let meant = rules.best_match(&request.message, |name| !is_on(name))?;
    if rules.best_match(&request.message, is_on).is_some() {
        return None;
    }
    let wanted = skills.iter().map(|skill| skill.name());
    let wanted = wanted.filter(|name| is_on(name) || *name == meant.skill);
    let list: Vec<&str> = wanted.collect();
    let how = how(
        &request.caller,
        "switch it on",
        "Settings",
        &format!(
            "tenant set -t {} enabled_skills={}",
            request.caller.tenant.id,
            list.join(",")
        ),
    );
    Some(format!(
        "The skill `{}` answers this, but it is switched off for your team. {how}",
        meant.skill
    ))
}

/// The outcome in the place of a skill's whose integration is not connected; any other error as it
/// is.
pub(super) fn instead_of(
    error: TurnError,
    request: &TurnRequest,
    on_event: &mut OnEvent<'_>,
) -> Result<Outcome, TurnError> {
    let TurnError::NotConnected {
        integration,
        tenant,
    } = &error
    else {
        return Err(error);
    };
    if request.raw {
        return Err(error);
    }
    let how = how(
        &request.caller,
        "connect it",
        "Integrations",
        &format!("secret set {integration} -t {tenant}"),
    );
    let text = format!(
        "The answer to this is read from `{integration}`, which is not connected for your team yet. {how}"
    );
    on_event(TurnEvent::Delta(&text));
    Ok(Outcome::without_model(text, Route::Rule, Vec::new(), false))
}

/// Who can do it, and where.
fn how(caller: &Caller, what: &str, view: &str, command: &str) -> String {
    match caller.role {
        UserRole::Admin => {
            format!("You can {what} in the dashboard, under {view}, or with `t3nets {command}`.")
        }
        UserRole::Member => format!(
            "An administrator of your team can {what} in the dashboard, under {view}, or an operator with `t3nets {command}`."
        ),
    }
}
