//! Colours for code: what a token is, in the roles of the theme.

use crate::highlight::Token;

use super::theme::Role;

pub use crate::highlight::{Highlighted as Painted, Highlighter as Painter};

/// The role a token has on screen.
pub fn role(token: Token) -> Role {
    match token {
        Token::Comment => Role::Comment,
        Token::String | Token::Escape => Role::String,
        Token::Number | Token::Constant => Role::Number,
        Token::Keyword => Role::Keyword,
        Token::Function => Role::Function,
        Token::Type | Token::Tag => Role::Type,
        Token::Attribute | Token::Key => Role::Name,
        Token::Heading => Role::Heading,
        Token::Operator => Role::Punctuation,
        _ => Role::Text,
    }
}
