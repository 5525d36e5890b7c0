//! What the project's own tool walks on: a scratch SQLite file in the workspace, or a scratch server there.

use std::path::PathBuf;

use super::super::model::State;
use super::super::postgres::Cluster;
use super::super::rows::{self, Filling};
use super::super::scratch::{Limit, Scratch};
use super::{FOLDER, Tool};
use crate::domain::RepoPath;
use crate::migration::Sides;
use crate::workspace::Workspace;

/// The database of a walk on a server.
const DATABASE: &str = "scratch";

/// What is walked on.
pub(super) enum Ground {
    /// A SQLite file.
    File,
    /// A server for each side.
    Servers { base: Box<Cluster>, subject: Box<Cluster> },
}

impl Ground {
    /// Starts a server in both workspaces.
    pub(super) async fn servers(sides: &Sides) -> Result<Self, String> {
        let start = |workspace: &std::sync::Arc<dyn Workspace>| {
            Cluster::start(workspace.clone(), sides.limit, sides.cancel.clone())
        };
        match tokio::join!(start(&sides.base), start(&sides.subject)) {
            (Ok(base), Ok(subject)) => Ok(Self::Servers { base: Box::new(base), subject: Box::new(subject) }),
            (Ok(one), Err(why)) | (Err(why), Ok(one)) => {
                one.stop().await;
                Err(why)
            }
            (Err(why), Err(_)) => Err(why),
        }
    }

    /// Ends the servers.
    pub(super) async fn leave(self) {
        if let Self::Servers { base, subject } = self {
            tokio::join!(base.stop(), subject.stop());
        }
    }

    /// Its name for people.
    pub(super) fn title(&self) -> String {
        match self {
            Self::File => "SQLite".to_owned(),
            Self::Servers { subject, .. } => subject.title(),
        }
    }

    /// What the driver is told about it, after everything else: nothing, or socket folder, programs, database.
    pub(super) fn words(&self, mode: &str) -> Vec<String> {
        let told = |cluster: &Cluster| vec![cluster.folder.clone(), cluster.programs.clone(), DATABASE.to_owned()];
        match self {
            Self::File => Vec::new(),
            Self::Servers { base, .. } if mode == "base" => told(base),
            Self::Servers { subject, .. } => told(subject),
        }
    }

    /// Makes the empty database base is migrated on.
    pub(super) async fn prepare(&self) -> Result<(), String> {
        match self {
            Self::File => Ok(()),
            Self::Servers { base, .. } => base.restore(DATABASE, b"").await,
        }
    }

    /// Takes over what base came to, puts rows in, and gives it to the subject.
    pub(super) async fn hand_over(
        &self,
        tool: Tool,
        sides: &Sides,
        filling: Filling,
    ) -> Result<(State, Vec<String>), String> {
        match self {
            Self::File => hand_over_file(tool, sides, filling),
            Self::Servers { base, subject } => {
                let dump = base.dump(DATABASE).await?;
                subject.restore(DATABASE, &dump).await?;
                let empty = subject.fill(DATABASE, filling, tool.tables()).await?;
                Ok((subject.state(DATABASE, tool.tables()).await?, empty))
            }
        }
    }

    /// What a copy holds that the driver made on the subject.
    pub(super) async fn state(&self, tool: Tool, sides: &Sides, name: &str, limit: &Limit) -> Result<State, String> {
        match self {
            Self::File => {
                let (scratch, _folder, _) = fetch(tool, sides.subject.as_ref(), name, limit)?;
                scratch.look().map_err(|error| error.to_string())
            }
            Self::Servers { subject, .. } => subject.state(name, tool.tables()).await,
        }
    }
}

/// Opens a copy of a scratch file of a workspace.
fn fetch(
    tool: Tool,
    workspace: &dyn Workspace,
    name: &str,
    limit: &Limit,
) -> Result<(Scratch, tempfile::TempDir, PathBuf), String> {
    let path = RepoPath::parse(&format!("{FOLDER}/{name}")).map_err(|error| error.to_string())?;
    let bytes = workspace.read(&path).map_err(|error| error.to_string())?.bytes;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("scratch.sqlite3");
    std::fs::write(&file, bytes).map_err(|error| error.to_string())?;
    let scratch = Scratch::open(&file, limit, tool.tables()).map_err(|error| error.to_string())?;
    Ok((scratch, folder, file))
}

fn hand_over_file(tool: Tool, sides: &Sides, filling: Filling) -> Result<(State, Vec<String>), String> {
    let target = RepoPath::parse(&format!("{FOLDER}/scratch.sqlite3")).map_err(|error| error.to_string())?;
    let words = |error: rusqlite::Error| error.to_string();
    let (scratch, _folder, file) = fetch(tool, sides.base.as_ref(), "scratch.sqlite3", &sides.scratch_limit())?;
    let empty = rows::fill(&scratch, filling).map_err(words)?;
    let state = scratch.look().map_err(words)?;
    drop(scratch);
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    sides.subject.write(&target, &bytes, None).map_err(|error| error.to_string())?;
    Ok((state, empty))
}
