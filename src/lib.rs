//! Tenon: a terminal pair programmer for backend code.
//!
//! You talk to it, it works in a transaction, and what reaches you is a *proposal*: hunks with the
//! evidence that they work. Only what you approve becomes a commit.
//!
//! # The map
//!
//! Layers import downwards only; rooms of one layer do not import each other.
//! `tests/architecture.rs` reads the `use` lines and fails when one does.
//!
//! | Layer | Room | What lives there |
//! |---|---|---|
//! | L0 | [`domain`] | ids, `Event`, `Command`, `Proposal`, `Verdict`, `Evidence`, `Usage`: plain serde data |
//! | L0 | [`text`] | display width, wrapping, sanitising untrusted text |
//! | L1 | [`diff`] | lines to changes, hunks, intraline marks, applying a selection, three-way merge |
//! | L1 | [`highlight`] | syntect behind one type |
//! | L1 | [`config`] | settings in layers: default, user, project, environment, flag |
//! | L1 | [`agent`] | agent files, the catalogue and its `doctor` |
//! | L1 | [`stack`] | what this repository is: languages, test commands |
//! | L2 | [`journal`] | the append-only record of a session, and the blobs proposals point at |
//! | L2 | [`provider`] | the wires to language models |
//! | L2 | [`workspace`] | the transaction a task works in: overlay or copy, sandboxed processes |
//! | L2 | [`git`] | everything that touches libgit2 |
//! | L3 | [`api`] | a backend's HTTP interface: serving, contracts, checks, load |
//! | L3 | [`deploy`] | files that build, test, deploy and run a service, and what is wrong with them |
//! | L3 | [`migration`] | migrations of a project, and the proof that they go up, down and up |
//! | L4 | [`tool`] | what an agent can call, one file a tool |
//! | L4 | [`gate`] | what the engine checks on a proposal, one file a gate |
//! | L4 | [`proposal`] | freeze a draft, take a selection, notice what went stale |
//! | L5 | [`engine`] | decide, apply, driver, context window, permissions, budget |
//! | L5 | [`report`] | what came of a session, from its evidence |
//! | L6 | [`headless`] | events as text or JSON lines, scripted review |
//! | L6 | [`tui`] | the terminal user interface |
//! | L7 | [`cli`] | command line definitions and the subcommands |
//!
//! Reading order for a newcomer: [`domain`], then `engine/decide.rs`, then the room you came for.
//!
//! # Invariants
//!
//! 1. `ratatui` and `crossterm` appear under `tui/` only, `git2` under `git/` only, `reqwest` under
//!    `provider/` and `api/` only, `rusqlite` under `migration/` only.
//! 2. The engine never asks the user interface anything: permission and review are states it rests
//!    in. The user interface never queries the engine: it folds the same events.
//! 3. Nothing but `git/` writes to the user's tree, and only with a verdict in the journal.
//! 4. A model, tool output or file never reaches the terminal without [`text::sanitize`].
//! 5. The model cannot write evidence.
//! 6. Written before shown: an event is in the journal before anyone sees it.
//! 7. No mutable statics; bounded channels; no closure travels where data can.

pub mod agent;
pub mod api;
pub mod cli;
pub mod config;
pub mod deploy;
pub mod diff;
pub mod domain;
pub mod engine;
pub mod gate;
pub mod git;
pub mod headless;
pub mod highlight;
pub mod journal;
pub mod migration;
pub mod proposal;
pub mod provider;
pub mod report;
pub mod stack;
pub mod text;
pub mod tool;
pub mod tui;
pub mod workspace;
