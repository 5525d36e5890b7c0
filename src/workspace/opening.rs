//! Opening a workspace: where it is kept, and which isolation this machine can give it.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Environment, Limits, Workspace, WorkspaceError, copy};
#[cfg(target_os = "linux")]
use super::{holder, overlay, process, reason, sandbox};
use crate::config::{EnvFiles, WorkspaceSettings};
use crate::domain::Isolation;

/// Where a workspace is opened and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The repository's working folder, absolute and canonical.
    pub repository: PathBuf,
    /// A folder of the session's own below the cache directory; survives the process, so a session can go on.
    pub state: PathBuf,
    /// `Some` insists on an isolation; `None` takes the best there is.
    pub isolation: Option<Isolation>,
    /// What commands inherit.
    pub environment: Environment,
    /// The program that is started again as the sandbox's helper; `None` is this program.
    pub helper: Option<PathBuf>,
    /// What commands may use.
    pub limits: Limits,
    /// What is seen of `.env` files that git does not track.
    pub env_files: EnvFiles,
}

impl Place {
    /// The best isolation there is, with what commands may inherit of this environment.
    pub fn new(
        repository: impl Into<PathBuf>,
        state: impl Into<PathBuf>,
        environment: &std::collections::BTreeMap<String, String>,
    ) -> Self {
        Self {
            repository: repository.into(),
            state: state.into(),
            isolation: None,
            environment: Environment::cleaned(environment),
            helper: None,
            limits: Limits::default(),
            env_files: EnvFiles::default(),
        }
    }

    /// The same with what the settings say about workspaces.
    pub fn with_settings(self, settings: &WorkspaceSettings) -> Self {
        Self { limits: Limits::of(settings), env_files: settings.env_files, ..self }
    }
}

/// Opens a workspace, or finds the draft again that an earlier process left at the same place.
///
/// # Errors
/// The isolation insisted on is not possible, the state folder cannot be written, or another process holds it.
pub async fn open(place: Place) -> Result<Box<dyn Workspace>, WorkspaceError> {
    // A session goes on in the isolation it began in: its draft is there.
    let began = |folder: &str| place.state.join(folder).is_dir();
    match place.isolation {
        Some(Isolation::Copy) => Ok(Box::new(copy::Copy::open(place, None).await?)),
        Some(Isolation::Overlay) => open_overlay(place).await,
        None if began("copy") => Ok(Box::new(copy::Copy::open(place, None).await?)),
        None if began("upper") => open_overlay(place).await,
        None => match open_overlay(place.clone()).await {
            // Whatever stood in the overlay's way, the files can still be worked on.
            Err(why @ (WorkspaceError::Isolation(_) | WorkspaceError::Io { .. })) => {
                // What was made for the overlay must not be taken for a draft next time.
                let _ = std::fs::remove_dir(place.state.join("upper"));
                let why = format!("commands can reach more than the workspace: {why}");
                Ok(Box::new(copy::Copy::open(place, Some(why)).await?))
            }
            opened => opened,
        },
    }
}

#[cfg(target_os = "linux")]
async fn open_overlay(place: Place) -> Result<Box<dyn Workspace>, WorkspaceError> {
    let state = place.state.clone();
    let opened = overlay::Overlay::open(place).await.map_err(|error| match error {
        WorkspaceError::Isolation(why) => WorkspaceError::Isolation(reason::explain(&why, Some(&state))),
        other => other,
    })?;
    Ok(Box::new(opened))
}

#[cfg(not(target_os = "linux"))]
async fn open_overlay(_place: Place) -> Result<Box<dyn Workspace>, WorkspaceError> {
    Err(WorkspaceError::Isolation("the overlay needs Linux".to_owned()))
}

/// The best isolation on this machine, and why it is not the overlay when it is not. Takes some milliseconds.
#[cfg(target_os = "linux")]
pub fn best_isolation() -> (Isolation, Option<String>) {
    let why = process::helper(None).map_or_else(|error| Some(error.to_string()), |helper| holder::probe(&helper).1);
    match why {
        None => (Isolation::Overlay, None),
        Some(why) => (Isolation::Copy, Some(reason::explain(&why, None))),
    }
}

/// The best isolation on this machine, and why it is not the overlay when it is not.
#[cfg(not(target_os = "linux"))]
pub fn best_isolation() -> (Isolation, Option<String>) {
    (Isolation::Copy, Some("the overlay needs Linux".to_owned()))
}

/// Whether processes and network of commands are contained even where the overlay is not possible.
#[cfg(target_os = "linux")]
pub fn namespaces_possible() -> bool {
    process::helper(None).is_ok_and(|helper| holder::probe(&helper).0.is_none())
}

/// Whether processes and network of commands are contained even where the overlay is not possible.
#[cfg(not(target_os = "linux"))]
pub fn namespaces_possible() -> bool {
    false
}

/// Who holds commands to their limits on this machine, in words.
#[cfg(target_os = "linux")]
pub fn limits_held_by() -> &'static str {
    sandbox::limits::held_by()
}

/// Who holds commands to their limits on this machine, in words.
#[cfg(not(target_os = "linux"))]
pub fn limits_held_by() -> &'static str {
    "nobody here: only the time and the size of the workspace are looked at"
}

/// The hidden subcommand `tenon sandbox …`: the process that holds namespaces or runs one command in them.
/// Has to be called before any thread is started.
pub fn helper_main(arguments: Vec<OsString>) -> i32 {
    #[cfg(target_os = "linux")]
    return sandbox::main(&arguments);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = arguments;
        2
    }
}
