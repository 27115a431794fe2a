//! What Docker reports while it builds, as steps: BuildKit in its own records, the classic builder
//! in lines of text.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bollard::models::{BuildInfo, BuildInfoAux};

use super::FailedStep;
use crate::report::{Event, Reporter};

/// How many lines of a failed step are shown with the error.
const LAST_LINES: usize = 20;
/// How many bytes of the whole log are kept.
const MAX_LOG: usize = 8 << 20;
/// How many steps are followed. The largest Dockerfiles have a few hundred.
const MAX_STEPS: usize = 1000;
/// The longest line, in bytes; what goes on without an end is cut there.
const MAX_LINE: usize = 16 << 10;

/// Follows a build.
pub(super) struct BuildSteps<'a> {
    reporter: &'a dyn Reporter,
    /// The whole output, for the file that a failed build leaves.
    log: String,
    /// The steps that began, by BuildKit's digest of each; the classic builder runs one at a time
    /// and has no digests: it is under "".
    known: HashMap<String, BuildStep>,
    /// The last step that failed, or else the last that began.
    suspect: Option<String>,
    image: Option<String>,
}

struct BuildStep {
    name: String,
    started: Instant,
    is_done: bool,
    is_cached: bool,
    /// The beginning of a line whose end has not come yet.
    partial_line: String,
    last_lines: VecDeque<String>,
}

impl<'a> BuildSteps<'a> {
    /// For a build that is about to begin.
    pub(super) fn new(reporter: &'a dyn Reporter) -> Self {
        Self {
            reporter,
            log: String::new(),
            known: HashMap::new(),
            suspect: None,
            image: None,
        }
    }

    /// The image's id, once Docker reported it.
    pub(super) fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// The whole output, up to 8 MiB.
    pub(super) fn log(&self) -> &str {
        &self.log
    }

    /// The step that failed. The classic builder does not say which: then it is the last that
    /// began.
    pub(super) fn failed(&self) -> Option<FailedStep> {
        let step = self.known.get(self.suspect.as_deref()?)?;
        let mut last_lines: Vec<String> = step.last_lines.iter().cloned().collect();
        if !step.partial_line.is_empty() {
            last_lines.push(step.partial_line.clone());
        }
        Some(FailedStep {
            name: step.name.clone(),
            last_lines,
        })
    }

    /// Takes in one message of the build's stream.
    /// <https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image/operation/ImageBuild>
    pub(super) fn take(&mut self, info: BuildInfo) {
        match info.aux {
            Some(BuildInfoAux::Default(image)) => self.image = image.id.or(self.image.take()),
            Some(BuildInfoAux::BuildKit(status)) => {
                for vertex in status.vertexes {
                    // BuildKit's own work: it reads the Dockerfile and unpacks the context.
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

    /// The build succeeded, and with it its last step.
    pub(super) fn end(&mut self) {
        self.finish_classic();
    }

    /// A line of the classic builder: `Step 2/5 : RUN …`, ` ---> Using cache`, ` --->
    /// 0123456789ab`, or what a command writes. It has no other form than these texts.
    /// <https://github.com/moby/moby/blob/master/daemon/builder/dockerfile/evaluator.go>
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
                step.is_cached = true;
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
        let cached = self.known.get("").is_some_and(|step| step.is_cached);
        self.finish("", cached, None);
    }

    fn start(&mut self, id: &str, name: &str) {
        if self.known.len() >= MAX_STEPS {
            return;
        }
        let name = &name[..name.floor_char_boundary(MAX_LINE)];
        self.note(name);
        self.reporter.report(Event::StepStarted { name });
        self.suspect = Some(id.to_owned());
        self.known.insert(
            id.to_owned(),
            BuildStep {
                name: name.to_owned(),
                started: Instant::now(),
                is_done: false,
                is_cached: false,
                partial_line: String::new(),
                last_lines: VecDeque::new(),
            },
        );
    }

    fn finish(&mut self, id: &str, cached: bool, took: Option<Duration>) {
        if let Some(step) = self.known.get_mut(id).filter(|step| !step.is_done) {
            step.is_done = true;
            self.reporter.report(Event::StepDone {
                name: &step.name,
                cached,
                took: took.unwrap_or_else(|| step.started.elapsed()),
            });
        }
    }

    /// A part of what a step wrote, which may end within a line.
    fn output(&mut self, id: &str, text: &str) {
        let Some(step) = self.known.get_mut(id) else {
            self.note(text.trim_end());
            return;
        };
        let text = std::mem::take(&mut step.partial_line) + text;
        let mut rest = &*text;
        let mut lines = Vec::new();
        while let Some(end) = end_of_line(rest) {
            let line = rest[..end].trim_end_matches(['\r', '\n']);
            rest = &rest[end..];
            self.reporter.report(Event::StepOutput { line });
            if step.last_lines.len() == LAST_LINES {
                step.last_lines.pop_front();
            }
            step.last_lines.push_back(line.to_owned());
            lines.push(line);
        }
        step.partial_line = rest.to_owned();
        for line in lines {
            self.note(line);
        }
    }

    fn note(&mut self, line: &str) {
        if self.log.len() + line.len() < MAX_LOG {
            self.log.push_str(line);
            self.log.push('\n');
        }
    }
}

/// Where the first line ends, with its line break; `None` if more of it may come.
fn end_of_line(text: &str) -> Option<usize> {
    let end = text.find('\n').map(|at| at + 1);
    match end.unwrap_or(text.len()) > MAX_LINE {
        true => Some(text.floor_char_boundary(MAX_LINE)),
        false => end,
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
    fn what_docker_reports_without_end_is_kept_to_a_bound() {
        let recorder = Recorder::default();
        let mut steps = BuildSteps::new(&recorder);
        for n in 0..2 * MAX_STEPS {
            steps.start(&n.to_string(), &"x".repeat(100));
        }
        assert_eq!(steps.known.len(), MAX_STEPS);
        for _ in 0..1000 {
            steps.output("0", &"\u{e4}".repeat(20_000));
        }
        let step = &steps.known["0"];
        let kept: usize = step.last_lines.iter().map(String::len).sum();
        assert!(step.partial_line.len() <= MAX_LINE && kept <= LAST_LINES * MAX_LINE);
        assert!(steps.log().len() <= MAX_LOG);
    }

    #[test]
    fn the_classic_builders_lines_become_steps() {
        let recorder = Recorder::default();
        let mut steps = BuildSteps::new(&recorder);
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
        let failed = steps.failed().unwrap();
        assert_eq!(failed.name, "[3/3] RUN make");
        assert_eq!(failed.last_lines, ["one", "two", "unfinished"]);
    }
}
