//! `api_test` with `mode: postman`: the requests of a collection, in order.

mod form;

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::http::{Http, http};
use super::test::ApiTest;
use super::{Context, Outcome};
use crate::api::ApiError;
use crate::api::exchange::is_secret_name;
use crate::api::import::{self, Collection, Imported, environment};
use crate::api::second;
use crate::api::target::Target;
use crate::api::variables::{Variables, fill};
use crate::text;

/// Does it.
pub(super) async fn run(context: &Context, input: &ApiTest) -> Result<Outcome, ApiError> {
    let path = input
        .file
        .as_deref()
        .ok_or_else(|| ApiError::Input("`file` is missing: a Postman collection or a .http file".to_owned()))?;
    let collection = import::read(path, &context.read(path).await?)?;
    let base = settle(context, input, &collection).await?;
    let mut tally = Tally::default();
    for request in &collection.requests {
        if context.cancel.is_cancelled() {
            break;
        }
        let mut request = request.clone();
        let outcome = match with_files(context, input, &mut request).await {
            Ok(()) => http(context, of(&request, input, base.as_deref())).await,
            Err(why) => Outcome::failed(&why),
        };
        tally.take(&request, &outcome);
    }
    let Tally { mut text, items, passed, failed, partly } = tally;
    for secret in &collection.secrets {
        let _ = writeln!(text, "! {path} holds {secret}; keep secrets out of files, in variables of the environment");
    }
    let _ = writeln!(text, "{passed} passed, {failed} failed, {partly} passed with scripts that were not run");
    let mut value = json!({"collection": collection.name, "passed": passed, "failed": failed, "partly": partly, "items": items,
        "secrets": collection.secrets});
    if input.second_opinion {
        let opinion = second::newman(
            context.workspace.as_ref(),
            path,
            input.environment.as_deref().filter(|name| name.ends_with(".json")),
            base.as_deref().unwrap_or_default(),
            context.cancel.clone(),
        )
        .await;
        let _ = writeln!(text, "{}", opinion.text);
        value["second_opinion"] = json!(opinion);
    }
    Ok(Outcome::new(failed == 0 && passed > 0, text, value))
}

/// Reads what the request takes from files; what cannot be read is not sent, and said.
async fn with_files(context: &Context, input: &ApiTest, request: &mut Imported) -> Result<(), ApiError> {
    if let Some(file) = request.body_file.take() {
        match context.read(&beside(input, &file)).await {
            Ok(text) => request.body = Some(text),
            Err(why) => request.not_run.push(format!("the body: {why}")),
        }
    }
    if request.headers.iter().any(|(name, value)| is_parts(name, value))
        && let Some(body) = request.body.take()
    {
        request.body = Some(with_parts(context, input, &body, &mut request.not_run).await);
    }
    let typed = |(name, value): &(String, String)| name.eq_ignore_ascii_case("content-type") && form::is_form(value);
    if let Some(body) = request.body.as_mut().filter(|_| request.headers.iter().any(typed)) {
        *body = form::by_hand(body, &context.desk.variables())?;
    }
    let mut files = Vec::new();
    for field in request.form.clone() {
        let read = if field.file { Some(context.read(&beside(input, &field.value)).await) } else { None };
        if let Some(Err(why)) = &read {
            request.not_run.push(format!("the file of the field `{}`: {why}", field.name));
        }
        files.push(read.and_then(Result::ok));
    }
    form::made(request, &files, &context.desk.variables())
}

fn is_parts(name: &str, value: &str) -> bool {
    name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().starts_with("multipart/")
}

/// A body in parts as a `.http` file writes it: lines that name a file stand for what it holds.
async fn with_parts(context: &Context, input: &ApiTest, body: &str, not_run: &mut Vec<String>) -> String {
    let mut lines = Vec::new();
    for line in body.lines() {
        match import::file_of(line) {
            Some(file) => match context.read(&beside(input, file)).await {
                Ok(text) => lines.push(text),
                Err(why) => not_run.push(format!("a part of the body: {why}")),
            },
            None => lines.push(line.to_owned()),
        }
    }
    format!("{}\r\n", lines.join("\r\n"))
}

/// What came of the requests so far.
#[derive(Default)]
struct Tally {
    text: String,
    items: Vec<Value>,
    passed: usize,
    failed: usize,
    /// Passed, as far as its scripts were understood.
    partly: usize,
}

impl Tally {
    fn take(&mut self, request: &Imported, outcome: &Outcome) {
        let status = outcome.value["answer"]["status"].as_u64().unwrap_or(0);
        let whole = request.not_run.is_empty();
        // Without an assertion of its own, an error of the service is a failure all the same.
        let ok = outcome.ok && (status < 500 && (status < 400 || request.expect.contains_key("status")));
        let (mark, count) = match (ok, whole) {
            (false, _) => ("✗", &mut self.failed),
            (true, true) => ("✓", &mut self.passed),
            (true, false) => ("!", &mut self.partly),
        };
        *count += 1;
        let text = &mut self.text;
        let _ = writeln!(text, "{mark} {}  {}", text::sanitize_line(&request.name), first_line(outcome));
        for check in outcome.value["checks"].as_array().into_iter().flatten().filter(|check| check["ok"] == false) {
            let (what, found) =
                (check["what"].as_str().unwrap_or_default(), check["found"].as_str().unwrap_or_default());
            let _ = writeln!(text, "    {}: found {}", text::sanitize_line(what), text::sanitize_line(found));
        }
        for not_run in &request.not_run {
            let _ = writeln!(text, "    not run: {}", text::sanitize_line(not_run));
        }
        self.items.push(json!({"name": request.name, "ok": ok, "status": status, "not_run": request.not_run,
            "checks": outcome.value["checks"], "exchange": outcome.value["id"]}));
    }
}

/// Sets the variables of the collection; those for the address become that of the service.
async fn settle(context: &Context, input: &ApiTest, collection: &Collection) -> Result<Option<String>, ApiError> {
    let mut variables = collection.variables.clone();
    variables.extend(environment(context, input).await?);
    for name in collection.environment.iter().filter(|name| !variables.contains_key(*name)).collect::<Vec<_>>() {
        variables.extend(context.desk.secret(name).map(|value| (name.clone(), value)));
    }
    let used = |name: &str| {
        let mark = format!("{{{{{name}}}}}");
        collection.requests.iter().any(|request| request.url.starts_with(&mark))
    };
    let names = ["baseUrl", "base_url", "baseURL", "host", "url", "api_url", "apiUrl"];
    let named = names.iter().find(|name| used(name));
    let mut base = input.url.clone();
    if let Some(name) = named {
        let given = variables.get(*name).filter(|value| !value.is_empty());
        let given = given.map(|value| fill(value, &variables).unwrap_or_else(|_| value.clone()));
        // An address of this machine means the project's own service, where it has one.
        let here = given.as_deref().is_none_or(|given| Target::parse(given).is_ok_and(|target| target.is_loopback()));
        if base.is_none() && here {
            base = match context.target(None).await {
                Ok(target) => Some(target.origin().to_owned()),
                Err(error) if given.is_none() => return Err(error),
                Err(_) => None,
            };
        }
        if let Some(base) = base.clone().or(given) {
            variables.insert((*name).to_owned(), base);
        }
    }
    context.desk.set_variables(variables);
    Ok(base)
}

/// The variables of the environment that is named, or of the only one that lies beside the requests.
async fn environment(context: &Context, input: &ApiTest) -> Result<Variables, ApiError> {
    if let Some(file) = input.environment.as_deref().filter(|name| name.ends_with(".json")) {
        return environment::exported(file, &context.read(file).await?);
    }
    let mut files = Vec::new();
    for name in environment::FILES {
        let path = beside(input, name);
        if let Ok(text) = context.read(&path).await {
            files.push((path, text));
        }
    }
    environment::named(&files, input.environment.as_deref())
}

/// The path of a file in the folder of the requests.
fn beside(input: &ApiTest, name: &str) -> String {
    let folder = input.file.as_deref().and_then(|file| file.rsplit_once('/')).map(|(folder, _)| folder);
    folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"))
}

fn of(request: &Imported, input: &ApiTest, base: Option<&str>) -> Http {
    // Who asks is said anew, so what the file has in its place is no secret that anybody knows.
    let headers = request.headers.iter().filter(|(name, _)| input.auth.is_none() || !is_secret_name(name));
    let headers = headers.map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    let auth = input.auth.clone().or_else(|| request.auth.as_ref().and_then(|auth| serde_json::to_value(auth).ok()));
    let url = match base {
        Some(base) if request.url.starts_with('/') => format!("{base}{}", request.url),
        _ => request.url.clone(),
    };
    Http {
        method: Some(request.method.clone()),
        url: Some(url),
        headers,
        body: request.body.clone().map(Value::String),
        auth,
        expect: serde_json::from_value(Value::Object(request.expect.clone())).ok(),
        save: request.save.clone(),
        ..Http::default()
    }
}

fn first_line(outcome: &Outcome) -> String {
    outcome.text.lines().next().unwrap_or_default().to_owned()
}
