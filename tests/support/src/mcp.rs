//! A scripted MCP server over streamable HTTP: tools that a test gives it, answers that a function
//! computes, and what goes wrong.

pub mod sign_in;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use serde_json::{Value, json};

use self::sign_in::AuthorizationServer;
use crate::TestServer;

/// Where a server says of itself who signs people in for it.
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// How a request goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Never answers.
    Hang,
    /// This status, and a page.
    Status(u16),
    /// A token that is good for this, too.
    MoreScopes(String),
    /// An error of the protocol's own.
    Error(String),
    /// Status 200 and no JSON.
    Garbage,
    /// JSON without an end.
    Flood,
    /// Events without an end.
    EventFlood,
    /// Every page of the list has a next one.
    EndlessPages,
}

type Respond = dyn Fn(&str, &Value) -> Value + Send + Sync;

struct Shared {
    tools: Mutex<Vec<Value>>,
    respond: Box<Respond>,
    faults: Mutex<BTreeMap<String, Fault>>,
    seen: Mutex<Vec<(String, Value)>>,
    token: Mutex<Option<String>>,
    sign_in: Mutex<Option<SignIn>>,
    as_events: Mutex<bool>,
    says_changed: Mutex<bool>,
}

/// Who signs people in for a server.
struct SignIn {
    /// What the server says of itself.
    metadata: Value,
    /// Where it says that this is, if that is somewhere else.
    named: Option<String>,
    /// The tokens that work.
    tokens: Arc<Mutex<BTreeSet<String>>>,
}

/// A scripted MCP server on a free loopback port.
pub struct McpServer {
    server: TestServer,
    shared: Arc<Shared>,
}

/// A tool that says that it only reads.
pub fn reading(name: &str) -> Value {
    json!({
        "name": name, "description": format!("Reads {name}."),
        "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}},
        "annotations": {"readOnlyHint": true},
    })
}

/// A tool that says nothing of what it does.
pub fn writing(name: &str) -> Value {
    json!({
        "name": name, "description": format!("Changes {name}."),
        "inputSchema": {"type": "object", "properties": {"title": {"type": "string"}}},
    })
}

impl McpServer {
    /// A server whose tools answer that they ran.
    pub async fn with(tools: impl IntoIterator<Item = Value>) -> Self {
        Self::answering(
            tools,
            |tool, _| json!({"content": [{"type": "text", "text": format!("{tool} ran")}]}),
        )
        .await
    }

    /// A server whose tools answer what the function says of name and arguments.
    pub async fn answering(
        tools: impl IntoIterator<Item = Value>,
        respond: impl Fn(&str, &Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            tools: Mutex::new(tools.into_iter().collect()),
            respond: Box::new(respond),
            faults: Mutex::default(),
            seen: Mutex::default(),
            token: Mutex::default(),
            sign_in: Mutex::default(),
            as_events: Mutex::default(),
            says_changed: Mutex::default(),
        });
        let routes = Router::new()
            .route("/mcp", post(serve).delete(|| async { StatusCode::OK }))
            .route(&format!("{METADATA}/mcp"), get(metadata))
            .with_state(shared.clone());
        Self {
            server: TestServer::start(routes).await,
            shared,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}/mcp", self.server.url())
    }

    /// Refuses whoever does not send this token.
    pub fn require_token(&self, token: &str) {
        *self.shared.token.lock().unwrap() = Some(token.to_owned());
    }

    /// Takes the tokens of this authorization server alone, and says so.
    pub fn sign_in_at(&self, authority: &AuthorizationServer) {
        *self.shared.sign_in.lock().unwrap() = Some(SignIn {
            metadata: json!({"resource": self.url(), "authorization_servers": [authority.issuer()]}),
            named: None,
            tokens: authority.tokens(),
        });
    }

    /// Names another address where it says so.
    pub fn name_metadata(&self, address: &str) {
        let mut sign_in = self.shared.sign_in.lock().unwrap();
        sign_in.as_mut().unwrap().named = Some(address.to_owned());
    }

    /// Says something else of who signs people in for it.
    pub fn say_of_sign_in(&self, name: &str, value: Value) {
        let mut sign_in = self.shared.sign_in.lock().unwrap();
        sign_in.as_mut().unwrap().metadata[name] = value;
    }

    /// Answers with events in place of JSON.
    pub fn answer_with_events(&self) {
        *self.shared.as_events.lock().unwrap() = true;
    }

    /// From now on it has these tools; it says so with the next answer if `says_so`.
    pub fn change_tools(&self, tools: impl IntoIterator<Item = Value>, says_so: bool) {
        *self.shared.tools.lock().unwrap() = tools.into_iter().collect();
        *self.shared.says_changed.lock().unwrap() = says_so;
    }

    /// From now on requests of this method go wrong.
    pub fn fail(&self, method: &str, fault: Fault) {
        let mut faults = self.shared.faults.lock().unwrap();
        faults.insert(method.to_owned(), fault);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// The tools that were called, with their arguments.
    pub fn calls(&self) -> Vec<(String, Value)> {
        let seen = self.shared.seen.lock().unwrap();
        let calls = seen.iter().filter(|(method, _)| method == "tools/call");
        calls
            .map(|(_, params)| {
                let name = params["name"].as_str().unwrap_or_default();
                (name.to_owned(), params["arguments"].clone())
            })
            .collect()
    }

    /// How many requests of a method came.
    pub fn count(&self, method: &str) -> usize {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|(one, _)| one == method).count()
    }
}

async fn serve(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let token = shared.token.lock().unwrap().clone();
    let sent = headers
        .get("authorization")
        .and_then(|sent| sent.to_str().ok());
    if token.is_some_and(|token| sent != Some(&format!("Bearer {token}"))) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(sign_in) = &*shared.sign_in.lock().unwrap() {
        let token = sent.and_then(|sent| sent.strip_prefix("Bearer "));
        if !token.is_some_and(|token| sign_in.tokens.lock().unwrap().contains(token)) {
            let host = headers["host"].to_str().unwrap();
            let here = || format!("http://{host}{METADATA}/mcp");
            let metadata = sign_in.named.clone().unwrap_or_else(here);
            let challenge = format!("Bearer resource_metadata=\"{metadata}\", scope=\"docs:read\"");
            return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
        }
    }
    let request: Value = serde_json::from_slice(&body).unwrap();
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let params = request["params"].clone();
    shared
        .seen
        .lock()
        .unwrap()
        .push((method.clone(), params.clone()));
    let id = &request["id"];
    if id.is_null() {
        return StatusCode::ACCEPTED.into_response();
    }
    let fault = shared.faults.lock().unwrap().get(&method).cloned();
    let result = match fault {
        None => result(&shared, &method, &params),
        Some(Fault::EndlessPages) => {
            let mut page = result(&shared, &method, &params);
            page["nextCursor"] = json!("again");
            page
        }
        Some(fault) => return failed(fault, id).await,
    };
    let answer = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
    let changed = method == "tools/call" && *shared.says_changed.lock().unwrap();
    let session = [("mcp-session-id", "s1")];
    if !changed && !*shared.as_events.lock().unwrap() {
        return (session, [("content-type", "application/json")], answer).into_response();
    }
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    let notice = match changed {
        true => format!("event: message\ndata: {notice}\n\n"),
        false => String::new(),
    };
    let events = format!("{notice}event: message\ndata: {answer}\n\n");
    (session, [("content-type", "text/event-stream")], events).into_response()
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    match &*shared.sign_in.lock().unwrap() {
        Some(sign_in) => axum::Json(sign_in.metadata.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn result(shared: &Shared, method: &str, params: &Value) -> Value {
    match method {
        "initialize" => json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": {"name": "scripted", "version": "1.0"},
        }),
        "tools/list" => json!({"tools": *shared.tools.lock().unwrap()}),
        "tools/call" => {
            let name = params["name"].as_str().unwrap_or_default();
            (shared.respond)(name, &params["arguments"])
        }
        _ => json!({}),
    }
}

async fn failed(fault: Fault, id: &Value) -> Response {
    let endless = |piece: &str| {
        let pieces = Bytes::from(piece.repeat(500));
        let pieces = futures::stream::repeat(pieces).map(Ok::<_, std::io::Error>);
        Body::from_stream(pieces)
    };
    match fault {
        Fault::Hang => std::future::pending().await,
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, "<html>Sorry</html>").into_response()
        }
        Fault::MoreScopes(scopes) => {
            // https://www.rfc-editor.org/rfc/rfc6750#section-3.1
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\"");
            (StatusCode::FORBIDDEN, [("www-authenticate", challenge)]).into_response()
        }
        Fault::Error(message) => {
            let error = json!({"code": -32000, "message": message});
            let answer = json!({"jsonrpc": "2.0", "id": id, "error": error});
            ([("content-type", "application/json")], answer.to_string()).into_response()
        }
        Fault::Garbage | Fault::EndlessPages => "no JSON".into_response(),
        Fault::Flood => {
            let kind = [("content-type", "application/json")];
            (kind, endless("                                ")).into_response()
        }
        Fault::EventFlood => {
            let kind = [("content-type", "text/event-stream")];
            let event = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n";
            (kind, endless(event)).into_response()
        }
    }
}
