//! What credentials reach, for people who choose: the boards, and the sprint of the chosen one.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::skills::SkillError;
use crate::skills::jira::calls::Jira;
use crate::skills::jira::failure::Failure;
use crate::skills::jira::issue::text;

impl Jira<'_> {
    /// The first boards that the account reaches, and whether there are more.
    pub(super) async fn boards(&self) -> Result<(Vec<Value>, bool), SkillError> {
        let query = [("maxResults", "50")];
        let page = self.connection.get("/rest/agile/1.0/board", &query).await;
        let page = page.map_err(|failure| failure.explain("its boards"))?;
        let boards = page.get("values").and_then(Value::as_array);
        let boards = boards
            .ok_or_else(|| Failure::UnexpectedForm("a list of boards").explain("its boards"))?;
        let told = boards.iter().filter_map(|board| {
            let id = board.get("id")?.as_u64()?;
            Some(json!({"id": id, "name": text(board, "/name"), "type": text(board, "/type")}))
        });
        let is_last = page.get("isLast").and_then(Value::as_bool);
        Ok((told.take(50).collect(), is_last == Some(false)))
    }

    /// The board's active sprint, with how many issues it has; `null` where there is none or it
    /// cannot be read, which the report says better.
    pub(super) async fn active_sprint(&self) -> Value {
        let Ok(mut active) = self.sprints("active").await else {
            return Value::Null;
        };
        active.sort_by_key(|sprint| Reverse((sprint.start, sprint.id)));
        let Some(sprint) = active.first() else {
            return Value::Null;
        };
        let path = format!("/rest/agile/1.0/sprint/{}/issue", sprint.id);
        let query = [("fields", "summary"), ("maxResults", "1")];
        let page = self.connection.get(&path, &query).await.ok();
        let issues = page.and_then(|page| page.get("total").and_then(Value::as_u64));
        json!({"name": sprint.name, "issues": issues})
    }
}
