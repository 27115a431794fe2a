//! Whether the new release answers from outside, where callers are, and can serve them.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use t3nets_router::errors::innermost;
use t3nets_router::outbound::{self, Connections, Options, Proxies};
use tokio::time::{Instant, sleep};

/// How many answers in a row have to be the new release's: a load balancer has more than one
/// target.
const IN_A_ROW: u32 = 3;
/// How long a single answer may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pause before it is asked again.
const EVERY: Duration = Duration::from_millis(500);
/// How long it may take until callers reach the new tasks: more than a target group needs to let go
/// of the old ones.
const AT_MOST: Duration = Duration::from_secs(90);
/// How long an address may not be reachable at all until that is taken for how things are.
const UNREACHABLE: Duration = Duration::from_secs(15);

/// What is read of an answer, in bytes.
const MAX_HEALTH: usize = 64 << 10;
/// How long it may take until the new release reaches its stores and secrets.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// What answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The new release; at the end, once it is ready.
    New,
    /// Something else, or the new release that cannot serve: what it says instead.
    Other(String),
    /// Nothing that can be reached from here: the error.
    Unreachable(String),
}

#[derive(Deserialize)]
struct About {
    release: Option<String>,
}

/// Asks `{endpoint}/api/health` until it answers with this release three times in a row, then
/// `{endpoint}/ready`.
pub(crate) async fn verify(endpoint: &str, release: &str) -> Answer {
    let endpoint = endpoint.trim_end_matches('/');
    let url = format!("{endpoint}/api/health");
    let client = outbound::client(Options {
        total_timeout: Some(ATTEMPT),
        // What a proxy of this machine answers says nothing about the service.
        proxies: Proxies::Never,
        // A connection that is kept leads to the same task every time.
        connections: Connections::OnePerRequest,
        ..Options::default()
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => return Answer::Unreachable(innermost(&error).to_string()),
    };
    let began = Instant::now();
    let mut in_a_row = 0;
    let mut was_reached = false;
    loop {
        let answer = ask(&client, &url, release).await;
        match answer {
            Answer::New => in_a_row += 1,
            Answer::Other(_) | Answer::Unreachable(_) => in_a_row = 0,
        }
        was_reached |= !matches!(answer, Answer::Unreachable(_));
        if in_a_row >= IN_A_ROW {
            return ready(&client, endpoint).await;
        }
        match answer {
            Answer::Unreachable(why) if !was_reached && began.elapsed() >= UNREACHABLE => {
                return Answer::Unreachable(why);
            }
            Answer::Other(why) | Answer::Unreachable(why) if began.elapsed() >= AT_MOST => {
                return Answer::Other(why);
            }
            _ => {}
        }
        if in_a_row == 0 {
            sleep(EVERY).await;
        }
    }
}

async fn ask(client: &outbound::Client, url: &str, release: &str) -> Answer {
    let answer = match client.send(client.get(url)).await {
        Ok(answer) => answer,
        Err(error) => return Answer::Unreachable(error.to_string()),
    };
    let status = answer.status();
    let body = outbound::read_start(answer, MAX_HEALTH).await;
    if !status.is_success() {
        return Answer::Other(format!("{url} answers {status}"));
    }
    match serde_json::from_slice::<About>(&body) {
        Ok(About {
            release: Some(other),
        }) if other == release => Answer::New,
        Ok(About {
            release: Some(other),
        }) => Answer::Other(format!("{url} answers as release {other}")),
        Ok(About { release: None }) => Answer::Other(format!("{url} names no release")),
        Err(_) => Answer::Other(format!("{url} does not answer as a router")),
    }
}

/// Whether the release that answers can serve too: a task without access to its tables lives, and
/// says who it is, but nobody gets an answer from it. A router that has no such page is taken at
/// its word.
async fn ready(client: &outbound::Client, endpoint: &str) -> Answer {
    let url = format!("{endpoint}/ready");
    let began = Instant::now();
    loop {
        let why = match client.send(client.get(&url)).await {
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                format!(
                    "{url} answers {}: it runs, but cannot serve",
                    answer.status()
                )
            }
            Ok(_) => return Answer::New,
            Err(error) => error.to_string(),
        };
        if began.elapsed() >= READY_WITHIN {
            return Answer::Other(why);
        }
        sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::routing::get;

    use super::*;

    /// A service whose answers come in this order, the last one for ever.
    async fn service(answers: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
        service_ready_after(0, answers).await
    }

    /// One that is ready from this look at it on.
    async fn service_ready_after(
        looks: usize,
        answers: &'static [&'static str],
    ) -> (String, Arc<AtomicUsize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move || {
            let at = count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(answers[at.min(answers.len() - 1)])
        };
        let looked = AtomicUsize::new(0);
        let ready = move || {
            std::future::ready(match looked.fetch_add(1, Ordering::SeqCst) < looks {
                true => StatusCode::SERVICE_UNAVAILABLE,
                false => StatusCode::OK,
            })
        };
        let looked = Arc::new(ready);
        let routes = Router::new()
            .route("/api/health", get(answer))
            .route("/ready", get(move || looked()));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (address, asked)
    }

    #[tokio::test]
    async fn only_three_answers_in_a_row_are_the_new_release() {
        let (new, old) = (r#"{"release": "new"}"#, r#"{"release": "old"}"#);
        let answers: &'static [_] = Box::leak(Box::new([old, new, new, old, new, new, new]));
        let (address, asked) = service(answers).await;
        assert_eq!(verify(&address, "new").await, Answer::New);
        assert_eq!(asked.load(Ordering::SeqCst), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_release_that_answers_but_cannot_serve_is_waited_for_and_then_refused() {
        let new: &'static [_] = &[r#"{"release": "new"}"#];
        let (address, _) = service_ready_after(3, new).await;
        assert_eq!(verify(&address, "new").await, Answer::New);
        let (address, _) = service_ready_after(usize::MAX, new).await;
        let Answer::Other(why) = verify(&address, "new").await else {
            panic!("it is not ready");
        };
        assert!(why.ends_with("it runs, but cannot serve"), "{why}");
    }

    #[tokio::test]
    async fn what_answers_something_else_is_told_from_what_does_not_answer() {
        let client = outbound::client(Options::default()).unwrap();
        for (answer, expected) in [
            (r#"{"release": null}"#, "names no release"),
            ("<html>", "does not answer as a router"),
            (r#"{"release": "old"}"#, "answers as release old"),
        ] {
            let (address, _) = service(Box::leak(Box::new([answer]))).await;
            let url = format!("{address}api/health");
            let Answer::Other(why) = ask(&client, &url, "new").await else {
                panic!("{answer}");
            };
            assert!(why.ends_with(expected), "{why}");
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = format!("http://{}/api/health", listener.local_addr().unwrap());
        drop(listener);
        let answer = ask(&client, &nobody, "new").await;
        assert!(matches!(answer, Answer::Unreachable(_)), "{answer:?}");
    }
}
