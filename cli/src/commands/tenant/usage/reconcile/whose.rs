//! Whose share of the bill is compared.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::str::FromStr;

/// A share of the bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Share {
    /// All that the account pays for Bedrock, whoever called.
    Environment,
    /// What was called by a tenant's application inference profiles.
    Profiles(BTreeSet<String>),
    /// What has a cost allocation tag.
    Tag(Tag),
}

/// A cost allocation tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// A tag as it is typed; its value is the tenant's id where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedTag {
    key: String,
    value: Option<String>,
}

impl NamedTag {
    pub(super) fn of_tenant(&self, tenant: &str) -> Tag {
        Tag {
            key: self.key.clone(),
            value: self.value.clone().unwrap_or_else(|| tenant.to_owned()),
        }
    }
}

impl FromStr for NamedTag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        let key = key.to_owned();
        Ok(Self { key, value })
    }
}
