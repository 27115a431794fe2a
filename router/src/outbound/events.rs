//! Server-sent events, as they come
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), read as tolerantly as what
//! really sends them needs: bytes that are no UTF-8 are replaced, a byte order mark may come in
//! pieces, the last event may lack the empty line behind it, and one JSON object in place of a
//! stream is an event.

use futures::{Stream, StreamExt, stream};
use reqwest::Response;

use super::TransportError;

/// How much of an event stream is read.
#[derive(Debug, Clone, Copy)]
pub struct EventLimits {
    /// All events together, in bytes.
    pub total: usize,
    /// One line, in bytes.
    pub line: usize,
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty if it has none.
    pub event: String,
    /// Its data, lines separated by line feeds.
    pub data: String,
}

/// Why an event stream ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The connection broke, or nothing came for too long.
    #[error("the answer broke off")]
    Transport(#[source] TransportError),
    /// It passed a bound.
    #[error("the answer is too long")]
    TooLong,
}

/// The events of an answer, as they come. Dropping the stream drops the connection.
pub fn events(
    response: Response,
    limits: EventLimits,
) -> impl Stream<Item = Result<Event, EventError>> {
    let state = (Some(response), EventReader::new(limits));
    let batches = stream::unfold(state, async |(response, mut reader)| {
        let mut response = response?;
        let mut found = Vec::new();
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let read = reader.push(&chunk, &mut found);
                let mut found: Vec<_> = found.into_iter().map(Ok).collect();
                found.extend(read.err().map(Err));
                let goes_on = found.last().is_none_or(Result::is_ok);
                Some((found, (goes_on.then_some(response), reader)))
            }
            Ok(None) => {
                found.extend(reader.finish());
                Some((found.into_iter().map(Ok).collect(), (None, reader)))
            }
            // What came whole before the connection broke is given first.
            Err(error) => {
                let mut found: Vec<_> = reader.finish().into_iter().map(Ok).collect();
                let error = TransportError::of_body(error, &response);
                found.push(Err(EventError::Transport(error)));
                Some((found, (None, reader)))
            }
        }
    });
    batches.flat_map(stream::iter)
}

/// Reads events from bytes that come in any pieces.
#[derive(Debug)]
pub struct EventReader {
    limits: EventLimits,
    total: usize,
    /// What came behind the last line's end.
    line: Vec<u8>,
    /// Whether the last line ended with a carriage return, which a line feed may follow.
    after_return: bool,
    has_begun: bool,
    /// Whether it is one JSON object in place of a stream.
    is_object: bool,
    event: Event,
    has_data: bool,
}

impl EventReader {
    /// A reader that takes no more than this.
    pub fn new(limits: EventLimits) -> Self {
        Self {
            limits,
            total: 0,
            line: Vec::new(),
            after_return: false,
            has_begun: false,
            is_object: false,
            event: Event::default(),
            has_data: false,
        }
    }

    /// Reads more, and adds the events that became whole.
    ///
    /// # Errors
    /// If a bound is passed.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), EventError> {
        self.total += bytes.len();
        if self.total > self.limits.total {
            return Err(EventError::TooLong);
        }
        for &byte in bytes {
            let follows_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if follows_return && !self.is_object => {}
                b'\n' | b'\r' if !self.is_object => events.extend(self.end_line()),
                _ => {
                    self.line.push(byte);
                    self.begin();
                    if self.line.len() > self.limits.line && !self.is_object {
                        return Err(EventError::TooLong);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is left once nothing more comes: an event without the empty line behind it.
    pub fn finish(&mut self) -> Option<Event> {
        if self.is_object {
            let data = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
            return Some(Event {
                event: String::new(),
                data,
            });
        }
        if !self.line.is_empty() {
            self.end_line();
        }
        self.dispatch()
    }

    /// Looks at how the body begins.
    fn begin(&mut self) {
        if self.has_begun {
            return;
        }
        const MARK: &[u8] = "\u{feff}".as_bytes();
        if self.line.len() <= MARK.len() && MARK.starts_with(&self.line) {
            if self.line.len() == MARK.len() {
                self.line.clear();
            }
            return;
        }
        if self.line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        self.has_begun = true;
        // No line of an event stream begins so.
        self.is_object = self.line.trim_ascii_start().first() == Some(&b'{');
    }

    fn end_line(&mut self) -> Option<Event> {
        self.has_begun |= !self.line.is_empty();
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.event),
            // Comments, ids, retry times, and what nobody knows.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: EventLimits = EventLimits {
        total: 1 << 20,
        line: 1 << 10,
    };

    /// The data of all events, whatever the pieces.
    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = EventReader::new(LIMITS);
        let mut events = Vec::new();
        for piece in pieces {
            reader.push(piece, &mut events).unwrap();
        }
        events.extend(reader.finish());
        events.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn events_are_read_however_their_lines_end() {
        for text in [
            "data: a\n\ndata: b\ndata:c\n\n",
            "data: a\r\n\r\ndata: b\r\ndata:c\r\n\r\n",
            "data: a\r\rdata: b\rdata:c\r\r",
            ": hello\n\nid: 1\ndata: a\n\nretry: 5\ndata: b\ndata: c\n\n",
        ] {
            assert_eq!(read(&[text.as_bytes()]), ["a", "b\nc"], "{text:?}");
        }
    }

    #[test]
    fn the_last_event_needs_no_empty_line() {
        assert_eq!(read(&[b"data: a\n\ndata: b"]), ["a", "b"]);
        assert_eq!(read(&[b"data: a\n\ndata: b\n"]), ["a", "b"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_it_even_in_pieces() {
        assert_eq!(read(&["\u{feff}data: a\n\n".as_bytes()]), ["a"]);
        assert_eq!(read(&[b"\xef", b"\xbb\xbfdata: a\n\n"]), ["a"]);
        assert_eq!(read(&[b"\xef\xbb", b"\xbf", b"data: a\n\n"]), ["a"]);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced_where_they_stand() {
        assert_eq!(read(&[b"data: a\xffb\n\ndata: c\n\n"]), ["a\u{fffd}b", "c"]);
    }

    #[test]
    fn one_object_in_place_of_a_stream_is_an_event() {
        let object = "{\n\n\"data: a\": 1}\n";
        assert_eq!(read(&[object.as_bytes()]), [object]);
        assert_eq!(read(&["\u{feff}{}".as_bytes()]), ["{}"]);
    }

    #[test]
    fn names_belong_to_their_event() {
        let mut reader = EventReader::new(LIMITS);
        let mut events = Vec::new();
        let text = b"event: x\ndata: 1\n\ndata: 2\n\nevent: y\n\n";
        reader.push(text, &mut events).unwrap();
        let names: Vec<&str> = events.iter().map(|event| &*event.event).collect();
        assert_eq!(names, ["x", ""]);
    }

    #[tokio::test]
    async fn event_streams_are_read_up_to_their_bounds() {
        let limits = EventLimits {
            total: 40,
            line: 20,
        };
        let read = async |pieces: &'static [&'static str]| {
            let pieces = pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece));
            let body = reqwest::Body::wrap_stream(stream::iter(pieces));
            let response = axum::http::Response::new(body).into();
            let events: Vec<_> = events(response, limits).collect().await;
            events
                .into_iter()
                .map(|event| event.map(|event| event.data).map_err(|e| e.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read(&["data: a\n\n", "data: b\n\n"]).await,
            [Ok("a".to_owned()), Ok("b".to_owned())]
        );
        let too_long = Some(Err("the answer is too long".to_owned()));
        let lines = read(&["data: 1234567", "890123456789"]).await;
        assert_eq!(lines.last().cloned(), too_long);
        let events = read(&["data: 12345678\n\n", "data: 12345678\n\n", "data: 12\n\n"]).await;
        assert_eq!(events.last().cloned(), too_long);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            bytes in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(&b"data: :\r\n{}\xef\xbb\xbf\xff"[..]),
                    any::<u8>()
                ],
                0..200,
            ),
            cuts in prop::collection::vec(0_usize..200, 0..5),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&bytes]));
        }
    }
}
