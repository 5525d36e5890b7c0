//! Everything that touches libgit2: what the tree is like, what to review, and the commit of a selection.
//!
//! Blocking, plain values in and out. A [`Repository`] holds paths only and opens libgit2 for each operation, so it is
//! cheap to clone, may be used from any thread, and never works on settings or an index that were read long ago.

mod error;
mod init;
mod repository;
mod state;

pub use error::GitError;
pub use init::init_with_commit;
pub use repository::{Committed, Moved, MovedHow, Recovered, Repository, Selection, Source};
pub use state::TreeState;

/// A file of a selection: base is what the user was shown, result what was accepted.
pub use crate::domain::Change as SelectedFile;
