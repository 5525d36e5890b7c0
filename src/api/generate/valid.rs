//! A value by its schema.

use fastrand::Rng;
use serde_json::{Map, Number, Value, json};

use super::{Fill, pattern};
use crate::api::spec::{flatten, resolve};

/// Deeper, only what must be there is given; deeper still, nothing is.
const SHALLOW: usize = 4;
const MOST_DEPTH: usize = 24;

pub(super) struct Making<'a> {
    pub root: &'a Value,
    pub rng: &'a mut Rng,
    pub fill: Fill,
}

impl Making<'_> {
    pub(super) fn value(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let resolved = resolve(self.root, schema);
        if resolved == &Value::Bool(false) || depth > MOST_DEPTH || resolved.get("$ref").is_some() {
            return None;
        }
        let map = flatten(self.root, resolved);
        if let Some(value) = map.get("const") {
            return Some(value.clone());
        }
        if let Some(Value::Array(choices)) = map.get("enum") {
            return self.pick(choices).cloned();
        }
        for name in ["oneOf", "anyOf"] {
            if let Some(Value::Array(choices)) =
                map.get(name).filter(|list| list.as_array().is_some_and(|l| !l.is_empty()))
            {
                return self.alternative(&map, choices, depth);
            }
        }
        match self.kind(&map).as_str() {
            "object" => self.object(&map, depth),
            "array" => self.array(&map, depth),
            "integer" => self.integer(&map),
            "number" => self.number(&map),
            "boolean" => Some(Value::Bool(self.rng.bool())),
            "null" => Some(Value::Null),
            _ => self.string(&map),
        }
    }

    fn pick<'v>(&mut self, list: &'v [Value]) -> Option<&'v Value> {
        if list.is_empty() { None } else { list.get(self.rng.usize(..list.len())) }
    }

    /// One of several schemas, with what stands beside them.
    fn alternative(&mut self, map: &Map<String, Value>, choices: &[Value], depth: usize) -> Option<Value> {
        let start = self.rng.usize(..choices.len());
        let mut beside = map.clone();
        beside.remove("oneOf");
        beside.remove("anyOf");
        (0..choices.len()).find_map(|step| {
            let choice = &choices[(start + step) % choices.len()];
            let meaning = ["type", "properties", "required", "format", "pattern"];
            if beside.keys().any(|key| meaning.contains(&key.as_str())) {
                self.value(&json!({"allOf": [choice, Value::Object(beside.clone())]}), depth + 1)
            } else {
                self.value(choice, depth + 1)
            }
        })
    }

    fn kind(&mut self, map: &Map<String, Value>) -> String {
        match map.get("type") {
            Some(Value::String(name)) => name.clone(),
            Some(Value::Array(names)) => {
                let useful: Vec<&Value> = names.iter().filter(|name| *name != "null").collect();
                let null = useful.len() < names.len();
                if useful.is_empty() || (null && self.fill == Fill::Some && self.rng.u8(..8) == 0) {
                    return "null".to_owned();
                }
                useful[self.rng.usize(..useful.len())].as_str().unwrap_or("string").to_owned()
            }
            _ if map.contains_key("properties") || map.contains_key("additionalProperties") => "object".to_owned(),
            _ if map.contains_key("items") => "array".to_owned(),
            _ if map.contains_key("minimum") || map.contains_key("maximum") => "number".to_owned(),
            _ => "string".to_owned(),
        }
    }

    fn object(&mut self, map: &Map<String, Value>, depth: usize) -> Option<Value> {
        let required = |name: &str| {
            map.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item == name))
        };
        let mut made = Map::new();
        for (name, schema) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let needed = required(name);
            let wanted = needed
                || match self.fill {
                    Fill::Least => false,
                    Fill::Full => depth < SHALLOW,
                    Fill::Some => depth < SHALLOW && self.rng.bool(),
                };
            let written = resolve(self.root, schema).get("readOnly") != Some(&Value::Bool(true));
            if !wanted || !(written || needed) {
                continue;
            }
            match self.value(schema, depth + 1) {
                Some(value) => {
                    made.insert(name.clone(), value);
                }
                None if needed => return None,
                None => {}
            }
        }
        for name in map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !made.contains_key(name) {
                made.insert(name.to_owned(), self.additional(map, depth)?);
            }
        }
        let least = map.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
        while (made.len() as u64) < least.min(64) {
            let name = format!("key{}", made.len());
            let value = self.additional(map, depth)?;
            made.insert(name, value);
        }
        Some(Value::Object(made))
    }

    fn additional(&mut self, map: &Map<String, Value>, depth: usize) -> Option<Value> {
        match map.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(schema @ Value::Object(_)) => self.value(&schema.clone(), depth + 1),
            _ => Some(json!("x")),
        }
    }

    fn array(&mut self, map: &Map<String, Value>, depth: usize) -> Option<Value> {
        let size = |name: &str| map.get(name).and_then(Value::as_u64).map(|size| size.min(1_000));
        let least = size("minItems").unwrap_or(0);
        let most = size("maxItems").unwrap_or(least.max(3));
        let count = match self.fill {
            Fill::Least => least,
            _ if depth >= SHALLOW => least,
            Fill::Full => most.min(least.max(1)),
            Fill::Some => self.rng.u64(least..=most.max(least)),
        };
        let unique = map.get("uniqueItems") == Some(&Value::Bool(true));
        let anything = Value::Bool(true);
        let fixed = map.get("prefixItems").and_then(Value::as_array);
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..count * 10 {
            if items.len() as u64 == count {
                break;
            }
            let schema = fixed.and_then(|fixed| fixed.get(items.len())).or_else(|| map.get("items"));
            let item = self.value(schema.unwrap_or(&anything), depth + 1);
            match item {
                Some(item) if !unique || !items.contains(&item) => items.push(item),
                Some(_) => {}
                None if (items.len() as u64) < least => return None,
                None => break,
            }
        }
        Some(Value::Array(items))
    }

    fn integer(&mut self, map: &Map<String, Value>) -> Option<Value> {
        let limit = |name: &str| map.get(name).and_then(Value::as_f64);
        let low = limit("minimum").map(f64::ceil).or_else(|| limit("exclusiveMinimum").map(|low| low.floor() + 1.0));
        let high = limit("maximum").map(f64::floor).or_else(|| limit("exclusiveMaximum").map(|high| high.ceil() - 1.0));
        let step = limit("multipleOf").filter(|step| *step >= 1.0).map_or(1, |step| step as i64);
        // A month, a page, a divisor: the special values of a number without bounds are small.
        let (low, high) = match (low, high) {
            (None, None) if step == 1 && self.fill == Fill::Some && self.rng.bool() => (Some(0.0), Some(12.0)),
            bounds => bounds,
        };
        let low = low.map_or_else(|| high.map_or(1, |high| (high as i64).saturating_sub(100).min(1)), |low| low as i64);
        let high = high.map_or_else(|| low.saturating_add(100), |high| high as i64);
        let (first, last) = (low.div_euclid(step) + i64::from(low.rem_euclid(step) != 0), high.div_euclid(step));
        (first <= last).then(|| json!(self.rng.i64(first..=last) * step))
    }

    fn number(&mut self, map: &Map<String, Value>) -> Option<Value> {
        let limit = |name: &str| map.get(name).and_then(Value::as_f64);
        if limit("multipleOf").is_some_and(|step| step >= 1.0) {
            return self.integer(map);
        }
        let low = limit("minimum").or_else(|| limit("exclusiveMinimum"));
        let high = limit("maximum").or_else(|| limit("exclusiveMaximum"));
        let low = low.unwrap_or_else(|| high.map_or(0.5, |high| high - 100.0));
        let high = high.unwrap_or(low + 100.0);
        let value = low + (high - low) * (0.25 + self.rng.f64() / 2.0);
        let step = limit("multipleOf").unwrap_or(0.01);
        let round = (value / step).round() * step;
        // A price has two decimals more often than seventeen.
        let round = (round * 1e6).round() / 1e6;
        let fits = round > low && round < high;
        Number::from_f64(if fits { round } else { value }).map(Value::Number)
    }

    fn string(&mut self, map: &Map<String, Value>) -> Option<Value> {
        let size = |name: &str| map.get(name).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let least = size("minLength").unwrap_or(0).min(1 << 16);
        let most = size("maxLength").unwrap_or(usize::MAX);
        if let Some(pattern) = map.get("pattern").and_then(Value::as_str) {
            return pattern::matching(pattern, self.rng, least, most).map(Value::String);
        }
        if let Some(text) = map.get("format").and_then(Value::as_str).and_then(|format| self.formatted(format)) {
            return (text.len() >= least && text.len() <= most).then_some(Value::String(text));
        }
        let length = least.max(if self.fill == Fill::Some { self.rng.usize(1..=12) } else { 6 }).min(most);
        Some(Value::String((0..length).map(|_| self.rng.alphanumeric()).collect()))
    }

    fn formatted(&mut self, format: &str) -> Option<String> {
        let mut hex = |count: usize| {
            (0..count).map(|_| char::from(b"0123456789abcdef"[self.rng.usize(..16)])).collect::<String>()
        };
        Some(match format {
            "uuid" => format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12)),
            "email" | "idn-email" => format!("user{}@example.com", hex(6)),
            "date" => format!("20{:02}-{:02}-{:02}", self.rng.u8(10..30), self.rng.u8(1..=12), self.rng.u8(1..=28)),
            "date-time" => format!(
                "20{:02}-{:02}-{:02}T{:02}:30:00Z",
                self.rng.u8(10..30),
                self.rng.u8(1..=12),
                self.rng.u8(1..=28),
                self.rng.u8(..24)
            ),
            "time" => format!("{:02}:30:00Z", self.rng.u8(..24)),
            "duration" => format!("P{}D", self.rng.u8(1..30)),
            "uri" | "url" | "iri" | "uri-reference" => format!("https://example.com/{}", hex(6)),
            "hostname" | "idn-hostname" => format!("host-{}.example.com", hex(4)),
            "ipv4" => format!("192.0.2.{}", self.rng.u8(1..255)),
            "ipv6" => format!("2001:db8::{}", hex(4)),
            "byte" => "aGVsbG8=".to_owned(),
            _ => return None,
        })
    }
}
