//! Why a task could not start, from ECS's words.

use super::super::super::stop_reason::why_not_started;
use super::*;

#[test]
fn ecs_words_are_told_apart_and_what_is_missing_stays_missing() {
    for (reason, cause, is_curable) in [
        (
            "CannotPullContainerError: Error response from daemon: manifest for 1.dkr.ecr.us-east-1.amazonaws.com/r:x not found: manifest unknown",
            Cause::ImageNotPulled,
            false,
        ),
        (
            "CannotPullContainerError: pull access denied for r, repository does not exist or may require 'docker login': denied",
            Cause::ImageNotPulled,
            false,
        ),
        (
            "CannotPullContainerError: Error response from daemon: Get https://1.dkr.ecr.us-east-1.amazonaws.com/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            Cause::ImageNotPulled,
            true,
        ),
        (
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://…: 403 Forbidden",
            Cause::Role,
            false,
        ),
        (
            "CannotPullContainerError: toomanyrequests: You have reached your pull rate limit",
            Cause::ImageNotPulled,
            true,
        ),
        (
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
            Cause::WrongArchitecture,
            false,
        ),
        (
            "CannotPullContainerError: no matching manifest for linux/arm64/v8 in the manifest list entries",
            Cause::WrongArchitecture,
            false,
        ),
        (
            "CannotStartContainerError: Error response from daemon: OCI runtime create failed: exec format error",
            Cause::WrongArchitecture,
            false,
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:1:secret:x: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            Cause::Secret,
            false,
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: AccessDeniedException: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: secretsmanager:GetSecretValue",
            Cause::Role,
            false,
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: RequestError: send request failed caused by: Post \"https://api.ecr.us-east-1.amazonaws.com/\": dial tcp 1.2.3.4:443: i/o timeout",
            Cause::ImageNotPulled,
            true,
        ),
        (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.",
            Cause::Log,
            false,
        ),
        (
            "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.",
            Cause::Role,
            false,
        ),
        (
            "CannotStartContainerError: exec: \"/usr/local/bin/router\": stat /usr/local/bin/router: no such file or directory: unknown",
            Cause::NotStarted,
            false,
        ),
        (
            "Timeout waiting for network interface provisioning to complete.",
            Cause::NotStarted,
            true,
        ),
    ] {
        assert_eq!(
            why_not_started(&reason.to_lowercase()),
            (cause, is_curable),
            "{reason}"
        );
    }
}

#[test]
fn the_container_that_ended_by_itself_is_the_guilty_one() {
    let mut task = crashed("a", 143);
    task.containers.push(Container {
        name: "collector".to_owned(),
        exit_code: Some(2),
        ..Container::default()
    });
    let other = Task {
        id: "b".to_owned(),
        ..task.clone()
    };
    let failure = failure(rollout().observe(&at(1, going(), vec![task, other])));
    assert_eq!(
        failure.cause,
        Cause::Exited {
            container: "collector".to_owned(),
            exit_code: Some(2)
        }
    );
}

#[test]
fn running_out_of_memory_is_told_from_a_crash() {
    let killed = |id| {
        let mut task = crashed(id, 137);
        task.containers[0].reason =
            "OutOfMemoryError: Container killed due to memory usage".to_owned();
        task
    };
    let failure = failure(rollout().observe(&at(1, going(), vec![killed("a"), killed("b")])));
    assert_eq!(failure.cause, Cause::OutOfMemory);
    assert_eq!(
        failure.reason,
        "Essential container in task exited: OutOfMemoryError: Container killed due to memory usage"
    );
}

#[test]
fn names_in_a_message_do_not_decide() {
    // Of an image and a secret that happen to be called after other causes.
    let reason = "CannotPullContainerError: failed to resolve ref 1.dkr.ecr.us-east-1.amazonaws.com/hotspot-agent-maintenance@sha256:0: not found";
    let failure = failure(rollout().observe(&at(1, going(), vec![not_started("a", reason)])));
    assert_eq!(failure.cause, Cause::ImageNotPulled);
}

#[test]
fn a_stop_without_a_code_is_judged_by_what_else_is_known() {
    let bare = |id| Task {
        stop_code: None,
        stopped_reason: String::new(),
        ..crashed(id, 9)
    };
    failure(rollout().observe(&at(1, going(), vec![bare("a"), bare("b")])));
    let silent = |id| stopped(id, "", "");
    assert_goes_on(&rollout().observe(&at(1, going(), vec![silent("a"), silent("b")])));
}
