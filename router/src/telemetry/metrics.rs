//! The metrics, each written once: name, help, unit, labels.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::time::{PARTS, Spent};
use crate::ai::table;
use crate::config::Identity;
use crate::model::{SettledTurn, TenantId};

/// As OpenTelemetry advises for calls of models.
const MODEL_SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// The same of tokens, up to the longest context there is.
const TOKENS: [f64; 12] = [
    1., 4., 16., 64., 256., 1024., 4096., 16_384., 65_536., 262_144., 1_048_576., 4_194_304.,
];
/// From a store on the same machine to a turn's deadline.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 2.5, 5., 10., 25., 120.,
];

/// The most models that are not in the table and have series of their own. Whoever administers a
/// tenant can name any, and as many as they like.
const MOST_OTHER_MODELS: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    code: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TurnLabels {
    tenant: String,
    route: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SpendingLabels {
    tenant: String,
    model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    tenant: String,
    model: String,
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    route: &'static str,
    part: &'static str,
}

/// The call of a model: what OpenTelemetry requires of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ModelLabels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: &'static str,
    gen_ai_request_model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelCallLabels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: &'static str,
    gen_ai_request_model: String,
    error_type: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelTokenLabels {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: &'static str,
    gen_ai_request_model: String,
    gen_ai_token_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreLabels {
    store: &'static str,
    operation: String,
    error: Option<String>,
}

/// What a call of DynamoDB consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capacity {
    Read,
    Write,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CapacityLabels {
    operation: String,
    r#type: &'static str,
}

/// Of what comes in parts: dollars, units of capacity.
type Parts = Counter<f64, AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All that is counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Histograms<RequestLabels>,
    errors: Family<ErrorLabels, Counter>,
    turns: Family<TurnLabels, Counter>,
    refused: Family<TenantLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<SpendingLabels, Parts>,
    turn_time: Histograms<RouteLabels>,
    turn_parts: Histograms<PartLabels>,
    model_calls: Histograms<ModelCallLabels>,
    first_chunks: Histograms<ModelLabels>,
    model_tokens: Histograms<ModelTokenLabels>,
    store_calls: Histograms<StoreLabels>,
    capacity: Family<CapacityLabels, Parts>,
    other_models: Mutex<HashSet<String>>,
}

impl Metrics {
    pub(super) fn new(identity: &Identity) -> Self {
        let mut registry = Registry::default();
        let build = Info::new(vec![
            ("version", crate::VERSION.to_owned()),
            ("git_sha", crate::GIT_SHA.to_owned()),
            ("environment", identity.environment.clone()),
            ("release", identity.release.clone().unwrap_or_default()),
        ]);
        registry.register("t3nets_build", "What serves", build);
        let seconds = || Some(Unit::Seconds);
        let mut counted = Registering(&mut registry);
        Self {
            requests: counted.histograms(
                "http_server_request_duration",
                "From the request's head to its answer's",
                seconds(),
                || Histogram::new(SECONDS),
            ),
            errors: counted.add("t3nets_errors", "Errors that callers got, by code", None),
            turns: counted.add(
                "t3nets_turns",
                "Turns, by how they were answered; `failed` includes those that were cancelled",
                None,
            ),
            refused: counted.add(
                "t3nets_messages_refused",
                "Messages that were refused because a budget is used up",
                None,
            ),
            tokens: counted.add(
                "t3nets_tokens",
                "Tokens that turns used; `input` includes what the provider cached",
                None,
            ),
            cost: counted.add(
                "t3nets_cost_usd",
                "What turns cost, in US dollars; of models without a known price nothing",
                None,
            ),
            turn_time: counted.histograms(
                "t3nets_turn_duration",
                "How long turns took",
                seconds(),
                || Histogram::new(SECONDS),
            ),
            turn_parts: counted.histograms(
                "t3nets_turn_part",
                "How long turns waited for the model, skills and stores, and the rest",
                seconds(),
                || Histogram::new(SECONDS),
            ),
            model_calls: counted.histograms(
                "gen_ai_client_operation_duration",
                "How long calls of models took",
                seconds(),
                || Histogram::new(MODEL_SECONDS),
            ),
            first_chunks: counted.histograms(
                "gen_ai_client_operation_time_to_first_chunk",
                "How long it took to a model's first words",
                seconds(),
                || Histogram::new(MODEL_SECONDS),
            ),
            model_tokens: counted.histograms(
                "gen_ai_client_token_usage",
                "Tokens of one call of a model",
                None,
                || Histogram::new(TOKENS),
            ),
            store_calls: counted.histograms(
                "t3nets_store_call_duration",
                "How long calls of the stores took, with all attempts",
                seconds(),
                || Histogram::new(SECONDS),
            ),
            capacity: counted.add(
                "t3nets_dynamodb_capacity_units",
                "Capacity that calls of DynamoDB consumed, but for those that it refused",
                None,
            ),
            other_models: Mutex::default(),
            registry,
        }
    }

    /// In the text form of OpenMetrics.
    pub(super) fn written(&self) -> String {
        let mut text = String::new();
        // A String takes whatever is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(super) fn request_answered(
        &self,
        method: &Method,
        route: &str,
        status: u16,
        took: Duration,
    ) {
        let labels = RequestLabels {
            http_request_method: method_label(method),
            http_route: route.to_owned(),
            http_response_status_code: status,
        };
        self.requests
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    pub(super) fn error_answered(&self, code: &'static str, status: u16) {
        let labels = ErrorLabels { code, status };
        self.errors.get_or_create(&labels).inc();
    }

    pub(super) fn turn_settled(&self, tenant: &TenantId, turn: &SettledTurn) {
        let SettledTurn {
            account,
            is_answered,
            used,
        } = turn;
        let labels = TurnLabels {
            tenant: tenant.to_string(),
            route: account.route.map_or("none", |route| route.as_str()),
            outcome: if *is_answered { "answered" } else { "failed" },
        };
        self.turns.get_or_create(&labels).inc();
        let Some(model) = &account.model else {
            return;
        };
        let model = self.model_label(model);
        for (r#type, count) in [("input", used.input_tokens), ("output", used.output_tokens)] {
            let labels = TokenLabels {
                tenant: tenant.to_string(),
                model: model.clone(),
                r#type,
            };
            self.tokens.get_or_create(&labels).inc_by(count);
        }
        let labels = SpendingLabels {
            tenant: tenant.to_string(),
            model,
        };
        self.cost.get_or_create(&labels).inc_by(used.cost.as_usd());
    }

    pub(super) fn message_refused(&self, tenant: &TenantId) {
        let labels = TenantLabels {
            tenant: tenant.to_string(),
        };
        self.refused.get_or_create(&labels).inc();
    }

    pub(super) fn turn_ended(&self, route: &'static str, spent: &Spent) {
        self.turn_time
            .get_or_create(&RouteLabels { route })
            .observe(spent.all().as_secs_f64());
        for (part, time) in PARTS.into_iter().zip(spent.parts()) {
            self.turn_parts
                .get_or_create(&PartLabels { route, part })
                .observe(time.as_secs_f64());
        }
    }

    pub(super) fn model_labels(&self, provider: &'static str, model: &str) -> ModelLabels {
        ModelLabels {
            gen_ai_operation_name: "chat",
            gen_ai_provider_name: provider,
            gen_ai_request_model: self.model_label(model),
        }
    }

    pub(super) fn model_called(
        &self,
        model: &ModelLabels,
        error_type: Option<&'static str>,
        took: Duration,
    ) {
        let labels = ModelCallLabels {
            gen_ai_operation_name: model.gen_ai_operation_name,
            gen_ai_provider_name: model.gen_ai_provider_name,
            gen_ai_request_model: model.gen_ai_request_model.clone(),
            error_type,
        };
        self.model_calls
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    pub(super) fn first_words(&self, model: &ModelLabels, took: Duration) {
        self.first_chunks
            .get_or_create(model)
            .observe(took.as_secs_f64());
    }

    pub(super) fn tokens_used(&self, model: &ModelLabels, kind: &'static str, count: u64) {
        let labels = ModelTokenLabels {
            gen_ai_operation_name: model.gen_ai_operation_name,
            gen_ai_provider_name: model.gen_ai_provider_name,
            gen_ai_request_model: model.gen_ai_request_model.clone(),
            gen_ai_token_type: kind,
        };
        self.model_tokens
            .get_or_create(&labels)
            .observe(count as f64);
    }

    pub(super) fn store_called(
        &self,
        store: &'static str,
        operation: &str,
        error: Option<String>,
        took: Duration,
    ) {
        let labels = StoreLabels {
            store,
            operation: operation.to_owned(),
            error,
        };
        self.store_calls
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    pub(super) fn capacity_consumed(&self, operation: &str, capacity: Capacity, units: f64) {
        let labels = CapacityLabels {
            operation: operation.to_owned(),
            r#type: match capacity {
                Capacity::Read => "read",
                Capacity::Write => "write",
            },
        };
        self.capacity.get_or_create(&labels).inc_by(units);
    }

    fn model_label(&self, model: &str) -> String {
        if table::find(model).is_some() {
            return model.to_owned();
        }
        let mut others = self
            .other_models
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if others.contains(model) {
            return model.to_owned();
        }
        if others.len() < MOST_OTHER_MODELS {
            others.insert(model.to_owned());
            return model.to_owned();
        }
        "other".to_owned()
    }
}

/// Registers a metric and gives it back.
struct Registering<'a>(&'a mut Registry);

impl Registering<'_> {
    fn add<M: Metric + Clone + Default>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
    ) -> M {
        self.registered(name, help, unit, M::default())
    }

    fn histograms<L>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        make: fn() -> Histogram,
    ) -> Histograms<L>
    where
        L: Clone + std::hash::Hash + Eq + EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static,
    {
        self.registered(name, help, unit, Family::new_with_constructor(make))
    }

    fn registered<M: Metric + Clone>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        metric: M,
    ) -> M {
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, metric.clone()),
            None => self.0.register(name, help, metric.clone()),
        }
        metric
    }
}

/// A method anybody may send is no label: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
