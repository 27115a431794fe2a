//! The environment variables and files that the program reads, for its help and its manual page.

/// Each variable with what it does.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    (
        "T3NETS_ENVIRONMENT",
        "the environment to work on, without `--env`",
    ),
    (
        "T3NETS_HOME",
        "where local data and saved keys are [default: t3nets in the user's data directory]",
    ),
    (
        "T3NETS_SAFE_DIRECTORY",
        "folders of other users whose t3nets.toml is followed, or *",
    ),
    ("T3NETS_API_KEY", "the key or JWT that `t3nets chat` sends"),
    (
        "T3NETS_ON_DONE",
        "the address that `t3nets deploy` tells how it ended",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "the collector that `t3nets deploy` sends its trace to",
    ),
    ("TRACEPARENT", "the trace that a deploy is added to"),
    (
        "T3NETS_TERRAFORM",
        "the program that `t3nets infra` runs [default: terraform, else tofu]",
    ),
    (
        "T3NETS_ENV",
        "`aws` in the router's container, where local environments are refused",
    ),
    (
        "ANTHROPIC_API_KEY",
        "the key of the model that `t3nets dev` asks",
    ),
    ("ANTHROPIC_BASE_URL", "another address of Anthropic's API"),
    ("OPENAI_API_KEY", "the key of an OpenAI-compatible model"),
    (
        "OPENAI_BASE_URL",
        "the address of an OpenAI-compatible model",
    ),
    (
        "T3NETS_MODEL",
        "the name of the model that `t3nets dev` asks",
    ),
    ("BROWSER", "the browser that `t3nets open` starts"),
    (
        "DISPLAY",
        "the screen for it; without one the link is printed",
    ),
    ("WAYLAND_DISPLAY", "the same"),
    (
        "SSH_CONNECTION",
        "set on a machine elsewhere, where the link is printed",
    ),
    ("ADMIN_EMAIL", "the administrator that `t3nets seed` adds"),
    ("JIRA_URL", "read by `t3nets seed`, also from .env"),
    ("JIRA_EMAIL", "the same"),
    ("JIRA_API_TOKEN", "the same"),
    ("JIRA_BOARD_ID", "the same"),
    ("RUST_LOG", "what is logged, such as t3nets_router=debug"),
    ("NO_COLOR", "no colors, if it is set"),
    ("CLICOLOR", "`0`: no colors"),
    ("CLICOLOR_FORCE", "colors also without a terminal"),
    ("TERM", "what the terminal can show"),
    (
        "USER",
        "who is named in the audit trail of a local environment",
    ),
    ("LOGNAME", "the same where USER is not set"),
    ("USERNAME", "the same where neither is set"),
    ("DOCKER_HOST", "the Docker engine that builds"),
    (
        "DOCKER_TLS",
        "the same as DOCKER_TLS_VERIFY, without checking who answers",
    ),
    (
        "DOCKER_TLS_VERIFY",
        "reach the engine at DOCKER_HOST by TLS, if it is set",
    ),
    (
        "DOCKER_CERT_PATH",
        "the folder with the certificates for it [default: Docker's own]",
    ),
    ("DOCKER_CONTEXT", "the Docker context that builds"),
    ("DOCKER_CONFIG", "the folder with Docker's config.json"),
    (
        "DOCKER_AUTH_CONFIG",
        "logins for registries, as in Docker's config.json",
    ),
    (
        "SSH_AUTH_SOCK",
        "the agent that `--ssh default` lends a build",
    ),
    ("DOCKER_BUILDKIT", "`0`: build with the classic builder"),
    ("TF_DATA_DIR", "where Terraform keeps its working data"),
    (
        "AWS_…",
        "what the AWS SDKs understand: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL",
    ),
    ("HTTP_PROXY", "the proxy for http addresses"),
    ("HTTPS_PROXY", "the proxy for https addresses"),
    ("ALL_PROXY", "the proxy for both"),
    ("NO_PROXY", "hosts that are reached without a proxy"),
    (
        "T3NETS_PRIVATE_RANGES",
        "private addresses to which tenants' own addresses may lead",
    ),
    (
        "T3NETS_BUDGET_WEBHOOK",
        "the address that `t3nets dev` tells of budgets",
    ),
    (
        "T3NETS_PUBLIC_URL",
        "where people reach `t3nets dev`, if not on this machine",
    ),
    (
        "T3NETS_OIDC_ISSUER",
        "whose JWTs `t3nets dev` accepts beside its keys",
    ),
    ("T3NETS_OIDC_AUDIENCE", "the audience that they must name"),
    ("SSL_CERT_FILE", "the certificate authorities to trust"),
    ("SSL_CERT_DIR", "the same, as a folder"),
];

/// Each file with what it is.
pub(crate) const FILES: &[(&str, &str)] = &[
    (
        "t3nets.toml",
        "the environments of a project, in the current folder or one above",
    ),
    (".env", "variables for `t3nets seed`, in the current folder"),
    (
        "infra/aws",
        "the Terraform of the environments, in the current folder or one above",
    ),
    (
        "$T3NETS_HOME",
        "data and secrets of local environments, saved keys, the history of `t3nets chat`",
    ),
];

/// The variables, as help shows them.
pub(super) fn shown() -> String {
    let lines = VARIABLES
        .iter()
        .map(|(name, what)| format!("  {name:<21}  {what}"));
    format!(
        "Environment variables:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    #[test]
    fn the_variables_in_the_help_are_those_in_the_manual() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let part = page
            .split("## Variables of the command line")
            .nth(1)
            .unwrap();
        let part = part.split("\n## ").next().unwrap();
        let row = Regex::new(r"(?m)^\| (`.*?) \|").unwrap();
        let name = Regex::new("`([A-Z0-9_]+…?)`").unwrap();
        let listed: BTreeSet<&str> = row
            .captures_iter(part)
            .flat_map(|cells| name.captures_iter(cells.get(1).unwrap().as_str()))
            .map(|found| found.get(1).unwrap().as_str())
            // The manual lists those of AWS one by one.
            .filter(|name| !name.starts_with("AWS_") || *name == "AWS_…")
            .collect();
        let shown: BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(shown, listed);
    }

    #[test]
    fn every_variable_that_the_program_reads_is_listed() {
        fn collect(folder: &Path, text: &mut String) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.extension() {
                    _ if path.is_dir() => collect(&path, text),
                    Some(extension) if extension == "rs" && !path.ends_with("variables.rs") => {
                        let file = std::fs::read_to_string(path).unwrap();
                        text.push_str(file.split("#[cfg(test)]").next().unwrap());
                    }
                    _ => {}
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        for folder in [
            "src",
            "deploy/src",
            "../router/src/ai",
            "../router/src/outbound",
        ] {
            collect(&root.join(folder), &mut text);
        }
        let read = Regex::new(
            r#"(?:env::var(?:_os)?|variables\.get|variable|self\.get)\(\s*"([A-Z][A-Z0-9_]+)"\s*\)"#,
        )
        .unwrap();
        let names: BTreeSet<String> = read
            .captures_iter(&text)
            .map(|found| found[1].to_owned())
            .collect();
        assert!(names.len() > 5, "{names:?}");
        for name in names {
            let is_listed = |(listed, _): &(&str, &str)| {
                *listed == name
                    || listed
                        .strip_suffix('…')
                        .is_some_and(|begin| name.starts_with(begin))
            };
            assert!(
                ["PATH", "HOME", "SUDO_UID"].contains(&&*name) || VARIABLES.iter().any(is_listed),
                "{name} is not listed"
            );
        }
    }
}
