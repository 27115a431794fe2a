//! `t3nets status` on a service that fares badly.

use support::ecs_script::{DENIED, EXPIRED};

use super::*;

fn crashing() -> Look {
    let crashed = ['a', 'b'].map(|one| OURS.task(one).exited(7));
    Look::at([OURS.going().counts(0, 1), BEFORE.completed().active()])
        .tasks(crashed)
        .tasks([BEFORE.task('0')])
}

#[test]
fn status_says_which_tasks_run_and_why_the_others_ended() {
    let scenario = Scenario::default().with_revision(8).before([crashing()]);
    let Some(played) = played("shown", scenario, &["status"]) else {
        return;
    };
    let played = played.ends(0, &[]);
    let lines: Vec<&str> = played.finished.stdout.lines().collect();
    let of = |task: &str| {
        let found = lines.iter().find(|line| line.starts_with(task));
        *found.unwrap_or_else(|| panic!("no {task} in {lines:#?}"))
    };
    assert!(of("00000000 ").contains(":7 ") && of("00000000 ").contains(" RUNNING "));
    let crashed = of("aaaaaaaa ");
    assert!(
        crashed.contains(":8 ") && crashed.contains(" STOPPED "),
        "{crashed}"
    );
    assert!(
        crashed.ends_with(
            "`router` exited with 7; Essential container in task exited (EssentialContainerExited)"
        ),
        "{crashed}"
    );
}

#[test]
fn status_without_the_right_to_list_tasks_shows_the_rest_and_says_so() {
    let scenario = Scenario::default()
        .with_revision(8)
        .before([crashing()])
        .refusing("ListTasks", DENIED);
    let Some(played) = played("shown-denied", scenario, &["status"]) else {
        return;
    };
    played
        .ends(0, &[])
        .says("t3nets-shown-denied-router:8")
        .says("not seen: the tasks: ");
}

#[test]
fn status_that_is_watched_shows_each_change_and_ends_when_it_can_see_nothing_any_more() {
    let looks = [crashing(), crashing(), up('c'), Look::refused(EXPIRED)];
    let scenario = Scenario::default().with_revision(8).before(looks);
    let Some(played) = played("shown-watched", scenario, &["status", "--watch", "--json"]) else {
        return;
    };
    let played = played
        .ends(4, &[])
        .says("The security token included in the request is expired");
    let shown: Vec<serde_json::Value> = played
        .finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let states: Vec<&serde_json::Value> = shown
        .iter()
        .map(|status| &status["deployments"][0]["rollout_state"])
        .collect();
    assert_eq!(states, ["IN_PROGRESS", "COMPLETED"]);
    assert_eq!(shown[0]["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(
        shown[0]["tasks"][1]["stopped"]["exit_codes"]["router"],
        serde_json::json!(7)
    );
}
