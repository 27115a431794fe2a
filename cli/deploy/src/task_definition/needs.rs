//! What the router's image needs of a task definition, and whether a revision gives it. One that
//! was made for another image (the Python program's, say) starts tasks that end at once.

use serde_json::Value;
use t3nets_router::config::{ConfigError, ContainerConfig};

use super::TaskDefinition;

/// The one program in the image. There is no shell and no other tool.
const PROGRAM: &str = "/usr/local/bin/t3nets-router";
/// What the program can be told to do.
const COMMANDS: [&str; 2] = ["serve", "healthcheck"];

/// What a revision does not give the image that it needs, each as a fragment that names the field.
/// Nothing is said of what is only known when a task starts: secrets and files of variables.
pub fn unmet(definition: &TaskDefinition, container: &str) -> Vec<String> {
    let Some(container) = definition.container(container) else {
        return vec![format!("it has no container `{container}`")];
    };
    let mut unmet = variables(container);
    unmet.extend(health_check(&container["healthCheck"]["command"]));
    unmet.extend(program(container));
    unmet.extend(port(container));
    unmet
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

fn variable<'c>(container: &'c Value, name: &str) -> Option<&'c str> {
    let mut variables = container["environment"].as_array()?.iter();
    let found = variables.find(|variable| variable["name"] == name)?;
    found["value"].as_str()
}

fn variables(container: &Value) -> Vec<String> {
    let is_list = |field: &str| {
        container[field]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    };
    if is_list("environmentFiles") {
        return Vec::new();
    }
    let secrets = container["secrets"].as_array().into_iter().flatten();
    let secrets: Vec<&str> = secrets
        .filter_map(|secret| secret["name"].as_str())
        .collect();
    let mut unmet = Vec::new();
    match variable(container, "T3NETS_ENV") {
        Some("aws") => {}
        _ if secrets.contains(&"T3NETS_ENV") => {}
        Some(other) => unmet.push(format!("`T3NETS_ENV` is `{other}` instead of `aws`")),
        None => unmet.push("`T3NETS_ENV` is not set".to_owned()),
    }
    // The router itself reads them, as it will when it starts.
    let read = ContainerConfig::from_env(|name| match name {
        "T3NETS_ENV" => Some("aws".to_owned()),
        name => variable(container, name).map(str::to_owned),
    });
    match read {
        Err(ConfigError::Missing(names)) => {
            let missing = names.into_iter().filter(|name| !secrets.contains(name));
            unmet.extend(missing.map(|name| format!("`{name}` is not set")));
        }
        Err(ConfigError::Invalid { name, .. }) if secrets.contains(&name) => {}
        Err(error) => unmet.push(error.to_string()),
        Ok(_) => {}
    }
    unmet
}

/// ECS kills a task whose check cannot run as one that is ill.
fn health_check(command: &Value) -> Option<String> {
    match texts(command)[..] {
        [] | ["NONE", ..] | ["CMD", PROGRAM, ..] => None,
        ["CMD-SHELL", ..] => {
            Some("its health check needs a shell, which the image does not have".to_owned())
        }
        ["CMD", other, ..] | [other, ..] => Some(format!(
            "its health check runs `{other}`, which the image does not have"
        )),
    }
}

fn program(container: &Value) -> Option<String> {
    let (entry_point, command) = (
        texts(&container["entryPoint"]),
        texts(&container["command"]),
    );
    match (entry_point.first(), command.first()) {
        (Some(&program), _) if program != PROGRAM => Some(format!(
            "its entry point is `{program}`, which the image does not have"
        )),
        (_, Some(&command)) if !COMMANDS.contains(&command) => Some(format!(
            "its command is `{command}`, which the router does not know"
        )),
        _ => None,
    }
}

fn port(container: &Value) -> Option<String> {
    let port: u64 = match variable(container, "PORT") {
        Some(port) => port.parse().ok()?,
        None => 8080,
    };
    let mapped: Vec<u64> = container["portMappings"]
        .as_array()?
        .iter()
        .filter_map(|mapping| mapping["containerPort"].as_u64())
        .collect();
    match mapped.is_empty() || mapped.contains(&port) {
        true => None,
        false => Some(format!(
            "the router listens on port {port}, which it does not map"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(container: Value) -> Vec<String> {
        let definition = TaskDefinition {
            definition: json!({ "containerDefinitions": [container] }),
            tags: Default::default(),
        };
        unmet(&definition, "router")
    }

    /// As this repository's Terraform has it.
    fn whole() -> Value {
        json!({
            "name": "router",
            "environment": [
                {"name": "T3NETS_ENV", "value": "aws"},
                {"name": "AWS_REGION", "value": "us-east-1"},
                {"name": "BEDROCK_MODEL_ID", "value": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
                {"name": "DYNAMODB_CONVERSATIONS_TABLE", "value": "t3nets-dev-conversations"},
                {"name": "DYNAMODB_TENANTS_TABLE", "value": "t3nets-dev-tenants"},
                {"name": "SECRETS_PREFIX", "value": "/t3nets/dev/tenants"},
                {"name": "PORT", "value": "8080"},
            ],
            "portMappings": [{"containerPort": 8080}],
            "healthCheck": {"command": ["CMD", PROGRAM, "healthcheck", "http://127.0.0.1:8080/health"]},
        })
    }

    #[test]
    fn what_terraform_registers_is_all_that_the_image_needs() {
        assert_eq!(of(whole()), [""; 0]);
    }

    #[test]
    fn what_was_made_for_another_image_is_told_field_by_field() {
        let changed = |field: &str, value: Value| {
            let mut container = whole();
            container[field] = value;
            of(container)
        };
        let python = json!(["CMD-SHELL", "python -c \"import urllib.request\" || exit 1"]);
        for (field, value, told) in [
            ("healthCheck", json!({"command": python}), "needs a shell"),
            (
                "healthCheck",
                json!({"command": ["CMD", "curl", "-f"]}),
                "runs `curl`",
            ),
            (
                "command",
                json!(["python", "-m", "server"]),
                "its command is `python`",
            ),
            ("entryPoint", json!(["sh", "-c"]), "its entry point is `sh`"),
            ("portMappings", json!([{"containerPort": 80}]), "port 8080"),
        ] {
            let unmet = changed(field, value);
            assert!(
                unmet.len() == 1 && unmet[0].contains(told),
                "{field}: {unmet:?}"
            );
        }
        let environment = |left_out: &[&str], name: &str, value: &str| {
            let mut container = whole();
            let variables = container["environment"].as_array_mut().unwrap();
            variables.retain(|variable| !left_out.contains(&variable["name"].as_str().unwrap()));
            variables.push(json!({"name": name, "value": value}));
            container
        };
        let container = environment(&["T3NETS_ENV", "SECRETS_PREFIX"], "PLATFORM", "aws");
        assert_eq!(
            of(container),
            ["`T3NETS_ENV` is not set", "`SECRETS_PREFIX` is not set"]
        );
        let container = environment(&["SECRETS_PREFIX"], "SECRETS_PREFIX", "t3nets");
        assert!(of(container)[0].contains("SECRETS_PREFIX"));
        // What a secret or a file gives is known only when a task starts.
        let mut container = environment(&["SECRETS_PREFIX"], "X", "");
        container["secrets"] = json!([{"name": "SECRETS_PREFIX", "valueFrom": "arn"}]);
        assert_eq!(of(container), [""; 0]);
    }
}
