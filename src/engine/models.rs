//! Where models come from. A trait, so that a session can be driven by a model of a test's own.

use std::sync::Arc;

use crate::provider::{Provider, ProviderError, Registry};

/// A model that was found.
#[derive(Clone)]
pub struct Found {
    /// The way to it.
    pub provider: Arc<dyn Provider>,
    /// Its name on its wire.
    pub model: String,
}

/// Finds models by name.
pub trait Models: Send + Sync {
    /// Finds a model by `provider/model`, or by a word that means one (`sonnet`).
    ///
    /// # Errors
    /// No such provider is configured, or its key is missing.
    fn find(&self, name: &str) -> Result<Found, ProviderError>;

    /// The model to take when nothing names one, by what the environment has; `provider/model`.
    fn default_model(&self) -> Option<String>;

    /// The model an agent file asks for, given the one that is taken otherwise; one that cannot be had gives that one
    /// and a note that says so.
    fn for_agent(&self, wanted: &str, current: &str) -> (String, Option<String>);
}

impl Models for Registry {
    fn find(&self, name: &str) -> Result<Found, ProviderError> {
        self.resolve(name).map(|resolved| Found { provider: resolved.provider, model: resolved.model })
    }

    fn default_model(&self) -> Option<String> {
        Self::default_model(self)
    }

    fn for_agent(&self, wanted: &str, current: &str) -> (String, Option<String>) {
        Self::for_agent(self, Some(wanted), current)
    }
}
