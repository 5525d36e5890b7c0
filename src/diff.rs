//! From two versions of a file to hunks and back.
//!
//! [`compare`] gives the hunks git gives: Myers, three lines of context, runs of changes slid to where they read
//! best. [`select`] and [`select_shares`] make the bytes for any set of accepted hunks or lines, equal to what `git apply`
//! makes of a patch with just those. Everything works on bytes with their line ends, so CRLF, a missing final newline, a byte order mark
//! and bytes that are no UTF-8 survive untouched.
//!
//! Nothing here reads a file or runs git.

mod apply;
mod change;
mod hunks;
mod intraline;
mod lines;
mod merge;
mod myers;
mod patch;
mod quote;
mod script;
mod select;
mod sheet;
mod slide;
mod unified;

pub use apply::{ApplyError, apply};
pub use change::{file_change, plain_change};
pub use hunks::{Comparison, DiffLine, Side, TextHunk, compare};
pub use intraline::intraline;
pub use lines::is_binary;
pub use merge::{Merged, merge};
pub use patch::{PatchError, PatchFile, PatchHunk, parse_patch};
pub use select::{Share, Take, select, select_shares};
pub use sheet::{Group, Sheet, SheetHunk, SheetLine};
pub use unified::{Version, unified};
