//! Migrations: found in their tools' own layouts, and proven on a scratch database: up, down, up.
//!
//! | Where | What |
//! |---|---|
//! | `find`, `sql`, `dialect` | migrations in files of SQL: layouts, statements, which database they are for |
//! | `model`, `rows` | what a database looks like, and rows to fill it with |
//! | `database`, `scratch`, `postgres` | a scratch database: SQLite in this program, PostgreSQL in the workspace |
//! | `walk`, `locks` | up one by one, down one by one, up again, and what that tells; who has to wait meanwhile |
//! | `provided` | a scratch PostgreSQL for a service that wants one, with the project's tables and rows in it |
//! | `plain`, `python` | the walk by the engine itself, and by the project's Alembic or Django |
//!
//! Both sides are workspaces: what base has is applied first, rows are put in, then what the change adds goes up, down
//! and up again. Schemas are compared as models, never as text.

mod database;
mod dialect;
mod find;
mod locks;
mod model;
mod plain;
mod postgres;
mod provided;
mod python;
mod rows;
mod scratch;
mod sql;
mod walk;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{Finding, RepoPath, Severity};
use crate::stack::{Files, Service, StackReport};
use crate::workspace::{Workspace, WorkspaceFiles};

use database::Database;
pub use provided::{Provided, wants_postgres};

use dialect::Dialect;
use postgres::{Cluster, Fresh};
use rows::Filling;
use scratch::Scratch;
use walk::Unit;

/// Both sides of a change, and what it may cost to prove its migrations.
#[derive(Clone)]
pub struct Sides {
    /// Without the change.
    pub base: Arc<dyn Workspace>,
    /// With the change.
    pub subject: Arc<dyn Workspace>,
    /// The paths that are different.
    pub changed: Vec<RepoPath>,
    /// What the repository is, with the change.
    pub stack: Arc<StackReport>,
    /// The change itself says that something has no way back.
    pub admitted: bool,
    /// How long one command, or one database, may be worked on.
    pub limit: Duration,
    /// Output of the project's tools, while they run.
    pub output: mpsc::Sender<Vec<u8>>,
    /// Stops it.
    pub cancel: CancellationToken,
}

/// What came of proving the migrations of one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The tool and its folder.
    pub what: String,
    /// What was found, line by line.
    pub findings: Vec<Finding>,
    /// Why nothing was proven, when it was not.
    pub unproven: Option<String>,
    /// How many migrations went up, down and up.
    pub walked: usize,
    /// On which database they did.
    pub database: String,
    /// What was run, where it was the project's own tool.
    pub command: Option<String>,
    /// What happened, step by step.
    pub log: Vec<String>,
}

impl Outcome {
    fn of(what: &str) -> Self {
        Self { what: what.to_owned(), database: Dialect::Sqlite.name().to_owned(), ..Self::default() }
    }

    fn unproven(self, why: impl Into<String>) -> Self {
        Self { unproven: Some(why.into()), ..self }
    }
}

impl Sides {
    fn scratch_limit(&self) -> scratch::Limit {
        let cancelled = Arc::new(AtomicBool::new(self.cancel.is_cancelled()));
        scratch::Limit { cancelled, time: self.limit }
    }
}

/// What a change touches of migrations.
#[derive(Default)]
struct Touched {
    /// Folders of migrations in SQL.
    folders: BTreeSet<String>,
    projects: Vec<(python::Project, Option<Dialect>)>,
    /// Tools that are known and not driven here.
    foreign: BTreeSet<String>,
}

/// Tools whose migrations are programs or descriptions of their own, which nothing here runs.
const FOREIGN: [&str; 7] = ["knex", "typeorm", "sequelize-cli", "drizzle-kit", "rails", "laravel", "liquibase"];

/// Whether a text says that something has no way back.
pub fn admits(text: &str) -> bool {
    walk::admits(text)
}

/// Whether a change touches migrations, or models that migrations follow from. Blocking.
pub fn concerns(sides: &Sides) -> bool {
    let touched = touched(sides);
    !touched.folders.is_empty() || !touched.projects.is_empty() || !touched.foreign.is_empty()
}

fn touched(sides: &Sides) -> Touched {
    let files = WorkspaceFiles(sides.subject.as_ref());
    let mut touched = Touched::default();
    for path in &sides.changed {
        touched.folders.extend(find::folder_of(path.as_str()));
        touched.foreign.extend(foreign(path.as_str(), &sides.stack));
    }
    let python = |service: &&Service| service.language == "python";
    let before = WorkspaceFiles(sides.base.as_ref());
    let both = |path: &str| files.read(path).unwrap_or_default() + &before.read(path).unwrap_or_default();
    // Looking through the tree is what costs, so what cannot matter is left out first.
    let python_files: Vec<&str> =
        sides.changed.iter().map(RepoPath::as_str).filter(|path| path.ends_with(".py")).collect();
    if !python_files.iter().any(|path| python::may_matter(path, &both(path))) {
        return touched;
    }
    let paths = files.list();
    for service in sides.stack.services.iter().filter(python) {
        for project in python::projects(service, &files, &paths) {
            let hit = |path: &&str| project.is_migration(path) || project.is_model(path, &both(path));
            let known = touched.projects.iter().any(|(known, _)| *known == project);
            if !known && python_files.iter().any(hit) && has_migrations(&project, &paths, sides) {
                touched.projects.push((project, dialect::of_service(Some(service))));
            }
        }
    }
    touched
}

/// The tool a migration belongs to, when it is one that is not driven here.
fn foreign(path: &str, stack: &StackReport) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let placed = ["migrat", "changelog"].iter().any(|word| folder.to_lowercase().contains(word));
    let ended = [".js", ".ts", ".mjs", ".cjs", ".rb", ".php", ".java", ".kt", ".xml", ".yaml", ".yml"];
    if !placed || !ended.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let facts = stack.touched_by(&[path]).into_iter().flat_map(|service| &service.migrations);
    facts.map(|fact| fact.name.clone()).find(|name| FOREIGN.contains(&name.as_str()))
}

/// A project without migrations of its own has nothing to prove.
fn has_migrations(project: &python::Project, paths: &[String], sides: &Sides) -> bool {
    paths.iter().any(|path| project.is_migration(path))
        || sides.changed.iter().any(|path| project.is_migration(path.as_str()))
}

/// Proves what a change does to migrations; one outcome for each tool and folder it touches.
pub async fn prove(sides: &Sides) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let looking = sides.clone();
    let Ok(touched) = tokio::task::spawn_blocking(move || touched(&looking)).await else { return outcomes };
    let changed: Vec<String> = sides.changed.iter().map(|path| path.as_str().to_owned()).collect();
    for (project, dialect) in touched.projects {
        outcomes.push(project.prove(sides, &changed, dialect).await);
    }
    for tool in touched.foreign {
        outcomes.push(Outcome::of(&tool).unproven(format!("migrations of {tool} are not run here")));
    }
    if !touched.folders.is_empty() {
        let (limit, own) = (sides.scratch_limit(), sides.clone());
        let cancelled = Arc::clone(&limit.cancelled);
        let runtime = tokio::runtime::Handle::current();
        let mut proving = tokio::task::spawn_blocking(move || in_folders(&own, &touched.folders, &limit, &runtime));
        tokio::select! {
            proven = &mut proving => outcomes.extend(proven.unwrap_or_default()),
            () = sides.cancel.cancelled() => {
                cancelled.store(true, Ordering::Relaxed);
                // Returns at once, with its server gone.
                let _ = proving.await;
            }
        }
    }
    outcomes
}

/// SQLite says much about a migration for another database, but proves nothing there. `why`: what is missing.
fn stand_in(outcome: &mut Outcome, other: Dialect, why: &str) {
    // What SQLite itself does not understand is no fault of the migration.
    outcome.findings.retain(|finding| !matches!(finding.rule.as_deref(), Some("up-fails" | "half-way" | "models")));
    outcome.unproven = Some(match &outcome.unproven {
        Some(_) => why.to_owned(),
        None => format!("walked on SQLite only; the project's database is {}: {why}", other.name()),
    });
}

/// Why no MySQL is started.
const NO_MYSQL: &str = "only PostgreSQL and SQLite are started here";

fn in_folders(
    sides: &Sides,
    folders: &BTreeSet<String>,
    limit: &scratch::Limit,
    runtime: &tokio::runtime::Handle,
) -> Vec<Outcome> {
    let (before, after) = (WorkspaceFiles(sides.base.as_ref()), WorkspaceFiles(sides.subject.as_ref()));
    let (old_paths, new_paths) = (before.list(), after.list());
    let mut outcomes = Vec::new();
    // One server for all folders, started when the first one needs it.
    let server: OnceCell<Result<Arc<Cluster>, String>> = OnceCell::new();
    let start = || {
        let starting = Cluster::start(sides.subject.clone(), sides.limit, sides.cancel.clone());
        runtime.block_on(starting).map(Arc::new)
    };
    for folder in folders {
        let named = format!("{folder}/");
        let service = sides.stack.touched_by(&[named.as_str()]).into_iter().next();
        // Another `sqlx`, of Go, has no migrations.
        let named = |service: &&Service| service.orms.iter().chain(&service.migrations).any(|fact| fact.name == "sqlx");
        let sqlx = service.filter(|service| service.language == "rust").as_ref().is_some_and(named);
        let old = find::set(&before, &old_paths, folder, sqlx);
        let new = find::set(&after, &new_paths, folder, sqlx);
        let texts: Vec<&str> =
            old.iter().chain(&new).flat_map(|set| &set.units).map(|unit| unit.up.text.as_str()).collect();
        let dialect = dialect::of(texts.iter().copied(), service);
        let empty = || -> Result<Box<dyn Database>, plain::Missing> {
            match dialect {
                Dialect::Sqlite => {
                    let scratch = Scratch::empty(limit, &[]).map_err(|error| plain::Missing(error.to_string()))?;
                    Ok(Box::new(scratch))
                }
                Dialect::Postgres => {
                    let cluster = server.get_or_init(start).clone().map_err(plain::Missing)?;
                    Ok(Box::new(Fresh::empty(cluster, runtime.clone()).map_err(plain::Missing)?))
                }
                Dialect::Mysql => Err(plain::Missing(NO_MYSQL.to_owned())),
            }
        };
        let conditions = plain::Conditions { empty: &empty, admitted: sides.admitted, dialect };
        let mut outcome = plain::prove(old.as_ref(), new.as_ref(), folder, &conditions);
        outcome.database = match server.get() {
            Some(Ok(cluster)) if dialect == Dialect::Postgres => cluster.title(),
            _ => dialect.name().to_owned(),
        };
        outcomes.push(outcome);
    }
    if let Some(Ok(cluster)) = server.into_inner()
        && let Some(cluster) = Arc::into_inner(cluster)
    {
        runtime.block_on(cluster.stop());
    }
    outcomes
}

/// A migration that gets through with fewer rows only.
fn needs_fewer(unit: &Unit, error: &str, line: Option<usize>, filling: Filling) -> Finding {
    let (severity, when) = match filling {
        Filling::Empty => (Severity::Error, "on a table with rows"),
        _ => (Severity::Warning, "where a column holds NULL"),
    };
    let error = error.lines().next().unwrap_or_default();
    let finding = unit.up.finding(severity, "rows", "", format!("{} fails {when}: {error}", unit.title));
    Finding { line: line.or(finding.line), ..finding }
}

/// Every migration that is found, one line each, with what is wrong about it as far as reading tells. Blocking.
pub fn status(workspace: &dyn Workspace, stack: &StackReport) -> Vec<String> {
    let files = WorkspaceFiles(workspace);
    let paths = files.list();
    let folders: BTreeSet<String> = paths.iter().filter_map(|path| find::folder_of(path)).collect();
    let mut lines = Vec::new();
    for folder in folders {
        let Some(set) = find::set(&files, &paths, &folder, false) else { continue };
        lines.push(format!(
            "{} in {}: {} migrations",
            set.layout.tool,
            if folder.is_empty() { "." } else { &folder },
            set.units.len()
        ));
        lines.extend(
            set.units.iter().map(|unit| {
                format!("  {}  {}", unit.title, if unit.down.is_some() { "up and down" } else { "up only" })
            }),
        );
    }
    for service in stack.services.iter().filter(|service| service.language == "python") {
        for project in python::projects(service, &files, &paths) {
            let found: Vec<&String> = paths.iter().filter(|path| project.is_migration(path)).collect();
            lines.push(format!(
                "{} in {}: {} migrations",
                project.tool.title(),
                if project.folder.is_empty() { "." } else { &project.folder },
                found.len()
            ));
            lines.extend(found.into_iter().map(|path| format!("  {path}")));
        }
    }
    lines
}
