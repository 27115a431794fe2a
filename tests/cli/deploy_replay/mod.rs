//! `t3nets deploy` on what ECS does and nothing that stands in for it can be made to do: service
//! deployments, Spot, failing health checks, reads that lag. The answers are scripted in the shapes
//! that AWS documents ([`support::ecs_script`]), and go through the SDK, the watch, the verdict and
//! the command. Lock, history and registry are ministack's.
//!
//! A success takes at least the ten seconds that a task has to run, so the cases of a test run at
//! once.

mod ended;
mod failing;
mod going;
mod known;
mod logged;
mod scaled;
mod shown;
mod terminal;
mod told;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use support::ecs_script::{BEFORE, EcsScript, Look, Made, OURS, Scenario, TARGET_GROUP, Update};

use crate::deploy::Installed;
use crate::sandbox::{Finished, finish};

/// What an own rollback makes: the revision from before, as a third deployment.
const BACK: Made = Made::new(3, 7);

/// A run of `t3nets` against a scenario.
struct Played {
    finished: Finished,
    script: EcsScript,
    service: String,
    installed: Installed,
}

/// Installs an environment whose ECS is the script's.
fn set(name: &'static str, scenario: Scenario) -> Option<(Installed, EcsScript)> {
    let installed = Installed::new(name)?;
    installed.sandbox.write(
        "t3nets.toml",
        &format!(
            "[env.{name}]\nplatform = \"aws\"\nregion = \"us-east-1\"\ntarget_group = \"{TARGET_GROUP}\"\n"
        ),
    );
    let (cluster, service) = (
        format!("t3nets-{name}-cluster"),
        format!("t3nets-{name}-router"),
    );
    let script = EcsScript::start(&cluster, &service, scenario);
    let script = installed.runtime.block_on(script);
    Some((installed, script))
}

/// Runs a command in an environment of this name; `None` if the test should return.
fn played(name: &'static str, scenario: Scenario, arguments: &[&str]) -> Option<Played> {
    played_with(name, scenario, arguments, &[])
}

/// The same with these variables.
fn played_with(
    name: &'static str,
    scenario: Scenario,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Option<Played> {
    let (installed, script) = set(name, scenario)?;
    let mut command = installed.command(arguments);
    command
        .envs(script.variables())
        .envs(variables.iter().copied());
    Some(Played {
        finished: finish(&mut command),
        script,
        service: format!("t3nets-{name}-router"),
        installed,
    })
}

/// Runs a command against another scenario in an environment that is there already.
fn again(
    name: &str,
    installed: &Installed,
    scenario: Scenario,
    arguments: &[&str],
) -> (Finished, EcsScript) {
    let (cluster, service) = (
        format!("t3nets-{name}-cluster"),
        format!("t3nets-{name}-router"),
    );
    let script = EcsScript::start(&cluster, &service, scenario);
    let script = installed.runtime.block_on(script);
    let mut command = installed.command(arguments);
    (finish(command.envs(script.variables())), script)
}

/// To deploy the image in the registry.
const DEPLOY: [&str; 5] = ["deploy", "--image", "here", "--timeout", "120"];

/// Deploys the image in the registry.
fn deployed(name: &'static str, scenario: Scenario) -> Option<Played> {
    played(name, scenario, &DEPLOY)
}

impl Played {
    /// Fails the test unless it ended with this code and told the service to run these revisions,
    /// in this order.
    #[track_caller]
    fn ends(self, code: i32, revisions: &[u32]) -> Self {
        let made = |revision| Update {
            revision: format!("{}:{revision}", self.service),
            forced: false,
        };
        let expected: Vec<Update> = revisions.iter().map(made).collect();
        assert_eq!(self.finished.code, Some(code), "{:?}", self.finished);
        assert_eq!(self.script.updates(), expected, "{:?}", self.finished);
        self
    }

    /// Fails the test unless a text is in what the person reads.
    #[track_caller]
    fn says(self, text: &str) -> Self {
        let Finished { stdout, stderr, .. } = &self.finished;
        let is_said = stdout.contains(text) || stderr.contains(text);
        assert!(is_said, "{text:?} is not in {:?}", self.finished);
        self
    }

    /// Fails the test if a text is in what the person reads.
    #[track_caller]
    fn never_says(self, text: &str) -> Self {
        let Finished { stdout, stderr, .. } = &self.finished;
        let is_said = stdout.contains(text) || stderr.contains(text);
        assert!(!is_said, "{text:?} is in {:?}", self.finished);
        self
    }
}

/// Runs all cases at once, each in a thread of its name.
fn at_once(cases: &[(&str, fn())]) {
    std::thread::scope(|scope| {
        for (name, case) in cases {
            let thread = std::thread::Builder::new().name((*name).to_owned());
            thread.spawn_scoped(scope, case).unwrap();
        }
    });
}

/// Our first task is on its way, the earlier deployment's runs.
fn coming() -> Look {
    Look::at([OURS.going().counts(0, 1), BEFORE.completed().active()])
        .tasks([BEFORE.task('0'), OURS.task('a').pending()])
}

/// Ours alone, its task running.
fn up(letter: char) -> Look {
    Look::at([OURS.completed()]).tasks([OURS.task(letter)])
}

/// What an own rollback shows when it goes well.
fn going_back() -> [Look; 2] {
    [
        Look::at([BACK.going().counts(0, 1), OURS.going().active()])
            .tasks([BACK.task('r').pending()]),
        Look::at([BACK.completed()]).tasks([BACK.task('r')]),
    ]
}
