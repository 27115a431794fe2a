//! A service that is told what to run, and refuses it or does not answer.

use support::ecs_script::{BROKEN, DENIED, EXPIRED, Refused, WRONG_CONTROLLER};

use super::*;

#[test]
fn what_the_service_was_not_told_is_never_said_to_go_on() {
    at_once(&[
        ("denied", an_update_that_is_denied),
        ("controller", a_service_that_is_codedeploys),
        ("unclear", an_update_that_does_not_arrive),
    ]);
}

#[test]
fn an_update_that_arrived_and_was_not_answered_is_found_and_watched() {
    let stale = || Look::at([BEFORE.completed()]).tasks([BEFORE.task('0')]);
    let scenario =
        Scenario::default()
            .without_answers_to_updates()
            .then([stale(), coming(), up('a')]);
    let Some(played) = deployed("unanswered", scenario) else {
        return;
    };
    played
        .ends(0, &[8])
        .says("t3nets-unanswered-router:8 runs in 1 task");
}

#[test]
fn what_keeps_it_from_going_back_does_not_hide_why_it_failed() {
    at_once(&[
        ("denied", a_way_back_that_is_denied),
        ("expired", credentials_that_expire_on_the_way_back),
    ]);
}

/// Deploys to a service that answers every UpdateService so.
fn refused(name: &'static str, refused: Refused) -> Option<Played> {
    let scenario = Scenario::default().refusing_updates_after(0, refused);
    deployed(name, scenario)
}

fn an_update_that_is_denied() {
    let Some(played) = refused("told-denied", DENIED) else {
        return;
    };
    played
        .ends(4, &[])
        .says(
            "the service cannot be told to run `t3nets-told-denied-router:8`; it runs on as before",
        )
        .says("is not authorized to perform this action")
        .never_says("--resume");
}

fn a_service_that_is_codedeploys() {
    let Some(played) = refused("told-controller", WRONG_CONTROLLER) else {
        return;
    };
    played
        .ends(3, &[])
        .says("services with a CODE_DEPLOY deployment controller")
        .never_says("--resume");
}

fn an_update_that_does_not_arrive() {
    let Some(played) = refused("told-unclear", BROKEN) else {
        return;
    };
    played
        .ends(1, &[])
        .says("whether the service was told to run `t3nets-told-unclear-router:8` is not known")
        .says("`t3nets deploy --resume -e told-unclear` watches that");
}

/// Ours crashes twice.
fn crashing() -> [Look; 2] {
    let crashed = ['a', 'b'].map(|one| OURS.task(one).exited(7));
    let look = Look::at([OURS.going(), BEFORE.completed().active()]).tasks(crashed);
    [coming(), look]
}

fn a_way_back_that_is_denied() {
    let scenario = Scenario::default()
        .then(crashing())
        .refusing_updates_after(1, DENIED);
    let Some(played) = deployed("back-denied", scenario) else {
        return;
    };
    played
        .ends(6, &[8])
        .says("container `router` ended with exit code 7 (2 times)")
        .says("the service cannot be told to run `t3nets-back-denied-router:7`")
        .says("`t3nets rollback -e back-denied`");
}

fn credentials_that_expire_on_the_way_back() {
    let scenario = Scenario::default()
        .then(crashing())
        .then([Look::refused(EXPIRED)]);
    let Some(played) = deployed("back-expired", scenario) else {
        return;
    };
    played
        .ends(6, &[8, 7])
        .says("container `router` ended with exit code 7 (2 times)")
        .says("going back to `t3nets-back-expired-router:7` goes on, and cannot be watched");
}
