//! The settings of AWS's own that docs/configuration.md lists: each that is said to be heeded is
//! given to the program, by its variable and in a profile, and what it then asks for shows it.

mod probes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use support::TestServer;
use support::certificates::Certificates;
use support::https::HttpsFront;
use tokio::runtime::Runtime;

use self::probes::{Probe, USUAL, probe, services};
use crate::sandbox::{Finished, Sandbox, finish};

/// A request of the program's.
#[derive(Debug, Clone)]
struct Seen {
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Everything of AWS's that a setting may lead to: services, STS, single sign-on, and the addresses
/// of a container and an instance.
struct Aws {
    runtime: Runtime,
    server: TestServer,
    seen: Arc<Mutex<Vec<Seen>>>,
    sandbox: Sandbox,
}

const KEYS: &str = r#""AccessKeyId": "AKIAGIVEN", "SecretAccessKey": "s", "Token": "t",
    "SessionToken": "t", "Expiration": "2100-01-01T00:00:00Z", "Code": "Success""#;

fn assumed(action: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
         <AccessKeyId>AKIAGIVEN</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>a:b</AssumedRoleId>\
         <Arn>arn:aws:sts::1:assumed-role/a/b</Arn></AssumedRoleUser></{action}Result></{action}Response>"
    )
}

fn answer(seen: &Seen) -> Response {
    let target = seen.target.as_str();
    if target.ends_with("/latest/api/token") {
        let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "300")];
        (lifetime, "token").into_response()
    } else if target.ends_with("/security-credentials/") {
        "role".into_response()
    } else if target.contains("/security-credentials/role") || target.ends_with("/creds") {
        format!("{{{KEYS}}}").into_response()
    } else if target.contains("/federation/credentials") {
        r#"{"roleCredentials": {"accessKeyId": "AKIAGIVEN", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4102444800000}}"#.into_response()
    } else if seen.body.contains("Action=AssumeRoleWithWebIdentity") {
        assumed("AssumeRoleWithWebIdentity").into_response()
    } else if seen.body.contains("Action=AssumeRole") {
        assumed("AssumeRole").into_response()
    } else if seen.header("x-amz-target").contains("Describe") {
        // What the service is, matters to none of these.
        let failed = r#"{"__type": "ServerException", "message": "not today"}"#;
        (StatusCode::INTERNAL_SERVER_ERROR, failed).into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

impl Aws {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let routes = Router::new().fallback(move |request: Request| {
            let log = Arc::clone(&log);
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let headers = head.headers.iter();
                let seen = Seen {
                    target: head.uri.to_string(),
                    headers: headers
                        .map(|(name, value)| {
                            (
                                name.to_string(),
                                value.to_str().unwrap_or_default().to_owned(),
                            )
                        })
                        .collect(),
                    body: String::from_utf8_lossy(&body).into_owned(),
                };
                let answer = answer(&seen);
                log.lock().unwrap().push(seen);
                answer
            }
        });
        let server = runtime.block_on(TestServer::start(routes));
        let sandbox = Sandbox::new();
        sandbox.write("t3nets.toml", "[env.dev]\nplatform = \"aws\"\n");
        Self {
            runtime,
            server,
            seen,
            sandbox,
        }
    }

    /// What is asked for with these variables and these lines of the profile `default`.
    fn run(&self, variables: &[(String, String)], profile: &str) -> (Vec<Seen>, Finished) {
        self.seen.lock().unwrap().clear();
        self.sandbox
            .write("../.aws/config", &format!("[default]\n{profile}\n"));
        let mut command = self.sandbox.command(&["status", "-e", "dev"]);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let finished = finish(&mut command);
        (self.seen.lock().unwrap().clone(), finished)
    }

    fn url(&self) -> String {
        self.server.url()
    }
}

/// The table's rows: the variable, its name in a profile, and what becomes of it.
fn rows() -> Vec<[String; 3]> {
    let path = support::aws::root().join("docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text
        .split_once("### Settings of AWS's own")
        .expect("the section");
    let section = section.split("\n## ").next().unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| variable"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [variable, profile, honoured] = cells[..] else {
            panic!("{line}");
        };
        [variable, profile, honoured].map(|cell| cell.trim_matches('`').to_owned())
    })
    .collect()
}

impl Aws {
    /// Sets a setting, by its variable or in the profile, and says whether it shows.
    fn shows(&self, probe: &Probe, variable: Option<&str>, in_profile: Option<&str>) -> bool {
        let folder = self.sandbox.work().parent().unwrap().display().to_string();
        let filled = |text: &str| text.replace("URL", &self.url()).replace("FOLDER", &folder);
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        let mut profile: BTreeMap<String, String> = BTreeMap::new();
        let mut session: BTreeMap<String, String> = BTreeMap::new();
        for text in USUAL.iter().chain(probe.beside) {
            if let Some(name) = text.strip_prefix('-') {
                variables.remove(name);
                continue;
            }
            let (name, value) = text.split_once('=').unwrap();
            let value = match name.starts_with("AWS_ENDPOINT_URL") {
                true => self.url(),
                false => filled(value),
            };
            match name.split_once(':') {
                Some(("profile", name)) => profile.insert(name.to_owned(), value),
                Some((_, name)) => session.insert(name.to_owned(), value),
                None => variables.insert(name.to_owned(), value),
            };
        }
        let value = filled(probe.value);
        if let Some(variable) = variable {
            let name = variable.replace("<SERVICE>", "ECS");
            variables.insert(name, value.clone());
        }
        if let Some(name) = in_profile {
            // A variable would come first.
            variables.retain(|known, _| {
                let own = known.to_lowercase();
                own != name
                    && own != format!("aws_{name}")
                    && own.trim_start_matches("aws_") != name
            });
            profile.insert(name.to_owned(), value);
            if profile.contains_key("aws_access_key_id")
                || profile.contains_key("web_identity_token_file")
            {
                variables.remove("AWS_ACCESS_KEY_ID");
                variables.remove("AWS_SECRET_ACCESS_KEY");
                variables.remove("AWS_ROLE_ARN");
                variables.remove("AWS_WEB_IDENTITY_TOKEN_FILE");
                profile
                    .entry("aws_secret_access_key".to_owned())
                    .or_insert("s".to_owned());
            }
            if let "role_arn" | "web_identity_token_file" | "role_session_name" = name {
                for (name, value) in [
                    ("role_arn", "arn:aws:iam::1:role/web".to_owned()),
                    ("web_identity_token_file", filled("FOLDER/web-token")),
                    ("role_session_name", "named".to_owned()),
                ] {
                    profile.entry(name.to_owned()).or_insert(value);
                }
                for name in [
                    "AWS_ROLE_ARN",
                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                    "AWS_ROLE_SESSION_NAME",
                ] {
                    variables.remove(name);
                }
                profile.remove("aws_secret_access_key");
            }
        }
        let lines = |map: &BTreeMap<String, String>| {
            let lines = map.iter().map(|(name, value)| format!("{name} = {value}"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let file = format!(
            "{}\n[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n[sso-session corp]\n{}",
            lines(&profile),
            lines(&session)
        );
        let variables: Vec<_> = variables.into_iter().collect();
        let (seen, finished) = self.run(&variables, &file);
        let shows = (probe.shows)(&seen);
        if !shows {
            support::tell(&format!("{variables:?}\n{file}\n{seen:?}\n{finished:?}"));
        }
        shows
    }
}

#[test]
fn every_setting_of_awss_own_that_is_said_to_be_heeded_is() {
    let aws = Aws::new();
    let files = [
        ("web-token", "web-token".to_owned()),
        ("process.json", format!("{{\"Version\": 1, {KEYS}}}")),
        ("elsewhere-config", "[default]\naws_access_key_id = AKIAGIVEN\naws_secret_access_key = s\n".to_owned()),
        ("elsewhere-credentials", "[default]\naws_access_key_id = AKIAGIVEN\naws_secret_access_key = s\n".to_owned()),
        // The name is the SHA-1 of `corp`.
        (
            ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
            r#"{"accessToken": "t", "expiresAt": "2100-01-01T00:00:00Z", "region": "us-east-1", "startUrl": "https://corp.example/start"}"#.to_owned(),
        ),
    ];
    for (name, content) in files {
        aws.sandbox.write(&format!("../{name}"), &content);
    }
    let rows = rows();
    assert!(rows.len() > 60, "{}", rows.len());
    let mut failed = Vec::new();
    for [variable, profile, honoured] in &rows {
        assert!(!honoured.is_empty(), "{variable} {profile}");
        if honoured != "yes" {
            continue;
        }
        let has = |name: &str| name != "–";
        let name = if has(variable) { variable } else { profile };
        let Some(probe) = probe(name) else {
            failed.push(format!("{name} is not tried"));
            continue;
        };
        if has(variable) && !aws.shows(&probe, Some(variable), None) {
            failed.push(variable.clone());
        }
        if has(profile) && !aws.shows(&probe, None, Some(profile)) {
            failed.push(profile.clone());
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_bundle_of_certificates_is_trusted_by_its_variable_and_in_a_profile() {
    let Some(certificates) = Certificates::new() else {
        return;
    };
    let aws = Aws::new();
    let front = aws.runtime.block_on(HttpsFront::start(
        &aws.url(),
        std::net::Ipv4Addr::LOCALHOST.into(),
        &certificates.path("cert.pem"),
        &certificates.path("key.pem"),
    ));
    let url = format!("https://127.0.0.1:{}", front.port());
    let bundle = certificates.path("ca.pem").display().to_string();
    let usual = [
        ("AWS_ACCESS_KEY_ID", "AKIAUSUAL"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_MAX_ATTEMPTS", "1"),
    ];
    let run = |more: &[(&str, &str)], profile: &str| {
        let all = usual.iter().chain(more);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        aws.run(&all.collect::<Vec<_>>(), profile)
    };
    let (seen, _) = run(&[("AWS_CA_BUNDLE", &bundle)], "");
    assert_eq!(services(&seen).count(), 1);
    let (seen, _) = run(&[], &format!("ca_bundle = {bundle}"));
    assert_eq!(services(&seen).count(), 1);
    let (seen, refused) = run(&[], "");
    assert!(seen.is_empty(), "{refused:?}");
    let (_, missing) = run(&[("AWS_CA_BUNDLE", "/nowhere.pem")], "");
    let missing = missing.expect_code(3);
    assert!(
        missing.stderr.contains("`/nowhere.pem` (AWS_CA_BUNDLE"),
        "{missing:?}"
    );
}

#[test]
fn the_state_is_read_with_the_role_of_its_backend() {
    let aws = Aws::new();
    let tfvars = "infra/aws/environments/dev.tfvars";
    aws.sandbox.write(tfvars, "environment = \"dev\"\n");
    aws.sandbox.write("infra/aws/variables.tf", "");
    let backend = format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket = \"states\"\n    key = \"t3nets\"\n    region = \"us-east-1\"\n\
         profile = \"base\"\n    endpoints = {{ s3 = \"{url}\", sts = \"{url}\" }}\n\
         assume_role = {{ role_arn = \"arn:aws:iam::1:role/state\", external_id = \"probed\" }}\n  }}\n}}\n",
        url = aws.url()
    );
    aws.sandbox.write("infra/aws/backend.tf", &backend);
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let base = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s";
    let (seen, finished) = aws.run(&variables, base);
    let taken = |one: &&Seen| one.body.contains("Action=AssumeRole");
    let taken = seen
        .iter()
        .find(taken)
        .unwrap_or_else(|| panic!("{seen:?} {finished:?}"));
    assert!(
        taken.header("authorization").contains("AKIABASE"),
        "{taken:?}"
    );
    assert!(taken.body.contains("role%2Fstate") && taken.body.contains("ExternalId=probed"));
    let read = seen.iter().find(|one| one.target.contains("/states/"));
    let read = read.unwrap_or_else(|| panic!("{seen:?} {finished:?}"));
    assert!(
        read.header("authorization").contains("AKIAGIVEN"),
        "{read:?}"
    );
}

#[test]
fn an_instances_metadata_is_asked_as_often_and_as_long_as_is_set() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let aws = Aws::new();
    let mut took = Vec::new();
    for seconds in ["1", "3"] {
        let variables = [
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.as_str()),
            ("AWS_METADATA_SERVICE_TIMEOUT", seconds),
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
            ("AWS_REGION", "us-east-1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let began = Instant::now();
        aws.run(&variables, "").1.expect_code(4);
        took.push(began.elapsed());
    }
    assert!(took[1] > took[0] + Duration::from_secs(1), "{took:?}");
    drop(aws.runtime);
}
