//! The body of an answer, whatever it turns out to be, on its way into a wire's reader.

use serde_json::Value;

use super::quirks::Quirks;
use super::sse::{SseEvent, SseReader};
use super::wire::{Reader, Reading, StreamError, Wire};
use super::{Chunk, Request, errors};

/// What the first bytes of a body show.
#[derive(Debug)]
enum Shape {
    /// Nothing but white space so far.
    Unknown(Vec<u8>),
    Events(SseReader),
    /// One JSON document, although a stream was asked for.
    Document(Vec<u8>),
    /// A web page.
    Page(Vec<u8>),
    /// One JSON document a line; the line that is not whole yet.
    Lines(Vec<u8>),
}

/// Reads the body of one answer as its bytes come in.
pub(super) struct Transcript<'a> {
    wire: Wire,
    request: &'a Request,
    quirks: &'a Quirks,
    shape: Shape,
    reader: Box<dyn Reader>,
    events: usize,
    seen: Vec<u8>,
}

/// What a body came to: an answer of the wire or an error in its words, or else the first words of what it is.
pub(super) type Outcome = Result<Reading, String>;

/// How much of a body is kept to be able to say what it was.
const SEEN: usize = 8_192;

impl<'a> Transcript<'a> {
    pub(super) fn new(wire: Wire, request: &'a Request, quirks: &'a Quirks) -> Self {
        let reader = wire.reader(request, quirks);
        Self { wire, request, quirks, shape: Shape::Unknown(Vec::new()), reader, events: 0, seen: Vec::new() }
    }

    /// Takes the next bytes and returns what they bring.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let room = SEEN.saturating_sub(self.seen.len()).min(bytes.len());
        self.seen.extend_from_slice(&bytes[..room]);
        match &mut self.shape {
            Shape::Unknown(begun) => {
                begun.extend_from_slice(bytes);
                let begun = std::mem::take(begun);
                self.decide(begun, &mut chunks);
            }
            Shape::Events(reader) => {
                let events = reader.push(bytes);
                self.take(&events, &mut chunks);
            }
            Shape::Document(body) | Shape::Page(body) => body.extend_from_slice(bytes),
            Shape::Lines(line) => {
                line.extend_from_slice(bytes);
                let events = whole_lines(line);
                self.take(&events, &mut chunks);
            }
        }
        chunks
    }

    fn decide(&mut self, begun: Vec<u8>, chunks: &mut Vec<Chunk>) {
        let past_mark = begun.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&begun);
        let first = past_mark.iter().find(|byte| !byte.is_ascii_whitespace());
        self.shape = match first {
            None => Shape::Unknown(begun),
            // A byte order mark that is not whole yet.
            Some(0xef) if begun.len() < 3 => Shape::Unknown(begun),
            Some(b'{') if self.wire == Wire::Ollama => {
                let mut line = begun;
                let events = whole_lines(&mut line);
                self.shape = Shape::Lines(line);
                self.take(&events, chunks);
                return;
            }
            Some(b'{' | b'[') => Shape::Document(begun),
            Some(b'<') => Shape::Page(begun),
            Some(_) => {
                let mut reader = SseReader::default();
                let events = reader.push(&begun);
                self.shape = Shape::Events(reader);
                self.take(&events, chunks);
                return;
            }
        };
    }

    fn take(&mut self, events: &[SseEvent], chunks: &mut Vec<Chunk>) {
        for event in events {
            if self.events == 0
                && let Some(shown) = Wire::of_event(event).filter(|shown| *shown != self.wire)
            {
                self.reader = shown.reader(self.request, self.quirks);
            }
            self.events += 1;
            self.reader.event(event, chunks);
        }
    }

    /// Ends the body.
    pub(super) fn finish(mut self) -> (Outcome, Vec<Chunk>) {
        let mut chunks = Vec::new();
        match &mut self.shape {
            Shape::Unknown(_) => {}
            Shape::Events(reader) => {
                let last = reader.finish();
                self.take(last.as_slice(), &mut chunks);
                if self.events == 0 && !begins_like_events(&self.seen) {
                    return (Err(errors::first_words(&self.seen)), chunks);
                }
            }
            Shape::Document(body) => {
                let body = std::mem::take(body);
                let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
                match serde_json::from_slice::<Value>(text) {
                    Ok(document) => self.reader.document(&document, &mut chunks),
                    Err(_) => return (Err(errors::first_words(&body)), chunks),
                }
            }
            Shape::Lines(line) => {
                line.push(b'\n');
                let events = whole_lines(line);
                self.take(&events, &mut chunks);
            }
            Shape::Page(body) => return (Err(errors::first_words(body)), chunks),
        }
        let reading = self.reader.finish(&mut chunks);
        (Ok(reading), chunks)
    }
}

/// Takes the whole lines off the front.
fn whole_lines(begun: &mut Vec<u8>) -> Vec<SseEvent> {
    let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else { return vec![] };
    let rest = begun.split_off(end + 1);
    let lines = std::mem::replace(begun, rest);
    let text = String::from_utf8_lossy(&lines);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| SseEvent { event: None, data: line.to_owned() }).collect()
}

/// A stream of nothing but comments or names is still a stream.
fn begins_like_events(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let line = text.trim_start_matches('\u{feff}').trim_start().lines().next().unwrap_or_default().to_owned();
    ["data", "event", "id", "retry", ":"].iter().any(|field| line.starts_with(field))
}

/// Reads a recorded body in the pieces given, without a network.
///
/// What a body that is not of the wire begins with comes back as an error.
pub fn read_body<'a>(wire: Wire, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Reading, Vec<Chunk>) {
    let request = Request {
        model: String::new(),
        system: String::new(),
        messages: vec![],
        tools: vec![],
        max_tokens: 0,
        temperature: None,
    };
    let quirks = Quirks::default();
    let mut transcript = Transcript::new(wire, &request, &quirks);
    let mut chunks: Vec<Chunk> = pieces.into_iter().flat_map(|piece| transcript.push(piece)).collect();
    let (outcome, last) = transcript.finish();
    chunks.extend(last);
    let reading = outcome.unwrap_or_else(|message| {
        let error = StreamError { kind: super::ErrorKind::Protocol, message, passing: false };
        Reading { error: Some(error), ..Reading::default() }
    });
    (reading, chunks)
}
