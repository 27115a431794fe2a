//! One use of a skill at one site: lists are read to their end, and errors name what was asked for.
//!
//! The calls are described in the references of the Jira Software Cloud and the Jira Cloud platform
//! REST APIs (<https://developer.atlassian.com/cloud/jira/software/rest/>,
//! <https://developer.atlassian.com/cloud/jira/platform/rest/v3/>).

use futures::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::Value;

use super::Limits;
use super::failure::Failure;
use super::http::{Connection, Http};
use super::issue::text;
use super::pages::Pages;
use super::settings::Site;
use crate::skills::{SkillError, SkillErrorKind};

/// How many pages of a list are asked for at once.
pub(in crate::skills) const AT_ONCE: usize = 4;

/// One use of a skill at one site.
pub(in crate::skills) struct Jira<'a> {
    pub(in crate::skills) connection: Connection<'a>,
    pub(in crate::skills) site: &'a Site,
}

impl<'a> Jira<'a> {
    pub(super) fn new(http: &'a Http, limits: &'a Limits, site: &'a Site) -> Self {
        Self {
            connection: Connection::new(http, limits, site),
            site,
        }
    }

    /// The name of the account that the credentials are of.
    pub(in crate::skills) async fn account(&self) -> Result<Option<String>, SkillError> {
        let what = "its own account";
        let account = self.connection.get("/rest/api/3/myself", &[]).await;
        let account = account.map_err(|failure| failure.explain(what))?;
        if account.get("accountId").is_none() {
            return Err(Failure::UnexpectedForm("an account").explain(what));
        }
        Ok(text(&account, "/displayName"))
    }

    /// Reads a list to its end, page by page.
    pub(in crate::skills) async fn pages(
        &self,
        path: &str,
        query: &[(&str, &str)],
        list: &'static str,
    ) -> Result<Vec<Value>, Failure> {
        let mut pages = Pages::new(list);
        while !pages.is_done {
            pages.add(self.page(path, query, &pages.place()).await?)?;
        }
        Ok(pages.items)
    }

    /// The same, with the pages behind the first one a few at once where Jira says how many there
    /// are. What is not there in time is left out: the second value is how much that is.
    pub(in crate::skills) async fn pages_side_by_side(
        &self,
        path: &str,
        query: &[(&str, &str)],
        list: &'static str,
    ) -> Result<(Vec<Value>, Option<u64>), Failure> {
        let mut pages = Pages::new(list);
        pages.add(self.page(path, query, &pages.place()).await?)?;
        let starts = pages.starts_behind();
        let total = pages.total;
        let mut rest = stream::iter(starts)
            .map(|start| async move {
                let place = ("startAt".to_owned(), start.to_string());
                self.page(path, query, &place).await
            })
            .buffered(AT_ONCE);
        let deadline = self.connection.last_moment();
        loop {
            match tokio::time::timeout_at(deadline, rest.next()).await {
                Ok(Some(page)) => {
                    pages.add(page?)?;
                    if pages.is_done {
                        break;
                    }
                }
                Ok(None) => break,
                Err(_) => return Ok(pages.without_the_rest(total)),
            }
        }
        // A total may be wrong: the list ends where a page brings nothing new.
        while !pages.is_done {
            let place = pages.place();
            let next = self.page(path, query, &place);
            match tokio::time::timeout_at(deadline, next).await {
                Ok(page) => pages.add(page?)?,
                Err(_) => return Ok(pages.without_the_rest(total)),
            }
        }
        Ok((pages.items, None))
    }

    /// The same of a list whose pages each bring the token of the next one. Whether all of it came
    /// in time.
    pub(in crate::skills) async fn pages_by_token(
        &self,
        path: &str,
        query: &[(&str, &str)],
        list: &'static str,
    ) -> Result<(Vec<Value>, bool), Failure> {
        let mut pages = Pages::new(list);
        let deadline = self.connection.last_moment();
        while !pages.is_done {
            let token = pages.token().map(str::to_owned);
            let token = token.as_deref().map(|token| ("nextPageToken", token));
            let query: Vec<(&str, &str)> = query.iter().copied().chain(token).collect();
            let page = self.connection.get(path, &query);
            match tokio::time::timeout_at(deadline, page).await {
                Ok(page) => pages.add(page?)?,
                Err(_) => return Ok((pages.items, false)),
            }
            // Without a token there is nothing to go on with.
            if pages.token().is_none() {
                break;
            }
        }
        Ok((pages.items, true))
    }

    async fn page(
        &self,
        path: &str,
        query: &[(&str, &str)],
        place: &(String, String),
    ) -> Result<Value, Failure> {
        let place = (place.0.as_str(), place.1.as_str());
        self.connection.get(path, &[query, &[place]].concat()).await
    }

    pub(in crate::skills) fn board_error(&self, failure: Failure, what: &str) -> SkillError {
        if failure.is_status(StatusCode::NOT_FOUND) {
            return SkillError {
                kind: SkillErrorKind::NotFound,
                message: format!(
                    "board `{}` does not exist, or the Jira account may not see it",
                    self.site.board_id
                ),
                hint: Some(
                    "set `board_id` of the integration `jira` to the number in the board's address"
                        .to_owned(),
                ),
            };
        }
        failure.explain(what)
    }
}

/// What a report can do without: why it could not be read, unless nothing can be.
pub(in crate::skills) fn unread<T>(
    failure: Failure,
    what: &str,
) -> Result<Result<T, SkillError>, SkillError> {
    let is_of_credentials = failure.is_of_credentials();
    let error = failure.explain(what);
    match is_of_credentials {
        true => Err(error),
        false => Ok(Err(error)),
    }
}
