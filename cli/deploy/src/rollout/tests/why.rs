//! Why a task could not start, from ECS's words.

use super::super::super::stop_reason::{TaskContainers, in_small_letters, why_not_started};
use super::*;
use crate::task_definition::{Tags, TaskDefinition};

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
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task can\u{2019}t retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:1:secret:x' from AWS Secrets Manager. Check whether the secret exists in the specified Region. ResourceNotFoundException: Secrets Manager can\u{2019}t find the specified secret.",
            Cause::Secret,
            false,
        ),
        (
            "ResourceInitializationError: The task can't pull secrets from AWS Secrets Manager. There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration.",
            Cause::Secret,
            true,
        ),
        (
            "ResourceInitializationError: The task can't download the environment variable files from Amazon S3. There is a connection issue between the task and Amazon S3.",
            Cause::Secret,
            true,
        ),
        (
            "ResourceInitializationError: The task can't find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration.",
            Cause::Log,
            true,
        ),
        (
            "CannotPullContainerError: The task can\u{2019}t pull the image. Check that the role has the permissions to pull images from the registry.",
            Cause::Role,
            false,
        ),
        (
            "CannotPullContainerError: The task can\u{2019}t pull the image. Check your network configuration",
            Cause::ImageNotPulled,
            true,
        ),
        (
            "CannotPullContainerError: context canceled",
            Cause::ImageNotPulled,
            true,
        ),
        (
            "The selected task definition is not compatible with the selected compute strategy",
            Cause::NotStarted,
            false,
        ),
        (
            "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment enabled in subnet 'subnet-0': InsufficientFreeAddressesInSubnet",
            Cause::NotStarted,
            true,
        ),
        (
            "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m: odd",
            Cause::NotStarted,
            true,
        ),
        (
            "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: Connection reset by peer'",
            Cause::NotStarted,
            true,
        ),
        ("CannotCreateVolumeError: odd", Cause::NotStarted, true),
    ] {
        assert_eq!(
            why_not_started(&in_small_letters(reason)),
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

#[test]
fn a_container_that_may_end_is_not_why_a_task_does() {
    let definition = TaskDefinition {
        definition: serde_json::json!({"containerDefinitions": [
            {"name": "router"},
            {"name": "collector", "essential": true},
            {"name": "init", "essential": false},
        ]}),
        tags: Tags::new(),
    };
    let containers = TaskContainers::of(&definition, "router");
    let with = |ends: [(&str, Option<i32>, &str); 3]| {
        let mut task = crashed("a", 0);
        let ends = ends.into_iter();
        task.containers = ends
            .map(|(name, exit_code, reason)| Container {
                name: name.to_owned(),
                exit_code,
                reason: reason.to_owned(),
            })
            .collect();
        containers.failure(&task).unwrap()
    };
    let ended = |container: &str, code| Cause::Exited {
        container: container.to_owned(),
        exit_code: Some(code),
    };
    let failure = with([
        ("init", Some(1), ""),
        ("router", Some(0), ""),
        ("collector", Some(143), ""),
    ]);
    assert_eq!(failure.cause, ended("router", 0));
    assert_eq!(told_by(&failure), Some("router"));
    let failure = with([
        ("router", Some(143), ""),
        ("collector", Some(3), ""),
        ("init", Some(0), ""),
    ]);
    assert_eq!(failure.cause, ended("collector", 3));
    assert_eq!(told_by(&failure), Some("collector"));
    let memory = "OutOfMemoryError: Container killed due to memory usage";
    let failure = with([
        ("init", Some(137), memory),
        ("router", Some(7), ""),
        ("collector", Some(143), ""),
    ]);
    assert_eq!(failure.cause, ended("router", 7));
    let failure = with([
        ("router", Some(143), ""),
        ("collector", Some(137), memory),
        ("init", Some(0), ""),
    ]);
    assert_eq!(failure.cause, Cause::OutOfMemory);
    assert_eq!(told_by(&failure), Some("collector"));
}

#[test]
fn a_health_check_that_fails_is_told_by_the_routers_log_whatever_ended_first() {
    let mut task = stopped(
        "a",
        "ServiceSchedulerInitiated",
        "Task failed ELB health checks in (target-group g)",
    );
    task.containers.push(Container {
        name: "collector".to_owned(),
        exit_code: Some(2),
        ..Container::default()
    });
    let failure = TaskContainers::from("router").failure(&task).unwrap();
    assert_eq!(failure.cause, Cause::TargetHealth);
    assert_eq!(told_by(&failure), Some("router"));
}

fn told_by(failure: &Failure) -> Option<&str> {
    failure.log.as_ref().map(|log| log.container.as_str())
}
