//! Making a failing request smaller while it goes on failing in the same way.

use serde_json::Value;

use super::bench::Bench;
use super::case::{Case, Expectation, Payload};
use crate::api::spec::{Operation, Place};

/// Requests one finding may cost.
const MOST_TRIES: usize = 24;

/// The smallest request that was found to show the same problem.
pub(super) async fn shrink(
    bench: &mut Bench<'_>,
    operation: &Operation,
    case: &Case,
    check: &'static str,
    status: u16,
) -> Case {
    let mut smallest = case.clone();
    let mut tries = 0;
    loop {
        let mut smaller = None;
        for candidate in candidates(operation, &smallest) {
            if tries == MOST_TRIES || bench.over() || bench.tired(operation) {
                return smallest;
            }
            if !still_meant(bench, operation, &candidate) {
                continue;
            }
            tries += 1;
            let Some(outcome) = bench.send(operation, &candidate.request(operation)).await else { return smallest };
            let (problems, _) = bench.problems(operation, candidate.expectation, &outcome);
            let same = outcome.as_ref().map_or(0, |response| response.status) == status;
            if same && problems.iter().any(|problem| problem.check == check) {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(candidate) => smallest = candidate,
            None => return smallest,
        }
    }
}

/// A body that should be refused has to stay one, and a valid one too.
fn still_meant(bench: &Bench<'_>, operation: &Operation, case: &Case) -> bool {
    let (Payload::Json { value, .. }, Some((_, schema))) = (&case.payload, operation.json_body()) else { return true };
    match case.expectation {
        Expectation::Refused if case.at.is_some() => !bench.validators.fits(schema, value),
        Expectation::Valid | Expectation::Absent => bench.validators.fits(schema, value),
        _ => true,
    }
}

fn candidates(operation: &Operation, case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    let needed = |name: &str, place| operation.parameters_in(place).any(|p| p.name == name && p.required);
    let special = |name: &str| case.at.as_deref() == Some(name);
    for (index, (name, _)) in case.query.iter().enumerate() {
        if !needed(name, Place::Query) && !special(name) {
            let mut smaller = case.clone();
            smaller.query.remove(index);
            found.push(smaller);
        }
    }
    for (index, (name, _)) in case.headers.iter().enumerate() {
        if !needed(name, Place::Header) && !special(name) {
            let mut smaller = case.clone();
            smaller.headers.remove(index);
            found.push(smaller);
        }
    }
    if let Payload::Json { media, value } = &case.payload {
        for value in smaller_values(value, case.at.as_deref().unwrap_or("")) {
            found.push(Case { payload: Payload::Json { media: media.clone(), value }, ..case.clone() });
        }
    }
    found
}

/// The value without one of its fields or items, and with one of its texts shorter.
fn smaller_values(value: &Value, keep: &str) -> Vec<Value> {
    let mut places = Vec::new();
    collect(value, "", &mut places);
    let mut found = Vec::new();
    for (owner, name) in &places {
        let place = format!("{owner}/{}", crate::api::spec::escape(name));
        if keep == place || keep.starts_with(&format!("{place}/")) {
            continue;
        }
        let mut whole = value.clone();
        match whole.pointer_mut(owner) {
            Some(Value::Object(map)) => {
                map.shift_remove(name);
            }
            Some(Value::Array(items)) if name.parse().is_ok_and(|index: usize| index < items.len()) => {
                items.remove(name.parse().unwrap_or_default());
            }
            _ => continue,
        }
        found.push(whole);
    }
    for (owner, name) in &places {
        let place = format!("{owner}/{}", crate::api::spec::escape(name));
        let Some(Value::String(text)) = value.pointer(&place) else { continue };
        let count = text.chars().count();
        if count > 8 && !text.starts_with('\u{1}') {
            let mut whole = value.clone();
            if let Some(slot) = whole.pointer_mut(&place) {
                *slot = Value::String(text.chars().take(count / 8).collect());
            }
            found.push(whole);
        }
    }
    found
}

fn collect(value: &Value, at: &str, into: &mut Vec<(String, String)>) {
    let mut inner = |name: String, value: &Value| {
        let place = format!("{at}/{}", crate::api::spec::escape(&name));
        into.push((at.to_owned(), name));
        collect(value, &place, into);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| inner(name.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| inner(index.to_string(), value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_special_place_stays() {
        let value = json!({"age": -1, "name": "abcdefghij", "tags": ["x"]});
        let smaller = smaller_values(&value, "/age");
        assert_eq!(
            smaller,
            [
                json!({"age": -1, "tags": ["x"]}),
                json!({"age": -1, "name": "abcdefghij"}),
                json!({"age": -1, "name": "abcdefghij", "tags": []}),
                json!({"age": -1, "name": "a", "tags": ["x"]}),
            ]
        );
    }
}
