//! A list that comes in pages. Servers may cap a page below what was asked for, page by token or by
//! offset, leave the total out or get it wrong; what ends the list for sure is a page that brings
//! nothing new. Pure.

use std::collections::HashSet;

use serde_json::Value;

use super::failure::Failure;

/// A list that is longer is taken for one that never ends.
const MAX_PAGES: usize = 100;

/// What of a list has come.
pub(in crate::skills) struct Pages {
    /// The field of a page that holds its entries.
    list: &'static str,
    pub(in crate::skills) items: Vec<Value>,
    pub(in crate::skills) is_done: bool,
    /// How many entries there are, as the server says.
    pub(in crate::skills) total: Option<u64>,
    seen: HashSet<String>,
    received: u64,
    first_length: u64,
    token: Option<String>,
    pages: usize,
}

impl Pages {
    pub(in crate::skills) fn new(list: &'static str) -> Self {
        Self {
            list,
            items: Vec::new(),
            is_done: false,
            total: None,
            seen: HashSet::new(),
            received: 0,
            first_length: 0,
            token: None,
            pages: 0,
        }
    }

    /// What the last page says that brings the next one.
    pub(in crate::skills) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The parameter that asks for the next page.
    pub(in crate::skills) fn place(&self) -> (String, String) {
        match &self.token {
            Some(token) => ("nextPageToken".to_owned(), token.clone()),
            None => ("startAt".to_owned(), self.received.to_string()),
        }
    }

    /// Where the other pages begin, if the first one tells.
    pub(in crate::skills) fn starts_behind(&self) -> Vec<u64> {
        let length = self.first_length;
        match self.total {
            Some(total) if self.token.is_none() && !self.is_done && length > 0 => (1..)
                .map(|page| page * length)
                .take_while(|start| *start < total)
                .take(MAX_PAGES - 1)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Adds a page.
    pub(in crate::skills) fn add(&mut self, page: Value) -> Result<(), Failure> {
        let mut page = page;
        let Some(Value::Array(values)) = page.get_mut(self.list).map(Value::take) else {
            return Err(Failure::UnexpectedForm("a page of a list"));
        };
        self.pages += 1;
        self.received += values.len() as u64;
        if self.pages == 1 {
            self.first_length = self.received;
        }
        let before = self.items.len();
        for value in values {
            let id = value
                .get("id")
                .or_else(|| value.get("key"))
                .unwrap_or(&value);
            if self.seen.insert(id.to_string()) {
                self.items.push(value);
            }
        }
        self.token = page
            .get("nextPageToken")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let is_last = page.get("isLast").and_then(Value::as_bool) == Some(true);
        self.total = page.get("total").and_then(Value::as_u64).or(self.total);
        // A total below what came already is wrong, so it does not end the list.
        let is_all = self.total == Some(self.received);
        self.is_done = self.items.len() == before || (self.token.is_none() && (is_last || is_all));
        match !self.is_done && self.pages >= MAX_PAGES {
            true => Err(Failure::TooLarge),
            false => Ok(()),
        }
    }

    /// What came, and how many entries did not, by the first page's total.
    pub(in crate::skills) fn without_the_rest(
        self,
        total: Option<u64>,
    ) -> (Vec<Value>, Option<u64>) {
        let missing = total.map_or(0, |total| total.saturating_sub(self.received));
        (self.items, Some(missing.max(1)))
    }
}
