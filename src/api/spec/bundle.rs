//! A document in several files made one: what its references lead to in other files of the tree is taken in, under
//! `components`, and the references lead there.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{MOST_BYTES, escape, read_value};
use crate::domain::beside;

/// Where the other files are put.
const PLACE: &str = "x-files";
/// The most files a document is made of.
const MOST_FILES: usize = 5_000;

/// The other files of a document: their texts by path.
pub(super) type Files = BTreeMap<String, Arc<str>>;

/// Gives the text of a file of the tree.
pub(super) type Reader<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Takes in what the references of the document at `place` lead to. What cannot be read stays as it is.
pub(super) fn bundle(place: &str, root: &mut Value, read: Reader<'_>) -> Files {
    let mut bundle = Bundle { main: place, read, texts: Files::new(), values: Map::new(), bytes: 0 };
    let whole = root.clone();
    bundle.rewrite(place, &whole, &whole, root);
    if !bundle.values.is_empty() && root.get("components").is_none_or(Value::is_object) {
        root["components"][PLACE] = Value::Object(bundle.values);
    }
    bundle.texts
}

/// The file that a pointer into the whole leads to, and the pointer in it.
pub(super) fn file_of<'a>(files: &'a Files, pointer: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
    let rest = pointer.strip_prefix("/components/")?.strip_prefix(PLACE)?.strip_prefix('/')?;
    let (key, inner) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (path, text) = files.iter().find(|(path, _)| escape(path) == key)?;
    Some((path, &**text, inner))
}

struct Bundle<'a> {
    main: &'a str,
    read: Reader<'a>,
    texts: Files,
    values: Map<String, Value>,
    bytes: usize,
}

impl Bundle<'_> {
    /// Lets the references in `value`, which stands in `file` (`whole`), lead into the one document.
    fn rewrite(&mut self, file: &str, whole: &Value, main: &Value, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite(file, whole, main, item)),
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref")
                    && let Some(led) = self.led(file, whole, main, reference)
                {
                    map.insert("$ref".to_owned(), Value::String(led));
                }
                let schemas = map.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"));
                schemas.for_each(|(_, inner)| self.rewrite(file, whole, main, inner));
            }
            _ => {}
        }
    }

    /// What a reference is in the whole; `None` for one that stays as it is.
    fn led(&mut self, file: &str, whole: &Value, main: &Value, reference: &str) -> Option<String> {
        if reference.contains("://") {
            return None;
        }
        let (path, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let target = if path.is_empty() { file.to_owned() } else { beside(file, path)? };
        if target == self.main {
            return (file != self.main || !path.is_empty()).then(|| format!("#{pointer}"));
        }
        // Many a part of a document speaks of the whole as if it stood in it.
        if path.is_empty() && whole.pointer(pointer).is_none() && main.pointer(pointer).is_some() {
            return None;
        }
        self.take_in(&target, main)?;
        Some(format!("#/components/{PLACE}/{}{pointer}", escape(&target)))
    }

    fn take_in(&mut self, path: &str, main: &Value) -> Option<()> {
        if self.texts.contains_key(path) {
            return Some(());
        }
        let text = (self.read)(path).filter(|text| self.bytes + text.len() <= MOST_BYTES)?;
        let mut value = read_value(path, &text).ok()?;
        if self.texts.len() >= MOST_FILES {
            return None;
        }
        self.bytes += text.len();
        self.texts.insert(path.to_owned(), Arc::from(text));
        let whole = value.clone();
        self.rewrite(path, &whole, main, &mut value);
        self.values.insert(path.to_owned(), value);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::api::spec::Spec;

    #[test]
    fn a_document_in_several_files_is_read_as_one() {
        let main = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a: {$ref: 'paths/a.yaml'}\n  /far: {$ref: 'https://h/x.yaml'}\n  /none: {$ref: 'paths/none.yaml'}\ncomponents:\n  schemas:\n    Own: {type: string, nullable: true}\n";
        let files = [
            (
                "api/paths/a.yaml",
                "get:\n  operationId: a\n  responses:\n    '200':\n      description: ok\n      content: {application/json: {schema: {$ref: '../schemas.json#/Tree'}}}\n    '404': {$ref: '#/nowhere'}\n",
            ),
            (
                "api/schemas.json",
                r##"{"Tree": {"type": "object", "nullable": true, "properties": {"own": {"$ref": "openapi.yaml#/components/schemas/Own"},
                "same": {"$ref": "#/components/schemas/Own"}, "children": {"type": "array", "items": {"$ref": "#/Tree"}}}}}"##,
            ),
        ];
        let read = |path: &str| files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned());
        let spec = Spec::read_with("api/openapi.yaml", main, &read).unwrap();
        let operations = spec.operations();
        assert_eq!(operations.iter().map(|one| one.name()).collect::<Vec<_>>(), ["GET /a"]);
        let schema = operations[0].answer(200).unwrap().content[0].1.clone().unwrap();
        let validators = crate::api::spec::Validators::new(&spec.root);
        for (value, fits) in [
            (serde_json::json!({"own": "x", "same": null, "children": [{"own": null}]}), true),
            (serde_json::json!({"children": [{"own": 1}]}), false),
            (serde_json::json!({"same": 1}), false),
            (serde_json::Value::Null, true),
        ] {
            assert_eq!(validators.fits(&schema, &value), fits, "{value}");
        }
        let broken: Vec<String> = spec
            .broken_references()
            .iter()
            .map(|one| format!("{} {}", spec.locate(&one.pointer), one.reference))
            .collect();
        assert_eq!(
            broken,
            [
                "api/openapi.yaml:5:3 https://h/x.yaml",
                "api/openapi.yaml:6:3 paths/none.yaml",
                "api/paths/a.yaml:7:5 #/components/x-files/api~1paths~1a.yaml/nowhere"
            ]
        );
    }
}
