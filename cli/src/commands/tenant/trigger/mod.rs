//! `t3nets tenant trigger`: the phrases that mean a skill, and switching built-in ones off.

pub(in crate::commands) mod list;
pub(in crate::commands) mod switch;
pub(in crate::commands) mod test;

/// The verbs of `t3nets tenant trigger`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TriggerCommand {
    /// List the triggers of a tenant: its own and the built-in ones
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Show which trigger a message fires
    ///
    /// It only looks: nothing is asked of a model or an integration.
    Test(test::TestArgs),
    /// Switch built-in triggers off for a tenant
    ///
    /// What they took goes to the model, which may still use the skill.
    #[command(alias = "off")]
    Disable(switch::SwitchArgs),
    /// Switch built-in triggers on again
    #[command(alias = "on")]
    Enable(switch::SwitchArgs),
}
