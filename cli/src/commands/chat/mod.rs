//! `t3nets chat`: asks the assistant, once or in a conversation.
//!
//! [`target`] decides which router is asked and with which key, [`client`] speaks its HTTP API,
//! [`conversation`] is the loop at the terminal. Here: what can be typed, and the one-shot answer.

mod client;
mod conversation;
mod target;

use std::io::{IsTerminal, Read};

use serde::Serialize;
use serde_json::Value;
use t3nets_router::model::SessionId;
use url::Url;

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::{Output, Printer};
use crate::terminal::text::strip_control_chars;
use client::{Answer, AnswerEvent, Client, Question};
use target::Target;

/// The most that is read from stdin. The router takes 32 KiB, and says so itself.
const LONGEST_INPUT_BYTES: u64 = 1024 * 1024;

/// Arguments of `t3nets chat`.
#[derive(Debug, clap::Args)]
pub(crate) struct ChatArgs {
    /// The message, or `-` to read it from stdin; without one, an interactive chat starts
    message: Vec<String>,
    /// Print the skill's JSON instead of a worded answer
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    tenant: TenantFlag,
    /// Continue this conversation
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// Ask the router at this address; saved keys are only sent to the environment's own
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

/// What the assistant answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ChatOutput {
    /// One answer, as the router gave it.
    Answer {
        #[serde(flatten)]
        answer: Value,
        #[serde(skip)]
        text: String,
    },
    /// It was shown as it came.
    Streamed,
}

impl Output for ChatOutput {
    fn text(&self) -> String {
        match self {
            Self::Answer { text, .. } => strip_control_chars(text.trim_end()).into_owned(),
            Self::Streamed => String::new(),
        }
    }

    fn is_streamed(&self) -> bool {
        matches!(self, Self::Streamed)
    }
}

/// Asks one question, or starts a chat in the terminal.
///
/// # Errors
/// Not ready if no router runs; credentials, time-outs and failures as the router says.
pub(crate) async fn run(context: &Context, args: ChatArgs) -> Result<ChatOutput, CliError> {
    let message = match message(&args.message)? {
        Some(message) => message,
        None if context.printer.is_json() => {
            return Err(
                CliError::usage("a message is missing: an interactive chat has no JSON")
                    .hint_command("chat --json \"sprint status?\"", "asks one question"),
            );
        }
        None if !std::io::stdout().is_terminal() => {
            return Err(CliError::usage(
                "a message is missing, and there is no terminal for an interactive chat",
            )
            .hint_command("chat \"sprint status?\"", "asks one question"));
        }
        None => {
            let target = Target::choose(context, args.url, args.tenant.id).await?;
            conversation::run(context, target, args.session, args.raw).await?;
            return Ok(ChatOutput::Streamed);
        }
    };
    let mut target = Target::choose(context, args.url, args.tenant.id).await?;
    let client = target.client(context).await?;
    let question = Question {
        message,
        raw: args.raw,
        session: args.session,
    };
    tokio::select! {
        answer = answer_once(context, &client, &question) => answer,
        _ = tokio::signal::ctrl_c() => Err(CliError::interrupted()),
    }
}

async fn answer_once(
    context: &Context,
    client: &Client,
    question: &Question,
) -> Result<ChatOutput, CliError> {
    let printer = &context.printer;
    if std::io::stdout().is_terminal() && !printer.is_json() {
        let answer = stream_to_terminal(printer, client, question).await?;
        printer.detail(describe(&answer));
        return Ok(ChatOutput::Streamed);
    }
    let waiting = printer.progress("asking");
    let answer = client.ask(question).await?;
    drop(waiting);
    if !printer.is_json() {
        printer.detail(describe(&answer));
    }
    Ok(ChatOutput::Answer {
        text: answer.text,
        answer: answer.whole,
    })
}

/// Shows an answer as it comes, and returns the whole of it.
async fn stream_to_terminal(
    printer: &Printer,
    client: &Client,
    question: &Question,
) -> Result<Answer, CliError> {
    let mut waiting = Some(printer.progress("asking"));
    let mut shown = String::new();
    let streamed = client
        .stream(question, &mut |event| {
            waiting = None;
            match event {
                AnswerEvent::Words(words) => {
                    shown.push_str(words);
                    printer.write(&strip_control_chars(words))
                }
                AnswerEvent::Tool(name) => {
                    waiting =
                        Some(printer.progress(format!("asking {}", strip_control_chars(name))));
                    Ok(())
                }
            }
        })
        .await;
    drop(waiting);
    if !shown.is_empty() && !shown.ends_with('\n') {
        printer.write("\n")?;
    }
    let answer = streamed?;
    if shown.is_empty() {
        printer.write(&format!(
            "{}\n",
            strip_control_chars(answer.text.trim_end())
        ))?;
    }
    Ok(answer)
}

/// How an answer came about, in one line.
fn describe(answer: &Answer) -> String {
    let mut parts = vec![format!("route {}", answer.route)];
    parts.extend(answer.skill.as_ref().map(|skill| format!("skill {skill}")));
    parts.extend(answer.model.as_ref().map(|model| format!("model {model}")));
    let usage = &answer.usage;
    if usage.input_tokens + usage.output_tokens > 0 {
        parts.push(format!(
            "{} + {} tokens",
            usage.input_tokens, usage.output_tokens
        ));
        parts.extend(usage.cost_usd.map(|cost| format!("${cost:.4}")));
    }
    parts.push(format!("{} ms", answer.timing_ms));
    parts.push(format!("session {}", answer.session_id));
    strip_control_chars(&parts.join(" · ")).into_owned()
}

/// The message that was typed or piped in; `None` if a person is to be asked.
fn message(words: &[String]) -> Result<Option<String>, CliError> {
    let typed = words.join(" ");
    let text = if typed == "-" || (typed.is_empty() && !std::io::stdin().is_terminal()) {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(LONGEST_INPUT_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| {
                CliError::usage("cannot read the message from stdin").caused_by(error)
            })?;
        text
    } else if words.is_empty() {
        return Ok(None);
    } else {
        typed
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(CliError::usage("the message is empty")
            .hint_command("chat \"sprint status?\"", "asks one question"));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_were_not_quoted_are_one_message() {
        let words = ["sprint".to_owned(), "status?".to_owned()];
        assert_eq!(message(&words).unwrap().as_deref(), Some("sprint status?"));
    }

    #[test]
    fn an_empty_message_is_a_usage_error() {
        let error = message(&["  ".to_owned()]).unwrap_err();
        assert_eq!(error.kind.exit_code(), 2);
    }

    #[test]
    fn the_line_under_an_answer_leaves_out_what_there_was_none_of() {
        let answer: Answer = serde_json::from_value(serde_json::json!({
            "text": "Hello!", "session_id": "s1", "route": "conversational", "model": null,
            "usage": {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}, "timing_ms": 2,
        }))
        .unwrap();
        assert_eq!(
            describe(&answer),
            "route conversational · 2 ms · session s1"
        );
    }
}
