//! Rollouts as ECS shows them, played to the verdict second by second.

mod ended;
mod going;
mod replaced;
mod why;

use super::super::{
    Cause, Container, Deployment, Event, Failure, Observation, Ours, Service, ServiceDeployment,
    Target, Task, Verdict,
};
use super::Rollout;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

const OURS: &str = "ecs-svc/2000000000000000002";
const OLD: &str = "ecs-svc/1000000000000000001";
const LATER: &str = "ecs-svc/3000000000000000003";

/// ECS's clock, in seconds since our deployment was made.
fn clock(seconds: i64) -> Option<Timestamp> {
    let made: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    Some(made + SignedDuration::from_secs(seconds))
}

fn arn(number: u32) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:task-definition/t3nets-dev-router:{number}")
}

fn rollout() -> Rollout {
    let ours = Ours {
        deployment: OURS.to_owned(),
        task_definition: arn(5),
        created_at: clock(0),
    };
    Rollout::new(ours, "router", Duration::from_secs(900))
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
        status: status.to_owned(),
        task_definition: arn(number),
        rollout_state: state.to_owned(),
        desired,
        running,
        created_at: clock(made),
        ..Deployment::default()
    }
}

fn service(deployments: Vec<Deployment>) -> Service {
    let primary = deployments.iter().find(|one| one.status == "PRIMARY");
    Service {
        status: "ACTIVE".to_owned(),
        desired: primary.map_or(1, |one| one.desired),
        deployments,
        events: Vec::new(),
        rolls_back: true,
    }
}

fn event(seconds: i64, message: &str) -> Event {
    Event {
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
        last_status: status.to_owned(),
        desired_status: "RUNNING".to_owned(),
        health: "UNKNOWN".to_owned(),
        containers: vec![Container {
            name: "router".to_owned(),
            ..Container::default()
        }],
        ..Task::default()
    }
}

fn stopped(id: &str, code: &str, reason: &str) -> Task {
    Task {
        last_status: "STOPPED".to_owned(),
        desired_status: "STOPPED".to_owned(),
        stop_code: code.to_owned(),
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

/// Plays what was seen and returns the last verdict. None before it may be final.
#[track_caller]
fn play(rollout: &mut Rollout, seen: &[Observation]) -> Verdict {
    let (last, before) = seen.split_last().unwrap();
    for observation in before {
        let verdict = rollout.observe(observation);
        assert!(!verdict.is_final(), "{:?}: {verdict:?}", observation.at);
    }
    rollout.observe(last)
}

#[track_caller]
fn failure(verdict: Verdict) -> Failure {
    match verdict {
        Verdict::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_goes_on(verdict: &Verdict) {
    assert!(matches!(verdict, Verdict::InProgress(_)), "{verdict:?}");
}
