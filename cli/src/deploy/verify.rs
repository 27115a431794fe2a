//! Whether the new release answers from outside, where callers are.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

/// How many answers in a row have to be the new release's: a load balancer has more than one target.
const IN_A_ROW: u32 = 3;
/// How long a single answer may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often it is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How long it may take until callers reach the new tasks: more than a target group needs to let go of the old ones.
const AT_MOST: Duration = Duration::from_secs(90);
/// How long an address may not be reachable at all until that is taken for how things are.
const UNREACHABLE: Duration = Duration::from_secs(15);

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verified {
    /// The new release answers.
    Yes,
    /// Something answers, but not the new release: what it says instead.
    No(String),
    /// Nobody can be reached from here: why.
    Unreachable(String),
}

#[derive(Deserialize)]
struct About {
    release: Option<String>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Ours,
    Other(String),
    Unreachable(String),
}

/// Asks `{endpoint}/api/health` until it answers with this release three times in a row.
pub(crate) async fn verify(endpoint: &str, release: &str) -> Verified {
    let url = format!("{}/api/health", endpoint.trim_end_matches('/'));
    let client = reqwest::Client::builder()
        // What a proxy of this machine answers says nothing of the service.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // Each answer by a connection of its own: one that is kept leads to the same task for ever.
        .pool_max_idle_per_host(0)
        .timeout(ATTEMPT)
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return Verified::Unreachable(innermost(&error)),
    };
    let began = Instant::now();
    let mut in_a_row = 0;
    let mut was_reached = false;
    loop {
        let answer = ask(&client, &url, release).await;
        match answer {
            Answer::Ours => in_a_row += 1,
            Answer::Other(_) | Answer::Unreachable(_) => in_a_row = 0,
        }
        was_reached |= !matches!(answer, Answer::Unreachable(_));
        if in_a_row >= IN_A_ROW {
            return Verified::Yes;
        }
        match answer {
            Answer::Unreachable(why) if !was_reached && began.elapsed() >= UNREACHABLE => {
                return Verified::Unreachable(why);
            }
            Answer::Other(why) | Answer::Unreachable(why) if began.elapsed() >= AT_MOST => {
                return Verified::No(why);
            }
            _ => {}
        }
        if in_a_row == 0 {
            sleep(EVERY).await;
        }
    }
}

async fn ask(client: &reqwest::Client, url: &str, release: &str) -> Answer {
    let answer = match client.get(url).send().await {
        Ok(answer) => answer,
        Err(error) => return Answer::Unreachable(innermost(&error)),
    };
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    if !status.is_success() {
        return Answer::Other(format!("{url} answers {status}"));
    }
    match serde_json::from_slice::<About>(&body) {
        Ok(About {
            release: Some(other),
        }) if other == release => Answer::Ours,
        Ok(About {
            release: Some(other),
        }) => Answer::Other(format!("{url} answers as release {other}")),
        Ok(About { release: None }) => Answer::Other(format!("{url} names no release")),
        Err(_) => Answer::Other(format!("{url} does not answer as a router")),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
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
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move || {
            let at = count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(answers[at.min(answers.len() - 1)])
        };
        let routes = Router::new().route("/api/health", get(answer));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (address, asked)
    }

    #[tokio::test]
    async fn only_three_answers_in_a_row_are_the_new_release() {
        let (new, old) = (r#"{"release": "new"}"#, r#"{"release": "old"}"#);
        let answers: &'static [_] = Box::leak(Box::new([old, new, new, old, new, new, new]));
        let (address, asked) = service(answers).await;
        assert_eq!(verify(&address, "new").await, Verified::Yes);
        assert_eq!(asked.load(Ordering::SeqCst), 7);
    }

    #[tokio::test]
    async fn what_answers_something_else_is_told_from_what_does_not_answer() {
        let client = reqwest::Client::new();
        for (answer, said) in [
            (r#"{"release": null}"#, "names no release"),
            ("<html>", "does not answer as a router"),
            (r#"{"release": "old"}"#, "answers as release old"),
        ] {
            let (address, _) = service(Box::leak(Box::new([answer]))).await;
            let url = format!("{address}api/health");
            let Answer::Other(why) = ask(&client, &url, "new").await else {
                panic!("{answer}");
            };
            assert!(why.ends_with(said), "{why}");
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = format!("http://{}/api/health", listener.local_addr().unwrap());
        drop(listener);
        let answer = ask(&client, &nobody, "new").await;
        assert!(matches!(answer, Answer::Unreachable(_)), "{answer:?}");
    }
}
