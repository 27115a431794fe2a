//! Traces of the built router, as a collector gets them.

use axum::http::StatusCode;
use serde_json::json;
use support::model::{Answer as Says, ModelServer};
use support::traces::otlp::{Span, span::SpanKind, status::StatusCode as Outcome};
use support::traces::{Collector, attribute, hex};
use t3nets_router::model::{TenantSettings, UserRole};

use crate::http::chat::variables;
use crate::http::{add_tenant, make_key};
use crate::process::start_with;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_trace_with_spans_of_its_turn_its_model_and_its_stores() {
    let home = tempfile::tempdir().unwrap();
    let platform = t3nets_router::local::open(home.path()).unwrap();
    add_tenant(&platform, "default", TenantSettings::default()).await;
    let key = make_key(&platform, "default", "bob", UserRole::Member, None).await;
    let model = ModelServer::scripted([Says::text("It is fine.").usage(90, 7)]).await;
    let collector = Collector::start(StatusCode::OK).await;
    let mut variables = variables(&model);
    variables.extend([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=k".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=chat".to_owned()),
        // What comes, comes because the router ends.
        ("OTEL_BSP_SCHEDULE_DELAY", "600000".to_owned()),
    ]);
    let mut router = start_with(home.path(), &variables);
    let client = reqwest::Client::new();
    for probe in ["health", "ready"] {
        let probed = client.get(format!("{}/{probe}", router.url));
        assert!(probed.send().await.unwrap().status().is_success());
    }
    let asked = client
        .post(format!("{}/api/chat", router.url))
        .bearer_auth(&key)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .json(&json!({"message": "think it over", "session_id": "s"}));
    assert!(asked.send().await.unwrap().status().is_success());
    router.ask_to_end();
    assert_eq!(router.wait(), Some(0));
    let log = router.into_log();
    assert!(log.contains(&format!("\"trace_id\":\"{TRACE}\"")), "{log}");

    let spans = collector.spans();
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let one = found.next().unwrap_or_else(|| panic!("{name}: {spans:#?}"));
        assert!(found.next().is_none(), "{name}: {spans:#?}");
        one
    };
    let request = named("POST /api/chat");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(request.kind(), SpanKind::Server);
    let status = attribute(&request.attributes, "http.response.status_code");
    assert_eq!(status.as_deref(), Some("200"));
    let turn = named("invoke_agent");
    assert_eq!(turn.parent_span_id, request.span_id);
    for (name, value) in [("t3nets.tenant", "default"), ("t3nets.route", "ai")] {
        assert_eq!(attribute(&turn.attributes, name).as_deref(), Some(value));
    }
    let call = named("chat claude-sonnet-5-5");
    assert_eq!(call.parent_span_id, turn.span_id);
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "anthropic"),
        ("gen_ai.usage.input_tokens", "90"),
        ("gen_ai.usage.output_tokens", "7"),
    ] {
        assert_eq!(
            attribute(&call.attributes, name).as_deref(),
            Some(value),
            "{name}"
        );
    }
    let stores: Vec<&Span> = spans
        .iter()
        .filter(|span| attribute(&span.attributes, "db.system.name").is_some())
        .collect();
    let is_of = |parent: &Span| {
        stores
            .iter()
            .any(|store| store.parent_span_id == parent.span_id)
    };
    assert!(is_of(request) && is_of(turn), "{spans:#?}");
    assert!(
        spans.iter().all(|span| hex(&span.trace_id) == TRACE),
        "{spans:#?}"
    );

    let resource = collector.resource();
    for (name, value) in [
        ("service.name", "t3nets-router"),
        ("deployment.environment.name", "local"),
        ("team", "chat"),
    ] {
        assert_eq!(attribute(&resource, name).as_deref(), Some(value), "{name}");
    }
    let got = collector.got.lock().unwrap();
    assert_eq!(got[0].0["x-api-key"], "k");
    let everything = format!("{got:?}");
    for word in ["bob", "think it over", "It is fine", key.as_str()] {
        assert!(!everything.contains(word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_is_an_error_and_a_collector_that_fails_costs_one_line() {
    let home = tempfile::tempdir().unwrap();
    let platform = t3nets_router::local::open(home.path()).unwrap();
    add_tenant(&platform, "default", TenantSettings::default()).await;
    let key = make_key(&platform, "default", "bob", UserRole::Member, None).await;
    let model =
        ModelServer::scripted([Says::anthropic_error(400, "invalid_request_error", "no")]).await;
    let collector = Collector::start(StatusCode::BAD_REQUEST).await;
    let mut variables = variables(&model);
    let endpoint = format!("{}/v1/traces", collector.url());
    variables.extend([
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint),
        // Several sendings.
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1".to_owned()),
    ]);
    let mut router = start_with(home.path(), &variables);
    let asked = reqwest::Client::new()
        .post(format!("{}/api/chat", router.url))
        .bearer_auth(&key)
        .json(&json!({"message": "think it over"}));
    assert!(!asked.send().await.unwrap().status().is_success());
    router.ask_to_end();
    assert_eq!(router.wait(), Some(0));

    let spans = collector.spans();
    let failed = |name: &str| {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        let is_error = span.status.as_ref().unwrap().code() == Outcome::Error;
        assert!(is_error, "{span:?}");
        attribute(&span.attributes, "error.type")
    };
    assert_eq!(
        failed("chat claude-sonnet-5-5").as_deref(),
        Some("rejected")
    );
    assert_eq!(failed("invoke_agent").as_deref(), Some("rejected"));
    assert_eq!(failed("POST /api/chat").as_deref(), Some("502"));
    assert!(collector.got.lock().unwrap().len() > 1);
    let log = router.into_log();
    let told = log.matches("the collector did not accept traces").count();
    assert_eq!(told, 1, "{log}");
}
