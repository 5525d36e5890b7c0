//! Names of things that exist, learnt from answers: without them every path with an id is a 404.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::spec::Operation;
use crate::api::spec::lint::template_names;

/// Enough to choose from.
const MOST: usize = 20;

/// Values for path parameters, by what stands before them in the path.
#[derive(Debug, Default)]
pub(super) struct Known {
    values: BTreeMap<String, Vec<String>>,
}

impl Known {
    /// Looks for the names of things in an answer of `path`, for every template below it.
    pub(super) fn learn(&mut self, path: &str, body: &Value, operations: &[Operation]) {
        let base = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        for operation in operations {
            let Some(rest) = below(&operation.path, base) else { continue };
            let Some(name) = template_names(rest).next() else { continue };
            for thing in things(body) {
                if let Some(value) = named(thing, name) {
                    let values = self.values.entry(format!("{base}/{{{name}}}")).or_default();
                    if values.len() < MOST && !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
        }
    }

    /// Forgets a thing that was removed.
    pub(super) fn forget(&mut self, path: &str) {
        let Some((_, gone)) = path.trim_end_matches('/').rsplit_once('/') else { return };
        self.values.values_mut().for_each(|values| values.retain(|value| value != gone));
    }

    /// Whether values for a parameter of this name were learnt.
    pub(super) fn has(&self, name: &str) -> bool {
        let end = format!("/{{{name}}}");
        self.values.iter().any(|(key, values)| key.ends_with(&end) && !values.is_empty())
    }

    /// Values for a parameter of a path whose earlier parameters are filled in already: `/users/7/posts/{post}`.
    pub(super) fn values(&self, filled: &str, name: &str) -> &[String] {
        let at = filled.find(&format!("/{{{name}}}")).map(|at| &filled[..at]);
        at.and_then(|before| self.values.get(&format!("{before}/{{{name}}}"))).map_or(&[], Vec::as_slice)
    }
}

/// What follows a filled path in a template: `/{id}/x` for `/users/{id}/x` after `/users`. Filled segments fit
/// parameters.
fn below<'t>(template: &'t str, base: &str) -> Option<&'t str> {
    let mut rest = template;
    for part in base.split('/').skip(1) {
        let inner = rest.strip_prefix('/')?;
        let (segment, _) = inner.split_once('/').unwrap_or((inner, ""));
        if segment != part && !segment.starts_with('{') {
            return None;
        }
        rest = &inner[segment.len()..];
    }
    rest.starts_with("/{").then_some(rest)
}

/// The object, the objects of a list, or of a list within an object.
fn things(body: &Value) -> Vec<&Value> {
    match body {
        Value::Array(items) => items.iter().take(MOST).filter(|item| !item.is_array()).collect(),
        Value::Object(map) => {
            let lists = map.values().filter_map(Value::as_array).flatten().take(MOST);
            std::iter::once(body).chain(lists.filter(|item| item.is_object())).chain(map.get("data")).collect()
        }
        _ => Vec::new(),
    }
}

/// The name of a thing for a parameter `item_id`, `itemId`, `id`, `slug`; of one that no field is called after
/// (`{number}`, `{order}`) what things are told apart by.
fn named(thing: &Value, parameter: &str) -> Option<String> {
    let Value::Object(map) = thing else { return None };
    let plain = |value: &Value| match value {
        Value::String(text) if !text.is_empty() && text.len() < 200 => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let bare = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let whole = bare(parameter);
    let tail = bare(parameter.rsplit('_').next().unwrap_or(parameter));
    let called = |wanted: &str| map.iter().find(|(name, _)| bare(name) == wanted).and_then(|(_, value)| plain(value));
    [whole.as_str(), tail.as_str(), "id", "uuid"].into_iter().find_map(called)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::spec::Spec;

    #[test]
    fn ids_are_learnt_from_lists_and_from_what_was_made() {
        let paths = json!({"/items": {"get": {}}, "/items/{item_id}": {"get": {}}, "/items/{item_id}/tags/{slug}": {"get": {}}});
        let spec = Spec::of_value("s", &json!({"openapi": "3.1.0", "paths": paths})).unwrap();
        let operations = spec.operations();
        let mut known = Known::default();
        known.learn("/items?limit=5", &json!({"items": [{"id": 3}, {"id": 4}], "total": 2}), &operations);
        known.learn("/items", &json!({"id": 9}), &operations);
        known.learn("/items/3/tags", &json!([{"slug": "new"}]), &operations);
        known.learn("/other", &json!([{"id": 1}]), &operations);
        assert_eq!(known.values("/items/{item_id}", "item_id"), ["3", "4", "9"]);
        assert_eq!(known.values("/items/3/tags/{slug}", "slug"), ["new"]);
        assert!(known.values("/items/4/tags/{slug}", "slug").is_empty());
        let orders =
            json!({"openapi": "3.1.0", "paths": {"/orders/{number}": {"get": {}}, "/users/{userName}": {"get": {}}}});
        let orders = Spec::of_value("s", &orders).unwrap().operations();
        known.learn("/orders", &json!([{"_id": "a7", "sum": 3}]), &orders);
        known.learn("/users", &json!([{"id": 1, "user_name": "ann"}]), &orders);
        assert_eq!(known.values("/orders/{number}", "number"), ["a7"]);
        assert_eq!(known.values("/users/{userName}", "userName"), ["ann"]);
        known.forget("/items/3");
        assert_eq!(known.values("/items/{item_id}", "item_id"), ["4", "9"]);
    }
}
