//! A scratch database, whichever kind it is: what a walk needs of one.

use super::model::State;
use super::rows::Filling;
use super::sql::{self, Statement};
use super::walk::Script;

/// Why a script broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// What the database says.
    pub error: String,
    /// The line of the statement.
    pub line: Option<usize>,
    /// How many statements before it are in force.
    pub stay: usize,
}

/// A scratch database. Its methods block; an outer error is none of the migration's.
pub(super) trait Database {
    /// Runs a script; in one transaction where its tool does that. After a failure nothing of a transaction is left.
    fn run(&mut self, script: &Script) -> Result<Result<(), Broken>, String>;

    /// Puts rows into every table. Says which tables stay empty, and why.
    fn fill(&mut self, filling: Filling) -> Result<Vec<String>, String>;

    /// What it holds now.
    fn state(&mut self) -> Result<State, String>;
}

/// Whether statements say themselves where a transaction begins and ends.
pub(super) fn has_own_transactions(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| {
        let text = sql::normal(&statement.text);
        text == "begin" || text.starts_with("begin ") || text.starts_with("start transaction") || text == "commit"
    })
}
