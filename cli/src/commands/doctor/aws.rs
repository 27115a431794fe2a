//! The checks of an environment on AWS. Those that do not need each other run at once, and each
//! says what it found whatever the others do.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
    TimeToLiveStatus,
};
use serde_json::Value;
use t3nets_router::aws::schema::{self, CHANNEL_INDEX, CHANNEL_INDEX_KEY, EXPIRY};
use t3nets_router::aws::{AwsError, AwsErrorKind};
use t3nets_router::model::Tenant;
use t3nets_router::outbound::{self, Options, TransportError};

use super::tenant::{
    check_fallback, check_jira, check_retention, check_sign_ins, check_tenant,
    check_unknown_models, no_https,
};
use super::{Check, Remedy, Status, alarms, deploying};
use crate::aws::{AwsEnvironment, AwsSession, Name, TerraformState, remedies};
use crate::commands::arguments::TenantFlag;
use crate::config::environment::Environment;
use crate::context::Context;
use crate::hint::Hint;
use crate::terminal::text::shown_time;

/// How long the router may take to say that it lives, through API Gateway.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// Both tables' keys.
const KEYS: [(&str, KeyType); 2] = [
    (schema::PARTITION_KEY, KeyType::Hash),
    (schema::SORT_KEY, KeyType::Range),
];

/// A secret that no tenant has: asking for it tells whether asking is allowed.
const NO_SECRET: &str = "t3nets-doctor/none";

/// Runs the checks of an environment on AWS.
pub(super) async fn checks(
    context: &Context,
    environment: &Environment,
    tenant: TenantFlag,
) -> Vec<Check> {
    let (resolved, state) = match AwsEnvironment::resolve(&context.settings, environment).await {
        Ok(resolved) => {
            let check = check_state(&resolved);
            (resolved, check)
        }
        Err(error) => {
            let resolved = AwsEnvironment::without_terraform(environment, &error);
            let check = Check::of_error("state", error, "correct what it names");
            (resolved, check)
        }
    };
    let mut checks = vec![state];
    let api = check_api(resolved.clone());
    let session = match resolved.connect().await {
        Ok(session) => session,
        Err(error) => {
            checks.push(Check::of_error("region", error, "set AWS_REGION"));
            let (api, local) = tokio::join!(api, deploying::local_checks());
            checks.push(api);
            checks.extend(local);
            return checks;
        }
    };
    let session = &session;
    checks.push(Check::ok("region", session.region.to_string()));
    let (account, tenants, conversations, secrets, tenant, api, deploying, alarms) = tokio::join!(
        check_account(session, environment),
        check_table(session, Name::TenantsTable),
        check_table(session, Name::ConversationsTable),
        check_secrets(session),
        check_tenants_own(context, session, tenant),
        api,
        deploying::checks(session),
        alarms::check(session),
    );
    let (tenant, of_tenant) = tenant;
    let are_deleted = conversations.status == Status::Ok;
    let retention = tenant.map(|tenant| check_retention(&tenant, are_deleted));
    checks.extend([account, tenants, conversations, secrets]);
    checks.extend(of_tenant);
    checks.extend(retention);
    checks.push(api);
    checks.extend(deploying);
    checks.push(alarms);
    checks
}

fn check_state(resolved: &AwsEnvironment) -> Check {
    let detail = resolved.state.to_string();
    match resolved.state {
        TerraformState::Read(_) => Check::ok("state", detail),
        TerraformState::Absent(_) => Check::warning(
            "state",
            format!("{detail}: names are those of t3nets.toml and the convention"),
            Hint::command(
                format!("infra apply -e {}", resolved.name),
                "creates them, or name them in t3nets.toml",
            ),
        ),
        TerraformState::Unreadable(..) => Check::warning(
            "state",
            format!("{detail}; names are those of t3nets.toml and the convention"),
            "use credentials that may read it, or name them in t3nets.toml",
        ),
    }
}

async fn check_account(session: &AwsSession, environment: &Environment) -> Check {
    match session.caller().await {
        Ok(caller) => Check::ok("account", format!("{}, as {}", caller.account, caller.arn)),
        Err(mut error) => {
            if let Some(kind) = error.service() {
                let service = error.aws_service();
                let remedies = remedies(kind, service, environment, Some(session)).await;
                error.hints.extend(remedies);
            }
            Check::of_error(
                "account",
                error,
                "`aws sso login` or `aws configure` sets credentials up",
            )
        }
    }
}

async fn check_table(session: &AwsSession, name: Name) -> Check {
    let key = name.key();
    let Some(found) = session.environment.get(name) else {
        return Check::failed(
            key,
            "its name is not known",
            format!("set `{key}` in t3nets.toml"),
        );
    };
    let create = || {
        Hint::command(
            format!("infra apply -e {}", session.environment.name),
            "creates it, or t3nets.toml corrects its name or region",
        )
    };
    let client = aws_sdk_dynamodb::Client::new(&session.sdk);
    let table = client.describe_table().table_name(&found.value).send();
    let expiry = client
        .describe_time_to_live()
        .table_name(&found.value)
        .send();
    let (table, expiry) = tokio::join!(table, expiry);
    let table = match table {
        Ok(answer) => answer
            .table
            .unwrap_or_else(|| TableDescription::builder().build()),
        Err(error) => {
            let what = format!("{found} in {}", session.region.value);
            let error = AwsError::from_sdk("dynamodb", "DescribeTable", &error);
            return Check::refused(key, &what, &error, create());
        }
    };
    let mut wrong = faults(&table, name == Name::TenantsTable);
    match expiry.map(|answer| answer.time_to_live_description) {
        Ok(Some(expiry))
            if expiry.attribute_name() == Some(EXPIRY)
                && matches!(
                    expiry.time_to_live_status(),
                    Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                ) => {}
        Ok(_) => wrong.push(format!("items do not expire by `{EXPIRY}`")),
        Err(error) => {
            let what = format!("whether items of {found} expire");
            let error = AwsError::from_sdk("dynamodb", "DescribeTimeToLive", &error);
            return Check::refused(key, &what, &error, create());
        }
    }
    if wrong.is_empty() {
        Check::ok(key, found.to_string())
    } else {
        Check::failed(key, format!("{found}: {}", wrong.join("; ")), create())
    }
}

/// What a table's keys and indexes are not as the router needs them.
fn faults(table: &TableDescription, has_index: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(status) = table.table_status()
        && !matches!(status.as_str(), "ACTIVE" | "UPDATING")
    {
        wrong.push(format!("it is {}", status.as_str().to_lowercase()));
    }
    if !has_key(table.key_schema(), table.attribute_definitions(), &KEYS) {
        wrong.push("its key is not `pk` and `sk`, both strings".to_owned());
    }
    if has_index {
        let index = table
            .global_secondary_indexes()
            .iter()
            .find(|index| index.index_name() == Some(CHANNEL_INDEX));
        match index {
            None => wrong.push(format!("it has no index `{CHANNEL_INDEX}`")),
            Some(index)
                if !has_key(
                    index.key_schema(),
                    table.attribute_definitions(),
                    &[(CHANNEL_INDEX_KEY, KeyType::Hash)],
                ) =>
            {
                wrong.push(format!(
                    "the key of `{CHANNEL_INDEX}` is not `{CHANNEL_INDEX_KEY}`, a string"
                ));
            }
            Some(index)
                if index
                    .index_status()
                    .is_some_and(|status| status.as_str() == "CREATING") =>
            {
                wrong.push(format!(
                    "the index `{CHANNEL_INDEX}` is still being created"
                ));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// Whether a key consists of these attributes, all of them texts.
fn has_key(
    schema: &[KeySchemaElement],
    attributes: &[AttributeDefinition],
    wanted: &[(&str, KeyType)],
) -> bool {
    let is_text = |name: &str| {
        attributes.iter().any(|attribute| {
            attribute.attribute_name() == name
                && *attribute.attribute_type() == ScalarAttributeType::S
        })
    };
    wanted.iter().all(|(name, kind)| {
        is_text(name)
            && schema
                .iter()
                .any(|part| part.attribute_name() == *name && part.key_type() == kind)
    })
}

async fn check_secrets(session: &AwsSession) -> Check {
    let name = Name::SecretsPrefix.key();
    let prefix = match session.environment.names() {
        Ok(names) => names.secrets,
        Err(error) => return Check::of_error(name, error, "correct it in t3nets.toml"),
    };
    let answer = aws_sdk_secretsmanager::Client::new(&session.sdk)
        .describe_secret()
        .secret_id(format!("{prefix}/{NO_SECRET}"))
        .send()
        .await;
    match answer {
        Ok(_) => Check::ok(name, format!("`{prefix}` may be read")),
        Err(error) => {
            let error = AwsError::from_sdk("secretsmanager", "DescribeSecret", &error);
            match error.kind {
                AwsErrorKind::NotFound => Check::ok(name, format!("`{prefix}` may be read")),
                _ => {
                    let what = format!("secrets under `{prefix}`");
                    Check::refused(name, &what, &error, Remedy::default())
                }
            }
        }
    }
}

/// The tenant, and whether its Jira takes the credentials.
async fn check_tenants_own(
    context: &Context,
    session: &AwsSession,
    tenant: TenantFlag,
) -> (Option<Tenant>, Vec<Check>) {
    let names = match session.environment.names() {
        Ok(names) => names,
        Err(error) => {
            let check = Check::of_error("tenant", error, "correct it in t3nets.toml");
            return (None, vec![check]);
        }
    };
    let clock = std::sync::Arc::new(t3nets_router::ports::SystemClock);
    let platform = t3nets_router::aws::open(&session.sdk, &names, clock);
    let (tenant, check) = check_tenant(context, tenant, &platform).await;
    let mut checks = vec![check];
    let mut unknown = tenant
        .as_ref()
        .map(check_unknown_models)
        .unwrap_or_default();
    if let Some(tenant) = &tenant {
        checks.push(check_jira(context, &platform, tenant).await);
        checks.extend(check_sign_ins(&platform, tenant).await);
        checks.extend(check_fallback(context, &platform, tenant).await);
    }
    if unknown.is_empty() {
        unknown.push(Check::skipped(
            "model",
            "whether the account can use the models shows with the first answer",
        ));
    }
    checks.append(&mut unknown);
    (tenant, checks)
}

/// What is read of the router's answer, in bytes.
const MAX_HEALTH: usize = 64 << 10;

/// Whether the router answers where callers reach it.
async fn check_api(environment: AwsEnvironment) -> Check {
    let name = "api";
    if environment.get(Name::Url).is_none() {
        return Check::warning(
            name,
            "its address is not known",
            Hint::command(
                format!("infra apply -e {}", environment.name),
                "leaves it in Terraform's state, or set `url` in t3nets.toml",
            ),
        );
    }
    let url = match environment.url() {
        Ok(url) => url,
        Err(error) => return Check::of_error(name, error, "correct it in t3nets.toml"),
    };
    let address = format!("{}/api/health", url.as_str().trim_end_matches('/'));
    let client = match outbound::client(Options {
        total_timeout: Some(HEALTH_TIMEOUT),
        ..Options::default()
    }) {
        Ok(client) => client,
        Err(error) => return no_https(name, &error),
    };
    let mut is_unavailable = false;
    let answer = async {
        let response = client.send(client.get(&address)).await?;
        is_unavailable = response.status().as_u16() == 503;
        let response = response.error_for_status()?;
        Ok(outbound::read_start(response, MAX_HEALTH).await)
    };
    let health = answer
        .await
        .map_err(|error: TransportError| error.to_string());
    let health = health.and_then(|body| {
        serde_json::from_slice::<Value>(&body)
            .map_err(|_| "what answers there is not a T3nets router".to_owned())
    });
    match health {
        Ok(health) => {
            let text = |field: &str| health[field].as_str().unwrap_or("?").to_owned();
            Check::ok(name, format!("{url} runs version {}", text("version")))
        }
        Err(why) => match environment.asleep_until() {
            Some(until) => {
                let until = shown_time(until);
                Check::skipped(
                    name,
                    format!("asleep until {until}, and does not answer: {why}"),
                )
            }
            None => Check::failed(
                name,
                format!("{address} does not answer: {why}"),
                no_answer(&environment.name, is_unavailable),
            ),
        },
    }
}

/// What to do where nothing answers. API Gateway itself says 503 while it makes the interfaces of a
/// VPC link anew.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-vpc-links-v2.html>
fn no_answer(environment: &str, is_unavailable: bool) -> Vec<Hint> {
    let plan = Hint::command(
        format!("infra plan -e {environment}"),
        "shows whether anything is missing; the router's log says why it does not run",
    );
    let idle = Hint::from(
        "after 60 days without a request its VPC link sleeps, and this request woke it: run it again in five minutes",
    );
    let idle = is_unavailable.then_some(idle);
    idle.into_iter().chain([plan]).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, TableStatus};

    use super::*;

    fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(kind).build().unwrap()
    }

    fn key(name: &str, kind: KeyType) -> KeySchemaElement {
        let key = KeySchemaElement::builder().attribute_name(name);
        key.key_type(kind).build().unwrap()
    }

    fn table(sort_key: ScalarAttributeType, index_key: &str) -> TableDescription {
        let index = GlobalSecondaryIndexDescription::builder()
            .index_name(CHANNEL_INDEX)
            .key_schema(key(index_key, KeyType::Hash));
        TableDescription::builder()
            .table_status(TableStatus::Active)
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .attribute_definitions(attribute("pk", ScalarAttributeType::S))
            .attribute_definitions(attribute("sk", sort_key))
            .attribute_definitions(attribute(index_key, ScalarAttributeType::S))
            .global_secondary_indexes(index.build())
            .build()
    }

    #[test]
    fn a_503_may_be_of_a_vpc_link_that_slept() {
        assert_eq!(no_answer("dev", false).len(), 1);
        let [idle, _] = &no_answer("dev", true)[..] else {
            panic!("two hints")
        };
        assert!(idle.to_string().contains("60 days"), "{idle}");
    }

    #[test]
    fn a_table_with_other_keys_or_without_the_index_is_faulty() {
        let good = table(ScalarAttributeType::S, CHANNEL_INDEX_KEY);
        assert_eq!(faults(&good, true), Vec::<String>::new());
        let number = faults(&table(ScalarAttributeType::N, CHANNEL_INDEX_KEY), true).join(";");
        assert!(number.contains("its key"), "{number}");
        let other = faults(&table(ScalarAttributeType::S, "gsi"), true).join(";");
        assert!(other.contains("the key of `channel-mapping`"), "{other}");
        let none = faults(&TableDescription::builder().build(), true).join(";");
        assert!(none.contains("no index"), "{none}");
        assert!(faults(&TableDescription::builder().build(), false).len() == 1);
    }
}
