//! Opening a session: the repository, the journal, the workspace, the agent and the model, then its task.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::agent::{Folders, Instructions, instructions, project_folders};
use crate::api::desk::Desk;
use crate::domain::{Event, Isolation, NoteLevel, Record, SessionId};
use crate::gate::ScratchDatabases;
use crate::git::{Receipt, Recovered, Repository, TreeState};
use crate::journal::{Journal, JournalError, Store};
use crate::stack;
use crate::tool::Tools;
use crate::workspace::{self, Place, Workspace, WorkspaceError};

use super::choice::Choice;
use super::driver::{Driver, Outlet};
use super::effects::{Bench, Nursery};
use super::input::{Chosen, Input, What};
use super::models::Models;
use super::prompt::Surroundings;
use super::recover::{self, Unfinished};
use super::rules::Rules;
use super::session::Session;
use super::work::Flight;
use super::{EngineError, Handle, Opening, Updates};

/// Wishes of the user that may wait; a person does not type faster.
const COMMANDS: usize = 64;
/// Results of work that may wait.
const INBOX: usize = 256;
/// Updates a front end may be behind before records wait in the engine and progress is dropped.
const UPDATES: usize = 1_024;

/// Opens a session that finds its models here.
///
/// # Errors
/// See [`super::open`].
pub async fn open_with(opening: Opening, models: Arc<dyn Models>) -> Result<(Handle, Updates), EngineError> {
    let (found, opening) = tokio::task::spawn_blocking(move || find(&opening).map(|found| (found, opening)))
        .await
        .map_err(|error| failure(format!("an internal error: {error}")))??;
    let root = found.repository.root().to_owned();
    let command = opening.settings.gates.tests.command.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let mut report = stack::detect_folder(&root);
        if let Some(command) = &command {
            report.overruled_by(command);
        }
        (report.brief(), report.label())
    });
    let told = told(&opening, &found).await;
    let workspace = open_workspace(&opening, &found).await?;
    let (project, label) = looking.await.unwrap_or_default();
    let (commands, wishes) = mpsc::channel(COMMANDS);
    let (inbox, results) = mpsc::channel(INBOX);
    let (progress, passing) = mpsc::channel(INBOX);
    let (updates, receiver) = mpsc::channel(UPDATES);
    let isolation = workspace.isolation();
    let bench = Bench {
        workspace: Arc::from(workspace),
        repository: found.repository.clone(),
        blobs: Arc::new(found.store.blobs(&found.id)),
        tools: Tools::with(desk(&opening, &found)),
        memory: Arc::from(opening.cache.join("gates")),
        settings: opening.settings.clone(),
        environment: Arc::new(opening.environment.clone()),
        found: None,
        nursery: Nursery::new(&opening, &found.id, &models),
        inbox,
        progress,
    };
    let handle = Handle { session: found.id.clone(), blobs: bench.blobs.clone(), commands };
    let mut driver = Driver {
        id: found.id.clone(),
        session: Session::of(&found.records),
        flight: Flight::default(),
        rules: no_rules(&found.id),
        journal: found.journal,
        folders: Folders {
            user: opening.agents.clone(),
            project: project_folders(&opening.folder, found.repository.root()),
        },
        models,
        surroundings: Surroundings {
            root: bench.workspace.root().display().to_string(),
            isolation,
            project,
            instructions: told.text,
        },
        bench,
        outlet: Outlet::new(updates),
        inbox: results,
        commands: wishes,
        progress: passing,
        running: BTreeMap::new(),
        closing: false,
        asked: opening.model.clone(),
    };
    let new = found.records.is_empty();
    let unfinished = Unfinished::of(found.unrecorded, &found.records);
    // Moved, not copied: of a long session they are most of what is in memory.
    for record in found.records {
        driver.outlet.record(record);
    }
    let begin = if new { begin(&mut driver, &opening, &found.tree, label) } else { go_on(&mut driver, &opening) };
    if let Err(error) = begin {
        found.store.discard(&found.id);
        return Err(error);
    }
    if new && !told.files.is_empty() {
        let text = format!("every agent is told what stands in {}", told.files.join(", "));
        write(&mut driver, Event::Noted { level: NoteLevel::Info, text })?;
    }
    for note in found.notes.into_iter().chain(told.notes) {
        write(&mut driver, Event::Noted { level: NoteLevel::Warning, text: note })?;
    }
    if let Some(unfinished) = unfinished {
        unfinished.finish(&mut driver).await?;
    }
    tokio::spawn(driver.run());
    Ok((handle, receiver))
}

/// What the repository and the user want every agent to know. They may lie on a slow disk, and many.
async fn told(opening: &Opening, found: &Found) -> Instructions {
    let (user, from) = (opening.config.clone(), opening.folder.clone());
    let (root, names) = (found.repository.root().to_owned(), opening.settings.instructions.clone());
    let read = move || instructions(user.as_deref(), &from, &root, &names);
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// What the tools for services share: their records stay with the session.
fn desk(opening: &Opening, found: &Found) -> Arc<Desk> {
    let records = found.store.folder(&found.id).join("exchanges.jsonl");
    let desk = Desk::new(opening.environment.clone(), opening.settings.api.clone(), Some(records));
    Arc::new(desk.with_databases(Arc::new(ScratchDatabases)))
}

/// What opening finds on disk.
struct Found {
    repository: Repository,
    store: Store,
    id: SessionId,
    journal: Journal,
    records: Vec<Record>,
    tree: TreeState,
    notes: Vec<String>,
    /// What the session did to the repository last, when its journal does not know of it.
    unrecorded: Option<Receipt>,
}

fn find(opening: &Opening) -> Result<Found, EngineError> {
    let repository = Repository::open(&opening.folder).map_err(|error| failure(error.to_string()))?;
    let tree = repository.tree_state().map_err(|error| failure(error.to_string()))?;
    let store = Store::new(&opening.state);
    let mut notes = Vec::new();
    match repository.recover() {
        Ok(None) => {}
        Ok(Some(found)) => notes.push(recovery(&found)),
        Err(error) => notes.push(format!("an earlier commit was left half done and could not be finished: {error}")),
    }
    if opening.session.is_none() {
        notes.extend(circumstances(&tree));
    }
    let (id, journal, records) = match &opening.session {
        None => {
            let id = store.new_id();
            let journal = store.create(id.clone()).map_err(journal_failure)?;
            (id, journal, Vec::new())
        }
        Some(name) => {
            let id = store.find(name.as_str()).map_err(journal_failure)?;
            let (journal, records) = store.open(&id).map_err(journal_failure)?;
            check_repository(&id, &records, repository.root())?;
            (id, journal, records)
        }
    };
    notes.extend(journal.notes().iter().cloned());
    let unrecorded = recover::unrecorded(&repository, &id, &records)?;
    Ok(Found { repository, store, id, journal, records, tree, notes, unrecorded })
}

/// What the user should know of the repository before anybody works in it.
fn circumstances(tree: &TreeState) -> Vec<String> {
    let operation = tree.operation.as_ref().filter(|operation| *operation != "bisect").map(|operation| {
        format!("a {operation} is in progress: work can begin, but nothing can be committed before it is finished or stopped")
    });
    let sparse = tree
        .sparse
        .then(|| "only a part of the files is checked out (sparse checkout); the agent sees no others".to_owned());
    operation.into_iter().chain(sparse).collect()
}

fn check_repository(id: &SessionId, records: &[Record], root: &Path) -> Result<(), EngineError> {
    let home = records.iter().find_map(|record| match &record.event {
        Event::SessionOpened { repository, .. } => Some(repository),
        _ => None,
    });
    match home {
        Some(home) if Path::new(home) != root => Err(EngineError {
            message: format!("session {id} belongs to {home}, not to {}", root.display()),
            hints: vec![format!("go on with it there: tenon --cd {home} --session {id}")],
        }),
        _ => Ok(()),
    }
}

fn recovery(recovered: &Recovered) -> String {
    match recovered {
        Recovered::Finished { oid: Some(oid), .. } => {
            format!("an earlier commit was left half done; it is finished: {oid}")
        }
        Recovered::Finished { oid: None, .. } => {
            "an earlier change to your tree was left half done; it is finished".to_owned()
        }
        Recovered::TakenBack { .. } => {
            "an earlier commit was left half done; it is taken back, your tree is as before".to_owned()
        }
    }
}

async fn open_workspace(opening: &Opening, found: &Found) -> Result<Box<dyn Workspace>, EngineError> {
    let place = Place {
        repository: found.repository.root().to_owned(),
        state: opening.settings.workspace.folder_in(&opening.cache).join("workspaces").join(found.id.as_str()),
        // A draft is only there again in the isolation it was made in.
        isolation: opening.isolation.or(recorded_isolation(&found.records)).or(opening.settings.isolation),
        environment: workspace::Environment::cleaned(&opening.environment),
        helper: opening.helper.clone(),
        limits: workspace::Limits::of(&opening.settings.workspace),
        env_files: opening.settings.workspace.env_files,
    };
    workspace::open(place).await.map_err(|error| {
        let hint = match &error {
            WorkspaceError::Io { source, .. } => room_hint(source, "XDG_CACHE_HOME"),
            _ => None,
        };
        let doctor = || "`tenon doctor` says what this machine can do; --isolation copy works everywhere".to_owned();
        EngineError {
            message: format!("the workspace could not be opened: {error}"),
            hints: vec![hint.unwrap_or_else(doctor)],
        }
    })
}

fn recorded_isolation(records: &[Record]) -> Option<Isolation> {
    records.iter().find_map(|record| match &record.event {
        Event::SessionOpened { isolation, .. } => Some(*isolation),
        _ => None,
    })
}

fn begin(driver: &mut Driver, opening: &Opening, tree: &TreeState, stack: Option<String>) -> Result<(), EngineError> {
    // What was asked for by name must be there; before anything is written.
    let choice = driver.find(opening.agent.as_deref(), opening.model.as_deref()).map_err(failure)?;
    let isolation = driver.bench.workspace.isolation();
    write(
        driver,
        Event::SessionOpened {
            session: driver.id.clone(),
            parent: opening.parent.clone(),
            repository: driver.bench.repository.root().display().to_string(),
            branch: tree.branch.clone(),
            head: tree.head.clone(),
            isolation,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stack,
        },
    )?;
    take(driver, choice)?;
    for text in driver.bench.workspace.notes() {
        driver.flight.told.insert(text.clone());
        write(driver, Event::Noted { level: NoteLevel::Warning, text })?;
    }
    Ok(())
}

/// A session that goes on keeps its agent and its model, unless others are asked for.
fn go_on(driver: &mut Driver, opening: &Opening) -> Result<(), EngineError> {
    let input = Input { at: Timestamp::now(), what: What::Resumed };
    driver.take(input).map_err(journal_failure)?;
    let before = (driver.session.agent.clone(), driver.session.model.clone(), driver.session.tools.clone());
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let agent = opening.agent.clone().or_else(|| named(&before.0));
    let model = opening.model.clone().or_else(|| named(&before.1));
    let choice = match driver.find(agent.as_deref(), model.as_deref()) {
        Ok(choice) => choice,
        Err(text) if opening.agent.is_some() || opening.model.is_some() => return Err(failure(text)),
        // The agent's file or the model's key may be gone since.
        Err(text) => {
            write(driver, Event::Noted { level: NoteLevel::Warning, text })?;
            let again = driver.find(agent.as_deref(), None).or_else(|_| driver.find(None, None));
            again.map_err(failure)?
        }
    };
    let Chosen { agent, model, tools, .. } = &choice.chosen;
    if (agent, model, tools) == (&before.0, &before.1, &before.2) {
        driver.rules = choice.rules;
        driver.use_model(choice.found);
        return Ok(());
    }
    take(driver, choice)
}

fn take(driver: &mut Driver, choice: Choice) -> Result<(), EngineError> {
    let Choice { chosen, rules, found } = choice;
    driver.rules = rules;
    driver.use_model(found);
    let Chosen { agent, model, tools, context_window, notes } = chosen;
    for text in notes {
        write(driver, Event::Noted { level: NoteLevel::Warning, text })?;
    }
    write(driver, Event::AgentChosen { agent, model, tools, context_window })
}

pub(super) fn write(driver: &mut Driver, event: Event) -> Result<(), EngineError> {
    driver.write(event).map_err(journal_failure)
}

fn no_rules(session: &SessionId) -> Rules {
    Rules {
        session: session.clone(),
        system: String::new(),
        specs: Vec::new(),
        model: Err("no model is chosen yet".to_owned()),
        budget: crate::domain::Budget::default(),
        rounds: 0,
        steps: false,
        trailers: true,
        more_trailers: Vec::new(),
    }
}

pub(super) fn failure(message: String) -> EngineError {
    EngineError { message, hints: Vec::new() }
}

pub(super) fn journal_failure(error: JournalError) -> EngineError {
    let hint = match &error {
        JournalError::Io { source, .. } => room_hint(source, "XDG_STATE_HOME"),
        _ => None,
    };
    EngineError { hints: hint.into_iter().collect(), ..failure(error.to_string()) }
}

/// What helps when Tenon's own files have no room.
fn room_hint(error: &std::io::Error, variable: &str) -> Option<String> {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some(format!("make room on that disk, or set {variable} to a folder on another one"))
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            Some(format!("set {variable} to a folder that can be written"))
        }
        _ => None,
    }
}
