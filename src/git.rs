//! Everything that touches libgit2: what the tree is like, what to review, and the commit of a selection.
//!
//! Blocking, plain values in and out. A [`Repository`] holds paths only and opens libgit2 for each operation, so it is
//! cheap to clone, may be used from any thread, and never works on settings or an index that were read long ago.
//!
//! A commit goes through these stages, and whatever stops it before the last leaves everything as it was: everything is
//! worked out in memory (`commit`), new files are prepared beside the old ones and moved into place (`transaction`),
//! hooks run on that (`hooks`), the commit object is written (`sign`), it is decided, HEAD and the index move (`land`).

mod amend;
mod apply;
mod branch;
mod commit;
mod entry;
mod error;
mod files;
mod filter;
mod head;
mod history;
mod hooks;
mod images;
mod index;
mod init;
mod land;
mod patch;
mod receipt;
mod repository;
mod sign;
mod sources;
mod state;
mod steps;
mod transaction;
mod undo;

pub use commit::{Committed, Selection};
pub use error::GitError;
pub use init::init_with_commit;
pub use land::Recovered;
pub use patch::apply_binary;
pub use receipt::{Deed, Mark, Receipt};
pub use repository::Repository;
pub use sources::{Difference, Source};
pub use state::TreeState;
pub use steps::Fault;
pub use undo::{Moved, MovedHow};

/// A file of a selection: base is what the user was shown, result what was accepted.
pub use crate::domain::Change as SelectedFile;
