//! Requests generated from the OpenAPI document by schemathesis (Python), against the router on a
//! socket.

use std::process::Command;

use support::{TestServer, python_venv};
use t3nets_router::model::{TenantSettings, UserRole};

use crate::http::{Setup, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_server_error() {
    let Some(venv) = python_venv("schemathesis==4.32.5") else {
        return;
    };
    let settings = TenantSettings {
        messages_per_day: Some(1_000_000),
        ..TenantSettings::default()
    };
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let server = TestServer::start(app.routes.clone()).await;

    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(venv.join("bin/st"));
    command
        .args(["run", &format!("{}/openapi.json", server.url())])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance",
        ])
        .args(["--checks", "response_schema_conformance,unsupported_method"])
        .args(["--max-examples", "50", "--seed", "1", "--no-color"])
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
}
