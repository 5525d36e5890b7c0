//! What is sent and what is answered.

use serde_json::Value;

/// A request, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method in capitals.
    pub method: String,
    /// The path with its query, or a whole address.
    pub url: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body; `None` sends none.
    pub body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers in order, names in small letters, values lossy UTF-8.
    pub headers: Vec<(String, String)>,
    /// The body, at most what the client keeps.
    pub body: Vec<u8>,
    /// The whole size of the body in bytes, as far as it was read.
    pub size: usize,
    /// The body was longer than what is kept.
    pub cut: bool,
    /// Milliseconds from sending to the end of the body.
    pub ms: f64,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self { method: method.to_ascii_uppercase(), url: url.into(), ..Self::default() }
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.set_header("content-type", "application/json");
        self.body = Some(body.to_string().into_bytes());
        self
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Sets a header in place of those of the same name.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a header away.
    pub fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Adds a parameter to the query.
    pub fn add_query(&mut self, name: &str, value: &str) {
        let joint = if self.url.contains('?') { '&' } else { '?' };
        self.url = format!("{}{joint}{}={}", self.url, super::target::encode(name), super::target::encode(value));
    }

    /// The body as JSON.
    pub fn body_json(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_ref()?).ok()
    }

    /// Whether it only looks: nothing should change through it.
    pub fn is_safe(&self) -> bool {
        is_safe(&self.method)
    }
}

/// Whether a method only looks.
pub fn is_safe(method: &str) -> bool {
    matches!(method.to_ascii_uppercase().as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The media type without its parameters, in small letters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text, lossy.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the status says that it worked.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Whether a media type is JSON or a dialect of it.
pub fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json") || essence == "text/json"
}
/// Between the parts of a form.
const BOUNDARY: &str = "part-of-the-form-7f3a9c";

/// A form in parts, as it goes over the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(String);

impl Parts {
    /// Its media type.
    pub fn media() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// Adds a field: the name of its file, where it holds one, and what it holds, where that is said.
    pub fn add(&mut self, name: &str, file: Option<&str>, media: Option<&str>, value: &str) {
        let quoted = |text: &str| text.replace('"', "%22");
        self.0.push_str(&format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(name)));
        if let Some(file) = file {
            self.0.push_str(&format!("; filename=\"{}\"", quoted(file)));
        }
        if let Some(media) = media {
            self.0.push_str(&format!("\r\nContent-Type: {media}"));
        }
        self.0.push_str(&format!("\r\n\r\n{value}\r\n"));
    }

    /// The whole body.
    pub fn body(self) -> String {
        format!("{}--{BOUNDARY}--\r\n", self.0)
    }
}
