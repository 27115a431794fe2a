//! What each setting is for and what it accepts, in words.

use super::SettingKey;
use crate::model::BudgetKey;

impl SettingKey {
    /// What the setting is for, with what holds where it is not set.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AiProvider => "who answers [default: the router's own]",
            Self::AiModel => "the model that answers [default: the router's own]",
            Self::Tier1FormattingModel => {
                "the model that words the results of skills a rule chose, such as a cheaper one [default: ai_model]"
            }
            Self::FallbackModel => {
                "the model that is asked while the other is throttled or down [default: none]"
            }
            Self::ProfileModel => {
                "the model behind application inference profiles, which tells their price [default: unknown]"
            }
            Self::SystemPromptOverride => {
                "instructions in place of the built-in ones [default: those]"
            }
            Self::MaxTokensPerMessage => "the longest answer, in tokens [default: 4096]",
            Self::EnabledChannels => "where people may ask [default: everywhere]",
            Self::EnabledSkills => "the skills that may be used [default: all]",
            Self::SkillTriggers => {
                "phrases that mean a skill, beside the built-in ones [default: none]"
            }
            Self::DisabledTriggers => "built-in phrases that mean no skill here [default: none]",
            Self::MessagesPerDay => BudgetKey::MESSAGES_PER_DAY.meaning(),
            Self::Budget(key) => key.meaning(),
            Self::MaxConversationHistory => {
                "turns of a conversation that the model is given [default: 20]"
            }
            Self::MaxConcurrentCalls => {
                "questions that may be with a model at once [default: no limit]"
            }
            Self::RetentionDays => {
                "days after their last turn until conversations are deleted [default: 30]"
            }
            Self::GuardrailIdentifier => {
                "the Bedrock guardrail for questions and answers [default: none]"
            }
            Self::GuardrailVersion => "which version of the guardrail [default: DRAFT]",
        }
    }

    /// What the setting accepts, in words.
    pub fn rule(self) -> &'static str {
        match self {
            Self::AiProvider => "must be one of bedrock, anthropic, openai, offline",
            Self::AiModel | Self::Tier1FormattingModel => {
                "must be a model's name or id, without spaces"
            }
            Self::FallbackModel => {
                "must be a model's name or id, without spaces; of another provider as `anthropic/NAME`"
            }
            Self::ProfileModel => {
                "must be the name or id of a model of Bedrock's that is known here"
            }
            Self::SystemPromptOverride => "must be a text of 1 to 32768 bytes",
            Self::MaxTokensPerMessage => "must be a whole number from 1 to 200000",
            Self::EnabledChannels => {
                "must be a list of dashboard, api, slack, teams, telegram, separated by commas"
            }
            Self::EnabledSkills => {
                "must be a list of ping, sprint_status, release_notes, separated by commas"
            }
            Self::SkillTriggers => {
                "must be up to 50 phrases like `sprint_status/blockers: what holds us up`, separated by commas"
            }
            Self::DisabledTriggers => {
                "must be up to 100 built-in phrases like `sprint_status: sprint board`, separated by commas"
            }
            Self::MessagesPerDay => BudgetKey::MESSAGES_PER_DAY.rule(),
            Self::Budget(key) => key.rule(),
            Self::MaxConversationHistory => "must be a whole number from 0 to 1000",
            Self::MaxConcurrentCalls => "must be a whole number from 1 to 10000",
            Self::RetentionDays => "must be a whole number from 1 to 30",
            Self::GuardrailIdentifier => "must be a guardrail's id or ARN, without spaces",
            Self::GuardrailVersion => "must be DRAFT or a version's number, as a text",
        }
    }
}
