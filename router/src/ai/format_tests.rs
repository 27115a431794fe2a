use serde_json::json;

use super::*;
use crate::model::{ResponseSchema, TokenUsage};

fn request(tools: &[&str]) -> ModelRequest {
    let tool = |name: &&str| ToolSpec {
        name: (*name).to_owned(),
        description: "Looks.".to_owned(),
        input_schema: json!({"type": "object"}),
    };
    ModelRequest {
        model: "m".to_owned(),
        system: "Be brief.".to_owned(),
        messages: Vec::new(),
        tools: tools.iter().map(tool).collect(),
        max_tokens: 100,
        options: Default::default(),
        origin: None,
    }
}

fn format() -> ResponseFormat {
    ResponseFormat::Schema(ResponseSchema {
        name: "city".to_owned(),
        description: None,
        schema: json!({"properties": {"name": {"type": "string"}}}),
        strict: None,
    })
}

fn call(name: &str, input: Value) -> ContentBlock {
    ContentBlock::ToolUse {
        id: "t1".to_owned(),
        name: name.to_owned(),
        input,
    }
}

/// What becomes of an answer: its blocks and reason to stop, and what was told.
fn come_to(
    way: &Way,
    pieces: &[&str],
    calls: Vec<ContentBlock>,
    stop: StopReason,
) -> Result<(Vec<ContentBlock>, StopReason, String), ModelError> {
    let mut told = String::new();
    let mut listen = |event: ModelEvent<'_>| {
        if let ModelEvent::Text(words) = event {
            told.push_str(words);
        }
    };
    let mut words = Words::new(*way == Way::Native);
    for piece in pieces {
        words.hear(ModelEvent::Text(piece), &mut listen);
    }
    let mut content = vec![ContentBlock::Text(pieces.concat())];
    content.retain(|_| !pieces.is_empty());
    content.extend(calls);
    let reply = ModelReply {
        content,
        stop,
        usage: TokenUsage::default(),
        answered_by: None,
        without_tools: false,
    };
    let reply = finished(way, words, reply, &mut listen)?;
    Ok((reply.content, reply.stop, told))
}

fn tool() -> Way {
    Way::Tool(ANSWER_TOOL.to_owned())
}

#[test]
fn the_tool_is_demanded_where_it_can_be_and_leaves_others_their_chance() {
    let choice = |tools: &[&str], can_force, must_answer| {
        let mut request = request(tools);
        request.options.must_answer = must_answer;
        let way = Way::Tool(free_name(&request.tools));
        let asked = asked(&way, &request, &format(), can_force);
        assert_eq!(asked.options.format, None);
        let tool = asked.tools.last().unwrap();
        assert_eq!(tool.input_schema["type"], "object");
        assert!(asked.system.contains(&format!("`{}`", tool.name)));
        (asked.options.tool_choice, tool.name.clone())
    };
    let named = |name: &str| (ToolChoice::Named(name.to_owned()), name.to_owned());
    assert_eq!(choice(&[], true, false), named("give_answer"));
    assert_eq!(choice(&["give_answer"], true, true), named("give_answer_"));
    let (required, _) = choice(&["ping"], true, false);
    assert_eq!(required, ToolChoice::Required);
    for tools in [&[][..], &["ping"]] {
        assert_eq!(choice(tools, false, false).0, ToolChoice::Auto);
    }
}

#[test]
fn what_the_tool_is_called_with_is_the_answer() {
    let city = json!({"name": "Bern"});
    let answer = call(ANSWER_TOOL, city.clone());
    let text = r#"{"name":"Bern"}"#;
    let whole = (
        vec![ContentBlock::Text(text.to_owned())],
        StopReason::EndTurn,
        text.to_owned(),
    );
    for (pieces, calls) in [
        (&[][..], vec![answer.clone()]),
        (&["Let me say."], vec![answer.clone(), answer.clone()]),
        // Some say it in words all the same.
        (&["```json\n", "{\"name\": \"Bern\"}\n```"], vec![]),
    ] {
        let come = come_to(&tool(), pieces, calls, StopReason::ToolUse);
        assert_eq!(come.as_ref(), Ok(&whole), "{pieces:?}");
    }
    // Another tool is called first, and then asked again.
    let ping = call("ping", json!({}));
    let come = come_to(
        &tool(),
        &[],
        vec![answer, ping.clone()],
        StopReason::ToolUse,
    );
    assert_eq!(come, Ok((vec![ping], StopReason::ToolUse, String::new())));
}

#[test]
fn words_that_are_no_object_are_an_error_and_never_told() {
    for way in [tool(), Way::Told, Way::Native] {
        for pieces in [&["It is ", "Bern."][..], &["[1]"], &[" "], &[]] {
            let come = come_to(&way, pieces, Vec::new(), StopReason::EndTurn);
            assert_eq!(come, Err(formless()), "{way:?} {pieces:?}");
        }
    }
    let broken = call(ANSWER_TOOL, json!("{\"name\": "));
    let come = come_to(&tool(), &[], vec![broken.clone()], StopReason::ToolUse);
    assert_eq!(come, Err(formless()));
    // One that is cut off says so itself.
    let come = come_to(&tool(), &[], vec![broken], StopReason::MaxTokens).unwrap();
    assert_eq!((come.1, &*come.2), (StopReason::MaxTokens, "{\"name\": "));
    let come = come_to(
        &Way::Told,
        &["I will not."],
        Vec::new(),
        StopReason::Filtered,
    )
    .unwrap();
    assert_eq!((come.1, &*come.2), (StopReason::Filtered, "I will not."));
}

#[test]
fn an_object_that_the_provider_sees_to_is_told_as_it_comes() {
    let mut told = Vec::new();
    let mut listen = |event: ModelEvent<'_>| {
        if let ModelEvent::Text(words) = event {
            told.push(words.to_owned());
        }
    };
    let mut words = Words::new(true);
    for piece in ["\n", " {\"na", "me\": ", "1}"] {
        words.hear(ModelEvent::Text(piece), &mut listen);
    }
    assert_eq!(told, ["{\"na", "me\": ", "1}"]);
    let ping = call("ping", json!({}));
    let pieces = ["{\"name\"", ": 1}"];
    let come = come_to(&Way::Native, &pieces, vec![ping], StopReason::ToolUse).unwrap();
    assert_eq!((come.0.len(), come.1), (1, StopReason::EndTurn));
}

#[test]
fn refusals_of_the_form_are_told_from_those_of_a_clients_tools() {
    let about = |said: &str, needs_tools| {
        let mut request = request(&[]);
        request.options.needs_tools = needs_tools;
        let error = about_format(ModelError::Rejected(said.to_owned()), &request);
        matches!(error, ModelError::Format(_))
    };
    let anthropic =
        "output_config.format.schema: For 'number' type, property 'minimum' is not supported";
    let openai = "Invalid schema for response_format 'city': In context=(), 'additionalProperties' is required";
    for said in [anthropic, openai, "The compiled grammar is too large"] {
        assert!(about(said, true), "{said}");
    }
    let tools = "tools.0.custom.input_schema: JSON schema is invalid";
    assert_eq!((about(tools, false), about(tools, true)), (true, false));
    assert!(!about("temperature: no", false));
}
