//! Whether traces are sent, and how, by OpenTelemetry's variables:
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
//!
//! What is read here is what OpenTelemetry's SDK would pass over in silence, or leaves to whoever
//! uses it. It reads the others itself.

use std::time::Duration;

use url::Url;

use super::ConfigError;

const ENDPOINT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOL: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const TIMEOUT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];
/// Where neither is set, as the specification has it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// How traces are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesConfig {
    /// How long one sending may take.
    pub timeout: Duration,
    /// The service's name, if it is not to be the program's.
    pub service_name: Option<String>,
}

impl TracesConfig {
    /// `None` sends none: unless an endpoint or the exporter is named, or if traces are turned off.
    ///
    /// # Errors
    /// If a variable asks for what there is not.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|set| set.eq_ignore_ascii_case("true"));
        let exporter = get("OTEL_TRACES_EXPORTER");
        match exporter.as_deref() {
            None | Some("otlp" | "none") => {}
            Some(other) => {
                return invalid(
                    "OTEL_TRACES_EXPORTER",
                    format!("`{other}` is neither `otlp` nor `none`"),
                );
            }
        }
        let endpoint = first_set(&get, ENDPOINT);
        let is_named = exporter.is_some() || endpoint.is_some();
        if is_off || exporter.as_deref() == Some("none") || !is_named {
            return Ok(None);
        }
        if let Some((name, text)) = endpoint {
            // Not repeated: it may hold a password.
            let url = Url::parse(&text).ok();
            if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
                return invalid(name, "it is not an http or https address".to_owned());
            }
        }
        if let Some((name, protocol)) = first_set(&get, PROTOCOL)
            && protocol != "http/protobuf"
        {
            let reason = format!(
                "`{protocol}` is not supported; collectors take `http/protobuf` on port 4318"
            );
            return invalid(name, reason);
        }
        if let Some(sampler) = get("OTEL_TRACES_SAMPLER")
            && !SAMPLERS.contains(&sampler.as_str())
        {
            let reason = format!("`{sampler}` is none of {}", SAMPLERS.join(", "));
            return invalid("OTEL_TRACES_SAMPLER", reason);
        }
        if let Some(text) = get("OTEL_TRACES_SAMPLER_ARG")
            && !text
                .parse()
                .is_ok_and(|part: f64| (0.0..=1.0).contains(&part))
        {
            let reason = format!("`{text}` is not a number from 0 to 1");
            return invalid("OTEL_TRACES_SAMPLER_ARG", reason);
        }
        let timeout = match first_set(&get, TIMEOUT) {
            None => DEFAULT_TIMEOUT,
            Some((name, text)) => match text.parse() {
                Ok(ms @ 1..) => Duration::from_millis(ms),
                _ => return invalid(name, format!("`{text}` is not a number of milliseconds")),
            },
        };
        Ok(Some(Self {
            timeout,
            service_name: get("OTEL_SERVICE_NAME"),
        }))
    }
}

/// The variable for traces alone, or else the one for all that is sent.
fn first_set(
    get: impl Fn(&str) -> Option<String>,
    names: [&'static str; 2],
) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, get(name)?)))
}

fn invalid<T>(name: &'static str, reason: String) -> Result<T, ConfigError> {
    Err(ConfigError::Invalid { name, reason })
}
