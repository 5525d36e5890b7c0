//! What changed between two schemas. Sending and answering are opposites: who sends suffers from what is narrower,
//! who reads from what is wider.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::diff::Impact;
use super::{Spec, flatten};

/// Which way values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// From those who use the interface.
    Sent,
    /// To them.
    Answered,
}

/// Deeper schemas are not compared; recursive ones have no end.
const MOST_DEPTH: usize = 12;

/// What takes a change.
pub(super) type Say<'s> = &'s mut dyn FnMut(Impact, String);

/// Two documents, and which of their named schemas were found to promise the same.
pub(super) struct Both<'a> {
    pub old: &'a Spec,
    pub new: &'a Spec,
    /// With the depth they were looked at from: deeper down there is nothing more to be found.
    same: RefCell<HashMap<Named, usize>>,
    /// Those that are being compared: a schema that holds itself.
    open: RefCell<Vec<Named>>,
}

/// The references to a schema in both documents, and the way its values go.
type Named = (String, String, Direction);

impl<'a> Both<'a> {
    pub(super) fn new(old: &'a Spec, new: &'a Spec) -> Self {
        Self { old, new, same: RefCell::default(), open: RefCell::default() }
    }

    /// Compares two schemas; `at` is how they are called.
    pub(super) fn compare(&self, direction: Direction, (old, new): (&Value, &Value), at: &str, say: Say<'_>) {
        Pair { both: self, direction }.schemas(old, new, at, 0, say);
    }
}

/// Two documents, with the way values go.
struct Pair<'a> {
    both: &'a Both<'a>,
    direction: Direction,
}

impl Pair<'_> {
    /// Each pair of named schemas is gone through once for as long as nothing is found: documents of thousands of schemas
    /// that refer to each other have no end otherwise.
    fn schemas(&self, old: &Value, new: &Value, at: &str, depth: usize, say: Say<'_>) {
        let reference = |schema: &Value| schema.get("$ref").and_then(Value::as_str).map(str::to_owned);
        let (Some(was), Some(is)) = (reference(old), reference(new)) else {
            return self.contents(old, new, at, depth, say);
        };
        let named = (was, is, self.direction);
        let known = self.both.same.borrow().get(&named).is_some_and(|from| *from <= depth);
        if known || self.both.open.borrow().contains(&named) {
            return;
        }
        self.both.open.borrow_mut().push(named.clone());
        let mut found = false;
        self.contents(old, new, at, depth, &mut |impact, text| {
            found = true;
            say(impact, text);
        });
        self.both.open.borrow_mut().pop();
        if !found {
            self.both.same.borrow_mut().insert(named, depth);
        }
    }

    fn contents(&self, old: &Value, new: &Value, at: &str, depth: usize, say: Say<'_>) {
        if depth > MOST_DEPTH {
            return;
        }
        let (old, new) = (flat(&self.both.old.root, old), flat(&self.both.new.root, new));
        if !self.types(&old, &new, at, say) {
            return;
        }
        self.choices(&old, &new, at, say);
        self.limits(&old, &new, at, say);
        self.usual(&old, &new, at, say);
        self.properties(&old, &new, at, depth, say);
        if let (Some(was), Some(is)) = (old.get("items"), new.get("items")) {
            self.schemas(was, is, &below(at, "[]"), depth + 1, say);
        }
        for name in ["oneOf", "anyOf"] {
            let list =
                |schema: &Map<String, Value>| schema.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            let (was, is) = (list(&old), list(&new));
            if was.len() == is.len() {
                was.iter().zip(&is).for_each(|(was, is)| self.schemas(was, is, at, depth + 1, &mut *say));
            } else if !was.is_empty() || !is.is_empty() {
                let narrower = is.len() < was.len();
                say(self.impact(narrower), format!("{at} has {} alternatives, had {}", is.len(), was.len()));
            }
        }
    }

    /// What narrower or wider means this way.
    fn impact(&self, narrower: bool) -> Impact {
        if narrower == (self.direction == Direction::Sent) { Impact::Breaking } else { Impact::Additive }
    }

    /// Whether the kinds are alike enough for a closer look.
    fn types(&self, old: &Map<String, Value>, new: &Map<String, Value>, at: &str, say: Say<'_>) -> bool {
        let (was, is) = (types(old), types(new));
        if was == is || (is.is_empty() && self.direction == Direction::Answered && was.is_empty()) {
            return true;
        }
        let null = |types: &BTreeSet<String>| types.contains("null");
        if null(&was) != null(&is) && !was.is_empty() && !is.is_empty() {
            let how = if null(&is) { "may be null now" } else { "may be null no more" };
            say(self.impact(null(&was)), format!("{at} {how}"));
        }
        let without = |types: &BTreeSet<String>| -> BTreeSet<String> {
            types.iter().filter(|name| *name != "null").cloned().collect()
        };
        let (was, is) = (without(&was), without(&is));
        if was == is {
            return true;
        }
        let words = |types: &BTreeSet<String>| match types.len() {
            0 => "anything".to_owned(),
            _ => types.iter().cloned().collect::<Vec<_>>().join(" or "),
        };
        // Every integer is a number.
        let widened = (is.contains("number") && was.contains("integer")) || is.is_empty() || is.is_superset(&was);
        let narrowed = (was.contains("number") && is.contains("integer")) || was.is_empty() || was.is_superset(&is);
        let impact = match (widened, narrowed) {
            (false, false) => Impact::Breaking,
            (_, narrowed) => self.impact(narrowed),
        };
        say(impact, format!("{at} is {}, was {}", words(&is), words(&was)));
        widened || narrowed
    }

    fn choices(&self, old: &Map<String, Value>, new: &Map<String, Value>, at: &str, say: Say<'_>) {
        let list = |schema: &Map<String, Value>| match (schema.get("enum"), schema.get("const")) {
            (Some(Value::Array(list)), _) => Some(list.clone()),
            (_, Some(value)) => Some(vec![value.clone()]),
            _ => None,
        };
        match (list(old), list(new)) {
            (Some(was), Some(is)) => {
                for value in was.iter().filter(|value| !is.contains(value) && !value.is_null()) {
                    say(self.impact(true), format!("{at} may be {value} no more"));
                }
                for value in is.iter().filter(|value| !was.contains(value) && !value.is_null()) {
                    say(self.impact(false), format!("{at} may be {value} now"));
                }
            }
            (None, Some(is)) => say(self.impact(true), format!("{at} is one of {} values now", is.len())),
            (Some(_), None) => say(self.impact(false), format!("{at} is no fixed list any more")),
            (None, None) => {}
        }
    }

    /// What holds for those who say nothing, and whether they may say more than is known.
    fn usual(&self, old: &Map<String, Value>, new: &Map<String, Value>, at: &str, say: Say<'_>) {
        if self.direction == Direction::Answered {
            return;
        }
        if let (Some(was), is) = (old.get("default"), new.get("default"))
            && is != Some(was)
        {
            let is = is.map_or_else(|| "none".to_owned(), ToString::to_string);
            say(Impact::Breaking, format!("{at} is {is} when left out, was {was}"));
        }
        let closed = |schema: &Map<String, Value>| schema.get("additionalProperties") == Some(&Value::Bool(false));
        if closed(old) != closed(new) {
            let how = if closed(new) { "takes no further fields any more" } else { "takes further fields now" };
            say(self.impact(closed(new)), format!("{at} {how}"));
        }
    }

    fn limits(&self, old: &Map<String, Value>, new: &Map<String, Value>, at: &str, say: Say<'_>) {
        // Whether a larger number allows less.
        const LIMITS: [(&str, bool); 8] = [
            ("minimum", true),
            ("exclusiveMinimum", true),
            ("minLength", true),
            ("minItems", true),
            ("maximum", false),
            ("exclusiveMaximum", false),
            ("maxLength", false),
            ("maxItems", false),
        ];
        for (name, lower) in LIMITS {
            let value = |schema: &Map<String, Value>| schema.get(name).and_then(Value::as_f64);
            let (was, is) = (value(old), value(new));
            if was == is {
                continue;
            }
            let narrower = match (was, is) {
                (Some(was), Some(is)) => (is > was) == lower,
                (None, _) => true,
                (_, None) => false,
            };
            let word = |limit: Option<f64>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
            // Who reads an answer seldom depends on how long or large it may be.
            let impact = if self.direction == Direction::Sent { self.impact(narrower) } else { Impact::Additive };
            say(impact, format!("{at} {name} is {}, was {}", word(is), word(was)));
        }
        for name in ["pattern", "format"] {
            let (was, is) = (old.get(name), new.get(name));
            if was != is {
                let word = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), super::super::expect::plain);
                let impact = if was.is_some() && is.is_some() { Impact::Breaking } else { self.impact(is.is_some()) };
                // What reads an answer seldom depends on its format having been narrowed.
                say(impact, format!("{at} {name} is {}, was {}", word(is), word(was)));
            }
        }
    }

    fn properties(&self, old: &Map<String, Value>, new: &Map<String, Value>, at: &str, depth: usize, say: Say<'_>) {
        let none = Map::new();
        let part = |schema: &'_ Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
        let (was, is) = (part(old).unwrap_or_else(|| none.clone()), part(new).unwrap_or(none));
        let required = |schema: &Map<String, Value>, name: &str| {
            schema.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item == name))
        };
        let sent = self.direction == Direction::Sent;
        for (name, schema) in &was {
            let here = below(at, name);
            let Some(other) = is.get(name) else {
                // Who sends a field that is gone is usually not stopped, and who reads it misses it.
                let strict = new.get("additionalProperties") == Some(&Value::Bool(false));
                let impact = if sent && !strict { Impact::Additive } else { Impact::Breaking };
                say(impact, format!("{here} is gone"));
                continue;
            };
            match (required(old, name), required(new, name)) {
                (false, true) if sent => say(Impact::Breaking, format!("{here} must be given now")),
                (true, false) if sent => say(Impact::Additive, format!("{here} may be left out now")),
                (true, false) => say(Impact::Breaking, format!("{here} may be missing now")),
                (false, true) => say(Impact::Additive, format!("{here} is always there now")),
                _ => {}
            }
            self.schemas(schema, other, &here, depth + 1, say);
        }
        for name in is.keys().filter(|name| !was.contains_key(*name)) {
            let must = sent && required(new, name);
            let (impact, how) =
                if must { (Impact::Breaking, "new and must be given") } else { (Impact::Additive, "new") };
            say(impact, format!("{} is {how}", below(at, name)));
        }
    }
}

/// `200 /items` and then `200 /items/[]`.
fn below(at: &str, name: &str) -> String {
    let joint = if at.rsplit(' ').next().is_some_and(|last| last.starts_with('/')) { "/" } else { " /" };
    format!("{at}{joint}{name}")
}

/// A schema with its reference followed, its `allOf` merged, and what may be null said in one way.
fn flat(root: &Value, schema: &Value) -> Map<String, Value> {
    optional(flatten(root, schema))
}

/// `anyOf: [X, null]` is X that may be null.
fn optional(map: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Array(choices)) = map.get("anyOf") else { return map };
    let null = |choice: &&Value| choice.get("type").is_some_and(|name| name == "null");
    let others: Vec<&Value> = choices.iter().filter(|choice| !null(choice)).collect();
    match (others.as_slice(), others.len() < choices.len()) {
        ([Value::Object(only)], true) if only.get("type").is_some_and(Value::is_string) => {
            let mut merged = only.clone();
            let name = merged.get("type").cloned().unwrap_or_default();
            merged.insert("type".to_owned(), serde_json::json!([name, "null"]));
            merged
        }
        _ => map,
    }
}

fn types(schema: &Map<String, Value>) -> BTreeSet<String> {
    match schema.get("type") {
        Some(Value::String(name)) => [name.clone()].into(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ if schema.contains_key("properties") => ["object".to_owned()].into(),
        _ => BTreeSet::new(),
    }
}
