//! What is shown on stderr while something takes time.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A spinner that ends with its value.
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Begins it; one that is not visible draws nothing.
    pub(super) fn new(is_visible: bool, message: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::with_draw_target(None, draw_target(is_visible))
            // A template that cannot be read would show the default.
            .with_style(
                ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            )
            .with_message(message);
        if is_visible {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self(bar)
    }

    /// Replaces the message.
    pub(crate) fn set(&self, message: impl Into<Cow<'static, str>>) {
        self.0.set_message(message);
    }

    /// Shows something above it.
    pub(crate) fn suspend(&self, show: impl FnOnce()) {
        self.0.suspend(show);
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows a line on stderr.
pub(super) type WriteLine = Box<dyn Fn(String) + Send + Sync>;

/// How many are done between two lines where there is no terminal.
const LINE_EVERY: usize = 10_000;

/// A count that ends with its value.
pub(crate) struct Counter {
    bar: ProgressBar,
    /// Writes a line now and then, where there is no terminal for a bar.
    write_line: Option<WriteLine>,
    label: String,
    total: Option<usize>,
    done: AtomicUsize,
}

impl Counter {
    /// Begins it: as a bar in a terminal, else with lines if they are wanted.
    pub(super) fn new(
        in_terminal: bool,
        write_line: Option<WriteLine>,
        label: &str,
        total: Option<usize>,
    ) -> Self {
        let template = match total {
            Some(_) => "{msg} {wide_bar} {human_pos} of {human_len} ({eta})",
            None => "{spinner} {msg} {human_pos}",
        };
        let length = total.map(|total| total as u64);
        let bar = ProgressBar::with_draw_target(length, draw_target(in_terminal))
            // A template that cannot be read would show the default.
            .with_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
            .with_message(label.to_owned());
        Self {
            bar,
            write_line,
            label: label.to_owned(),
            total,
            done: AtomicUsize::new(0),
        }
    }

    /// Counts so many more as done.
    pub(crate) fn add(&self, count: usize) {
        self.bar.inc(count as u64);
        let before = self.done.fetch_add(count, Ordering::Relaxed);
        let done = before + count;
        if let Some(write_line) = &self.write_line
            && before / LINE_EVERY != done / LINE_EVERY
        {
            let of = self
                .total
                .map_or_else(String::new, |total| format!(" of {total}"));
            write_line(format!("{}: {done}{of}", self.label));
        }
    }

    /// Does something that writes to stderr, with the bar out of its way.
    pub(crate) fn suspend(&self, work: impl FnOnce()) {
        self.bar.suspend(work);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn draw_target(is_visible: bool) -> ProgressDrawTarget {
    if is_visible {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}
