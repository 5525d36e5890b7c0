//! The routes of the program, and a first contract made of them where there is none.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::spec::{ApiSpec, clean};
use super::{Context, Outcome};
use crate::api::spec::routes::{self, Table};
use crate::api::spec::{Spec, draft, extract};
use crate::api::test::{Mode, Options, Surroundings, test};
use crate::api::{ApiError, detect};

/// Requests for each operation while its answers are looked at.
const CASES: usize = 40;

impl Context {
    /// The routes of the program. The service is started for them only where there is no other way.
    pub(super) async fn routes(&self) -> Result<Table, ApiError> {
        let report = self.blocking(detect::stack_of).await?;
        let service = self.desk.service().await;
        if service.is_none() && !routes::in_log(&report) {
            let start = self.start_of(None, None).await.ok();
            return Ok(routes::find(self.workspace.as_ref(), &report, start.as_ref(), self.cancel.clone()).await);
        }
        let started = match service {
            Some(service) => Ok(service),
            None => super::serve::start(self, None, None).await,
        };
        match started {
            Ok(service) => {
                Ok(routes::of_service(self.workspace.as_ref(), &report, &service, self.cancel.clone()).await)
            }
            Err(why) => {
                self.say(&format!("the service could not be asked for its routes: {why}"));
                Ok(routes::find(self.workspace.as_ref(), &report, None, self.cancel.clone()).await)
            }
        }
    }

    /// A contract that promises the routes, and nothing of what they answer.
    pub(super) async fn draft(&self) -> Result<Spec, ApiError> {
        draft::draft(&self.routes().await?)
    }
}

/// Asks what only looks, and writes down what it answers.
pub(super) async fn drafted(context: &Context, input: &ApiSpec) -> Result<Outcome, ApiError> {
    let spec = context.draft().await?;
    let client = context.desk.client(&context.target(None).await?)?;
    let tell = |_: &str| {};
    let looking = spec.operations().iter().filter(|one| one.method == "GET").map(|one| one.name()).collect();
    let here = Surroundings {
        client: &client,
        spec: &spec,
        recorder: &context.desk.recorder,
        queries: None,
        tell: &tell,
        cancel: &context.cancel,
    };
    let options = Options { operations: looking, cases: CASES, time: Duration::from_secs(60), ..Options::default() };
    let quiet = context.hushed().await;
    let report = test(here, &[Mode::Contract], &options).await;
    drop(quiet);
    let full = spec.with_answers(&report.seen)?;
    let mut text = format!("{}\n", spec.place);
    for operation in full.operations() {
        let statuses: Vec<&str> = operation.responses.iter().map(|(status, _)| status.as_str()).collect();
        let _ = writeln!(text, "  {:7} {}  {}", operation.method, operation.path, statuses.join(", "));
    }
    let _ = writeln!(
        text,
        "A draft says what was seen, not what is meant: read it before you keep it. What changes something was not \
         asked, so bodies and statuses of it are missing."
    );
    match &input.write {
        Some(path) => {
            context.write_spec(path, &full).await?;
            let _ = writeln!(text, "written to {path}");
        }
        None => {
            let _ = writeln!(text, "\n{}", extract::written(&full, "openapi.yaml", None)?);
        }
    }
    Ok(Outcome::new(true, clean(&text), json!({"source": spec.place, "document": full.root, "written": input.write})))
}

/// Tells the routes, and holds them against the contract.
pub(super) async fn routed(context: &Context, input: &ApiSpec) -> Result<Outcome, ApiError> {
    let table = context.routes().await?;
    let mut text = format!("{} routes, {}\n", table.routes.len(), table.source);
    for route in &table.routes {
        let _ = writeln!(text, "  {:7} {}  ({})", route.method, route.path, route.place);
    }
    let spec = match context.spec(input.source.as_deref()).await {
        Ok(spec) => spec,
        Err(error) => {
            let _ = writeln!(text, "no contract to hold them against: {error}");
            return Ok(Outcome::new(true, clean(&text), json!({"table": table, "drift": Value::Null})));
        }
    };
    let drift = routes::drift(&table, &spec);
    for route in &drift.undocumented {
        let _ = writeln!(text, "✗ {} {} is not in the contract ({})", route.method, route.path, route.place);
    }
    for name in &drift.absent {
        let _ = writeln!(text, "✗ {name} is in the contract, but no route of the program");
    }
    let same = drift.undocumented.is_empty() && drift.absent.is_empty();
    if same {
        let _ = writeln!(text, "✓ contract and program have the same routes");
    }
    Ok(Outcome::new(same && !table.routes.is_empty(), clean(&text), json!({"table": table, "drift": drift})))
}
