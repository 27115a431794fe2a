//! Twenty chats at once with a model that takes 0.5 s each, while `/health` is asked again and
//! again: how long all of them take together, and how long `/health` does. In the same run, one
//! chat alone, and the same twenty through a server that answers one request at a time, as a script
//! of Python's `http.server` does.
//!
//! Run: `cargo bench --package t3nets-router --bench slow_model`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures, and ends if it cannot"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::model::{Answer, ModelServer};
use t3nets_router::admin::Admin;
use t3nets_router::admin::keys::NewKey;
use t3nets_router::admin::tenants::NewTenant;
use t3nets_router::admin::users::NewUser;
use t3nets_router::model::{TenantId, TenantStatus, UserRole};
use tokio::task::JoinSet;

const CHATS: usize = 20;
const MODEL_TAKES: Duration = Duration::from_millis(500);

/// A server under test. Dropping it kills it.
struct Server {
    process: Child,
    url: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::main]
async fn main() {
    // `cargo test` runs benchmarks once with this flag, to see that they build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let model = ModelServer::answering(|_| Answer::text("Done.").after(MODEL_TAKES)).await;
    println!(
        "{CHATS} chats at once, a model that takes {} ms each",
        MODEL_TAKES.as_millis()
    );
    println!(
        "{:<28} {:>12} {:>14} {:>14} {:>14}",
        "", "all done", "health median", "health most", "health asked"
    );

    let home = tempfile::tempdir().unwrap();
    let router = router(home.path(), &model).await;
    report("t3nets-router, one chat", &router, 1).await;
    report("t3nets-router, 20 chats", &router, CHATS).await;
    match one_at_a_time(&model) {
        Some(script) => report("one at a time, 20 chats", &script, CHATS).await,
        None => println!("one at a time: needs python3"),
    }
}

async fn report(name: &str, server: &Server, chats: usize) {
    let client = Client::new();
    // Opens a connection first: what is compared is the server's waiting, not the client's start.
    client
        .get(format!("{}/health", server.url))
        .send()
        .await
        .unwrap();
    let started = Instant::now();
    let mut asked = JoinSet::new();
    for _ in 0..chats {
        let request = client
            .post(format!("{}/api/chat", server.url))
            .bearer_auth(&server.key)
            .json(&json!({"message": "what is new?", "model": "x", "messages": []}));
        asked.spawn(async move {
            let response = request.send().await.unwrap();
            assert!(
                response.status().is_success(),
                "{}",
                response.text().await.unwrap()
            );
        });
    }
    let all = async {
        while let Some(chat) = asked.join_next().await {
            chat.unwrap()
        }
    };
    tokio::pin!(all);
    let mut health = Vec::new();
    loop {
        let probe = Instant::now();
        let answered = client.get(format!("{}/health", server.url)).send();
        tokio::pin!(answered);
        tokio::select! {
            () = &mut all => break,
            response = &mut answered => {
                assert!(response.unwrap().status().is_success());
                health.push(probe.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    let took = started.elapsed();
    health.sort_unstable();
    let shown = |duration: Option<&Duration>| {
        duration.map_or("none".to_owned(), |duration| {
            format!("{:.1} ms", duration.as_secs_f64() * 1e3)
        })
    };
    println!(
        "{name:<28} {:>12} {:>14} {:>14} {:>14}",
        format!("{} ms", took.as_millis()),
        shown(health.get(health.len() / 2)),
        shown(health.last()),
        health.len()
    );
}

/// The built router on an embedded environment of its own.
async fn router(home: &std::path::Path, model: &ModelServer) -> Server {
    let admin = Admin::new(t3nets_router::local::open(home).unwrap(), "benchmark");
    let id: TenantId = "default".parse().unwrap();
    let tenant = NewTenant {
        id: id.clone(),
        name: None,
        status: TenantStatus::Active,
        settings: Vec::new(),
    };
    admin.add_tenant(tenant).await.unwrap();
    let user = NewUser {
        email: "ada@example.com".to_owned(),
        id: None,
        display_name: None,
        role: UserRole::Member,
    };
    let user = admin.add_user(&id, user).await.unwrap();
    let key = NewKey {
        user_id: user.id,
        name: None,
        role: None,
        expires_in: None,
        budgets: Vec::new(),
    };
    let key = admin
        .create_key(&id, key)
        .await
        .unwrap()
        .key
        .expose_secret()
        .to_owned();

    let mut process = Command::new(env!("CARGO_BIN_EXE_t3nets-router"))
        .arg("serve")
        .env_clear()
        .envs([
            ("T3NETS_ENV", "local"),
            ("PORT", "0"),
            ("ANTHROPIC_API_KEY", "sk-benchmark"),
        ])
        .env("ANTHROPIC_BASE_URL", model.url())
        .env("T3NETS_HOME", home)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let serving = log
        .by_ref()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find(|line| line["message"] == "serving")
        .unwrap();
    std::thread::spawn(move || log.for_each(drop));
    let url = format!(
        "http://{}",
        serving["address"]
            .as_str()
            .unwrap()
            .replace("0.0.0.0", "127.0.0.1")
    );
    Server { process, url, key }
}

fn one_at_a_time(model: &ModelServer) -> Option<Server> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/bench/one_at_a_time.py"
    );
    let mut process = Command::new("python3")
        .arg(script)
        .arg(format!("{}/chat/completions", model.openai_url()))
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut port = String::new();
    BufReader::new(process.stdout.take()?)
        .read_line(&mut port)
        .ok()?;
    Some(Server {
        process,
        url: format!("http://127.0.0.1:{}", port.trim()),
        key: "none".to_owned(),
    })
}
