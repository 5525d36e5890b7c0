//! One provider as it can be asked here: its preset with what the environment and the user's configuration say.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ProviderSummary;
use crate::config::ProviderSettings;
use crate::provider::endpoint::Endpoint;
use crate::provider::key::{Key, KeySource};
use crate::provider::preset::{Preset, filled};
use crate::provider::steered::is_small;
use crate::provider::wire::Wire;

/// A provider, or what is wrong with it.
pub(super) struct Entry {
    pub(super) preset: Arc<Preset>,
    /// Where its requests go, or why that is not clear.
    pub(super) endpoint: Result<Endpoint, String>,
    pub(super) own_address: bool,
    pub(super) key: Arc<KeySource>,
    /// Whether its models are too small to call tools; by their names where nobody says.
    small: Option<bool>,
}

impl Entry {
    pub(super) fn of_preset(preset: Preset, environment: &BTreeMap<String, String>) -> Self {
        let set =
            |names: &[String]| names.iter().find_map(|name| environment.get(name).filter(|v| !v.trim().is_empty()));
        let elsewhere = set(&preset.base_url_env)
            .map(|written| with_path(&with_port(written, preset.port), preset.base_path.as_deref()));
        let key = |names: &[String], bearer: bool| {
            let name =
                names.iter().find(|name| environment.get(*name).is_some_and(|value| !value.trim().is_empty()))?;
            Some((name.clone(), Key::new(environment.get(name)?, bearer)?))
        };
        let key = KeySource::of_variable(key(&preset.key_env, false).or_else(|| key(&preset.bearer_env, true)));
        let own_address = elsewhere.is_some();
        let mut preset = preset;
        if own_address {
            preset.wire = preset.wire_elsewhere.unwrap_or(preset.wire);
        }
        let address = elsewhere.map_or_else(|| filled(&preset.base_url, environment), Ok);
        let endpoint = address.and_then(|address| Endpoint::new(preset.wire, &address));
        if own_address && endpoint.as_ref().is_ok_and(Endpoint::is_loopback) {
            // Whatever its name, a model on this machine may be too small to call properly.
            preset.quirks.calls_in_text = true;
        }
        Self { preset: Arc::new(preset), endpoint, own_address, key: Arc::new(key), small: None }
    }

    pub(super) fn of_user(
        name: &str,
        wanted: &ProviderSettings,
        known: Option<Preset>,
        environment: &BTreeMap<String, String>,
    ) -> Self {
        let own_address = wanted.base_url.is_some();
        let (preset, problem) = merged(name, wanted, known);
        let mut entry = Self::of_preset(preset, environment);
        if own_address {
            // What is written in the configuration was meant for this provider; a variable may be left over.
            let mut preset = Preset::clone(&entry.preset);
            entry.own_address = true;
            entry.endpoint = Endpoint::new(preset.wire, &preset.base_url);
            preset.quirks.calls_in_text |= entry.endpoint.as_ref().is_ok_and(Endpoint::is_loopback);
            entry.preset = Arc::new(preset);
        }
        entry.small = wanted.small;
        if wanted.key_command.is_some() || wanted.keyring {
            let keyring = wanted.keyring.then(|| name.to_owned());
            entry.key = Arc::new(entry.key.or_from(wanted.key_command.clone(), keyring));
        }
        if let Some(problem) = problem {
            entry.endpoint = Err(problem);
        }
        entry
    }

    /// Whether the pilot does the work that this model is too small for.
    pub(super) fn steers(&self, model: &str) -> bool {
        let local = self.endpoint.as_ref().is_ok_and(Endpoint::is_loopback);
        self.small.unwrap_or_else(|| local && is_small(model))
    }

    pub(super) fn can_be_asked(&self) -> bool {
        self.key.is_some() || self.own_address || !self.preset.needs_key()
    }

    pub(super) fn summary(&self) -> ProviderSummary {
        let preset = &self.preset;
        let mut models: Vec<String> = Vec::new();
        for model in preset.known_models() {
            if !models.iter().any(|known| known == model) {
                models.push(model.to_owned());
            }
        }
        ProviderSummary {
            name: preset.name.clone(),
            title: preset.title.clone(),
            wire: preset.wire.name(),
            address: self.endpoint.as_ref().map_or_else(|problem| problem.clone(), Endpoint::shown),
            local: self.endpoint.as_ref().is_ok_and(Endpoint::is_loopback),
            key_env: preset.key_env.first().filter(|_| preset.needs_key()).cloned(),
            key_present: self.can_be_asked(),
            key_from: self.key.origin(),
            default_model: preset.default_model.clone(),
            prices: models.iter().filter_map(|model| Some((model.clone(), preset.price(model, false)?))).collect(),
            models,
            on_this_machine: preset.local && self.endpoint.as_ref().is_ok_and(Endpoint::is_loopback),
            running: None,
        }
    }
}

/// A preset with the user's changes, and what is wrong with them.
fn merged(name: &str, wanted: &ProviderSettings, known: Option<Preset>) -> (Preset, Option<String>) {
    let wire = wanted.wire.as_deref().map(Wire::named);
    let names = || Wire::ALL.map(Wire::name).join(", ");
    let mut problem = match (&wanted.wire, wire) {
        (Some(written), Some(None)) => {
            Some(format!("providers.{name}.wire: {written:?} is no wire; there are {}", names()))
        }
        (None, _) if known.is_none() => Some(format!("providers.{name}.wire is missing; there are {}", names())),
        _ => None,
    };
    if known.is_none() && wanted.base_url.is_none() {
        problem.get_or_insert(format!("providers.{name}.base_url is missing"));
    }
    let address = wanted.base_url.clone().unwrap_or_default();
    let mut preset = known.unwrap_or_else(|| Preset::of_user(name, Wire::Chat, &address));
    if wanted.base_url.is_some() {
        preset.wire = preset.wire_elsewhere.unwrap_or(preset.wire);
    }
    if let Some(wire) = wire.flatten() {
        preset.wire = wire;
        preset.wire_elsewhere = None;
    }
    if let Some(base_url) = &wanted.base_url {
        preset.base_url.clone_from(base_url);
    }
    if let Some(key_env) = &wanted.key_env {
        preset.key_env = vec![key_env.clone()];
        preset.bearer_env.clear();
    }
    (preset, problem)
}

/// A host alone means the provider's own path.
fn with_path(written: &str, path: Option<&str>) -> String {
    let host = written.trim_end_matches('/');
    let alone = !host.split_once("://").map_or(host, |(_, rest)| rest).contains('/');
    path.filter(|_| alone).map_or_else(|| written.to_owned(), |path| format!("{host}{path}"))
}

/// A host alone means the provider's own port.
fn with_port(written: &str, port: Option<u16>) -> String {
    let written = written.trim();
    match port {
        Some(port) if !written.contains("://") && !written.contains(':') => format!("{written}:{port}"),
        Some(port) if written.starts_with(':') => format!("127.0.0.1:{}", written[1..].parse().unwrap_or(port)),
        _ => written.to_owned(),
    }
}
