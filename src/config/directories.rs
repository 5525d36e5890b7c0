//! Where settings, state and caches are kept, as the XDG base directory specification says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// Tenon's own folders. They need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Settings and the user's agents.
    pub config: PathBuf,
    /// Journals and proposals.
    pub state: PathBuf,
    /// Workspaces and models: what can be made again.
    pub cache: PathBuf,
    /// The home folder, where there is one.
    pub home: Option<PathBuf>,
}

impl Directories {
    /// Takes them from an environment.
    ///
    /// # Errors
    /// There is no home folder and not every XDG variable is set.
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let absolute = |name: &str| {
            let path = PathBuf::from(environment.get(name)?);
            path.is_absolute().then_some(path)
        };
        let home = absolute("HOME");
        // The specification has relative paths ignored, which also keeps them out of the repository.
        let folder = |variable: &'static str, below: &str| {
            let base = absolute(variable).or_else(|| home.as_ref().map(|home| home.join(below)));
            base.map(|base| base.join("tenon")).ok_or(ConfigError::NoHome { variable })
        };
        Ok(Self {
            config: folder("XDG_CONFIG_HOME", ".config")?,
            state: folder("XDG_STATE_HOME", ".local/state")?,
            cache: folder("XDG_CACHE_HOME", ".cache")?,
            home: home.clone(),
        })
    }

    /// The user's settings.
    pub fn user_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The settings a repository brings.
    pub fn project_file(root: &Path) -> PathBuf {
        root.join(".tenon/config.toml")
    }
}
