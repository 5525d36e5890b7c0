//! Values that a schema allows, values that it does not, and values at the edge. The same seed gives the same values.

mod edges;
mod pattern;
mod valid;

pub use edges::{Edge, HUGE, TRUE_FOR_NUMBER, edges, wrong};

use fastrand::Rng;
use serde_json::Value;

use super::spec::Validators;

/// How much of what may be left out is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Only what must be there.
    Least,
    /// Everything.
    Full,
    /// Now and then.
    Some,
}

/// Makes values for the schemas of one document.
pub struct Generator<'a> {
    root: &'a Value,
    validators: &'a Validators,
    rng: Rng,
}

/// How often a value that does not fit is made anew.
const TRIES: usize = 20;

impl<'a> Generator<'a> {
    /// For a document; the seed decides every value.
    pub fn new(root: &'a Value, validators: &'a Validators, seed: u64) -> Self {
        Self { root, validators, rng: Rng::with_seed(seed) }
    }

    /// A value the schema allows; `None` when none was found, which is no proof that there is none.
    pub fn valid(&mut self, schema: &Value, fill: Fill) -> Option<Value> {
        (0..TRIES).find_map(|_| {
            let made = valid::Making { root: self.root, rng: &mut self.rng, fill }.value(schema, 0)?;
            self.validators.fits(schema, &made).then_some(made)
        })
    }

    /// A number below a limit, for choices.
    pub fn choose(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.rng.usize(..limit) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn root() -> Value {
        json!({"components": {"schemas": {
            "Tree": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "minLength": 3, "maxLength": 5},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}}},
            "Endless": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Endless"}}}
        }}})
    }

    #[test]
    fn what_is_made_fits_and_the_same_seed_makes_the_same() {
        let root = root();
        let validators = Validators::new(&root);
        for schema in [
            json!({"type": "integer", "minimum": 3, "maximum": 9, "multipleOf": 3}),
            json!({"type": "integer", "exclusiveMinimum": 7, "exclusiveMaximum": 9}),
            json!({"type": "number", "minimum": 0.5, "maximum": 0.75}),
            json!({"type": ["string", "null"], "minLength": 2}),
            json!({"type": "string", "pattern": "^[A-Z]{2}-\\d{3,4}$"}),
            json!({"type": "string", "pattern": "^(a|b)+c?\\w{2}$", "maxLength": 9}),
            json!({"type": "array", "minItems": 2, "maxItems": 3, "uniqueItems": true, "items": {"type": "integer"}}),
            json!({"$ref": "#/components/schemas/Tree"}),
            json!({"allOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "object", "required": ["x"], "properties": {"x": {"const": 1}}}]}),
            json!({"oneOf": [{"type": "integer"}, {"type": "string", "format": "uuid"}]}),
            json!({"enum": ["a", 1, null]}),
            json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "boolean"}}),
            json!({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
            json!(true),
            json!({}),
        ] {
            for fill in [Fill::Least, Fill::Full, Fill::Some] {
                for seed in 0..20 {
                    let make = || Generator::new(&root, &validators, seed).valid(&schema, fill);
                    let made = make().unwrap_or_else(|| panic!("nothing fits {schema}"));
                    assert!(validators.fits(&schema, &made), "{schema}: {made}");
                    assert_eq!(make(), Some(made));
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_made_is_said() {
        let root = root();
        let validators = Validators::new(&root);
        for schema in [
            json!({"$ref": "#/components/schemas/Endless"}),
            json!(false),
            json!({"type": "string", "minLength": 5, "maxLength": 2}),
            json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
            json!({"$ref": "#/nowhere"}),
        ] {
            assert_eq!(Generator::new(&root, &validators, 1).valid(&schema, Fill::Full), None, "{schema}");
        }
    }
}
