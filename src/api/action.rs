//! What can be asked for, in the same way by an agent, on the command line and with a slash command.

mod by_hand;
mod draft;
mod exchanges;
mod graphql;
mod http;
mod load;
mod postman;
mod serve;
mod spec;
mod test;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::serve::{Hush, Start};
use super::target::Target;
use super::{ApiError, detect, message};
use crate::domain::{FileState, RepoPath};
use crate::text;
use crate::workspace::Workspace;

pub use by_hand::by_hand;
pub use exchanges::Export;
pub use http::{Http, http};
pub use load::Load;
pub use serve::{Serve, serve};
pub use spec::{ApiSpec, Operation as SpecOperation, api_spec};
pub use test::{ApiTest, api_test};

/// What an action has at hand.
#[derive(Clone)]
pub struct Context {
    /// Services, records, variables.
    pub desk: Arc<Desk>,
    /// Where the service runs.
    pub workspace: Arc<dyn Workspace>,
    /// Hears what happens meanwhile.
    pub output: mpsc::Sender<Vec<u8>>,
    /// Stops it.
    pub cancel: CancellationToken,
    /// The user allowed what [`outside`] asks for.
    pub permitted: bool,
    /// What is different on base; `None` when base is the user's tree, so that it is what the workspace changed.
    pub base: Option<BaseFiles>,
}

/// Files as they are on base; `None` for one that is not there.
pub type BaseFiles = Vec<(RepoPath, Option<FileState>)>;

/// What came of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// It did what was asked, and found nothing wrong.
    pub ok: bool,
    /// Nothing was done: see [`ApiError::is_refusal`].
    pub refused: bool,
    /// For people and models: clean text.
    pub text: String,
    /// For programs.
    pub value: Value,
}

impl Outcome {
    fn new(ok: bool, text: impl Into<String>, value: Value) -> Self {
        Self { ok, refused: false, text: text.into(), value }
    }

    fn failed(error: &ApiError) -> Self {
        let text = text::sanitize(&error.to_string()).into_owned();
        let refused = error.is_refusal();
        Self { ok: false, refused, value: serde_json::json!({"error": text}), text }
    }
}

impl Context {
    /// Says something to whoever watches; a pane that is behind loses a line.
    fn say(&self, line: &str) {
        let _ = self.output.try_send(format!("{}\n", text::sanitize_line(line)).into_bytes());
    }

    /// Where requests go: an address, or the project's own service, started when it does not run.
    async fn target(&self, url: Option<&str>) -> Result<Target, ApiError> {
        let Some(url) = url.filter(|url| url.contains("://")) else { return self.own().await };
        if let Some(running) = self.desk.running().filter(|running| running.holds(url)) {
            let prefix = Target::parse(url)?.prefix().to_owned();
            return Ok(running.below(&prefix));
        }
        let target = Target::parse(url)?;
        if !target.is_loopback() && !self.permitted {
            return Err(ApiError::Input(format!(
                "{} is not on this machine, and the user did not allow it (by hand: `--allow`)",
                target.origin()
            )));
        }
        Ok(target)
    }

    /// The project's own service.
    async fn own(&self) -> Result<Target, ApiError> {
        if let Some(service) = self.desk.service().await {
            return Ok(service.target.clone());
        }
        let outcome = serve::start(self, None, None).await?;
        Ok(outcome.target.clone())
    }

    /// Blocking work on the workspace.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Workspace) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let workspace = Arc::clone(&self.workspace);
        let done = tokio::task::spawn_blocking(move || work(workspace.as_ref())).await;
        done.map_err(|error| ApiError::Service(format!("an internal error: {error}")))
    }

    /// The files that are different on base, as they are there.
    async fn base_files(&self) -> Result<BaseFiles, ApiError> {
        if let Some(files) = &self.base {
            return Ok(files.clone());
        }
        let changes = self.blocking(|workspace| workspace.changes()).await?;
        let changes = changes.map_err(|error| ApiError::Service(error.to_string()))?;
        Ok(changes.into_iter().map(|change| (change.path, change.base)).collect())
    }

    /// While it is held, the lines the running service writes for every request are kept from whoever watches: thousands
    /// of them help nobody.
    async fn hushed(&self) -> Option<Hush> {
        self.desk.service().await.map(|service| service.hush())
    }

    async fn start_of(&self, command: Option<String>, port: Option<u16>) -> Result<Start, ApiError> {
        let settings = self.desk.settings.clone();
        self.blocking(move |workspace| {
            let found = detect::start(workspace, &settings, command, port);
            found.or_else(|why| {
                let guess = detect::guess(workspace).ok_or(why)?;
                Ok(Start { port: port.or(settings.port), folder: settings.folder.unwrap_or_default(), ..guess })
            })
        })
        .await?
    }
}

/// What the user has to allow before a request may be sent there: anything outside this machine, and what changes
/// something on this machine outside the workspace. `None` when nothing.
pub fn outside(desk: &Desk, url: Option<&str>, method: &str) -> Option<String> {
    let url = url.filter(|url| url.contains("://"))?;
    let target = Target::parse(url).ok()?;
    let shown = text::sanitize_line(target.origin()).into_owned();
    let method = text::sanitize_line(method).into_owned();
    if !target.is_loopback() {
        return Some(format!("send {method} to `{shown}`, outside this machine"));
    }
    let own = desk.running().is_some_and(|running| running.holds(url));
    (!own && !message::is_safe(&method))
        .then(|| format!("send {method} to `{shown}` on this machine, outside the workspace"))
}
