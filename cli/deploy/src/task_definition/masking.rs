//! Values of task definitions as they may be shown: secrets do not belong there, and are found
//! there all the same. What is hidden is decided by the field's name and by the value's shape;
//! where secrets do belong, in `valueFrom`, there are only their names, which are shown.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Value, json};

/// What is shown in place of a secret.
const HIDDEN: &str = "(hidden)";

/// A field's value as it may be shown, by the field's path.
pub(super) fn shown(path: &str, value: &Value) -> Value {
    let name = name_of(path);
    // These name a secret, an image, a role or a file.
    if matches!(
        name,
        "valueFrom" | "credentialsParameter" | "credentialSpecs" | "image"
    ) {
        return value.clone();
    }
    match value {
        Value::String(text) => json!(shown_option(name, text)),
        Value::Array(words) => Value::Array(shown_words(name, words)),
        // A switch is no secret; a number may be a PIN.
        Value::Number(number) if is_secret(name, &number.to_string()) => json!(HIDDEN),
        other => other.clone(),
    }
}

/// An option's value as it may be shown, by the option's name.
pub(crate) fn shown_option(name: &str, value: &str) -> String {
    if value.starts_with("arn:") {
        return value.to_owned();
    }
    match is_secret(name, value) {
        true => HIDDEN.to_owned(),
        false => masked(value).into_owned(),
    }
}

/// What a field is called: the variable of `…environment[NAME].value`, else the path's last part.
fn name_of(path: &str) -> &str {
    let entry = path.strip_suffix("].value");
    let entry = entry.and_then(|path| path.rsplit_once('['));
    match entry {
        Some((_, name)) => name,
        None => path.rsplit_once('.').map_or(path, |(_, name)| name),
    }
}

/// The words of a command. What follows a flag for a secret is one.
fn shown_words(name: &str, words: &[Value]) -> Vec<Value> {
    let mut is_after_flag = false;
    words
        .iter()
        .map(|word| {
            let Value::String(text) = word else {
                return word.clone();
            };
            let is_value = std::mem::take(&mut is_after_flag);
            if is_value && !text.starts_with('-') {
                return json!(HIDDEN);
            }
            is_after_flag = text.starts_with('-') && !text.contains('=') && is_secret(text, "");
            json!(shown_option(name, text))
        })
        .collect()
}

/// Words of names that suggest a secret.
const WORDS: [&str; 34] = [
    "PASS",
    "PASSWD",
    "PASSWORD",
    "PASSPHRASE",
    "PASSCODE",
    "PWD",
    "PW",
    "PIN",
    "AUTH",
    "AUTHORIZATION",
    "BEARER",
    "DSN",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "KEY",
    "KEYS",
    "CRED",
    "CREDS",
    "CREDENTIAL",
    "CREDENTIALS",
    "HEADER",
    "HEADERS",
    "COOKIE",
    "COOKIES",
    "SALT",
    "JWT",
    "SAS",
    "PAT",
    "SIG",
    "SIGNATURE",
    "WEBHOOK",
    "PRIVATE",
];
/// The same within a word: `DBPASSWORD`, `apikey`.
const PARTS: [&str; 7] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "CONNECTIONSTRING",
];
/// The same at a word's end: `http_dbpwd`.
const ENDS: [&str; 4] = ["KEY", "PWD", "DSN", "PASS"];
/// Words of names that suggest a number or a way rather than the secret itself.
const HARMLESS: [&str; 12] = [
    "MAX", "MIN", "LIMIT", "COUNT", "SIZE", "LENGTH", "TTL", "TIMEOUT", "SECONDS", "MINUTES",
    "DAYS", "TOKENS",
];

/// Whether a value is a secret by what it is called.
fn is_secret(name: &str, value: &str) -> bool {
    let words = words_of(name);
    // A prefix of secrets' names is not a secret.
    if words.ends_with(&["SECRETS".to_owned(), "PREFIX".to_owned()]) {
        return false;
    }
    let is_number =
        !value.is_empty() && value.len() <= 6 && value.bytes().all(|b| b.is_ascii_digit());
    if matches!(value, "true" | "false")
        || is_number && words.iter().any(|word| HARMLESS.contains(&word.as_str()))
    {
        return false;
    }
    let joined = words.concat();
    words.iter().any(|word| WORDS.contains(&word.as_str()))
        || PARTS.iter().any(|part| joined.contains(part))
        || words.iter().any(|word| {
            ENDS.iter().any(|end| word.ends_with(end))
                && !matches!(word.as_str(), "BYPASS" | "COMPASS")
        })
}

/// `HTTP_Passwd`, `licenseKey`, `splunk-token`: their words, in capitals.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_after_small = false;
    for c in name.chars() {
        let is_new = !c.is_alphanumeric() || (c.is_uppercase() && is_after_small);
        if is_new && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_uppercase());
        }
        is_after_small = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Secrets by their shape, each with what is left of it.
struct Shapes {
    /// User and password in an address; the second takes those with a slash.
    userinfo: [Regex; 2],
    /// `user:password@tcp(host)/database`, which is no address.
    dsn: Regex,
    /// `Bearer …`, as headers have it.
    header: Regex,
    /// `name=value`, `name: value`, `"name": "value"`.
    pair: Regex,
    /// `--name value`.
    flag: Regex,
    /// Tokens that say what they are.
    known: Regex,
}

static SHAPES: LazyLock<Option<Shapes>> = LazyLock::new(|| {
    let regex = |pattern| Regex::new(pattern).ok();
    Some(Shapes {
        userinfo: [
            regex(r#"(://)[^\s"'/?#]*@"#)?,
            regex(r#"(://)[^\s"'@/:]+:[^\s"']*@"#)?,
        ],
        dsn: regex(r#"^()[^\s:/@"']+:[^\s"']*@"#)?,
        header: regex(r"(?i)\b(bearer|basic|splunk|apikey)\s+[A-Za-z0-9._~+/=-]{8,}")?,
        pair: regex(r#"([\w.@-]+)(["']?(?:\s*=\s*|\s*:\s+|["']\s*:\s*)["']?)([^\s,;&"']+)"#)?,
        flag: regex(r#"(--?[\w-]+)(\s+["']?)([^\s"'-][^\s"']*)"#)?,
        known: regex(concat!(
            r"\b(?:(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}",
            r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{16,}",
            r"|AKIA[0-9A-Z]{12,}|ASIA[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]+|hvs\.[\w-]{16,}",
            r"|SG\.[\w-]{8,}\.[\w-]{8,}|ATATT[\w=-]{16,}|whsec_[\w+/=]{16,}|dop_v1_[0-9a-f]{16,}|t3n_[\w-]{16,}",
            r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)",
        ))?,
    })
});

/// A text without the secrets that show by their shape.
fn masked(text: &str) -> Cow<'_, str> {
    let Some(shapes) = SHAPES.as_ref() else {
        return Cow::Borrowed(HIDDEN);
    };
    if text.contains("PRIVATE KEY-----") || is_random(text.trim()) || is_webhook(text) {
        return Cow::Borrowed(HIDDEN);
    }
    let is_address = text.contains("://");
    let mut text = Cow::Borrowed(text);
    let mut replace = |regex: &Regex, by: &dyn Fn(&Captures<'_>) -> String| {
        if regex.is_match(&text) {
            text = Cow::Owned(regex.replace_all(&text, by).into_owned());
        }
    };
    for regex in &shapes.userinfo {
        replace(regex, &|found| format!("{}{HIDDEN}@", &found[1]));
    }
    if !is_address {
        replace(&shapes.dsn, &|_| format!("{HIDDEN}@"));
    }
    replace(&shapes.header, &|found| format!("{} {HIDDEN}", &found[1]));
    for regex in [&shapes.pair, &shapes.flag] {
        replace(regex, &|found| match is_secret(&found[1], &found[3]) {
            true => format!("{}{}{HIDDEN}", &found[1], &found[2]),
            false => found[0].to_owned(),
        });
    }
    replace(&shapes.known, &|_| HIDDEN.to_owned());
    text
}

/// An address that lets everybody write who knows it.
fn is_webhook(text: &str) -> bool {
    ["://hooks.", "/webhook", "/webhooks/", "/services/T"]
        .iter()
        .any(|part| text.contains(part) && text.contains("://"))
}

/// Whether a text looks like nothing a person would write: a key in hexadecimal, or one of small
/// and capital letters with digits between them.
fn is_random(text: &str) -> bool {
    let all = |is: fn(&u8) -> bool| text.bytes().all(|b| is(&b));
    if text.len() >= 32 && all(u8::is_ascii_hexdigit) {
        return true;
    }
    let any = |is: fn(&u8) -> bool| text.bytes().any(|b| is(&b));
    text.len() >= 20
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/_-=".contains(&b))
        && any(u8::is_ascii_lowercase)
        && any(u8::is_ascii_uppercase)
        && any(u8::is_ascii_digit)
        && !text.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_variable(name: &str, value: &str) -> String {
        let path = format!("containerDefinitions[auth].environment[{name}].value");
        shown(&path, &json!(value)).as_str().unwrap().to_owned()
    }

    #[test]
    fn a_variable_whose_name_suggests_a_secret_is_hidden() {
        for name in [
            "DB_PASS",
            "DB_PASSWORD",
            "DBPASSWORD",
            "MYSQL_PWD",
            "SMTP_AUTH",
            "SENTRY_DSN",
            "API_KEY",
            "apiKey",
            "APIKEY",
            "licenseKey",
            "GITHUB_TOKEN",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "SLACK_WEBHOOK",
            "JWT_SIGNING_SECRET",
            "SESSION_COOKIE",
            "HASH_SALT",
            "ADMIN_PIN",
            "AZURE_SAS",
            "REDIS_AUTH",
            "PRIVATE_PEM",
            "DB_CREDS",
            "DATABASE_CONNECTION_STRING",
            "http_Passwd",
            "splunk-token",
        ] {
            assert_eq!(of_variable(name, "hunter2"), HIDDEN, "{name}");
        }
        assert_eq!(of_variable("ADMIN_PIN", "1234"), HIDDEN);
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for (name, value) in [
            ("PORT", "8080"),
            ("RUST_LOG", "info,t3nets_router=debug"),
            ("SECRETS_PREFIX", "/t3nets/dev/tenants"),
            ("AWS_REGION", "us-east-1"),
            ("MAX_TOKENS", "4096"),
            ("TOKEN_TTL_SECONDS", "3600"),
            ("AUTH_ENABLED", "true"),
            ("KEYBOARD", "qwerty"),
            ("AUTHOR", "ada"),
            ("COMPASS", "north"),
            ("TENANTS_TABLE", "t3nets-dev-tenants"),
            ("DATABASE_URL", "postgres://db.example:5432/t3nets"),
            (
                "SECRET_ARN",
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:x",
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=router,deployment.environment=dev",
            ),
            ("AI_MODEL", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
            (
                "ENDPOINT",
                "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
            ),
        ] {
            assert_eq!(of_variable(name, value), value, "{name}");
        }
    }

    #[test]
    fn a_secret_shows_by_its_shape_whatever_it_is_called() {
        for (value, expected) in [
            (
                "postgres://ada:hunter2@db.example/t3nets",
                "postgres://(hidden)@db.example/t3nets",
            ),
            (
                "postgres://ada:p@ss@db.example/t3nets",
                "postgres://(hidden)@db.example/t3nets",
            ),
            (
                "postgres://ada:p/ss@db.example/t3nets",
                "postgres://(hidden)@db.example/t3nets",
            ),
            (
                "https://0123@o1.ingest.sentry.io/2",
                "https://(hidden)@o1.ingest.sentry.io/2",
            ),
            (
                "ada:hunter2@tcp(db.example:3306)/t3nets",
                "(hidden)@tcp(db.example:3306)/t3nets",
            ),
            (
                "https://x.example/?a=1&token=hunter2&b=2",
                "https://x.example/?a=1&token=(hidden)&b=2",
            ),
            (
                "Server=db;User=ada;Password=hunter2;Port=1",
                "Server=db;User=ada;Password=(hidden);Port=1",
            ),
            (
                r#"{"user":"ada","password":"hunter2"}"#,
                r#"{"user":"ada","password":"(hidden)"}"#,
            ),
            ("x-api-key=hunter2,x-team=1", "x-api-key=(hidden),x-team=1"),
            ("Bearer abcdefgh.ijkl", "Bearer (hidden)"),
            ("use xoxb-1234567890-abc here", "use (hidden) here"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "(hidden)"),
            ("0123456789abcdef0123456789abcdef", "(hidden)"),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1", "(hidden)"),
            ("https://hooks.slack.com/services/T0/B0/x", "(hidden)"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "(hidden)"),
        ] {
            assert_eq!(of_variable("SETTING", value), expected, "{value}");
        }
    }

    #[test]
    fn options_labels_and_commands_are_masked_and_the_names_of_secrets_are_shown() {
        let is = |path: &str, value: Value, expected: Value| {
            let path = format!("containerDefinitions[router].{path}");
            assert_eq!(shown(&path, &value), expected, "{path}");
        };
        is(
            "logConfiguration.options.splunk-token",
            json!("0123"),
            json!(HIDDEN),
        );
        is(
            "logConfiguration.options.splunk-url",
            json!("https://a:b@c"),
            json!("https://(hidden)@c"),
        );
        is(
            "logConfiguration.options.apikey",
            json!("0123"),
            json!(HIDDEN),
        );
        is(
            "logConfiguration.options.awslogs-group",
            json!("/ecs/x"),
            json!("/ecs/x"),
        );
        is(
            "dockerLabels.com.example.token",
            json!("0123"),
            json!(HIDDEN),
        );
        is(
            "secrets[DB_PASSWORD].valueFrom",
            json!("/t3nets/db"),
            json!("/t3nets/db"),
        );
        is(
            "repositoryCredentials.credentialsParameter",
            json!("hub"),
            json!("hub"),
        );
        is("image", json!("repo/auth:token"), json!("repo/auth:token"));
        is(
            "command",
            json!([
                "serve",
                "--password",
                "hunter2",
                "--port",
                "8080",
                "--token=abc",
                "-v"
            ]),
            json!([
                "serve",
                "--password",
                HIDDEN,
                "--port",
                "8080",
                "--token=(hidden)",
                "-v"
            ]),
        );
        is(
            "healthCheck.command",
            json!([
                "CMD-SHELL",
                "curl -H 'Authorization: hunter2' --user-token abc http://a:b@localhost"
            ]),
            json!([
                "CMD-SHELL",
                "curl -H 'Authorization: (hidden)' --user-token (hidden) http://(hidden)@localhost"
            ]),
        );
        assert_eq!(
            shown(
                "volumes[share].dockerVolumeConfiguration.driverOpts.o",
                &json!("addr=10.0.0.1,username=ada,password=hunter2")
            ),
            json!("addr=10.0.0.1,username=ada,password=(hidden)")
        );
        assert_eq!(shown("privileged", &json!(true)), json!(true));
    }
}
