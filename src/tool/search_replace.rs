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
//! [`parse()`] finds the blocks of a reply, [`apply()`] makes one of them on the content of a file. Both work without a
//! file system.

mod apply;
mod name;
mod parse;
mod udiff;

pub use apply::{ApplyError, apply};
pub use parse::{Block, Fence, ParseError, parse};
pub use udiff::{Hunk, parse_udiff};
