//! `api_spec`: the contract, and what becomes of it.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::json;

use super::{Context, Outcome, draft};
use crate::api::graphql::{self, Schema};
use crate::api::second;
use crate::api::spec::diff::{Impact, diff};
use crate::api::spec::lint::{Severity, lint};
use crate::api::spec::{Spec, document, extract};
use crate::api::{ApiError, detect};
use crate::domain::RepoPath;
use crate::text;

/// What is done with a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Find it and say what it holds.
    #[default]
    Extract,
    /// Say what is wrong with it.
    Lint,
    /// Compare it with another.
    Diff,
    /// Write documentation.
    Doc,
    /// Compare it with the routes of the program.
    Routes,
    /// Put a first one together from the routes and from what they answer.
    Draft,
}

/// The input of `api_spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSpec {
    /// What to do.
    pub op: Operation,
    /// Where the contract is: a file, an address, a path of the service, `live` or `framework`.
    pub source: Option<String>,
    /// diff: the older one, given in the same way.
    pub against: Option<String>,
    /// extract, doc and draft: the file to write.
    pub write: Option<String>,
    /// lint: ask `redocly` as well, where it is installed.
    pub second_opinion: bool,
}

/// Does it.
pub async fn api_spec(context: &Context, input: ApiSpec) -> Outcome {
    let done = match input.op {
        Operation::Extract => extracted(context, &input).await,
        Operation::Lint => linted(context, &input).await,
        Operation::Diff => compared(context, &input).await,
        Operation::Doc => documented(context, &input).await,
        Operation::Routes => draft::routed(context, &input).await,
        Operation::Draft => draft::drafted(context, &input).await,
    };
    done.unwrap_or_else(|error| Outcome::failed(&error))
}

impl Context {
    /// Finds the contract.
    pub(super) async fn spec(&self, source: Option<&str>) -> Result<Spec, ApiError> {
        let source = source.map(str::to_owned).or_else(|| self.desk.settings.spec.clone());
        match source.as_deref() {
            Some("live") => self.live_spec(None, None).await,
            Some("framework") => self.framework_spec().await,
            Some("draft") => self.draft().await,
            Some(path) if path.contains("://") => self.live_spec(Some(path), Some(path)).await,
            Some(path) if path.starts_with('/') => self.live_spec(None, Some(path)).await,
            Some(path) => {
                let path = path.to_owned();
                self.blocking(move |workspace| extract::file(workspace, &path)).await?
            }
            None => self.any_spec().await,
        }
    }

    async fn live_spec(&self, url: Option<&str>, path: Option<&str>) -> Result<Spec, ApiError> {
        let target = self.target(url).await?;
        let client = self.desk.client(&target)?;
        // An address names the document itself, or the service that has one somewhere.
        let path = match url {
            Some(_) if target.prefix().is_empty() => None,
            Some(_) => Some(String::new()),
            None => path.map(str::to_owned),
        };
        extract::live(&client, path.as_deref()).await
    }

    async fn framework_spec(&self) -> Result<Spec, ApiError> {
        let report = self.blocking(detect::stack_of).await?;
        extract::framework(self.workspace.as_ref(), &report, self.cancel.clone()).await
    }

    /// The running service first, then the framework, then a file, then a service that is started for it.
    async fn any_spec(&self) -> Result<Spec, ApiError> {
        if self.desk.running().is_some()
            && let Ok(spec) = self.live_spec(None, None).await
        {
            return Ok(spec);
        }
        match self.spec_at_rest().await {
            Some(spec) => spec,
            None => self.live_spec(None, None).await.map_err(|error| match error {
                ApiError::Document { place, what } => {
                    ApiError::Document { place, what: format!("{what}; `draft` makes a first one of the routes") }
                }
                other => other,
            }),
        }
    }

    /// What framework or files say without a running service; `None` when there is nothing.
    pub(super) async fn spec_at_rest(&self) -> Option<Result<Spec, ApiError>> {
        if let Ok(spec) = self.framework_spec().await {
            return Some(Ok(spec));
        }
        let path = self.blocking(extract::candidates).await.ok()?.into_iter().next()?;
        self.blocking(move |workspace| extract::file(workspace, &path)).await.ok()
    }

    /// Writes a file of the workspace.
    pub(super) async fn write(&self, path: &str, content: String) -> Result<(), ApiError> {
        let at = RepoPath::parse(path).map_err(|error| ApiError::Input(format!("`{path}`: {error}")))?;
        let write = move |workspace: &dyn crate::workspace::Workspace| workspace.write(&at, content.as_bytes(), None);
        self.blocking(write).await?.map_err(|error| ApiError::Input(error.to_string()))
    }

    /// Writes a contract over what the file holds now.
    pub(super) async fn write_spec(&self, path: &str, spec: &Spec) -> Result<(), ApiError> {
        let current = self.read(path).await.ok();
        self.write(path, extract::written(spec, path, current.as_deref())?).await
    }

    /// Reads a file of the workspace.
    pub(super) async fn read(&self, path: &str) -> Result<String, ApiError> {
        let at = RepoPath::parse(path).map_err(|error| ApiError::Input(format!("`{path}`: {error}")))?;
        let state = self.blocking(move |workspace| workspace.read(&at)).await?;
        let state = state.map_err(|error| ApiError::Input(error.to_string()))?;
        String::from_utf8(state.bytes).map_err(|_| ApiError::Input(format!("`{path}` is no UTF-8")))
    }
}

fn is_sdl(path: &str) -> bool {
    [".graphql", ".graphqls", ".gql"].iter().any(|end| path.ends_with(end))
}

/// A file in the schema language, or the address or path of a service that tells its schema.
fn is_graphql(source: &str) -> bool {
    is_sdl(source) || source.trim_end_matches('/').ends_with("/graphql")
}

async fn schema(context: &Context, source: &str) -> Result<Schema, ApiError> {
    if is_sdl(source) {
        return Schema::read(source, &context.read(source).await?);
    }
    let target = context.target(Some(source)).await?;
    let path = if source.contains("://") { "" } else { source };
    super::graphql::told(context, &context.desk.client(&target)?, path).await
}

async fn extracted(context: &Context, input: &ApiSpec) -> Result<Outcome, ApiError> {
    if let Some(source) = input.source.as_deref().filter(|source| is_graphql(source)) {
        let schema = schema(context, source).await?;
        return Ok(Outcome::new(true, schema.summary(), schema.to_value()));
    }
    let spec = context.spec(input.source.as_deref()).await?;
    let operations = spec.operations();
    let mut text = format!("OpenAPI {} from {}: {} operations\n", spec.version, spec.place, operations.len());
    for operation in &operations {
        let _ = writeln!(text, "  {:7} {}  {}", operation.method, operation.path, operation.summary);
    }
    if let Some(path) = &input.write {
        context.write_spec(path, &spec).await?;
        let _ = writeln!(text, "written to {path}");
    }
    let names: Vec<String> = operations.iter().map(crate::api::spec::Operation::name).collect();
    let value = json!({"source": spec.place, "version": spec.version, "operations": names, "written": input.write, "document": spec.root});
    Ok(Outcome::new(true, clean(&text), value))
}

async fn linted(context: &Context, input: &ApiSpec) -> Result<Outcome, ApiError> {
    if let Some(source) = input.source.as_deref().filter(|source| is_sdl(source)) {
        return linted_sdl(context, source).await;
    }
    if input.source.as_deref().is_some_and(is_graphql) {
        return extracted(context, input).await;
    }
    let spec = context.spec(input.source.as_deref()).await?;
    let remarks = lint(&spec);
    let count = |severity| remarks.iter().filter(|remark| remark.severity == severity).count();
    let mut text: String = remarks.iter().map(|remark| format!("{remark}\n")).collect();
    let errors = count(Severity::Error);
    let _ = writeln!(text, "{errors} errors, {} warnings, {} hints", count(Severity::Warning), count(Severity::Hint));
    let mut value = json!({"source": spec.place, "remarks": remarks});
    if input.second_opinion {
        let opinion = second::redocly(context.workspace.as_ref(), spec.text(), context.cancel.clone()).await;
        let _ = writeln!(text, "{}", opinion.text);
        value["second_opinion"] = json!(opinion);
    }
    Ok(Outcome::new(errors == 0, clean(&text), value))
}

async fn linted_sdl(context: &Context, source: &str) -> Result<Outcome, ApiError> {
    let text = context.read(source).await?;
    let remarks = graphql::lint::lint(source, &text)?;
    // What a schema has to have besides is told by reading it.
    let whole = Schema::read(source, &text);
    let errors = remarks.iter().filter(|remark| remark.error).count() + usize::from(whole.is_err());
    let mut told: String = remarks.iter().map(|remark| format!("{source}:{remark}\n")).collect();
    if let Err(why) = &whole {
        let _ = writeln!(told, "{why}");
    }
    let _ = writeln!(told, "{errors} errors, {} hints", remarks.iter().filter(|remark| !remark.error).count());
    Ok(Outcome::new(errors == 0, clean(&told), json!({"source": source, "remarks": remarks, "errors": errors})))
}

async fn compared(context: &Context, input: &ApiSpec) -> Result<Outcome, ApiError> {
    let against = input
        .against
        .as_deref()
        .ok_or_else(|| ApiError::Input("`against` is missing: the older contract".to_owned()))?;
    if is_graphql(against) {
        return compared_sdl(context, input, against).await;
    }
    let old = context.spec(Some(against)).await?;
    let new = context.spec(input.source.as_deref()).await?;
    let changes = diff(&old, &new);
    let breaking = changes.iter().filter(|change| change.impact != Impact::Additive).count();
    let mut text: String = changes.iter().map(|change| format!("{change}\n")).collect();
    let _ = match changes.len() {
        0 => writeln!(text, "the same: {} and {} promise the same", old.place, new.place),
        all => writeln!(text, "{all} changes, {breaking} of them break or loosen something"),
    };
    Ok(Outcome::new(breaking == 0, clean(&text), json!({"changes": changes, "breaking": breaking})))
}

async fn compared_sdl(context: &Context, input: &ApiSpec, against: &str) -> Result<Outcome, ApiError> {
    let source =
        input.source.as_deref().ok_or_else(|| ApiError::Input("`source` is missing: the newer schema".to_owned()))?;
    let (old, new) = (schema(context, against).await?, schema(context, source).await?);
    let changes = old.diff(&new);
    let breaking = changes.iter().filter(|change| change.impact != Impact::Additive).count();
    let mut text: String = changes.iter().map(|change| format!("{change}\n")).collect();
    if changes.is_empty() {
        text.push_str("the same\n");
    }
    Ok(Outcome::new(breaking == 0, clean(&text), json!({"changes": changes, "breaking": breaking})))
}

async fn documented(context: &Context, input: &ApiSpec) -> Result<Outcome, ApiError> {
    let spec = context.spec(input.source.as_deref()).await?;
    let exchanges = context.desk.recorder.all();
    let page = document::markdown(&spec, &exchanges);
    let unrecorded = document::unrecorded(&spec, &exchanges);
    let value = json!({"document": page, "unrecorded": unrecorded, "written": input.write});
    let Some(path) = &input.write else { return Ok(Outcome::new(true, clean(&page), value)) };
    let lines = page.lines().count();
    context.write(path, page).await?;
    let mut text = format!("{lines} lines written to {path}\n");
    if !unrecorded.is_empty() {
        let _ = writeln!(text, "without a recorded exchange: {}", unrecorded.join(", "));
    }
    Ok(Outcome::new(true, clean(&text), value))
}

pub(super) fn clean(text: &str) -> String {
    text::redact(&text::sanitize(text)).into_owned()
}
