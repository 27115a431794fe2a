//! What `sprint_status` says when Jira refuses, fails, hangs, or is not Jira.

use std::time::Duration;

use serde_json::{Value, json};
use support::jira::{API_TOKEN, EMAIL, Fault, Script, issue};
use t3nets_router::model::SecretDocument;
use t3nets_router::outbound::Reach;
use t3nets_router::skills::sprint_status::SprintStatus;
use t3nets_router::skills::{Access, Limits};
use t3nets_router::skills::{Skill, SkillError, SkillErrorKind};

use super::{CONFIGURATION, FIELDS, ISSUES, SPRINTS, call, keys, run, skill};

/// The error of a status report, having seen that it says what to do and holds no secret.
async fn error(script: Script) -> SkillError {
    let jira = script.start().await;
    let error = run(&jira, "status").await.unwrap_err();
    assert!(error.hint.is_some(), "no hint: {error:?}");
    assert!(!format!("{error:?}").contains(API_TOKEN), "{error:?}");
    error
}

#[tokio::test]
async fn a_tenant_without_the_integration_is_told_how_to_connect_it() {
    let jira = Script::sample().start().await;
    let mut call = call(&jira, None);
    call.credentials = None;
    let error = skill().run(&call, &json!({})).await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Configuration);
    assert!(error.hint.unwrap().contains("t3nets secret set jira"));
}

/// An answer of Jira's that is an error, in its own form.
fn refused(status: u16, message: &str) -> Fault {
    let body = json!({"errorMessages": [message]}).to_string();
    Fault::Answer(status, Vec::new(), body.into_bytes())
}

#[tokio::test]
async fn refusals_have_their_own_errors() {
    for path in [SPRINTS, CONFIGURATION, FIELDS, ISSUES] {
        let signed_out = Fault::SignedOut(json!({"values": []}));
        assert_eq!(
            error(Script::sample().fault(path, signed_out))
                .await
                .message,
            "Jira refused the credentials"
        );
    }
    for path in [SPRINTS, ISSUES] {
        for status in [401, 403] {
            assert_eq!(
                error(Script::sample().fault(path, Fault::Status(status)))
                    .await
                    .kind,
                SkillErrorKind::Denied
            );
        }
    }
    let unsupported = refused(400, "The board does not support sprints");
    let kanban = error(Script::sample().fault(SPRINTS, unsupported)).await;
    assert_eq!(kanban.kind, SkillErrorKind::Configuration);
    assert_eq!(kanban.message, "board `7` does not support sprints");
    let absent = error(Script::default()).await;
    assert_eq!(absent.kind, SkillErrorKind::NotFound);
    assert!(absent.message.contains("board `7`"), "{}", absent.message);
}

#[tokio::test]
async fn the_cause_that_is_named_is_the_one_that_jira_gives() {
    let header = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let empty = || br#"{"values": []}"#.to_vec();
    for (headers, captcha) in [
        (
            header("x-seraph-loginreason", "AUTHENTICATION_DENIED"),
            true,
        ),
        (header("x-seraph-loginreason", "OUT"), false),
        (
            header("x-seraph-loginreason", "AUTHENTICATED_FAILED, OUT"),
            false,
        ),
        (
            header(
                "x-authentication-denied-reason",
                "CAPTCHA_CHALLENGE; login-url=https://x/login.jsp",
            ),
            true,
        ),
    ] {
        for status in [200, 403] {
            let answer = Fault::Answer(status, headers.clone(), empty());
            let error = error(Script::sample().fault(SPRINTS, answer)).await;
            assert_eq!(error.kind, SkillErrorKind::Denied, "{headers:?}");
            assert_eq!(error.message.contains("CAPTCHA"), captcha, "{error:?}");
            assert_eq!(error.hint.unwrap().contains("in a browser"), captcha);
        }
    }
    let closed = refused(
        403,
        "The IP address has been rejected because it is not in the allowlist",
    );
    let closed = error(Script::sample().fault(SPRINTS, closed)).await;
    assert!(closed.hint.unwrap().contains("t3nets env show"));
    let page = error(Script::sample().fault(SPRINTS, Fault::Page(403))).await;
    assert!(page.message.contains("web page"), "{}", page.message);
    assert!(page.hint.unwrap().contains("t3nets env show"));

    let words = "The value 'x' does not exist for the field 'state'.";
    let state = error(Script::sample().fault(SPRINTS, refused(400, words))).await;
    assert!(state.message.contains(words), "{}", state.message);
    let words = "Error in the JQL Query: the character '!' is reserved";
    let jira = Script::sample()
        .fault(ISSUES, refused(400, words))
        .start()
        .await;
    let mut call = call(&jira, None);
    let mut fields = jira.credentials();
    fields.insert("project_key".to_owned(), json!("PAY"));
    call.credentials = Some(SecretDocument::new(fields));
    let error = skill().run(&call, &json!({})).await.unwrap_err();
    assert!(error.message.contains(words), "{}", error.message);
}

#[tokio::test]
async fn an_error_that_repeats_the_credentials_is_shown_without_them() {
    let basic = data_encoding::BASE64.encode(format!("{EMAIL}:{API_TOKEN}").as_bytes());
    for status in [400, 403, 404, 500] {
        for secret in [API_TOKEN, basic.as_str()] {
            let echo = refused(status, &format!("bad header Basic {secret} here"));
            let error = error(Script::sample().fault(ISSUES, echo)).await;
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }
}

#[tokio::test]
async fn one_letter_that_cannot_be_read_does_not_cost_the_report() {
    let sprints = |body: &[u8]| Fault::Answer(200, Vec::new(), body.to_vec());
    for body in [
        &b"{\"isLast\": true, \"values\": [{\"id\": 42, \"name\": \"a\\ud800b\", \"state\": \"active\"}]}"[..],
        b"\xef\xbb\xbf{\"isLast\": true, \"values\": [{\"id\": 42, \"name\": \"a\xffb\", \"goal\": NaN}]}",
    ] {
        let jira = Script::sample().fault(SPRINTS, sprints(body)).start().await;
        let result = run(&jira, "status").await.unwrap();
        assert_eq!(result["sprint"]["name"], "a\u{fffd}b");
        assert_eq!(result["progress"]["issues"]["total"], 6);
    }
}

#[tokio::test]
async fn pages_are_read_side_by_side_and_what_is_not_there_in_time_is_said() {
    let script = (0..500).fold(Script::sample(), |script, number| {
        script.issue(42, issue(&format!("N-{number}"), "done", json!({})))
    });
    let slow = |delay| {
        script
            .clone()
            .page_size(20)
            .fault(ISSUES, Fault::Slow(delay))
    };
    let jira = slow(Duration::from_millis(40)).start().await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(result["progress"]["issues"]["total"], 506);

    let jira = slow(Duration::from_millis(200)).start().await;
    let limits = Limits {
        whole: Duration::from_millis(1_500),
        ..Limits::default()
    };
    let skill = SprintStatus::through(Access::new(limits, Reach::Anywhere).unwrap());
    let result = skill.run(&call(&jira, None), &json!({})).await.unwrap();
    let counted = result["progress"]["issues"]["total"].as_u64().unwrap();
    assert!(counted < 506, "{result}");
    let note = result["notes"][0].as_str().unwrap();
    assert!(note.contains("could not be read in time"), "{note}");
}

#[tokio::test]
async fn wrong_credentials_are_denied() {
    let jira = Script::sample().start().await;
    let mut call = call(&jira, None);
    let mut fields = jira.credentials();
    fields.insert("api_token".to_owned(), json!("wr0ng"));
    call.credentials = Some(SecretDocument::new(fields));
    let error = skill().run(&call, &json!({})).await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Denied);
    assert!(!format!("{error:?}{call:?}").contains("wr0ng"));
}

#[tokio::test]
async fn what_the_account_may_not_read_is_left_out_with_a_note() {
    let script = Script::sample()
        .fault(CONFIGURATION, Fault::Status(403))
        .fault(FIELDS, Fault::Status(403));
    for fault in [
        Fault::Status(500),
        Fault::Page(404),
        Fault::Garbage,
        refused(401, "Unauthorized; scope does not match"),
    ] {
        let script = Script::sample()
            .fault(CONFIGURATION, fault.clone())
            .fault(FIELDS, fault);
        let result = run(&script.start().await, "status").await.unwrap();
        assert_eq!(result["progress"]["points"], Value::Null);
        assert_eq!(result["notes"].as_array().unwrap().len(), 2, "{result}");
    }
    let jira = script.start().await;
    let result = run(&jira, "status").await.unwrap();
    assert_eq!(result["progress"]["points"], Value::Null);
    assert_eq!(keys(&result["blockers"]), ["PAY-5", "PAY-7"]);
    assert_eq!(result["notes"].as_array().unwrap().len(), 2);
    assert!(
        skill()
            .describe(&result)
            .contains("Note: story points are not counted")
    );
}

#[tokio::test]
async fn pages_redirects_and_other_forms_are_told_apart() {
    for path in [SPRINTS, ISSUES] {
        for status in [200, 404] {
            let page = error(Script::sample().fault(path, Fault::Page(status))).await;
            assert_eq!(page.kind, SkillErrorKind::Configuration, "{path} {status}");
            assert!(page.message.contains("web page"), "{}", page.message);
        }
        assert_eq!(
            error(Script::sample().fault(path, Fault::Garbage))
                .await
                .kind,
            SkillErrorKind::Unavailable
        );
    }
    for path in [SPRINTS, ISSUES] {
        for shape in [
            json!(null),
            json!({"values": {}, "issues": "x"}),
            json!("text"),
            json!(3),
        ] {
            let shape = error(Script::sample().fault(path, Fault::Json(shape))).await;
            assert_eq!(shape.kind, SkillErrorKind::Unavailable);
            assert!(shape.message.contains("unknown form"), "{}", shape.message);
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Script::sample().start().await;
    let target = format!("{}/login", elsewhere.url());
    let error = error(Script::sample().fault(SPRINTS, Fault::Redirect(target))).await;
    assert_eq!(error.kind, SkillErrorKind::Configuration);
    assert!(error.message.contains("127.0.0.1"), "{}", error.message);
    assert_eq!(elsewhere.requests(), []);
}

#[tokio::test]
async fn more_than_can_be_read_is_refused() {
    let error = error(Script::sample().fault(ISSUES, Fault::Bytes(17 << 20))).await;
    assert_eq!(error.kind, SkillErrorKind::Unavailable);
    assert!(
        error.message.contains("more than can be read"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn what_passes_is_retried_and_what_does_not_is_reported_after_three_attempts() {
    for fault in [
        Fault::Status(503),
        Fault::Status(429),
        Fault::RetryAfter(429, 0),
        Fault::Page(502),
    ] {
        let jira = Script::sample()
            .fault_times(2, ISSUES, fault.clone())
            .start()
            .await;
        assert!(run(&jira, "status").await.is_ok(), "{fault:?}");
        let jira = Script::sample().fault(ISSUES, fault).start().await;
        assert!(run(&jira, "status").await.is_err());
        assert_eq!(jira.requests_to(ISSUES).len(), 3);
    }
    let jira = Script::sample()
        .fault(ISSUES, Fault::Status(418))
        .start()
        .await;
    assert_eq!(
        run(&jira, "status").await.unwrap_err().kind,
        SkillErrorKind::Unavailable
    );
    assert_eq!(jira.requests_to(ISSUES).len(), 1);
}

#[tokio::test]
async fn a_long_wait_is_reported_rather_than_waited_for() {
    let jira = Script::sample()
        .fault(SPRINTS, Fault::RetryAfter(429, 90))
        .start()
        .await;
    let error = run(&jira, "status").await.unwrap_err();
    let retry_after = Some(Duration::from_secs(90));
    assert_eq!(error.kind, SkillErrorKind::Throttled { retry_after });
    assert_eq!(error.hint.unwrap(), "try again in 90 seconds");
    assert_eq!(jira.requests_to(SPRINTS).len(), 1);
}

#[tokio::test]
async fn a_hanging_jira_times_out_per_request_and_in_all() {
    let tiny = Duration::from_millis(50);
    for limits in [
        Limits {
            request: tiny,
            ..Limits::default()
        },
        Limits {
            whole: tiny,
            ..Limits::default()
        },
    ] {
        let jira = Script::sample().fault(ISSUES, Fault::Hang).start().await;
        let skill = SprintStatus::through(Access::new(limits, Reach::Anywhere).unwrap());
        let error = skill.run(&call(&jira, None), &json!({})).await.unwrap_err();
        assert_eq!(error.kind, SkillErrorKind::TimedOut);
        assert!(
            jira.requests_to(ISSUES).len() <= 1,
            "a request that timed out is not repeated"
        );
    }
}

#[tokio::test]
async fn a_jira_that_is_gone_is_unavailable() {
    let jira = Script::sample().start().await;
    let call = call(&jira, None);
    drop(jira);
    let error = skill().run(&call, &json!({})).await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Unavailable);
    assert!(
        error.message.starts_with("Jira cannot be reached: "),
        "{}",
        error.message
    );
}
