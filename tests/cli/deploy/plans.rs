//! What a plan compares.

use std::process::Command;

use super::Installed;

#[test]
fn a_plan_knows_of_another_argument_and_of_a_file_that_git_ignores() {
    let docker = Command::new("docker").arg("version").output();
    if !docker.is_ok_and(|output| output.status.success()) {
        support::missing("a Docker engine");
        return;
    }
    if support::skip_without("git") {
        return;
    }
    let Some(installed) = Installed::new("planned") else {
        return;
    };
    let dockerfile = "FROM scratch\nARG NAME\nCOPY generated /\nLABEL name=$NAME\n";
    installed.sandbox.write("Dockerfile", dockerfile);
    installed.sandbox.write(".dockerignore", "*\n!generated\n");
    installed.sandbox.write(".gitignore", "generated\n");
    installed.sandbox.write("generated", "one");
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "t"]] {
        let mut git = Command::new("git");
        git.args(identity)
            .args(arguments)
            .current_dir(installed.sandbox.work());
        assert!(git.status().unwrap().success());
    }
    let deploy = ["deploy", "--build-arg", "NAME=one"];
    installed.run(&deploy).expect_code(0);
    let plan = |argument: &str| {
        let run = ["deploy", "--plan", "--exit-code", "--build-arg", argument];
        installed.run(&run)
    };
    let same = plan("NAME=one").expect_code(0);
    assert!(same.stdout.contains("nothing would change"), "{same:?}");
    plan("NAME=two").expect_code(8);
    installed.sandbox.write("generated", "two");
    plan("NAME=one").expect_code(8);
    // What is deployed with changes that no commit has is the same all the same.
    installed
        .sandbox
        .write("Dockerfile", &format!("{dockerfile}LABEL more=1\n"));
    installed.run(&deploy).expect_code(0);
    plan("NAME=one").expect_code(0);
}
