//! A request before it is signed, and what came back.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::signature::Signable;

/// A request, not signed yet.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) limits: Limits,
}

impl Request {
    pub(super) fn signable(&self) -> Signable<'_> {
        Signable {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: self.body.as_bytes(),
        }
    }
}

/// What bounds a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The longest answer in bytes.
    pub(super) answer: usize,
    /// How long each attempt may take.
    pub(super) attempt: Duration,
    /// How long all of them may take.
    pub(super) call: Duration,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}
