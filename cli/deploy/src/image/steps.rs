//! What the engine tells while it builds, as steps: BuildKit in its own records, the classic builder in lines of text.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bollard::models::{BuildInfo, BuildInfoAux};

use crate::progress::{Event, Reporter};

/// How many lines of a failed step are shown with the error.
const LAST_LINES: usize = 20;
/// How much of the whole log is kept.
const MAX_LOG: usize = 8 << 20;

/// Follows a build.
pub(super) struct Steps<'a> {
    reporter: &'a dyn Reporter,
    /// All that was told, for the file that a failure leaves.
    log: String,
    /// The steps that are under way or done, by BuildKit's digest; the classic builder has one at a time, under "".
    known: HashMap<String, Step>,
    /// The last step that failed, or else the last that began.
    suspect: Option<String>,
    image: Option<String>,
}

struct Step {
    name: String,
    started: Instant,
    done: bool,
    cached: bool,
    /// A line that has not ended yet.
    rest: String,
    last: VecDeque<String>,
}

impl<'a> Steps<'a> {
    /// Of a build that is about to begin.
    pub(super) fn new(reporter: &'a dyn Reporter) -> Self {
        Self {
            reporter,
            log: String::new(),
            known: HashMap::new(),
            suspect: None,
            image: None,
        }
    }

    /// The image, once it is told.
    pub(super) fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// All that was told.
    pub(super) fn log(&self) -> &str {
        &self.log
    }

    /// The step that failed, with its last lines.
    pub(super) fn failed(&self) -> Option<(&str, Vec<&str>)> {
        let step = self.known.get(self.suspect.as_deref()?)?;
        let mut lines: Vec<&str> = step.last.iter().map(String::as_str).collect();
        if !step.rest.is_empty() {
            lines.push(&step.rest);
        }
        Some((&step.name, lines))
    }

    /// Takes one message in.
    pub(super) fn take(&mut self, info: BuildInfo) {
        match info.aux {
            Some(BuildInfoAux::Default(image)) => self.image = image.id.or(self.image.take()),
            Some(BuildInfoAux::BuildKit(status)) => {
                for vertex in status.vertexes {
                    // What BuildKit does for itself: reading the Dockerfile, unpacking the context.
                    if vertex.name.starts_with("[internal]") || vertex.name == "copy /context /" {
                        continue;
                    }
                    if vertex.started.is_some() && !self.known.contains_key(&vertex.digest) {
                        self.start(&vertex.digest, &vertex.name);
                    }
                    if !vertex.error.is_empty() {
                        self.suspect = Some(vertex.digest);
                    } else if let (Some(from), Some(to)) = (vertex.started, vertex.completed) {
                        let nanos = (to.seconds - from.seconds) * 1_000_000_000
                            + i64::from(to.nanos - from.nanos);
                        let took = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
                        self.finish(&vertex.digest, vertex.cached, Some(took));
                    }
                }
                for log in status.logs {
                    self.output(&log.vertex, &String::from_utf8_lossy(&log.msg));
                }
            }
            None => {}
        }
        if let Some(text) = info.stream {
            self.classic(&text);
        }
    }

    /// The build ended well: so did its last step.
    pub(super) fn end(&mut self) {
        self.finish_classic();
    }

    /// `Step 2/5 : RUN …`, ` ---> Using cache`, ` ---> 0123456789ab`, and what commands write.
    fn classic(&mut self, text: &str) {
        let line = text.trim_end();
        if let Some(name) = line
            .strip_prefix("Step ")
            .and_then(|rest| rest.split_once(" : "))
            .map(|(number, instruction)| format!("[{number}] {instruction}"))
        {
            self.finish_classic();
            self.start("", &name);
        } else if line == " ---> Using cache" {
            if let Some(step) = self.known.get_mut("") {
                step.cached = true;
            }
        } else if line.starts_with(" --->")
            || line.starts_with("Successfully built ")
            || line.starts_with("Removing intermediate container ")
        {
            self.note(line);
        } else if !line.is_empty() {
            self.output("", text);
        }
    }

    fn finish_classic(&mut self) {
        let cached = self.known.get("").is_some_and(|step| step.cached);
        self.finish("", cached, None);
    }

    fn start(&mut self, id: &str, name: &str) {
        self.note(name);
        self.reporter.report(Event::StepStarted { name });
        self.suspect = Some(id.to_owned());
        self.known.insert(
            id.to_owned(),
            Step {
                name: name.to_owned(),
                started: Instant::now(),
                done: false,
                cached: false,
                rest: String::new(),
                last: VecDeque::new(),
            },
        );
    }

    fn finish(&mut self, id: &str, cached: bool, took: Option<Duration>) {
        if let Some(step) = self.known.get_mut(id).filter(|step| !step.done) {
            step.done = true;
            self.reporter.report(Event::StepDone {
                name: &step.name,
                cached,
                took: took.unwrap_or_else(|| step.started.elapsed()),
            });
        }
    }

    /// A piece of what a step wrote, which may end within a line.
    fn output(&mut self, id: &str, text: &str) {
        let Some(step) = self.known.get_mut(id) else {
            self.note(text.trim_end());
            return;
        };
        step.rest.push_str(text);
        let mut lines = Vec::new();
        while let Some((line, rest)) = step.rest.split_once('\n') {
            let line = line.trim_end_matches('\r').to_owned();
            step.rest = rest.to_owned();
            self.reporter.report(Event::StepOutput { line: &line });
            if step.last.len() == LAST_LINES {
                step.last.pop_front();
            }
            step.last.push_back(line.clone());
            lines.push(line);
        }
        for line in lines {
            self.note(&line);
        }
    }

    fn note(&mut self, line: &str) {
        if self.log.len() + line.len() < MAX_LOG {
            self.log.push_str(line);
            self.log.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl Reporter for Recorder {
        fn report(&self, event: Event<'_>) {
            self.0.lock().unwrap().push(match event {
                Event::StepStarted { name } => format!("start {name}"),
                Event::StepDone { name, cached, .. } => format!("done {name} {cached}"),
                Event::StepOutput { line } => format!("line {line}"),
                other => format!("{other:?}"),
            });
        }
    }

    #[test]
    fn the_classic_builders_lines_become_steps() {
        let recorder = Recorder::default();
        let mut steps = Steps::new(&recorder);
        for text in [
            "Step 1/2 : FROM scratch",
            "\n",
            " ---> \n",
            "Step 2/2 : RUN true",
            "\n",
            " ---> Using cache\n",
            " ---> 0123456789ab\n",
            "Step 3/3 : RUN make",
            "\n",
            "one\ntw",
            "o\n",
            "unfinished",
        ] {
            steps.take(BuildInfo {
                stream: Some(text.to_owned()),
                ..BuildInfo::default()
            });
        }
        assert_eq!(
            *recorder.0.lock().unwrap(),
            [
                "start [1/2] FROM scratch",
                "done [1/2] FROM scratch false",
                "start [2/2] RUN true",
                "done [2/2] RUN true true",
                "start [3/3] RUN make",
                "line one",
                "line two",
            ]
        );
        let (name, lines) = steps.failed().unwrap();
        assert_eq!(name, "[3/3] RUN make");
        assert_eq!(lines, ["one", "two", "unfinished"]);
    }
}
