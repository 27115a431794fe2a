//! What the messages mean that AWS documents.

use super::*;

/// The list's messages, as AWS documents them, with made-up names.
const DOCUMENTED: [(&str, Option<(Cause, Cure)>); 36] = [
    ("service (s) has reached a steady state.", None),
    (
        "service (s) was unable to place a task because no container instance met all of its requirements.",
        Some((Cause::NoInstance, Cure::Waiting)),
    ),
    (
        "service (s) was unable to place a task because no container instance met all of its requirements. The closest matching container-instance 0a1b has insufficient CPU units available.",
        Some((Cause::NoInstance, Cure::Waiting)),
    ),
    (
        "service (s) was unable to place a task because no container instance met all of its requirements. The closest matching container-instance 0a1b encountered error \"AGENT\".",
        Some((Cause::NoAgent, Cure::Waiting)),
    ),
    (
        "service (s) (task 0a1b) (instance i-0) is unhealthy in (elb e) due to (reason Instance has failed at least the UnhealthyThreshold number of health checks consecutively.)",
        Some((Cause::TargetHealth, Cure::Waiting)),
    ),
    (
        "service (s) is unable to consistently start tasks successfully.",
        Some((Cause::NotStarted, Cure::Waiting)),
    ),
    (
        "service (s) operations are being throttled. Will try again later.",
        Some((Cause::Throttled, Cure::Waiting)),
    ),
    (
        "service (s) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
        Some((Cause::DeploymentConfiguration, Cure::Never)),
    ),
    (
        "service (s) was unable to place a task. Reason: You've reached the limit on the number of tasks you can run concurrently",
        Some((Cause::Quota, Cure::Waiting)),
    ),
    (
        "service (s) was unable to place a task. Reason: Internal error.",
        Some((Cause::NotPlaced, Cure::Waiting)),
    ),
    (
        "service (s) was unable to place a task. Reason: The requested CPU configuration is above your limit.",
        Some((Cause::AboveLimit, Cure::Never)),
    ),
    (
        "service (s) was unable to place a task. Reason: The requested MEMORY configuration is above your limit.",
        Some((Cause::AboveLimit, Cure::Never)),
    ),
    (
        "service (s) was unable to place a task. Reason: You\u{2019}ve reached the limit on the number of vCPUs you can run concurrently",
        Some((Cause::Quota, Cure::Waiting)),
    ),
    (
        "service (s) was unable to reach steady state because task set (t) was unable to scale in. Reason: The number of protected tasks are more than the desired count of tasks",
        Some((Cause::ProtectedTasks, Cure::Waiting)),
    ),
    (
        "service (s) was unable to reach steady state. Reason: No Container Instances were found in your capacity provider.",
        Some((Cause::NoInstance, Cure::Waiting)),
    ),
    (
        "service (s) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.",
        Some((Cause::NoCapacity, Cure::Waiting)),
    ),
    (
        "service (s) deployment failed: tasks failed to start.",
        None,
    ),
    (
        "service (s) Timed out waiting for Amazon ECS Agent to start. Please check logs at /var/log/ecs/ecs-agent.log\".",
        Some((Cause::NoAgent, Cure::Waiting)),
    ),
    (
        "service (s) task set (t) (task 0a1b) is not healthy in target-group (arn:aws:x) due to TARGET GROUP IS NOT FOUND.",
        Some((Cause::TargetGroupGone, Cure::Never)),
    ),
    (
        "service (s) task set (t) (task 0a1b) is not healthy in target-group (arn:aws:x) due to TARGET IS NOT FOUND.",
        Some((Cause::TargetHealth, Cure::Waiting)),
    ),
    (
        "IAM permissions policies have been misconfigured or changed, and ECS can no longer maintain your service",
        Some((Cause::Role, Cure::Never)),
    ),
    (
        "IAM trust relationship has been misconfigured or changed, and ECS can no longer maintain your service",
        Some((Cause::Role, Cure::Never)),
    ),
    (
        "service (s) could not launch 2 tasks for deployment ecs-svc/1.",
        Some((Cause::NoCapacity, Cure::Waiting)),
    ),
    (
        "service (s) was unable to place tasks in your cluster because the tasks provisioning capacity limit was exceeded.",
        Some((Cause::Throttled, Cure::Waiting)),
    ),
    // Of the pages about health and about rebalancing.
    (
        "(service s) (task 0a1b) (port 8080) is unhealthy in (target-group arn:aws:x) due to (reason Health checks failed)",
        Some((Cause::TargetHealth, Cure::Waiting)),
    ),
    (
        "(service s, taskSet t) (task 0a1b) (instance i-0) (port 80) is unhealthy in (target-group g) due to (reason Request timed out)",
        Some((Cause::TargetHealth, Cure::Waiting)),
    ),
    (
        "service (s) is not AZ balanced with 2 tasks in us-east-1a, 0 in us-east-1b. AZ Rebalancing in progress.",
        None,
    ),
    (
        "service (s) is AZ balanced with 1 tasks in us-east-1a, 1 tasks in us-east-1b.",
        None,
    ),
    (
        "s has started 1 tasks in us-east-1b to AZ Rebalance: 0a1b.",
        None,
    ),
    (
        "s has stopped 1 running tasks in us-east-1a due to AZ rebalancing: 0a1b.",
        None,
    ),
    (
        "service (s) is unable to place a task in us-east-1b because no container instance met all of its requirements.",
        Some((Cause::NoInstance, Cure::Waiting)),
    ),
    // What ECS says besides.
    ("(service s) has started 1 tasks: (task 0a1b).", None),
    (
        "(service s) registered 1 targets in (target-group arn:aws:x)",
        None,
    ),
    (
        "(service s) deregistered 1 targets in (target-group arn:aws:x)",
        None,
    ),
    (
        "(service s) has begun draining connections on 1 tasks.",
        None,
    ),
    (
        "(service s) (deployment ecs-svc/1) deployment completed.",
        None,
    ),
];

#[test]
fn every_message_that_aws_documents_has_its_meaning_and_what_does_not_pass_is_known() {
    for (message, expected) in DOCUMENTED {
        let expected = match expected {
            None => Meaning::News,
            Some((cause, cure)) => Meaning::Trouble { cause, cure },
        };
        assert_eq!(meaning(message), expected, "{message}");
    }
}

#[test]
fn a_task_that_cannot_begin_is_told_by_the_error_that_is_quoted() {
    let trouble = |message| match meaning(message) {
        Meaning::Trouble { cause, cure } => (cause, cure),
        other => panic!("{other:?}"),
    };
    let role = "(service s) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.).";
    assert_eq!(trouble(role), (Cause::Role, Cure::Never));
    let odd = "(service s) failed to launch a task with (error InvalidParameterException: something odd).";
    assert_eq!(trouble(odd), (Cause::NotLaunched, Cure::Once));
    let targets = "(service s) failed to register targets in (target-group arn:aws:x) with (error InvalidTarget: it is odd)";
    assert_eq!(trouble(targets), (Cause::NotLaunched, Cure::Once));
}

#[test]
fn every_trouble_that_may_pass_or_never_does_has_a_remedy_and_what_is_not_known_is_no_trouble() {
    for (words, known) in &KNOWN {
        if let Trouble(cause, _) = known
            && *cause != Cause::NotStarted
        {
            assert!(cause.remedy().is_some(), "{words:?}");
        }
    }
    assert_eq!(meaning("(service s) does something new"), Meaning::Unknown);
}
