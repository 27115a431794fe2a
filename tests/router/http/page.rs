//! The files of the web page: what a browser gets, and that nothing else can be had.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use support::jira::Script;
use t3nets_router::config::SampleBoard;
use t3nets_router::model::UserRole;

use super::{Answer, Setup, TestApp, tenant_id};

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(Method::GET).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

fn text_of(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// The address of the last script that a page names: its own.
fn asset_of(page: &str) -> String {
    let (_, rest) = page.rsplit_once("src=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn each_page_comes_with_a_policy_that_runs_its_own_files_alone() {
    let app = TestApp::new().await;
    for path in ["/", "/c/s_any.thing", "/dashboard", "/setup"] {
        let page = get(&app, path, &[]).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert_eq!(page.headers["cache-control"], "no-cache");
        let text = text_of(&page);
        for inline in ["<style", " style=", " onload=", " onclick="] {
            assert!(!text.contains(inline), "{text}");
        }
        assert!(
            !text.replace("></script>", "").contains("<script>"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_asset_is_kept_for_good_and_a_page_is_asked_for_again() {
    let app = TestApp::new().await;
    let page = get(&app, "/", &[]).await;
    let asset = get(&app, &asset_of(text_of(&page)), &[]).await;
    assert_eq!(asset.status, StatusCode::OK);
    let kept = asset.headers["cache-control"].to_str().unwrap();
    assert!(kept.contains("immutable"), "{kept}");

    // Of the same name in every version: it loads a page again whose other files are not there.
    let early = get(&app, "/assets/early.js", &[]).await;
    assert_eq!(early.status, StatusCode::OK);
    assert_eq!(early.headers["cache-control"], "no-cache");

    let tag = page.headers["etag"].to_str().unwrap();
    let again = get(&app, "/", &[("if-none-match", tag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert!(again.body.is_empty());
    assert_eq!(again.headers["etag"], tag);
    assert!(again.headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn it_is_compressed_where_the_browser_takes_that() {
    let app = TestApp::new().await;
    let plain = get(&app, "/", &[]).await;
    for (accepted, packed) in [
        ("br", true),
        ("gzip, deflate, br;q=0.8", true),
        ("gzip", false),
        ("br;q=0", false),
        ("br; q=0.0", false),
    ] {
        let page = get(&app, "/", &[("accept-encoding", accepted)]).await;
        let encoding = page.headers.get("content-encoding");
        assert_eq!(encoding.is_some(), packed, "{accepted}");
        assert_eq!(page.body.len() < plain.body.len(), packed, "{accepted}");
        assert_eq!(page.headers["vary"], "accept-encoding");
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn a_mistyped_address_is_a_page_for_browsers_and_json_for_everything_else() {
    let app = TestApp::new().await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/dashbord", "/c/", "/dashboard/people", "/api/nothing"] {
        let missing = get(&app, path, &[("accept", browser)]).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{path}: {missing:?}");
        assert_eq!(missing.headers["content-type"], "text/html; charset=utf-8");
        let page = get(&app, "/", &[]).await;
        for name in [
            "content-security-policy",
            "referrer-policy",
            "cache-control",
        ] {
            assert_eq!(missing.headers[name], page.headers[name], "{name}");
        }
        let text = text_of(&missing);
        assert!(
            text.contains("<a class=\"btn p\" href=\"/\">To the chat</a>"),
            "{text}"
        );
        assert!(!text.contains(path), "nothing of the request: {text}");
        let tag = missing.headers["etag"].to_str().unwrap();
        let again = [("accept", browser), ("if-none-match", tag)];
        assert_eq!(get(&app, path, &again).await.status, StatusCode::NOT_FOUND);
    }
    for accepted in ["application/json", "*/*", "text/event-stream"] {
        let missing = get(&app, "/dashbord", &[("accept", accepted)]).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert_eq!(missing.error_code(), "not_found", "{accepted}");
    }
    let post = Request::builder().method(Method::POST).uri("/dashbord");
    let post = post.header("accept", browser).body(Body::empty()).unwrap();
    assert_eq!(app.send(post).await.error_code(), "not_found");
}

#[tokio::test]
async fn nothing_but_the_page_can_be_had() {
    let app = TestApp::new().await;
    let page = get(&app, "/", &[]).await;
    let packed = format!("{}.br", asset_of(text_of(&page)));
    for path in [
        "/assets/",
        "/assets/nothing.js",
        "/assets/..%2fchat.html",
        "/assets/..%2f..%2f..%2fCargo.toml",
        "/assets/%2fetc%2fpasswd",
        "/chat.html",
        &packed,
    ] {
        let answer = get(&app, path, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}");
        assert_eq!(answer.error_code(), "not_found");
    }
}

#[tokio::test]
async fn sample_data_is_said_as_long_as_the_sample_board_is_connected() {
    let jira = Script::sample().start().await;
    let fields = jira.credentials();
    let url = fields["url"].as_str().unwrap().to_owned();
    let app = TestApp::with(Setup {
        sample_board: Some(SampleBoard {
            tenant: tenant_id("default"),
            url,
        }),
        ..Setup::default()
    })
    .await;
    let key = app.key("default", "ada", UserRole::Admin).await;
    let is_sample = async || app.get("/api/me", Some(&key)).await.json()["sample_data"].clone();
    assert_eq!(is_sample().await, false);
    app.connect_jira("default", fields.clone()).await;
    assert_eq!(is_sample().await, true);
    let mut own = fields;
    own.insert("url".to_owned(), "https://acme.atlassian.net".into());
    app.connect_jira("default", own).await;
    assert_eq!(is_sample().await, false);
}
