//! What changed between two documents, and whom it breaks.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Spec;
use super::lint::shape;
use super::operations::{self, Operation, Place};
use super::schema_diff::{Both, Direction, Say};

/// What a change means for those who use the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Somebody who did everything right may fail now.
    Breaking,
    /// Something that was guarded is so no more.
    Loosened,
    /// Something is there that was not.
    Additive,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What it means.
    pub impact: Impact,
    /// The operation, `GET /users/{id}`.
    pub operation: String,
    /// What, in one line.
    pub text: String,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let impact = match self.impact {
            Impact::Breaking => "breaking",
            Impact::Loosened => "loosened",
            Impact::Additive => "additive",
        };
        write!(f, "{impact}: {}: {}", self.operation, self.text)
    }
}

/// Compares two documents; empty when they promise the same.
pub fn diff(old: &Spec, new: &Spec) -> Vec<Change> {
    if old.root == new.root {
        return Vec::new();
    }
    let both = &Both::new(old, new);
    let (before, after) = (old.operations(), new.operations());
    let same = |a: &Operation, b: &Operation| a.method == b.method && shape(&a.path) == shape(&b.path);
    let mut changes = Vec::new();
    for operation in &before {
        match after.iter().find(|other| same(operation, other)) {
            None => changes.push(change(Impact::Breaking, operation, "is gone".to_owned())),
            Some(other) => compare(both, operation, other, &mut changes),
        }
    }
    for operation in after.iter().filter(|operation| !before.iter().any(|other| same(operation, other))) {
        changes.push(change(Impact::Additive, operation, "is new".to_owned()));
    }
    webhooks(both, &mut changes);
    changes.sort();
    changes.dedup();
    changes
}

/// The operations a change touches.
pub fn changed_operations(changes: &[Change]) -> BTreeSet<&str> {
    changes.iter().map(|change| change.operation.as_str()).collect()
}

fn change(impact: Impact, operation: &Operation, text: String) -> Change {
    Change { impact, operation: operation.name(), text }
}

fn compare(both: &Both<'_>, before: &Operation, after: &Operation, changes: &mut Vec<Change>) {
    let mut say = |impact, text: String| changes.push(change(impact, after, text));
    parameters(both, before, after, &mut say);
    bodies(both, before, after, &mut say);
    answers(both, before, after, &mut say);
    security(before, after, &mut say);
    scopes(both, before, after, &mut say);
    if after.deprecated && !before.deprecated {
        say(Impact::Additive, "is deprecated now".to_owned());
    }
}

fn parameters(both: &Both<'_>, before: &Operation, after: &Operation, say: Say<'_>) {
    // Parameters of the path are told by their order: a name there is nobody's business.
    let named = |operation: &'_ Operation| {
        operation.parameters.iter().filter(|p| p.place != Place::Path).cloned().collect::<Vec<_>>()
    };
    let (was, is) = (named(before), named(after));
    for parameter in &was {
        match is.iter().find(|other| other.name == parameter.name && other.place == parameter.place) {
            None => say(Impact::Breaking, format!("the parameter `{}` is gone", parameter.name)),
            Some(other) => {
                if other.required && !parameter.required {
                    say(Impact::Breaking, format!("the parameter `{}` must be given now", other.name));
                }
                if !other.required && parameter.required {
                    say(Impact::Additive, format!("the parameter `{}` may be left out now", other.name));
                }
                let at = format!("the parameter `{}`", other.name);
                both.compare(Direction::Sent, (&parameter.schema, &other.schema), &at, say);
            }
        }
    }
    for parameter in is.iter().filter(|p| !was.iter().any(|other| other.name == p.name && other.place == p.place)) {
        let (impact, how) =
            if parameter.required { (Impact::Breaking, "new and must be given") } else { (Impact::Additive, "new") };
        say(impact, format!("the parameter `{}` is {how}", parameter.name));
    }
    let path = |operation: &'_ Operation| operation.parameters_in(Place::Path).cloned().collect::<Vec<_>>();
    for (parameter, other) in path(before).iter().zip(&path(after)) {
        let at = format!("the parameter `{}`", other.name);
        both.compare(Direction::Sent, (&parameter.schema, &other.schema), &at, say);
    }
}

fn bodies(both: &Both<'_>, before: &Operation, after: &Operation, say: Say<'_>) {
    match (&before.body, &after.body) {
        (None, None) => {}
        (Some(_), None) => say(Impact::Breaking, "takes no body any more".to_owned()),
        (None, Some(body)) if body.required => say(Impact::Breaking, "needs a body now".to_owned()),
        (None, Some(_)) => say(Impact::Additive, "takes a body now".to_owned()),
        (Some(was), Some(is)) => {
            if is.required && !was.required {
                say(Impact::Breaking, "needs a body now".to_owned());
            }
            for (media, schema) in &was.content {
                match is.content.iter().find(|(other, _)| other == media) {
                    None => say(Impact::Breaking, format!("takes no {media} any more")),
                    Some((_, other)) => both.compare(Direction::Sent, (schema, other), "the body", say),
                }
            }
            for (media, _) in is.content.iter().filter(|(media, _)| !was.content.iter().any(|(old, _)| old == media)) {
                say(Impact::Additive, format!("takes {media} as well"));
            }
        }
    }
}

fn answers(both: &Both<'_>, before: &Operation, after: &Operation, say: Say<'_>) {
    for (status, answer) in &before.responses {
        let Some((_, other)) = after.responses.iter().find(|(known, _)| known == status) else {
            let impact = if status.starts_with('2') { Impact::Breaking } else { Impact::Additive };
            say(impact, format!("{status} is documented no more"));
            continue;
        };
        for (media, schema) in &answer.content {
            let Some((_, theirs)) = other.content.iter().find(|(known, _)| known == media) else {
                say(Impact::Breaking, format!("{status} is no {media} any more"));
                continue;
            };
            let anything = Value::Bool(true);
            let (was, is) = (schema.as_ref().unwrap_or(&anything), theirs.as_ref().unwrap_or(&anything));
            both.compare(Direction::Answered, (was, is), status, say);
        }
        for (name, required, _) in answer.headers.iter().filter(|(_, required, _)| *required) {
            let kept =
                other.headers.iter().any(|(known, must, _)| known.eq_ignore_ascii_case(name) && must == required);
            if !kept {
                say(Impact::Breaking, format!("{status} promises the header `{name}` no more"));
            }
        }
    }
    for (status, _) in after.responses.iter().filter(|(s, _)| !before.responses.iter().any(|(known, _)| known == s)) {
        say(Impact::Additive, format!("{status} is documented now"));
    }
}

fn security(before: &Operation, after: &Operation, say: Say<'_>) {
    let needs = |operation: &Operation| !operation.anonymous;
    match (needs(before), needs(after)) {
        (true, false) => say(Impact::Loosened, "needs no authentication any more".to_owned()),
        (false, true) => say(Impact::Breaking, "needs authentication now".to_owned()),
        (true, true) => {
            for way in before.security.iter().filter(|way| !after.security.contains(way)) {
                say(Impact::Breaking, format!("takes `{}` no more as authentication", way.join(" and ")));
            }
            for way in after.security.iter().filter(|way| !before.security.contains(way)) {
                say(Impact::Additive, format!("takes `{}` as authentication as well", way.join(" and ")));
            }
        }
        (false, false) => {}
    }
}

/// The scopes each way to authenticate needs, as `(scheme, scope)`.
fn needed(spec: &Spec, operation: &Operation) -> BTreeSet<(String, String)> {
    let own = spec.root.pointer(&format!("{}/security", operation.pointer));
    let ways = own.or_else(|| spec.root.get("security")).and_then(Value::as_array);
    let pairs = |(scheme, scopes): (&String, &Value)| -> Vec<(String, String)> {
        let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
        scopes.map(|scope| (scheme.clone(), scope.to_owned())).collect()
    };
    ways.into_iter().flatten().filter_map(Value::as_object).flatten().flat_map(pairs).collect()
}

fn scopes(both: &Both<'_>, before: &Operation, after: &Operation, say: Say<'_>) {
    let (was, is) = (needed(both.old, before), needed(both.new, after));
    let uses = |operation: &Operation, scheme: &String| operation.security.iter().any(|way| way.contains(scheme));
    for (scheme, scope) in is.difference(&was).filter(|(scheme, _)| uses(before, scheme)) {
        say(Impact::Breaking, format!("needs the scope `{scope}` of `{scheme}` now"));
    }
    for (scheme, scope) in was.difference(&is).filter(|(scheme, _)| uses(after, scheme)) {
        say(Impact::Loosened, format!("needs the scope `{scope}` of `{scheme}` no more"));
    }
}

/// Webhooks go the other way: what they send is what their users read.
fn webhooks(both: &Both<'_>, changes: &mut Vec<Change>) {
    let (before, after) = (operations::webhooks(&both.old.root), operations::webhooks(&both.new.root));
    let named = |operation: &Operation| format!("webhook {} {}", operation.method, operation.path);
    for operation in &before {
        let mut say = |impact, text| changes.push(Change { impact, operation: named(operation), text });
        let same = |other: &&Operation| other.method == operation.method && other.path == operation.path;
        let Some(other) = after.iter().find(same) else {
            say(Impact::Breaking, "is gone".to_owned());
            continue;
        };
        if let (Some((media, was)), Some((_, is))) = (operation.json_body(), other.json_body()) {
            both.compare(Direction::Answered, (was, is), media, &mut say);
        }
    }
    for operation in after.iter().filter(|one| !before.iter().any(|other| named(other) == named(one))) {
        changes.push(Change { impact: Impact::Additive, operation: named(operation), text: "is new".to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(operation: Value) -> Spec {
        let root = json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "components": {"schemas": {"Item": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}}},
            "paths": {"/a/{id}": {"get": operation}}});
        Spec::of_value("s", &root).unwrap()
    }

    fn answering(schema: Value) -> Value {
        json!({"responses": {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}})
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let taking = |schema: Value| json!({"requestBody": {"content": {"application/json": {"schema": schema}}}});
        let query = |required: bool, schema: Value| json!({"parameters": [{"name": "q", "in": "query", "required": required, "schema": schema}]});
        let item = || json!({"$ref": "#/components/schemas/Item"});
        let inline = |required: Value, properties: Value| json!({"type": "object", "required": required, "properties": properties});
        let id = || json!({"id": {"type": "integer"}});
        let both = || json!({"id": {"type": "integer"}, "name": {"type": "string"}});
        for (old, new, expected) in [
            (answering(item()), answering(inline(json!(["id"]), both())), vec![]),
            (
                answering(item()),
                answering(inline(json!(["id"]), id())),
                vec!["breaking: GET /a/{id}: 200 /name is gone"],
            ),
            (
                answering(inline(json!(["id"]), id())),
                answering(item()),
                vec!["additive: GET /a/{id}: 200 /name is new"],
            ),
            (
                answering(inline(json!(["id"]), id())),
                answering(inline(json!([]), id())),
                vec!["breaking: GET /a/{id}: 200 /id may be missing now"],
            ),
            (
                answering(json!({"type": "array", "items": {"type": "integer"}})),
                answering(json!({"type": "array", "items": {"type": "string"}})),
                vec!["breaking: GET /a/{id}: 200 /[] is string, was integer"],
            ),
            (
                answering(json!({"type": "string"})),
                answering(json!({"type": ["string", "null"]})),
                vec!["breaking: GET /a/{id}: 200 may be null now"],
            ),
            (
                answering(json!({"enum": ["a"]})),
                answering(json!({"enum": ["a", "b"]})),
                vec!["breaking: GET /a/{id}: 200 may be \"b\" now"],
            ),
            (
                taking(json!({"enum": ["a", "b"]})),
                taking(json!({"enum": ["a"]})),
                vec!["breaking: GET /a/{id}: the body may be \"b\" no more"],
            ),
            (
                taking(inline(json!([]), id())),
                taking(inline(json!(["id"]), id())),
                vec!["breaking: GET /a/{id}: the body /id must be given now"],
            ),
            (
                taking(json!({"type": "string", "maxLength": 9})),
                taking(json!({"type": "string", "maxLength": 5})),
                vec!["breaking: GET /a/{id}: the body maxLength is 5, was 9"],
            ),
            (
                taking(json!({"type": "integer", "minimum": 5})),
                taking(json!({"type": "integer", "minimum": 1})),
                vec!["additive: GET /a/{id}: the body minimum is 1, was 5"],
            ),
            (
                json!({}),
                query(true, json!({})),
                vec!["breaking: GET /a/{id}: the parameter `q` is new and must be given"],
            ),
            (json!({}), query(false, json!({})), vec!["additive: GET /a/{id}: the parameter `q` is new"]),
            (query(false, json!({})), json!({}), vec!["breaking: GET /a/{id}: the parameter `q` is gone"]),
            (
                json!({"security": [{"k": []}]}),
                json!({}),
                vec!["loosened: GET /a/{id}: needs no authentication any more"],
            ),
            (json!({}), json!({"security": [{"k": []}]}), vec!["breaking: GET /a/{id}: needs authentication now"]),
            (
                json!({"security": [{"o": ["read"]}]}),
                json!({"security": [{"o": ["write"]}]}),
                vec![
                    "breaking: GET /a/{id}: needs the scope `write` of `o` now",
                    "loosened: GET /a/{id}: needs the scope `read` of `o` no more",
                ],
            ),
            (
                query(false, json!({"default": 20})),
                query(false, json!({"default": 50})),
                vec!["breaking: GET /a/{id}: the parameter `q` is 50 when left out, was 20"],
            ),
            (
                taking(json!({"type": "object"})),
                taking(json!({"type": "object", "additionalProperties": false})),
                vec!["breaking: GET /a/{id}: the body takes no further fields any more"],
            ),
        ] {
            let found: Vec<String> =
                diff(&spec(old.clone()), &spec(new.clone())).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{old} → {new}");
        }
    }

    #[test]
    fn what_webhooks_send_is_read_by_their_users() {
        let hooks =
            |hooks: Value| Spec::of_value("s", &json!({"openapi": "3.1.0", "paths": {}, "webhooks": hooks})).unwrap();
        let sending = |schema: Value| json!({"made": {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}});
        let told = |old: Value, new: Value| -> Vec<String> {
            diff(&hooks(old), &hooks(new)).iter().map(ToString::to_string).collect()
        };
        let id = json!({"type": "object", "properties": {"id": {"type": "integer"}}});
        assert_eq!(told(sending(id.clone()), json!({})), ["breaking: webhook POST made: is gone"]);
        assert_eq!(told(json!({}), sending(id.clone())), ["additive: webhook POST made: is new"]);
        assert_eq!(
            told(sending(id), sending(json!({"type": "object"}))),
            ["breaking: webhook POST made: application/json /id is gone"]
        );
    }

    #[test]
    fn a_renamed_path_parameter_is_no_change_and_a_gone_operation_breaks() {
        let old = spec(answering(json!({})));
        let mut root = old.root.clone();
        let item = root["paths"]["/a/{id}"].take();
        root["paths"] = json!({"/a/{other}": item});
        assert_eq!(diff(&old, &Spec::of_value("s", &root).unwrap()), []);
        root["paths"] = json!({"/b": {"get": {"responses": {}}}});
        let found: Vec<String> =
            diff(&old, &Spec::of_value("s", &root).unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["breaking: GET /a/{id}: is gone", "additive: GET /b: is new"]);
    }
}
