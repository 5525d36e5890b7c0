//! Server-sent events, read as the bytes come in.

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The name given with `event:`, if any.
    pub event: Option<String>,
    /// The lines given with `data:`, joined by a line feed.
    pub data: String,
}

/// Cuts a stream of bytes into events, however the bytes are chunked.
///
/// It follows the WHATWG text with one exception: an event that the end of the stream cuts short of its blank line
/// still counts, because several servers never send the last one.
#[derive(Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    after_return: bool,
    past_first_line: bool,
    event: Option<String>,
    data: Option<String>,
}

impl SseReader {
    /// Takes the next bytes and returns the events they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            events.extend(self.end_line());
        }
        events
    }

    /// Ends the stream and returns what was still open.
    pub fn finish(&mut self) -> Option<SseEvent> {
        let last = if self.line.is_empty() { None } else { self.end_line() };
        last.or_else(|| self.dispatch())
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let bytes = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.past_first_line, true);
        let bytes = if first { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes) } else { &bytes };
        if bytes.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(bytes);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment has an empty field name; `id`, `retry` and unknown fields mean nothing here.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let event = self.event.take();
        self.data.take().map(|data| SseEvent { event, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<(Option<String>, String)> {
        let mut reader = SseReader::default();
        let mut events: Vec<SseEvent> = chunks.iter().flat_map(|chunk| reader.push(chunk)).collect();
        events.extend(reader.finish());
        events.into_iter().map(|event| (event.event, event.data)).collect()
    }

    fn check(stream: &str, expected: &[(Option<&str>, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, data)| (name.map(str::to_owned), (*data).to_owned())).collect();
        let bytes = stream.as_bytes();
        assert_eq!(read(&[bytes]), expected, "whole: {stream:?}");
        for size in 1..=bytes.len() {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(read(&chunks), expected, "in pieces of {size}: {stream:?}");
        }
    }

    #[test]
    fn framing_does_not_depend_on_chunks() {
        check("event: a\ndata: {\"x\":1}\n\ndata: y\n\n", &[(Some("a"), "{\"x\":1}"), (None, "y")]);
        check("data: a\r\n\r\ndata: b\r\rdata: c\n\n", &[(None, "a"), (None, "b"), (None, "c")]);
        check("\u{feff}data: héllo ☃\n\n", &[(None, "héllo ☃")]);
        check(": ping\n\n:\ndata:1\ndata: 2\ndata:  3\n\n", &[(None, "1\n2\n 3")]);
        check("id: 7\nretry: 1\nfoo\ndata: x", &[(None, "x")]);
        check("event: lonely\n\ndata: x\n\n", &[(None, "x")]);
        check("data\n\ndata\ndata\n\n", &[(None, ""), (None, "\n")]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(read(&[b"data: a\xffb\n\n"]), [(None, "a\u{fffd}b".to_owned())]);
    }
}
