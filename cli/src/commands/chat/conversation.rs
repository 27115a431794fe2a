//! A conversation at the terminal: line editing with a history, answers as they come, a few
//! commands of its own.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Editor, Event, EventContext, EventHandler, Helper,
    KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};
use t3nets_router::model::{Role, SessionId};

use super::client::Question;
use super::target::Target;
use super::warnings::Warnings;
use super::{by_beginning, stream_to_terminal};
use crate::context::Context;
use crate::error::{CliError, ErrorKind};
use crate::terminal::markdown::render;
use crate::terminal::prompt::pick;
use crate::terminal::table::table;
use crate::terminal::text::{shown_time, strip_control_chars};
use t3nets_router::files;

const HELP: &str = "\
/new          start a new conversation
/resume [ID]  continue another one; without an id, choose from a list
/sessions     list your conversations
/history      show this conversation
/raw          switch between worded answers and the skills' JSON
/help         show this list
/quit         leave the chat (or Ctrl-D); Ctrl-C stops an answer

Alt-Enter, or a backslash at the end of a line, starts a new line.";

/// How many lines the history keeps.
const HISTORY_LINES: usize = 1000;

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Empty,
    Message(&'a str),
    /// What looks like a command.
    Unknown(&'a str),
    New,
    /// With the conversation's id, or its beginning, if it was given.
    Resume(Option<&'a str>),
    Sessions,
    History,
    Raw,
    Help,
    Quit,
}

impl<'a> Line<'a> {
    /// What looks like a command and is none is refused, since it would be sent as a question. A
    /// message may begin with a slash after a space, and with a path.
    fn parse(line: &'a str) -> Self {
        match line.trim() {
            "" => Self::Empty,
            "/new" => Self::New,
            "/resume" => Self::Resume(None),
            "/sessions" => Self::Sessions,
            "/history" => Self::History,
            "/raw" => Self::Raw,
            "/help" | "/?" => Self::Help,
            "/quit" | "/exit" | "quit" | "exit" => Self::Quit,
            message => match message.split_whitespace().next() {
                Some("/resume") => Self::Resume(message.split_whitespace().nth(1)),
                Some(word) if is_command(word) && !line.starts_with(' ') => Self::Unknown(word),
                _ => Self::Message(message),
            },
        }
    }
}

fn is_command(word: &str) -> bool {
    word.strip_prefix('/')
        .is_some_and(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric))
}

/// Chats until the user leaves.
///
/// # Errors
/// If the terminal fails. An answer that fails is shown, and the conversation goes on.
pub(super) async fn run(
    context: &Context,
    mut target: Target,
    mut session: Option<SessionId>,
    mut raw: bool,
) -> Result<(), CliError> {
    let printer = &context.printer;
    printer.detail("type a message, /help for commands, Ctrl-D to leave");
    let mut input = Input::open(context)?;
    let mut warnings = Warnings::default();
    loop {
        let line = match input.line(raw).await? {
            Typed::Line(line) => line,
            Typed::Interrupted => continue,
            Typed::End => return Ok(()),
        };
        match Line::parse(&line) {
            Line::Empty => {}
            Line::Quit => return Ok(()),
            Line::Unknown(word) => {
                printer.warning(format!(
                    "`{}` is not a command; to send it as a message, put a space before it",
                    strip_control_chars(word)
                ));
                printer.write(&format!("{HELP}\n"))?;
            }
            Line::Help => printer.write(&format!("{HELP}\n"))?,
            Line::New => {
                session = None;
                printer.detail("new conversation");
            }
            Line::Raw => {
                raw = !raw;
                printer.detail(if raw {
                    "answers are the skills' JSON"
                } else {
                    "answers are worded"
                });
            }
            Line::Resume(id) => {
                let chosen = async {
                    if let Some(chosen) = resume(context, &mut target, id).await? {
                        session = Some(chosen);
                    }
                    Ok(())
                };
                or_stopped(context, chosen).await?;
            }
            Line::Sessions => or_stopped(context, sessions(context, &mut target)).await?,
            Line::History => match &session {
                Some(session) => {
                    or_stopped(context, history(context, &mut target, session)).await?;
                }
                None => printer.detail("no messages in this conversation"),
            },
            Line::Message(message) => {
                let question = Question {
                    message: message.to_owned(),
                    raw,
                    session: session.clone(),
                };
                let turn = async {
                    let client = target.client(context).await?;
                    let answer = stream_to_terminal(context, &client, &question).await?;
                    warnings.tell(printer, &answer);
                    session = Some(answer.session_id);
                    Ok(())
                };
                or_stopped(context, turn).await?;
            }
        }
    }
}

/// Does something that Ctrl-C stops. What fails is shown, and does not end the conversation; a
/// closed terminal does.
async fn or_stopped(
    context: &Context,
    work: impl Future<Output = Result<(), CliError>>,
) -> Result<(), CliError> {
    let printer = &context.printer;
    tokio::select! {
        result = work => {
            if let Err(error) = result {
                if error.kind == ErrorKind::OutputClosed {
                    return Err(error);
                }
                printer.error(&context.advise(error).await);
            }
        }
        _ = tokio::signal::ctrl_c() => {
            printer.write("\n")?;
            printer.detail("stopped");
        }
    }
    Ok(())
}

async fn sessions(context: &Context, target: &mut Target) -> Result<(), CliError> {
    let sessions = target.client(context).await?.sessions().await?;
    if sessions.is_empty() {
        context.printer.detail("no conversations");
        return Ok(());
    }
    let rows = sessions.iter().map(|session| {
        [
            session.session_id.as_str().to_owned(),
            shown_time(session.updated_at),
            session.preview.clone(),
        ]
    });
    let text = table(&["session", "last answer", "last message"], rows);
    context.printer.write(&format!("{text}\n"))
}

/// Lets the person choose a conversation, and shows the end of it.
async fn resume(
    context: &Context,
    target: &mut Target,
    begin: Option<&str>,
) -> Result<Option<SessionId>, CliError> {
    let known = target.client(context).await?.sessions().await?;
    let chosen = match begin {
        Some(begin) => by_beginning(&known, begin)?.ok_or_else(|| {
            CliError::failed(format!("no conversation's id begins with `{begin}`"))
        })?,
        None => {
            let labels = known.iter().map(|session| {
                let preview = strip_control_chars(&session.preview).replace('\n', " ");
                format!("{}  {preview}", shown_time(session.updated_at))
            });
            let picked = match known.is_empty() {
                true => None,
                false => pick("Continue which conversation", labels.collect())?,
            };
            match picked.and_then(|picked| known.get(picked)) {
                Some(session) => session,
                None => {
                    context.printer.detail("no conversation was chosen");
                    return Ok(None);
                }
            }
        }
    };
    let id = chosen.session_id.clone();
    history(context, target, &id).await?;
    context
        .printer
        .detail(format!("continuing the conversation {id}"));
    Ok(Some(id))
}

async fn history(
    context: &Context,
    target: &mut Target,
    session: &SessionId,
) -> Result<(), CliError> {
    for message in target.client(context).await?.history(session).await? {
        let who = match message.role {
            Role::User => "you",
            Role::Assistant => "t3nets",
        };
        let text = match message.role {
            Role::User => strip_control_chars(message.content.trim_end()).into_owned(),
            Role::Assistant => {
                let columns = context.printer.terminal_size().columns;
                render(&message.content, columns, context.printer.colors_stdout())
            }
        };
        let gap = if text.contains('\n') { "\n" } else { " " };
        context.printer.write(&format!("{who}:{gap}{text}\n"))?;
    }
    Ok(())
}

/// What came from the keyboard.
enum Typed {
    Line(String),
    Interrupted,
    End,
}

/// The line editor. Reading blocks, so it moves to a thread that may and comes back.
struct Input {
    editor: Option<Editor<Commands, FileHistory>>,
    history: PathBuf,
}

impl Input {
    fn open(context: &Context) -> Result<Self, CliError> {
        let history = context.settings.environment()?.home.join("chat_history");
        let cannot = |error: ReadlineError| {
            CliError::failed("cannot read from this terminal").caused_by(error)
        };
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)
            .map_err(cannot)?
            .history_ignore_space(true)
            .bracketed_paste(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(cannot)?;
        editor.set_helper(Some(Commands));
        let enter = |modifiers| KeyEvent(KeyCode::Enter, modifiers);
        editor.bind_sequence(enter(Modifiers::ALT), Cmd::Newline);
        editor.bind_sequence(
            enter(Modifiers::NONE),
            EventHandler::Conditional(Box::new(NewLineAfterBackslash)),
        );
        // There is none the first time, and a conversation works without.
        if files::read(&history, files::USUAL_LIMIT).is_ok() {
            let _ = editor.load_history(&history);
        }
        Ok(Self {
            editor: Some(editor),
            history,
        })
    }

    async fn line(&mut self, raw: bool) -> Result<Typed, CliError> {
        let prompt = if raw { "raw> " } else { "you> " };
        let ended = || CliError::failed("the line editor ended");
        let mut editor = self.editor.take().ok_or_else(ended)?;
        let (editor, read) = tokio::task::spawn_blocking(move || {
            let read = editor.readline(prompt);
            (editor, read)
        })
        .await
        .map_err(|error| ended().caused_by(error))?;
        let editor = self.editor.insert(editor);
        match read {
            Ok(line) => {
                if !line.trim().is_empty() {
                    let _ = editor.add_history_entry(line.as_str());
                    // Written for its owner alone. A history that cannot be kept is no reason to
                    // stop talking.
                    let _ = editor.save_history(&self.history);
                }
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(CliError::failed("cannot read from this terminal").caused_by(error)),
        }
    }
}

/// Enter after a backslash at the end starts a new line in its place, as in a shell.
struct NewLineAfterBackslash;

impl ConditionalEventHandler for NewLineAfterBackslash {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let line = context.line();
        let ends_so = context.pos() == line.len() && line.ends_with('\\');
        ends_so.then(|| Cmd::Replace(Movement::BackwardChar(1), Some("\n".to_owned())))
    }
}

/// Completes the commands of the conversation.
struct Commands;

impl Helper for Commands {}
impl Highlighter for Commands {}
impl Validator for Commands {}

impl Hinter for Commands {
    type Hint = String;
}

impl Completer for Commands {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let begun = line.get(..position).unwrap_or(line);
        let names = HELP
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        let fitting = names.filter(|name| name.starts_with('/') && name.starts_with(begun));
        Ok((0, fitting.map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_commands_are_commands() {
        assert_eq!(Line::parse(" /new "), Line::New);
        assert_eq!(Line::parse("/etc/hosts?"), Line::Message("/etc/hosts?"));
        assert_eq!(Line::parse("/sesions 3"), Line::Unknown("/sesions"));
        assert_eq!(Line::parse(" /etc is full"), Line::Message("/etc is full"));
        assert_eq!(Line::parse("/resume"), Line::Resume(None));
        assert_eq!(Line::parse("/resume 01M8 "), Line::Resume(Some("01M8")));
        assert_eq!(Line::parse("/resumed"), Line::Unknown("/resumed"));
        assert_eq!(Line::parse("exit"), Line::Quit);
        assert_eq!(Line::parse("exit code 7?"), Line::Message("exit code 7?"));
        assert_eq!(Line::parse("  "), Line::Empty);
    }
}
