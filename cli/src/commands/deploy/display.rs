//! How a deploy is shown: a moving line in a terminal, plain lines elsewhere, one JSON object a line with `--json`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::DecimalBytes;

use crate::printer::{self, Printer, plain};
use t3nets_deploy::progress;
use t3nets_deploy::report::{Event, Report};
use t3nets_deploy::rollout::Progress;

/// How many characters of a step or of its output are shown.
const BRIEF: usize = 80;

/// What goes on, on the screen.
pub(crate) struct Display {
    printer: Printer,
    moving: Mutex<Option<printer::Progress>>,
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

    /// Nothing moves any more.
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
    fn json(&self, event: &impl serde::Serialize) {
        // A closed pipe is the reader's choice: the rollout is seen through all the same.
        let _ = self.printer.json_line(event);
    }

    /// Something that only a line that moves is for.
    fn passing(&self, line: impl FnOnce() -> String) {
        if self.printer.shows_progress() {
            self.progress(line());
        }
    }

    /// Keeps how much of a layer is sent; whether that is news, and how much of all layers is sent.
    fn layer(&self, digest: &str, size: u64, sent: u64) -> (bool, u64, u64) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let before = layers.insert(digest.to_owned(), (size, sent));
        let all = layers.values();
        let (sizes, sents) = all.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        (before != Some((size, sent)), sizes, sents)
    }
}

impl progress::Reporter for Display {
    fn report(&self, event: progress::Event<'_>) {
        use progress::Event::{
            LayerPresent, LayerSent, Retrying, StepDone, StepOutput, StepStarted,
        };
        let mut all = (0, 0);
        if let LayerSent { digest, size, sent } = event {
            let (is_news, sizes, sents) = self.layer(digest, size, sent);
            if !is_news {
                return;
            }
            all = (sents, sizes);
        }
        if self.printer.is_json() {
            return self.json(&event);
        }
        let printer = &self.printer;
        match event {
            StepStarted { name } if printer.shows_progress() => {
                self.progress(format!("  {}", brief(name)))
            }
            StepStarted { name } => printer.detail(format!("  {}", brief(name))),
            StepDone { name, cached, took } => {
                let name = brief(name);
                let how = match cached {
                    true => "cached".to_owned(),
                    false => format!("{:.1} s", took.as_secs_f64()),
                };
                self.above(|| printer.detail(format!("  {name}: {how}")));
            }
            StepOutput { line } => self.passing(|| format!("  {}", brief(line))),
            LayerPresent { digest, size } => self.above(|| {
                let size = DecimalBytes(size);
                printer.detail(format!("  layer {}: is there ({size})", short(digest)));
            }),
            LayerSent { digest, size, sent } if sent == size => self.above(|| {
                let size = DecimalBytes(size);
                printer.detail(format!("  layer {}: sent ({size})", short(digest)));
            }),
            LayerSent { .. } => self.passing(|| {
                let (sents, sizes) = (DecimalBytes(all.0), DecimalBytes(all.1));
                format!("  {sents} of {sizes} sent")
            }),
            Retrying { reason } => {
                self.above(|| printer.warning(format!("{}; it is tried again", plain(reason))));
            }
        }
    }
}

/// As much of a line as says what it is about: a step of a Dockerfile may go over many.
fn brief(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    let line = plain(&line);
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

impl Report for Display {
    fn report(&self, event: Event) {
        if self.printer.is_json() {
            return self.json(&event);
        }
        let printer = &self.printer;
        match event {
            Event::Progress { progress, elapsed } => {
                self.progress(format!("  {} ({} s)", shown(&progress), elapsed.as_secs()));
            }
            Event::Started { step, detail } => {
                self.end();
                printer.status(format!("{}: {}", step.name(), plain(&detail)));
                self.passing(|| format!("  {}", step.name()));
            }
            Event::Done { step, detail, took } => {
                self.end();
                printer.status(format!(
                    "✓ {}: {} ({:.1} s)",
                    step.name(),
                    plain(&detail),
                    took.as_secs_f64()
                ));
            }
            Event::Service { message } => {
                self.above(|| printer.detail(format!("  ecs: {}", plain(&message))));
            }
            Event::TaskStopped {
                task,
                stop_code,
                reason,
                exit_codes,
                counts,
            } => {
                let codes = match exit_codes.is_empty() {
                    true => String::new(),
                    false => format!(", exit code: {}", exit_codes.join(", ")),
                };
                let line = format!(
                    "task {} stopped: {} ({}){codes}",
                    plain(&task),
                    plain(&reason),
                    plain(&stop_code)
                );
                self.above(|| match counts {
                    true => printer.warning(line),
                    false => printer.detail(format!("  {line}; that is not the release's fault")),
                });
            }
            Event::LogLine { line, .. } => {
                self.above(|| printer.warning(format!("log: {}", plain(line.trim_end()))));
            }
            Event::Trouble { message } => {
                self.above(|| printer.warning(plain(&message)));
            }
            Event::Failed { failure } => {
                let reason = match failure.reason.is_empty() {
                    true => String::new(),
                    false => format!(": {}", plain(&failure.reason)),
                };
                self.above(|| printer.warning(format!("{}{reason}", failure.cause)));
            }
            Event::Interrupted => self.end(),
            Event::Note { message } => {
                self.above(|| printer.status(format!("  {}", plain(&message))));
            }
        }
    }
}

/// How far it is, on one line.
fn shown(progress: &Progress) -> String {
    let mut parts = vec![
        match progress.state.is_empty() {
            true => "not to be seen yet".to_owned(),
            false => progress.state.to_lowercase().replace('_', " "),
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
        parts.push(plain(note).into_owned());
    }
    parts.join(", ")
}
