//! The built router as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

/// A running `t3nets-router serve`. Dropping it kills it.
pub struct RouterProcess {
    process: Child,
    /// Where it answers.
    pub url: String,
    /// Where its metrics are read, if they are.
    pub metrics_url: Option<String>,
    /// What it logged since it began to serve, complete once `log` has ended.
    kept: Arc<Mutex<String>>,
    log: Option<JoinHandle<()>>,
}

impl RouterProcess {
    /// Starts the binary on a free port, with what a test set, and waits until it says that it
    /// serves.
    pub fn start(binary: &mut Command) -> Self {
        let mut process = binary
            .arg("serve")
            .env("PORT", "0")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the router starts");
        let mut log = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let serving = log
            .by_ref()
            .map(|line| line.expect("the log can be read"))
            .map(|line| serde_json::from_str::<Value>(&line).expect("a line of JSON"))
            .find(|line| line["message"] == "serving")
            .expect("the router serves");
        let url_of = |field: &str| {
            let address = serving[field].as_str()?;
            Some(format!(
                "http://{}",
                address.replace("0.0.0.0", "127.0.0.1")
            ))
        };
        let kept = Arc::new(Mutex::new(String::new()));
        // Read to its end, so that the router never waits for somebody to read.
        let log = std::thread::spawn({
            let kept = kept.clone();
            move || {
                for line in log.map_while(Result::ok) {
                    kept.lock().expect("no reader panics").extend([&line, "\n"]);
                }
            }
        });
        Self {
            process,
            url: url_of("address").expect("an address"),
            metrics_url: url_of("metrics_address"),
            kept,
            log: Some(log),
        }
    }

    /// Ends it as nobody would wish.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.wait();
    }

    /// Asks it to end, as an orchestrator does.
    pub fn ask_to_end(&self) {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("there is `kill`").success());
    }

    /// What it ended with, once it has.
    pub fn wait(&mut self) -> Option<i32> {
        self.process.wait().expect("it can be waited for").code()
    }

    /// What it logged; ends it first.
    pub fn into_log(mut self) -> String {
        self.kill();
        if let Some(log) = self.log.take() {
            log.join().expect("the log is read to its end");
        }
        self.kept.lock().expect("no reader panics").clone()
    }
}

impl Drop for RouterProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
