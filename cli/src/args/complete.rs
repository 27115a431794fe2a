//! What the shell completes: environments, tenants, users, keys, secrets, asked for when Tab is
//! pressed. Nothing is said and nothing is made: where the answer does not come, or not in time,
//! there is nothing to complete.

use std::ffi::OsString;
use std::time::Duration;

use anstream::ColorChoice;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use t3nets_router::admin::Admin;
use t3nets_router::admin::settings::SettingKey;
use t3nets_router::model::{BudgetKey, ChannelKind, OwnBudgets, TenantId, UserRole};

use super::command_tree;
use crate::config::environment::PlatformKind;
use crate::config::settings::{Flags, Settings};
use crate::context::Context;
use crate::error::CliError;
use crate::hint::Call;
use crate::terminal::printer::Printer;

/// How long the shell waits at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Adds to every argument what can stand there.
pub(super) fn with_candidates(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let name = argument.get_value_names().and_then(|names| names.first());
        let candidates = match (name.map(|name| name.as_str()), argument.get_id().as_str()) {
            (Some("NAME"), "environment") => ArgValueCandidates::new(environments),
            (Some("TENANT"), _) => ArgValueCandidates::new(|| asked(Wanted::Tenants)),
            (Some("USER"), _) => ArgValueCandidates::new(|| asked(Wanted::Users)),
            (Some("KEY"), _) => ArgValueCandidates::new(|| asked(Wanted::Keys)),
            (Some("INTEGRATION"), _) => ArgValueCandidates::new(|| asked(Wanted::Secrets)),
            (Some("ROLE"), _) => ArgValueCandidates::new(|| {
                words([UserRole::Member, UserRole::Admin].map(UserRole::as_str))
            }),
            (Some("TYPE"), _) => {
                ArgValueCandidates::new(|| words(ChannelKind::ALL.map(ChannelKind::as_str)))
            }
            (Some("SETTING"), _) => {
                ArgValueCandidates::new(|| words(SettingKey::ALL.map(SettingKey::as_str)))
            }
            (Some("SETTING=VALUE"), _) => ArgValueCandidates::new(|| {
                words(SettingKey::ALL.map(|key| format!("{}=", key.as_str())))
            }),
            (Some("BUDGET"), _) => {
                ArgValueCandidates::new(|| own_budgets(|key| key.as_str().to_owned()))
            }
            (Some("BUDGET=VALUE"), _) => {
                ArgValueCandidates::new(|| own_budgets(|key| format!("{}=", key.as_str())))
            }
            _ => return argument,
        };
        argument.add(candidates)
    })
}

fn words<Word: Into<OsString>, const N: usize>(words: [Word; N]) -> Vec<CompletionCandidate> {
    words.map(CompletionCandidate::new).into()
}

fn own_budgets(word: impl Fn(BudgetKey) -> String) -> Vec<CompletionCandidate> {
    OwnBudgets::keys()
        .map(|key| CompletionCandidate::new(word(key)))
        .collect()
}

fn described(value: &str, help: impl Into<String>) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.into().into()))
}

fn settings() -> Result<Settings, CliError> {
    let flags = Flags {
        environment: typed(&["-e", "--env"]),
        ..Flags::default()
    };
    Settings::load(&flags, true)
}

fn environments() -> Vec<CompletionCandidate> {
    let Ok(settings) = settings() else {
        return Vec::new();
    };
    let all = settings.environments.iter();
    all.map(|environment| described(&environment.name, environment.platform.name()))
        .collect()
}

/// What is asked of the environment.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Tenants,
    Users,
    Keys,
    Secrets,
}

fn asked(wanted: Wanted) -> Vec<CompletionCandidate> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (Ok(settings), Ok(runtime)) = (settings(), runtime) else {
        return Vec::new();
    };
    let found =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(settings, wanted)).await });
    runtime.shutdown_background();
    found.unwrap_or(Ok(Vec::new())).unwrap_or_default()
}

async fn ask(settings: Settings, wanted: Wanted) -> Result<Vec<CompletionCandidate>, CliError> {
    let environment = settings.environment()?;
    // Opening a local environment makes it.
    if environment.platform == PlatformKind::Local && !environment.home.exists() {
        return Ok(Vec::new());
    }
    let printer = Printer::new(false, true, ColorChoice::Never, Call::new(command_tree));
    let admin = Context::new(settings, printer).admin().await?;
    let tenant = match typed(&["-t", "--tenant"]).map(|typed| typed.parse()) {
        Some(Ok(named)) => named,
        Some(Err(_)) => return Ok(Vec::new()),
        None => admin.usual_tenant().await?,
    };
    candidates(&admin, &tenant, wanted).await
}

async fn candidates(
    admin: &Admin,
    tenant: &TenantId,
    wanted: Wanted,
) -> Result<Vec<CompletionCandidate>, CliError> {
    Ok(match wanted {
        Wanted::Tenants => {
            let tenants = admin.tenants().await?;
            let named = tenants
                .iter()
                .map(|tenant| described(tenant.id.as_str(), &tenant.name));
            named.collect()
        }
        Wanted::Users => {
            let users = admin.users(tenant).await?;
            let named = users
                .iter()
                .map(|user| described(user.id.as_str(), &user.display_name));
            named.collect()
        }
        Wanted::Keys => {
            let keys = admin.keys(tenant).await?;
            let named = keys.iter().map(|key| described(&key.prefix, &key.name));
            named.collect()
        }
        Wanted::Secrets => {
            let secrets = admin.secrets(tenant).await?;
            let names = secrets
                .iter()
                .map(|secret| secret.name.integration.to_string());
            names.map(CompletionCandidate::new).collect()
        }
    })
}

/// The value of a flag on the line that is completed, which follows `--` among this program's own
/// arguments.
fn typed(names: &[&str]) -> Option<String> {
    let words = std::env::args().skip_while(|word| word != "--").skip(1);
    value_of(names, words)
}

fn value_of(names: &[&str], words: impl Iterator<Item = String>) -> Option<String> {
    let mut words = words;
    while let Some(word) = words.next() {
        if names.contains(&word.as_str()) {
            return words.next().filter(|value| !value.is_empty());
        }
        let long = names.iter().filter(|name| name.starts_with("--"));
        for name in long {
            let value = word
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='));
            if let Some(value) = value {
                return Some(value.to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flags_value_is_found_as_far_as_it_was_typed() {
        let value = |line: &str| value_of(&["-e", "--env"], line.split(' ').map(str::to_owned));
        assert_eq!(value("t3nets status -e dev").as_deref(), Some("dev"));
        assert_eq!(value("t3nets --env=prod status").as_deref(), Some("prod"));
        assert_eq!(value("t3nets status -e"), None);
        assert_eq!(value("t3nets status"), None);
    }
}
