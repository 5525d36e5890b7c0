//! Settings in layers: default, user, project, environment, flag. The later layer wins, key by key.
//!
//! A project's file comes with the repository, so it may set only what cannot hurt: [`load`] refuses the rest with a
//! note. Nothing here holds a secret: a provider names the environment variable its key is in.

mod check;
mod directories;
mod layers;
mod remembered;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{Budget, Isolation};

pub use directories::Directories;
pub use layers::{ConfigError, Mistake, Note, Sources, environment_names, load, schema};
pub use remembered::{mark_key, marked_keys, remember_model, remembered_model};

/// The resolved settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model as `provider/model`.
    pub model: Option<String>,
    /// Models to go on with, in this order, when the chosen one is overloaded, down or out of reach.
    pub fallback: Vec<String>,
    /// The agent to start with.
    pub agent: Option<String>,
    /// Files with instructions for every agent; in each folder the first one that is there is read. None: `[]`.
    pub instructions: Vec<String>,
    /// Name of the theme.
    pub theme: Option<String>,
    /// How workspaces are isolated: `overlay` or `copy`; the best there is when not set.
    pub isolation: Option<Isolation>,
    /// Seconds without a byte from the provider after which a request is given up.
    pub idle_timeout_s: u64,
    /// Repositories whose own `.tenon/config.toml` may also name commands. Absolute paths.
    pub trust: Vec<PathBuf>,
    /// Limits of a turn.
    pub budget: Budget,
    /// How commits are made.
    pub commit: CommitSettings,
    /// What is checked on a proposal.
    pub gates: GateSettings,
    /// What commands may see and use.
    pub workspace: WorkspaceSettings,
    /// Keys that replace the default ones of an action, by the action's name: `accept = ["y"]`.
    pub keys: BTreeMap<String, Vec<String>>,
    /// The project's HTTP interface: how it is started, and who asks.
    pub api: ApiSettings,
    /// Providers beyond the built-in ones, and changes to those.
    pub providers: BTreeMap<String, ProviderSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            fallback: Vec::new(),
            agent: None,
            instructions: ["AGENTS.md", "CLAUDE.md"].map(str::to_owned).to_vec(),
            theme: None,
            isolation: None,
            idle_timeout_s: 120,
            trust: Vec::new(),
            budget: Budget::default(),
            commit: CommitSettings::default(),
            gates: GateSettings::default(),
            workspace: WorkspaceSettings::default(),
            keys: BTreeMap::new(),
            api: ApiSettings::default(),
            providers: BTreeMap::new(),
        }
    }
}

/// What commands in a workspace may see and use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceSettings {
    /// Processes and threads at a time, for each command.
    pub processes: u32,
    /// MiB of memory for each command with all it starts; three quarters of the machine's when not set.
    pub memory_mb: Option<u64>,
    /// MiB that the changes of a workspace and its temporary files may take on the disk.
    pub disk_mb: u64,
    /// MiB that commands leave free on the disk whatever they may take.
    pub keep_free_mb: u64,
    /// What commands and the model see of `.env` files that git does not track: `masked`, `hidden` or `open`.
    pub env_files: EnvFiles,
    /// Where workspaces are kept instead of the cache directory: an absolute path to a folder on a disk an overlay can
    /// write to, for containers whose own file system is an overlay already.
    pub folder: Option<PathBuf>,
}

impl Default for WorkspaceSettings {
    fn default() -> Self {
        Self {
            processes: 4_096,
            memory_mb: None,
            disk_mb: 20 << 10,
            keep_free_mb: 1 << 10,
            env_files: EnvFiles::Masked,
            folder: None,
        }
    }
}

impl WorkspaceSettings {
    /// The folder workspaces are kept in: the one that is set, else the cache directory.
    pub fn folder_in<'a>(&'a self, cache: &'a std::path::Path) -> &'a std::path::Path {
        self.folder.as_deref().unwrap_or(cache)
    }
}

/// What is seen of files with the settings and secrets of a running application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvFiles {
    /// The names of all variables, and the values that are evidently harmless (numbers, switches, local addresses);
    /// all other values are replaced.
    #[default]
    Masked,
    /// The names only.
    Hidden,
    /// The files as they are.
    Open,
}

/// How commits are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommitSettings {
    /// Whether the message ends with trailers that name session and proposal.
    pub trailers: bool,
    /// Further trailers of every commit, such as `Signed-off-by: Name <name@example.com>`.
    pub more_trailers: Vec<String>,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self { trailers: true, more_trailers: Vec::new() }
    }
}

/// What is checked on a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GateSettings {
    /// Names of gates that are not run; `steps` leaves the steps of plans unchecked.
    pub off: Vec<String>,
    /// Commands of the gates `format`, `lint` and `build`, instead of those found in the project.
    pub commands: BTreeMap<String, String>,
    /// Seconds after which one command of a gate other than `tests` is stopped.
    pub timeout_s: u64,
    /// How often a failure goes back to the agent before the proposal is shown all the same.
    pub rounds: u32,
    /// What a change may reach.
    pub scope: ScopeGateSettings,
    /// Secrets and letters that deceive.
    pub secrets: SecretsGateSettings,
    /// The project's own tests.
    pub tests: TestGateSettings,
    /// The contract of the project's HTTP interface.
    pub contract: ContractGateSettings,
    /// What requests cost.
    pub performance: PerformanceGateSettings,
    /// Tests that can fail.
    pub mutation: MutationGateSettings,
    /// New dependencies.
    pub dependencies: DependencyGateSettings,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            off: Vec::new(),
            commands: BTreeMap::new(),
            timeout_s: 300,
            rounds: 3,
            scope: ScopeGateSettings::default(),
            secrets: SecretsGateSettings::default(),
            tests: TestGateSettings::default(),
            mutation: MutationGateSettings::default(),
            dependencies: DependencyGateSettings::default(),
            contract: ContractGateSettings::default(),
            performance: PerformanceGateSettings::default(),
        }
    }
}

/// The gate that looks at new dependencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DependencyGateSettings {
    /// A folder of advisories in the OSV format, one JSON file each; without one, new dependencies are not audited.
    pub advisories: Option<PathBuf>,
}

/// The gate that takes single changes back to see whether a test notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MutationGateSettings {
    /// Whether it runs at all.
    pub enabled: bool,
    /// Whether a change that no test notices makes the proposal red.
    pub blocks: bool,
    /// Seconds it may take in all.
    pub seconds: u64,
}

impl Default for MutationGateSettings {
    fn default() -> Self {
        Self { enabled: true, blocks: false, seconds: 120 }
    }
}

/// The gate that looks at which files a change touches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScopeGateSettings {
    /// More files than this are called hard to review.
    pub files: usize,
}

impl Default for ScopeGateSettings {
    fn default() -> Self {
        Self { files: 40 }
    }
}

/// The gate that looks for secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsGateSettings {
    /// Fingerprints of what looks like a secret and is none, as the gate prints them.
    pub allow: Vec<String>,
}

/// The gate that runs the project's own tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestGateSettings {
    /// Whether it runs at all.
    pub enabled: bool,
    /// The command, instead of the one found in the project's manifests.
    pub command: Option<String>,
    /// Seconds after which a run is stopped.
    pub timeout_s: u64,
}

impl Default for TestGateSettings {
    fn default() -> Self {
        Self { enabled: true, command: None, timeout_s: 900 }
    }
}

/// The gate that serves base and proposal and compares what their users see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContractGateSettings {
    /// Whether it runs at all.
    pub enabled: bool,
    /// The most seconds one side is asked for.
    pub seconds: u64,
    /// The profile of `api.auth` to ask as.
    pub auth: Option<String>,
}

impl Default for ContractGateSettings {
    fn default() -> Self {
        Self { enabled: true, seconds: 60, auth: None }
    }
}

/// The gate that counts the queries of requests and times them, on base and proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PerformanceGateSettings {
    /// Whether it runs at all.
    pub enabled: bool,
    /// Seconds both are timed for; as long again when a change has to be confirmed.
    pub seconds: u64,
    /// The profile of `api.auth` to ask as.
    pub auth: Option<String>,
}

impl Default for PerformanceGateSettings {
    fn default() -> Self {
        Self { enabled: true, seconds: 8, auth: None }
    }
}

/// The project's HTTP interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// The command that starts the service, instead of the one found; `$PORT` is the port it should listen on.
    pub command: Option<String>,
    /// What is run before it, each time: what makes its tables and rows, for example.
    pub prepare: Option<String>,
    /// The folder it is started in, relative to the repository.
    pub folder: Option<String>,
    /// The port it always listens on, when it does not read `PORT`.
    pub port: Option<u16>,
    /// The path that tells whether the service is ready; `/health` when left out.
    pub health: Option<String>,
    /// The contract: a file of the repository, or a path of the service.
    pub spec: Option<String>,
    /// Ways to authenticate, by name.
    pub auth: BTreeMap<String, AuthSettings>,
}

/// A way to authenticate. Secrets are named by the environment variable that holds them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// `bearer`, `basic`, `api_key`, `client_credentials` or `password`.
    pub kind: String,
    /// bearer: the variable that holds the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// basic: the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// basic and password: the variable that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// api_key: the name of the header, parameter or cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// api_key: `header`, `query` or `cookie`.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// api_key: the variable that holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    /// client_credentials and password: the token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// client_credentials and password: the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// client_credentials and password: the variable that holds the client's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_env: Option<String>,
    /// password: the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// client_credentials and password: what is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A provider of the user's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// `anthropic`, `responses`, `chat`, `gemini` or `ollama`.
    pub wire: Option<String>,
    /// Where requests go, without the wire's own path.
    pub base_url: Option<String>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// A command that prints the key, for keys kept in a password store.
    pub key_command: Option<String>,
    /// The key is in the system's keyring, where `tenon models key` put it.
    pub keyring: bool,
    /// Its models are too small to call tools: Tenon finds the steps and asks them for edits only. Where nothing is
    /// said, that holds for models of servers on this machine that have up to 4 billion parameters by their name.
    pub small: Option<bool>,
}
