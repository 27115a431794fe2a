//! Each kind of AWS profile and of Docker configuration that people have, through the commands that
//! they type first: it works, or what is said helps.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use support::TestServer;
use support::certificates::Certificates;
use support::https::HttpsFront;
use tokio::runtime::Runtime;

use crate::sandbox::{Finished, Sandbox, finish};

const PROFILES: &str = "
[default]
region = us-east-1
[profile keys]
aws_access_key_id = AKIAKEYS
aws_secret_access_key = s
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.example/start
[profile role]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = keys
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/deploy
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/ada
[profile login]
login_session = arn:aws:iam::111122223333:user/ada
";

const EXPIRED: &str = r#"{"accessToken": "t", "expiresAt": "2020-01-01T00:00:00Z", "region": "us-east-1", "startUrl": "https://corp.example/start"}"#;

/// The commands that people type first.
const COMMANDS: [&[&str]; 4] = [
    &["status"],
    &["deploy", "--plan"],
    &["history"],
    &["doctor"],
];

/// STS, which gives the role to no one without a code, and services that know who asks.
async fn aws(request: Request) -> Response {
    let signed = request.headers().get("authorization").cloned();
    let signed = signed.map(|value| value.to_str().unwrap_or_default().to_owned());
    let is_json = request.headers().contains_key("x-amz-target");
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    if body.contains("Action=AssumeRole") {
        let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
            arn:aws:iam::111122223333:user/ada is not authorized to perform: sts:AssumeRole</Message></Error>\
            <RequestId>1</RequestId></ErrorResponse>";
        return (StatusCode::FORBIDDEN, denied).into_response();
    }
    assert!(signed.unwrap_or_default().contains("AKIAKEYS"), "{body}");
    if is_json {
        let denied = r#"{"__type": "AccessDeniedException", "message": "the keys are known"}"#;
        return (StatusCode::BAD_REQUEST, denied).into_response();
    }
    let known = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ada</Arn>\
        <UserId>a</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    known.into_response()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t3nets.toml",
        "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\n",
    );
    sandbox.write("Dockerfile", "FROM scratch\n");
    sandbox.write("../.aws/config", PROFILES);
    let cached = "../.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
    sandbox.write(cached, EXPIRED);
    sandbox
}

#[test]
fn each_kind_of_aws_profile_works_or_has_its_remedy_in_every_command() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start(Router::new().fallback(aws)));
    let sandbox = sandbox();
    for (profile, remedy) in [
        ("keys", "the keys are known"),
        ("sso", "`aws sso login --profile sso`"),
        (
            "role",
            "takes the role `arn:aws:iam::111122223333:role/deploy` with the credentials of `keys`",
        ),
        ("mfa", "export-credentials --profile mfa --format env"),
        ("login", "export-credentials --profile login --format env"),
        ("gone", "there is no profile `gone`"),
    ] {
        for command in COMMANDS {
            let mut run = sandbox.command(&[command, &["-e", "dev"]].concat());
            run.env("AWS_PROFILE", profile)
                .env("AWS_ENDPOINT_URL", server.url())
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("DOCKER_HOST", "unix:///nowhere.sock");
            let finished = finish(&mut run);
            let said = format!("{}{}", finished.stdout, finished.stderr);
            let what = format!("{profile} {command:?}: {finished:?}");
            assert!(unwrapped(&said).contains(remedy), "{what}");
            assert!(
                !said.contains("feature") && !said.contains("cargo"),
                "{what}"
            );
            if command != ["doctor"] {
                assert_eq!(finished.code, Some(4), "{what}");
            }
        }
    }
}

/// A table's cell in one line.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Docker's engine, as far as the doctor asks it.
async fn engine(request: Request) -> Response {
    if request.uri().path().ends_with("/version") {
        let json = [("content-type", "application/json")];
        let version =
            r#"{"Version": "27.0.1", "ApiVersion": "1.46", "Os": "linux", "Components": []}"#;
        return (json, version).into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}

/// A sandbox with a configuration of Docker's client, and variables for it.
struct Docker {
    sandbox: Sandbox,
    variables: Vec<(&'static str, String)>,
}

impl Docker {
    fn new(config: &str, variables: &[(&'static str, &str)]) -> Self {
        let sandbox = sandbox();
        sandbox.write("../.docker/config.json", config);
        let variables = variables.iter();
        Self {
            sandbox,
            variables: variables
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        }
    }

    /// With a context of this name.
    fn context(self, name: &str, host: &str, certificates: Option<&Certificates>) -> Self {
        let id = HEXLOWER.encode(&Sha256::digest(name.as_bytes()));
        let meta =
            format!(r#"{{"Name": "{name}", "Endpoints": {{"docker": {{"Host": "{host}"}}}}}}"#);
        self.sandbox
            .write(&format!("../.docker/contexts/meta/{id}/meta.json"), &meta);
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            if let Some(certificates) = certificates {
                let content = std::fs::read_to_string(certificates.path(name)).unwrap();
                let path = format!("../.docker/contexts/tls/{id}/docker/{name}");
                self.sandbox.write(&path, &content);
            }
        }
        self
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = self.sandbox.command(arguments);
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_ACCESS_KEY_ID", "AKIAKEYS")
            .env("AWS_SECRET_ACCESS_KEY", "s")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .env("AWS_MAX_ATTEMPTS", "1");
        finish(&mut command)
    }

    /// What the doctor says of Docker.
    fn check(&self) -> String {
        let finished = self.run(&["doctor", "-e", "dev", "--json"]);
        let checks = finished.json();
        let checks = checks["checks"].as_array().cloned().unwrap_or_default();
        let check = checks.into_iter().find(|check| check["name"] == "docker");
        check.unwrap_or_else(|| panic!("{finished:?}")).to_string()
    }
}

#[test]
fn each_kind_of_docker_configuration_is_used_or_has_its_remedy() {
    let Some(certificates) = Certificates::new() else {
        return;
    };
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start(Router::new().fallback(engine)));
    let front = runtime.block_on(HttpsFront::start(
        &server.url(),
        std::net::Ipv4Addr::LOCALHOST.into(),
        &certificates.path("cert.pem"),
        &certificates.path("key.pem"),
    ));
    let plain = server.url().replace("http://", "tcp://");
    let plain = plain.trim_end_matches('/');
    let secure = format!("tcp://127.0.0.1:{}", front.port());
    let folder = certificates.folder().display().to_string();
    let login = r#"{"auths": {"registry.example": {"auth": "YTpi"}}}"#;
    let helper = r#"{"credsStore": "none-such"}"#;
    let proxy = r#"{"proxies": {"default": {"httpProxy": "http://p:1"}}}"#;
    let current = r#"{"currentContext": "far"}"#;
    let works = "27.0.1 with BuildKit";
    let tcp: &[_] = &[("DOCKER_HOST", plain)];
    let tls: &[_] = &[
        ("DOCKER_HOST", secure.as_str()),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", folder.as_str()),
    ];
    let socket: &[_] = &[("DOCKER_HOST", "unix:///nowhere.sock")];
    let ssh: &[_] = &[("DOCKER_HOST", "ssh://ada@far")];
    for (name, docker, says) in [
        ("socket", Docker::new("{}", socket), "start Docker"),
        ("tcp", Docker::new("{}", tcp), works),
        ("tls", Docker::new("{}", tls), works),
        ("login", Docker::new(login, tcp), works),
        ("helper", Docker::new(helper, tcp), works),
        ("proxy", Docker::new(proxy, tcp), works),
        ("ssh", Docker::new("{}", ssh), "ssh -fNT -L"),
        (
            "context",
            Docker::new(current, &[]).context("far", plain, None),
            works,
        ),
        (
            "context by variable",
            Docker::new("{}", &[("DOCKER_CONTEXT", "far")]).context("far", plain, None),
            works,
        ),
        (
            "context, which is named",
            Docker::new(current, &[]).context("far", plain, None),
            "(context `far`)",
        ),
        (
            "context with TLS",
            Docker::new(current, &[]).context("far", &secure, Some(&certificates)),
            works,
        ),
        (
            "context that is gone",
            Docker::new(current, &[]),
            "docker context ls",
        ),
        ("no JSON", Docker::new("{", tcp), "DOCKER_CONFIG"),
    ] {
        let check = docker.check();
        assert!(check.contains(says), "{name}: {check}");
        // What does not build does not ask about Docker.
        for command in &COMMANDS[..3] {
            let finished = docker.run(&[command, &["-e", "dev"][..]].concat());
            assert!(
                !finished.stderr.to_lowercase().contains("docker"),
                "{name}: {finished:?}"
            );
        }
    }
}
