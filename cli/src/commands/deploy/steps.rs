//! A deploy in a terminal: a line for each step, with a tick or a cross and its time. What goes on
//! within a step is in a line that the next replaces.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::{Term, measure_text_width, truncate_str};
use indicatif::DecimalBytes;
use t3nets_deploy::ecs::messages::{Meaning, meaning};
use t3nets_deploy::image_ref::Digest;
use t3nets_deploy::report::{Event, Step};
use t3nets_deploy::rollout::{Cause, Failure, Progress};

use super::display::{brief, obstacle, short_task, shown};
use crate::terminal::printer::Printer;
use crate::terminal::progress::Spinner;
use crate::terminal::text::strip_control_chars;

/// How wide a step's line is where the terminal is wider.
const WIDEST: usize = 100;
/// How wide the names of steps are.
const NAME: usize = 9;

/// How the last step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of it did well.
    Well,
    /// It goes on by itself.
    GoesOn,
    /// It failed.
    Failed,
}

/// Shows the steps.
pub(super) struct Steps {
    printer: Printer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    moving: Option<Spinner>,
    open: Option<(Step, Instant)>,
    /// What the update tells the service to run.
    revision: String,
    /// How many fields of the task definition change beside the image, and whether that does.
    changes: (usize, bool),
    progress: Option<Progress>,
    /// Whether an image was built, whose check is no step of its own.
    is_built: bool,
    /// Whether a step began: an empty line is before the first and after the last.
    has_begun: bool,
}

impl Steps {
    pub(super) fn new(printer: &Printer) -> Self {
        Self {
            printer: printer.clone(),
            state: Mutex::default(),
        }
    }

    /// Ends the step that is open.
    pub(super) fn end(&self, ending: Ending) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.moving = None;
        let mark = match ending {
            Ending::Well => None,
            Ending::GoesOn => Some("–"),
            Ending::Failed => Some("✗"),
        };
        if let (Some((step, began)), Some(mark)) = (state.open.take(), mark) {
            let detail = state.progress.as_ref().filter(|_| step == Step::Watch);
            let detail = detail.map_or_else(String::new, running);
            self.line(mark, step, &detail, began.elapsed());
        }
        if std::mem::take(&mut state.has_begun) {
            self.printer.status("");
        }
    }

    /// Shows an event; `sent` is how many bytes of all layers are sent, of how many.
    pub(super) fn show(&self, event: Event<'_>, sent: (u64, u64)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { step, detail } => {
                if !std::mem::replace(&mut state.has_begun, true) {
                    self.printer.status("");
                }
                state.open = Some((step, Instant::now()));
                match step {
                    Step::Build => state.is_built = true,
                    Step::Update => state.revision = detail.to_owned(),
                    Step::Watch | Step::Rollback => state.progress = None,
                    Step::Check | Step::Push | Step::Register | Step::Verify => {}
                }
                self.passing(&mut state, name(step).to_owned());
            }
            Event::Done { step, detail, took } => {
                state.moving = None;
                state.open = None;
                let is_told = match step {
                    Step::Check => !state.is_built,
                    Step::Register => false,
                    _ => true,
                };
                if is_told {
                    self.line("✓", step, &state.done(step, detail), took);
                }
            }
            Event::Failed { failure, .. } => {
                state.moving = None;
                if let Some((step, began)) = state.open.take() {
                    self.line("✗", step, &failed(failure), began.elapsed());
                }
            }
            Event::StepStarted { name } | Event::StepOutput { line: name } => {
                self.passing(&mut state, brief(name));
            }
            Event::LayerSent { .. } => {
                let (sent, size) = sent;
                let text = format!("{} of {} sent", DecimalBytes(sent), DecimalBytes(size));
                self.passing(&mut state, text);
            }
            Event::Progress { progress, .. } => {
                self.passing(&mut state, shown(progress));
                state.progress = Some(progress.clone());
            }
            // What is known is told with its cause; what is not is for the person to judge.
            Event::Service { message } if meaning(message) == Meaning::Unknown => {
                above(&state, || self.note(message));
            }
            Event::Service { message } => self.passing(&mut state, brief(message)),
            Event::TaskStopped { task, reason, .. } => {
                let text = format!("task {} stopped: {}", short_task(task), brief(reason));
                self.passing(&mut state, text);
            }
            Event::Retrying { reason } => {
                let text = format!("{}; trying again", strip_control_chars(reason));
                above(&state, || self.printer.warning(text));
            }
            Event::Obstacle { cause, remedy } => {
                above(&state, || self.printer.warning(obstacle(cause, remedy)));
            }
            Event::Trouble { message } => {
                above(&state, || {
                    self.printer.warning(strip_control_chars(message))
                });
            }
            Event::Note {
                message,
                field: Some(field),
            } => match field.starts_with("containerDefinitions[") && field.ends_with("].image") {
                true => state.changes.1 = true,
                false => {
                    state.changes.0 += 1;
                    above(&state, || self.note(message));
                }
            },
            Event::Note {
                message,
                field: None,
            } => above(&state, || self.note(message)),
            Event::Interrupted => state.moving = None,
            Event::StepDone { .. } | Event::LayerPresent { .. } | Event::LogLine { .. } => {}
        }
    }

    fn note(&self, message: &str) {
        self.printer
            .detail(format!("    {}", strip_control_chars(message)));
    }

    /// Replaces the line that shows what goes on.
    fn passing(&self, state: &mut State, text: String) {
        let text = format!("  {}", strip_control_chars(&text));
        match &state.moving {
            Some(moving) => moving.set(text),
            None => state.moving = Some(self.printer.progress(text)),
        }
    }

    fn line(&self, mark: &str, step: Step, detail: &str, took: Duration) {
        let width = usize::from(Term::stderr().size().1).min(WIDEST);
        let detail = strip_control_chars(detail);
        self.printer
            .status(aligned(mark, name(step), &detail, &time(took), width));
    }
}

impl State {
    /// What a step that ended well came to.
    fn done(&self, step: Step, detail: &str) -> String {
        match step {
            // The tag and the digest are in the result.
            Step::Push => {
                let what = detail.split_once("; ").map_or(detail, |(what, _)| what);
                what.to_owned()
            }
            Step::Update => match self.changes {
                (0, false) => self.revision.clone(),
                (0, true) => format!("{} (image changed)", self.revision),
                (1, false) => format!("{} (1 setting changed)", self.revision),
                (fields, false) => format!("{} ({fields} settings changed)", self.revision),
                (fields, true) => {
                    format!("{} (image and {fields} settings changed)", self.revision)
                }
            },
            Step::Watch => self
                .progress
                .as_ref()
                .map_or_else(|| detail.to_owned(), running),
            Step::Rollback => format!("{detail} is running again"),
            // What the registry's address is goes without saying.
            Step::Check => match Digest::at_end_of(detail) {
                Some(digest) => {
                    let name = detail.split('@').next().unwrap_or(detail);
                    let name = name.rsplit('/').next().unwrap_or(name);
                    format!("{name}@sha256:{}", digest.short())
                }
                None => detail.to_owned(),
            },
            Step::Build | Step::Register | Step::Verify => detail.to_owned(),
        }
    }
}

/// Shows something above the line that is replaced.
fn above(state: &State, show: impl FnOnce()) {
    match &state.moving {
        Some(moving) => moving.suspend(show),
        None => show(),
    }
}

/// A step as its line begins.
fn name(step: Step) -> &'static str {
    match step {
        Step::Build => "Build",
        Step::Check => "Image",
        Step::Push => "Push",
        Step::Register => "Register",
        Step::Update => "Update",
        Step::Watch => "Rollout",
        Step::Verify => "Verify",
        Step::Rollback => "Rollback",
    }
}

/// How many tasks run, once that is how it stays.
fn running(progress: &Progress) -> String {
    let healthy = match progress.healthy {
        Some(healthy) if i32::try_from(healthy).is_ok_and(|count| count >= progress.running) => {
            " and healthy"
        }
        Some(_) | None => "",
    };
    let failed = match progress.failed {
        0 => String::new(),
        count => format!(", {count} failed"),
    };
    format!(
        "{} of {} tasks running{healthy}{failed}",
        progress.running, progress.desired
    )
}

/// Why a step failed.
fn failed(failure: &Failure) -> String {
    let task = failure.task.as_deref();
    let task = task.map_or_else(String::new, |task| format!("task {}: ", short_task(task)));
    let times = match failure.stops {
        0 | 1 => String::new(),
        times => format!(" ({times} tasks)"),
    };
    match &failure.cause {
        Cause::Exited {
            container,
            exit_code: Some(code),
        } => format!("{task}`{container}` exited with code {code}{times}"),
        cause => format!("{task}{cause}{times}"),
    }
}

/// `0.6s`, `41s`, `2m 03s`.
fn time(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..60 => format!("{:.1}s", took.as_secs_f64()),
        _ => format!("{}m {:02}s", seconds / 60, seconds % 60),
    }
}

/// A step's line, with its time at the right.
fn aligned(mark: &str, name: &str, detail: &str, time: &str, width: usize) -> String {
    let start = format!("  {mark} {name:<NAME$} ");
    let taken = measure_text_width(&start) + time.len() + 2;
    let room = width.saturating_sub(taken).max(8);
    let detail = truncate_str(detail, room, "…");
    let pad = room.saturating_sub(measure_text_width(&detail));
    format!("{start}{detail}{}  {time}", " ".repeat(pad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_steps_are_aligned_and_as_wide_as_the_terminal() {
        let one = aligned("✓", "Build", "version 0.1.0", "2m 03s", 60);
        let other = aligned("✗", "Rollback", &"r:7 ".repeat(30), "0.6s", 60);
        assert_eq!(
            one,
            "  ✓ Build     version 0.1.0                           2m 03s"
        );
        assert_eq!(
            [&one, &other].map(|line| measure_text_width(line)),
            [60, 60]
        );
        assert!(other.contains('…'), "{other}");
    }

    #[test]
    fn a_steps_time_is_as_exact_as_is_read() {
        let shown = |milliseconds| time(Duration::from_millis(milliseconds));
        assert_eq!(shown(640), "0.6s");
        assert_eq!(shown(41_300), "41.3s");
        assert_eq!(shown(123_400), "2m 03s");
    }

    #[test]
    fn what_a_step_came_to_is_told_without_what_the_result_says() {
        let mut state = State {
            revision: "r:3".to_owned(),
            ..State::default()
        };
        let push = "1 of 2 layers, 1.00 MB of 2.00 MB; `t` is sha256:0";
        assert_eq!(
            state.done(Step::Push, push),
            "1 of 2 layers, 1.00 MB of 2.00 MB"
        );
        state.changes = (0, true);
        assert_eq!(state.done(Step::Update, "ecs-svc/1"), "r:3 (image changed)");
        state.progress = Some(Progress {
            desired: 2,
            running: 2,
            healthy: Some(2),
            ..Progress::default()
        });
        assert_eq!(
            state.done(Step::Watch, "2 running"),
            "2 of 2 tasks running and healthy"
        );
        assert_eq!(state.done(Step::Rollback, "r:2"), "r:2 is running again");
    }

    #[test]
    fn a_failed_rollout_names_the_task_and_how_many_failed() {
        let mut failure = Failure::without_task(
            Cause::Exited {
                container: "router".to_owned(),
                exit_code: Some(7),
            },
            "",
        );
        failure.task = Some("4bf2e600a1b2c3d4".to_owned());
        failure.stops = 2;
        assert_eq!(
            failed(&failure),
            "task 4bf2e600: `router` exited with code 7 (2 tasks)"
        );
    }
}
