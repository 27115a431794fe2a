//! The clients that people use, unmodified, against the built router, and AWS's own against what
//! stands in for Bedrock: each is a small program in `tests/clients`, and ends with an error if
//! something is not as it should be.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use support::model::{Answer as Says, ModelCall, ModelServer};
use support::{RouterProcess, missing, skip_without};
use t3nets_router::model::{TenantSettings, UserRole};

use crate::http::{add_tenant, make_key};

const PYTHON_PACKAGES: [&str; 3] = [
    "openai==3.57.0",
    "langchain-openai==1.7.4",
    "boto3==1.43.11",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
}

/// The program that has the Python packages, installed on first use. `None` if they cannot be had.
fn python() -> Option<PathBuf> {
    if skip_without("python3") {
        return None;
    }
    let made = Command::new("python3")
        .arg(folder().join("../python_environment.py"))
        .arg("clients")
        .args(PYTHON_PACKAGES)
        .output()
        .unwrap();
    if !made.status.success() {
        missing("the Python packages of the clients");
        return None;
    }
    let programs = String::from_utf8(made.stdout).unwrap();
    Some(Path::new(programs.trim()).join("python"))
}

/// A copy of the folder with what its lock file names, installed on first use, where JavaScript
/// looks for it. `None` if it cannot be had.
pub(crate) fn node() -> Option<PathBuf> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    if skip_without("npm") {
        return None;
    }
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let copy = folder().join("../../target/node/clients");
    std::fs::create_dir_all(&copy).unwrap();
    let lock = std::fs::read(folder().join("package-lock.json")).unwrap();
    // Written last, as npm does it itself: an interrupted installation has none.
    let complete = copy.join("complete");
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    if std::fs::read(&complete).is_ok_and(|installed| installed == lock) {
        return Some(copy);
    }
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--loglevel=error"])
        .current_dir(&copy)
        .output()
        .unwrap();
    if !installed.status.success() {
        missing("the npm packages of tests/clients");
        return None;
    }
    std::fs::write(complete, lock).unwrap();
    Some(copy)
}

/// What the model says to the clients.
fn says(call: &ModelCall) -> Says {
    let last = call.body["messages"].as_array().and_then(|all| all.last());
    if last.is_some_and(|last| last["role"] == "tool") {
        return Says::text("It is warm: 21 degrees.").in_chunks(4);
    }
    match &*call.last_text() {
        "is it warm in Zürich?" => Says::text("Let me look.")
            .in_chunks(3)
            .and_tool("t1", "get_weather", json!({"city": "Zürich"}))
            .and_tool("t2", "get_weather", json!({"city": "Bern"})),
        "think of a city" if call.body.get("response_format").is_some() => {
            Says::text(r#"{"city":"Zürich"}"#).in_chunks(3)
        }
        "think of a city" => {
            let named = call.body["tool_choice"]["function"]["name"].as_str();
            Says::tool("t1", named.unwrap_or("none"), json!({"city": "Zürich"}))
        }
        "hold" => Says::text("Half of").in_chunks(2).held(),
        "break" => Says::text("Half of").then_error("overloaded"),
        _ => Says::text("So."),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unmodified_clients_stream_call_tools_stop_and_understand_errors() {
    let (Some(python), Some(node)) = (python(), node()) else {
        return;
    };
    let model = ModelServer::answering(says).await;
    let home = tempfile::tempdir().unwrap();
    let platform = t3nets_router::local::open(home.path()).unwrap();
    add_tenant(&platform, "default", TenantSettings::default()).await;
    let spent = TenantSettings {
        messages_per_day: Some(0),
        ..TenantSettings::default()
    };
    add_tenant(&platform, "spent", spent).await;
    let key = make_key(&platform, "default", "bob", UserRole::Member, None).await;
    let spent_key = make_key(&platform, "spent", "bob", UserRole::Member, None).await;
    let router = RouterProcess::start(
        Command::new(env!("CARGO_BIN_EXE_t3nets-router"))
            .env_clear()
            .envs([("T3NETS_ENV", "local"), ("RUST_LOG", "info")])
            .env("OPENAI_BASE_URL", model.openai_url())
            .env("T3NETS_MODEL", "some-model")
            .env("T3NETS_HOME", home.path()),
    );
    let run = |program: &Path, script: &str, at: &Path| {
        let mut command = Command::new(program);
        command
            .arg(at.join(script))
            .envs([
                ("T3NETS_URL", router.url.as_str()),
                ("T3NETS_KEY", key.as_str()),
                ("T3NETS_SPENT_KEY", spent_key.as_str()),
            ])
            .current_dir(home.path());
        let script = script.to_owned();
        tokio::task::spawn_blocking(move || (script, command.output().unwrap()))
    };
    let clients = [
        run(&python, "openai_python.py", &folder()),
        run(&python, "langchain_client.py", &folder()),
        run(Path::new("node"), "openai_node.mjs", &node),
        run(Path::new("node"), "vercel_ai.mjs", &node),
    ];
    let mut failures = String::new();
    for client in clients {
        let (script, Output { status, stderr, .. }) = client.await.unwrap();
        if !status.success() {
            let said = String::from_utf8_lossy(&stderr);
            failures.push_str(&format!("{script}: {said}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// What stands in for Bedrock says to AWS's client.
fn says_in_bedrocks_format(call: &ModelCall) -> Says {
    match &*call.last_text() {
        "too many" => Says::bedrock_error(429, "ThrottlingException", "slow down"),
        "break" => Says::text("Half of").then_error_of("modelStreamErrorException", "overloaded"),
        _ => Says::text("Let me look.")
            .in_chunks(3)
            .after_thinking("Where is it?")
            .and_tool("t1", "get_weather", json!({"city": "Zürich"}))
            .cached(20, 0)
            .answered_by("amazon.nova-micro-v1:0"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_for_bedrock_speaks_as_awss_own_client_understands() {
    let Some(python) = python() else {
        return;
    };
    let model = ModelServer::answering(says_in_bedrocks_format).await;
    let mut client = Command::new(python);
    client
        .arg(folder().join("bedrock_boto3.py"))
        .env("BEDROCK_URL", model.url());
    let ended = tokio::task::spawn_blocking(move || client.output().unwrap());
    let Output { status, stderr, .. } = ended.await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}
