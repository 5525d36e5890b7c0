//! Opening a session: the repository, the journal, the workspace, the agent and the model, then its task.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::agent::{Folders, project_folders};
use crate::domain::{Command, Event, Isolation, NoteLevel, Record, RepoPath, SessionId};
use crate::git::{Recovered, Repository, TreeState};
use crate::journal::{Journal, Store};
use crate::stack;
use crate::tool::Tools;
use crate::workspace::{self, Place, Workspace};

use super::choice::Choice;
use super::driver::{Driver, Outlet};
use super::effects::Bench;
use super::input::{Input, What};
use super::models::Models;
use super::prompt::Surroundings;
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
    let project = tokio::task::spawn_blocking(move || stack::detect_folder(&root).brief());
    let workspace = open_workspace(&opening, &found).await?;
    let project = project.await.unwrap_or_default();
    let (commands, wishes) = mpsc::channel(COMMANDS);
    let (inbox, results) = mpsc::channel(INBOX);
    let (progress, passing) = mpsc::channel(INBOX);
    let (updates, receiver) = mpsc::channel(UPDATES);
    let isolation = workspace.isolation();
    let bench = Bench {
        workspace: Arc::from(workspace),
        repository: found.repository.clone(),
        blobs: Arc::new(found.store.blobs(&found.id)),
        tools: Tools::new(),
        settings: opening.settings.clone(),
        found: None,
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
        surroundings: Surroundings { root: bench.workspace.root().display().to_string(), isolation, project },
        bench,
        outlet: Outlet::new(updates),
        inbox: results,
        commands: wishes,
        progress: passing,
        running: BTreeMap::new(),
        closing: false,
        asked: opening.model.clone(),
    };
    for record in found.records.iter().cloned() {
        driver.outlet.record(record);
    }
    let begin =
        if found.records.is_empty() { begin(&mut driver, &opening, &found.tree) } else { go_on(&mut driver, &opening) };
    begin?;
    for note in found.notes {
        write(&mut driver, Event::Noted { level: NoteLevel::Warning, text: note })?;
    }
    if let Some(Recovered::Finished { oid: Some(oid), paths }) = found.recovered {
        catch_up(&mut driver, oid, paths, found.tree.branch)?;
    }
    tokio::spawn(driver.run());
    Ok((handle, receiver))
}

/// A crash came between a commit of this session and its record: it is recorded now, and the draft is looked at again.
fn catch_up(driver: &mut Driver, oid: String, paths: Vec<RepoPath>, branch: Option<String>) -> Result<(), EngineError> {
    let Some(offer) = driver.session.open_offer().filter(|offer| offer.accepts_some()) else { return Ok(()) };
    let (proposal, message) = (offer.proposal.id.clone(), offer.proposal.message.clone());
    let ours = |path: &RepoPath| {
        offer.proposal.changes.iter().any(|change| change.path == *path || change.old_path.as_ref() == Some(path))
    };
    if !paths.iter().all(ours) {
        return Ok(());
    }
    write(driver, Event::Applied { proposal: proposal.clone(), paths })?;
    write(driver, Event::Committed { proposal, oid, message, branch })?;
    let input = Input { at: Timestamp::now(), what: What::Command(Command::Propose) };
    driver.take(input).map_err(journal_failure)
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
    recovered: Option<Recovered>,
}

fn find(opening: &Opening) -> Result<Found, EngineError> {
    let repository = Repository::open(&opening.folder).map_err(|error| failure(error.to_string()))?;
    let tree = repository.tree_state().map_err(|error| failure(error.to_string()))?;
    let store = Store::new(&opening.state);
    let (mut notes, mut recovered) = (Vec::new(), None);
    match repository.recover() {
        Ok(None) => {}
        Ok(Some(found)) => {
            notes.push(recovery(&found));
            recovered = Some(found);
        }
        Err(error) => notes.push(format!("an earlier commit was left half done and could not be finished: {error}")),
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
    Ok(Found { repository, store, id, journal, records, tree, notes, recovered })
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
        state: opening.cache.join("workspaces").join(found.id.as_str()),
        // A draft is only there again in the isolation it was made in.
        isolation: opening.isolation.or(recorded_isolation(&found.records)).or(opening.settings.isolation),
        environment: workspace::Environment::cleaned(&opening.environment),
        helper: opening.helper.clone(),
        limits: workspace::Limits::of(&opening.settings.workspace),
        env_files: opening.settings.workspace.env_files,
    };
    workspace::open(place).await.map_err(|error| EngineError {
        message: format!("the workspace could not be opened: {error}"),
        hints: vec!["`tenon doctor` says what this machine can do; --isolation copy works everywhere".to_owned()],
    })
}

fn recorded_isolation(records: &[Record]) -> Option<Isolation> {
    records.iter().find_map(|record| match &record.event {
        Event::SessionOpened { isolation, .. } => Some(*isolation),
        _ => None,
    })
}

fn begin(driver: &mut Driver, opening: &Opening, tree: &TreeState) -> Result<(), EngineError> {
    // What was asked for by name must be there; before anything is written.
    let choice = driver.find(opening.agent.as_deref(), opening.model.as_deref()).map_err(failure)?;
    let isolation = driver.bench.workspace.isolation();
    write(
        driver,
        Event::SessionOpened {
            session: driver.id.clone(),
            repository: driver.bench.repository.root().display().to_string(),
            branch: tree.branch.clone(),
            head: tree.head.clone(),
            isolation,
            version: env!("CARGO_PKG_VERSION").to_owned(),
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
    let before = driver.session.clone();
    let agent = opening.agent.clone().or_else(|| (!before.agent.is_empty()).then(|| before.agent.clone()));
    let model = opening.model.clone().or_else(|| (!before.model.is_empty()).then(|| before.model.clone()));
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
    let same = choice.chosen.agent == before.agent
        && choice.chosen.model == before.model
        && choice.chosen.tools == before.tools;
    if same {
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
    for text in chosen.notes {
        write(driver, Event::Noted { level: NoteLevel::Warning, text })?;
    }
    write(driver, Event::AgentChosen { agent: chosen.agent, model: chosen.model, tools: chosen.tools })
}

fn write(driver: &mut Driver, event: Event) -> Result<(), EngineError> {
    driver.write(event).map_err(journal_failure)
}

fn no_rules(session: &SessionId) -> Rules {
    Rules {
        session: session.clone(),
        system: String::new(),
        specs: Vec::new(),
        model: Err("no model is chosen yet".to_owned()),
        budget: crate::domain::Budget::default(),
        trailers: true,
    }
}

fn failure(message: String) -> EngineError {
    EngineError { message, hints: Vec::new() }
}

fn journal_failure(error: crate::journal::JournalError) -> EngineError {
    failure(error.to_string())
}
