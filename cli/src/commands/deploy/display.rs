//! How a deploy is shown: steps that end with a tick in a terminal ([`steps`](super::steps)), plain
//! lines elsewhere, one JSON object a line with `--json`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::DecimalBytes;

use t3nets_deploy::ecs::states::RolloutState;
use t3nets_deploy::report::{Event, Reporter};
use t3nets_deploy::rollout::{Cause, Progress};

use super::steps::{Ending, Steps};
use super::trace::StepSpans;
use crate::terminal::printer::Printer;
use crate::terminal::text::strip_control_chars;

/// How many characters of a step or of its output are shown.
const BRIEF: usize = 80;

/// Shows what goes on.
pub(crate) struct Display {
    printer: Printer,
    /// Where a line can be replaced by the next.
    steps: Option<Steps>,
    /// Of each layer that is being sent, how many bytes it has and how many are sent.
    layers: Mutex<BTreeMap<String, (u64, u64)>>,
    /// What a failing task wrote last, where that was not shown yet.
    last_lines: Mutex<Option<LastLines>>,
    spans: Option<StepSpans>,
}

/// What a container of a task wrote last.
struct LastLines {
    whose: String,
    lines: Vec<String>,
}

impl Display {
    pub(super) fn new(printer: &Printer, spans: Option<StepSpans>) -> Self {
        Self {
            steps: printer.shows_progress().then(|| Steps::new(printer)),
            printer: printer.clone(),
            layers: Mutex::default(),
            last_lines: Mutex::default(),
            spans,
        }
    }

    /// Ends the line that shows progress, and the step that it shows.
    pub(crate) fn end(&self, ending: Ending) {
        if let Some(spans) = &self.spans {
            spans.end();
        }
        if let Some(steps) = &self.steps {
            steps.end(ending);
        }
    }

    /// What a failing task wrote last, if that was not shown while it came.
    pub(super) fn take_last_lines(&self) -> Option<String> {
        let mut kept = self
            .last_lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let LastLines { whose, lines } = kept.take()?;
        let lines: Vec<String> = lines.iter().map(|line| format!("\n    {line}")).collect();
        Some(format!("last log lines of {whose}:{}", lines.concat()))
    }

    fn keep_line(&self, whose: String, line: &str) {
        let line = strip_control_chars(line.trim_end()).into_owned();
        let mut kept = self
            .last_lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &mut *kept {
            Some(last) if last.whose == whose => last.lines.push(line),
            _ => {
                *kept = Some(LastLines {
                    whose,
                    lines: vec![line],
                });
            }
        }
    }

    /// Keeps how much of a layer is sent; whether that is news.
    fn is_new(&self, digest: &str, size: u64, sent: u64) -> bool {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.insert(digest.to_owned(), (size, sent)) != Some((size, sent))
    }

    /// How many bytes of all layers are sent, of how many.
    fn all_layers(&self) -> (u64, u64) {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = layers.values().map(|(_, sent)| sent).sum();
        (sent, layers.values().map(|(size, _)| size).sum())
    }
}

impl Reporter for Display {
    fn report(&self, event: Event<'_>) {
        if let Some(spans) = &self.spans {
            spans.report(&event);
        }
        if let Event::LayerSent { digest, size, sent } = event
            && !self.is_new(digest, size, sent)
        {
            return;
        }
        if self.printer.is_json() {
            // A closed pipe is the reader's choice: the rollout is watched to its end all the same.
            let _ = self.printer.json_line(&event);
            return;
        }
        match (&self.steps, event) {
            (
                Some(_),
                Event::LogLine {
                    task,
                    container,
                    has_others,
                    line,
                },
            ) => {
                self.keep_line(whose(task, container, has_others), line);
            }
            (Some(steps), event) => steps.show(event, self.all_layers()),
            (None, event) => self.show(event),
        }
    }
}

/// `` `collector` in task 4bf2e600``, or the task alone if it has no other container.
fn whose(task: &str, container: &str, has_others: bool) -> String {
    let task = strip_control_chars(short_task(task)).into_owned();
    match has_others {
        true => format!("`{}` in task {task}", strip_control_chars(container)),
        false => format!("task {task}"),
    }
}

impl Display {
    /// Shows an event in lines.
    fn show(&self, event: Event<'_>) {
        let printer = &self.printer;
        match event {
            Event::Started { step, detail } => {
                printer.status(format!("{}: {}", step.name(), strip_control_chars(detail)));
            }
            Event::Done { step, detail, took } => printer.status(format!(
                "✓ {}: {} ({:.1} s)",
                step.name(),
                strip_control_chars(detail),
                took.as_secs_f64()
            )),
            Event::StepStarted { name } => printer.detail(format!("  {}", brief(name))),
            Event::StepDone { name, cached, took } => {
                let name = brief(name);
                let how = match cached {
                    true => "cached".to_owned(),
                    false => format!("{:.1} s", took.as_secs_f64()),
                };
                printer.detail(format!("  {name}: {how}"));
            }
            Event::LayerPresent { digest, size } => {
                let size = DecimalBytes(size);
                printer.detail(format!(
                    "  layer {}: already exists ({size})",
                    short(digest)
                ));
            }
            Event::LayerSent { digest, size, sent } if sent == size => {
                let size = DecimalBytes(size);
                printer.detail(format!("  layer {}: sent ({size})", short(digest)));
            }
            // Each says more than the one before: of use only where it can take its place.
            Event::LayerSent { .. } | Event::StepOutput { .. } => {}
            Event::Retrying { reason } => {
                printer.warning(format!("{}; trying again", strip_control_chars(reason)));
            }
            Event::Progress { progress, elapsed } => {
                printer.detail(format!("  {} ({} s)", shown(progress), elapsed.as_secs()));
            }
            Event::Service { message } => {
                printer.detail(format!("  ecs: {}", strip_control_chars(message)));
            }
            Event::TaskStopped {
                task,
                stop_code,
                reason,
                exit_codes,
                counts,
            } => {
                let codes = match exit_codes {
                    [] => String::new(),
                    codes => format!(", exit code: {}", codes.join(", ")),
                };
                let line = format!(
                    "task {} stopped: {} ({}){codes}",
                    strip_control_chars(task),
                    strip_control_chars(reason),
                    strip_control_chars(stop_code)
                );
                match counts {
                    true => printer.warning(line),
                    false => printer.detail(format!("  {line}; that is not the release's fault")),
                }
            }
            Event::LogLine {
                container,
                has_others,
                line,
                ..
            } => {
                let label = match has_others {
                    true => format!("log of `{}`", strip_control_chars(container)),
                    false => "log".to_owned(),
                };
                printer.warning(format!("{label}: {}", strip_control_chars(line.trim_end())));
            }
            Event::Obstacle { cause, remedy } => printer.warning(obstacle(cause, remedy)),
            Event::Trouble { message } => printer.warning(strip_control_chars(message)),
            Event::Failed { failure, .. } => {
                let reason = match failure.reason.is_empty() {
                    true => String::new(),
                    false => format!(": {}", strip_control_chars(&failure.reason)),
                };
                printer.warning(format!("{}{reason}", failure.cause));
            }
            Event::Interrupted => {}
            Event::Note { message, .. } => {
                printer.status(format!("  {}", strip_control_chars(message)));
            }
        }
    }
}

/// What holds a rollout up, and what to do about it.
pub(super) fn obstacle(cause: &Cause, remedy: Option<&str>) -> String {
    match remedy {
        Some(remedy) => format!("{cause}: {remedy}"),
        None => cause.to_string(),
    }
}

/// As much of a task's id as tells it from others.
pub(super) fn short_task(task: &str) -> &str {
    task.get(..8).unwrap_or(task)
}

/// As much of a line as says what it is about: a step of a Dockerfile may go over many.
pub(super) fn brief(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    let line = strip_control_chars(&line);
    match line.char_indices().nth(BRIEF) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.into_owned(),
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    let digits = digest.trim_start_matches("sha256:");
    digits.get(..12).unwrap_or(digits)
}

/// ECS's word as people write it: `in progress`.
fn words(state: &RolloutState) -> String {
    state.as_str().to_lowercase().replace('_', " ")
}

/// How far it is, on one line.
pub(super) fn shown(progress: &Progress) -> String {
    let mut parts = vec![
        match &progress.state {
            None => "not listed by ECS yet".to_owned(),
            Some(state) => words(state),
        },
        format!("{} of {} running", progress.running, progress.desired),
    ];
    let counted = [
        (progress.pending, "pending"),
        (progress.others, "of earlier deployments"),
        (i32::try_from(progress.failed).unwrap_or(i32::MAX), "failed"),
    ];
    for (count, what) in counted {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if let Some(healthy) = progress.healthy {
        parts.push(format!("{healthy} healthy"));
    }
    if let Some(note) = &progress.note {
        parts.push(strip_control_chars(note).into_owned());
    }
    parts.join(", ")
}
