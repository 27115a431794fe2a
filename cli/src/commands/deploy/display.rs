//! How a deploy is shown: a line that changes in a terminal, plain lines elsewhere, one JSON object
//! a line with `--json`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::DecimalBytes;

use t3nets_deploy::ecs::states::RolloutState;
use t3nets_deploy::report::{Event, Reporter};
use t3nets_deploy::rollout::Progress;

use crate::terminal::printer::Printer;
use crate::terminal::progress::Spinner;
use crate::terminal::text::strip_control_chars;

/// How many characters of a step or of its output are shown.
const BRIEF: usize = 80;

/// Shows what goes on.
pub(crate) struct Display {
    printer: Printer,
    moving: Mutex<Option<Spinner>>,
    /// Of each layer that is being sent, how many bytes it has and how many are sent.
    layers: Mutex<BTreeMap<String, (u64, u64)>>,
}

impl Display {
    pub(super) fn new(printer: &Printer) -> Self {
        Self {
            printer: printer.clone(),
            moving: Mutex::new(None),
            layers: Mutex::default(),
        }
    }

    /// Ends the line that shows progress.
    pub(super) fn end(&self) {
        *self.moving.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn above(&self, show: impl FnOnce()) {
        let moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        match &*moving {
            Some(moving) => moving.suspend(show),
            None => show(),
        }
    }

    fn progress(&self, line: String) {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        match &*moving {
            Some(moving) => moving.set(line),
            None if self.printer.shows_progress() => *moving = Some(self.printer.progress(line)),
            None => self.printer.detail(line),
        }
    }
}

impl Display {
    fn detail(&self, line: String) {
        self.above(|| self.printer.detail(line));
    }

    fn warning(&self, line: impl std::fmt::Display) {
        self.above(|| self.printer.warning(line));
    }

    /// Something that is shown only where a line can be replaced by the next.
    fn passing(&self, line: impl FnOnce() -> String) {
        if self.printer.shows_progress() {
            self.progress(line());
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
        self.show(event);
    }
}

impl Display {
    fn show(&self, event: Event<'_>) {
        let printer = &self.printer;
        match event {
            Event::Started { step, detail } => {
                self.end();
                printer.status(format!("{}: {}", step.name(), strip_control_chars(detail)));
                self.passing(|| format!("  {}", step.name()));
            }
            Event::Done { step, detail, took } => {
                self.end();
                printer.status(format!(
                    "✓ {}: {} ({:.1} s)",
                    step.name(),
                    strip_control_chars(detail),
                    took.as_secs_f64()
                ));
            }
            Event::StepStarted { name } if printer.shows_progress() => {
                self.progress(format!("  {}", brief(name)));
            }
            Event::StepStarted { name } => printer.detail(format!("  {}", brief(name))),
            Event::StepDone { name, cached, took } => {
                let name = brief(name);
                let how = match cached {
                    true => "cached".to_owned(),
                    false => format!("{:.1} s", took.as_secs_f64()),
                };
                self.detail(format!("  {name}: {how}"));
            }
            Event::StepOutput { line } => self.passing(|| format!("  {}", brief(line))),
            Event::LayerPresent { digest, size } => {
                let size = DecimalBytes(size);
                self.detail(format!(
                    "  layer {}: already exists ({size})",
                    short(digest)
                ));
            }
            Event::LayerSent { digest, size, sent } if sent == size => {
                let size = DecimalBytes(size);
                self.detail(format!("  layer {}: sent ({size})", short(digest)));
            }
            Event::LayerSent { .. } => self.passing(|| {
                let (sent, size) = self.all_layers();
                format!("  {} of {} sent", DecimalBytes(sent), DecimalBytes(size))
            }),
            Event::Retrying { reason } => {
                self.warning(format!("{}; trying again", strip_control_chars(reason)))
            }
            Event::Progress { progress, elapsed } => {
                self.progress(format!("  {} ({} s)", shown(progress), elapsed.as_secs()));
            }
            Event::Service { message } => {
                self.detail(format!("  ecs: {}", strip_control_chars(message)))
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
                    true => self.warning(line),
                    false => self.detail(format!("  {line}; that is not the release's fault")),
                }
            }
            Event::LogLine { line, .. } => {
                self.warning(format!("log: {}", strip_control_chars(line.trim_end())))
            }
            Event::Trouble { message } => self.warning(strip_control_chars(message)),
            Event::Failed { failure } => {
                let reason = match failure.reason.is_empty() {
                    true => String::new(),
                    false => format!(": {}", strip_control_chars(&failure.reason)),
                };
                self.warning(format!("{}{reason}", failure.cause));
            }
            Event::Interrupted => self.end(),
            Event::Note { message } => {
                self.above(|| printer.status(format!("  {}", strip_control_chars(message))));
            }
        }
    }
}

/// As much of a line as says what it is about: a step of a Dockerfile may go over many.
fn brief(line: &str) -> String {
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
fn shown(progress: &Progress) -> String {
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
