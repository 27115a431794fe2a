//! What `release_notes` says when Jira refuses, fails, hangs, or leaves things out.

use support::jira::API_TOKEN;

use super::*;

/// The error of a summary, having seen that it says what to do and holds no secret.
async fn error(script: Script) -> SkillError {
    let jira = script.start().await;
    let error = run(&jira, json!({"action": "summarize", "version": "2.5"}))
        .await
        .unwrap_err();
    assert!(error.hint.is_some(), "no hint: {error:?}");
    assert!(!format!("{error:?}").contains(API_TOKEN), "{error:?}");
    error
}

#[tokio::test]
async fn the_cause_is_the_one_that_jira_gives() {
    for path in [BOARD, VERSIONS, SEARCH] {
        let fails = |fault| error(Script::releases().fault(path, fault));
        let signed_out = fails(Fault::SignedOut(json!({"values": [], "issues": []}))).await;
        assert_eq!(signed_out.message, "Jira refused the credentials", "{path}");
        assert_eq!(
            fails(Fault::Status(403)).await.kind,
            SkillErrorKind::Denied,
            "{path}"
        );
        assert_eq!(
            fails(Fault::Status(500)).await.kind,
            SkillErrorKind::Unavailable,
            "{path}"
        );
        let throttled = fails(Fault::RetryAfter(429, 60)).await.kind;
        assert!(
            matches!(throttled, SkillErrorKind::Throttled { .. }),
            "{path}"
        );
        for fault in [
            Fault::Garbage,
            Fault::Page(200),
            Fault::Json(json!({"values": 7, "issues": 7})),
        ] {
            if path != BOARD {
                fails(fault).await;
            }
        }
        let repeated = json!({"errorMessages": [format!("no: {API_TOKEN}")]})
            .to_string()
            .into_bytes();
        let refused = fails(Fault::Answer(400, Vec::new(), repeated)).await;
        assert!(
            refused.message.contains("no: [token]"),
            "{}",
            refused.message
        );
    }
    let call = SkillCall {
        credentials: None,
        ..call(&Script::releases().start().await, json!({}))
    };
    let unconnected = skill().run(&call, &json!({})).await.unwrap_err();
    assert!(unconnected.hint.unwrap().contains("t3nets secret set jira"));
}

#[tokio::test]
async fn a_project_that_cannot_be_seen_is_named() {
    let jira = Script::releases().start().await;
    let absent = call(&jira, json!({"project_key": "NOPE"}));
    let error = skill().run(&absent, &json!({})).await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Configuration);
    assert!(
        error.message.contains("no project `NOPE`"),
        "{}",
        error.message
    );
    let hostile = call(&jira, json!({"project_key": "A\" OR 1=1"}));
    let error = skill().run(&hostile, &json!({})).await.unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::Configuration);
    let jira = Script::releases()
        .fault(PROJECTS, Fault::Status(500))
        .start()
        .await;
    // The board's own project is enough.
    assert_eq!(list(&jira).await["project"]["key"], "PAY");
    // What cannot be in an address is no project.
    let jira = Script::releases().located(7, "../../x").start().await;
    assert!(run(&jira, json!({})).await.is_err());
    assert_eq!(jira.requests_to(VERSIONS), []);
}

#[tokio::test]
async fn one_broken_thing_does_not_cost_the_report() {
    let broken =
        json!({"fixVersions": [{"id": "25"}], "issuetype": null, "status": "x", "summary": 1});
    let jira = Script::releases()
        .version("PAY", json!({"id": null, "name": "no id"}))
        .version("PAY", json!("no object"))
        .issue(0, issue("PAY-200", "new", broken))
        .start()
        .await;
    assert_eq!(list(&jira).await["unreleased_total"], 3);
    let result = summarize(&jira, "2.5").await;
    assert_eq!(result["progress"]["issues"]["total"], 4);
    let words = skill().describe(&result);
    assert!(
        words.contains("Other: 1, 1 not done\n- PAY-200 (no summary) (not done, to do)"),
        "{words}"
    );
}

#[tokio::test]
async fn what_could_not_be_read_is_said_beside_what_was() {
    for (path, fault) in [(BULK, Fault::Status(400)), (BULK, Fault::Garbage)] {
        let jira = many(200).fault(path, fault).start().await;
        let result = summarize(&jira, "2.5").await;
        assert_eq!(result["progress"]["issues"]["total"], 100);
        let note = result["notes"][0].as_str().unwrap();
        assert!(
            note.starts_with("only the first 100 issues are counted: "),
            "{note}"
        );
    }
    // Issues that went meanwhile are not there.
    let jira = many(200)
        .fault(
            BULK,
            Fault::Json(json!({"issues": [], "issueErrors": [{}]})),
        )
        .start()
        .await;
    let note = summarize(&jira, "2.5").await["notes"][0].to_string();
    assert!(
        note.contains("103 of the version's issues could not be read"),
        "{note}"
    );
}

#[tokio::test]
async fn a_search_that_never_ends_is_ended() {
    let keys: Vec<Value> = (0..100)
        .map(|n| issue(&format!("PAY-{n}"), "done", json!({})))
        .collect();
    let endless = json!({"issues": keys, "nextPageToken": "again", "isLast": false});
    let jira = Script::releases()
        .fault(SEARCH, Fault::Json(endless))
        .start()
        .await;
    let result = summarize(&jira, "2.5").await;
    assert_eq!(result["progress"]["issues"]["total"], 100);
    assert!(jira.requests_to(SEARCH).len() <= 4);
}

#[tokio::test]
async fn what_is_slow_is_left_out_or_said() {
    let limits = |whole| Limits {
        whole: Duration::from_millis(whole),
        ..limits()
    };
    let input = json!({"action": "summarize", "version": "2.5"});
    // A second is left for the report, so that the issues behind the first page have none.
    let jira = many(200).fault(BULK, Fault::Hang).start().await;
    let skill = ReleaseNotes::through(Access::new(limits(1_300), Reach::Anywhere).unwrap());
    let result = skill.run(&call(&jira, json!({})), &input).await.unwrap();
    assert_eq!(result["progress"]["issues"]["total"], 100);
    assert!(
        result["notes"][0]
            .as_str()
            .unwrap()
            .contains("could not be read in time"),
        "{result}"
    );
    let jira = Script::releases()
        .fault(VERSIONS, Fault::Hang)
        .start()
        .await;
    let skill = ReleaseNotes::through(Access::new(limits(100), Reach::Anywhere).unwrap());
    let error = skill
        .run(&call(&jira, json!({})), &input)
        .await
        .unwrap_err();
    assert_eq!(error.kind, SkillErrorKind::TimedOut);
}
