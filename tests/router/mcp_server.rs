//! An MCP server of others', unmodified, as its registry has it: its tools serve in a chat.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};
use support::model::{Answer as Says, ModelServer};

use crate::clients::node;
use crate::http::chat::app_with;
use crate::http::mcp::connect_to;

struct Everything {
    process: Child,
    /// Kept, since the server ends where nobody can read what it says.
    _said: BufReader<ChildStderr>,
    url: String,
}

impl Everything {
    /// Starts it and waits until it listens, which it says on stderr.
    fn start() -> Option<Self> {
        let folder = node()?;
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut process = Command::new("node")
            .arg(folder.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js"))
            .arg("streamableHttp")
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on port") {
            line.clear();
            let length = said.read_line(&mut line).unwrap();
            assert!(length > 0, "the server does not start");
        }
        Some(Self {
            process,
            _said: said,
            url: format!("http://127.0.0.1:{port}/mcp"),
        })
    }
}

impl Drop for Everything {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_serves_its_tools_in_a_chat() {
    let Some(server) = Everything::start() else {
        return;
    };
    let sum = json!({"a": 19, "b": 23});
    let model = ModelServer::scripted([
        Says::tool("t1", "everything__get-sum", sum).and_tool(
            "t2",
            "everything__get-tiny-image",
            json!({}),
        ),
        Says::text("It is 42."),
        Says::tool("t3", "everything__echo", json!({"message": "hello"})),
        Says::text("It echoed."),
    ])
    .await;
    let (app, key) = app_with(&model).await;
    let fields = json!({
        "url": server.url, "tools": "echo, get-sum, get-tiny-image",
        "run_without_asking": "get-sum, get-tiny-image",
    });
    connect_to(&app, "mcp-everything", fields).await;

    let say = async |message: &str| {
        let body = json!({"message": message, "session_id": "s"});
        app.post("/api/chat", Some(&key), &body).await.json()
    };
    assert_eq!(say("what is 19 and 23?").await["text"], "It is 42.");
    let results = |at: usize| -> Value {
        let messages = model.requests()[at].body["messages"].clone();
        messages.as_array().unwrap().last().unwrap()["content"].clone()
    };
    let told = results(1).to_string();
    assert!(told.contains("42") && told.contains("image/png"), "{told}");

    let asked = say("say hello").await["text"].to_string();
    assert!(asked.contains("`echo` of `everything`"), "{asked}");
    assert_eq!(say("yes").await["text"], "It echoed.");
    assert!(results(3).to_string().contains("Echo: hello"));
}
