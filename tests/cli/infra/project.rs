//! A project for one test, and a stand-in for Terraform that writes down how it was called.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use tokio::runtime::Runtime;

use crate::sandbox::{Finished, Sandbox, finish};
use crate::timed_tables::TimedTables;

/// Writes each call down as `arguments | workspace profile folder`, with the data folder where one
/// is set, and ends with the code in the file `code-of-COMMAND`. Where there is a file
/// `interruptible-COMMAND` it first waits for a signal and writes that down too.
const STAND_IN: &str = r#"#!/bin/sh
here=$(dirname "$0")
data=${TF_DATA_DIR:-.terraform}
echo "$* | ${TF_WORKSPACE-none} ${AWS_PROFILE-none} $(basename "$PWD")${TF_DATA_DIR+ ${data##*infra/aws/}}" >>"$here/calls"
if [ -e "$here/interruptible-$1" ]; then
    trap 'echo INT >>"$here/signals"' INT
    trap 'echo TERM >>"$here/signals"' TERM
    echo working
    while [ ! -e "$here/signals" ]; do sleep 0.05; done
    # Long enough for a second signal to be heard, if one comes.
    sleep 0.3
    echo finished
fi
case $1 in
version)
    cat "$here/version"
    exit ;;
init)
    mkdir -p "$data/modules" "$data/providers"
    echo '{}' >"$data/modules/modules.json"
    : >.terraform.lock.hcl
    echo initialised ;;
output)
    cat "$here/output"
    exit ;;
state)
    [ "$2" = push ] || { cat "$here/pulled" 2>/dev/null; exit 0; } ;;
esac
echo "$1 says something"
echo "$1 warns" >&2
exit "$(cat "$here/code-of-$1" 2>/dev/null || echo 0)"
"#;

pub(super) const PROJECT: &str = r#"
[env.dev]
platform = "aws"
profile = "dev-profile"
[env.prod]
platform = "aws"
protected = true
"#;

/// A folder with the project's own Terraform settings.
pub(crate) fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra");
    for name in [
        "aws/variables.tf",
        "aws/backend.tf",
        "aws/environments/dev.tfvars",
        "aws/environments/staging.tfvars",
        "aws/environments/prod.tfvars",
        "bootstrap/main.tf",
    ] {
        let content = std::fs::read_to_string(infra.join(name)).unwrap();
        sandbox.write(&format!("infra/{name}"), &content);
    }
    sandbox
}

/// A project, and the stand-in on its PATH.
pub(super) struct Project {
    pub(super) sandbox: Sandbox,
    /// What answers for who calls, once there is one.
    identity: Option<(Runtime, TimedTables)>,
}

impl Project {
    pub(super) fn new() -> Self {
        let sandbox = project();
        sandbox.write("t3nets.toml", PROJECT);
        sandbox.write("bin/terraform", STAND_IN);
        sandbox.write("bin/version", r#"{"terraform_version": "1.11.4"}"#);
        let program = sandbox.work().join("bin/terraform");
        std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).unwrap();
        Self {
            sandbox,
            identity: None,
        }
    }

    /// With credentials of account 123456789012.
    pub(super) fn signed_in(mut self) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(TimedTables::start());
        let profile =
            "region = us-east-1\naws_access_key_id = test\naws_secret_access_key = test\n";
        let url = server.url();
        let config = ["default", "profile dev-profile"]
            .map(|name| format!("[{name}]\nendpoint_url = {url}\n{profile}"));
        self.sandbox.write("../.aws/config", &config.concat());
        self.identity = Some((runtime, server));
        self
    }

    pub(super) fn bin(&self) -> PathBuf {
        self.sandbox.work().join("bin")
    }

    pub(super) fn has(self, name: &str, content: &str) -> Self {
        self.sandbox.write(name, content);
        self
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(&[&["infra"], arguments].concat());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.bin().display()));
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.sandbox.work().join(name)).unwrap_or_default()
    }

    /// The calls but those for the version, colours and where the project is left out.
    pub(super) fn calls(&self) -> Vec<String> {
        let work = format!("-backend-config={}/", self.sandbox.work().display());
        self.read("bin/calls")
            .lines()
            .filter(|call| !call.starts_with("version"))
            .map(|call| call.replace(" -no-color", ""))
            .map(|call| call.replace(&work, "-backend-config="))
            .collect()
    }

    pub(super) fn terminal(&self, arguments: &[&str]) -> PtySession {
        let mut command = self.command(arguments);
        command.env("TERM", "xterm");
        spawn_command(command, Some(20_000)).unwrap()
    }
}
