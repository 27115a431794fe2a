//! What the task's role has to allow: the actions that this crate calls on AWS. `infra/aws` has the
//! same list, with the resources and the call that needs each.

/// The actions that the router calls on AWS, whatever its settings are.
pub const TASK_ACTIONS: [&str; 10] = [
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
];

/// What it needs besides where a tenant's settings name a guardrail.
pub(crate) const GUARDRAIL_ACTION: &str = "bedrock:ApplyGuardrail";

/// Those that it calls besides where tenants are administered over HTTP (`T3NETS_ADMIN_API`).
pub const ADMIN_ACTIONS: [&str; 6] = [
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:ListSecrets",
    "secretsmanager:RestoreSecret",
    "secretsmanager:TagResource",
    "secretsmanager:UpdateSecret",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// What Bedrock's own examples allow with the call of an application inference profile or of a
    /// prompt router, each on that one alone.
    const ALLOWED_BY_KIND: [&str; 2] = ["bedrock:GetInferenceProfile", "bedrock:GetPromptRouter"];

    #[test]
    fn the_terraforms_task_role_allows_these_actions_and_no_others_of_their_services() {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/aws/modules");
        let mut allowed = BTreeSet::new();
        for file in ["compute/iam.tf", "compute/bedrock.tf", "secrets/main.tf"] {
            let text = std::fs::read_to_string(modules.join(file)).unwrap();
            // Conditions have names of that form, too.
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("variable"))
                .map(|line| line.split('#').next().unwrap_or_default());
            for quoted in code.flat_map(|line| {
                line.split('"')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            }) {
                let services = ["bedrock:", "dynamodb:", "secretsmanager:"];
                let is_action = services.iter().any(|service| quoted.starts_with(service))
                    && quoted
                        .chars()
                        .all(|letter| letter == ':' || letter.is_ascii_alphabetic());
                if is_action {
                    allowed.insert(quoted);
                }
            }
        }
        let called = TASK_ACTIONS.into_iter().chain(ADMIN_ACTIONS);
        let called = called.chain([GUARDRAIL_ACTION]).chain(ALLOWED_BY_KIND);
        let called: BTreeSet<String> = called.map(str::to_owned).collect();
        assert_eq!(allowed, called);
    }
}
