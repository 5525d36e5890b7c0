//! Namespaces for the commands of a copy: processes and network are contained although the files are only copied.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::workspace::holder::{Holder, probe};
use crate::workspace::sandbox::Hold;
use crate::workspace::{Environment, WorkspaceError, process, secrets};

/// The namespaces of a copy, made when the first command needs them.
pub(super) struct Namespaces {
    /// `None` where they are not possible.
    helper: Option<PathBuf>,
    holder: Mutex<Option<Arc<Holder>>>,
}

impl Namespaces {
    /// Finds out whether there can be any.
    pub fn new(helper: Option<&Path>) -> Self {
        let helper = process::helper(helper).ok().filter(|helper| probe(helper).0.is_none());
        Self { helper, holder: Mutex::default() }
    }

    /// Whether there can be any.
    pub fn possible(&self) -> bool {
        self.helper.is_some()
    }

    /// The process that holds them, with places for credentials hidden but for those that hold the `shown` folders;
    /// `None` where they are not possible.
    pub fn get(&self, environment: &Environment, shown: &[&Path]) -> Result<Option<Arc<Holder>>, WorkspaceError> {
        let Some(helper) = &self.helper else { return Ok(None) };
        let mut known = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = known.as_ref().filter(|holder| !holder.has_ended()) {
            return Ok(Some(Arc::clone(holder)));
        }
        let hidden = secrets::hidden(environment, shown);
        let holder = Arc::new(Holder::start(helper, environment, Hold { view: None, hidden })?);
        *known = Some(Arc::clone(&holder));
        Ok(Some(holder))
    }
}
