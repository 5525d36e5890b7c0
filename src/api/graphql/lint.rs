//! What is wrong with a schema in the schema language although it can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use graphql_parser::Pos;
use graphql_parser::schema::{
    Definition, Document, Field, InputValue, Type, TypeDefinition, TypeExtension, parse_schema,
};
use serde::Serialize;

use super::wrong;
use crate::api::ApiError;

/// Types that every schema has.
const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];

/// Something about a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// No server takes the schema like this; otherwise it is worth a look.
    pub error: bool,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.error { "error" } else { "hint" };
        write!(f, "{}:{}: {severity}: {}", self.line, self.column, self.text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Output,
    Input,
    /// Scalars and enumerations are both.
    Both,
}

type Fields = BTreeMap<String, String>;

#[derive(Default)]
struct Linter {
    kinds: BTreeMap<String, Kind>,
    interfaces: BTreeMap<String, Fields>,
    used: BTreeSet<String>,
    remarks: Vec<Remark>,
}

/// Looks at a schema.
///
/// # Errors
/// It is not valid: with line and column.
pub fn lint(place: &str, text: &str) -> Result<Vec<Remark>, ApiError> {
    let document = parse_schema::<String>(text).map_err(|error| wrong(place, &error.to_string()))?;
    let mut linter = Linter::default();
    linter.collect(&document);
    let mut roots: BTreeSet<String> = ["Query", "Mutation", "Subscription"].map(str::to_owned).into();
    for definition in &document.definitions {
        match definition {
            Definition::SchemaDefinition(given) => {
                let named = [&given.query, &given.mutation, &given.subscription].into_iter().flatten();
                roots.extend(named.cloned());
                for name in [&given.query, &given.mutation, &given.subscription].into_iter().flatten() {
                    linter.uses(name, Kind::Output, given.position);
                }
            }
            Definition::TypeDefinition(given) => linter.definition(given),
            Definition::TypeExtension(given) => linter.extension(given),
            Definition::DirectiveDefinition(given) => linter.inputs(&given.arguments),
        }
    }
    for definition in &document.definitions {
        let Definition::TypeDefinition(given) = definition else { continue };
        let (name, at) = named(given);
        let implements = matches!(given, TypeDefinition::Object(object) if !object.implements_interfaces.is_empty());
        if !linter.used.contains(name) && !roots.contains(name) && !implements {
            linter.say(at, false, format!("the type `{name}` is used nowhere"));
        }
    }
    linter.remarks.sort_by_key(|remark| (remark.line, remark.column, !remark.error));
    Ok(linter.remarks)
}

fn named<'a>(given: &'a TypeDefinition<'_, String>) -> (&'a str, Pos) {
    match given {
        TypeDefinition::Scalar(one) => (&one.name, one.position),
        TypeDefinition::Object(one) => (&one.name, one.position),
        TypeDefinition::Interface(one) => (&one.name, one.position),
        TypeDefinition::Union(one) => (&one.name, one.position),
        TypeDefinition::Enum(one) => (&one.name, one.position),
        TypeDefinition::InputObject(one) => (&one.name, one.position),
    }
}

/// The name within lists and exclamation marks.
fn inner<'a>(kind: &'a Type<'_, String>) -> &'a str {
    match kind {
        Type::NamedType(name) => name,
        Type::ListType(kind) | Type::NonNullType(kind) => inner(kind),
    }
}

impl Linter {
    fn say(&mut self, at: Pos, error: bool, text: String) {
        self.remarks.push(Remark { line: at.line, column: at.column, error, text });
    }

    fn collect(&mut self, document: &Document<'_, String>) {
        for definition in &document.definitions {
            let Definition::TypeDefinition(given) = definition else { continue };
            let (name, at) = named(given);
            let kind = match given {
                TypeDefinition::InputObject(_) => Kind::Input,
                TypeDefinition::Scalar(_) | TypeDefinition::Enum(_) => Kind::Both,
                _ => Kind::Output,
            };
            if self.kinds.insert(name.to_owned(), kind).is_some() {
                self.say(at, true, format!("the type `{name}` is defined twice"));
            }
            if let TypeDefinition::Interface(face) = given {
                let fields = face.fields.iter().map(|field| (field.name.clone(), field.field_type.to_string()));
                self.interfaces.insert(name.to_owned(), fields.collect());
            }
        }
    }

    fn uses(&mut self, name: &str, wanted: Kind, at: Pos) {
        self.used.insert(name.to_owned());
        match self.kinds.get(name) {
            None if !BUILT_IN.contains(&name) => self.say(at, true, format!("there is no type `{name}`")),
            Some(kind) if *kind != Kind::Both && *kind != wanted => {
                let what = if wanted == Kind::Input { "given, and is no input" } else { "answered, and is an input" };
                self.say(at, true, format!("`{name}` cannot be {what}"));
            }
            _ => {}
        }
    }

    fn fields(&mut self, fields: &[Field<'_, String>], owner: &str, at: Pos) {
        if fields.is_empty() {
            self.say(at, true, format!("the type `{owner}` has no field"));
        }
        let mut seen = BTreeSet::new();
        for field in fields {
            if !seen.insert(&field.name) {
                self.say(field.position, true, format!("`{owner}.{}` is defined twice", field.name));
            }
            self.uses(inner(&field.field_type), Kind::Output, field.position);
            self.inputs(&field.arguments);
        }
    }

    fn inputs(&mut self, inputs: &[InputValue<'_, String>]) {
        for input in inputs {
            self.uses(inner(&input.value_type), Kind::Input, input.position);
        }
    }

    fn implements(&mut self, name: &str, faces: &[String], fields: &[Field<'_, String>], at: Pos) {
        for face in faces {
            self.used.insert(face.clone());
            let Some(wanted) = self.interfaces.get(face) else {
                self.say(at, true, format!("`{name}` implements `{face}`, which is no interface"));
                continue;
            };
            let missing = |field: &&String| !fields.iter().any(|known| known.name == **field);
            let missing: Vec<String> = wanted.keys().filter(missing).cloned().collect();
            for field in missing {
                self.say(at, true, format!("`{name}` implements `{face}` without its field `{field}`"));
            }
        }
    }

    fn definition(&mut self, given: &TypeDefinition<'_, String>) {
        match given {
            TypeDefinition::Object(one) => {
                self.fields(&one.fields, &one.name, one.position);
                self.implements(&one.name, &one.implements_interfaces, &one.fields, one.position);
            }
            TypeDefinition::Interface(one) => self.fields(&one.fields, &one.name, one.position),
            TypeDefinition::Union(one) => {
                one.types.iter().for_each(|name| self.uses(name, Kind::Output, one.position));
            }
            TypeDefinition::InputObject(one) => {
                self.inputs(&one.fields);
                let own = |field: &InputValue<'_, String>| matches!(&field.value_type, Type::NonNullType(kind) if matches!(kind.as_ref(), Type::NamedType(name) if *name == one.name));
                if let Some(field) = one.fields.iter().find(|field| own(field)) {
                    let text =
                        format!("`{}.{}` needs one of its own kind, so that none can be given", one.name, field.name);
                    self.say(field.position, true, text);
                }
            }
            TypeDefinition::Scalar(_) | TypeDefinition::Enum(_) => {}
        }
    }

    fn extension(&mut self, given: &TypeExtension<'_, String>) {
        match given {
            TypeExtension::Object(one) => {
                one.fields.iter().for_each(|field| {
                    self.uses(inner(&field.field_type), Kind::Output, field.position);
                    self.inputs(&field.arguments);
                });
            }
            TypeExtension::InputObject(one) => self.inputs(&one.fields),
            TypeExtension::Union(one) => one.types.iter().for_each(|name| self.uses(name, Kind::Output, one.position)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_server_would_take_is_told_with_its_place() {
        let text = "type Query {\n  a: Nope\n  b(i: Item): In\n}\ntype Query { c: Int }\ninput In { own: In!, s: String }\n\
                    interface Node { id: ID! }\ntype Item implements Node { name: String }\nunion U = Item | Gone\nenum Odd { A }\n";
        let told: Vec<String> = lint("s.graphql", text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "2:3: error: there is no type `Nope`",
                "3:3: error: `In` cannot be answered, and is an input",
                "3:5: error: `Item` cannot be given, and is no input",
                "5:1: error: the type `Query` is defined twice",
                "6:12: error: `In.own` needs one of its own kind, so that none can be given",
                "8:1: error: `Item` implements `Node` without its field `id`",
                "9:1: error: there is no type `Gone`",
                "9:1: hint: the type `U` is used nowhere",
                "10:1: hint: the type `Odd` is used nowhere",
            ]
        );
        assert_eq!(
            lint("s", "type Query { a(i: In): [Item!]! }\ntype Item { id: ID }\ninput In { a: Int }\n"),
            Ok(vec![])
        );
        assert!(lint("s", "type Query {").is_err());
    }
}
