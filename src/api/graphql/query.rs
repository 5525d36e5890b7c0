//! Queries held against a schema.

use std::collections::{BTreeMap, BTreeSet};

use graphql_parser::query::{
    Definition, Field as AstField, FragmentDefinition, OperationDefinition, Selection, SelectionSet, TypeCondition,
    parse_query,
};

use super::{Schema, named};
use crate::api::ApiError;

/// What a query is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What does not fit the schema, with its place.
    pub errors: Vec<String>,
    /// How deep it goes.
    pub depth: usize,
    /// Fields it asks for, fragments counted where they are used.
    pub fields: usize,
}

/// Deeper is not followed: fragments that use each other have no end.
const MOST_DEPTH: usize = 64;

/// Checks a query.
///
/// # Errors
/// It is no query at all: with line and column.
pub fn check(schema: &Schema, place: &str, text: &str) -> Result<Checked, ApiError> {
    let document = parse_query::<String>(text).map_err(|error| super::wrong(place, &error.to_string()))?;
    let mut fragments = BTreeMap::new();
    let mut operations = Vec::new();
    for definition in &document.definitions {
        match definition {
            Definition::Fragment(fragment) => {
                fragments.insert(fragment.name.as_str(), fragment);
            }
            Definition::Operation(operation) => operations.push(operation),
        }
    }
    let mut walk = Walk { schema, place, fragments, used: BTreeSet::new(), found: Checked::default() };
    for operation in operations {
        let (root, set) = match operation {
            OperationDefinition::SelectionSet(set) => (Some(&schema.query), set),
            OperationDefinition::Query(query) => (Some(&schema.query), &query.selection_set),
            OperationDefinition::Mutation(mutation) => (schema.mutation.as_ref(), &mutation.selection_set),
            OperationDefinition::Subscription(subscription) => (None, &subscription.selection_set),
        };
        match root {
            Some(root) => walk.set(root, set, 1),
            None => walk.found.errors.push(format!("{place}: the schema has nothing for this kind of operation")),
        }
    }
    let unused: Vec<&str> = walk.fragments.keys().copied().filter(|name| !walk.used.contains(*name)).collect();
    walk.found.errors.extend(unused.iter().map(|name| format!("{place}: the fragment `{name}` is used nowhere")));
    Ok(walk.found)
}

struct Walk<'a> {
    schema: &'a Schema,
    place: &'a str,
    fragments: BTreeMap<&'a str, &'a FragmentDefinition<'a, String>>,
    used: BTreeSet<String>,
    found: Checked,
}

impl<'a> Walk<'a> {
    fn set(&mut self, owner: &str, set: &SelectionSet<'a, String>, depth: usize) {
        if depth > MOST_DEPTH {
            return;
        }
        self.found.depth = self.found.depth.max(depth);
        for selection in &set.items {
            match selection {
                Selection::Field(field) => self.field(owner, field, depth),
                Selection::InlineFragment(fragment) => {
                    let owner = match &fragment.type_condition {
                        Some(TypeCondition::On(name)) => name.clone(),
                        None => owner.to_owned(),
                    };
                    self.set(&owner, &fragment.selection_set, depth);
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.get(spread.fragment_name.as_str()).copied() else {
                        let at = spread.position;
                        self.say(at.line, at.column, format!("there is no fragment `{}`", spread.fragment_name));
                        continue;
                    };
                    self.used.insert(spread.fragment_name.clone());
                    let TypeCondition::On(owner) = &fragment.type_condition;
                    // Counts towards the depth, so that fragments that use each other come to an end.
                    self.set(owner, &fragment.selection_set, depth + 1);
                }
            }
        }
    }

    fn field(&mut self, owner: &str, field: &AstField<'a, String>, depth: usize) {
        self.found.fields += 1;
        let at = field.position;
        if field.name.starts_with("__") {
            return;
        }
        let known = self.schema.types.get(owner).and_then(|owner| owner.fields.get(&field.name));
        let Some(known) = known else {
            let names =
                self.schema.types.get(owner).map(|owner| owner.fields.keys().map(String::as_str).collect::<Vec<_>>());
            let near = names.unwrap_or_default().into_iter().min_by_key(|name| strsim::levenshtein(name, &field.name));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.say(at.line, at.column, format!("`{owner}` has no field `{}`{near}", field.name));
            return;
        };
        for (name, _) in &field.arguments {
            if !known.arguments.contains_key(name) {
                self.say(at.line, at.column, format!("`{}` takes no argument `{name}`", field.name));
            }
        }
        for (name, (kind, default)) in &known.arguments {
            let given = field.arguments.iter().any(|(given, _)| given == name);
            if kind.ends_with('!') && !default && !given {
                self.say(at.line, at.column, format!("`{}` needs the argument `{name}: {kind}`", field.name));
            }
        }
        let inner = named(&known.kind);
        let composed = self.schema.types.get(inner).is_some_and(|kind| !kind.fields.is_empty());
        match (composed, field.selection_set.items.is_empty()) {
            (true, true) => {
                self.say(at.line, at.column, format!("`{}` is {}: say which of its fields", field.name, known.kind));
            }
            (false, false) if self.schema.types.get(inner).is_none_or(|kind| kind.values.is_empty()) => {
                self.say(at.line, at.column, format!("`{}` is {}, which has no fields", field.name, known.kind));
            }
            (_, true) => {}
            _ => self.set(inner, &field.selection_set, depth + 1),
        }
    }

    fn say(&mut self, line: usize, column: usize, what: String) {
        self.found.errors.push(format!("{}:{line}:{column}: {what}", self.place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_of_a_query_are_named_with_their_place() {
        let sdl = "type Query { item(id: ID!): Item all: [Item!]! } type Item { id: ID! name: String parent: Item }";
        let schema = Schema::read("s", sdl).unwrap();
        for (text, errors, depth) in [
            ("{ all { id name } }", vec![], 2),
            ("query Q($i: ID!) { item(id: $i) { parent { parent { id } } } }", vec![], 4),
            ("{ al { id } }", vec!["q:1:3: `Query` has no field `al`; did you mean `all`?"], 1),
            ("{ item { id } }", vec!["q:1:3: `item` needs the argument `id: ID!`"], 2),
            ("{ all(x: 1) { id } }", vec!["q:1:3: `all` takes no argument `x`"], 2),
            ("{ all }", vec!["q:1:3: `all` is [Item!]!: say which of its fields"], 1),
            ("{ all { id { x } } }", vec!["q:1:9: `id` is ID!, which has no fields"], 2),
            ("{ all { ...F } } fragment F on Item { id }", vec![], 3),
            (
                "{ all { ...G } } fragment F on Item { id }",
                vec!["q:1:12: there is no fragment `G`", "q: the fragment `F` is used nowhere"],
                2,
            ),
            ("{ all { ...F } } fragment F on Item { parent { ...F } }", vec![], MOST_DEPTH),
            ("mutation { x }", vec!["q: the schema has nothing for this kind of operation"], 0),
        ] {
            let checked = check(&schema, "q", text).unwrap();
            assert_eq!(checked.errors, errors, "{text}");
            assert_eq!(checked.depth, depth, "{text}");
        }
        assert!(check(&schema, "q", "{ all { ").is_err());
    }
}
