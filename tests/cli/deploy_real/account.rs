//! An account with the resources of `infra/aws`, and a checkout of the source to deploy from.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::aws::{AwsServer, root};
use support::{missing, skip_without};

use super::faults::Faults;
use super::policies::Policies;
use super::run::Running;
use crate::sandbox::{Finished, Sandbox, finish};

/// The Dockerfile's base with an authority more, which `tests/images/make` makes.
const BASE: &str = "t3nets-test-rust:authority";

const CLUSTER: &str = "t3nets-dev-cluster";
const SERVICE: &str = "t3nets-dev-router";

/// An account, its operator and a checkout.
pub(super) struct Account {
    pub(super) server: AwsServer,
    pub(super) sandbox: Sandbox,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) config: aws_config::SdkConfig,
    /// Where the operator's calls to AWS go.
    pub(super) endpoint: String,
    faults: Option<Faults>,
    policies: Option<Policies>,
    outputs: Value,
    /// Where callers reach the API.
    pub(super) api: String,
}

/// `true` if the test should return because there is no engine with the base image, or no
/// Terraform.
fn skip() -> bool {
    if ["docker", "python3", "git", "terraform"]
        .into_iter()
        .any(skip_without)
    {
        return true;
    }
    let mut asked = Command::new("docker");
    asked.args(["image", "inspect", BASE]);
    let asked = asked.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !asked.is_ok_and(|status| status.success()) {
        missing("Docker's engine and the images of tests/images/make");
        return true;
    }
    false
}

impl Account {
    /// Makes one; `None` if the test should return. `model` is where Bedrock's answers come from,
    /// if not made up.
    pub(super) fn new(model: Option<&str>) -> Option<Self> {
        if skip() {
            return None;
        }
        let model = model.map(|url| ("MINISTACK_BEDROCK_PROXY_URL", url));
        let server = AwsServer::start_with("ministack", &[], model.as_slice())?;
        let sandbox = Sandbox::new();
        std::fs::create_dir_all(sandbox.home()).unwrap();
        check_out(&sandbox.work());
        let state = sandbox.work().join("infra/aws/terraform.tfstate");
        let kept =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("applied-{}", std::process::id()));
        let made = Command::new(root().join("tests/aws/account"))
            .args([server.url(), "--environment", "dev", "--state-file"])
            .arg(&state)
            .arg("--applied")
            .arg(kept)
            .output()
            .expect("the script can be run");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let outputs: Value = serde_json::from_slice(&made.stdout).expect("it shows the outputs");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = runtime.block_on(server.sdk_config());
        Some(Self {
            endpoint: server.url().to_owned(),
            faults: None,
            policies: None,
            api: outputs["api_endpoint"].as_str().unwrap().to_owned(),
            outputs,
            server,
            sandbox,
            runtime,
            config,
        })
    }

    /// An account whose service runs the router that is built here.
    pub(super) fn serving() -> Option<Self> {
        let account = Self::new(None)?;
        account.deploy_folder("").end().expect_code(0);
        Some(account)
    }

    /// Tries this on an account that serves, and at once on another where the operator's calls meet
    /// faults: both mostly wait.
    pub(super) fn calm_and_with_faults(tried: impl Fn(&Self) + Sync) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(account) = Self::serving() {
                    tried(&account);
                }
            });
            if let Some(account) = Self::serving().and_then(Self::with_faults) {
                tried(&account);
                account.met_faults();
            }
        });
    }

    /// From now on a third of the operator's calls to ECS, ECR and CloudWatch Logs meet a fault.
    pub(super) fn with_faults(mut self) -> Option<Self> {
        let faults = Faults::start(self.server.url(), &self.sandbox.home())?;
        faults.url().clone_into(&mut self.endpoint);
        self.faults = Some(faults);
        Some(self)
    }

    /// From now on each command has the permissions of the policy that it is for, and no others.
    pub(super) fn with_policies(mut self) -> Self {
        let written = &self.outputs["access_policies"];
        self.policies = Some(Policies::start(written, self.server.url(), &self.runtime));
        self
    }

    /// Fails the test if a command lacked a permission, or if one was without use.
    #[track_caller]
    pub(super) fn policies_fit(&mut self) {
        self.policies
            .take()
            .expect("an account with policies")
            .fit();
    }

    /// Fails the test unless calls met some. Only ECS is called often enough to be sure of it.
    #[track_caller]
    pub(super) fn met_faults(&self) {
        let faults = self.faults.as_ref().expect("an account with faults");
        let [ecs, ecr, logs] = ["ecs", "ecr", "logs"].map(|service| faults.fired(service));
        support::tell(&format!(
            "calls that met a fault: {ecs} to ECS, {ecr} to ECR, {logs} to CloudWatch Logs"
        ));
        assert!(ecs > 0, "no call to ECS met a fault");
    }

    /// `t3nets` with these arguments, on the account, in a folder of the checkout.
    pub(super) fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = self
            .sandbox
            .command(&[arguments, &["--env", "dev"]].concat());
        let policies = self.policies.as_ref();
        let endpoint =
            policies.map_or_else(|| self.endpoint.clone(), |some| some.url_of(arguments));
        command
            .envs(self.server.variables())
            .env("AWS_ENDPOINT_URL", endpoint)
            .current_dir(self.sandbox.work().join(folder));
        if let Some(policies) = &self.policies {
            // The registry's too, which are told apart by their path.
            command.env("AWS_ENDPOINT_URL_ECR", policies.url_of(arguments));
        }
        command
    }

    /// Runs `t3nets` to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command("", arguments))
    }

    /// Runs `t3nets` to success, with variables.
    #[track_caller]
    pub(super) fn operate(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
        let mut command = self.command("", arguments);
        finish(command.envs(variables.iter().copied())).expect_code(0)
    }

    /// `t3nets deploy` of what the Dockerfile in a folder of the checkout makes.
    pub(super) fn build_command(&self, folder: &str, more: &[&str]) -> Command {
        let base = format!("RUST_IMAGE={BASE}");
        let deploy = ["deploy", "--build-network", "host", "--build-arg", &base];
        self.command(folder, &[&deploy[..], more].concat())
    }

    /// The same, told as JSON.
    pub(super) fn deploy_command(&self, folder: &str, more: &[&str]) -> Command {
        self.build_command(folder, &[&["--json"], more].concat())
    }

    /// Begins to deploy it.
    pub(super) fn deploy_folder(&self, folder: &str) -> Running {
        Running::start(&mut self.deploy_command(folder, &[]))
    }

    /// Begins to deploy the program that misbehaves like this.
    pub(super) fn deploy_misbehaving(&self, how: &[&str]) -> Running {
        self.write_misbehaving(how);
        self.deploy_folder("misbehaving")
    }

    /// Writes what makes an image of the program that misbehaves like this.
    pub(super) fn write_misbehaving(&self, how: &[&str]) {
        let entry = serde_json::to_string(&[&["/misbehaving"], how].concat()).unwrap();
        self.sandbox
            .write("misbehaving/misbehaving.rs", include_str!("misbehaving.rs"));
        self.sandbox.write(
            "misbehaving/Dockerfile",
            &format!(
                "ARG RUST_IMAGE\nFROM ${{RUST_IMAGE}} AS build\nCOPY misbehaving.rs /\nRUN rustc --edition 2024 -C target-feature=+crt-static --target x86_64-unknown-linux-gnu -o /misbehaving /misbehaving.rs\nFROM scratch\nCOPY --from=build /misbehaving /\nENTRYPOINT {entry}\n"
            ),
        );
    }

    /// What the API says of itself, if it answers.
    pub(super) fn health(&self) -> Option<Value> {
        let answer = Command::new("curl")
            .args(["--silent", "--fail", "--max-time", "5"])
            .arg(format!("{}/api/health", self.api))
            .output()
            .expect("curl can be run");
        serde_json::from_slice(&answer.stdout).ok()
    }

    /// The release that answers from outside.
    pub(super) fn release(&self) -> Option<String> {
        self.health()?["release"].as_str().map(str::to_owned)
    }

    /// Fails the test unless this release answers in the end: a target group lets go of what was
    /// there before.
    #[track_caller]
    pub(super) fn serves(&self, release: &str) {
        support::until(release, Duration::from_secs(30), || {
            self.release().filter(|found| found == release)
        });
    }

    /// The revision that the service is told to run, by its ARN.
    pub(super) fn revision(&self) -> String {
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        let asked = ecs
            .describe_services()
            .cluster(CLUSTER)
            .services(SERVICE)
            .send();
        let answer = self.runtime.block_on(asked).unwrap();
        answer.services()[0].task_definition().unwrap().to_owned()
    }

    /// The image of that revision.
    pub(super) fn image(&self) -> String {
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        let asked = ecs
            .describe_task_definition()
            .task_definition(self.revision())
            .send();
        let answer = self.runtime.block_on(asked).unwrap();
        let containers = answer
            .task_definition
            .unwrap()
            .container_definitions
            .unwrap();
        containers[0].image().unwrap().to_owned()
    }

    /// Tells the service to run a revision, as another tool than `t3nets` would.
    pub(super) fn update(&self, revision: &str) {
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        let update = ecs.update_service().cluster(CLUSTER).service(SERVICE);
        self.runtime
            .block_on(update.task_definition(revision).send())
            .unwrap();
    }

    /// The stand-in's port, which no other account has.
    pub(super) fn port(&self) -> &str {
        self.server.url().rsplit(':').next().unwrap()
    }

    /// The images of the containers that the service's tasks run in.
    pub(super) fn containers(&self) -> Vec<String> {
        let port = self.port();
        let shown = Command::new("docker")
            .args([
                "ps",
                "--filter",
                "label=ministack=ecs",
                "--format",
                "{{.ID}} {{.Label \"ministack.instance\"}}",
            ])
            .output();
        let shown = String::from_utf8(shown.expect("docker can be run").stdout).unwrap();
        let own = shown.lines().filter_map(|line| line.split_once(' '));
        own.filter(|(_, instance)| instance.ends_with(&format!(":{port}")))
            .map(|(id, _)| {
                let image = Command::new("docker")
                    .args(["inspect", "--format", "{{.Image}}", id])
                    .output();
                String::from_utf8(image.unwrap().stdout)
                    .unwrap()
                    .trim()
                    .to_owned()
            })
            .collect()
    }

    /// When tasks of a revision stopped, in order: what ECS knew and when.
    pub(super) fn stops(&self, revision: &str) -> Vec<f64> {
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        self.runtime.block_on(async {
            let listed = ecs
                .list_tasks()
                .cluster(CLUSTER)
                .desired_status(aws_sdk_ecs::types::DesiredStatus::Stopped);
            let listed = listed.send().await.unwrap().task_arns.unwrap_or_default();
            if listed.is_empty() {
                return Vec::new();
            }
            let tasks = ecs
                .describe_tasks()
                .cluster(CLUSTER)
                .set_tasks(Some(listed))
                .send()
                .await
                .unwrap();
            let mut stops: Vec<f64> = tasks
                .tasks()
                .iter()
                .filter(|task| {
                    task.task_definition_arn()
                        .is_some_and(|arn| arn.ends_with(revision))
                })
                .filter_map(|task| Some(task.stopped_at()?.as_secs_f64()))
                .collect();
            stops.sort_by(f64::total_cmp);
            stops
        })
    }
}

/// The source as git has it here, changes to its files that are not committed included, as a
/// repository of one commit. Its time is fixed, and what neither image nor infrastructure is made
/// of stays out: it is another commit, which compiles anew, only when it has to be.
fn check_out(folder: &Path) {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--"])
        .args(["Dockerfile", ".dockerignore", "*Cargo.toml", "Cargo.lock"])
        .args(["router", "infra"])
        .current_dir(root())
        .output()
        .expect("git can be run");
    assert!(listed.status.success(), "the tests run in a checkout");
    for name in String::from_utf8(listed.stdout)
        .unwrap()
        .split_terminator('\0')
    {
        let (from, to) = (root().join(name), folder.join(name));
        // A file may be deleted and not yet committed as that.
        if from.is_file() {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from, to).unwrap();
        }
    }
    leave_unoptimised(&folder.join("Cargo.toml"));
    git(folder, &["init", "--quiet"]);
    commit(folder);
}

/// Has the image's program compiled in half the time: how quick it is, is not tried here.
fn leave_unoptimised(manifest: &Path) {
    let text = std::fs::read_to_string(manifest).unwrap();
    let own = "[profile.release]\nopt-level = 1\n";
    assert!(
        text.contains(own),
        "the profile that the Dockerfile builds with"
    );
    let unoptimised = text.replacen(own, "[profile.release]\nopt-level = 0\n", 1);
    std::fs::write(manifest, unoptimised).unwrap();
}

/// Commits what is in a checkout.
pub(super) fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(
        folder,
        &["commit", "--quiet", "--message", "A state of the source"],
    );
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.com",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
        .current_dir(folder)
        .status();
    assert!(done.expect("git can be run").success(), "git {arguments:?}");
}

/// Where containers reach this machine: the bridge's own address. An engine that has just made its
/// bridge names no gateway until it is restarted; it takes the first address of the subnet.
pub(super) fn bridge() -> IpAddr {
    let format = "{{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}";
    let asked = Command::new("docker")
        .args(["network", "inspect", "bridge", "--format", format])
        .output();
    let answer = String::from_utf8(asked.expect("docker can be run").stdout).unwrap();
    let (gateway, subnet) = answer.trim_end().split_once(' ').unwrap_or_default();
    if !gateway.is_empty() {
        return gateway.parse().expect("the bridge has an address");
    }
    let network = subnet.split('/').next().unwrap_or_default();
    let network: Ipv4Addr = network.parse().expect("the bridge has a subnet");
    Ipv4Addr::from_bits(network.to_bits() | 1).into()
}

/// The certificate of `host.docker.internal` and its key, whose authority the base image trusts, in
/// a folder.
pub(super) fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let script = "cat /authority/certificate.pem; echo; cat /authority/key.pem";
    let shown = Command::new("docker")
        .args(["run", "--rm", BASE, "sh", "-c", script])
        .output();
    let shown = shown.expect("docker can be run").stdout;
    // Each reader finds its own kind in it.
    let both = folder.join("server.pem");
    std::fs::write(&both, shown).unwrap();
    (both.clone(), both)
}
