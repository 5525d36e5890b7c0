//! SEARCH/REPLACE blocks and headless diffs in the text of a reply: what models without tool calls write.
//!
//! ```text
//! path/to/file.py
//! <<<<<<< SEARCH
//! what is there
//! =======
//! what is to be there
//! >>>>>>> REPLACE
//! ```
//!
//! Relatives of the format are read as well: dashes and plus signs for markers, `:start_line:N` after the first one, line
//! numbers in front of the lines. [`parse()`] finds the blocks of a reply, [`apply()`] makes one of them on the content of a file. Both work without a
//! file system.

mod apply;
mod name;
mod parse;
mod udiff;

pub use apply::{ApplyError, Which, apply, apply_at};
pub use parse::{Block, Fence, ParseError, has_block, parse};
pub use udiff::{Hunk, parse_udiff};
