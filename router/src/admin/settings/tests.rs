use crate::model::ChannelKind;

use super::*;
use serde_json::json;

fn tenant(settings: TenantSettings) -> Tenant {
    Tenant {
        id: crate::model::TenantId::usual(),
        name: "Default".to_owned(),
        status: crate::model::TenantStatus::Active,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        settings,
        extensions: JsonObject::new(),
        version: 0,
        other: Default::default(),
    }
}

fn accepted(key: &str, text: &str) -> bool {
    SettingEdit::set_text(key.parse().unwrap(), text).is_ok()
}

#[test]
fn the_defaults_that_are_told_are_those_that_hold() {
    let unset = TenantSettings::default();
    for (key, default) in [
        (
            SettingKey::MaxTokensPerMessage,
            u64::from(unset.max_tokens()),
        ),
        (SettingKey::MessagesPerDay, unset.daily_messages()),
        (
            SettingKey::MaxConversationHistory,
            u64::from(unset.history_turns()),
        ),
    ] {
        let told = format!("[default: {default}]");
        assert!(key.meaning().ends_with(&told), "{key}");
    }
    assert!(unset.allows_skill("ping"));
    assert!(tenant(unset).allows_channel(ChannelKind::Slack));
}

#[test]
fn settings_accept_what_their_rule_says() {
    for (key, good, bad) in [
        ("ai_provider", "offline", "gemini"),
        ("ai_model", "claude-sonnet", "two words"),
        ("system_prompt_override", "Be brief.", " "),
        ("max_tokens_per_message", "200000", "0"),
        ("max_tokens_per_message", "1", "200001"),
        ("enabled_channels", "slack, api", "slack,irc"),
        ("enabled_skills", "", "pong"),
        (
            "skill_triggers",
            "ping: are you awake, sprint_status/mine: what should I do next",
            "ping: are you awake, pong: hello there",
        ),
        ("disabled_triggers", "sprint board", "ping\u{7}"),
        ("messages_per_day", "0", "-1"),
        ("max_conversation_history", "1000", "1001"),
        ("max_conversation_history", " 7 ", "seven"),
        ("max_concurrent_calls", "1", "0"),
        ("retention_days", "30", "31"),
        ("retention_days", "1", "0"),
        ("guardrail_identifier", "gr1a2b3c4d5e", "My Guardrail"),
        (
            "guardrail_identifier",
            "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1",
            "arn:aws:s3:::guard",
        ),
        ("guardrail_version", "DRAFT", "draft"),
        ("guardrail_version", "3", "0"),
        ("tokens_per_month", "1000000000000", "1000000000001"),
        ("usd_per_month", "25", "$25"),
        ("usd_per_month", " 2.50 ", "1e9"),
        ("user_usd_per_day", "0", "-0.5"),
        ("key_messages_per_day", "5", "5.5"),
    ] {
        assert!(accepted(key, good), "{key}={good} was refused");
        assert!(!accepted(key, bad), "{key}={bad} was accepted");
    }
}

#[test]
fn json_values_are_held_to_the_same_rules_as_typed_ones() {
    assert!(SettingEdit::set(SettingKey::EnabledSkills, json!(["ping"])).is_ok());
    assert!(SettingEdit::set(SettingKey::EnabledSkills, json!([1])).is_err());
    assert!(SettingEdit::set(SettingKey::MaxTokensPerMessage, json!("12")).is_err());
    assert!(SettingEdit::set(SettingKey::AiModel, Value::Null).is_err());
}

#[test]
fn an_unknown_setting_is_named_with_those_there_are() {
    let error = "ai_modle".parse::<SettingKey>().unwrap_err().to_string();
    assert_eq!(
        error,
        "`ai_modle` is not a setting; did you mean `ai_model`?"
    );
    let error = "theme".parse::<SettingKey>().unwrap_err().to_string();
    assert!(error.contains("the settings are ai_provider,"), "{error}");
}

#[test]
fn a_name_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
    for (key, typed, meant) in [
        (
            SettingKey::EnabledSkills,
            "ping, sprint-status",
            "sprint_status",
        ),
        (SettingKey::EnabledSkills, "pong", "ping"),
        (SettingKey::AiProvider, "antropic", "anthropic"),
        (SettingKey::EnabledChannels, "dashbord", "dashboard"),
    ] {
        let error = SettingEdit::set_text(key, typed).unwrap_err().to_string();
        let meant = format!("did you mean `{meant}`?");
        assert!(error.ends_with(&meant), "{error}");
    }
}

#[test]
fn a_model_is_held_against_its_provider_when_it_is_set_and_only_then() {
    let edit = |key, text| SettingEdit::set_text(key, text).unwrap();
    let (provider, model) = (SettingKey::AiProvider, SettingKey::AiModel);
    let unset = tenant(TenantSettings::default());
    let error = edited(&unset, &[edit(model, "claude")]).unwrap_err();
    assert!(error.to_string().contains("did you mean"), "{error}");
    let both = [edit(model, "llama3.3"), edit(provider, "openai")];
    let stored = edited(&unset, &both).unwrap();
    // A model that an older program stored is no obstacle to other changes.
    let other = [edit(SettingKey::MessagesPerDay, "5")];
    let stored = tenant(TenantSettings {
        ai_provider: None,
        ..stored.settings
    });
    assert!(edited(&stored, &other).is_ok());
}

#[test]
fn edits_leave_other_settings_alone() {
    let settings: TenantSettings =
        serde_json::from_value(json!({"ai_model": "m", "messages_per_day": 5, "theme": "dark"}))
            .unwrap();
    let edits = [
        SettingEdit::unset(SettingKey::MessagesPerDay),
        SettingEdit::set_text(SettingKey::EnabledSkills, "ping").unwrap(),
    ];
    let settings = tenant(settings);
    assert_eq!(
        of(&edited(&settings, &edits).unwrap()),
        *json!({"ai_model": "m", "enabled_skills": ["ping"], "theme": "dark"})
            .as_object()
            .unwrap()
    );
    assert_eq!(
        changed_fields(&settings, &edits),
        ["messages_per_day", "enabled_skills"]
    );
}

#[test]
fn budgets_are_kept_apart_from_what_older_programs_read() {
    let (usd, tokens) = ("usd_per_month", "user_tokens_per_day");
    let edit = |key: &str, text| SettingEdit::set_text(key.parse().unwrap(), text).unwrap();
    let both = [edit(usd, "2.50"), edit(tokens, "1000")];
    let set = edited(&tenant(TenantSettings::default()), &both).unwrap();
    assert_eq!(set.settings, TenantSettings::default());
    let shown = json!({usd: 2.5, tokens: 1000});
    assert_eq!(of(&set), *shown.as_object().unwrap());
    assert_eq!(changed_fields(&set, &both), [""; 0]);
    let most: Vec<u64> = set.budgets().iter().map(|budget| budget.most).collect();
    assert_eq!(most, [1000, 2_500_000_000, 1000]);
    let unset = [usd, tokens].map(|key| SettingEdit::unset(key.parse().unwrap()));
    let unset = edited(&set, &unset).unwrap();
    assert!(unset.extensions.is_empty());
}

#[test]
fn channels_that_the_older_program_lists_are_not_set_until_an_operator_sets_them() {
    let saved = tenant(TenantSettings {
        enabled_channels: Some(vec!["dashboard".to_owned()]),
        ..TenantSettings::default()
    });
    assert_eq!(of(&saved), JsonObject::new());
    let set = [SettingEdit::set_text(SettingKey::EnabledChannels, "dashboard").unwrap()];
    assert_eq!(changed_fields(&saved, &set), ["enabled_channels"]);
    let chosen = edited(&saved, &set).unwrap();
    assert!(!chosen.allows_channel(ChannelKind::Api));
    assert_eq!(changed_fields(&chosen, &set), [""; 0]);
    // Other edits are no decision about it.
    let other = [SettingEdit::set_text(SettingKey::MessagesPerDay, "5").unwrap()];
    assert!(
        edited(&saved, &other)
            .unwrap()
            .allows_channel(ChannelKind::Api)
    );
    assert!(
        !edited(&chosen, &other)
            .unwrap()
            .allows_channel(ChannelKind::Api)
    );
    let unset = [SettingEdit::unset(SettingKey::EnabledChannels)];
    let unset = edited(&chosen, &unset).unwrap();
    assert!(unset.allows_channel(ChannelKind::Api) && unset.extensions.is_empty());
}

fn set_wording(tenant: &Tenant, model: Option<&str>) -> Result<Tenant, AdminError> {
    let key = SettingKey::Tier1FormattingModel;
    let edit = match model {
        Some(model) => SettingEdit::set_text(key, model)?,
        None => SettingEdit::unset(key),
    };
    edited(tenant, &[edit])
}

#[test]
fn a_model_for_wording_goes_where_the_older_program_reads_it_only_if_that_knows_it() {
    let of_wording = |tenant: &Tenant| of(tenant).get("tier1_formatting_model").cloned();
    // A tenant that only an earlier release of the older program may have written.
    let set = set_wording(&tenant(TenantSettings::default()), Some("nova-micro")).unwrap();
    assert_eq!(set.settings, TenantSettings::default());
    assert_eq!(of_wording(&set), Some(json!("nova-micro")));
    assert_eq!(
        set_wording(&set, None).unwrap(),
        tenant(TenantSettings::default())
    );
    // One whose settings have it.
    let saved = |model: &str| {
        let stored = json!({"ai_provider": "bedrock", "tier1_formatting_model": model});
        tenant(serde_json::from_value(stored).unwrap())
    };
    assert_eq!(of_wording(&saved("")), None);
    assert_eq!(saved("nova-micro").wording_model(), Some("nova-micro"));
    let set = set_wording(&saved(""), Some("nova-micro")).unwrap();
    assert_eq!(set, saved("nova-micro"));
    assert_eq!(of_wording(&set_wording(&set, None).unwrap()), None);
}

#[test]
fn a_model_for_wording_has_to_be_one_of_the_provider() {
    let stored = json!({"ai_provider": "anthropic"});
    let tenant = tenant(serde_json::from_value(stored).unwrap());
    assert!(set_wording(&tenant, Some("claude-haiku-4-5")).is_ok());
    let refused = set_wording(&tenant, Some("nova-micro")).unwrap_err();
    assert!(
        refused.to_string().contains("tier1_formatting_model"),
        "{refused}"
    );
}
