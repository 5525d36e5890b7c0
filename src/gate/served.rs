//! Base and proposal served side by side, for the gates that ask them.

mod database;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use database::ScratchDatabases;

use serde_json::json;

use super::tests::is_test;
use super::{GateContext, Report};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::desk::Desk;
use crate::api::detect;
use crate::api::serve::{Service, Start, watch_queries};
use crate::api::sign_up::{Entered, sign_up};
use crate::api::spec::{Spec, draft, extract, routes};
use crate::api::test;
use crate::config::ApiSettings;
use crate::domain::Isolation;
use crate::workspace::Workspace;

/// How the project's service is started and asked.
#[derive(Clone)]
pub(super) struct Serving {
    /// How it is started.
    pub api: ApiSettings,
    /// The variables that profiles name their secrets by.
    pub environment: BTreeMap<String, String>,
    /// The profile to ask as; a new user of the service where none is named.
    pub auth: Option<String>,
}

/// One side, running.
pub(super) struct Side {
    pub service: Service,
    pub client: Client,
    pub spec: Result<Spec, ApiError>,
    /// Who asks, where somebody has to be asked as.
    pub who: Result<Option<Entered>, ApiError>,
    /// What it runs in.
    _tree: Arc<dyn Workspace>,
}

impl Serving {
    /// What credentials and records come from.
    pub(super) fn desk(&self) -> Desk {
        Desk::new(self.environment.clone(), self.api.clone(), None)
    }

    /// Whether there is a service, and a change that may reach it.
    pub(super) async fn is_touched(&self, context: &GateContext) -> bool {
        let talks = |path: &str| {
            if is_test(path) || path.starts_with(".github/") {
                return false;
            }
            let name = Path::new(path);
            let end = name.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
            !matches!(end.as_str(), "md" | "txt" | "rst" | "png" | "jpg" | "svg" | "lock")
        };
        let touches = context.proposal.changes.iter().any(|change| talks(change.path.as_str()));
        touches && self.start_of(&context.subject).await.is_ok()
    }

    pub(super) async fn start_of(&self, workspace: &Arc<dyn Workspace>) -> Result<Start, ApiError> {
        let (workspace, api) = (Arc::clone(workspace), self.api.clone());
        let found = tokio::task::spawn_blocking(move || detect::start(workspace.as_ref(), &api, None, None)).await;
        found.map_err(|error| ApiError::Service(format!("an internal error: {error}")))?
    }

    /// Does what needs a service, where one can be started, when it is this gate's turn.
    pub(super) async fn in_turn(&self, context: &GateContext, proof: impl Future<Output = Report>) -> Report {
        if let Err(why) = self.start_of(&context.subject).await {
            return Report::not_run(first_line(&why));
        }
        let Some(_turn) = context.shared.turn().await else { return Report::not_run("interrupted") };
        proof.await
    }

    /// Serves the proposal and base; side by side where each has a network of its own. With `counting`, services of
    /// Python, Node.js and Go tell of their queries.
    pub(super) async fn both(
        &self,
        context: &GateContext,
        counting: bool,
    ) -> (Result<Side, ApiError>, Result<Side, ApiError>) {
        let side = async |workspace, watched| self.side(workspace, context, watched, counting).await;
        if context.subject.isolation() == Isolation::Overlay {
            return tokio::join!(side(&context.subject, true), side(&context.base, false));
        }
        let subject = side(&context.subject, true).await;
        (subject, side(&context.base, false).await)
    }

    async fn side(
        &self,
        workspace: &Arc<dyn Workspace>,
        context: &GateContext,
        watched: bool,
        counting: bool,
    ) -> Result<Side, ApiError> {
        let mut start = self.start_of(workspace).await?;
        let mut tree = Arc::clone(workspace);
        // Other gates build in the same folder meanwhile, and must not see what is planted.
        if start.build.is_some() || start.prepare.is_some() || counting {
            let fork = workspace.fork(Vec::new()).await;
            tree = fork.map(Arc::from).map_err(|error| ApiError::Service(error.to_string()))?;
        }
        if counting {
            watch_queries(&tree, &mut start, &context.cancel).await;
        }
        let output = watched.then(|| context.output.clone());
        let service =
            Service::start_with(Some(&ScratchDatabases), &tree, start, output, context.cancel.clone()).await?;
        let service = service.with_rows().await?;
        let client = Client::new(&service.target, Duration::from_secs(20))?;
        let mut spec = self.spec(&tree, &client).await;
        if spec.is_err()
            && let Ok(draft) = self.draft(&tree, &service, context).await
        {
            spec = Ok(draft);
        }
        let who = self.who(&client, spec.as_ref().ok()).await;
        Ok(Side { service, client, spec, who, _tree: tree })
    }

    /// Who asks on this side: each has data of its own, so each has users of its own.
    async fn who(&self, client: &Client, spec: Option<&Spec>) -> Result<Option<Entered>, ApiError> {
        let Some(spec) = spec else { return Ok(None) };
        let client = &test::below(client, spec).await;
        let Some(name) = &self.auth else { return Ok(sign_up(client, spec).await) };
        let (_, credentials) = self.desk().credentials(&json!(name), client).await?;
        Ok(Some(Entered { credentials, others: None, how: format!("as the profile `{name}`") }))
    }

    /// The contract of a side: the file of the settings, what the service publishes, or a file of the tree.
    async fn spec(&self, workspace: &Arc<dyn Workspace>, client: &Client) -> Result<Spec, ApiError> {
        let in_tree = async |path: String| {
            let workspace = Arc::clone(workspace);
            let read = tokio::task::spawn_blocking(move || extract::file(workspace.as_ref(), &path)).await;
            read.map_err(|error| ApiError::Service(error.to_string()))?
        };
        match self.api.spec.clone() {
            Some(path) if path.starts_with('/') => return extract::live(client, Some(&path)).await,
            Some(path) => return in_tree(path).await,
            None => {}
        }
        let live = extract::live(client, None).await;
        if live.is_ok() {
            return live;
        }
        let tree = Arc::clone(workspace);
        let files = tokio::task::spawn_blocking(move || extract::candidates(tree.as_ref())).await.unwrap_or_default();
        match files.into_iter().next() {
            Some(path) => in_tree(path).await,
            None => live,
        }
    }

    /// A contract made of the routes, where the program itself tells them.
    async fn draft(
        &self,
        workspace: &Arc<dyn Workspace>,
        service: &Service,
        context: &GateContext,
    ) -> Result<Spec, ApiError> {
        let tree = Arc::clone(workspace);
        let report = tokio::task::spawn_blocking(move || detect::stack_of(tree.as_ref())).await;
        let report = report.map_err(|error| ApiError::Service(format!("an internal error: {error}")))?;
        let table = routes::of_service(workspace.as_ref(), &report, service, context.cancel.clone()).await;
        if !table.certain {
            return Err(ApiError::Service("the program does not tell its routes".to_owned()));
        }
        draft::draft(&table)
    }
}

/// What went wrong, in one line: with the first of the lines behind it.
pub(super) fn first_line(error: &ApiError) -> String {
    let text = error.to_string();
    let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
    match (line.strip_suffix("; its last lines:"), rest.lines().find(|line| !line.trim().is_empty())) {
        (Some(what), Some(first)) => format!("{what}: {}", first.trim()),
        _ => line.to_owned(),
    }
}
