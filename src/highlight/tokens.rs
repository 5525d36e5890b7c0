//! From the scopes of a grammar to a handful of meanings.

use std::sync::OnceLock;

use syntect::parsing::{Scope, ScopeStack};

/// What a range of source text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Token {
    /// A comment.
    Comment,
    /// A string or character literal.
    String,
    /// An escape within a string, a regular expression's special character.
    Escape,
    /// A number.
    Number,
    /// `true`, `null`, `self` and other fixed values.
    Constant,
    /// A word of the language.
    Keyword,
    /// A symbol that operates.
    Operator,
    /// A function or macro, defined or called.
    Function,
    /// A type, class, trait, module.
    Type,
    /// A parameter of a function.
    Parameter,
    /// An annotation, a decorator, an attribute of a tag.
    Attribute,
    /// A tag of markup.
    Tag,
    /// A key of a mapping: JSON, YAML, TOML.
    Key,
    /// A heading of a document.
    Heading,
    /// Emphasised text.
    Emphasis,
    /// Strongly emphasised text.
    Strong,
    /// A link.
    Link,
    /// Code within a document.
    Code,
    /// An added line of a diff.
    Inserted,
    /// A removed line of a diff.
    Deleted,
    /// What the grammar calls an error.
    Invalid,
}

/// What ends the search outwards: code within a string is not a string.
const BORDERS: &[&str] = &["meta.interpolation", "meta.embedded", "source", "text"];

/// Scopes and what they mean, more particular ones first.
const MEANINGS: &[(&str, Token)] = &[
    ("comment", Token::Comment),
    ("constant.character.escape", Token::Escape),
    ("constant.numeric", Token::Number),
    ("constant", Token::Constant),
    ("variable.language", Token::Constant),
    ("support.constant", Token::Constant),
    ("entity.name.tag.yaml", Token::Key),
    ("entity.name.tag.toml", Token::Key),
    ("entity.name.tag.json", Token::Key),
    ("meta.tag.key", Token::Key),
    ("support.type.property-name", Token::Key),
    ("variable.other.key", Token::Key),
    ("entity.name.tag", Token::Tag),
    ("entity.name.function", Token::Function),
    ("entity.name.macro", Token::Function),
    ("variable.function", Token::Function),
    ("support.function", Token::Function),
    ("support.macro", Token::Function),
    ("variable.annotation", Token::Attribute),
    ("entity.other.attribute-name", Token::Attribute),
    ("entity.other.inherited-class", Token::Type),
    ("entity.name.section", Token::Heading),
    ("entity.name", Token::Type),
    ("support.type", Token::Type),
    ("support.class", Token::Type),
    ("variable.parameter", Token::Parameter),
    ("keyword.operator.word", Token::Keyword),
    ("keyword.operator.logical.python", Token::Keyword),
    ("keyword.operator", Token::Operator),
    ("keyword", Token::Keyword),
    ("storage", Token::Keyword),
    ("markup.heading", Token::Heading),
    ("markup.bold", Token::Strong),
    ("markup.italic", Token::Emphasis),
    ("markup.underline.link", Token::Link),
    ("markup.raw", Token::Code),
    ("markup.inserted", Token::Inserted),
    ("markup.deleted", Token::Deleted),
    ("invalid", Token::Invalid),
    ("meta.annotation", Token::Attribute),
    ("string", Token::String),
];

/// Where a string is the key of a mapping.
const KEYS: &[&str] = &["meta.mapping.key", "meta.structure.dictionary.key"];

struct Table {
    meanings: Vec<(Scope, Token)>,
    borders: Vec<Scope>,
    keys: Vec<Scope>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let scopes = |names: &[&str]| names.iter().filter_map(|name| Scope::new(name).ok()).collect();
        Table {
            meanings: MEANINGS.iter().filter_map(|(name, token)| Some((Scope::new(name).ok()?, *token))).collect(),
            borders: scopes(BORDERS),
            keys: scopes(KEYS),
        }
    })
}

/// What text under these scopes is: the innermost scope that means something decides.
pub(super) fn meaning(stack: &ScopeStack) -> Option<Token> {
    let table = table();
    for scope in stack.as_slice().iter().rev() {
        if let Some((_, token)) = table.meanings.iter().find(|(known, _)| known.is_prefix_of(*scope)) {
            let key = *token == Token::String && holds(stack, &table.keys);
            return Some(if key { Token::Key } else { *token });
        }
        if table.borders.iter().any(|border| border.is_prefix_of(*scope)) {
            return None;
        }
    }
    None
}

fn holds(stack: &ScopeStack, scopes: &[Scope]) -> bool {
    stack.as_slice().iter().any(|scope| scopes.iter().any(|wanted| wanted.is_prefix_of(*scope)))
}
