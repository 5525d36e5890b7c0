//! Freeze a draft, take a selection of it, notice what went stale, and tell the agent what was rejected.

mod freeze;
mod message;
mod rename;
mod review;
mod select;
mod stale;
mod study;
mod style;
mod verdicts;

pub use freeze::{freeze, hash};
pub use review::{review_markdown, review_text};
pub use select::{ProposalError, Selection, select, states};
pub use stale::{Rebased, rebase, stale};
pub use study::{Study, Unmet};
pub use style::Style;
pub use verdicts::{Part, Remark, Verdicts};
