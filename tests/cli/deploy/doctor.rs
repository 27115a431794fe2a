//! `t3nets doctor` of a service: what it finds before and after a deploy, and what it does without
//! permissions.

use serde_json::Value;
use support::aws_proxy::{AwsProxy, Before, Refusal};

use super::*;

impl Installed {
    /// The doctor's checks, with AWS at this address.
    fn doctor(&self, endpoint: &str) -> Vec<Value> {
        let mut command = self.command(&["doctor", "--json"]);
        // The checks must not depend on whether Docker runs on this machine.
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let finished = finish(command.env("AWS_ENDPOINT_URL", endpoint));
        finished.json()["checks"].as_array().unwrap().clone()
    }

    /// Registers a revision with the tag `ManagedBy`.
    fn register(&self, image: &str, memory: &str, manager: &str) -> String {
        let container = ContainerDefinition::builder()
            .name("router")
            .image(image)
            .essential(true)
            .environment(KeyValuePair::builder().name("PORT").value("8080").build())
            .build();
        let made = aws_sdk_ecs::Client::new(&self.config)
            .register_task_definition()
            .family(format!("t3nets-{}-router", self.name))
            .cpu("256")
            .memory(memory)
            .task_role_arn("arn:aws:iam::000000000000:role/team/nobody-made-it")
            .container_definitions(container)
            .tags(Tag::builder().key("ManagedBy").value(manager).build())
            .send();
        let made = self.runtime.block_on(made).unwrap();
        made.task_definition.unwrap().task_definition_arn.unwrap()
    }

    fn tell_to_run(&self, revision: &str) {
        let updated = aws_sdk_ecs::Client::new(&self.config)
            .update_service()
            .cluster(format!("t3nets-{}-cluster", self.name))
            .service(format!("t3nets-{}-router", self.name))
            .task_definition(revision)
            .send();
        self.runtime.block_on(updated).unwrap();
    }
}

/// Status and detail of a check.
#[track_caller]
fn found<'a>(checks: &'a [Value], name: &str) -> (&'a str, &'a str) {
    let mut checks = checks.iter();
    let check = checks.find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no check `{name}`"));
    let text = |field: &str| check[field].as_str().unwrap_or_default();
    if matches!(text("status"), "failed" | "warning") {
        assert_ne!(text("remedy"), "", "{check}");
    }
    (text("status"), text("detail"))
}

#[test]
fn the_doctor_says_that_nothing_was_deployed_yet_and_later_what_was() {
    let Some(installed) = Installed::new("checked") else {
        return;
    };
    let url = installed.server.url();
    let checks = installed.doctor(url);
    for name in ["service", "image"] {
        let (status, detail) = found(&checks, name);
        assert_eq!(status, "warning", "{detail}");
        assert!(detail.contains("nothing was deployed yet"), "{detail}");
    }
    assert_eq!(found(&checks, "docker").0, "warning");
    assert_eq!(found(&checks, "disk").0, "skipped");
    let (status, detail) = found(&checks, "repository");
    assert_eq!(status, "ok");
    assert!(detail.contains("1 image;"), "{detail}");
    for name in ["cluster", "capacity"] {
        assert_eq!(found(&checks, name).0, "ok", "{name}");
    }

    installed.run(&["deploy", "--image", "here"]).expect_code(0);
    let checks = installed.doctor(url);
    for name in ["image", "drift", "budget_webhook"] {
        let (status, detail) = found(&checks, name);
        assert_eq!(status, "ok", "{name}: {detail}");
    }
    installed.register("repo:bootstrap", "1024", "terraform");
    installed.delete_image(&installed.digest);
    let checks = installed.doctor(url);
    let (status, detail) = found(&checks, "drift");
    assert_eq!(status, "warning");
    let differing = "newer `t3nets-checked-router:3`: `memory`, `taskRoleArn`";
    assert!(detail.ends_with(differing), "{detail}");
    let (status, detail) = found(&checks, "image");
    assert_eq!(status, "failed");
    assert!(detail.contains("no longer in the repository"), "{detail}");
}

#[test]
fn a_check_without_permission_is_skipped_unless_a_deploy_needs_it() {
    let Some(installed) = Installed::new("closed") else {
        return;
    };
    let revision = installed.register(&installed.image(), "512", "t3nets");
    installed.tell_to_run(&revision);
    let checks = installed.doctor(installed.server.url());
    // Nothing that knows of the tag has deployed it.
    let (status, detail) = found(&checks, "image");
    assert_eq!(status, "warning");
    assert!(detail.contains("no tag that keeps it"), "{detail}");
    let (status, detail) = found(&checks, "task_role");
    assert_eq!(status, "failed");
    assert!(
        detail.contains("role `nobody-made-it` does not exist"),
        "{detail}"
    );

    let proxy = AwsProxy::to(installed.server.url()).before(|call| match &*call.operation {
        "GetRole" | "BatchGetImage" | "ListImages" | "DescribeLogGroups" | "DescribeClusters"
        | "GetServiceQuota" => Before::Refuse(Refusal::Denied),
        _ => Before::Forward,
    });
    let proxy = installed.runtime.block_on(proxy.start());
    let checks = installed.doctor(&proxy.url());
    for (name, expected, permission) in [
        ("task_role", "skipped", "`iam:GetRole`"),
        ("image", "skipped", "`ecr:BatchGetImage`"),
        ("repository", "ok", "`ecr:ListImages`"),
        ("service", "warning", "its desired count is 0"),
        ("drift", "ok", ""),
        ("cluster", "failed", "AccessDenied"),
        ("capacity", "skipped", "`cluster`"),
        ("quota", "skipped", "`servicequotas:GetServiceQuota`"),
    ] {
        let (status, detail) = found(&checks, name);
        assert_eq!(status, expected, "{name}: {detail}");
        assert!(detail.contains(permission), "{name}: {detail}");
    }
}

/// What the Python program's Terraform and scripts made.
mod python {
    use super::*;

    /// Its container, as its Terraform registers it.
    fn container(image: &str) -> ContainerDefinition {
        let variable =
            |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
        let check = HealthCheck::builder()
            .command("CMD-SHELL")
            .command("python -c \"import urllib.request; urllib.request.urlopen('http://localhost:8080/health')\" || exit 1")
            .build();
        ContainerDefinition::builder()
            .name("router")
            .image(image)
            .essential(true)
            .environment(variable("T3NETS_PLATFORM", "aws"))
            .environment(variable("T3NETS_STAGE", "dev"))
            .environment(variable("AWS_REGION", "us-east-1"))
            .environment(variable(
                "BEDROCK_MODEL_ID",
                "anthropic.claude-sonnet-4-5-20250929-v1:0",
            ))
            .environment(variable(
                "DYNAMODB_CONVERSATIONS_TABLE",
                "t3nets-dev-conversations",
            ))
            .environment(variable("DYNAMODB_TENANTS_TABLE", "t3nets-dev-tenants"))
            .environment(variable("SECRETS_PREFIX", "/t3nets/dev/tenants"))
            .health_check(check.unwrap())
            .build()
    }

    /// Its task role: the trust of ECS's tasks, and what its one policy allows.
    const ACTIONS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
        "dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:Query","dynamodb:Scan",
        "secretsmanager:ListSecrets","secretsmanager:GetSecretValue","secretsmanager:CreateSecret",
        "secretsmanager:UpdateSecret","secretsmanager:TagResource",
        "bedrock:InvokeModel","bedrock:InvokeModelWithResponseStream","bedrock:Converse"]}]}"#;

    impl Installed {
        fn iam(&self, action: &str, parameters: &[(&str, &str)]) {
            let url = self.config.endpoint_url().unwrap();
            let form: Vec<(&str, &str)> = [("Action", action), ("Version", "2010-05-08")]
                .into_iter()
                .chain(parameters.iter().copied())
                .collect();
            let scope = "Credential=test/20260101/us-east-1/iam/aws4_request";
            let sent = reqwest::Client::new()
                .post(url)
                .header(
                    "Authorization",
                    format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
                )
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(
                    url::form_urlencoded::Serializer::new(String::new())
                        .extend_pairs(&form)
                        .finish(),
                )
                .send();
            let answer = self.runtime.block_on(sent).unwrap();
            assert!(answer.status().is_success(), "{action}: {answer:?}");
        }

        /// Registers a revision with this container, and has the service run it.
        fn run_revision(&self, container: ContainerDefinition) {
            let made = aws_sdk_ecs::Client::new(&self.config)
                .register_task_definition()
                .family("t3nets-python-router")
                .cpu("256")
                .memory("512")
                .task_role_arn("arn:aws:iam::000000000000:role/t3nets-python-ecs-task")
                .container_definitions(container)
                .send();
            let made = self.runtime.block_on(made).unwrap();
            let made = made.task_definition().unwrap();
            self.tell_to_run(made.task_definition_arn().unwrap());
        }

        fn task_role(&self, role: &str) {
            let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs-tasks.amazonaws.com"}}]}"#;
            self.iam(
                "CreateRole",
                &[("RoleName", role), ("AssumeRolePolicyDocument", trust)],
            );
            let policy = [
                ("RoleName", role),
                ("PolicyName", "ecs-task"),
                ("PolicyDocument", ACTIONS),
            ];
            self.iam("PutRolePolicy", &policy);
        }
    }

    #[test]
    fn the_doctor_names_every_obstacle_of_an_environment_of_the_python_program() {
        let Some(installed) = Installed::new("python") else {
            return;
        };
        installed.task_role("t3nets-python-ecs-task");
        installed.run_revision(container(&installed.image()));
        let checks = installed.doctor(installed.server.url());
        let (status, detail) = found(&checks, "revision");
        assert_eq!(status, "failed", "{detail}");
        for obstacle in [
            "`t3nets-python-router:2`",
            "`T3NETS_ENV` is not set",
            "needs a shell",
        ] {
            assert!(detail.contains(obstacle), "{obstacle}: {detail}");
        }
        let (status, detail) = found(&checks, "task_role");
        assert_eq!(status, "failed", "{detail}");
        // Administration over HTTP is off there, and what it needs is not asked for.
        let missing = "dynamodb:ConditionCheckItem, secretsmanager:DescribeSecret,";
        assert!(detail.contains(missing), "{detail}");
        assert!(!detail.contains("dynamodb:GetItem"), "{detail}");
        assert!(!detail.contains("RestoreSecret"), "{detail}");

        let mut administers = container(&installed.image());
        let on = KeyValuePair::builder()
            .name("T3NETS_ADMIN_API")
            .value("true");
        administers
            .environment
            .get_or_insert_default()
            .push(on.build());
        installed.run_revision(administers);
        let checks = installed.doctor(installed.server.url());
        let (_, detail) = found(&checks, "task_role");
        assert!(detail.contains("secretsmanager:RestoreSecret"), "{detail}");
        installed.run_revision(container(&installed.image()));

        let planned = installed
            .run(&["deploy", "--plan", "--image", "here"])
            .expect_code(0);
        for obstacle in [
            "does not have what the image needs",
            "`T3NETS_ENV` is not set",
            "needs a shell",
        ] {
            assert!(planned.stdout.contains(obstacle), "{}", planned.stdout);
        }
        assert!(
            planned.stderr.contains("t3nets infra apply -e python"),
            "{}",
            planned.stderr
        );
    }
}
