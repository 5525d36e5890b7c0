//! Schemas of a document made ready for checking values.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::refs::decoded;

/// Validators of one document, made once each.
#[derive(Debug)]
pub struct Validators {
    shared: Value,
    made: Mutex<HashMap<String, Result<Arc<Validator>, String>>>,
}

impl Validators {
    /// For the schemas of this document.
    pub fn new(root: &Value) -> Self {
        let mut shared = json!({});
        for name in ["components", "paths", "webhooks", "$defs", "definitions"] {
            if let Some(part) = root.get(name) {
                shared[name] = part.clone();
            }
        }
        Self { shared, made: Mutex::default() }
    }

    /// The validator of a schema.
    ///
    /// # Errors
    /// The schema itself is wrong: in one line why.
    pub fn of(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(key).or_insert_with(|| self.make(schema)).clone()
    }

    fn make(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let mut whole = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema]});
        // References lead into the document, so what they lead to stands beside the schema, and nothing else of it: a
        // document may be large, and each of its schemas would carry it along.
        for place in self.reached(schema) {
            let Some(value) = place.iter().try_fold(&self.shared, |value, name| value.get(name)) else { continue };
            let slot = place.iter().fold(&mut whole, |slot, name| &mut slot[name.as_str()]);
            *slot = value.clone();
        }
        let built = jsonschema::options().build(&whole);
        built.map(Arc::new).map_err(|error| format!("the schema cannot be used: {error}"))
    }

    /// The parts of the document that references lead to, and those that lead on from there.
    fn reached(&self, schema: &Value) -> BTreeSet<Vec<String>> {
        let (mut found, mut open) = (BTreeSet::new(), Vec::new());
        references(schema, &mut open);
        while let Some(reference) = open.pop() {
            let Some(place) = part(&reference) else { continue };
            if let Some(value) = place.iter().try_fold(&self.shared, |value, name| value.get(name))
                && found.insert(place.clone())
            {
                references(value, &mut open);
            }
        }
        found
    }

    /// What does not fit, in one line each: where in the value, and why. A schema that is wrong fits nothing.
    pub fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        match self.of(schema) {
            Err(error) => vec![error],
            Ok(validator) => validator.iter_errors(value).take(5).map(|error| shown(&error)).collect(),
        }
    }

    /// Whether a value fits.
    pub fn fits(&self, schema: &Value, value: &Value) -> bool {
        self.of(schema).is_ok_and(|validator| validator.is_valid(value))
    }
}

fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, into));
        }
        _ => {}
    }
}

/// `#/components/schemas/Item/properties/id` stands in `components`, `schemas`, `Item`; anything else two levels down.
fn part(reference: &str) -> Option<Vec<String>> {
    let pointer = reference.strip_prefix("#/")?;
    let depth = if pointer.starts_with("components/") { 3 } else { 2 };
    let segments: Vec<String> =
        pointer.split('/').take(depth).map(|name| decoded(name).replace("~1", "/").replace("~0", "~")).collect();
    (segments.len() == depth).then_some(segments)
}

fn shown(error: &jsonschema::ValidationError<'_>) -> String {
    let mut text: String = error.to_string().chars().take(160).collect();
    if text.len() < error.to_string().len() {
        text.push('…');
    }
    let at = error.instance_path().to_string();
    if at.is_empty() { text } else { format!("{at}: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_into_the_document() {
        let root = json!({"components": {"schemas": {
            "Item": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"},
                     "children": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}}}}}});
        let validators = Validators::new(&root);
        let schema = json!({"type": "array", "items": {"$ref": "#/components/schemas/Item"}});
        assert!(validators.fits(&schema, &json!([{"id": 1, "children": [{"id": 2}]}])));
        let errors = validators.errors(&schema, &json!([{"id": 1, "children": [{"id": "x"}]}]));
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("/0/children/0/id: "), "{errors:?}");
        assert!(!validators.errors(&json!({"$ref": "#/nowhere"}), &json!(1)).is_empty());
    }

    #[test]
    fn a_schema_carries_only_what_it_leads_to() {
        let root = json!({
            "components": {"schemas": {
                "A": {"properties": {"b": {"$ref": "#/components/schemas/B/properties/inner"}}},
                "B": {"properties": {"inner": {"$ref": "#/paths/~1x~1y/get/schema"}}},
                "Other": {"$ref": "#/components/schemas/A"}}},
            "paths": {"/x/y": {"get": {"schema": {"type": "string"}}}, "/y": {}}
        });
        let validators = Validators::new(&root);
        let schema = json!({"$ref": "#/components/schemas/A"});
        let reached: Vec<String> = validators.reached(&schema).iter().map(|place| place.join(" ")).collect();
        assert_eq!(reached, ["components schemas A", "components schemas B", "paths /x/y"]);
        assert!(validators.fits(&schema, &json!({"b": "x"})) && !validators.fits(&schema, &json!({"b": 1})));
    }
}
