//! Where models come from. A trait, so that a session can be driven by a model of a test's own.

use std::sync::Arc;

use crate::provider::{Provider, ProviderError};

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
}

/// The models of the settings and the environment.
pub struct Configured;

impl Configured {
    /// Reads what an opening brings along.
    pub fn new(_opening: &super::Opening) -> Self {
        Self
    }
}

impl Models for Configured {
    fn find(&self, name: &str) -> Result<Found, ProviderError> {
        Err(ProviderError {
            provider: name.to_owned(),
            kind: crate::provider::ErrorKind::Config,
            message: "no provider is built in yet".to_owned(),
            hints: Vec::new(),
        })
    }

    fn default_model(&self) -> Option<String> {
        None
    }
}
