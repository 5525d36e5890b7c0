//! What the program finds around it: environment, folders, settings. Read once, here, and handed down as data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Common, Failure, IsolationFlag};
use crate::agent;
use crate::config::{self, ConfigError, Directories, Settings, Sources};
use crate::domain::{Isolation, SessionId};
use crate::engine::Opening;

/// The surroundings of this process.
pub(crate) struct Surroundings {
    /// Environment variables that are valid Unicode.
    pub(crate) environment: BTreeMap<String, String>,
    /// The folder to work in.
    pub(crate) folder: PathBuf,
    /// Where settings, state and caches are.
    pub(crate) directories: Directories,
    /// Resolved settings.
    pub(crate) settings: Arc<Settings>,
}

impl Surroundings {
    /// Reads them for this process.
    ///
    /// # Errors
    /// The folder is not there, there is no home folder, or the configuration has a mistake.
    pub(crate) fn of_process(common: &Common) -> Result<Self, Failure> {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let folder = working_folder(common.cd.as_deref())?;
        let directories = Directories::from_environment(&environment).map_err(config_failure)?;
        let (settings, notes) = config::load(Sources {
            user_file: Some(directories.user_file()),
            project_file: project_file(&folder),
            environment: environment.clone(),
            flags: BTreeMap::new(),
        })
        .map_err(config_failure)?;
        let mut settings = settings;
        // What was chosen on the screen the last time; every setting goes before it.
        settings.model = settings.model.or_else(|| config::remembered_model(&directories.state));
        for provider in config::marked_keys(&directories.state) {
            settings.providers.entry(provider).or_default().keyring = true;
        }
        for note in notes {
            eprintln!("tenon: warning: {}", crate::text::sanitize(&note.to_string()));
        }
        Ok(Self { environment, folder, directories, settings: Arc::new(settings) })
    }

    /// What a session is opened with.
    pub(crate) fn opening(&self, common: &Common) -> Opening {
        Opening {
            folder: self.folder.clone(),
            session: common.session.as_deref().map(SessionId::from),
            agent: common.agent.clone(),
            model: common.model.clone(),
            isolation: self.isolation(common),
            settings: Arc::clone(&self.settings),
            state: self.directories.state.clone(),
            cache: self.directories.cache.clone(),
            agents: self.agent_folders(),
            config: Some(self.directories.config.clone()),
            environment: self.environment.clone(),
            helper: None,
            parent: None,
            children: None,
        }
    }

    /// The isolation insisted on, by a flag or by the settings.
    pub(crate) fn isolation(&self, common: &Common) -> Option<Isolation> {
        common.isolation.map(isolation).or(self.settings.isolation)
    }

    /// The user's own agent folders, the nearest first.
    pub(crate) fn agent_folders(&self) -> Vec<PathBuf> {
        agent::user_folders(&self.directories.config, self.environment.get("HOME").map(Path::new))
    }
}

/// The isolation a flag names.
fn isolation(flag: IsolationFlag) -> Isolation {
    match flag {
        IsolationFlag::Overlay => Isolation::Overlay,
        IsolationFlag::Copy => Isolation::Copy,
    }
}

fn working_folder(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().map_err(|error| {
        Failure::usage(format!("the current folder cannot be read: {error}")).hint("change to a folder that exists")
    })?;
    let Some(wanted) = wanted else { return Ok(here) };
    let folder = here.join(wanted);
    if folder.is_dir() { Ok(folder) } else { Err(Failure::usage(format!("--cd {}: no such folder", wanted.display()))) }
}

fn config_failure(error: ConfigError) -> Failure {
    Failure::usage(error.to_string())
}

/// `.tenon/config.toml` of the repository that `folder` lies in.
fn project_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|above| above.join(".git").exists()).map(Directories::project_file)
}
