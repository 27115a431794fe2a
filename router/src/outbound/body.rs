//! What is read of an answer, within bounds: the other side decides how long it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Response;

use super::TransportError;

/// A body that was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the caller takes.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The connection broke, or nothing came for too long.
    #[error("the answer broke off")]
    Transport(#[source] TransportError),
}

/// A whole body of at most `limit` bytes.
///
/// # Errors
/// If it is longer, by its own announcement or once more has come, or if the connection breaks.
pub async fn read_bounded(response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    ByteBudget::new(limit).read(response).await
}

/// The first `limit` bytes of a body, or what came of it before the connection broke: for a
/// refusal's explanation, where less is better than none.
pub async fn read_start(mut response: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let rest = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(rest)]);
        if body.len() == limit {
            break;
        }
    }
    body
}

/// What several answers may be long together.
#[derive(Debug)]
pub struct ByteBudget {
    limit: usize,
    left: AtomicUsize,
}

impl ByteBudget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            left: AtomicUsize::new(limit),
        }
    }

    /// A whole body, as long as the budget lasts. Answers may be read at the same time.
    ///
    /// # Errors
    /// As [`read_bounded`].
    pub async fn read(&self, mut response: Response) -> Result<Vec<u8>, BodyError> {
        let too_long = || BodyError::TooLong { limit: self.limit };
        let announced = response.content_length().unwrap_or_default();
        if announced > self.left.load(Ordering::Relaxed) as u64 {
            return Err(too_long());
        }
        let mut body = Vec::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => {
                    let error = TransportError::of_body(error, &response);
                    return Err(BodyError::Transport(error));
                }
            };
            self.left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(chunk.len())
                })
                .map_err(|_| too_long())?;
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &'static str) -> Response {
        axum::http::Response::new(body).into()
    }

    /// A body that announces no length.
    fn stream(pieces: &'static [&'static str]) -> Response {
        let pieces = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece));
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        axum::http::Response::new(body).into()
    }

    #[tokio::test]
    async fn bodies_are_read_up_to_their_bound() {
        assert_eq!(read_bounded(response("12345"), 5).await.unwrap(), b"12345");
        for long in [response("123456"), stream(&["123", "456"])] {
            let error = read_bounded(long, 5).await.unwrap_err();
            assert!(matches!(error, BodyError::TooLong { limit: 5 }), "{error}");
        }
        assert_eq!(read_start(stream(&["123", "456"]), 5).await, b"12345");
        assert_eq!(read_start(stream(&["123"]), 5).await, b"123");
    }

    #[tokio::test]
    async fn answers_share_a_budget() {
        let budget = ByteBudget::new(8);
        assert!(budget.read(stream(&["12345"])).await.is_ok());
        assert!(budget.read(stream(&["123"])).await.is_ok());
        assert!(budget.read(response("1")).await.is_err());
    }
}
