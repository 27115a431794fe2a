use std::collections::BTreeSet;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::bill::Charge;
use super::*;

const HEAD: &str = "line_item_usage_start_date,line_item_usage_end_date,line_item_line_item_type,\
    line_item_usage_account_id,line_item_product_code,line_item_usage_type,line_item_usage_amount,\
    pricing_unit,line_item_unblended_cost,line_item_currency_code,line_item_resource_id,product,\
    resource_tags";

/// Of the first of November: account, kind, product code, usage type, thousands of tokens, dollars,
/// resource, product's name, tag.
fn line(cells: [&str; 9]) -> String {
    let [
        account,
        kind,
        code,
        usage_type,
        amount,
        usd,
        resource,
        product,
        tag,
    ] = cells;
    format!(
        "2026-11-01T07:00:00.000Z,2026-11-01T08:00:00.000Z,{kind},{account},{code},{usage_type},{amount},\
         1K tokens,{usd},USD,{resource},\"{{\"\"product_name\"\":\"\"{product}\"\"}}\",\
         \"{{\"\"user_tenant_id\"\":\"\"{tag}\"\"}}\"\n"
    )
}

const PROFILE: &str = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1";

fn export() -> String {
    let lite = "USE1-NovaLite-input-tokens";
    let of = |account, kind, usd, resource, tag| {
        line([
            account,
            kind,
            "AmazonBedrock",
            lite,
            "2",
            usd,
            resource,
            "Amazon Bedrock",
            tag,
        ])
    };
    [
        format!("{HEAD}\n"),
        of("111122223333", "Usage", "0.5", PROFILE, "acme"),
        of("111122223333", "Usage", "0.25", "", ""),
        of("111122223333", "Credit", "-9", PROFILE, "acme"),
        of("999999999999", "Usage", "9", PROFILE, "acme"),
        line([
            "111122223333",
            "Usage",
            "4mm8x3wf0pmq2",
            "USE1-MP:USE1_InputTokenCount-Units",
            "1",
            "3",
            "",
            "Claude Sonnet 4.5 (Amazon Bedrock Edition)",
            "",
        ]),
        line([
            "111122223333",
            "Usage",
            "AmazonS3",
            "Requests-Tier1",
            "1",
            "7",
            "",
            "",
            "",
        ]),
    ]
    .concat()
}

fn bill(text: &[u8], share: &Share) -> Result<Bill, ExportError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let wanted = Wanted {
        share,
        account: "111122223333",
        first: "2026-10-30".parse().unwrap(),
        last: "2026-11-20".parse().unwrap(),
    };
    let mut bill = Bill::default();
    read(file.path(), &wanted, &mut bill).map(|()| bill)
}

fn charged(bill: &Bill) -> Vec<(&str, f64, Option<u64>)> {
    let charges = bill.charges.iter();
    charges
        .map(|((_, charge), charged)| match charge {
            Charge::Tokens(model) | Charge::Other(model) => {
                (model.as_str(), charged.usd, charged.tokens)
            }
        })
        .collect()
}

#[test]
fn usage_of_bedrock_in_the_account_is_read_whoever_sells_the_model() {
    let text = export();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    for file in [text.into_bytes(), packed.finish().unwrap()] {
        let bill = bill(&file, &Share::Environment).unwrap();
        let day = "2026-11-01".parse().unwrap();
        assert_eq!(bill.days, Some((day, day)));
        let expected = [
            ("claude-sonnet-4-5", 3.0, Some(1_000)),
            ("nova-lite", 0.75, Some(4_000)),
        ];
        assert_eq!(charged(&bill), expected);
    }
}

#[test]
fn a_tenants_share_is_found_by_its_profile_or_its_tag() {
    let text = export();
    let profile = "application-inference-profile/a1".to_owned();
    let tag = |key: &str, value: &str| {
        Share::Tag(Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    };
    for share in [
        Share::Profiles(BTreeSet::from([profile.clone()])),
        tag("TenantId", "acme"),
    ] {
        let bill = bill(text.as_bytes(), &share).unwrap();
        assert_eq!(
            charged(&bill),
            [("nova-lite", 0.5, Some(2_000))],
            "{share:?}"
        );
        assert_eq!(bill.model_behind(&profile), Some("nova-lite"));
    }
    let other = bill(text.as_bytes(), &tag("TenantId", "initech")).unwrap();
    assert!(other.charges.is_empty() && other.days.is_some());
}

#[test]
fn a_file_that_is_no_daily_export_says_what_it_lacks() {
    let text = export();
    let monthly = text.replace("2026-11-01T08", "2026-12-01T08");
    let currency = text.replace("USD", "CNY");
    let no_number = text.replace("0.25", "much");
    for (file, why) in [
        ("PAR1....", "it is Parquet: export as text/csv"),
        (
            "a,b\n1,2\n",
            "it has no column `line_item_usage_start_date`",
        ),
        (
            &monthly,
            "its lines are of whole months: export by the day or by the hour",
        ),
        (&currency, "line 2: it is in CNY, and the ledger in USD"),
        (&no_number, "line 3: a number cannot be read"),
    ] {
        let error = bill(file.as_bytes(), &Share::Environment).unwrap_err();
        assert_eq!(error.to_string(), why);
    }
}
