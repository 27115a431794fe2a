//! Reading Terraform's state from a bucket.

use t3nets_router::aws::{AwsError, AwsErrorKind, Connection, sdk_config};

/// The service's name in errors.
const S3: &str = "s3";

/// The operation's name in errors.
const GET_OBJECT: &str = "GetObject";

/// The most that is read of a state, in bytes. Those of infra/aws have some 300 KB.
const MAX_BYTES: u64 = 64 << 20;

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct S3Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) region: Option<String>,
}

/// An object's content, read with an AWS profile's credentials, or with those that the SDK finds.
///
/// # Errors
/// What S3 says; not found if there is no such object or bucket.
pub(super) async fn read(object: &S3Object, profile: Option<&str>) -> Result<Vec<u8>, AwsError> {
    let config = sdk_config(&Connection {
        region: object.region.clone(),
        profile: profile.map(str::to_owned),
    })
    .await;
    // Where an endpoint stands in for AWS, it has no host for each bucket.
    let stands_in = config.endpoint_url().is_some()
        || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|url| !url.is_empty());
    let client = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(stands_in)
            .build(),
    );
    let answer = client
        .get_object()
        .bucket(&object.bucket)
        .key(&object.key)
        .send()
        .await
        .map_err(|error| AwsError::from_sdk(S3, GET_OBJECT, &error))?;
    let length = answer.content_length();
    if length.is_some_and(|length| length as u64 > MAX_BYTES) {
        return Err(unusable(
            AwsErrorKind::Configuration,
            "it is larger than any state".to_owned(),
        ));
    }
    match answer.body.collect().await {
        Ok(body) => Ok(body.to_vec()),
        Err(error) => Err(unusable(AwsErrorKind::Unreachable, error.to_string())),
    }
}

fn unusable(kind: AwsErrorKind, message: String) -> AwsError {
    AwsError {
        service: S3,
        operation: GET_OBJECT,
        kind,
        code: None,
        message,
        request_id: None,
    }
}
