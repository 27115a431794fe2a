//! `t3nets chat`: asks the assistant, once or in a conversation.
//!
//! [`target`] decides which router is asked and with which key, [`client`] speaks its HTTP API,
//! [`conversation`] is the loop at the terminal. Here: what can be typed, and the one-shot answer.

mod client;
mod conversation;
mod live;
mod target;
mod warnings;

use std::io::IsTerminal;

use serde::Serialize;
use serde_json::Value;
use t3nets_router::model::SessionId;
use url::Url;

use crate::commands::arguments::TenantFlag;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;
use crate::terminal::stdin;
use crate::terminal::text::strip_control_chars;
use client::{Answer, AnswerEvent, Client, Question, Session};
use live::Live;
use target::Target;
use warnings::Warnings;

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
    /// Continue this conversation; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// Continue the latest conversation
    #[arg(long = "continue", short, conflicts_with = "session")]
    continues: bool,
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

    fn is_verbatim(&self) -> bool {
        true
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
            let mut target = Target::choose(context, args.url, args.tenant).await?;
            // Before the first question, so that a missing router or key is reported at once.
            let client = target.client(context).await?;
            let session = session(context, &client, args.session, args.continues).await?;
            conversation::run(context, target, session, args.raw).await?;
            return Ok(ChatOutput::Streamed);
        }
    };
    let mut target = Target::choose(context, args.url, args.tenant).await?;
    let client = target.client(context).await?;
    let answer = async {
        let question = Question {
            message,
            raw: args.raw,
            session: session(context, &client, args.session, args.continues).await?,
        };
        answer_once(context, &client, &question).await
    };
    tokio::select! {
        answer = answer => answer,
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
        let answer = stream_to_terminal(context, client, question).await?;
        Warnings::default().tell(printer, &answer);
        return Ok(ChatOutput::Streamed);
    }
    let waiting = printer.progress("asking");
    let answer = client.ask(question).await?;
    drop(waiting);
    if context.settings.verbose {
        printer.detail(describe(&answer));
    }
    // In JSON they are part of the answer.
    if !printer.is_json() {
        Warnings::default().tell(printer, &answer);
    }
    Ok(ChatOutput::Answer {
        text: answer.text,
        answer: answer.whole,
    })
}

/// The conversation to continue; none for a new one.
async fn session(
    context: &Context,
    client: &Client,
    given: Option<SessionId>,
    continues: bool,
) -> Result<Option<SessionId>, CliError> {
    if continues {
        let latest = client.sessions().await?.into_iter().next();
        let latest = latest.ok_or_else(|| {
            CliError::failed("there is no conversation to continue")
                .hint_command("chat \"sprint status?\"", "begins one")
        })?;
        return Ok(Some(latest.session_id));
    }
    let Some(given) = given else {
        return Ok(None);
    };
    if !may_be_shortened(given.as_str()) {
        return Ok(Some(given));
    }
    // Whoever may not list conversations can still name one.
    let known = client.sessions().await.unwrap_or_default();
    let found = by_beginning(&known, given.as_str())?;
    Ok(Some(match found {
        Some(session) => {
            let id = &session.session_id;
            context
                .printer
                .detail(format!("continuing the conversation {id}"));
            id.clone()
        }
        None => given,
    }))
}

/// Whether an id may be the beginning of a longer one. Ids that the router makes are longer; fewer
/// letters say nothing, since ids begin with the time.
fn may_be_shortened(id: &str) -> bool {
    (4..26).contains(&id.len())
}

/// The one conversation whose id begins so.
fn by_beginning<'s>(sessions: &'s [Session], begin: &str) -> Result<Option<&'s Session>, CliError> {
    let is_whole = |session: &&Session| session.session_id.as_str() == begin;
    if let Some(session) = sessions.iter().find(is_whole) {
        return Ok(Some(session));
    }
    let begins = |session: &&Session| session.session_id.as_str().starts_with(begin);
    let found: Vec<&Session> = sessions.iter().filter(begins).collect();
    match found[..] {
        [] => Ok(None),
        [session] => Ok(Some(session)),
        [..] => {
            let ids = found.iter().map(|session| session.session_id.as_str());
            Err(CliError::usage(format!(
                "`{begin}` is the beginning of {} conversations: {}",
                found.len(),
                ids.collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// Shows an answer as it comes, and returns the whole of it.
async fn stream_to_terminal(
    context: &Context,
    client: &Client,
    question: &Question,
) -> Result<Answer, CliError> {
    let printer = &context.printer;
    let mut waiting = Some(printer.progress("asking"));
    let mut live = Live::new(printer);
    let mut has_words = false;
    let streamed = client
        .stream(question, &mut |event| {
            waiting = None;
            match event {
                AnswerEvent::Words(words) => {
                    has_words = true;
                    live.push(words)
                }
                AnswerEvent::Tool(name) => {
                    live.finish()?;
                    waiting =
                        Some(printer.progress(format!("asking {}", strip_control_chars(name))));
                    Ok(())
                }
            }
        })
        .await;
    drop(waiting);
    if let (Ok(answer), false) = (&streamed, has_words) {
        live.push(answer.text.trim_end())?;
    }
    live.finish()?;
    let answer = streamed?;
    if context.settings.verbose {
        printer.detail(describe(&answer));
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
        stdin::read_text(LONGEST_INPUT_BYTES).map_err(|error| {
            CliError::usage("cannot read the message from stdin").caused_by(error)
        })?
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
    fn the_beginning_of_an_id_is_enough_where_only_one_begins_so() {
        let session = |id: &str| -> Session {
            let at = "2026-11-26T08:00:00Z";
            serde_json::from_value(serde_json::json!({"session_id": id, "updated_at": at})).unwrap()
        };
        let known = ["01M82TP5AE", "01M82TQ7BF", "01M8"].map(session);
        let found = |begin: &str| {
            by_beginning(&known, begin).map(|found| found.map(|one| one.session_id.as_str()))
        };
        assert_eq!(found("01M82TP").unwrap(), Some("01M82TP5AE"));
        assert_eq!(found("01M8").unwrap(), Some("01M8"));
        assert_eq!(found("01M9").unwrap(), None);
        let error = found("01M82T").unwrap_err();
        assert!(
            error.message.contains("01M82TP5AE, 01M82TQ7BF"),
            "{error:?}"
        );
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
