use super::*;

fn read(variables: &[(&str, &str)]) -> Result<ContainerConfig, ConfigError> {
    ContainerConfig::from_env(|name| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn a_local_router_needs_only_its_home() {
    let config = read(&[("T3NETS_ENV", "local"), ("T3NETS_HOME", "/srv/t3nets")]).unwrap();
    assert_eq!(config.port, 8080);
    assert_eq!(config.server.anonymous_tenant, None);
    assert!(config.server.admin_api);
    let home = "/srv/t3nets".into();
    assert_eq!(config.platform, PlatformConfig::Local { home });
}

const AWS: [(&str, &str); 6] = [
    ("T3NETS_ENV", "aws"),
    ("AWS_REGION", "us-east-1"),
    (
        "BEDROCK_MODEL_ID",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    ("DYNAMODB_CONVERSATIONS_TABLE", "t3nets-dev-conversations"),
    ("DYNAMODB_TENANTS_TABLE", "t3nets-dev-tenants"),
    ("SECRETS_PREFIX", "/t3nets/dev/tenants/"),
];

/// AWS's variables, with others or other values.
fn aws_with<'a>(others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut variables = others.to_vec();
    variables.extend(AWS);
    variables
}

#[test]
fn a_router_on_aws_is_told_where_everything_is() {
    let variables = aws_with(&[
        ("PORT", "9000"),
        ("T3NETS_METRICS_ADDR", "127.0.0.1:8080"),
        ("T3NETS_ANONYMOUS_TENANT", "default"),
        ("T3NETS_RELEASE", "sha256:0123 (7)"),
    ]);
    let config = read(&variables).unwrap();
    assert_eq!(config.port, 9000);
    assert_eq!(config.metrics, Some(([127, 0, 0, 1], 8080).into()));
    let identity = config.server.identity;
    assert_eq!((identity.platform, &*identity.environment), ("aws", "dev"));
    assert_eq!(identity.release.as_deref(), Some("sha256:0123 (7)"));
    let PlatformConfig::Aws {
        region,
        names,
        bedrock_model,
    } = config.platform
    else {
        panic!("{:?}", config.platform);
    };
    assert_eq!(region, "us-east-1");
    assert_eq!(bedrock_model, AWS[2].1);
    assert_eq!(names.conversations_table, AWS[3].1);
    assert_eq!(names.tenants_table, AWS[4].1);
    assert_eq!(names.secrets.to_string(), "/t3nets/dev/tenants");
}

#[test]
fn administration_over_http_is_on_where_it_is_turned_on_and_on_this_machine() {
    let local = [("T3NETS_ENV", "local"), ("T3NETS_HOME", "/srv/t3nets")];
    for (variables, value, is_on) in [
        (local.to_vec(), None, true),
        (local.to_vec(), Some("false"), false),
        (aws_with(&[]), None, false),
        (aws_with(&[]), Some("true"), true),
    ] {
        let given = value.map(|value| ("T3NETS_ADMIN_API", value));
        let variables: Vec<_> = variables.into_iter().chain(given).collect();
        assert_eq!(
            read(&variables).unwrap().server.admin_api,
            is_on,
            "{variables:?}"
        );
    }
    let error = read(&aws_with(&[("T3NETS_ADMIN_API", "yes")])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`yes` is neither `true` nor `false`")
    );
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let error = read(&[
        ("T3NETS_ENV", "aws"),
        ("AWS_REGION", "us-east-1"),
        ("SECRETS_PREFIX", ""),
    ]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "`BEDROCK_MODEL_ID`, `DYNAMODB_CONVERSATIONS_TABLE`, `DYNAMODB_TENANTS_TABLE` and `SECRETS_PREFIX` are not set"
    );
    let error = read(&AWS[..5]).unwrap_err();
    assert_eq!(error.to_string(), "`SECRETS_PREFIX` is not set");
}

#[test]
fn what_is_wrong_on_aws_is_named() {
    for (name, value) in [
        ("AWS_REGION", "Virginia"),
        ("BEDROCK_MODEL_ID", "gpt-5.6-luna"),
        ("BEDROCK_MODEL_ID", "two words"),
        ("DYNAMODB_CONVERSATIONS_TABLE", "a table"),
        ("DYNAMODB_TENANTS_TABLE", "t"),
        ("SECRETS_PREFIX", "/t3nets/dev"),
        ("PORT", "65536"),
        ("T3NETS_METRICS_ADDR", "9464"),
        ("T3NETS_METRICS_ADDR", "127.0.0.1:8080"),
        ("T3NETS_ANONYMOUS_TENANT", "No Tenant"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ] {
        let error = read(&aws_with(&[(name, value)])).unwrap_err();
        assert!(
            matches!(&error, ConfigError::Invalid { name: named, .. } if *named == name),
            "{error}"
        );
    }
    let error = read(&aws_with(&[
        ("SECRETS_PREFIX", "/t3nets/prod/tenants"),
        ("T3NETS_ANONYMOUS_TENANT", "default"),
    ]));
    assert!(error.unwrap_err().to_string().contains("`prod`"));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (variables, named) in [
        (&[][..], "T3NETS_ENV"),
        (&[("T3NETS_ENV", "azure")][..], "azure"),
        (&[("T3NETS_ENV", "local")][..], "T3NETS_HOME"),
        (
            &[
                ("T3NETS_ENV", "local"),
                ("T3NETS_HOME", "/h"),
                ("PORT", "http"),
            ][..],
            "PORT",
        ),
        (
            &[
                ("T3NETS_ENV", "local"),
                ("T3NETS_HOME", "/h"),
                ("T3NETS_ANONYMOUS_TENANT", "No Tenant"),
            ][..],
            "T3NETS_ANONYMOUS_TENANT",
        ),
    ] {
        let error = read(variables).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn production_takes_no_anonymous_callers_whatever_it_is_called() {
    let anonymous = ("T3NETS_ANONYMOUS_TENANT", "default");
    let told = ("T3NETS_PRODUCTION", "true");
    let prod = ("SECRETS_PREFIX", "/t3nets/prod/tenants/");
    let production = ("SECRETS_PREFIX", "/t3nets/production/tenants/");
    let denied = ("T3NETS_PRODUCTION", "false");
    for refused in [
        &[anonymous, told][..],
        &[anonymous, prod],
        &[anonymous, prod, denied],
        &[anonymous, production],
    ] {
        let error = read(&aws_with(refused)).unwrap_err().to_string();
        assert!(error.contains("no anonymous callers"), "{error}");
    }
    for taken in [&[anonymous][..], &[anonymous, denied], &[told], &[prod]] {
        assert!(read(&aws_with(taken)).is_ok(), "{taken:?}");
    }
    let error = read(&aws_with(&[("T3NETS_PRODUCTION", "yes")])).unwrap_err();
    assert!(error.to_string().contains("T3NETS_PRODUCTION"), "{error}");
}

#[test]
fn a_webhook_is_an_https_address_and_its_path_is_in_no_error() {
    let with = |url| read(&aws_with(&[("T3NETS_BUDGET_WEBHOOK", url)]));
    let config = with("https://hooks.example.com/secret").unwrap();
    assert!(config.server.budget_webhook.is_some());
    assert!(!format!("{:?}", config.server).contains("secret"));
    let error = with("http://hooks.example.com/secret")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("T3NETS_BUDGET_WEBHOOK") && !error.contains("secret"),
        "{error}"
    );
    assert!(with("").unwrap().server.budget_webhook.is_none());
}

#[test]
fn an_issuer_and_its_audience_are_set_together() {
    let issuer = ("T3NETS_OIDC_ISSUER", "https://login.example.com");
    let audience = ("T3NETS_OIDC_AUDIENCE", "t3nets");
    let config = read(&aws_with(&[issuer, audience])).unwrap();
    let oidc = config.server.oidc.unwrap();
    assert_eq!(oidc.issuer(), "https://login.example.com");
    assert!(read(&aws_with(&[])).unwrap().server.oidc.is_none());
    for (set, missing) in [
        (issuer, "T3NETS_OIDC_AUDIENCE"),
        (audience, "T3NETS_OIDC_ISSUER"),
    ] {
        let error = read(&aws_with(&[set])).unwrap_err().to_string();
        assert!(error.contains(set.0) && error.contains(missing), "{error}");
    }
    let in_clear = ("T3NETS_OIDC_ISSUER", "http://127.0.0.1:8081");
    let error = read(&aws_with(&[in_clear, audience])).unwrap_err();
    assert!(error.to_string().contains("https"), "{error}");
}

#[test]
fn the_address_of_the_router_is_an_https_address_without_a_path() {
    let with = |url| read(&aws_with(&[("T3NETS_PUBLIC_URL", url)]));
    let config = with("https://t3nets.example.com/").unwrap();
    let url = config.server.public_url.map(|url| url.to_string());
    assert_eq!(url.as_deref(), Some("https://t3nets.example.com"));
    let error = with("http://t3nets.example.com").unwrap_err().to_string();
    assert!(error.contains("T3NETS_PUBLIC_URL"), "{error}");
    assert!(with("").unwrap().server.public_url.is_none());
}

#[test]
fn traces_are_sent_where_somebody_said_so() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let exporter = ("OTEL_TRACES_EXPORTER", "otlp");
    for (variables, seconds) in [
        (vec![], None),
        (vec![("OTEL_SERVICE_NAME", "chat")], None),
        (vec![endpoint], Some(10.0)),
        (vec![exporter], Some(10.0)),
        (vec![endpoint, ("OTEL_SDK_DISABLED", "true")], None),
        (vec![endpoint, ("OTEL_TRACES_EXPORTER", "none")], None),
        (
            vec![
                endpoint,
                ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "500"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "7000"),
            ],
            Some(0.5),
        ),
    ] {
        let traces = read(&aws_with(&variables)).unwrap().traces;
        let timeout = traces.map(|traces| traces.timeout.as_secs_f64());
        assert_eq!(timeout, seconds, "{variables:?}");
    }
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "5s"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_TRACES_SAMPLER_ARG", "5"),
    ] {
        let error = read(&aws_with(&[endpoint, (name, value)])).unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        // What is not used may say what it likes.
        read(&aws_with(&[(name, value)])).unwrap();
    }
}
