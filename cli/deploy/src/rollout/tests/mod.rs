//! Rollouts as ECS shows them, played to the verdict second by second.

mod ended;
mod going;
mod replaced;
mod why;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::{
    Assessment, Cause, Container, Deployment, EcsRollback, Failure, Observation, OwnDeployment,
    Progress, Service, ServiceDeployment, ServiceEvent, Target, Task, Unsuccessful, Up,
};
use super::Rollout;
use crate::ecs::states::{DeploymentStatus, HealthStatus, StopCode, TaskStatus};
use crate::task_definition::RevisionArn;

const OURS: &str = "ecs-svc/2000000000000000002";
const OLD: &str = "ecs-svc/1000000000000000001";
const LATER: &str = "ecs-svc/3000000000000000003";

/// ECS's clock, in seconds since our deployment was made.
fn clock(seconds: i64) -> Option<Timestamp> {
    let made: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    Some(made + SignedDuration::from_secs(seconds))
}

fn arn(number: u32) -> RevisionArn {
    let family = "arn:aws:ecs:us-east-1:123456789012:task-definition/t3nets-dev-router";
    format!("{family}:{number}").into()
}

fn rollout() -> Rollout {
    let watched = OwnDeployment {
        id: OURS.to_owned(),
        task_definition: arn(5),
        created_at: clock(0),
    };
    Rollout::new(watched, "router", Duration::from_secs(900))
}

/// A deployment: its place, its state, and how many of how many tasks run.
fn deployment(id: &str, status: &str, state: &str, running: i32, desired: i32) -> Deployment {
    let (number, made) = match id {
        OURS => (5, 0),
        OLD => (4, -3600),
        _ => (6, 40),
    };
    Deployment {
        id: id.to_owned(),
        status: status.into(),
        task_definition: arn(number),
        rollout_state: Some(state.into()),
        desired,
        running,
        created_at: clock(made),
        ..Deployment::default()
    }
}

fn service(deployments: Vec<Deployment>) -> Service {
    let mut all = deployments.iter();
    let primary = all.find(|one| one.status == DeploymentStatus::Primary);
    Service {
        status: "ACTIVE".into(),
        desired: primary.map_or(1, |one| one.desired),
        deployments,
        rolls_back: true,
        ..Service::default()
    }
}

fn event(seconds: i64, message: &str) -> ServiceEvent {
    ServiceEvent {
        id: format!("{seconds}-{message}"),
        at: clock(seconds),
        message: message.to_owned(),
    }
}

/// The rollout while ours is not complete and the old one still runs.
fn going() -> Service {
    service(vec![
        deployment(OURS, "PRIMARY", "IN_PROGRESS", 0, 1),
        deployment(OLD, "ACTIVE", "COMPLETED", 1, 1),
    ])
}

fn done() -> Service {
    service(vec![deployment(OURS, "PRIMARY", "COMPLETED", 1, 1)])
}

fn at(seconds: u64, service: Service, tasks: Vec<Task>) -> Observation {
    Observation {
        at: Duration::from_secs(seconds),
        service: Some(service),
        tasks,
        ..Observation::default()
    }
}

fn task(id: &str, status: &str) -> Task {
    Task {
        id: id.to_owned(),
        last_status: status.into(),
        desired_status: TaskStatus::Running,
        health: Some(HealthStatus::Unknown),
        containers: vec![Container {
            name: "router".to_owned(),
            ..Container::default()
        }],
        ..Task::default()
    }
}

fn stopped(id: &str, code: &str, reason: &str) -> Task {
    Task {
        last_status: TaskStatus::Stopped,
        desired_status: TaskStatus::Stopped,
        stop_code: (!code.is_empty()).then(|| code.into()),
        stopped_reason: reason.to_owned(),
        ..task(id, "STOPPED")
    }
}

fn crashed(id: &str, exit_code: i32) -> Task {
    let mut task = stopped(
        id,
        "EssentialContainerExited",
        "Essential container in task exited",
    );
    task.containers[0].exit_code = Some(exit_code);
    task
}

fn not_started(id: &str, reason: &str) -> Task {
    stopped(id, "TaskFailedToStart", reason)
}

/// Plays what was seen and returns what the last of it means. Nothing before it may be final.
#[track_caller]
fn play(rollout: &mut Rollout, seen: &[Observation]) -> Assessment {
    let (last, before) = seen.split_last().unwrap();
    for observation in before {
        let assessment = rollout.observe(observation);
        assert!(
            !is_final(&assessment),
            "{:?}: {assessment:?}",
            observation.at
        );
    }
    rollout.observe(last)
}

fn is_final(assessment: &Assessment) -> bool {
    matches!(assessment, Assessment::Final(_))
}

/// A success with so many tasks.
fn up(tasks: i32) -> Assessment {
    Assessment::Final(Ok(Up::Running { tasks }))
}

#[track_caller]
fn unsuccessful(assessment: Assessment) -> Unsuccessful {
    match assessment {
        Assessment::Final(Err(unsuccessful)) => unsuccessful,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failure(assessment: Assessment) -> Failure {
    match unsuccessful(assessment) {
        Unsuccessful::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_superseded(assessment: Assessment) {
    let unsuccessful = unsuccessful(assessment);
    assert!(
        matches!(unsuccessful, Unsuccessful::Superseded { .. }),
        "{unsuccessful:?}"
    );
}

/// How far one is of which nothing is decided, and which ECS does not roll back.
#[track_caller]
fn going_on(assessment: Assessment) -> Progress {
    match assessment {
        Assessment::Pending {
            progress,
            rollback: None,
        } => progress,
        other => panic!("{other:?}"),
    }
}

/// What ECS is rolling back.
#[track_caller]
fn rolling_back(assessment: Assessment) -> EcsRollback {
    match assessment {
        Assessment::Pending {
            rollback: Some(rollback),
            ..
        } => rollback,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_goes_on(assessment: &Assessment) {
    going_on(assessment.clone());
}
