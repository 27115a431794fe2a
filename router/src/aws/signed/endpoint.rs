//! Where a service is reached and what its requests are signed for: the rules that the SDK's crates
//! carry with them.
//!
//! What is configured comes first (`AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, `endpoint_url`
//! of a profile or of its `services` section:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>), then the address
//! that AWS gives a service in the region's partition.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use url::Url;

use super::super::names::is_region;
use super::{Hosts, Service};

/// Regions that have names and addresses of their own.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
struct Partition {
    /// How its regions' names begin.
    prefix: &'static str,
    suffix: &'static str,
    /// The suffix of hosts with an IPv6 address.
    dual_stack: &'static str,
    /// Where services without regions are, as signatures name it.
    global_region: &'static str,
}

const AWS: Partition = Partition {
    prefix: "",
    suffix: "amazonaws.com",
    dual_stack: "api.aws",
    global_region: "us-east-1",
};

const GOV: Partition = Partition {
    prefix: "us-gov-",
    suffix: "amazonaws.com",
    dual_stack: "api.aws",
    global_region: "us-gov-west-1",
};

/// The last one holds every region that the others do not.
const PARTITIONS: [Partition; 8] = [
    Partition {
        prefix: "cn-",
        suffix: "amazonaws.com.cn",
        dual_stack: "api.amazonwebservices.com.cn",
        global_region: "cn-north-1",
    },
    Partition {
        prefix: "eusc-",
        suffix: "amazonaws.eu",
        dual_stack: "api.amazonwebservices.eu",
        global_region: "eusc-de-east-1",
    },
    Partition {
        prefix: "us-iso-",
        suffix: "c2s.ic.gov",
        dual_stack: "api.aws.ic.gov",
        global_region: "us-iso-east-1",
    },
    Partition {
        prefix: "us-isob-",
        suffix: "sc2s.sgov.gov",
        dual_stack: "api.aws.scloud",
        global_region: "us-isob-east-1",
    },
    Partition {
        prefix: "eu-isoe-",
        suffix: "cloud.adc-e.uk",
        dual_stack: "api.cloud-aws.adc-e.uk",
        global_region: "eu-isoe-west-1",
    },
    Partition {
        prefix: "us-isof-",
        suffix: "csp.hci.ic.gov",
        dual_stack: "api.aws.hci.ic.gov",
        global_region: "us-isof-south-1",
    },
    GOV,
    AWS,
];

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme, host and perhaps a path that all requests begin with.
    pub(super) url: Url,
    /// The region that signatures name.
    pub(super) region: String,
    /// Whether it was configured, rather than being AWS's own.
    pub(super) is_configured: bool,
}

/// What decides where a service is, beside the service.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted<'a> {
    region: &'a str,
    fips: bool,
    dual_stack: bool,
}

/// Where a service is.
///
/// # Errors
/// Why that is not known: no region, or settings that exclude each other.
pub(super) fn resolve(service: &Service, sdk: &SdkConfig) -> Result<Endpoint, String> {
    let Some(region) = sdk.region() else {
        return Err("no AWS region is set".to_owned());
    };
    let wanted = Wanted {
        region: region.as_ref(),
        fips: sdk.use_fips().unwrap_or_default(),
        dual_stack: sdk.use_dual_stack().unwrap_or_default(),
    };
    let Some(configured) = configured(service, sdk) else {
        return of_aws(service, wanted);
    };
    // As the SDK has it: who asks for these means AWS's own endpoints, and gets no others.
    if wanted.fips || wanted.dual_stack {
        return Err(format!(
            "FIPS and dual-stack endpoints cannot be combined with the endpoint {configured}"
        ));
    }
    let url = Url::parse(&configured).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| format!("the endpoint `{configured}` is not a URL"))?;
    Ok(Endpoint {
        url,
        region: wanted.region.to_owned(),
        is_configured: true,
    })
}

/// In the order in which the SDK's crates look: what the program set, the service's own, the one
/// for all services.
fn configured(service: &Service, sdk: &SdkConfig) -> Option<String> {
    let of_all = || sdk.endpoint_url().map(str::to_owned);
    if sdk.get_origin("endpoint_url").is_client_config() {
        return of_all();
    }
    let key = ServiceConfigKey::builder()
        .service_id(service.sdk_id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    sdk.service_config()
        .and_then(|config| config.load_config(key))
        .or_else(of_all)
}

/// AWS's own address of a service.
fn of_aws(service: &Service, wanted: Wanted) -> Result<Endpoint, String> {
    let region = wanted.region;
    if !is_region(region) {
        return Err(format!("`{region}` is not an AWS region"));
    }
    let partition = PARTITIONS
        .iter()
        .find(|partition| region.starts_with(partition.prefix))
        .unwrap_or(&AWS);
    let (host, region) = match service.hosts {
        Hosts::Regional => (regional(service, wanted, partition), region),
        Hosts::OfBuckets => (of_buckets(service, wanted, partition), region),
        Hosts::Global => (global(service, wanted, partition), partition.global_region),
        Hosts::OfBilling => of_billing(service, wanted, partition),
    };
    let url = Url::parse(&format!("https://{host}"));
    Ok(Endpoint {
        url: url.map_err(|error| format!("`{host}` is not a host's name: {error}"))?,
        region: region.to_owned(),
        is_configured: false,
    })
}

fn regional(service: &Service, wanted: Wanted, partition: &Partition) -> String {
    let Wanted {
        region,
        fips,
        dual_stack,
    } = wanted;
    let prefix = service.prefix;
    match (fips, dual_stack) {
        (false, false) => format!("{prefix}.{region}.{}", partition.suffix),
        // Every endpoint of these regions is validated, and none has the name that it has
        // elsewhere.
        (true, false) if partition.prefix == GOV.prefix => {
            format!("{prefix}.{region}.{}", partition.suffix)
        }
        (true, false) => format!("{prefix}-fips.{region}.{}", partition.suffix),
        (false, true) => format!("{prefix}.{region}.{}", partition.dual_stack),
        (true, true) => format!("{prefix}-fips.{region}.{}", partition.dual_stack),
    }
}

/// S3 had addresses of both kinds before the others, and named them in its own way.
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
fn of_buckets(service: &Service, wanted: Wanted, partition: &Partition) -> String {
    let fips = if wanted.fips { "-fips" } else { "" };
    let dual_stack = if wanted.dual_stack { ".dualstack" } else { "" };
    format!(
        "{}{fips}{dual_stack}.{}.{}",
        service.prefix, wanted.region, partition.suffix
    )
}

/// IAM has one address in a partition.
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
fn global(service: &Service, wanted: Wanted, partition: &Partition) -> String {
    let prefix = service.prefix;
    let suffix = if wanted.dual_stack {
        partition.dual_stack
    } else {
        partition.suffix
    };
    let fips = if wanted.fips { "-fips" } else { "" };
    match (partition.prefix, wanted.dual_stack) {
        ("us-gov-", _) => format!("{prefix}.us-gov.{suffix}"),
        (_, true) => format!("{prefix}{fips}.global.{suffix}"),
        ("", false) => format!("{prefix}{fips}.{suffix}"),
        (_, false) => format!("{prefix}{fips}.{}.{suffix}", partition.global_region),
    }
}

/// Cost Explorer's, and the region that is signed for.
/// <https://docs.aws.amazon.com/general/latest/gr/billing.html>
fn of_billing(
    service: &Service,
    wanted: Wanted<'_>,
    partition: &Partition,
) -> (String, &'static str) {
    let region = match partition.prefix {
        // Other than IAM's.
        "cn-" => "cn-northwest-1",
        _ => partition.global_region,
    };
    let fips = if wanted.fips { "-fips" } else { "" };
    let suffix = match partition.prefix {
        "eusc-" => partition.dual_stack,
        _ if wanted.dual_stack => partition.dual_stack,
        _ => partition.suffix,
    };
    (
        format!("{}{fips}.{region}.{suffix}", service.prefix),
        region,
    )
}

#[cfg(test)]
mod tests {
    use aws_config::Region;
    use aws_types::origin::Origin;
    use aws_types::service_config::LoadServiceConfig;

    use super::super::{COST_EXPLORER, IAM, LOAD_BALANCING, LOGS, S3};
    use super::*;

    /// Region, what is wanted, host; the region that is signed for, where it is another. From the
    /// tests that the SDK's crates of these services have.
    const CASES: &str = "
        us-east-1 - logs.us-east-1.amazonaws.com
        us-east-1 fips logs-fips.us-east-1.amazonaws.com
        us-east-1 fips+dual-stack logs-fips.us-east-1.api.aws
        us-east-1 dual-stack logs.us-east-1.api.aws
        cn-north-1 - logs.cn-north-1.amazonaws.com.cn
        cn-north-1 dual-stack logs.cn-north-1.api.amazonwebservices.com.cn
        us-gov-east-1 - logs.us-gov-east-1.amazonaws.com
        us-gov-west-1 fips logs.us-gov-west-1.amazonaws.com
        us-gov-east-1 fips+dual-stack logs-fips.us-gov-east-1.api.aws
        us-iso-west-1 - logs.us-iso-west-1.c2s.ic.gov
        us-isob-east-1 fips logs-fips.us-isob-east-1.sc2s.sgov.gov
        eu-west-3 - elasticloadbalancing.eu-west-3.amazonaws.com
        us-west-2 fips elasticloadbalancing-fips.us-west-2.amazonaws.com
        us-gov-west-1 fips elasticloadbalancing.us-gov-west-1.amazonaws.com
        cn-north-1 fips+dual-stack elasticloadbalancing-fips.cn-north-1.api.amazonwebservices.com.cn
        eu-west-1 - iam.amazonaws.com us-east-1
        us-east-1 fips iam-fips.amazonaws.com
        us-east-1 dual-stack iam.global.api.aws
        us-east-1 fips+dual-stack iam-fips.global.api.aws
        cn-northwest-1 - iam.cn-north-1.amazonaws.com.cn cn-north-1
        cn-northwest-1 dual-stack iam.global.api.amazonwebservices.com.cn cn-north-1
        us-gov-east-1 - iam.us-gov.amazonaws.com us-gov-west-1
        us-gov-west-1 fips+dual-stack iam.us-gov.api.aws
        eusc-de-east-1 - iam.eusc-de-east-1.amazonaws.eu
        us-iso-west-1 - iam.us-iso-east-1.c2s.ic.gov us-iso-east-1
        us-isob-east-1 - iam.us-isob-east-1.sc2s.sgov.gov
        eu-isoe-west-1 - iam.eu-isoe-west-1.cloud.adc-e.uk
        us-isof-east-1 - iam.us-isof-south-1.csp.hci.ic.gov us-isof-south-1
        eu-west-1 - ce.us-east-1.amazonaws.com us-east-1
        eu-west-1 fips ce-fips.us-east-1.amazonaws.com us-east-1
        us-east-1 dual-stack ce.us-east-1.api.aws
        cn-north-1 - ce.cn-northwest-1.amazonaws.com.cn cn-northwest-1
        us-iso-west-1 - ce.us-iso-east-1.c2s.ic.gov us-iso-east-1
        eusc-de-east-1 - ce.eusc-de-east-1.api.amazonwebservices.eu
        us-east-1 - s3.us-east-1.amazonaws.com
        us-west-2 fips s3-fips.us-west-2.amazonaws.com
        us-west-2 dual-stack s3.dualstack.us-west-2.amazonaws.com
        us-east-1 fips+dual-stack s3-fips.dualstack.us-east-1.amazonaws.com
        cn-north-1 - s3.cn-north-1.amazonaws.com.cn
        us-gov-west-1 fips s3-fips.us-gov-west-1.amazonaws.com
    ";

    #[test]
    fn a_service_is_where_the_sdk_would_look_for_it() {
        for line in CASES.trim().lines() {
            let mut words = line.split_whitespace();
            let mut word = || words.next();
            let (Some(region), Some(wanted), Some(host)) = (word(), word(), word()) else {
                panic!("{line}");
            };
            let services = [&LOGS, &LOAD_BALANCING, &IAM, &S3, &COST_EXPLORER];
            let is_of = |service: &&&Service| host.starts_with(service.prefix);
            let sdk = SdkConfig::builder()
                .region(Region::new(region))
                .use_fips(wanted.contains("fips"))
                .use_dual_stack(wanted.contains("dual-stack"))
                .build();
            let endpoint = resolve(services.iter().find(is_of).unwrap(), &sdk).unwrap();
            assert_eq!(endpoint.url.as_str(), format!("https://{host}/"));
            assert_eq!(endpoint.region, word().unwrap_or(region), "{line}");
        }
    }

    #[test]
    fn what_is_configured_comes_before_aws() {
        let at = |url: &str| {
            SdkConfig::builder()
                .region(Region::new("eu-west-1"))
                .endpoint_url(url)
        };
        let url = "http://127.0.0.1:4566/";
        let endpoint = resolve(&IAM, &at(url).build()).unwrap();
        assert_eq!(endpoint.url.as_str(), url);
        assert_eq!(endpoint.region, "eu-west-1");
        assert!(endpoint.is_configured);

        let error = resolve(&IAM, &at(url).use_fips(true).build()).unwrap_err();
        assert!(error.contains(url), "{error}");
        let error = resolve(&IAM, &at("localhost").build()).unwrap_err();
        assert_eq!(error, "the endpoint `localhost` is not a URL");
    }

    #[test]
    fn a_service_can_have_an_endpoint_of_its_own() {
        #[derive(Debug)]
        struct OfLogs;
        impl LoadServiceConfig for OfLogs {
            fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
                let asked = (key.service_id(), key.env(), key.profile());
                let of_logs = ("CloudWatch Logs", "AWS_ENDPOINT_URL", "endpoint_url");
                (asked == of_logs).then(|| "http://logs:2".to_owned())
            }
        }
        let sdk = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .endpoint_url("http://all:1")
            .service_config(OfLogs);
        let url = |service, sdk: &SdkConfig| resolve(service, sdk).unwrap().url.to_string();
        let configured = sdk.build();
        assert_eq!(url(&LOGS, &configured), "http://logs:2/");
        assert_eq!(url(&IAM, &configured), "http://all:1/");
        // What the program itself sets comes before both.
        let mut sdk = configured.into_builder();
        sdk.insert_origin("endpoint_url", Origin::shared_config());
        assert_eq!(url(&LOGS, &sdk.build()), "http://all:1/");
    }

    #[test]
    fn a_region_that_cannot_be_part_of_a_host_is_refused() {
        for region in ["", "us-east-1.evil.example/", "US", "a b"] {
            let sdk = SdkConfig::builder().region(Region::new(region)).build();
            assert!(resolve(&LOGS, &sdk).is_err(), "{region}");
        }
        let error = resolve(&LOGS, &SdkConfig::builder().build()).unwrap_err();
        assert_eq!(error, "no AWS region is set");
    }
}
