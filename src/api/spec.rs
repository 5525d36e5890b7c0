//! OpenAPI 3.0 and 3.1 documents, and Swagger 2.0 ones read as such.
//!
//! A document stays a JSON value; what 3.0 says in its own way is said as 3.1 does after reading. References are
//! followed inside the document only, and a remote one is never fetched.

mod bundle;
pub mod diff;
pub mod document;
pub mod draft;
pub mod extract;
pub mod lint;
mod merge;
mod normalize;
pub mod operations;
mod refs;
pub mod routes;
mod schema_diff;
pub mod style;
mod swagger;
mod validators;

use std::sync::Arc;

use serde_json::Value;

use super::ApiError;
use crate::text;

pub use operations::{Body, Operation, Parameter, Place, Responses};
pub use refs::{Broken, flatten, resolve};
pub use validators::Validators;

/// The most bytes of a document that are read.
pub const MOST_BYTES: usize = 10 << 20;

/// A document.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where it came from: a path or an address.
    pub place: String,
    /// The version it is written in.
    pub version: String,
    /// The document as OpenAPI 3.1.
    pub root: Value,
    /// Nobody has promised this: it was put together from what the program shows.
    pub drafted: bool,
    text: Arc<str>,
    /// The other files it is made of.
    files: bundle::Files,
}

impl Spec {
    /// Reads a document in JSON or YAML.
    ///
    /// # Errors
    /// It is too large, no JSON or YAML, or no OpenAPI 3 document; the place holds line and column where they are known.
    pub fn read(place: &str, text: &str) -> Result<Self, ApiError> {
        Self::read_with(place, text, &|_| None)
    }

    /// Reads a document that may be made of several files; `file` gives the text of another one by its path.
    ///
    /// # Errors
    /// As [`Spec::read`].
    pub fn read_with(place: &str, text: &str, file: &dyn Fn(&str) -> Option<String>) -> Result<Self, ApiError> {
        let error = |place: String, what: String| ApiError::Document { place, what };
        if text.len() > MOST_BYTES {
            let what = format!("{} bytes are more than the {} MB that are read", text.len(), MOST_BYTES >> 20);
            return Err(error(place.to_owned(), what));
        }
        let mut root = read_value(place, text)?;
        let version = version(&root).map_err(|what| error(place.to_owned(), what))?;
        let mut files = bundle::Files::new();
        if version == "2.0" {
            root = swagger::converted(&root);
        } else {
            files = bundle::bundle(place, &mut root, file);
        }
        if version.starts_with(['2', '3']) && !version.starts_with("3.1") {
            normalize::upgrade(&mut root);
        }
        Ok(Self { place: place.to_owned(), version, root, drafted: false, text: Arc::from(text), files })
    }

    /// Makes a document of a value, as a server or a framework gives it.
    ///
    /// # Errors
    /// As [`Spec::read`].
    pub fn of_value(place: &str, value: &Value) -> Result<Self, ApiError> {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        Self::read(place, &text)
    }

    /// `file:line:column` of what a JSON pointer points at, or of the nearest above it.
    pub fn locate(&self, pointer: &str) -> String {
        let (place, text, pointer) =
            bundle::file_of(&self.files, pointer).unwrap_or((&self.place, &*self.text, pointer));
        match text::locate(text, is_json(text), pointer) {
            Some((line, column)) => format!("{place}:{line}:{column}"),
            None => place.to_owned(),
        }
    }

    /// The document as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path that the document puts before all of its own: that of the first server, without its host. Empty when
    /// there is none.
    pub fn prefix(&self) -> &str {
        let url = self.root.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => url,
        };
        // What is filled in by whoever reads it is nothing to go by.
        if path.starts_with('/') && !path.contains('{') { path.trim_end_matches('/') } else { "" }
    }

    /// Every operation in the order of the document.
    pub fn operations(&self) -> Vec<Operation> {
        operations::all(&self.root)
    }

    /// References that lead nowhere, around in a circle, or elsewhere.
    pub fn broken_references(&self) -> Vec<Broken> {
        refs::check(&self.root)
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

fn read_value(place: &str, text: &str) -> Result<Value, ApiError> {
    if is_json(text) { read_json(place, text) } else { read_yaml(place, text) }
}

fn read_json(place: &str, text: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| ApiError::Document {
        place: format!("{place}:{}:{}", error.line(), error.column()),
        what: format!("no valid JSON: {}", without_place(&error.to_string())),
    })
}

fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

fn read_yaml(place: &str, text: &str) -> Result<Value, ApiError> {
    let value: serde_norway::Value = serde_norway::from_str(text).map_err(|error| {
        let at = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
        ApiError::Document {
            place: format!("{place}{at}"),
            what: format!("no valid YAML: {}", without_place(&error.to_string())),
        }
    })?;
    Ok(text::from_yaml(value))
}

fn version(root: &Value) -> Result<String, String> {
    if let Some(swagger) = root.get("swagger") {
        return match super::expect::plain(swagger).as_str() {
            "2" | "2.0" => Ok("2.0".to_owned()),
            other => Err(format!("Swagger {other} is not supported; 2.0, OpenAPI 3.0 and 3.1 are")),
        };
    }
    match root.get("openapi").map(super::expect::plain) {
        Some(version) if version.starts_with("3.0") || version.starts_with("3.1") => Ok(version),
        Some(version) => Err(format!("OpenAPI {version} is not supported; 3.0 and 3.1 are")),
        None => Err("this is no OpenAPI document: there is no field `openapi`".to_owned()),
    }
}

/// Writes a segment of a JSON pointer.
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        for (text, expected) in [
            ("{\n  \"openapi\": \"3.1.0\",\n}", "x:3:1: no valid JSON: trailing comma"),
            ("openapi: 3.0.0\n  bad: [\n", "x:"),
            ("swagger: '1.2'", "Swagger 1.2 is not supported"),
            ("openapi: 4.0.0", "OpenAPI 4.0.0 is not supported"),
            ("a: 1", "no field `openapi`"),
            ("", "no field `openapi`"),
        ] {
            let error = Spec::read("x", text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let large = format!("{{\"openapi\":\"3.1.0\",\"x\":\"{}\"}}", "a".repeat(MOST_BYTES));
        assert!(Spec::read("x", &large).unwrap_err().to_string().contains("10 MB"));
    }

    #[test]
    fn yaml_keys_are_text_and_anchors_are_followed() {
        let text = "openapi: 3.1.0\npaths:\n  /a:\n    get:\n      responses:\n        200: &ok\n          description: fine\n        201: *ok\n";
        let spec = Spec::read("x.yaml", text).unwrap();
        assert_eq!(spec.root["paths"]["/a"]["get"]["responses"]["201"]["description"], "fine");
        assert_eq!(spec.locate("/paths/~1a/get/responses/201"), "x.yaml:8:9");
    }
}
