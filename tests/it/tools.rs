//! The tools on a workspace, and the formats of edits on real cases.

mod calls;
mod corpus;
mod edits;
mod real;
