//! A proxy before a server that stands in for AWS, which does what networks and AWS do on bad days.
//!
//! Every call is numbered in the order of arrival, and recorded. A policy sees it before it is
//! forwarded ([`Before`]) and another one once the server has answered it ([`After`]):
//!
//! ```no_run
//! use support::aws::AwsServer;
//! use support::aws_proxy::{AwsProxy, every_third};
//!
//! # async fn example() {
//! let ministack = AwsServer::start("ministack", &[]).unwrap();
//! let proxy = AwsProxy::to(ministack.url())
//!     .before(every_third(&support::aws_proxy::THROTTLES_AND_ERRORS))
//!     .start()
//!     .await;
//! // Point a program at it: `AWS_ENDPOINT_URL` is `proxy.url()`.
//! assert!(proxy.faults() > 0);
//! # }
//! ```
//!
//! Headers go on as they came (`Host` and `Authorization` too: nobody checks the signature, but a
//! call to AWS itself would need it whole), and bodies are streamed. How AWS words a refusal is in
//! `refusal`, the handling of a call in `serve`.

mod refusal;
mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use refusal::{Protocol, Refusal};

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A call as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCall {
    /// Which one of all calls; the first is 1.
    pub number: usize,
    /// Which one of its operation's.
    pub of_operation: usize,
    /// The service as its protocol names it: `DynamoDB_20120810`, `secretsmanager`; empty where the
    /// protocol does not say.
    pub service: String,
    /// `TransactWriteItems`; method and path (`POST /model/…/converse`) for protocols without a
    /// name.
    pub operation: String,
    /// How the service wants errors worded.
    pub protocol: Protocol,
    /// The access key that it is signed with; empty if it is not signed.
    pub access_key: String,
    /// What was asked, where the protocol is one of short texts ([`Protocol::Json`],
    /// [`Protocol::Query`]).
    pub body: String,
    /// Whether anything but forwarding was done to it.
    pub faulted: bool,
}

/// What to do with a call before it is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Forward it.
    Forward,
    /// Forward it after a while.
    Delay(Duration),
    /// Answer it as AWS does when it refuses; nothing is forwarded.
    Refuse(Refusal),
    /// Cut the connection; nothing is forwarded.
    Cut,
    /// Keep it until [`AwsProxy::release`], or until the client goes away; then forward it.
    Hold,
}

/// What to do with a call that the server has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Give the answer.
    Answer,
    /// Give it after a while.
    Delay(Duration),
    /// Cut the connection instead: the change was made, and the answer is lost.
    Lose,
    /// Give the head and the first bytes of the body, then cut the connection.
    Truncate(usize),
    /// Keep the answer until [`AwsProxy::release`], or until the client goes away.
    Hold,
}

type BeforePolicy = Box<dyn Fn(&AwsCall) -> Before + Send + Sync>;
type AfterPolicy = Box<dyn Fn(&AwsCall, u16) -> After + Send + Sync>;
type Callback = Box<dyn FnOnce(&AwsCall) + Send>;

struct Shared {
    upstream: String,
    before: BeforePolicy,
    after: AfterPolicy,
    at: Mutex<BTreeMap<usize, Callback>>,
    calls: watch::Sender<Vec<AwsCall>>,
    released: watch::Sender<bool>,
}

/// A proxy to be started.
pub struct AwsProxyBuilder {
    upstream: String,
    before: BeforePolicy,
    after: AfterPolicy,
    at: BTreeMap<usize, Callback>,
}

impl AwsProxyBuilder {
    /// Decides on each call before it is forwarded. Without it all are forwarded.
    pub fn before(mut self, policy: impl Fn(&AwsCall) -> Before + Send + Sync + 'static) -> Self {
        self.before = Box::new(policy);
        self
    }

    /// Decides on each call that the server has answered, given the answer's status. Without it all
    /// are answered.
    pub fn after(
        mut self,
        policy: impl Fn(&AwsCall, u16) -> After + Send + Sync + 'static,
    ) -> Self {
        self.after = Box::new(policy);
        self
    }

    /// Calls back once, when this call arrives and before anything is done with it.
    /// [`AwsProxy::at`] adds more.
    pub fn at(mut self, number: usize, callback: impl FnOnce(&AwsCall) + Send + 'static) -> Self {
        self.at.insert(number, Box::new(callback));
        self
    }

    /// Starts it on a free loopback port.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and aborted on drop"
    )]
    pub async fn start(self) -> AwsProxy {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let shared = Arc::new(Shared {
            upstream: self.upstream,
            before: self.before,
            after: self.after,
            at: Mutex::new(self.at),
            calls: watch::Sender::new(Vec::new()),
            released: watch::Sender::new(false),
        });
        let task = tokio::spawn(serve::serve(listener, shared.clone()));
        AwsProxy {
            address,
            shared,
            task,
        }
    }
}

/// A proxy on a free loopback port. Dropping it cuts every connection.
pub struct AwsProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl AwsProxy {
    /// A proxy before the server at this address (`http://127.0.0.1:PORT`).
    pub fn to(upstream: &str) -> AwsProxyBuilder {
        AwsProxyBuilder {
            upstream: upstream.trim_end_matches('/').to_owned(),
            before: Box::new(|_| Before::Forward),
            after: Box::new(|_, _| After::Answer),
            at: BTreeMap::new(),
        }
    }

    /// Its address, for `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_<SERVICE>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables by which a program finds it: the server's own with its address instead of the
    /// server's.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<AwsCall> {
        self.shared.calls.borrow().clone()
    }

    /// How many calls came.
    pub fn count(&self) -> usize {
        self.shared.calls.borrow().len()
    }

    /// How many calls of an operation came: `TransactWriteItems`.
    pub fn count_of(&self, operation: &str) -> usize {
        let calls = self.shared.calls.borrow();
        calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    /// How many calls something was done to. A test of faults asserts that there were some.
    pub fn faults(&self) -> usize {
        let calls = self.shared.calls.borrow();
        calls.iter().filter(|call| call.faulted).count()
    }

    /// Calls back once, when this call arrives and before anything is done with it: to end a
    /// program there, say.
    pub fn at(&self, number: usize, callback: impl FnOnce(&AwsCall) + Send + 'static) {
        let mut at = self.shared.at.lock().expect("no callback panics");
        at.insert(number, Box::new(callback));
    }

    /// Waits until this many calls came.
    pub async fn until_called(&self, count: usize) {
        let mut calls = self.shared.calls.subscribe();
        let enough = calls.wait_for(|calls| calls.len() >= count);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap_or_else(|_| panic!("fewer than {count} calls came"))
            .expect("the proxy runs");
    }

    /// Lets go of what is held, and holds nothing from now on.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

impl Drop for AwsProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Throttling and an error of AWS's own, by turns.
pub const THROTTLES_AND_ERRORS: [Before; 2] = [
    Before::Refuse(Refusal::Throttle),
    Before::Refuse(Refusal::InternalError),
];

/// The connection is cut.
pub const CUTS: [Before; 1] = [Before::Cut];

/// Does these to every third call, by turns. Decided by the count alone, so that a run that makes
/// the same calls meets the same faults, and a call that is repeated with nothing else under way
/// gets through.
pub fn every_third(faults: &[Before]) -> impl Fn(&AwsCall) -> Before + Send + Sync + use<> {
    let faults = faults.to_vec();
    move |call| match call.number % 3 {
        0 => faults[(call.number / 3 - 1) % faults.len()],
        _ => Before::Forward,
    }
}

/// Loses every third answer: the change was made, and the client does not know.
pub fn every_third_answer_lost() -> impl Fn(&AwsCall, u16) -> After + Send + Sync {
    |call, _| match call.number % 3 {
        0 => After::Lose,
        _ => After::Answer,
    }
}

/// Forwards the calls before this one and holds it and all that follow: where a program is to be
/// ended from outside.
pub fn hold_from(number: usize) -> impl Fn(&AwsCall) -> Before + Send + Sync {
    move |call| match call.number >= number {
        true => Before::Hold,
        false => Before::Forward,
    }
}

#[cfg(test)]
mod tests;
