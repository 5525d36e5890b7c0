//! `http`: one request.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exchanges::{self, Export};
use super::{Context, Outcome};
use crate::api::expect::{self, Expect, plain};
use crate::api::export;
use crate::api::message::Request;
use crate::api::target::{Target, encode};
use crate::api::variables::{fill, fill_value};
use crate::api::{ApiError, message};

/// The input of `http`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The method; GET when left out.
    pub method: Option<String>,
    /// A path of the project's service, or a whole address.
    pub url: Option<String>,
    /// Headers.
    pub headers: Map<String, Value>,
    /// Parameters of the query.
    pub query: Map<String, Value>,
    /// The body: an object or list is sent as JSON, a text as it is.
    pub body: Option<Value>,
    /// Fields of a form, in place of `body`.
    pub form: Map<String, Value>,
    /// The name of a profile, or a profile.
    pub auth: Option<Value>,
    /// What the answer has to be.
    pub expect: Option<Expect>,
    /// Values to keep as variables: name → `/json/pointer`, `header:NAME`, `cookie:NAME`.
    pub save: Map<String, Value>,
    /// An exchange to send again, by its name or `last`.
    pub replay: Option<String>,
    /// Send nothing: give what was recorded.
    pub export: Option<Export>,
}

/// Sends a request, checks the answer, keeps both.
pub async fn http(context: &Context, input: Http) -> Outcome {
    let done = match &input.export {
        Some(wanted) => exchanges::export(context, wanted).await,
        None => send(context, input).await,
    };
    done.unwrap_or_else(|error| Outcome::failed(&error))
}

async fn send(context: &Context, input: Http) -> Result<Outcome, ApiError> {
    let (request, auth) = prepare(context, &input)?;
    let target = context.target(Some(&request.url)).await?;
    let request = Request { url: within(&target, &request.url)?, ..request };
    // The address is whole already; paths of its own, such as a token endpoint's, are those of the service.
    let client = context.desk.client(&target.clone().below(""))?;
    let sending = context.desk.send(&client, &request, auth.as_ref());
    let (mut exchange, outcome) = tokio::select! {
        sent = sending => sent?,
        () = context.cancel.cancelled() => return Err(ApiError::Transport("interrupted".to_owned())),
    };
    exchange.own = context.desk.running().is_some_and(|running| running.holds(target.origin()));
    let mut saved = Ok(expect::save(&Map::new(), &message::Response::default()).unwrap_or_default());
    if let Ok(response) = &outcome {
        exchange.checks = input.expect.as_ref().map(|expect| expect.check(response)).unwrap_or_default();
        saved = expect::save(&input.save, response);
    }
    let exchange = context.desk.recorder.add(exchange);
    let names: Vec<String> = saved.as_ref().map(|saved| saved.keys().cloned().collect()).unwrap_or_default();
    let fault = saved.as_ref().err().cloned();
    if let Ok(saved) = saved {
        context.desk.set_variables(saved);
    }
    let ok = outcome.is_ok() && fault.is_none() && exchange.checks.iter().all(|check| check.ok);
    let mut text = exchange.answered();
    if !names.is_empty() {
        let _ = writeln!(text, "saved: {}", names.join(", "));
    }
    if let Some(fault) = &fault {
        let _ = writeln!(text, "✗ {fault}");
    }
    let mut value = serde_json::to_value(&exchange).unwrap_or_default();
    value["curl"] = json!(export::curl(&exchange));
    value["saved"] = json!(names);
    Ok(Outcome::new(ok, text, value))
}

/// The request with its variables filled in, and how it is authenticated.
fn prepare(context: &Context, input: &Http) -> Result<(Request, Option<Value>), ApiError> {
    if let Some(id) = &input.replay {
        return replayed(context, id, input);
    }
    let variables = context.desk.variables();
    let filled = |text: &str| fill(text, &variables).map_err(ApiError::Input);
    let url = input.url.as_deref().filter(|url| !url.trim().is_empty());
    let url =
        url.ok_or_else(|| ApiError::Input("`url` is missing: a path such as /health, or a whole address".to_owned()))?;
    let mut request = Request::new(input.method.as_deref().unwrap_or("GET"), filled(url.trim())?);
    for (name, value) in &input.query {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            request.add_query(name, &filled(&plain(&value))?);
        }
    }
    if let Some(body) = &input.body {
        match fill_value(body, &variables).map_err(ApiError::Input)? {
            Value::String(text) => request.body = Some(text.into_bytes()),
            Value::Null => {}
            other => request = request.json(&other),
        }
    } else if !input.form.is_empty() {
        let pairs: Result<Vec<String>, ApiError> = input
            .form
            .iter()
            .map(|(name, value)| Ok(format!("{}={}", encode(name), encode(&filled(&plain(value))?))))
            .collect();
        request.body = Some(pairs?.join("&").into_bytes());
        request.set_header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in &input.headers {
        request.set_header(name, &filled(&plain(value))?);
    }
    let looks_like_json = |body: &Vec<u8>| matches!(body.first(), Some(b'{' | b'['));
    if request.body.as_ref().is_some_and(looks_like_json) && request.header("content-type").is_none() {
        request.set_header("content-type", "application/json");
    }
    Ok((request, input.auth.clone()))
}

fn replayed(context: &Context, id: &str, input: &Http) -> Result<(Request, Option<Value>), ApiError> {
    let exchange = context.desk.recorder.named(id)?;
    let request = exchange.request().ok_or_else(|| {
        ApiError::Input(format!(
            "{id} cannot be sent again: its body held a secret or was too long, and was not kept as it was"
        ))
    })?;
    let request = if exchange.own { Request { url: path_of(&request.url), ..request } } else { request };
    let profile = exchange.auth.as_ref().and_then(|profile| serde_json::to_value(profile).ok());
    Ok((request, input.auth.clone().or(profile)))
}

fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..]).to_owned()
}

/// The path below a target, for an address that is whole already.
fn within(target: &Target, url: &str) -> Result<String, ApiError> {
    if !url.contains("://") {
        return Ok(url.to_owned());
    }
    // The prefix of the target is the path of the address itself.
    let query = url.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    Ok(format!("{}{}{query}", target.origin(), if target.prefix().is_empty() { "/" } else { target.prefix() }))
}
