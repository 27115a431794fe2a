//! What the next revision keeps, and what it changes.

use super::*;
use crate::task_definition::changes::READ_ONLY;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// As DescribeTaskDefinition answers, with a field that no SDK knows yet.
fn revision(number: u64, image: &str, managed_by: &str) -> TaskDefinition {
    TaskDefinition {
        definition: json!({
            "taskDefinitionArn": format!("arn:aws:ecs:us-east-1:123456789012:task-definition/t3nets-dev-router:{number}"),
            "family": "t3nets-dev-router",
            "revision": number,
            "status": "ACTIVE",
            "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.task-iam-role"}],
            "compatibilities": ["EC2", "FARGATE"],
            "registeredAt": 1_795_000_000.123,
            "registeredBy": "arn:aws:iam::123456789012:user/ada",
            "taskRoleArn": "arn:aws:iam::123456789012:role/task",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            "ephemeralStorage": {"sizeInGiB": 30},
            "enableFaultInjection": false,
            "pidMode": "task",
            "volumes": [{"name": "scratch", "host": {}}],
            "placementConstraints": [],
            "inventedLater": {"deep": [1, 2]},
            "containerDefinitions": [
                {
                    "name": "router",
                    "image": image,
                    "cpu": 0,
                    "essential": true,
                    "environment": [
                        {"name": "PORT", "value": "8080"},
                        {"name": "T3NETS_RELEASE", "value": "t3nets-dev-router:1@sha256:old"},
                    ],
                    "secrets": [{"name": "S", "valueFrom": "arn:aws:ssm:…"}],
                    "healthCheck": {"command": ["CMD", "/router", "healthcheck"], "interval": 30},
                    "linuxParameters": {"capabilities": {"add": [], "drop": ["ALL"]}},
                    "user": "65532:65532",
                    "restartPolicy": {"enabled": false},
                },
                {"name": "collector", "image": "otel:1", "essential": false},
            ],
        }),
        tags: [
            ("ManagedBy", managed_by),
            ("Project", "t3nets"),
            ("aws:cloudformation:stack-name", "x"),
            ("GitSha", "0ldc0de"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect(),
    }
}

const WHO: &str = "ada (laptop)";

fn desired() -> DesiredImage {
    DesiredImage {
        image: format!("repo@{DIGEST}").parse().unwrap(),
        architecture: Architecture::X86_64,
        git_sha: Some("abc1234".to_owned()),
        version: Some("0.2.0".to_owned()),
        inputs: Some(Digest::of(b"inputs")),
    }
}

fn planned(running: &TaskDefinition, template: Option<&TaskDefinition>) -> Plan {
    plan(running, template, "router", &desired(), WHO).unwrap()
}

fn fields(plan: &Plan) -> Vec<String> {
    plan.preview
        .changes
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn everything_that_can_be_registered_is_kept() {
    let running = revision(4, "repo@sha256:old", "t3nets");
    let request = planned(&running, None).request(5);
    let mut expected = running.definition.clone();
    for field in READ_ONLY {
        expected.as_object_mut().unwrap().remove(field);
    }
    expected["containerDefinitions"][0]["image"] = json!(format!("repo@{DIGEST}"));
    expected["containerDefinitions"][0]["environment"][1]["value"] =
        json!(format!("t3nets-dev-router:5@{DIGEST}"));
    expected["tags"] = request["tags"].clone();
    assert_eq!(request, expected);
}

#[test]
fn a_revision_is_tagged_with_sha_version_inputs_and_who() {
    let request = planned(&revision(4, "x", "terraform"), None).request(5);
    assert_eq!(
        request["tags"],
        json!([
            {"key": "BuildInputs", "value": Digest::of(b"inputs").as_str()},
            {"key": "DeployedBy", "value": "ada _laptop_"},
            {"key": "GitSha", "value": "abc1234"},
            {"key": "ManagedBy", "value": "t3nets"},
            {"key": "Project", "value": "t3nets"},
            {"key": "Version", "value": "0.2.0"},
        ])
    );
    let unknown = DesiredImage {
        git_sha: None,
        ..desired()
    };
    let plan = plan(
        &revision(4, "x", "terraform"),
        None,
        "router",
        &unknown,
        WHO,
    )
    .unwrap();
    assert!(!plan.request(5).to_string().contains("0ldc0de"));
}

#[test]
fn the_release_is_added_where_there_was_none() {
    let mut running = revision(1, "x", "terraform");
    running.definition["containerDefinitions"][0]["environment"] = Value::Null;
    let request = planned(&running, None).request(2);
    assert_eq!(
        request["containerDefinitions"][0]["environment"],
        json!([{"name": RELEASE, "value": format!("t3nets-dev-router:2@{DIGEST}")}])
    );
}

#[test]
fn a_newer_template_brings_its_settings_and_shows_them() {
    let running = revision(4, &format!("repo@{DIGEST}"), "t3nets");
    let mut template = revision(5, "repo:bootstrap", "terraform");
    template.definition["memory"] = json!("1024");
    let container = &mut template.definition["containerDefinitions"][0];
    container["environment"] = json!([
        {"name": "RUST_LOG", "value": "debug"},
        {"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "authorization=abc"},
    ]);
    container["healthCheck"]["interval"] = json!(10);
    let plan = planned(&running, Some(&template));
    assert_eq!(plan.preview.base, "t3nets-dev-router:5");
    assert_eq!(
        fields(&plan),
        [
            "+ containerDefinitions[router].environment[OTEL_EXPORTER_OTLP_HEADERS].value: (hidden)",
            "- containerDefinitions[router].environment[PORT].value: 8080",
            "+ containerDefinitions[router].environment[RUST_LOG].value: debug",
            "~ containerDefinitions[router].healthCheck.interval: 30 → 10",
            "~ memory: 512 → 1024",
        ]
    );
}

#[test]
fn an_older_template_changes_nothing() {
    let running = revision(4, &format!("repo@{DIGEST}"), "t3nets");
    let mut template = revision(3, "repo:bootstrap", "terraform");
    template.definition["memory"] = json!("1024");
    let plan = planned(&running, Some(&template));
    assert_eq!(plan.preview.base, "t3nets-dev-router:4");
    assert_eq!(plan.preview.changes, []);
}

#[test]
fn a_new_image_is_the_one_change() {
    let plan = planned(&revision(4, "repo@sha256:old", "t3nets"), None);
    assert_eq!(
        fields(&plan),
        [format!(
            "~ containerDefinitions[router].image: repo@sha256:old → repo@{DIGEST}"
        )]
    );
}

#[test]
fn the_order_of_variables_means_nothing() {
    let running = revision(4, &format!("repo@{DIGEST}"), "t3nets");
    let mut template = revision(5, "repo:bootstrap", "terraform");
    let variables = &mut template.definition["containerDefinitions"][0]["environment"];
    variables.as_array_mut().unwrap().reverse();
    assert_eq!(planned(&running, Some(&template)).preview.changes, []);
}

#[test]
fn an_image_that_could_not_start_is_refused() {
    let arm = DesiredImage {
        architecture: Architecture::Arm64,
        ..desired()
    };
    let running = revision(4, "x", "t3nets");
    let refused = plan(&running, None, "router", &arm, WHO).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the image is built for ARM64, and the task definition runs on X86_64"
    );
    let mut graviton = running.clone();
    graviton.definition["runtimePlatform"]["cpuArchitecture"] = json!("ARM64");
    assert!(plan(&graviton, None, "router", &arm, WHO).is_ok());
    // ECS's default, and what is not known is not refused.
    graviton.definition["runtimePlatform"] = Value::Null;
    assert!(plan(&graviton, None, "router", &arm, WHO).is_err());
    graviton.definition["runtimePlatform"] = json!({"cpuArchitecture": "INVENTED_LATER"});
    assert!(plan(&graviton, None, "router", &arm, WHO).is_ok());
    assert_eq!(
        graviton.architecture().unwrap_err().to_string(),
        "task definition `t3nets-dev-router:4` runs on `INVENTED_LATER`, for which no image can be built"
    );
}

#[test]
fn a_missing_container_and_a_floating_image_are_refused() {
    let running = revision(4, "x", "t3nets");
    let missing = plan(&running, None, "web", &desired(), WHO).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "task definition `t3nets-dev-router:4` has no container `web`, only `router`, `collector`"
    );
    for image in ["repo:latest", "repo"] {
        let floating = DesiredImage {
            image: image.parse().unwrap(),
            ..desired()
        };
        let refused = plan(&running, None, "router", &floating, WHO).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("`{image}` does not name an image by its digest")
        );
    }
}

#[test]
fn an_image_that_is_not_built_is_shown_as_that() {
    let image = PlannedImage::ToBeBuilt {
        repository: "host.example/repo".parse().unwrap(),
    };
    let preview = preview(
        &revision(4, "repo@sha256:old", "t3nets"),
        None,
        "router",
        &image,
    );
    let changes = preview.unwrap().changes;
    assert_eq!(
        changes[0].to_string(),
        "~ containerDefinitions[router].image: repo@sha256:old → host.example/repo@(to be built)"
    );
}

#[test]
fn a_preview_shows_what_the_plan_changes() {
    let running = revision(4, "repo@sha256:old", "t3nets");
    let template = revision(5, "repo:bootstrap", "terraform");
    let image = PlannedImage::Built {
        image: desired().image,
        architecture: Architecture::X86_64,
    };
    let shown = preview(&running, Some(&template), "router", &image).unwrap();
    assert_eq!(shown, planned(&running, Some(&template)).preview);
}

#[test]
fn a_copy_of_a_deregistered_revision_can_be_registered() {
    let request = copy(&revision(3, "repo@sha256:old", "t3nets"));
    assert!(request.get("revision").is_none());
    assert_eq!(request["cpu"], "256");
    assert!(!request["tags"].to_string().contains("aws:"));
}

#[test]
fn more_tags_than_ecs_takes_are_found_before_anything_is_built() {
    let with_tags = |count: usize| {
        let mut base = revision(4, "x", "terraform");
        base.tags = (0..count)
            .map(|one| (format!("Tag{one}"), String::new()))
            .collect();
        base
    };
    // A deploy adds four.
    assert_eq!(check_base(&with_tags(46), "router"), Ok(()));
    let refused = check_base(&with_tags(47), "router").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "task definition `t3nets-dev-router:4` has 51 tags with those of a deploy, and ECS takes 50"
    );
    // Those of a deploy that are there already are replaced, and AWS's own are not set.
    let mut deployed = with_tags(46);
    for key in OWN_TAGS
        .into_iter()
        .chain(["aws:cloudformation:stack-name"])
    {
        deployed.tags.insert(key.to_owned(), "x".to_owned());
    }
    assert_eq!(check_base(&deployed, "router"), Ok(()));
    let image = PlannedImage::ToBeBuilt {
        repository: "host.example/repo".parse().unwrap(),
    };
    let planned = preview(&with_tags(47), None, "router", &image);
    assert!(matches!(planned, Err(PlanError::TooManyTags { .. })));
}

#[test]
fn a_tag_that_ecs_would_not_take_is_named() {
    let refused = |key: &str, value: &str| {
        let mut base = revision(4, "x", "terraform");
        base.tags.insert(key.to_owned(), value.to_owned());
        check_base(&base, "router").map_err(|error| error.to_string())
    };
    assert_eq!(refused("Größe", "a+b=c:/@ d"), Ok(()));
    assert_eq!(refused(&"k".repeat(128), &"v".repeat(256)), Ok(()));
    for (key, value) in [
        (&*"k".repeat(129), "v"),
        ("", "v"),
        ("Key", &*"v".repeat(257)),
        ("Key", "semi;colon"),
        ("Key<", "v"),
    ] {
        assert!(
            refused(key, value).unwrap_err().contains(key),
            "{key:?} {value:?}"
        );
    }
}

#[test]
fn a_missing_container_is_found_before_anything_is_built() {
    let missing = check_base(&revision(4, "x", "t3nets"), "web").unwrap_err();
    assert!(missing.to_string().contains("has no container `web`"));
}
