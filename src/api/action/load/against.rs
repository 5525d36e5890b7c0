//! Before and after: base and proposal served side by side, and asked the same in turns.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::super::test::ApiTest;
use super::super::{BaseFiles, Context, Outcome};
use super::{Load, requests};
use crate::api::ApiError;
use crate::api::client::Client;
use crate::api::load::{Comparison, Rounds, Verdict, compare};
use crate::api::message::Request;
use crate::api::serve::Service;
use crate::workspace::Workspace;

/// The name of what the proposal is made from.
const BASE: &str = "base";
/// Seconds of a comparison, when nobody says; a second one that confirms a change takes as long again.
const USUAL_SECONDS: u64 = 10;
/// A round has to hold some requests.
const SHORTEST_ROUND: Duration = Duration::from_millis(60);
const LONGEST_ROUND: Duration = Duration::from_secs(2);

/// Compares the service with another build of it.
pub(super) async fn against(context: &Context, input: &ApiTest, how: &Load, other: &str) -> Result<Outcome, ApiError> {
    if other.contains("://") {
        let other = context.desk.client(&context.target(Some(other)).await?)?;
        let client = context.desk.client(&context.target(input.url.as_deref()).await?)?;
        let requests = requests(context, input, how, &client).await?;
        let _quiet = context.hushed().await;
        let rounds = rounds(input, how, requests.len());
        return Ok(told(compare(&other, &client, &requests, rounds, &context.cancel).await));
    }
    if other != BASE {
        return Err(ApiError::Input(format!("`against` is `{BASE}` or the address of another build, not `{other}`")));
    }
    if input.url.is_some() {
        return Err(ApiError::Input(format!(
            "`against`: `{BASE}` compares the project's own service; leave `url` out"
        )));
    }
    let files = context.base_files().await?;
    if files.is_empty() {
        return Err(ApiError::Input("nothing differs from base: there is nothing to compare".to_owned()));
    }
    served(context, input, how, files).await.map(told)
}

/// Serves both and compares them; a change has to be seen a second time, with processes started anew: two processes of
/// the same build are never quite alike.
async fn served(context: &Context, input: &ApiTest, how: &Load, files: BaseFiles) -> Result<Comparison, ApiError> {
    let base = fork(context, files).await?;
    let subject = fork(context, Vec::new()).await?;
    let sides = Sides::start(context, &base, &subject).await?;
    let requests = requests(context, input, how, &sides.subject.1).await?;
    let rounds = rounds(input, how, requests.len());
    let first = sides.compare(context, &requests, rounds).await;
    if !first.changed() || context.cancel.is_cancelled() {
        return Ok(first);
    }
    context.say("a change; once more with both started anew");
    let sides = Sides::start(context, &base, &subject).await?;
    Ok(first.confirmed_by(sides.compare(context, &requests, rounds).await))
}

async fn fork(context: &Context, files: BaseFiles) -> Result<Arc<dyn Workspace>, ApiError> {
    let fork = context.workspace.fork(files).await;
    fork.map(Arc::from).map_err(|error| ApiError::Service(error.to_string()))
}

/// Both, running, each in a network of its own where there is such a thing.
struct Sides {
    base: (Service, Client),
    subject: (Service, Client),
}

impl Sides {
    async fn start(
        context: &Context,
        base: &Arc<dyn Workspace>,
        subject: &Arc<dyn Workspace>,
    ) -> Result<Self, ApiError> {
        let base = Self::side(context, BASE, base).await?;
        Ok(Self { base, subject: Self::side(context, "the proposal", subject).await? })
    }

    async fn side(context: &Context, name: &str, tree: &Arc<dyn Workspace>) -> Result<(Service, Client), ApiError> {
        let there = Context { workspace: Arc::clone(tree), ..context.clone() };
        let start = there.start_of(None, None).await?;
        context.say(&format!("{name}: $ {}", start.line()));
        let databases = context.desk.databases.as_deref();
        let service = Service::start_with(databases, tree, start, None, context.cancel.clone()).await;
        let service = service.map_err(|error| ApiError::Service(format!("{name}: {error}")))?;
        let service = service.with_rows().await?;
        let client = context.desk.client(&service.target)?;
        Ok((service, client))
    }

    async fn compare(self, context: &Context, requests: &[Request], rounds: Rounds) -> Comparison {
        let found = compare(&self.base.1, &self.subject.1, requests, rounds, &context.cancel).await;
        tokio::join!(self.base.0.stop(), self.subject.0.stop());
        found
    }
}

fn rounds(input: &ApiTest, how: &Load, requests: usize) -> Rounds {
    let usual = Rounds::default();
    let count = how.rounds.unwrap_or(usual.count).clamp(6, 100);
    let seconds = Duration::from_secs(input.budget.secs.unwrap_or(USUAL_SECONDS));
    let turns = u32::try_from(count * 2 * requests.max(1)).unwrap_or(u32::MAX);
    let time = (seconds / turns).clamp(SHORTEST_ROUND, LONGEST_ROUND);
    Rounds { count, time, concurrency: how.concurrency.unwrap_or(usual.concurrency), sparing: false }
}

fn told(found: Comparison) -> Outcome {
    let ok = matches!(found.verdict, Verdict::NoMeasurableChange | Verdict::Faster);
    Outcome::new(ok, format!("{found}\n"), json!(found))
}
