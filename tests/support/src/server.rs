//! A server on a free loopback port that ends with the test.

use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::task::JoinHandle;

/// A server on a free loopback port. Dropping it ends it at once, requests under way included.
pub struct TestServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TestServer {
    /// Serves the routes, which can take the address of whom they answer (`ConnectInfo`).
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and aborted on drop"
    )]
    pub async fn start(routes: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            // An answer in two pieces would wait 40 ms for the first one's acknowledgement.
            let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
            axum::serve(
                listener,
                routes.into_make_service_with_connect_info::<SocketAddr>(),
            )
            .await
            .expect("the test server runs");
        });
        Self { address, task }
    }

    /// The server's address: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
