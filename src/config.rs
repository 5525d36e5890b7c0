//! Settings in layers: default, user, project, environment, flag.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Budget;

/// The resolved settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model as `provider/model`.
    pub model: Option<String>,
    /// The agent to start with.
    pub agent: Option<String>,
    /// Name of the theme.
    pub theme: Option<String>,
    /// Limits of a turn.
    pub budget: Budget,
    /// Providers beyond the built-in ones, and changes to those.
    pub providers: BTreeMap<String, ProviderSettings>,
}

/// A provider of the user's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// `anthropic`, `responses`, `chat` or `gemini`.
    pub wire: Option<String>,
    /// Where requests go, without the wire's own path.
    pub base_url: Option<String>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
}
