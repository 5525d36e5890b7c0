//! What happens to a real repository, with the real `git` as the judge.

mod commit;
mod crash;
mod hooks;
mod indexes;
mod interleave;
mod kinds;
mod odd;
mod property;
pub mod scratch;
mod sources;
mod undo;
