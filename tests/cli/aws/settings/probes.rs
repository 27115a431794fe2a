//! How each setting is tried, and what shows it.

use super::Seen;

/// How a setting is tried.
pub(super) struct Probe {
    /// The value that it is given; `URL` is the server's address, `FOLDER` the home's.
    pub(super) value: &'static str,
    /// What is set beside it.
    pub(super) beside: &'static [&'static str],
    /// Whether what was asked for shows it.
    pub(super) shows: fn(&[Seen]) -> bool,
}

/// Beside every setting, unless it is itself one of these.
pub(super) const USUAL: [&str; 6] = [
    "AWS_ACCESS_KEY_ID=AKIAUSUAL",
    "AWS_SECRET_ACCESS_KEY=s",
    "AWS_REGION=us-east-1",
    "AWS_ENDPOINT_URL=URL",
    "AWS_EC2_METADATA_DISABLED=true",
    "AWS_MAX_ATTEMPTS=1",
];
const NO_KEYS: [&str; 2] = ["-AWS_ACCESS_KEY_ID", "-AWS_SECRET_ACCESS_KEY"];

pub(super) fn services(seen: &[Seen]) -> impl Iterator<Item = &Seen> {
    seen.iter()
        .filter(|one| one.header("x-amz-target").contains("Describe"))
}

fn signed_with(seen: &[Seen], part: &str) -> bool {
    services(seen).any(|one| one.header("authorization").contains(part))
}

fn given(seen: &[Seen]) -> bool {
    signed_with(seen, "AKIAGIVEN")
}

fn asked(seen: &[Seen], part: &str) -> bool {
    seen.iter()
        .any(|one| one.body.contains(part) || one.target.contains(part))
}

/// By the variable's name, or the profile's where there is no variable.
pub(super) fn probe(name: &str) -> Option<Probe> {
    let of = |value, beside, shows| {
        Some(Probe {
            value,
            beside,
            shows,
        })
    };
    const ROLE: [&str; 4] = [
        NO_KEYS[0],
        NO_KEYS[1],
        "profile:source_profile=base",
        "profile:role_arn=arn:aws:iam::1:role/r",
    ];
    const SSO: [&str; 7] = [
        NO_KEYS[0],
        NO_KEYS[1],
        "profile:sso_session=corp",
        "profile:sso_account_id=111122223333",
        "profile:sso_role_name=Admin",
        "session:sso_region=us-east-1",
        "session:sso_start_url=https://corp.example/start",
    ];
    const WEB: [&str; 5] = [
        NO_KEYS[0],
        NO_KEYS[1],
        "AWS_ROLE_ARN=arn:aws:iam::1:role/web",
        "AWS_ROLE_SESSION_NAME=named",
        "AWS_WEB_IDENTITY_TOKEN_FILE=FOLDER/web-token",
    ];
    const INSTANCE: [&str; 4] = [
        NO_KEYS[0],
        NO_KEYS[1],
        "-AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT=URL",
    ];
    match name {
        "AWS_ACCESS_KEY_ID" => of(
            "AKIAPROBE",
            &[
                "AWS_SECRET_ACCESS_KEY=s",
                "-AWS_ACCESS_KEY_ID",
                "profile:aws_secret_access_key=s",
            ],
            |seen| signed_with(seen, "AKIAPROBE"),
        ),
        "AWS_SECRET_ACCESS_KEY" => of(
            "s",
            &[
                "profile:aws_access_key_id=AKIAUSUAL",
                "-AWS_SECRET_ACCESS_KEY",
            ],
            |seen| signed_with(seen, "AKIAUSUAL"),
        ),
        "AWS_SESSION_TOKEN" => of(
            "probed",
            &[
                "profile:aws_access_key_id=AKIAUSUAL",
                "profile:aws_secret_access_key=s",
            ],
            |seen| services(seen).any(|one| one.header("x-amz-security-token") == "probed"),
        ),
        "AWS_CONFIG_FILE" => of("FOLDER/elsewhere-config", &NO_KEYS, given),
        "AWS_SHARED_CREDENTIALS_FILE" => of("FOLDER/elsewhere-credentials", &NO_KEYS, given),
        "AWS_PROFILE" => of("base", &NO_KEYS, |seen| signed_with(seen, "AKIABASE")),
        "AWS_REGION" | "AWS_DEFAULT_REGION" => of("eu-west-3", &["-AWS_REGION"], |seen| {
            signed_with(seen, "/eu-west-3/ecs/")
        }),
        "AWS_ENDPOINT_URL" | "AWS_ENDPOINT_URL_<SERVICE>" => {
            of("URL", &["-AWS_ENDPOINT_URL"], |seen| {
                services(seen).count() > 0
            })
        }
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" => of("true", &["AWS_REGION=us-probe-1"], |seen| {
            services(seen).count() == 0
        }),
        "AWS_MAX_ATTEMPTS" => of("3", &[], |seen| services(seen).count() == 3),
        "AWS_ROLE_ARN" => of("arn:aws:iam::1:role/web", &WEB, |seen| {
            given(seen) && asked(seen, "role%2Fweb")
        }),
        "AWS_ROLE_SESSION_NAME" => of("probed", &WEB, |seen| {
            given(seen) && asked(seen, "RoleSessionName=probed")
        }),
        "AWS_WEB_IDENTITY_TOKEN_FILE" => of("FOLDER/web-token", &WEB, |seen| {
            given(seen) && asked(seen, "WebIdentityToken=web-token")
        }),
        "source_profile" => of("base", &ROLE, |seen| given(seen) && asked(seen, "role%2Fr")),
        "external_id" => of("probed", &ROLE, |seen| {
            given(seen) && asked(seen, "ExternalId=probed")
        }),
        "credential_source" => of(
            "Environment",
            &[
                "profile:role_arn=arn:aws:iam::1:role/r",
                "AWS_PROFILE=default",
            ],
            |seen| !seen.is_empty(),
        ),
        "credential_process" => of("cat FOLDER/process.json", &NO_KEYS, given),
        "sso_account_id" => of("111122223333", &SSO, |seen| {
            given(seen) && asked(seen, "account_id=111122223333")
        }),
        "sso_role_name" => of("Admin", &SSO, |seen| {
            given(seen) && asked(seen, "role_name=Admin")
        }),
        "sso_session" => of("corp", &SSO, given),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => of("URL/creds", &NO_KEYS, given),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN" => of(
            "probed",
            &[
                NO_KEYS[0],
                NO_KEYS[1],
                "AWS_CONTAINER_CREDENTIALS_FULL_URI=URL/creds",
            ],
            |seen| {
                seen.iter()
                    .any(|one| one.header("authorization") == "probed")
            },
        ),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => of(
            "FOLDER/web-token",
            &[
                NO_KEYS[0],
                NO_KEYS[1],
                "AWS_CONTAINER_CREDENTIALS_FULL_URI=URL/creds",
            ],
            |seen| {
                seen.iter()
                    .any(|one| one.header("authorization") == "web-token")
            },
        ),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT" => of("URL", &INSTANCE, given),
        "AWS_EC2_METADATA_DISABLED" => of("true", &INSTANCE, |seen| !asked(seen, "/latest/")),
        "AWS_SDK_UA_APP_ID" => of("probed", &["profile:aws_access_key_id=AKIAUSUAL"], |seen| {
            services(seen).any(|one| one.header("user-agent").contains("app/probed"))
        }),
        _ => None,
    }
}
