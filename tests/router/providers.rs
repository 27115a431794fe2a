//! AI providers against a scripted model endpoint: what every provider on the network must do, each
//! test run against all of them. What is one provider's own is in `anthropic`, `openai` and
//! `bedrock`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation fails the test"
)]

mod anthropic;
pub(crate) mod ask;
mod bedrock;
mod bedrock_tolerance;
mod formats;
mod openai;
mod tolerance;

use std::time::Duration;

use ask::{
    KEY, PROVIDERS, answered_by, ask, aws_at, bedrock_at, bedrock_by, error_of, message, model_at,
    question, select, select_from, text, tool_result, tool_use,
};
use futures::FutureExt;
use serde_json::{Value, json};
use support::model::{Answer, ModelServer, Stop};
use t3nets_router::ai::{ProviderKind, with_retries};
use t3nets_router::model::{ContentBlock, ModelOptions, Role, StopReason, TokenUsage, ToolChoice};
use t3nets_router::ports::{ModelError, ModelEvent};

#[tokio::test]
async fn text_is_passed_on_as_it_arrives_and_is_the_reply() {
    for provider in PROVIDERS {
        let answer = Answer::text("Grüße: 3 von 8 fertig 🚀")
            .in_chunks(4)
            .usage(100, 20)
            .cached(30, 0);
        let (reply, heard) = answered_by(provider, answer).await;
        let reply = reply.unwrap();
        assert_eq!(heard.len(), 4, "{provider}: {heard:?}");
        assert_eq!(heard.concat(), "Grüße: 3 von 8 fertig 🚀");
        assert_eq!(reply.content, [ContentBlock::Text(heard.concat())]);
        assert_eq!(reply.stop, StopReason::EndTurn);
        let usage = TokenUsage {
            input: 100,
            output: 20,
            cache_read: 30,
            cache_write: 0,
        };
        assert_eq!(reply.usage, usage, "{provider}");
    }
}

#[tokio::test]
async fn what_a_client_asks_of_a_model_is_passed_on() {
    for provider in PROVIDERS {
        let server = ModelServer::answering(|_| Answer::text("So.")).await;
        let model = model_at(provider, &server.url()).await;
        let mut request = question();
        ask(&model, &request).await.0.unwrap();
        request.options = ModelOptions {
            tool_choice: ToolChoice::Required,
            needs_tools: true,
            stop: vec!["END".to_owned()],
            temperature: Some(0.5),
            top_p: Some(0.25),
            ..ModelOptions::default()
        };
        ask(&model, &request).await.0.unwrap();
        request.options.tool_choice = ToolChoice::Named("sprint_status".to_owned());
        ask(&model, &request).await.0.unwrap();
        let asked: Vec<Value> = server
            .requests()
            .into_iter()
            .map(|call| call.body)
            .collect();
        // Where each of them stands, and what it is by the tool's choice.
        let named = "sprint_status";
        let (stop, temperature, top_p, choice, required, chosen) = match provider {
            ProviderKind::Bedrock => (
                "/inferenceConfig/stopSequences",
                "/inferenceConfig/temperature",
                "/inferenceConfig/topP",
                "/toolConfig/toolChoice",
                json!({"any": {}}),
                json!({"tool": {"name": named}}),
            ),
            ProviderKind::Anthropic => (
                "/stop_sequences",
                "/temperature",
                "/top_p",
                "/tool_choice",
                json!({"type": "any"}),
                json!({"type": "tool", "name": named}),
            ),
            _ => (
                "/stop",
                "/temperature",
                "/top_p",
                "/tool_choice",
                json!("required"),
                json!({"type": "function", "function": {"name": named}}),
            ),
        };
        for path in [stop, temperature, top_p, choice] {
            assert_eq!(
                asked[0].pointer(path),
                None,
                "{provider}: nobody asked for {path}"
            );
        }
        assert_eq!(asked[1].pointer(stop), Some(&json!(["END"])), "{provider}");
        assert_eq!(
            asked[1].pointer(temperature),
            Some(&json!(0.5)),
            "{provider}"
        );
        assert_eq!(asked[1].pointer(top_p), Some(&json!(0.25)), "{provider}");
        assert_eq!(asked[1].pointer(choice), Some(&required), "{provider}");
        assert_eq!(asked[2].pointer(choice), Some(&chosen), "{provider}");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up_before_it_takes_memory() {
    for provider in PROVIDERS {
        let endless = Answer::text("and on ".repeat(400_000)).in_chunks(1_000);
        let (reply, heard) = answered_by(provider, endless).await;
        let too_long = ModelError::Protocol("the answer is too long".to_owned());
        assert_eq!(reply, Err(too_long.clone()), "{provider}");
        assert!(heard.concat().len() <= 1 << 20, "{provider}");
        let arguments = format!("{{\"a\": \"{}\"}}", "x".repeat(600_000));
        let calls = Answer::text("Look.")
            .and_tool_text("a", "ping", &arguments)
            .and_tool_text("b", "ping", &arguments);
        assert_eq!(error_of(provider, calls).await, too_long, "{provider}");
    }
}

#[tokio::test]
async fn several_tools_can_be_asked_for_in_one_answer() {
    for provider in PROVIDERS {
        let answer = Answer::text("Let me look.")
            .and_tool("call_a", "sprint_status", json!({"action": "blockers"}))
            .and_tool("call_b", "ping", json!({}));
        let (reply, heard) = answered_by(provider, answer).await;
        let reply = reply.unwrap();
        assert_eq!(heard, ["Let me look."]);
        assert_eq!(reply.stop, StopReason::ToolUse, "{provider}");
        let expected = [
            text("Let me look."),
            tool_use("call_a", "sprint_status", json!({"action": "blockers"})),
            tool_use("call_b", "ping", json!({})),
        ];
        assert_eq!(reply.content, expected, "{provider}");
    }
}

#[tokio::test]
async fn arguments_that_are_not_json_are_passed_on_as_a_string_and_can_be_sent_back() {
    for provider in PROVIDERS {
        let answer =
            Answer::tool("a", "ping", json!({})).and_tool_text("b", "ping", r#"{"action": "#);
        let server = ModelServer::scripted([answer, Answer::text("Sorry.")]).await;
        let model = model_at(provider, &server.url()).await;
        let mut request = question();
        let reply = ask(&model, &request).await.0.unwrap();
        assert_eq!(
            reply.content[1],
            tool_use("b", "ping", json!(r#"{"action": "#)),
            "{provider}"
        );
        request
            .messages
            .push(message(Role::Assistant, reply.content));
        request.messages.push(message(
            Role::User,
            vec![
                tool_result("a", json!("ok"), false),
                tool_result("b", json!("no JSON"), true),
            ],
        ));
        assert_eq!(ask(&model, &request).await.0.unwrap().text(), "Sorry.");
    }
}

#[tokio::test]
async fn requests_look_as_each_provider_wants_them_and_hold_the_key_in_one_header() {
    let mut request = question();
    request.messages.extend([
        message(
            Role::Assistant,
            vec![
                text("Let me look."),
                tool_use("call_a", "sprint_status", json!({"action": "status"})),
                tool_use("call_b", "sprint_status", json!({"action": "mine"})),
            ],
        ),
        message(
            Role::User,
            vec![
                text("Hurry!"),
                tool_result("call_a", json!({"done": 3}), false),
                tool_result("call_b", json!({"message": "sign in first"}), true),
            ],
        ),
        message(Role::Assistant, vec![text("")]),
    ]);
    for (provider, header, value) in [
        (ProviderKind::Anthropic, "x-api-key", KEY.to_owned()),
        (
            ProviderKind::OpenAi,
            "authorization",
            format!("Bearer {KEY}"),
        ),
        // What is signed with the key is not the key.
        (
            ProviderKind::Bedrock,
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIATEST/".to_owned(),
        ),
    ] {
        let server = ModelServer::scripted([Answer::text("Done.")]).await;
        ask(&model_at(provider, &server.url()).await, &request)
            .await
            .0
            .unwrap();
        let [call] = server.requests().try_into().unwrap();
        let sent = call.header(header).unwrap();
        match provider {
            ProviderKind::Bedrock => assert!(sent.starts_with(&value) && !sent.contains(KEY)),
            _ => assert_eq!(sent, value),
        }
        let elsewhere = call.headers.iter().filter(|(name, _)| name != header);
        assert!(
            !format!(
                "{} {:?} {}",
                call.path,
                elsewhere.collect::<Vec<_>>(),
                call.body
            )
            .contains(KEY)
        );
        insta::assert_json_snapshot!(format!("request_to_{provider}"), call.body);
    }
}

#[tokio::test]
async fn why_a_model_stopped_is_understood() {
    for provider in PROVIDERS {
        for (said, understood) in [
            (Stop::End, StopReason::EndTurn),
            (Stop::Length, StopReason::MaxTokens),
            (Stop::Filtered, StopReason::Filtered),
        ] {
            let (reply, _) = answered_by(provider, Answer::text("Well").stopped(said)).await;
            assert_eq!(reply.unwrap().stop, understood, "{provider} {said:?}");
        }
    }
}

#[tokio::test]
async fn refusals_that_are_not_json_are_quoted_in_short() {
    for provider in PROVIDERS {
        // Nobody on the way to Bedrock knows the key.
        let key = match provider {
            ProviderKind::Bedrock => "[key]",
            _ => KEY,
        };
        let page = format!("<html>\n<h1>Bad gateway</h1> {key} {}", "x".repeat(10_000));
        match error_of(provider, Answer::failure(502, page)).await {
            ModelError::Unavailable(said) => {
                assert!(
                    said.starts_with("502 Bad Gateway: <html> <h1>Bad gateway</h1> [key] x"),
                    "{said}"
                );
                assert!(said.chars().count() <= 301, "{provider}: {said}");
            }
            other => panic!("{provider}: {other:?}"),
        }
        let elsewhere = Answer::failure(307, "").header("location", "http://127.0.0.1:9/");
        let error = error_of(provider, elsewhere).await;
        assert!(
            matches!(error, ModelError::Rejected(_)),
            "{provider} followed: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_says_how_long_to_wait() {
    for provider in PROVIDERS {
        for (header, expected) in [("7", Some(Duration::from_secs(7))), ("soon", None)] {
            let answer = Answer::failure(429, "slow down").header("retry-after", header);
            let error = error_of(provider, answer).await;
            assert_eq!(
                error,
                ModelError::Throttled {
                    retry_after: expected
                },
                "{provider}"
            );
        }
    }
}

#[tokio::test]
async fn transient_failures_are_retried() {
    for provider in PROVIDERS {
        let server = ModelServer::scripted([
            Answer::failure(429, "slow down").header("retry-after", "0"),
            Answer::failure(503, "busy"),
            Answer::text("At last."),
        ])
        .await;
        let model = model_at(provider, &server.url()).await;
        let mut heard = String::new();
        let reply = with_retries(&*model.chat, &question(), &mut |words: ModelEvent<'_>| {
            if let ModelEvent::Text(words) = words {
                heard.push_str(words);
            }
        })
        .await;
        assert_eq!(reply.unwrap().text(), "At last.", "{provider}");
        assert_eq!(heard, "At last.");
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_in_the_middle_is_an_error_and_not_retried() {
    for provider in PROVIDERS {
        for ending in [Answer::then_cut, Answer::truncated, |answer: Answer| {
            answer.then_error("busy")
        }] {
            let answer = ending(Answer::text("Half an ans"));
            let server = ModelServer::scripted([answer, Answer::text("again")]).await;
            let model = model_at(provider, &server.url()).await;
            let mut heard = String::new();
            let reply = with_retries(&*model.chat, &question(), &mut |words: ModelEvent<'_>| {
                if let ModelEvent::Text(words) = words {
                    heard.push_str(words);
                }
            })
            .await;
            let error = reply.unwrap_err();
            assert!(
                matches!(error, ModelError::Unavailable(_)),
                "{provider}: {error:?}"
            );
            assert_eq!(heard, "Half an ans");
            assert_eq!(server.requests().len(), 1, "{provider} asked again");
        }
    }
}

#[tokio::test]
async fn garbage_is_not_an_event_stream() {
    for provider in [ProviderKind::Anthropic, ProviderKind::OpenAi] {
        for (content_type, body) in [
            ("text/html", "<h1>Welcome to nginx!</h1>"),
            ("text/event-stream", "data: {\"type\": \n\n"),
        ] {
            let error = error_of(provider, Answer::raw(content_type, body)).await;
            assert!(
                matches!(error, ModelError::Protocol(_)),
                "{provider} {body}: {error:?}"
            );
        }
        for body in [
            "",
            ": comment\n\n",
            "data: {\"type\":\"ping\"}\n\n",
            "data: [1, 2]\n\n",
            "{}",
            "\u{0}\u{1}\n\n\n",
        ] {
            let error = error_of(provider, Answer::raw("text/event-stream", body)).await;
            assert!(
                matches!(error, ModelError::Unavailable(_)),
                "{provider} {body:?}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_dropped_call_is_stopped() {
    for provider in PROVIDERS {
        // Before the answer begins, and in its middle.
        for answer in [
            Answer::text("late").after(Duration::from_secs(3600)),
            Answer::text("part").held(),
        ] {
            let server = ModelServer::scripted([answer]).await;
            let model = model_at(provider, &server.url()).await;
            let request = question();
            let mut on_text = |_: ModelEvent<'_>| {};
            let mut reply = model.chat.reply(&request, &mut on_text);
            tokio::select! {
                reply = &mut reply => panic!("{provider} answered: {reply:?}"),
                () = server.until_called(1) => {}
            }
            assert!((&mut reply).now_or_never().is_none());
            assert_eq!(server.cancelled(), 0);
            drop(reply);
            server.until_cancelled(1).await;
        }
    }
}

#[tokio::test]
async fn a_held_answer_ends_when_it_is_released() {
    for provider in PROVIDERS {
        let server = ModelServer::scripted([Answer::text("whole").held()]).await;
        let model = model_at(provider, &server.url()).await;
        let request = question();
        let (reply, ()) = tokio::join!(ask(&model, &request), async {
            server.until_called(1).await;
            server.release();
        });
        assert_eq!(reply.0.unwrap().text(), "whole");
        assert_eq!(server.cancelled(), 0, "{provider}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unavailable_and_its_address_not_told() {
    for provider in PROVIDERS {
        let gone = ModelServer::scripted([]).await.url();
        let model = model_at(provider, &gone).await;
        match ask(&model, &question()).await.0.unwrap_err() {
            ModelError::Unavailable(said) => assert!(!said.contains("127.0.0.1"), "{said}"),
            other => panic!("{provider}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_endpoint_can_answer_from_the_question() {
    let server =
        ModelServer::answering(|call| Answer::text(format!("You said: {}", call.last_text())))
            .await;
    for provider in PROVIDERS {
        let model = model_at(provider, &server.url()).await;
        let reply = ask(&model, &question()).await.0.unwrap();
        assert_eq!(reply.text(), "You said: How is the sprint?");
    }
    // Whoever does not ask for a stream gets none.
    for path in ["v1/messages", "v1/chat/completions", "model/m/converse"] {
        let call = reqwest::Client::new().post(format!("{}/{path}", server.url()));
        let response = call
            .json(&json!({"messages": [{"role": "user", "content": "hi"}]}))
            .send();
        let whole: Value = response.await.unwrap().json().await.unwrap();
        assert!(whole.to_string().contains("You said: hi"), "{whole}");
    }
}
