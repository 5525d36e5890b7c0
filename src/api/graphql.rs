//! GraphQL schemas: read from SDL or from a running service, compared, and queries held against them.

pub mod lint;
pub mod make;
mod query;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use graphql_parser::schema::{Definition, EnumValue, InputValue, TypeDefinition, TypeExtension, parse_schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::ApiError;
use super::spec::diff::{Change, Impact};

pub use query::{Checked, check};

/// What a service is asked for its schema.
pub const INTROSPECTION: &str = "query { __schema { queryType { name } mutationType { name } types { kind name \
fields(includeDeprecated: true) { name args { name defaultValue type { ...T } } type { ...T } } \
inputFields { name defaultValue type { ...T } } enumValues(includeDeprecated: true) { name } possibleTypes { name } } } } \
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } }";

/// A schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// The type that queries begin with.
    pub query: String,
    /// The type that mutations begin with.
    pub mutation: Option<String>,
    /// Types by name.
    pub types: BTreeMap<String, Type>,
}

/// A type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Type {
    /// It is given to the service.
    pub input: bool,
    /// Fields by name.
    pub fields: BTreeMap<String, Field>,
    /// Values of an enumeration, or the types of a union.
    pub values: Vec<String>,
}

/// A field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its type, as it is written: `[Item!]!`.
    pub kind: String,
    /// It has a default.
    pub default: bool,
    /// Arguments by name: the type, and whether there is a default.
    pub arguments: BTreeMap<String, (String, bool)>,
}

impl Schema {
    /// Reads the schema language.
    ///
    /// # Errors
    /// It is not valid: with line and column.
    pub fn read(place: &str, text: &str) -> Result<Self, ApiError> {
        let document = parse_schema::<String>(text).map_err(|error| wrong(place, &error.to_string()))?;
        let mut schema = Self { query: "Query".to_owned(), ..Self::default() };
        for definition in document.definitions {
            match definition {
                Definition::SchemaDefinition(given) => {
                    schema.query = given.query.unwrap_or(schema.query);
                    schema.mutation = given.mutation;
                }
                Definition::TypeDefinition(given) => schema.define(given),
                Definition::TypeExtension(given) => schema.extend(given),
                Definition::DirectiveDefinition(_) => {}
            }
        }
        schema.types.values_mut().for_each(|known| known.values.sort());
        if schema.mutation.is_none() && schema.types.contains_key("Mutation") {
            schema.mutation = Some("Mutation".to_owned());
        }
        if !schema.types.contains_key(&schema.query) {
            let what = format!("there is no type `{}` that queries begin with", schema.query);
            return Err(ApiError::Document { place: place.to_owned(), what });
        }
        Ok(schema)
    }

    fn define(&mut self, given: TypeDefinition<'_, String>) {
        match given {
            TypeDefinition::Scalar(scalar) => self.add(scalar.name, Type::default()),
            TypeDefinition::Object(object) => self.object(object.name, &object.fields, &object.implements_interfaces),
            TypeDefinition::Interface(face) => self.object(face.name, &face.fields, &[]),
            TypeDefinition::Union(union) => self.add(union.name, Type { values: union.types, ..Type::default() }),
            TypeDefinition::Enum(list) => self.add(list.name, of_values(&list.values)),
            TypeDefinition::InputObject(input) => self.add(input.name, of_inputs(&input.fields)),
        }
    }

    fn extend(&mut self, given: TypeExtension<'_, String>) {
        match given {
            TypeExtension::Scalar(_) => {}
            TypeExtension::Object(object) => self.object(object.name, &object.fields, &object.implements_interfaces),
            TypeExtension::Interface(face) => self.object(face.name, &face.fields, &[]),
            TypeExtension::Union(union) => self.add(union.name, Type { values: union.types, ..Type::default() }),
            TypeExtension::Enum(list) => self.add(list.name, of_values(&list.values)),
            TypeExtension::InputObject(input) => self.add(input.name, of_inputs(&input.fields)),
        }
    }

    /// An interface knows the types that have it, as introspection tells them.
    fn object(&mut self, name: String, fields: &[graphql_parser::schema::Field<'_, String>], faces: &[String]) {
        for face in faces {
            self.add(face.clone(), Type { values: vec![name.clone()], ..Type::default() });
        }
        let fields = fields.iter().map(|field| (field.name.clone(), read_field(field))).collect();
        self.add(name, Type { fields, ..Type::default() });
    }

    /// Adds to what is known of a type.
    fn add(&mut self, name: String, more: Type) {
        let known = self.types.entry(name).or_default();
        known.input |= more.input;
        known.fields.extend(more.fields);
        known.values.extend(more.values);
    }

    /// Reads the answer to [`INTROSPECTION`].
    pub fn of_introspection(answer: &Value) -> Option<Self> {
        let given = answer.pointer("/data/__schema")?;
        let name = |value: &Value| value["name"].as_str().map(str::to_owned);
        let mut schema =
            Self { query: name(&given["queryType"])?, mutation: name(&given["mutationType"]), types: BTreeMap::new() };
        let own = |name: &str| !name.starts_with("__") && !["Int", "Float", "String", "Boolean", "ID"].contains(&name);
        for kind in given["types"].as_array()?.iter().filter(|kind| name(kind).is_some_and(|name| own(&name))) {
            let input = kind["kind"] == "INPUT_OBJECT";
            let list = if input { &kind["inputFields"] } else { &kind["fields"] };
            let fields = list.as_array().into_iter().flatten().filter_map(|field| {
                let arguments = field["args"].as_array().into_iter().flatten().filter_map(|argument| {
                    Some((name(argument)?, (written(&argument["type"]), !argument["defaultValue"].is_null())))
                });
                let made = Field {
                    kind: written(&field["type"]),
                    default: field.get("defaultValue").is_some_and(|value| !value.is_null()),
                    arguments: arguments.collect(),
                };
                Some((name(field)?, made))
            });
            let values =
                ["enumValues", "possibleTypes"].iter().flat_map(|list| kind[*list].as_array().into_iter().flatten());
            let mut made = Type { input, fields: fields.collect(), values: values.filter_map(name).collect() };
            made.values.sort();
            schema.types.insert(name(kind)?, made);
        }
        Some(schema)
    }

    /// What it holds, in a few lines.
    pub fn summary(&self) -> String {
        let mut out = format!("GraphQL schema: {} types\n", self.types.len());
        for root in std::iter::once(&self.query).chain(&self.mutation) {
            for (name, field) in self.types.get(root).map(|root| &root.fields).into_iter().flatten() {
                let arguments: Vec<String> =
                    field.arguments.iter().map(|(name, (kind, _))| format!("{name}: {kind}")).collect();
                let arguments =
                    if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
                let _ = writeln!(out, "  {root}.{name}{arguments}: {}", field.kind);
            }
        }
        out
    }

    /// For programs.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({}))
    }

    /// What changed from this schema to another.
    pub fn diff(&self, new: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, was) in &self.types {
            match new.types.get(name) {
                None => changes.push(change(Impact::Breaking, name, "is gone")),
                Some(is) => diff_type(name, was, is, &mut changes),
            }
        }
        for name in new.types.keys().filter(|name| !self.types.contains_key(*name)) {
            changes.push(change(Impact::Additive, name, "is new"));
        }
        changes.sort();
        changes
    }
}

/// The parser tells the place on its first line: `Parse error at 3:1`.
fn wrong(place: &str, error: &str) -> ApiError {
    let first = error.lines().next().unwrap_or_default();
    let at = first.rsplit_once(" at ").map(|(_, at)| at.trim());
    let told = at.filter(|at| at.split(':').all(|part| part.parse::<usize>().is_ok()));
    let at = told.map_or_else(|| place.to_owned(), |at| format!("{place}:{at}"));
    let what: Vec<&str> = error.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).collect();
    ApiError::Document { place: at, what: format!("no valid GraphQL: {}", what.join("; ")) }
}

fn read_field(field: &graphql_parser::schema::Field<'_, String>) -> Field {
    let arguments = field.arguments.iter();
    Field {
        kind: field.field_type.to_string(),
        default: false,
        arguments: arguments.map(|a| (a.name.clone(), (a.value_type.to_string(), a.default_value.is_some()))).collect(),
    }
}

fn of_values(values: &[EnumValue<'_, String>]) -> Type {
    Type { values: values.iter().map(|value| value.name.clone()).collect(), ..Type::default() }
}

fn of_inputs(fields: &[InputValue<'_, String>]) -> Type {
    let fields = fields.iter().map(|field| (field.name.clone(), read_input(field))).collect();
    Type { input: true, fields, ..Type::default() }
}

fn read_input(field: &InputValue<'_, String>) -> Field {
    Field { kind: field.value_type.to_string(), default: field.default_value.is_some(), arguments: BTreeMap::new() }
}

fn written(kind: &Value) -> String {
    match kind["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&kind["ofType"])),
        Some("LIST") => format!("[{}]", written(&kind["ofType"])),
        _ => kind["name"].as_str().unwrap_or("?").to_owned(),
    }
}

/// The name within `[Item!]!`.
pub fn named(kind: &str) -> &str {
    kind.trim_matches(['[', ']', '!'])
}

fn change(impact: Impact, operation: &str, text: impl Into<String>) -> Change {
    Change { impact, operation: operation.to_owned(), text: text.into() }
}

/// Whether two types differ in what may be null only, and everything that may not be in the second may not be in the
/// first either: `[Item!]!` and `[Item]!`.
fn is_stricter(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.chars().peekable(), other.chars().peekable());
    loop {
        let surely = one.next_if_eq(&'!').is_some();
        if other.next_if_eq(&'!').is_some() && !surely {
            return false;
        }
        match (one.next(), other.next()) {
            (None, None) => return true,
            (a, b) if a != b => return false,
            _ => {}
        }
    }
}

fn diff_type(name: &str, was: &Type, is: &Type, changes: &mut Vec<Change>) {
    for value in was.values.iter().filter(|value| !is.values.contains(value)) {
        changes.push(change(Impact::Breaking, name, format!("`{value}` is gone")));
    }
    for value in is.values.iter().filter(|value| !was.values.contains(value)) {
        changes.push(change(Impact::Additive, name, format!("`{value}` is new")));
    }
    let impact = |fine: bool| if fine { Impact::Additive } else { Impact::Breaking };
    for (field, old) in &was.fields {
        let at = format!("{name}.{field}");
        let Some(new) = is.fields.get(field) else {
            changes.push(change(Impact::Breaking, &at, "is gone"));
            continue;
        };
        if old.kind != new.kind {
            // What is given suffers from "must be", what is read from "may be null".
            let (strict, loose) = if was.input { (&old.kind, &new.kind) } else { (&new.kind, &old.kind) };
            let fine = is_stricter(strict, loose);
            changes.push(change(impact(fine), &at, format!("is {}, was {}", new.kind, old.kind)));
        } else if old.default && !new.default && new.kind.ends_with('!') {
            changes.push(change(Impact::Breaking, &at, "has no default any more and must be given"));
        }
        diff_arguments(&at, old, new, changes);
    }
    for (field, new) in is.fields.iter().filter(|(field, _)| !was.fields.contains_key(*field)) {
        let must = was.input && new.kind.ends_with('!') && !new.default;
        let (impact, how) =
            if must { (Impact::Breaking, "is new and must be given") } else { (Impact::Additive, "is new") };
        changes.push(change(impact, &format!("{name}.{field}"), how));
    }
}

fn diff_arguments(at: &str, old: &Field, new: &Field, changes: &mut Vec<Change>) {
    for (argument, (kind, default)) in &old.arguments {
        match new.arguments.get(argument) {
            None => changes.push(change(Impact::Breaking, at, format!("the argument `{argument}` is gone"))),
            Some((now, _)) if now != kind => {
                let impact = if is_stricter(kind, now) { Impact::Additive } else { Impact::Breaking };
                changes.push(change(impact, at, format!("the argument `{argument}` is {now}, was {kind}")));
            }
            Some((now, still)) if *default && !still && now.ends_with('!') => {
                let text = format!("the argument `{argument}` has no default any more and must be given");
                changes.push(change(Impact::Breaking, at, text));
            }
            Some(_) => {}
        }
    }
    for (argument, (kind, default)) in new.arguments.iter().filter(|(name, _)| !old.arguments.contains_key(*name)) {
        let must = kind.ends_with('!') && !default;
        let (impact, how) = if must { (Impact::Breaking, "new and must be given") } else { (Impact::Additive, "new") };
        changes.push(change(impact, at, format!("the argument `{argument}` is {how}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "type Query { item(id: ID!): Item items(first: Int = 10): [Item!]! }\n\
        type Item { id: ID! name: String parent: Item }\nenum Color { RED GREEN }\ninput New { name: String! }\n";

    #[test]
    fn a_syntax_error_has_a_place() {
        let error = Schema::read("s.graphql", "type Query {\n  a: \n}").unwrap_err().to_string();
        assert!(error.starts_with("s.graphql:3:1: no valid GraphQL:"), "{error}");
        assert!(Schema::read("s", "type A { b: Int }").unwrap_err().to_string().contains("`Query`"));
    }

    #[test]
    fn changes_are_told_by_whom_they_break() {
        let old = Schema::read("s", SDL).unwrap();
        for (from, to, expected) in [
            ("name: String parent", "parent", "breaking: Item.name: is gone"),
            ("name: String parent", "name: String! parent", "additive: Item.name: is String!, was String"),
            ("id: ID! name", "id: ID name", "breaking: Item.id: is ID, was ID!"),
            (
                "id: ID!): Item",
                "id: ID!, x: Int!): Item",
                "breaking: Query.item: the argument `x` is new and must be given",
            ),
            ("first: Int = 10", "first: Int = 10, x: Int", "additive: Query.items: the argument `x` is new"),
            ("RED GREEN", "RED", "breaking: Color: `GREEN` is gone"),
            ("name: String! }", "name: String! more: Int! }", "breaking: New.more: is new and must be given"),
            ("name: String! }", "name: String }", "additive: New.name: is String, was String!"),
            ("[Item!]!", "[Item]!", "breaking: Query.items: is [Item]!, was [Item!]!"),
            ("first: Int = 10", "first: Int! = 10", "breaking: Query.items: the argument `first` is Int!, was Int"),
        ] {
            let new = Schema::read("s", &SDL.replace(from, to)).unwrap();
            let found: Vec<String> = old.diff(&new).iter().map(ToString::to_string).collect();
            assert_eq!(found, [expected], "{from} → {to}");
        }
        assert_eq!(old.diff(&old), []);
        for (strict, loose, expected) in [
            ("[Item!]!", "[Item]", true),
            ("[Item!]", "[Item]!", false),
            ("Int", "Int", true),
            ("Int!", "[Int]", false),
            ("[Int]", "[[Int]]", false),
        ] {
            assert_eq!(is_stricter(strict, loose), expected, "{strict} {loose}");
        }
        let face = "interface Node { id: ID! }\ntype Query { a(n: Int! = 1): Item }\n";
        let old = Schema::read("s", &format!("{face}type Item implements Node {{ id: ID! }}")).unwrap();
        let new = format!("{}type Item {{ id: ID! }}\nextend type Item {{ name: String }}", face.replace(" = 1", ""));
        let found: Vec<String> = old.diff(&Schema::read("s", &new).unwrap()).iter().map(ToString::to_string).collect();
        let argument = "breaking: Query.a: the argument `n` has no default any more and must be given";
        assert_eq!(found, ["breaking: Node: `Item` is gone", argument, "additive: Item.name: is new"]);
    }

    #[test]
    fn introspection_gives_the_same_as_the_language() {
        let kind = |name: &str| json!({"kind": "OBJECT", "name": name, "ofType": null});
        let answer = json!({"data": {"__schema": {"queryType": {"name": "Query"}, "mutationType": null, "types": [
            {"kind": "OBJECT", "name": "Query", "fields": [{"name": "items", "args": [{"name": "first", "defaultValue": "10", "type": kind("Int")}],
             "type": {"kind": "NON_NULL", "ofType": {"kind": "LIST", "ofType": {"kind": "NON_NULL", "ofType": kind("Int")}}}}]},
            {"kind": "OBJECT", "name": "__Type", "fields": []}]}}});
        let schema = Schema::of_introspection(&answer).unwrap();
        assert_eq!(schema, Schema::read("s", "type Query { items(first: Int = 10): [Int!]! }").unwrap());
        assert_eq!(Schema::of_introspection(&json!({"errors": []})), None);
    }
}
