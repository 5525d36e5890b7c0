//! Places that commands do not get to see.

use std::path::{Path, PathBuf};

use crate::workspace::Environment;

/// Where tools keep credentials, relative to the home directory.
const IN_HOME: [&str; 27] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".git-credentials",
    ".vault-token",
    ".terraform.d/credentials.tfrc.json",
    ".gem/credentials",
    ".bundle/config",
    ".composer/auth.json",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".password-store",
    ".local/share/keyrings",
    ".mozilla",
    ".claude",
    ".codex",
];

/// The same, relative to the configuration folder.
const IN_CONFIG: [&str; 12] = [
    "gh",
    "glab-cli",
    "hub",
    "gcloud",
    "git/credentials",
    "containers/auth.json",
    "op",
    "doctl",
    "heroku",
    "google-chrome",
    "chromium",
    "tenon",
];

/// Of the machine; matter when the superuser works.
const OF_MACHINE: [&str; 3] = ["/etc/shadow", "/etc/gshadow", "/etc/ssh"];

/// Everything to hide; most of it will not be there. A place that one of the folders to work in lies in is left out: it
/// was opened by the user, and hiding it would leave nothing to work on.
pub(super) fn hidden(environment: &Environment, shown: &[&Path]) -> Vec<PathBuf> {
    let mut hidden: Vec<PathBuf> = OF_MACHINE.iter().map(PathBuf::from).collect();
    let home = environment.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let folder = |name: &str, default: &str| {
        let named = environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| home.as_deref().map(|home: &Path| home.join(default)))
    };
    if let Some(home) = &home {
        hidden.extend(IN_HOME.iter().map(|name| home.join(name)));
    }
    if let Some(config) = folder("XDG_CONFIG_HOME", ".config") {
        hidden.extend(IN_CONFIG.iter().map(|name| config.join(name)));
    }
    // Journals and drafts of this program. Not its whole cache: the demo's project lies there and is worked on.
    hidden.extend(folder("XDG_STATE_HOME", ".local/state").map(|state| state.join("tenon")));
    hidden.extend(folder("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("tenon/workspaces")));
    hidden.retain(|path| {
        let Ok(path) = path.canonicalize() else { return true };
        !shown.iter().any(|folder| folder.starts_with(&path))
    });
    hidden
}
