//! `t3nets deploy` and the commands around it, on a service whose desired count is 0: what they ask
//! of AWS. What ECS does with tasks is replayed in `deploy_replay`, and to the verdict alone in the
//! tests beside it.

mod deleted_images;
mod doctor;
mod plans;

use std::collections::HashMap;
use std::process::Command;

use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecs::types::{
    ContainerDefinition, HealthCheck, KeyValuePair, Tag, TaskDefinitionField,
};
use data_encoding::HEXLOWER;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use support::aws::{AwsServer, Tables};

use crate::sandbox::{Finished, Sandbox, finish};

/// An environment on AWS with a service without tasks.
pub(crate) struct Installed {
    pub(crate) sandbox: Sandbox,
    server: &'static AwsServer,
    pub(crate) runtime: tokio::runtime::Runtime,
    config: aws_config::SdkConfig,
    name: &'static str,
    /// The digest of an image in the registry, and the URI of its repository.
    digest: String,
    repository: String,
}

impl Installed {
    pub(crate) fn new(name: &'static str) -> Option<Self> {
        Self::with_key(name, None)
    }

    /// The same in an account of its own: ministack takes an access key of 12 digits for one.
    pub(crate) fn in_account(name: &'static str, account: &str) -> Option<Self> {
        Self::with_key(name, Some(account))
    }

    fn with_key(name: &'static str, access_key: Option<&str>) -> Option<Self> {
        let server = AwsServer::shared_ministack()?;
        let sandbox = Sandbox::new();
        sandbox.write(
            "t3nets.toml",
            &format!("[env.{name}]\nplatform = \"aws\"\nregion = \"us-east-1\"\n"),
        );
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut config = runtime.block_on(server.sdk_config());
        if let Some(key) = access_key {
            let keys = Credentials::new(key, "test", None, None, "test");
            let keys = SharedCredentialsProvider::new(keys);
            config = config.into_builder().credentials_provider(keys).build();
        }
        let mut installed = Self {
            sandbox,
            server,
            runtime,
            config,
            name,
            digest: String::new(),
            repository: String::new(),
        };
        installed.repository = installed.runtime.block_on(installed.install());
        installed.digest = installed.push("here");
        if access_key.is_some() {
            installed.push_where_all_read();
        }
        Some(installed)
    }

    /// Creates the environment; returns the URI of its repository.
    async fn install(&self) -> String {
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
        let ecr = aws_sdk_ecr::Client::new(&self.config);
        let made = ecr.create_repository().repository_name(prefix + "-router");
        let made = made.send().await.expect("the repository can be made");
        made.repository.unwrap().repository_uri.unwrap()
    }

    /// Pushes an image that no other tag has; returns its digest.
    fn push(&self, tag: &str) -> String {
        let registry = self.repository.split('/').next();
        self.runtime.block_on(self.push_as_docker(tag, registry))
    }

    /// Pushes the image to the server's first account as well: it takes what is read at its own
    /// address for that one's.
    fn push_where_all_read(&self) {
        self.runtime.block_on(async {
            let ecr = aws_sdk_ecr::Client::new(&self.server.sdk_config().await);
            let name = format!("t3nets-{}-router", self.name);
            let made = ecr.create_repository().repository_name(name).send().await;
            made.expect("the repository can be made");
            self.push_as_docker("here", None).await;
        });
    }

    /// Pushes an image without layers for `X86_64`, as Docker would.
    async fn push_as_docker(&self, tag: &str, registry: Option<&str>) -> String {
        let ecr = aws_sdk_ecr::Client::new(&self.config);
        let name = format!("t3nets-{}-router", self.name);
        let token = ecr.get_authorization_token().send().await.unwrap();
        let token = token.authorization_data()[0].authorization_token().unwrap();
        let base = self.config.endpoint_url().unwrap();
        let http = reqwest::Client::new();
        let asked = |method, url: &str| {
            let url = match url.starts_with('/') {
                true => format!("{}{url}", base.trim_end_matches('/')),
                false => url.to_owned(),
            };
            let asked = http.request(method, url);
            // The name tells which account's registry it is.
            let asked = match registry {
                Some(registry) => asked.header("Host", registry),
                None => asked,
            };
            asked.header("Authorization", format!("Basic {token}"))
        };
        let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": {"tag": tag}}, "rootfs": {"type": "layers", "diff_ids": []}});
        let config = config.to_string();
        let begun = asked(Method::POST, &format!("/v2/{name}/blobs/uploads/"));
        let begun = begun.send().await.unwrap();
        let place = begun.headers()["location"].to_str().unwrap();
        let sign = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{sign}digest={}", digest(&config));
        let sent = asked(Method::PUT, &place).body(config.clone()).send().await;
        sent.unwrap().error_for_status().unwrap();
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": kind, "layers": [], "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(&config),
        }});
        let manifest = manifest.to_string();
        let put = asked(Method::PUT, &format!("/v2/{name}/manifests/{tag}"));
        let put = put.header("Content-Type", kind).body(manifest.clone());
        put.send().await.unwrap().error_for_status().unwrap();
        digest(&manifest)
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// The image as a task definition has it.
    pub(crate) fn image(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let arguments = [arguments, &["--env", self.name]].concat();
        let mut command: Command = self.sandbox.command(&arguments);
        command.envs(self.server.variables());
        command
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

    /// Writes another person's lock, which ends so many seconds from now.
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

fn digest(content: &str) -> String {
    let hash = HEXLOWER.encode(&Sha256::digest(content.as_bytes()));
    format!("sha256:{hash}")
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
    let image = installed.image();
    let plan = [
        "deploy",
        "--image",
        "here",
        "--plan",
        "--exit-code",
        "--json",
    ];
    let planned = installed.run(&plan).expect_code(8).json();
    let field = "containerDefinitions[router].image";
    assert_eq!(planned["changes"][0]["field"], field);
    assert_eq!(planned["changes"][0]["to"], image);
    assert_eq!(installed.revision().0.revision(), 1);
    installed.run(&["deploy", "--image", &image]).expect_code(0);
    let planned = installed.run(&plan).expect_code(0).json();
    assert_eq!(planned["changes"], json!([]));
    assert_eq!(installed.revision().0.revision(), 2);
}

#[test]
fn a_deploy_registers_the_pinned_image_with_its_release_and_says_that_nothing_runs() {
    let Some(installed) = Installed::new("pinned") else {
        return;
    };
    let ended = installed
        .run(&["deploy", "--image", &installed.digest, "--json"])
        .expect_code(0);
    let events: Vec<serde_json::Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.last().unwrap()["event"], "nothing_runs");
    let (revision, tags) = installed.revision();
    let container = &revision.container_definitions()[0];
    assert_eq!(container.image(), Some(installed.image().as_str()));
    let variables: HashMap<_, _> = container
        .environment()
        .iter()
        .map(|one| (one.name().unwrap(), one.value().unwrap()))
        .collect();
    let release = format!("t3nets-pinned-router:2@{}", installed.digest);
    assert_eq!(variables["PORT"], "8080");
    assert_eq!(variables["T3NETS_RELEASE"], release);
    assert_eq!(revision.memory(), Some("512"));
    assert_eq!(tags["ManagedBy"], "t3nets");
    // The owner of the credentials, not the user of this machine.
    assert_eq!(tags["DeployedBy"], "root");

    let status = installed.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["release"], release);
    assert_eq!(status["desired"], 0);
    let history = installed.run(&["history", "--json"]).expect_code(0).json();
    assert_eq!(history["releases"], json!([]));
    installed.run(&["rollback"]).expect_code(1);
}

#[test]
fn a_second_deploy_is_refused_until_the_firsts_lease_ends() {
    let Some(installed) = Installed::new("locked") else {
        return;
    };
    installed.lock(60);
    let deploy = ["deploy", "--image", "here"];
    let refused = installed.run(&deploy).expect_code(1);
    let expected = "`grace` is deploying to `t3nets-locked-router` since 2026-11-24 10:00 UTC";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    assert_eq!(installed.revision().0.revision(), 1);
    installed.lock(-1);
    installed.run(&deploy).expect_code(0);
}

#[test]
fn an_image_that_is_not_in_the_registry_changes_nothing() {
    let Some(installed) = Installed::new("missing") else {
        return;
    };
    let other = digest("");
    let refused = installed.run(&["deploy", "--image", &other]).expect_code(1);
    assert!(refused.stderr.contains(&other), "{refused:?}");
    let elsewhere = ["deploy", "--image", "docker.io/library/debian:12"];
    installed.run(&elsewhere).expect_code(2);
    assert_eq!(installed.revision().0.revision(), 1);
}

#[test]
fn what_would_be_built_is_planned_without_building_it() {
    let Some(installed) = Installed::new("unbuilt") else {
        return;
    };
    installed.run(&["deploy", "--plan"]).expect_code(3);
    installed.sandbox.write("Dockerfile", "FROM scratch\n");
    let planned = installed.run(&["deploy", "--plan", "--json"]);
    let planned = planned.expect_code(0).json();
    let built = format!("{}@(to be built)", installed.repository);
    assert_eq!(planned["changes"][0]["to"], built);
    assert_eq!(planned["builds"]["architecture"], "X86_64");
    assert_eq!(installed.revision().0.revision(), 1);
}

#[test]
fn what_is_built_here_is_pushed_and_registered_and_the_second_time_there_is_nothing_to_push() {
    let docker = Command::new("docker").arg("version").output();
    if !docker.is_ok_and(|output| output.status.success()) {
        support::missing("a Docker engine");
        return;
    }
    let Some(installed) = Installed::new("built") else {
        return;
    };
    let dockerfile = "FROM scratch\nCOPY Dockerfile /\nCOPY failing /\n";
    installed.sandbox.write("Dockerfile", dockerfile);
    let failed = installed.run(&["deploy"]).expect_code(1);
    assert!(failed.stderr.contains("COPY failing"), "{failed:?}");
    assert_eq!(installed.revision().0.revision(), 1);

    installed
        .sandbox
        .write("Dockerfile", "ARG NAME\nFROM scratch\nCOPY Dockerfile /\n");
    let deploy = ["deploy", "--build-arg", "NAME=value"];
    let first = installed.run(&deploy).expect_code(0);
    assert!(first.stderr.contains("1 of 1 layers"), "{first:?}");
    let (revision, tags) = installed.revision();
    let image = revision.container_definitions()[0].image().unwrap();
    assert!(image.starts_with(&format!("{}@sha256:", installed.repository)));
    assert_eq!(tags["ManagedBy"], "t3nets");
    let again = installed.run(&deploy).expect_code(0);
    assert!(again.stderr.contains("nothing to push"), "{again:?}");
    let same = installed.revision().0;
    assert_eq!(same.container_definitions()[0].image(), Some(image));
}
