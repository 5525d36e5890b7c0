//! Requests written for other programs: Postman collections (v2.1) and `.http` files.

pub mod environment;
mod http_file;
mod postman;
mod script;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ApiError;
use super::auth::Profile;
use super::variables::Variables;

pub(super) use http_file::file_of;
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
    /// The fields of a form, in place of a body.
    pub form: Vec<Field>,
    /// How it is authenticated.
    pub auth: Option<Profile>,
    /// What its scripts assert, as far as they were understood: fields of an `expect`.
    pub expect: Map<String, Value>,
    /// What its scripts keep.
    pub save: Map<String, Value>,
    /// What is not run: lines of scripts, parts of bodies.
    pub not_run: Vec<String>,
}

/// A field of a form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value, or the file that holds it.
    pub value: String,
    /// The value is the name of a file, beside the one with the request.
    pub file: bool,
    /// What it holds, where the file says so.
    pub media: Option<String>,
    /// The form is sent in parts, as forms with files are.
    pub parts: bool,
}

impl Imported {
    /// The variables it uses.
    fn names(&self) -> BTreeSet<String> {
        let auth = self.auth.as_ref().and_then(|auth| serde_json::to_string(auth).ok());
        let texts = [Some(&self.url), self.body.as_ref(), auth.as_ref()].into_iter().flatten();
        let texts = texts.chain(self.headers.iter().map(|(_, value)| value));
        let texts = texts.chain(self.form.iter().map(|field| &field.value));
        let names = texts.flat_map(|text| text.split("{{").skip(1)).filter_map(|rest| rest.split_once("}}"));
        names.map(|(name, _)| name.trim().to_owned()).collect()
    }
}

/// Whether a name is written as variables of the environment are.
fn is_loud(name: &str) -> bool {
    name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
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
    /// Names that stand for variables of the environment.
    pub environment: BTreeSet<String>,
}

/// Reads a collection by what the file is.
///
/// # Errors
/// It is neither: with line and column where they are known.
pub fn read(path: &str, text: &str) -> Result<Collection, ApiError> {
    let mut collection =
        if text.trim_start().starts_with('{') { postman::read(path, text)? } else { http_file::read(path, text)? };
    let unset = collection.requests.iter().flat_map(Imported::names).filter(|name| is_loud(name));
    let unset: Vec<String> = unset.filter(|name| !collection.variables.contains_key(name)).collect();
    collection.environment.extend(unset);
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
