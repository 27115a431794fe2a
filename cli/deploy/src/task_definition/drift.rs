//! What Terraform's template has that the service does not run yet.

use super::TaskDefinition;
use super::changes::{Change, differences};
use super::plan::base;

/// The settings that the next deploy would take over from a template: those in which it differs
/// from the revision that runs, if it is the younger one. The image is left out: every deploy has
/// its own.
pub fn drift(running: &TaskDefinition, template: &TaskDefinition, container: &str) -> Vec<Change> {
    if std::ptr::eq(base(running, Some(template)), running) {
        return Vec::new();
    }
    let image = format!("containerDefinitions[{container}].image");
    let mut changes = differences(running, template, container);
    changes.retain(|change| change.field != image);
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Tags;
    use super::*;

    fn revision(number: u64, cpu: &str, image: &str, environment: Value) -> TaskDefinition {
        TaskDefinition {
            definition: json!({
                "taskDefinitionArn": format!("arn:aws:ecs:us-east-1:123456789012:task-definition/r:{number}"),
                "family": "r",
                "revision": number,
                "registeredAt": number,
                "cpu": cpu,
                "containerDefinitions": [
                    {"name": "router", "image": image, "environment": environment},
                    {"name": "collector", "image": "otel:1"},
                ],
            }),
            tags: Tags::new(),
        }
    }

    fn fields(running: &TaskDefinition, template: &TaskDefinition) -> Vec<String> {
        let changes = drift(running, template, "router");
        changes.into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn what_every_deploy_sets_is_not_drift() {
        let release = json!([{"name": "PORT", "value": "8080"}, {"name": "T3NETS_RELEASE", "value": "r:1@sha256:0"}]);
        let running = revision(1, "256", "repo@sha256:0", release);
        let port = json!([{"name": "PORT", "value": "8080"}]);
        let template = revision(2, "256", "repo:bootstrap", port);
        assert_eq!(fields(&running, &template), Vec::<String>::new());
    }

    #[test]
    fn a_younger_templates_settings_are_drift_and_an_older_ones_are_not() {
        let running = revision(2, "256", "repo@sha256:0", json!([]));
        let level = json!([{"name": "RUST_LOG", "value": "debug"}]);
        let younger = revision(3, "512", "repo:bootstrap", level.clone());
        let differing = [
            "containerDefinitions[router].environment[RUST_LOG].value",
            "cpu",
        ];
        assert_eq!(fields(&running, &younger), differing);
        let older = revision(1, "512", "repo:bootstrap", level);
        assert_eq!(fields(&running, &older), Vec::<String>::new());
    }

    #[test]
    fn another_containers_image_is_drift() {
        let running = revision(1, "256", "repo@sha256:0", json!([]));
        let mut template = revision(2, "256", "repo:bootstrap", json!([]));
        template.definition["containerDefinitions"][1]["image"] = json!("otel:2");
        assert_eq!(
            fields(&running, &template),
            ["containerDefinitions[collector].image"]
        );
    }
}
