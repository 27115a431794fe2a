//! A `t3nets deploy --json` that is under way.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// How long an event may take to come: a first build compiles every dependency.
const PATIENCE: Duration = Duration::from_secs(1200);

/// An event, and when it came, in seconds since 1970.
pub(super) type Event = (f64, Value);

/// A run under way. Dropping it kills it.
pub(super) struct Running {
    child: Child,
    lines: Receiver<Event>,
    seen: Vec<Event>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) events: Vec<Event>,
    pub(super) stderr: String,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().unwrap();
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                if tell.send((now.as_secs_f64(), event)).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits for an event.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> &mut Self {
        loop {
            let Ok(event) = self.lines.recv_timeout(PATIENCE) else {
                let mut stderr = String::new();
                let _ = self
                    .child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut stderr);
                panic!("{what} did not come after {:#?}: {stderr}", self.seen);
            };
            let found = is_it(&event.1);
            self.seen.push(event);
            if found {
                return self;
            }
        }
    }

    /// Waits until a step begins.
    #[track_caller]
    pub(super) fn until_step(&mut self, step: &str) -> &mut Self {
        self.until(step, |event| {
            event["event"] == "started" && event["step"] == step
        })
    }

    /// Ctrl-C.
    pub(super) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Ends it as nothing can be caught.
    pub(super) fn kill(&self) {
        self.signal("KILL");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success(), "it runs");
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Ended {
        let mut stderr = String::new();
        let mut from = self.child.stderr.take().unwrap();
        // Little is written there: it is read once stdout is closed.
        while let Ok(event) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(event);
        }
        let _ = from.read_to_string(&mut stderr);
        let status = self.child.wait().unwrap();
        Ended {
            code: status.code(),
            events: std::mem::take(&mut self.seen),
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    pub(super) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The first event of a kind.
    #[track_caller]
    pub(super) fn event(&self, kind: &str) -> &Value {
        let mut events = self.events.iter().map(|(_, event)| event);
        let found = events.find(|event| event["event"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {self:#?}"))
    }

    /// All events of a kind.
    pub(super) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> + 'a {
        let events = self.events.iter().map(|(_, event)| event);
        events.filter(move |event| event["event"] == kind)
    }

    /// What a step ended with.
    #[track_caller]
    pub(super) fn done(&self, step: &str) -> &Value {
        let found = self.all("done").find(|event| event["step"] == step);
        found.unwrap_or_else(|| panic!("no {step} done in {self:#?}"))
    }

    /// When the first event of a kind came.
    pub(super) fn at(&self, kind: &str) -> f64 {
        let found = self.events.iter().find(|(_, event)| event["event"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {self:#?}")).0
    }

    /// Fails the test unless what was told about its end holds a text.
    #[track_caller]
    pub(super) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {self:#?}");
        self
    }
}
