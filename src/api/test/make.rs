//! Valid requests: values that are known, examples of the contract, else values that its schemas allow.

use serde_json::Value;

use super::bench::Bench;
use super::case::{Case, Expectation, Payload, text};
use crate::api::generate::{Fill, Generator};
use crate::api::message::is_json;
use crate::api::spec::lint::template_names;
use crate::api::spec::{Operation, Place, flatten, resolve};

impl Bench<'_> {
    /// A valid request to an operation.
    ///
    /// # Errors
    /// Nothing was found that the contract allows: what could not be made.
    pub(super) fn base(&self, operation: &Operation, fill: Fill, make: &mut Generator<'_>) -> Result<Case, String> {
        let mut case = Case {
            what: "a valid request".to_owned(),
            path: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            payload: Payload::None,
            expectation: Expectation::Valid,
            at: None,
        };
        let mut filled = operation.path.clone();
        for name in template_names(&operation.path) {
            let value = self.path_value(operation, &filled, name, make)?;
            filled = filled.replace(&format!("{{{name}}}"), &value);
            case.path.push((name.to_owned(), value));
        }
        for parameter in operation.parameters.iter().filter(|parameter| parameter.place != Place::Path) {
            let wanted = parameter.required || fill == Fill::Full || (fill == Fill::Some && make.choose(2) == 0);
            let reserved =
                ["accept", "content-type", "authorization"].contains(&parameter.name.to_ascii_lowercase().as_str());
            if !wanted || (parameter.place == Place::Header && reserved) {
                continue;
            }
            let example = parameter.example.clone().filter(|_| fill != Fill::Some);
            let Some(value) = example.or_else(|| make.valid(&parameter.schema, fill)) else {
                if parameter.required {
                    return Err(format!("unsatisfiable: no value fits the parameter `{}`", parameter.name));
                }
                continue;
            };
            match parameter.place {
                Place::Query => case.query.extend(parameter.style.pairs(&parameter.name, &value)),
                Place::Header => case.headers.push((parameter.name.clone(), parameter.style.one(&value))),
                _ => {
                    let value = parameter.style.one(&value);
                    case.headers.push(("cookie".to_owned(), format!("{}={value}", parameter.name)));
                }
            }
        }
        case.payload = self.payload(operation, fill, make)?;
        Ok(case)
    }

    fn path_value(
        &self,
        operation: &Operation,
        filled: &str,
        name: &str,
        make: &mut Generator<'_>,
    ) -> Result<String, String> {
        let known = self.known.values(filled, name);
        if !known.is_empty() {
            return Ok(known[make.choose(known.len())].clone());
        }
        let Some(parameter) = operation.parameters_in(Place::Path).find(|parameter| parameter.name == name) else {
            return Ok("1".to_owned());
        };
        // Where nobody says what fits, a number does so most often.
        if self.here.spec.drafted {
            return Ok("1".to_owned());
        }
        // A list that may be empty is not in a path.
        let mut made = |fill| {
            let value = parameter.example.clone().or_else(|| make.valid(&parameter.schema, fill))?;
            Some(parameter.style.one(&value)).filter(|value| !value.is_empty())
        };
        let value = made(Fill::Least).or_else(|| made(Fill::Full));
        value.ok_or_else(|| format!("unsatisfiable: no value fits the path parameter `{name}`"))
    }

    fn payload(&self, operation: &Operation, fill: Fill, make: &mut Generator<'_>) -> Result<Payload, String> {
        let Some(body) =
            operation.body.as_ref().filter(|body| body.required || fill != Fill::Least || matters(operation))
        else {
            return Ok(Payload::None);
        };
        let Some((media, schema)) = body.preferred() else { return Ok(Payload::None) };
        let example = body.example.clone().filter(|_| fill == Fill::Full);
        let made = example.filter(|example| self.validators.fits(schema, example)).or_else(|| make.valid(schema, fill));
        let value = made.ok_or_else(|| format!("unsatisfiable: no body fits the schema of {media}"))?;
        match media.as_str() {
            media if is_json(media) => Ok(Payload::Json { media: media.to_owned(), value }),
            "application/x-www-form-urlencoded" => Ok(Payload::Form(value)),
            "multipart/form-data" => {
                let files = binary_fields(&self.here.spec.root, schema);
                Ok(Payload::Parts { value, files })
            }
            media if media.starts_with("multipart/") => Err(format!("bodies of {media} are not made")),
            media => Ok(Payload::Raw { media: Some(media.to_owned()), bytes: text(&value).into_bytes() }),
        }
    }

    /// The schema of the JSON body, references followed.
    pub(super) fn body_schema<'o>(&'o self, operation: &'o Operation) -> Option<&'o Value> {
        operation.json_body().map(|(_, schema)| resolve(&self.here.spec.root, schema))
    }
}

/// The fields of a form that hold a file.
fn binary_fields(root: &Value, schema: &Value) -> Vec<String> {
    let whole = flatten(root, schema);
    let fields = whole.get("properties").and_then(Value::as_object);
    let binary = |schema: &Value| {
        let schema = resolve(root, schema);
        let schema = schema.get("items").map_or(schema, |items| resolve(root, items));
        schema.get("format").is_some_and(|format| format == "binary") || schema.get("contentMediaType").is_some()
    };
    fields.into_iter().flatten().filter(|(_, schema)| binary(schema)).map(|(name, _)| name.clone()).collect()
}

/// A body that may be left out is still what the operation is about.
fn matters(operation: &Operation) -> bool {
    matches!(operation.method.as_str(), "POST" | "PUT" | "PATCH")
}
