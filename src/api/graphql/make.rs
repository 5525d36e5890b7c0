//! Queries made from a schema.

use super::{Field, Schema, named};

/// Levels of a query that nobody asks in earnest.
pub const DEEP: usize = 30;
/// Fields that are followed until they lead back.
const LONGEST_WAY: usize = 4;

/// A query for one field of the root, with values for what it needs and all its plain fields; one argument may be
/// given a special value. `None` when no value can be made.
pub fn query(schema: &Schema, name: &str, special: Option<(&str, &str)>) -> Option<String> {
    let field = schema.types.get(&schema.query)?.fields.get(name)?;
    let mut given = Vec::new();
    for (argument, (kind, default)) in &field.arguments {
        match special.filter(|(name, _)| name == argument) {
            Some((_, value)) => given.push(format!("{argument}: {value}")),
            None if kind.ends_with('!') && !default => {
                given.push(format!("{argument}: {}", value(schema, kind, 0)?));
            }
            None => {}
        }
    }
    let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
    Some(format!("{{ {name}{given}{} }}", selection(schema, named(&field.kind), 0)))
}

fn value(schema: &Schema, kind: &str, depth: usize) -> Option<String> {
    if kind.starts_with('[') {
        return Some("[]".to_owned());
    }
    match named(kind) {
        "Int" | "ID" => Some("1".to_owned()),
        "Float" => Some("1.5".to_owned()),
        "String" => Some("\"a\"".to_owned()),
        "Boolean" => Some("true".to_owned()),
        other => {
            let known = schema.types.get(other).filter(|_| depth < 4)?;
            if let Some(first) = known.values.first() {
                return Some(first.clone());
            }
            let fields = known.fields.iter().filter(|(_, field)| field.kind.ends_with('!') && !field.default);
            let made: Option<Vec<String>> = fields
                .map(|(name, field)| Some(format!("{name}: {}", value(schema, &field.kind, depth + 1)?)))
                .collect();
            known.input.then_some(())?;
            Some(format!("{{{}}}", made?.join(", ")))
        }
    }
}

fn selection(schema: &Schema, name: &str, depth: usize) -> String {
    let Some(kind) = schema.types.get(name).filter(|kind| !kind.fields.is_empty()) else {
        let union = schema
            .types
            .get(name)
            .and_then(|kind| kind.values.first())
            .filter(|first| schema.types.contains_key(*first));
        return if union.is_some() { " { __typename }".to_owned() } else { String::new() };
    };
    let plain = |field: &&Field| !field.arguments.values().any(|(kind, default)| kind.ends_with('!') && !default);
    let mut parts = vec!["__typename".to_owned()];
    for (field, known) in kind.fields.iter().filter(|(_, field)| plain(field)) {
        let composed = schema.types.get(named(&known.kind)).is_some_and(|kind| !kind.fields.is_empty());
        if !composed {
            parts.push(field.clone());
        } else if depth < 1 {
            parts.push(format!("{field}{}", selection(schema, named(&known.kind), depth + 1)));
        }
    }
    format!(" {{ {} }}", parts.join(" "))
}

/// A query that follows fields which lead back to where they began, as deep as nobody needs. `None` where none do.
pub fn deep(schema: &Schema) -> Option<String> {
    let root = schema.types.get(&schema.query)?;
    for (name, field) in &root.fields {
        let kind = named(&field.kind);
        let Some(circle) = circle(schema, kind) else { continue };
        let Some(start) = query(schema, name, None) else { continue };
        let head = start.trim_start_matches("{ ").split(" {").next()?.to_owned();
        let fields: Vec<&String> = circle.iter().cycle().take(DEEP).collect();
        let opened: String = fields.iter().map(|field| format!("{field} {{ ")).collect();
        return Some(format!("{{ {head} {{ {opened}__typename{} }} }}", " }".repeat(DEEP)));
    }
    None
}

/// The shortest way of fields that need nothing from a type back to itself.
fn circle(schema: &Schema, start: &str) -> Option<Vec<String>> {
    let mut ways: Vec<(String, Vec<String>)> = vec![(start.to_owned(), Vec::new())];
    for _ in 0..LONGEST_WAY {
        let mut longer = Vec::new();
        for (kind, way) in &ways {
            let fields = schema.types.get(kind).into_iter().flat_map(|kind| &kind.fields);
            let free = |field: &Field| field.arguments.values().all(|(kind, default)| !kind.ends_with('!') || *default);
            for (name, field) in fields.filter(|(_, field)| free(field)) {
                let way: Vec<String> = way.iter().cloned().chain([name.clone()]).collect();
                if named(&field.kind) == start {
                    return Some(way);
                }
                longer.push((named(&field.kind).to_owned(), way));
            }
        }
        ways = longer;
        ways.truncate(200);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_made_and_circles_are_found() {
        let sdl = "type Query { book(id: Int!): Book books(limit: Int = 10): [Book!]! ratio(a: Int!, b: Int!): Float }\n\
                   type Book { title: String author: Author! } type Author { name: String books: [Book!]! }";
        let schema = Schema::read("s.graphql", sdl).unwrap();
        for (name, special, expected) in [
            ("ratio", None, "{ ratio(a: 1, b: 1) }"),
            ("ratio", Some(("b", "0")), "{ ratio(a: 1, b: 0) }"),
            ("books", Some(("limit", "100000")), "{ books(limit: 100000) { __typename"),
        ] {
            let made = query(&schema, name, special).unwrap();
            assert!(made.starts_with(expected), "{made}");
            assert_eq!(super::super::check(&schema, "q", &made).unwrap().errors, [""; 0], "{made}");
        }
        assert_eq!(circle(&schema, "Book").unwrap(), ["author", "books"]);
        let deep = deep(&schema).unwrap();
        assert_eq!(deep.matches('{').count(), deep.matches('}').count());
        assert!(deep.starts_with("{ book(id: 1) { author { books { author {"), "{deep}");
        let flat = Schema::read("s.graphql", "type Query { a: A } type A { b: String }").unwrap();
        assert_eq!(super::deep(&flat), None);
    }
}
