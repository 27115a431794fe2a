//! Jira Cloud's REST API, for the skills that read it.
//!
//! Here is everything that knows how Jira is asked and how it fails, whatever is asked for. What a
//! skill asks for, and what it makes of the answers, is the skill's. In reading order: `settings`
//! makes a site of the stored credentials; `http` makes one request safely; `failure` says what
//! went wrong; `calls` reads lists to their end, which `pages` finds; `issue` reads what Jira may
//! leave out; `figures` is what reports count, `lines` how they are worded.

pub(in crate::skills) mod calls;
pub(in crate::skills) mod failure;
pub(in crate::skills) mod figures;
mod http;
pub(in crate::skills) mod issue;
pub(in crate::skills) mod lines;
mod pages;
pub(in crate::skills) mod settings;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use self::calls::Jira;
use self::http::Http;
pub use self::http::Recording;
use self::settings::Site;
use super::SkillError;
use crate::outbound::{ClientError, Reach};

/// The integration whose credentials all of these skills need.
pub(in crate::skills) const INTEGRATION: &str = "jira";

/// Time limits of a skill.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One request, from connecting to the last byte.
    pub request: Duration,
    /// One use of the skill with all its requests and retries.
    pub whole: Duration,
    /// The wait before the first retry; doubled before the second, with jitter. 429 and 503 may ask
    /// for another.
    pub retry_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(8),
            // Leaves a turn of 25 s the time to word the answer.
            whole: Duration::from_secs(18),
            retry_delay: Duration::from_millis(200),
        }
    }
}

/// How sites are reached: the client and the limits that all uses share.
#[derive(Clone)]
pub struct Access {
    http: Arc<Http>,
    limits: Limits,
}

impl Access {
    /// `reach` is where tenants' addresses may lead.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn new(limits: Limits, reach: Reach) -> Result<Self, ClientError> {
        Ok(Self::by(limits, Http::new(reach, None)?))
    }

    /// With answers that were recorded or made up, read as those that come from the network are:
    /// for `tests/fuzz`. Nothing goes out.
    ///
    /// # Errors
    /// If no HTTPS client can be made.
    pub fn recorded(limits: Limits, recording: Box<Recording>) -> Result<Self, ClientError> {
        let http = Http::new(Reach::default(), Some(recording))?;
        Ok(Self::by(limits, http))
    }

    fn by(limits: Limits, http: Http) -> Self {
        Self {
            http: Arc::new(http),
            limits,
        }
    }

    /// One use at one site.
    pub(in crate::skills) fn to<'a>(&'a self, site: &'a Site) -> Jira<'a> {
        Jira::new(&self.http, &self.limits, site)
    }

    /// Does the work, or says that it took too long.
    pub(in crate::skills) async fn in_time(
        &self,
        work: impl Future<Output = Result<Value, SkillError>>,
    ) -> Result<Value, SkillError> {
        tokio::time::timeout(self.limits.whole, work)
            .await
            .unwrap_or_else(|_| Err(failure::too_slow(self.limits.whole)))
    }
}
