//! The deploy lock and the verified releases, which are no port: the CLI alone uses them, on AWS.

use jiff::{SignedDuration, Timestamp};
use t3nets_router::aws::{DeployLock, Deploys, LockAttempt, VerifiedRelease, WatchedDeployment};

use crate::aws::AwsFixture;
use crate::fixture::unique;

/// Those of a service that nobody else deploys.
fn deploys(fixture: &AwsFixture) -> Deploys {
    Deploys::new(&fixture.sdk, &fixture.tables.tenants, &unique())
}

async fn take(deploys: &Deploys, who: &str) -> (DeployLock, Option<WatchedDeployment>) {
    match deploys.lock(who, &format!("token of {who}")).await.unwrap() {
        LockAttempt::Taken(lock, watched) => (lock, watched),
        LockAttempt::Held(lease) => panic!("held: {lease:?}"),
    }
}

#[tokio::test]
async fn one_of_two_has_the_lock_and_the_other_is_told_who() {
    let Some(fixture) = AwsFixture::on_ministack().await else {
        return;
    };
    let deploys = deploys(&fixture);
    let (lock, watched) = take(&deploys, "ada").await;
    assert_eq!(watched, None);
    let LockAttempt::Held(lease) = deploys.lock("grace", "token of grace").await.unwrap() else {
        panic!("two have the lock");
    };
    assert_eq!(lease.who, "ada");
    let left = lease.until.duration_since(Timestamp::now());
    assert!(left > SignedDuration::from_secs(30), "{left}");
    // An attempt whose answer was lost is repeated by the same process.
    take(&deploys, "ada").await;
    lock.release(true).await.unwrap();
    take(&deploys, "grace").await;
}

#[tokio::test]
async fn what_was_watched_is_found_by_the_next_until_it_is_done() {
    let Some(fixture) = AwsFixture::on_ministack().await else {
        return;
    };
    let deploys = deploys(&fixture);
    let noted = WatchedDeployment {
        deployment: "ecs-svc/1".to_owned(),
        task_definition: "arn:aws:ecs:us-east-1:1:task-definition/t3nets:3".to_owned(),
        created_at: Some("2026-03-01T12:00:00Z".parse().unwrap()),
    };
    let (lock, _) = take(&deploys, "ada").await;
    lock.note_watched(&noted).await.unwrap();
    lock.release(false).await.unwrap();
    let (lock, watched) = take(&deploys, "grace").await;
    assert_eq!(watched, Some(noted));
    lock.release(true).await.unwrap();
    let (_lock, watched) = take(&deploys, "ada").await;
    assert_eq!(watched, None);
}

#[tokio::test]
async fn the_newest_releases_are_listed_first() {
    let Some(fixture) = AwsFixture::on_ministack().await else {
        return;
    };
    let deploys = deploys(&fixture);
    let release = |revision: i64| VerifiedRelease {
        task_definition: format!("arn:aws:ecs:us-east-1:1:task-definition/t3nets:{revision}"),
        release: format!("sha256:0123 ({revision})"),
        digest: "sha256:0123".to_owned(),
        image: None,
        git_sha: None,
        version: None,
        who: "ada".to_owned(),
        at: Timestamp::from_second(1_772_366_400 + revision).unwrap(),
    };
    for revision in 1..=5 {
        deploys.add_release(&release(revision)).await.unwrap();
    }
    let newest = deploys.releases(2).await.unwrap();
    assert_eq!(newest, [release(5), release(4)]);
    assert_eq!(deploys.releases(100).await.unwrap().len(), 5);
}
