use std::collections::BTreeSet;

use super::*;

fn table() -> Table {
    toml::from_str(include_str!("models.toml")).unwrap()
}

#[test]
fn every_name_and_id_means_one_model_that_a_provider_offers() {
    let mut seen = BTreeSet::new();
    for info in table().model {
        let ids: Vec<String> = [&info.anthropic, &info.openai, &info.bedrock]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        assert!(!ids.is_empty(), "`{}` has no provider", info.name);
        let mut own = BTreeSet::from([info.name.clone()]);
        own.extend(info.aliases);
        own.extend(ids);
        for text in own {
            assert!(seen.insert(text.clone()), "`{text}` means two models");
        }
    }
}

#[test]
fn every_default_is_offered_by_its_provider() {
    let table = table();
    assert_eq!(table.default.len(), 3);
    for (provider, name) in &table.default {
        let provider: ProviderKind = provider.parse().unwrap();
        let info = find(name).unwrap_or_else(|| panic!("`{name}` is not in the table"));
        assert!(info.id(provider).is_some(), "{provider} lacks `{name}`");
    }
}

#[test]
fn limits_and_prices_are_plausible() {
    for info in table().model {
        let name = &info.name;
        assert!(u64::from(info.max_output) < info.context, "{name}");
        assert!(info.abilities.contains(&Ability::Tools), "{name}");
        let mut holding = info.structured.iter();
        assert!(holding.all(|by| info.id(*by).is_some()), "{name}");
        for price in [Some(info.price), info.long_prompt.map(|long| long.price)]
            .into_iter()
            .flatten()
        {
            let Price {
                input,
                output,
                cache_read,
                cache_write,
            } = price;
            assert!(0.0 < input && input <= output && output < 1000.0, "{name}");
            assert!(
                cache_read.is_none_or(|read| 0.0 < read && read < input),
                "{name}"
            );
            assert!(cache_write.is_none_or(|write| write >= input), "{name}");
        }
    }
}

#[test]
fn a_call_costs_what_the_price_list_says() {
    let info = find("claude-sonnet-4-5").unwrap();
    let usage = TokenUsage {
        input: 1_000,
        output: 100,
        cache_read: 10_000,
        cache_write: 2_000,
    };
    // 1000 × $3 + 100 × $15 + 10 000 × $0.30 + 2000 × $3.75, per million.
    assert_eq!(info.cost(usage, &info.name), NanoUsd(15_000_000));
    // The cheapest token there is counts for something.
    let one = TokenUsage {
        cache_read: 1,
        ..TokenUsage::default()
    };
    assert_eq!(
        find("nova-micro").unwrap().cost(one, "nova-micro"),
        NanoUsd(9)
    );
    let endless = TokenUsage {
        input: u64::MAX / 4,
        output: u64::MAX / 4,
        cache_read: 0,
        cache_write: 0,
    };
    assert_eq!(info.cost(endless, &info.name), NanoUsd(u64::MAX));
}

#[test]
fn a_call_that_stays_in_its_geography_costs_more_than_one_that_may_go_anywhere() {
    let info = find("claude-haiku-4-5").unwrap();
    let usage = TokenUsage {
        input: 1_000_000,
        ..TokenUsage::default()
    };
    let id = info.bedrock.as_deref().unwrap();
    let arn = |resource: &str| format!("arn:aws:bedrock:eu-west-1:111122223333:{resource}");
    let own = arn("application-inference-profile/a1b2");
    for (by, tenths_of_cents) in [
        ("claude-haiku-4-5-20251001", 1_000),
        (&*format!("global.{id}"), 1_000),
        (&arn(&format!("inference-profile/global.{id}")), 1_000),
        (&format!("eu.{id}"), 1_100),
        (&arn(&format!("inference-profile/eu.{id}")), 1_100),
        (id, 1_100),
        (&own, 1_100),
        (without_account(&own), 1_100),
    ] {
        let cost = NanoUsd(tenths_of_cents * 1_000_000);
        assert_eq!(info.cost(usage, by), cost, "{by}");
    }
    let flat = find("nova-lite").unwrap();
    let by = |prefix: &str| format!("{prefix}{}", flat.bedrock.as_deref().unwrap());
    assert_eq!(flat.cost(usage, &by("us.")), flat.cost(usage, &by("")));
}

#[test]
fn a_long_prompt_costs_its_own_price() {
    let info = find("claude-haiku-5-5").unwrap();
    let of = |input| {
        let usage = TokenUsage {
            input,
            ..TokenUsage::default()
        };
        info.cost(usage, "claude-haiku-5-5")
    };
    assert_eq!(of(100_000), NanoUsd(10_000_000));
    assert_eq!(of(200_000), NanoUsd(100_000_000));
}

#[test]
fn bedrock_is_asked_through_the_nearest_inference_profile() {
    let id = |model: &str, region: &str| find(model).unwrap().bedrock_id(region).unwrap();
    let plain = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    for (region, prefix) in [
        ("us-east-1", "us"),
        ("eu-central-1", "eu"),
        ("ap-northeast-1", "jp"),
        ("ap-southeast-2", "au"),
        ("ap-south-1", "global"),
        ("sa-east-1", "global"),
    ] {
        assert_eq!(id("claude-sonnet-4-5", region), format!("{prefix}.{plain}"));
    }
    assert_eq!(
        id("nova-lite", "ap-northeast-1"),
        "apac.amazon.nova-lite-v1:0"
    );
    for bare in ["sa-east-1", "us-gov-west-1"] {
        assert_eq!(id("nova-lite", bare), "amazon.nova-lite-v1:0");
    }
}

#[test]
fn what_a_setting_names_on_bedrock_is_asked_for_and_its_price_known_where_it_can_be_told() {
    let sonnet = Some("claude-sonnet-4-5");
    let plain = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let arn = |resource: &str| format!("arn:aws:bedrock:eu-west-1:123456789012:{resource}");
    for (text, known) in [
        ("amazon.nova-lite-v1:0".to_owned(), Some("nova-lite")),
        (format!("us.{plain}"), sonnet),
        (format!("global.{plain}"), sonnet),
        (arn(&format!("inference-profile/eu.{plain}")), sonnet),
        (
            format!("arn:aws:bedrock:us-east-1::foundation-model/{plain}"),
            sonnet,
        ),
        (arn("application-inference-profile/a1b2c3"), None),
        (arn("default-prompt-router/anthropic.claude:1"), None),
        (arn("prompt-router/a1b2c3"), None),
        ("mistral.mistral-large-2407-v1:0".to_owned(), None),
        ("arn:aws".to_owned(), None),
    ] {
        let (id, info) = bedrock_model(&text, "us-east-1").unwrap();
        assert_eq!(id, text);
        assert_eq!(info.map(|info| info.name.as_str()), known, "{text}");
        assert!(!without_account(&text).contains("123456789012"), "{text}");
    }
    for text in ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", plain] {
        let (id, info) = bedrock_model(text, "eu-west-1").unwrap();
        assert_eq!(id, format!("eu.{plain}"));
        assert_eq!(info.map(|info| info.name.as_str()), sonnet);
    }
    for text in ["gpt-5.6-luna", "two words", ""] {
        assert!(bedrock_model(text, "us-east-1").is_none(), "{text}");
    }
}

#[test]
fn a_plain_id_goes_by_a_profile_wherever_bedrock_does_not_take_it() {
    let called = |text: &str, region: &str| bedrock_model(text, region).unwrap().0;
    let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(called(sonnet, "us-east-1"), format!("us.{sonnet}"));
    assert_eq!(called(sonnet, "eu-north-1"), format!("eu.{sonnet}"));
    let nova = "amazon.nova-lite-v1:0";
    assert_eq!(called(nova, "us-east-1"), nova);
    assert_eq!(called(nova, "us-west-2"), format!("us.{nova}"));
    assert_eq!(called(nova, "eu-west-1"), format!("eu.{nova}"));
    // Where no profile reaches, the plain id is all there is.
    assert_eq!(called(nova, "us-gov-west-1"), nova);
    let llama = "meta.llama3-3-70b-instruct-v1:0";
    assert_eq!(called(llama, "us-east-1"), format!("us.{llama}"));
    let other = "mistral.mistral-large-2407-v1:0";
    assert_eq!(called(other, "us-east-1"), other);
}

#[test]
fn what_a_setting_names_is_known_or_not() {
    for known in [
        "claude-sonnet",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.amazon.nova-pro-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1",
        "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1",
    ] {
        assert!(is_known(known), "{known}");
    }
    for unknown in [
        "anthropic.claude-sonnet-4-5-20250929-v2:0",
        "us-east-1.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "mistral.mistral-large-2407-v1:0",
        "claude-9",
        "arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-large-2407-v1:0",
    ] {
        assert!(!is_known(unknown), "{unknown}");
    }
}

#[test]
fn routers_and_profiles_of_ones_own_are_called_as_they_are_and_have_no_price_of_their_own() {
    let account = "arn:aws:bedrock:us-east-1:111122223333";
    for resource in [
        "default-prompt-router/anthropic.claude:1".to_owned(),
        "prompt-router/a1b2c3d4e5f6".to_owned(),
        "application-inference-profile/a1b2c3d4e5f6".to_owned(),
        format!("application-inference-profile/{}", "a".repeat(1_900)),
    ] {
        let arn = format!("{account}:{resource}");
        let (id, info) = bedrock_model(&arn, "eu-west-1").unwrap();
        assert_eq!((&id, info), (&arn, None), "{resource}");
        assert!(is_known(&arn) && without_account(&arn) == resource);
    }
    let profile = format!("{account}:inference-profile/us.amazon.nova-lite-v1:0");
    let (_, info) = bedrock_model(&profile, "us-east-1").unwrap();
    assert_eq!(info.unwrap().name, "nova-lite");
}

#[test]
fn an_application_inference_profile_is_known_by_its_id_alone() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2";
    let short = "application-inference-profile/a1b2";
    assert_eq!(application_profile(arn), Some(short));
    assert_eq!(application_profile(short), Some(short));
    let system =
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0";
    for other in [system, "nova-lite", ""] {
        assert_eq!(application_profile(other), None, "{other}");
    }
}
