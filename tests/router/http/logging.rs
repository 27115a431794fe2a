//! What the log says of a request that fails: one line with the cause, and nothing of it in the
//! answer.

use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::StatusCode;
use jiff::civil::Date;
use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};
use t3nets_router::aws::AwsError;
use t3nets_router::model::{
    BudgetProgress, DailyUsage, Hold, LedgerAccount, LedgerLine, Reserved, SettledTurn, TenantId,
    UserId, UserRole,
};
use t3nets_router::ports::{StoreError, UsageStore};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::streaming::events;
use super::{Setup, TestApp, chat};

/// What is logged on this thread, as JSON lines.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines that hold a text.
    pub(super) fn lines_with(&self, text: &str) -> Vec<Value> {
        let log = self.0.lock().unwrap();
        String::from_utf8_lossy(&log)
            .lines()
            .filter(|line| line.contains(text))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A store of which every call fails.
pub(super) struct BrokenUsage(pub(super) StoreError);

#[async_trait]
impl UsageStore for BrokenUsage {
    async fn reserve(&self, _: &Hold) -> Result<Reserved, StoreError> {
        Err(self.0.clone())
    }

    async fn settle(&self, _: &Hold, _: &SettledTurn) -> Result<Vec<BudgetProgress>, StoreError> {
        Err(self.0.clone())
    }

    async fn add_refusals(
        &self,
        _: &TenantId,
        _: Date,
        _: &LedgerAccount,
        _: u64,
    ) -> Result<(), StoreError> {
        Err(self.0.clone())
    }
    async fn ledger(
        &self,
        _: &TenantId,
        _: Date,
        _: Date,
        _: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        Err(self.0.clone())
    }

    async fn usage(&self, _: &TenantId, _: Date, _: Date) -> Result<Vec<DailyUsage>, StoreError> {
        Err(self.0.clone())
    }
}

#[tokio::test]
async fn a_store_that_fails_is_logged_once_with_its_detail_which_the_caller_does_not_get() {
    for (error, status, code) in [
        (
            StoreError::unavailable("disk sda1 is on fire"),
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
        ),
        (
            StoreError::denied("disk sda1 is locked"),
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
        ),
    ] {
        let app = TestApp::with(Setup {
            usage: Some(Arc::new(BrokenUsage(error))),
            ..Setup::default()
        })
        .await;
        let key = app.key("default", "bob", UserRole::Member).await;
        let (log, _guard) = Log::begin();
        let answer = app.chat(&key, "hi").await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (status, code)
        );
        assert!(!answer.json().to_string().contains("sda1"));

        let lines = log.lines_with("sda1");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["level"], "ERROR");
        assert_eq!(lines[0]["message"], "a store failed");
        assert_eq!(lines[0]["code"], code);
        assert_eq!(
            lines[0]["span"]["request_id"],
            answer.json()["request_id"],
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_call_to_aws_that_failed_can_be_found_by_its_request_id() {
    let refused = AwsError::of_answer(
        "dynamodb",
        "UpdateItem",
        500,
        Some("InternalServerError"),
        Some("disk sda1 is on fire"),
        Some("AWSREQUEST1"),
    );
    let app = TestApp::with(Setup {
        usage: Some(Arc::new(BrokenUsage(refused.into()))),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "bob", UserRole::Member).await;
    let (log, _guard) = Log::begin();
    let answer = app.chat(&key, "hi").await;
    assert_eq!(answer.error_code(), "store_unavailable");
    let lines = log.lines_with("sda1");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["aws_operation"], "UpdateItem");
    assert_eq!(lines[0]["aws_request_id"], "AWSREQUEST1");
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_the_middle_is_logged_once_with_its_request() {
    let model = ModelServer::scripted([Says::text("Half of").then_error("overloaded")]).await;
    let (app, key) = chat::app_with(&model).await;
    let (log, _guard) = Log::begin();
    let events = events(&app, &key, &json!({"message": "think it over"})).await;
    let (name, data) = events.last().unwrap();
    assert_eq!(name, "error");
    let lines = log.lines_with("the model failed");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "WARN");
    assert_eq!(lines[0]["span"]["request_id"], data["request_id"]);
}
