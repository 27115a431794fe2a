//! `t3nets deploy` and the commands around it, on a service that is to have no tasks: what they ask of AWS. What ECS does with
//! tasks is played to the verdict in its own tests.

use std::collections::HashMap;
use std::process::Command;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, Tag, TaskDefinitionField};
use support::aws::{AwsServer, Tables};

use crate::sandbox::{Finished, Sandbox, finish};

const IMAGE: &str = "repo@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// An environment on AWS with a service of no tasks.
struct Installed {
    sandbox: Sandbox,
    server: &'static AwsServer,
    runtime: tokio::runtime::Runtime,
    config: aws_config::SdkConfig,
    name: &'static str,
}

impl Installed {
    fn new(name: &'static str) -> Option<Self> {
        let server = AwsServer::shared_ministack()?;
        let sandbox = Sandbox::new();
        sandbox.write(
            "t3nets.toml",
            &format!("[env.{name}]\nplatform = \"aws\"\nregion = \"us-east-1\"\n"),
        );
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let config = runtime.block_on(server.sdk_config());
        let installed = Self {
            sandbox,
            server,
            runtime,
            config,
            name,
        };
        installed.runtime.block_on(installed.install());
        Some(installed)
    }

    async fn install(&self) {
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        let prefix = format!("t3nets-{}", self.name);
        let service = format!("{prefix}-router");
        Tables::create(&aws_sdk_dynamodb::Client::new(&self.config), &prefix).await;
        let cluster = format!("{prefix}-cluster");
        let made = ecs.create_cluster().cluster_name(&cluster).send().await;
        made.expect("the cluster can be made");
        let tag = Tag::builder().key("ManagedBy").value("terraform").build();
        let variable = KeyValuePair::builder().name("PORT").value("8080").build();
        let container = ContainerDefinition::builder()
            .name("router")
            .image("repo:bootstrap")
            .essential(true)
            .environment(variable)
            .build();
        let made = ecs
            .register_task_definition()
            .family(&service)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .tags(tag)
            .send()
            .await
            .expect("the template can be registered");
        let template = made.task_definition.unwrap().task_definition_arn.unwrap();
        ecs.create_service()
            .cluster(cluster)
            .service_name(service)
            .task_definition(template)
            .desired_count(0)
            .send()
            .await
            .expect("the service can be made");
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let arguments = [arguments, &["--env", self.name]].concat();
        let mut command: Command = self.sandbox.command(&arguments);
        command.envs(self.server.variables());
        finish(&mut command)
    }

    /// The newest revision, and its tags.
    fn revision(&self) -> (aws_sdk_ecs::types::TaskDefinition, HashMap<String, String>) {
        let ecs = aws_sdk_ecs::Client::new(&self.config);
        let described = ecs
            .describe_task_definition()
            .task_definition(format!("t3nets-{}-router", self.name))
            .include(TaskDefinitionField::Tags)
            .send();
        let described = self.runtime.block_on(described).unwrap();
        let tags = described.tags().iter();
        let tags = tags
            .map(|tag| {
                (
                    tag.key().unwrap().to_owned(),
                    tag.value().unwrap().to_owned(),
                )
            })
            .collect();
        (described.task_definition.unwrap(), tags)
    }

    /// Somebody else's lock, until so many seconds from now.
    fn lock(&self, seconds: i64) {
        let until = jiff::Timestamp::now().as_millisecond() + seconds * 1000;
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put = aws_sdk_dynamodb::Client::new(&self.config)
            .put_item()
            .table_name(format!("t3nets-{}-tenants", self.name))
            .item("pk", text(&format!("DEPLOY#t3nets-{}-router", self.name)))
            .item("sk", text("LOCK"))
            .item("holder", text("another"))
            .item("who", text("grace"))
            .item("since", text("2026-11-24T10:00:00Z"))
            .item("lease_until", AttributeValue::N(until.to_string()))
            .send();
        self.runtime.block_on(put).unwrap();
    }
}

#[test]
fn deploy_is_not_for_this_machine() {
    let sandbox = Sandbox::new();
    let refused = sandbox.run(&["deploy"]).expect_code(3);
    assert!(refused.stderr.contains("`t3nets dev` runs the router here"));
    sandbox.write("t3nets.toml", "[env.dev]\nplatform = \"aws\"\n");
    let refused = sandbox.run(&["deploy"]).expect_code(3);
    assert!(refused.stderr.contains("there are: `dev`"), "{refused:?}");
}

#[test]
fn a_plan_shows_what_would_change_and_changes_nothing() {
    let Some(installed) = Installed::new("plan") else {
        return;
    };
    let plan = [
        "deploy",
        "--image",
        IMAGE,
        "--plan",
        "--exit-code",
        "--json",
    ];
    let planned = installed.run(&plan).expect_code(8).json();
    let field = "containerDefinitions[router].image";
    assert_eq!(planned["changes"][0]["field"], field);
    assert_eq!(planned["changes"][0]["to"], IMAGE);
    assert_eq!(installed.revision().0.revision(), 1);
    installed.run(&["deploy", "--image", IMAGE]).expect_code(0);
    let planned = installed.run(&plan).expect_code(0).json();
    assert_eq!(planned["changes"], serde_json::json!([]));
    assert_eq!(installed.revision().0.revision(), 2);
}

#[test]
fn a_deploy_registers_the_pinned_image_with_its_release_and_says_that_nothing_runs() {
    let Some(installed) = Installed::new("pinned") else {
        return;
    };
    let ended = installed
        .run(&["deploy", "--image", IMAGE, "--json"])
        .expect_code(0);
    let events: Vec<serde_json::Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.last().unwrap()["event"], "nothing_runs");
    let (revision, tags) = installed.revision();
    let container = &revision.container_definitions()[0];
    assert_eq!(container.image(), Some(IMAGE));
    let variables: HashMap<_, _> = container
        .environment()
        .iter()
        .map(|one| (one.name().unwrap(), one.value().unwrap()))
        .collect();
    let digest = IMAGE.strip_prefix("repo@").unwrap();
    let release = format!("t3nets-pinned-router:2@{digest}");
    assert_eq!(variables["PORT"], "8080");
    assert_eq!(variables["T3NETS_RELEASE"], release);
    assert_eq!(revision.memory(), Some("512"));
    assert_eq!(tags["ManagedBy"], "t3nets");
    assert_eq!(tags["DeployedBy"], "tester");

    let status = installed.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["release"], release);
    assert_eq!(status["desired"], 0);
    let history = installed.run(&["history", "--json"]).expect_code(0).json();
    assert_eq!(history["releases"], serde_json::json!([]));
    installed.run(&["rollback"]).expect_code(1);
}

#[test]
fn a_second_deploy_is_refused_until_the_firsts_lease_ends() {
    let Some(installed) = Installed::new("locked") else {
        return;
    };
    installed.lock(60);
    let refused = installed.run(&["deploy", "--image", IMAGE]).expect_code(1);
    let said = "`grace` is deploying to `t3nets-locked-router` since 2026-11-24T10:00:00Z";
    assert!(refused.stderr.contains(said), "{refused:?}");
    assert_eq!(installed.revision().0.revision(), 1);
    installed.lock(-1);
    installed.run(&["deploy", "--image", IMAGE]).expect_code(0);
}
