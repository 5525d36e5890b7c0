//! Requests written for other programs: Postman collections (v2.1) and `.http` files.

pub mod environment;
mod http_file;
mod postman;
mod script;

use serde_json::{Map, Value};

use super::ApiError;
use super::auth::Profile;
use super::variables::Variables;

pub use postman::collection;

/// A request of a collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Its name, folders before it.
    pub name: String,
    /// The method.
    pub method: String,
    /// The address, with `{{variables}}`.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// The file that holds the body, beside the one with the request.
    pub body_file: Option<String>,
    /// How it is authenticated.
    pub auth: Option<Profile>,
    /// What its scripts assert, as far as they were understood: fields of an `expect`.
    pub expect: Map<String, Value>,
    /// What its scripts keep.
    pub save: Map<String, Value>,
    /// What is not run: lines of scripts, parts of bodies.
    pub not_run: Vec<String>,
}

/// A collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Its requests in order.
    pub requests: Vec<Imported>,
    /// Its variables.
    pub variables: Variables,
    /// Secrets that stand in the file.
    pub secrets: Vec<String>,
}

/// Reads a collection by what the file is.
///
/// # Errors
/// It is neither: with line and column where they are known.
pub fn read(path: &str, text: &str) -> Result<Collection, ApiError> {
    let mut collection =
        if text.trim_start().starts_with('{') { postman::read(path, text)? } else { http_file::read(path, text)? };
    for (name, value) in &collection.variables {
        if super::exchange::is_secret_name(name) && !value.is_empty() && !value.contains("{{") {
            collection.secrets.push(format!("the variable `{name}`"));
        }
    }
    if crate::text::redact(text) != text {
        collection.secrets.push("a value that looks like a secret".to_owned());
    }
    Ok(collection)
}
