//! What a role's policies allow, as far as their actions go: whether an action is allowed on the
//! right resource, only the call itself can tell.

use aws_config::SdkConfig;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use t3nets_router::aws::AwsError;
use t3nets_router::aws::signed::{IAM, SignedClient};

/// The actions that a role's policies allow, as they have them: `dynamodb:Get*`.
///
/// # Errors
/// As AWS says.
pub async fn allowed_actions(sdk: &SdkConfig, role: &str) -> Result<Vec<String>, AwsError> {
    let iam = SignedClient::new(sdk, &IAM);
    let of_role = json!({ "RoleName": role });
    let mut documents = Vec::new();
    let inline: ListRolePolicies = iam.call("ListRolePolicies", &of_role).await?;
    for name in inline.policy_names.member {
        let input = json!({ "RoleName": role, "PolicyName": name });
        let policy: GetRolePolicy = iam.call("GetRolePolicy", &input).await?;
        documents.push(policy.policy_document);
    }
    let attached: ListAttachedRolePolicies = iam.call("ListAttachedRolePolicies", &of_role).await?;
    for AttachedPolicy { policy_arn } in attached.attached_policies.member {
        let policy: GetPolicy = iam
            .call("GetPolicy", &json!({ "PolicyArn": policy_arn }))
            .await?;
        let input =
            json!({ "PolicyArn": policy_arn, "VersionId": policy.policy.default_version_id });
        let version: GetPolicyVersion = iam.call("GetPolicyVersion", &input).await?;
        documents.push(version.policy_version.document);
    }
    Ok(documents
        .iter()
        .flat_map(|document| actions(document))
        .collect())
}

/// The actions that a policy allows. It is percent-encoded JSON
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>).
fn actions(document: &str) -> Vec<String> {
    let text = percent_decode_str(document).decode_utf8_lossy();
    let policy: Value = serde_json::from_str(&text).unwrap_or_default();
    let one_or_more = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let statements = one_or_more(&policy["Statement"]);
    let allowing = statements
        .iter()
        .filter(|statement| statement["Effect"] == "Allow");
    allowing
        .flat_map(|statement| match statement.get("NotAction") {
            // All but some: what they are is not told apart here.
            Some(_) => vec![json!("*")],
            None => one_or_more(&statement["Action"]),
        })
        .filter_map(|action| action.as_str().map(str::to_owned))
        .collect()
}

/// The actions that no pattern allows.
pub fn not_allowed<'a>(wanted: &[&'a str], patterns: &[String]) -> Vec<&'a str> {
    let is_allowed = |action: &&str| patterns.iter().any(|pattern| matches(pattern, action));
    wanted
        .iter()
        .filter(|action| !is_allowed(action))
        .copied()
        .collect()
}

/// Whether an action is meant: `*` stands for any letters, `?` for one, in whatever case
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>).
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    let (mut p, mut a, mut star) = (0, 0, None);
    while a < action.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, a));
                p += 1;
            }
            Some(&letter) if letter == b'?' || letter == action[a] => {
                p += 1;
                a += 1;
            }
            _ => match star {
                // The last `*` takes one letter more.
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    a = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&letter| letter == b'*')
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Members<T> {
    #[serde(default = "Vec::new")]
    member: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRolePolicies {
    policy_names: Members<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRolePolicy {
    policy_document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAttachedRolePolicies {
    attached_policies: Members<AttachedPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetPolicy {
    policy: Policy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    default_version_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetPolicyVersion {
    policy_version: PolicyVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyVersion {
    document: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_allowed_by_its_name_or_a_pattern() {
        for (pattern, action, expected) in [
            ("dynamodb:GetItem", "dynamodb:GetItem", true),
            ("dynamodb:get*", "dynamodb:GetItem", true),
            ("*", "bedrock:InvokeModel", true),
            (
                "bedrock:Invoke*Stream",
                "bedrock:InvokeModelWithResponseStream",
                true,
            ),
            ("bedrock:Invoke*Stream", "bedrock:InvokeModel", false),
            ("dynamodb:GetIte?", "dynamodb:GetItem", true),
            ("dynamodb:GetItem", "dynamodb:GetItems", false),
            ("dynamodb:Get", "dynamodb:GetItem", false),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn a_policys_allowed_actions_are_read_whatever_its_form() {
        let encoded = |text: &str| text.replace('"', "%22").replace('{', "%7B");
        let policy = r#"{"Statement":[{"Effect":"Allow","Action":["a:B","a:C*"]},{"Effect":"Deny","Action":"d:E"}]}"#;
        assert_eq!(actions(&encoded(policy)), ["a:B", "a:C*"]);
        let policy = r#"{"Statement":{"Effect":"Allow","Action":"a:B"}}"#;
        assert_eq!(actions(policy), ["a:B"]);
        let policy = r#"{"Statement":{"Effect":"Allow","NotAction":"iam:*"}}"#;
        assert_eq!(actions(policy), ["*"]);
        assert_eq!(actions("nonsense"), [""; 0]);
        let patterns = ["dynamodb:*".to_owned()];
        let wanted = ["dynamodb:Query", "bedrock:InvokeModel"];
        assert_eq!(not_allowed(&wanted, &patterns), ["bedrock:InvokeModel"]);
    }
}
