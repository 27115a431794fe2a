//! Releases whose images were deleted from the registry: `t3nets history` shows them, and `t3nets
//! rollback` does not go back to them.

use aws_sdk_ecr::types::ImageIdentifier;
use support::aws_proxy::{AwsProxy, Before, Refusal};

use super::*;

impl Installed {
    /// A verified release with an image of its own, by that image's digest. `minute` orders them.
    fn released(&self, minute: u32) -> String {
        let digest = self.push(&format!("minute-{minute}"));
        self.runtime.block_on(self.remember(minute, &digest));
        digest
    }

    async fn remember(&self, minute: u32, digest: &str) {
        let service = format!("t3nets-{}-router", self.name);
        let container = ContainerDefinition::builder()
            .name("router")
            .image(format!("{}@{digest}", self.repository))
            .essential(true)
            .build();
        let made = aws_sdk_ecs::Client::new(&self.config)
            .register_task_definition()
            .family(&service)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .send()
            .await
            .expect("a revision can be registered");
        let arn = made.task_definition.unwrap().task_definition_arn.unwrap();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let at = format!("2026-11-24T10:{minute:02}:00.000Z");
        aws_sdk_dynamodb::Client::new(&self.config)
            .put_item()
            .table_name(format!("t3nets-{}-tenants", self.name))
            .item("pk", text(&format!("DEPLOY#{service}")))
            .item("sk", text(&format!("GOOD#{at}")))
            .item("task_definition", text(&arn))
            .item("digest", text(digest))
            .item("at", text(&at))
            .send()
            .await
            .expect("a release can be remembered");
    }

    /// Deletes an image, as a lifecycle rule does.
    pub(super) fn delete_image(&self, digest: &str) {
        let deleted = aws_sdk_ecr::Client::new(&self.config)
            .batch_delete_image()
            .repository_name(format!("t3nets-{}-router", self.name))
            .image_ids(ImageIdentifier::builder().image_digest(digest).build())
            .send();
        let deleted = self.runtime.block_on(deleted).unwrap();
        assert_eq!(deleted.failures(), []);
    }

    /// The revision of the service's deployment: `family:number`.
    fn runs(&self) -> String {
        let status = self.run(&["status", "--json"]).expect_code(0).json();
        let revision = &status["deployments"][0]["revision"];
        revision.as_str().unwrap().to_owned()
    }
}

#[test]
fn history_says_which_images_are_still_in_the_registry() {
    let Some(installed) = Installed::new("kept") else {
        return;
    };
    let old = installed.released(1);
    let young = installed.released(2);
    installed.delete_image(&old);
    let history = installed.run(&["history", "--json"]).expect_code(0);
    let releases = &history.json()["releases"];
    assert_eq!(releases[0]["digest"], young);
    assert_eq!(releases[0]["in_registry"], true);
    assert_eq!(releases[1]["digest"], old);
    assert_eq!(releases[1]["in_registry"], false);
    assert_eq!(history.stderr, "");

    let proxy = AwsProxy::to(installed.server.url()).before(|call| match &*call.operation {
        "BatchGetImage" => Before::Refuse(Refusal::Denied),
        _ => Before::Forward,
    });
    let proxy = installed.runtime.block_on(proxy.start());
    let through = |arguments: &[&str]| {
        finish(
            installed
                .command(arguments)
                .env("AWS_ENDPOINT_URL", proxy.url()),
        )
    };
    let closed = through(&["history", "--json"]).expect_code(0);
    let releases = &closed.json()["releases"];
    assert_eq!(releases[0]["in_registry"], json!(null));
    let mentions = closed.stderr.matches("AccessDeniedException").count();
    assert_eq!(mentions, 1, "{closed:?}");
    let closed = through(&["history"]).expect_code(0);
    assert_eq!(closed.stdout.matches("unknown").count(), 2, "{closed:?}");
    // One call for all of them.
    assert_eq!(proxy.count_of("BatchGetImage"), 2);
}

#[test]
fn a_rollback_passes_over_a_release_whose_image_is_deleted() {
    let Some(installed) = Installed::new("passed") else {
        return;
    };
    installed.released(1);
    let gone = installed.released(2);
    installed.delete_image(&gone);
    let back = installed.run(&["rollback"]).expect_code(0);
    let note = "`t3nets-passed-router:3` is passed over";
    assert!(back.stderr.contains(note), "{back:?}");
    assert_eq!(installed.runs(), "t3nets-passed-router:2");
}

#[test]
fn a_rollback_to_an_image_that_is_deleted_is_refused_before_anything_changes() {
    let Some(installed) = Installed::new("gone") else {
        return;
    };
    for minute in [1, 2] {
        let digest = installed.released(minute);
        installed.delete_image(&digest);
    }
    let refused = installed.run(&["rollback", "--to", "2"]).expect_code(1);
    let expected = "the image of `t3nets-gone-router:2` is no longer in the registry";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    assert!(
        refused.stderr.contains("hint: `t3nets history"),
        "{refused:?}"
    );
    let refused = installed.run(&["rollback"]).expect_code(1);
    let expected = "`t3nets-gone-router:3`, `t3nets-gone-router:2`";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    assert_eq!(installed.runs(), "t3nets-gone-router:1");

    // An image that cannot be looked up is not taken for a deleted one.
    let proxy = AwsProxy::to(installed.server.url()).before(|call| match &*call.service {
        service if service.contains("ContainerRegistry") => Before::Refuse(Refusal::Denied),
        _ => Before::Forward,
    });
    let proxy = installed.runtime.block_on(proxy.start());
    let mut unasked = installed.command(&["rollback", "--to", "2"]);
    let unasked = finish(unasked.env("AWS_ENDPOINT_URL", proxy.url())).expect_code(0);
    assert!(unasked.stderr.contains("is not known"), "{unasked:?}");
    assert_eq!(installed.runs(), "t3nets-gone-router:2");
}
