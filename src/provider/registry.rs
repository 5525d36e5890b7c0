//! Which providers there are, and what a model's name means.

mod entry;
mod inside;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::client::Clients;
use super::discover::{LocalServer, look};
use super::endpoint::Endpoint;
use super::fallback::FallbackProvider;
use super::hints::nearest;
use super::http::HttpProvider;
use super::preset::{Price, built_in};
use super::recorded::RecordedProvider;
use super::retry::Patience;
use super::steered::SteeredProvider;
use super::{ErrorKind, Provider, ProviderError};
use crate::config::Settings;

use entry::Entry;

/// The providers of the presets and of the user's configuration.
///
/// Making one is cheap: nothing is connected, no certificate is read, no key leaves the environment's map.
pub struct Registry {
    entries: Vec<Entry>,
    fallback: Vec<String>,
    patience: Patience,
    clients: Arc<Clients>,
    embedded: inside::Embedded,
}

/// A model with the way to it.
#[derive(Clone)]
pub struct Resolved {
    /// The way.
    pub provider: Arc<dyn Provider>,
    /// The model's name on its wire.
    pub model: String,
    /// Where requests go.
    pub address: String,
    /// Requests stay on this machine.
    pub local: bool,
    /// A key is there, or none is needed.
    pub key_present: bool,
    /// Tokens that fit into a request together with its answer.
    pub context_window: u64,
    /// What it costs, where that is known.
    pub price: Option<Price>,
    /// It is too small to call tools: the pilot does, and asks it for edits only.
    pub steered: bool,
}

impl Resolved {
    /// The model as `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider.name(), self.model)
    }
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolved").field("name", &self.name()).field("address", &self.address).finish_non_exhaustive()
    }
}

/// A provider as a list shows it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ProviderSummary {
    /// Its name in front of the slash.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The wire it speaks.
    pub wire: &'static str,
    /// Where requests go.
    pub address: String,
    /// Requests stay on this machine.
    pub local: bool,
    /// The variable that holds its key; `None` where none is needed.
    pub key_env: Option<String>,
    /// A key is there, or none is needed.
    pub key_present: bool,
    /// Where the key comes from: a variable, the keyring, a command.
    pub key_from: Option<String>,
    /// The model that is taken where none is named.
    pub default_model: Option<String>,
    /// Models known by name.
    pub models: Vec<String>,
    /// What they cost, where that is known.
    pub prices: BTreeMap<String, Price>,
    /// It is a server for this machine, whether it runs or not.
    pub on_this_machine: bool,
    /// Whether it answers; `None` where nobody looked.
    pub running: Option<bool>,
}

impl Registry {
    /// Joins presets and configuration. A mistake in the configuration shows when its provider is asked for.
    pub fn new(settings: &Settings, environment: &BTreeMap<String, String>) -> Self {
        // The list is part of the program and a test reads it.
        let mut presets = built_in().unwrap_or_default();
        let mut entries = Vec::new();
        for (name, wanted) in &settings.providers {
            let known = presets.iter().position(|preset| preset.name == *name).map(|index| presets.remove(index));
            entries.push(Entry::of_user(name, wanted, known, environment));
        }
        entries.extend(presets.into_iter().map(|preset| Entry::of_preset(preset, environment)));
        let idle = Duration::from_secs(settings.idle_timeout_s.max(1));
        let fallback = settings.fallback.clone();
        let patience = Patience { idle, ..Patience::default() };
        Self { entries, fallback, patience, clients: Arc::default(), embedded: inside::Embedded::new(environment) }
    }

    /// The same providers with the engine of embedded models in another executable than this one.
    #[must_use]
    pub fn with_engine(mut self, program: PathBuf) -> Self {
        self.embedded.run_in(program);
        self
    }

    /// The same providers with other waiting times.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The model behind a name: `provider/model`, `provider` alone for its default model, or a model that only one
    /// provider has. Aliases (`anthropic/sonnet`) become the model they stand for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the nearest names when there is no such provider or model.
    pub fn resolve(&self, name: &str) -> Result<Resolved, ProviderError> {
        let name = name.trim();
        if let Some(path) = name.strip_prefix("recorded/") {
            return Ok(recorded(path));
        }
        if let Some(model) = self.embedded.model(name) {
            return self.embedded.resolve(model);
        }
        let mut resolved = self.resolve_alone(name)?;
        let others: Vec<Resolved> =
            self.fallback.iter().filter_map(|other| self.resolve_alone(other.trim()).ok()).collect();
        resolved.provider = FallbackProvider::around(&resolved, others);
        Ok(resolved)
    }

    /// The model behind a name, without those that stand in for it.
    fn resolve_alone(&self, name: &str) -> Result<Resolved, ProviderError> {
        let (entry, model) = self.find(name)?;
        let endpoint = entry.endpoint.clone().map_err(|message| unusable(&entry.preset.name, message, vec![]))?;
        let steered = entry.steers(&model);
        let provider = HttpProvider {
            wire: entry.preset.wire,
            preset: Arc::clone(&entry.preset),
            endpoint: endpoint.clone(),
            own_address: entry.own_address,
            key: Arc::clone(&entry.key),
            patience: self.patience,
            clients: Arc::clone(&self.clients),
        };
        Ok(Resolved {
            context_window: provider.context_window(&model),
            price: entry.preset.price(&model, endpoint.is_loopback()),
            steered,
            provider: if steered { Arc::new(SteeredProvider::around(Arc::new(provider))) } else { Arc::new(provider) },
            model,
            address: endpoint.shown(),
            local: endpoint.is_loopback(),
            key_present: entry.can_be_asked(),
        })
    }

    fn find(&self, name: &str) -> Result<(&Entry, String), ProviderError> {
        if let Some((provider, model)) = name.split_once('/')
            && let Some(entry) = self.entry(provider)
        {
            if model.is_empty() {
                return Err(unusable(provider, "no model is named after the slash".to_owned(), vec![]));
            }
            return Ok((entry, entry.preset.aliases.get(model).cloned().unwrap_or_else(|| model.to_owned())));
        }
        if let Some(entry) = self.entry(name) {
            let mut hints = vec![format!("Name a model: `{name}/MODEL`.")];
            // One that runs would have been asked for its models.
            let start = entry.preset.start.as_ref().map(|start| format!("Or start the server: `{start}`."));
            hints.extend(start);
            let model = entry.preset.default_model.clone();
            let missing = || unusable(name, "it has no default model".to_owned(), hints);
            return model.map(|model| (entry, model)).ok_or_else(missing);
        }
        let begins = |entry: &&Entry| entry.preset.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        if !name.contains('/')
            && let Some(entry) = self.entries.iter().find(begins)
        {
            return Ok((entry, name.to_owned()));
        }
        Err(self.unknown(name))
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.preset.name == name)
    }

    fn unknown(&self, name: &str) -> ProviderError {
        let provider = name.split('/').next().unwrap_or(name);
        let names = self.entries.iter().map(|entry| entry.preset.name.as_str());
        let mut near: Vec<String> = nearest(provider, names, 3).into_iter().map(str::to_owned).collect();
        if !name.contains('/') {
            let models = self.entries.iter().flat_map(|entry| {
                entry.preset.known_models().map(move |model| (model, format!("{}/{model}", entry.preset.name)))
            });
            let models: Vec<(&str, String)> = models.collect();
            let close = nearest(name, models.iter().map(|(model, _)| *model), 3);
            near.extend(models.iter().filter(|(model, _)| close.contains(model)).map(|(_, full)| full.clone()).take(3));
        }
        let mut hints = Vec::new();
        if !near.is_empty() {
            hints.push(format!("Did you mean {}?", near.join(" or ")));
        }
        hints.push("Models are named `provider/model`; `tenon models list` shows them.".to_owned());
        let what = if name.contains('/') { "provider" } else { "model" };
        unusable(provider, format!("no such {what}: {name}"), hints)
    }

    /// The best model for which a key is there, if any. Servers on this machine are not asked whether they run.
    pub fn default_model(&self) -> Option<String> {
        let ready = |entry: &&Entry| entry.key.is_some() && !entry.preset.local && entry.endpoint.is_ok();
        let named = |entry: &Entry| Some(format!("{}/{}", entry.preset.name, entry.preset.default_model.as_ref()?));
        self.entries.iter().filter(ready).find_map(named).or_else(|| self.embedded.default_model())
    }

    /// The model an agent file asks for, given the one in use: the same for `inherit` or nothing, an alias (`sonnet`)
    /// or a full name otherwise. One that cannot be had inherits, with a warning that says so.
    pub fn for_agent(&self, wanted: Option<&str>, current: &str) -> (String, Option<String>) {
        let wanted = wanted.map(str::trim).unwrap_or_default();
        // Agent files of others may ask for a larger window of the same model.
        let plain = wanted.split('[').next().unwrap_or_default().trim();
        if plain.is_empty() || plain == "inherit" || plain == "default" {
            return (current.to_owned(), None);
        }
        let here = current.split('/').next().and_then(|provider| self.entry(provider));
        let alias = here.and_then(|entry| entry.preset.aliases.get(plain).map(|model| (entry, model)));
        if let Some((entry, model)) = alias {
            return (format!("{}/{model}", entry.preset.name), None);
        }
        let problem = match self.resolve(plain) {
            Ok(found) if found.key_present => return (found.name(), None),
            Ok(found) => format!("there is no key for {}", found.provider.name()),
            Err(_) if self.is_alias(plain) => "the provider in use has no such model".to_owned(),
            Err(_) => "no provider is known to have it".to_owned(),
        };
        (current.to_owned(), Some(format!("model {wanted:?}: {problem}; {current} is used instead")))
    }

    fn is_alias(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.preset.aliases.contains_key(name))
    }

    /// The servers on this machine that answer, with their models. Nothing else is asked.
    pub async fn local_servers(&self) -> Vec<LocalServer> {
        let here = |entry: &&Entry| entry.preset.local && entry.endpoint.as_ref().is_ok_and(Endpoint::is_loopback);
        let looks = self.entries.iter().filter(here).filter_map(|entry| {
            let endpoint = entry.endpoint.as_ref().ok()?;
            Some(look(&entry.preset, endpoint, &self.clients))
        });
        futures_util::future::join_all(looks).await.into_iter().flatten().collect()
    }

    /// The first model of the server on this machine that a name means by its provider alone; `None` where the name
    /// says more, where the provider has a default model, and where nobody answers.
    pub async fn served(&self, name: &str) -> Option<String> {
        let entry = self.entry(name.trim()).filter(|entry| entry.preset.default_model.is_none())?;
        let endpoint = entry.endpoint.as_ref().ok().filter(|endpoint| endpoint.is_loopback())?;
        let server = look(&entry.preset, endpoint, &self.clients).await?;
        Some(format!("{}/{}", server.provider, server.models.first()?))
    }

    /// Every provider, the user's own first.
    pub fn list(&self) -> Vec<ProviderSummary> {
        self.entries.iter().map(Entry::summary).collect()
    }
}

/// A recorded session in the place of a model.
fn recorded(path: &str) -> Resolved {
    let provider = RecordedProvider::new(path);
    Resolved {
        context_window: provider.context_window(path),
        price: None,
        steered: false,
        provider: Arc::new(provider),
        model: path.to_owned(),
        address: format!("the file {path}"),
        local: true,
        key_present: true,
    }
}

fn unusable(provider: &str, message: String, hints: Vec<String>) -> ProviderError {
    ProviderError { provider: provider.to_owned(), kind: ErrorKind::Config, message, hints }
}
