//! Reading Terraform's state from a bucket.

use t3nets_router::aws::signed::{S3, SignedClient};
use t3nets_router::aws::{AwsError, Connection, sdk_config};

/// The most that is read of a state, in bytes. Those of infra/aws have some 300 KB.
const MAX_BYTES: usize = 64 << 20;

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
    let client = SignedClient::new(&config, &S3);
    client.object(&object.bucket, &object.key, MAX_BYTES).await
}
