//! The models inside this program, by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Resolved, unusable};
use crate::config::Directories;
use crate::provider::embedded::weights::{self, NAME};
use crate::provider::embedded::{EmbeddedProvider, Host, MISSING, Program, no_weights};
use crate::provider::preset::Price;
use crate::provider::{Provider as _, ProviderError};

/// The variable that names a file to which prompts and answers are added.
const LOG: &str = "TENON_MODEL_LOG";

/// The models inside this program.
pub(super) struct Embedded {
    /// The one engine, however many sessions ask it.
    host: Arc<Host>,
    /// Where weights lie; nothing without a home folder.
    cache: PathBuf,
}

impl Embedded {
    /// Looks nowhere yet.
    pub(super) fn new(environment: &BTreeMap<String, String>) -> Self {
        let cache = Directories::from_environment(environment).map(|found| found.cache).unwrap_or_default();
        Self::at(cache, Program { log: environment.get(LOG).map(PathBuf::from), ..Program::default() })
    }

    /// Runs the engine in another executable than this one.
    pub(super) fn run_in(&mut self, program: PathBuf) {
        *self = Self::at(std::mem::take(&mut self.cache), Program { path: Some(program), ..Program::default() });
    }

    fn at(cache: PathBuf, program: Program) -> Self {
        let states = (!cache.as_os_str().is_empty()).then(|| cache.join("states"));
        Self { host: Arc::new(Host::new(Program { states, ..program })), cache }
    }

    /// The model that a name means, if it is one of these.
    pub(super) fn model<'a>(&self, name: &'a str) -> Option<&'a str> {
        if name == NAME {
            return Some(weights::installed(&self.cache).first().unwrap_or(&&weights::KNOWN[0]).name);
        }
        name.strip_prefix(NAME)?.strip_prefix('/')
    }

    /// The way to a model.
    pub(super) fn resolve(&self, model: &str) -> Result<Resolved, ProviderError> {
        if !cfg!(feature = "embedded") {
            let hint = "Build with `cargo build --release` and its default features, or name another model.".to_owned();
            return Err(unusable(NAME, MISSING.to_owned(), vec![hint]));
        }
        let path = weights::path_of(model, &self.cache).map_err(|error| no_weights(model, &error))?;
        let provider = EmbeddedProvider::new(Arc::clone(&self.host), &self.cache);
        Ok(Resolved {
            context_window: provider.context_window(model),
            provider: Arc::new(provider),
            model: model.to_owned(),
            address: format!("this program, {}", path.display()),
            local: true,
            key_present: true,
            price: Some(Price { input: Some(0.0), output: Some(0.0), ..Price::default() }),
            steered: true,
        })
    }

    /// The best model whose weights are here.
    pub(super) fn default_model(&self) -> Option<String> {
        let found = weights::installed(&self.cache).first().map(|model| format!("{}/{}", NAME, model.name));
        found.filter(|_| cfg!(feature = "embedded"))
    }
}
